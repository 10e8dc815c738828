//! `status` as a table.

use super::line;
use super::table::{Cell, Table};
use crate::duration;
use crate::outcome::{Entry, Status, name_of};
use crate::style::{BAD, CAREFUL, GOOD, QUIET, STRONG, WAITING, paint};
use crate::visible;
use anstyle::Style;
use devflow_runtime::State;

/// The states in the order in which they are counted, each with its mark and words.
const STATES: [(State, &str, &str, Style); 9] = [
    (State::Applied, "✓", "applied", GOOD),
    (State::Baselined, "✓", "baselined", GOOD),
    (State::Pending, "+", "pending", WAITING),
    (State::Failed, "✗", "failed", BAD),
    (State::OutOfOrder, "!", "out of order", BAD),
    (State::Modified, "!", "modified", BAD),
    (State::Missing, "!", "missing", BAD),
    (State::Ahead, "!", "ahead", CAREFUL),
    (State::HalfDone, "✗", "half done", BAD),
];

/// The table and the line below it.
pub(super) fn status(status: &Status, width: Option<usize>) -> String {
    let mut text = String::new();
    if !status.entries.is_empty() {
        text += &table(&status.entries).render(width);
    }
    text.extend(status.entries.iter().filter_map(error));
    text + &summary(status)
}

fn table(entries: &[Entry]) -> Table {
    let mut table = Table::new(["STATE", "VERSION", "NAME", "WHEN (UTC)", "TOOK", "BY"]);
    for entry in entries {
        let (mark, word, style) = look_of(entry.state);
        let path = entry.path.as_deref().unwrap_or("");
        let took = match (entry.state, entry.execution_ms) {
            (State::Baselined, _) | (_, None) => String::new(),
            (_, Some(ms)) => duration::of_ms(ms),
        };
        table.row([
            Cell::new(format!("{mark} {word}"), style),
            Cell::plain(&entry.version),
            Cell::plain(name_of(path)),
            Cell::new(minute(entry.at.as_deref()), QUIET),
            Cell::new(took, QUIET),
            Cell::new(visible::line(entry.by.as_deref().unwrap_or("")), QUIET),
        ]);
    }
    table
}

pub(super) fn look_of(state: State) -> (&'static str, &'static str, Style) {
    let known = STATES.iter().find(|(known, ..)| *known == state);
    known.map_or(("?", state.as_str(), CAREFUL), |(_, mark, word, style)| {
        (*mark, *word, *style)
    })
}

/// `2026-01-31 09:05` of `2026-01-31T09:05:07.123456Z`.
pub(super) fn minute(at: Option<&str>) -> String {
    let minute = at.unwrap_or("").get(..16).unwrap_or("");
    visible::line(&minute.replace('T', " "))
}

/// The recorded error of a version that failed.
fn error(entry: &Entry) -> Option<String> {
    let error = visible::line(entry.error.as_ref()?);
    let version = paint(BAD, format!("{}:", visible::line(&entry.version)));
    Some(format!("{version} {error}\n"))
}

fn summary(status: &Status) -> String {
    if status.entries.is_empty() {
        return "There are no migrations, here or in the database\n".to_owned();
    }
    let counts = STATES.iter().filter_map(|(state, _, word, style)| {
        let of_state = status.entries.iter().filter(|entry| entry.state == *state);
        match of_state.count() {
            0 => None,
            count => Some(format!("{} {}", paint(*style, count), word)),
        }
    });
    let counts = counts.collect::<Vec<_>>().join(", ");
    let total = paint(STRONG, line::count(status.entries.len(), "migration"));
    let ledger = match status.ledger_exists {
        Some(false) => "; nothing was ever applied here by devflow",
        _ => "",
    };
    format!("{total}: {counts}{ledger}\n")
}
