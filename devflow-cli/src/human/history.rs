//! The ledger's rows for people: the newest, or those of one version beside its file.

use super::effect::notes;
use super::line;
use super::status::{look_of, minute};
use super::table::{Cell, Table};
use crate::duration;
use crate::look::Look;
use crate::outcome::{Finding, Log, Row, Show, Statement, name_of};
use crate::style::{BAD, CAREFUL, GOOD, QUIET, STRONG, WAITING, paint};
use crate::visible;
use anstyle::Style;
use devflow_runtime::LedgerEvent;

/// How much of a statement is shown where the terminal has no width of its own.
const COLUMNS: usize = 100;

/// The newest rows, and the error of each that has one.
pub(super) fn log(log: &Log, width: Option<usize>) -> String {
    if log.rows.is_empty() {
        return nothing(log.ledger_exists, "The ledger is empty");
    }
    let mut table = Table::new(["EVENT", "VERSION", "NAME", "WHEN (UTC)", "TOOK", "BY"]);
    for row in &log.rows {
        let name = row.name.as_deref().map_or("", name_of);
        table.row(cells(row, Cell::plain(&row.version), Cell::plain(name)));
    }
    let mut text = table.render(width);
    text.extend(log.rows.iter().filter_map(error));
    if log.has_more {
        text += &paint(QUIET, "… and older ones: --limit shows more");
        text.push('\n');
    }
    text
}

/// The file, its statements, what is found about it, and its rows.
pub(super) fn show(show: &Show, findings: &[Finding], look: Look) -> String {
    let mut text = file(show);
    text.extend(findings.iter().map(finding));
    if !show.statements.is_empty() {
        text += &format!("\n{}\n", paint(STRONG, "Statements"));
        let lines = show.statements.iter();
        text.extend(lines.map(|it| statement(it, look)));
    }
    text += &format!("\n{}\n", paint(STRONG, "Ledger"));
    text + &rows(show, look.width)
}

fn file(show: &Show) -> String {
    let state = show.state.map_or_else(String::new, |state| {
        let (mark, word, style) = look_of(state);
        paint(style, format!("{mark} {word}"))
    });
    let Some(file) = &show.file else {
        return format!("{state}\n");
    };
    let mode = match file.mode {
        Some("no-transaction") => "outside a transaction, statement by statement",
        _ => "in a transaction",
    };
    let checksum = file.checksum.as_deref().unwrap_or_default();
    format!(
        "{state} {}\n  {} {mode}\n  {} {checksum}\n",
        paint(STRONG, visible::line(&file.path)),
        paint(QUIET, "runs    "),
        paint(QUIET, "checksum")
    )
}

fn finding(finding: &Finding) -> String {
    let mark = if finding.refused { BAD } else { CAREFUL };
    let mut text = format!(
        "  {} {}\n",
        paint(mark, "!"),
        visible::line(&finding.message)
    );
    if let Some(help) = &finding.help {
        text += &format!("    {} {}\n", paint(WAITING, "help:"), visible::line(help));
    }
    text
}

/// `line:column` and the beginning of the text, on one line, and what a reviewer should know of it.
fn statement(statement: &Statement, look: Look) -> String {
    let width = look.width.unwrap_or(COLUMNS);
    let place = format!("{}:{}", statement.line, statement.column);
    let words: Vec<_> = statement.text.split_whitespace().collect();
    let shown = line::cut(&visible::line(&words.join(" ")), width.saturating_sub(11));
    let effect = statement.effect.as_ref();
    let notes = effect.map_or_else(String::new, |effect| notes(effect, look));
    format!("  {} {shown}\n{notes}", paint(QUIET, format!("{place:>8}")))
}

fn rows(show: &Show, width: Option<usize>) -> String {
    if show.rows.is_empty() {
        return nothing(show.ledger_exists, "It has no row in the ledger");
    }
    let mut table = Table::new(["EVENT", "SEQ", "NAME", "WHEN (UTC)", "TOOK", "BY"]);
    for row in &show.rows {
        let name = row.name.as_deref().map_or("", name_of);
        table.row(cells(
            row,
            Cell::plain(&row.seq.to_string()),
            Cell::plain(name),
        ));
    }
    let mut text = table.render(width);
    text.extend(show.rows.iter().filter_map(error));
    text.extend(show.rows.iter().filter_map(claims));
    text
}

fn nothing(ledger_exists: Option<bool>, otherwise: &str) -> String {
    match ledger_exists {
        Some(false) => "Nothing was ever applied here by devflow\n".to_owned(),
        _ => format!("{otherwise}\n"),
    }
}

fn cells(row: &Row, second: Cell, third: Cell) -> [Cell; 6] {
    let (mark, style) = mark(row);
    let took = row
        .execution_ms
        .filter(|_| row.event != LedgerEvent::Baselined.as_str());
    [
        Cell::new(format!("{mark} {}", visible::line(&row.event)), style),
        second,
        third,
        Cell::new(minute(Some(&row.at)), QUIET),
        Cell::new(took.map_or_else(String::new, duration::of_ms), QUIET),
        Cell::new(visible::line(row.by.as_deref().unwrap_or("")), QUIET),
    ]
}

fn mark(row: &Row) -> (&'static str, Style) {
    match LedgerEvent::parse(&row.event) {
        Some(LedgerEvent::Applied | LedgerEvent::Baselined | LedgerEvent::Repaired) => ("✓", GOOD),
        Some(LedgerEvent::Failed) => ("✗", BAD),
        Some(LedgerEvent::Started | LedgerEvent::Progress) => ("…", WAITING),
        Some(LedgerEvent::Reverted) => ("-", CAREFUL),
        None => ("?", BAD),
    }
}

/// The recorded error, and where it was.
fn error(row: &Row) -> Option<String> {
    let message = visible::line(row.message.as_ref()?);
    let place = row
        .error_at()
        .map_or_else(String::new, |at| format!(":{}:{}", at.line, at.column));
    let name = visible::line(row.name.as_deref().unwrap_or(&row.version));
    Some(format!(
        "{} {message}\n",
        paint(BAD, format!("{name}{place}:"))
    ))
}

/// What the run claimed of itself: environment, host, and the CI run that can be looked up.
fn claims(row: &Row) -> Option<String> {
    let claims = ["environment", "host", "ci_run_url", "approval", "plan"];
    let known = claims.iter().filter_map(|key| {
        let value = visible::line(row.claim(key)?);
        Some(format!("{} {value}", key.replace('_', " ")))
    });
    let known: Vec<_> = known.collect();
    let seq = paint(QUIET, format!("{}:", row.seq));
    (!known.is_empty()).then(|| format!("{seq} {}\n", known.join(", ")))
}
