//! What the ledger says of a version before and after a decision.

use super::line;
use crate::outcome::{Correction, Standing, file_of};
use crate::style::{CAREFUL, STRONG, WAITING, paint};
use crate::visible;

/// How much of a checksum tells two apart.
const CHECKSUM: usize = 12;

/// A line for each decision, before and after.
pub(super) fn corrections(corrections: &[Correction]) -> String {
    let widest = corrections.iter().map(|row| line::width(name(row)));
    let widest = widest.max().unwrap_or(0);
    corrections
        .iter()
        .map(|row| correction(row, widest))
        .collect()
}

fn correction(row: &Correction, widest: usize) -> String {
    let name = name(row);
    let padding = " ".repeat(widest.saturating_sub(line::width(name)));
    let tells_texts = row.decision == "checksum";
    let before = row.before.as_ref();
    let before = before.map_or_else(|| "nothing".to_owned(), |row| standing(row, tells_texts));
    let after = standing(&row.after, tells_texts);
    format!(
        "  {}{padding}  {} {} {}\n",
        paint(STRONG, visible::line(name)),
        paint(CAREFUL, before),
        paint(WAITING, "→"),
        paint(STRONG, after)
    )
}

/// The file's name, or the version where there is no file.
fn name(row: &Correction) -> &str {
    let recorded = || row.after.file.as_deref();
    let path = row.path.as_deref().map(file_of);
    path.or_else(recorded).unwrap_or(&row.version)
}

fn standing(standing: &Standing, tells_texts: bool) -> String {
    let mut text = standing.event.to_owned();
    if let Some(statements) = standing.statements {
        text += &format!(
            " ({} complete)",
            line::count(statements.unsigned_abs() as usize, "statement")
        );
    }
    if let (true, Some(checksum)) = (tells_texts, &standing.checksum) {
        let short: String = checksum.chars().take(CHECKSUM).collect();
        text += &format!(" {}…", visible::line(&short));
    }
    text
}
