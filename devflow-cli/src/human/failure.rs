//! What stderr says when something is wrong: what, where, what is left behind, and the next step.

use super::line;
use super::{listed, mark};
use crate::outcome::{
    Body, Difference, Failure, Finding, Kind, Outcome, Problem, Snippet, Trouble, Work,
};
use crate::style::{BAD, QUIET, STRONG, WAITING, paint};
use crate::visible;
use unicode_width::UnicodeWidthStr;

/// The most characters of a line that are shown on either side of the caret.
const AROUND: usize = 70;

/// The most differences that are listed; JSON has all.
const LINES: usize = 20;

/// Everything about the trouble; empty when there is none.
pub(crate) fn trouble(outcome: &Outcome) -> String {
    let Some(trouble) = &outcome.trouble else {
        return String::new();
    };
    let body = &outcome.body;
    let failure = body.work().and_then(|work| work.failure.as_deref());
    let mut text = match (failure, trouble.kind) {
        (Some(failure), Kind::Interrupted(_)) => headline(trouble) + &cut_short(failure, body),
        (Some(failure), _) => failed(failure, body),
        (None, _) => headline(trouble),
    };
    text.extend(outcome.refused().map(finding));
    text.extend(outcome.differences.iter().take(LINES).map(difference));
    text += &more(outcome.differences.len());
    text.extend(trouble.problems.iter().map(problem));
    text.extend(body.work().map(|work| left_behind(body, work, trouble)));
    if let Some(help) = &trouble.help {
        text += &match trouble.code {
            // Clap's own tips and usage.
            "usage" => format!(
                "\n{}\n",
                visible::lines(help).collect::<Vec<_>>().join("\n")
            ),
            _ => labelled("help", help),
        };
    }
    text
}

fn headline(trouble: &Trouble) -> String {
    let mut lines = visible::lines(&trouble.message);
    let first = lines.next().unwrap_or_default();
    let mut text = format!("{} {}\n", paint(BAD, "error:"), paint(STRONG, first));
    text.extend(lines.map(|line| format!("  {line}\n")));
    for cause in &trouble.causes {
        text += &labelled("cause", cause);
    }
    text
}

fn failed(failure: &Failure, body: &Body) -> String {
    let place = place(&failure.file.path, failure.snippet.as_ref());
    let state = failure.sqlstate.as_ref().map_or_else(String::new, |state| {
        paint(QUIET, format!(" (SQLSTATE {})", visible::line(state)))
    });
    let mut message = visible::lines(&failure.message);
    let first = message.next().unwrap_or_default();
    let mut text = format!(
        "{} {place}: {}{state}\n",
        paint(BAD, "error:"),
        paint(STRONG, first)
    );
    text.extend(message.map(|line| format!("  {line}\n")));
    text.extend(failure.snippet.as_ref().map(snippet));
    let waited_for = failure.waited_for.as_ref().map(|wait| format!("{wait:#}"));
    let labels = [
        ("detail", &failure.detail),
        ("waited for", &waited_for),
        ("hint", &failure.hint),
        ("context", &failure.context),
    ];
    for (label, words) in labels {
        text.extend(words.as_ref().map(|words| labelled(label, words)));
    }
    text.extend(failure.notices.iter().map(line::notice));
    text + &aftermath(failure, body)
}

/// A migration that ran when a signal came: the server's words would only say that we cancelled it.
fn cut_short(failure: &Failure, body: &Body) -> String {
    let file = visible::line(&failure.file.path);
    format!("  {file} was running.\n") + &aftermath(failure, body)
}

/// What the failure left behind of its own file.
fn aftermath(failure: &Failure, body: &Body) -> String {
    let recorded = match (failure.recorded, body) {
        (true, _) => "the ledger has it as failed",
        (false, Body::Revert(_)) => "the ledger still has its migration as applied",
        (false, _) => "the ledger could not be told",
    };
    match failure.completed {
        None => format!("  It was rolled back; {recorded}.\n"),
        Some(_) if failure.file.mode == Some("transaction") => {
            format!(
                "  It left devflow's transaction: what it committed by itself stays; {recorded}.\n"
            )
        }
        Some(0) => format!("  No statement of it is complete; {recorded}.\n"),
        Some(count) => {
            let stay = match count {
                1 => "its first statement is complete and stays".to_owned(),
                _ => format!("its first {count} statements are complete and stay"),
            };
            format!("  It runs outside a transaction: {stay}; {recorded}.\n")
        }
    }
}

/// What the run left behind besides.
fn left_behind(body: &Body, work: &Work, trouble: &Trouble) -> String {
    let mut text = String::new();
    let committed = match work.failure {
        Some(_) => "Committed before it",
        None => "Committed",
    };
    match work.done.as_slice() {
        [] if trouble.kind == Kind::MigrationFailed => {
            text += &format!("  Nothing else was {}.\n", body.participle())
        }
        [] => {}
        [only] => {
            text += &format!("  {committed}: {}.\n", visible::line(only.file.file()));
        }
        [first, .., last] => {
            let count = line::count(work.done.len(), "migration");
            let (first, last) = (
                visible::line(first.file.file()),
                visible::line(last.file.file()),
            );
            text += &format!("  {committed}: {count}, {first} to {last}.\n");
        }
    }
    if !work.unconfirmed.is_empty() {
        let versions = work.unconfirmed.join(", ");
        text += &format!("  Whether these were committed could not be confirmed: {versions}.\n");
    }
    if trouble.kind == Kind::PlanChanged
        && let Some(plan) = &work.plan
    {
        text += "  The plan is now:\n";
        text.extend(plan.steps.iter().map(|step| listed(step, mark(body))));
        text += &format!("  {} {}\n", paint(QUIET, "plan"), plan.digest);
    }
    text
}

fn finding(finding: &Finding) -> String {
    let mark = paint(BAD, "✗");
    let mut text = format!("  {mark} {}\n", visible::line(&finding.message));
    if let Some(help) = &finding.help {
        text += &format!("    {} {}\n", paint(WAITING, "help:"), visible::line(help));
    }
    text
}

fn difference(difference: &Difference) -> String {
    format!(
        "  {} {}\n",
        paint(BAD, "≠"),
        visible::line(&difference.message)
    )
}

fn more(count: usize) -> String {
    match count.checked_sub(LINES) {
        None | Some(0) => String::new(),
        Some(more) => paint(QUIET, format!("  … and {more} more")) + "\n",
    }
}

fn problem(problem: &Problem) -> String {
    let place = place(&problem.path, problem.snippet.as_ref());
    let mut text = format!("\n{place}: {}\n", visible::line(&problem.message));
    text.extend(problem.snippet.as_ref().map(snippet));
    if let Some(help) = &problem.help {
        text += &labelled("help", help);
    }
    text
}

/// `path:line:column`, as editors and terminals understand it.
fn place(path: &str, snippet: Option<&Snippet>) -> String {
    let path = visible::line(path);
    let place = snippet.map_or_else(String::new, |Snippet { line, column, .. }| {
        format!(":{line}:{column}")
    });
    paint(STRONG, format!("{path}{place}"))
}

fn labelled(label: &str, words: &str) -> String {
    let mut lines = visible::lines(words);
    let first = lines.next().unwrap_or_default();
    let mut text = format!("  {} {first}\n", paint(WAITING, format!("{label}:")));
    text.extend(lines.map(|line| format!("  {line}\n")));
    text
}

/// The line with a caret below its column.
fn snippet(snippet: &Snippet) -> String {
    let Some(text) = &snippet.text else {
        return String::new();
    };
    let number = snippet.line.to_string();
    let margin = " ".repeat(number.len());
    let bar = paint(QUIET, "|");
    let (shown, before) = excerpt(text, snippet.column);
    let caret = format!("{}{}", " ".repeat(before), paint(BAD, "^"));
    format!(
        "  {margin} {bar}\n  {} {bar} {shown}\n  {margin} {bar} {caret}\n",
        paint(QUIET, number)
    )
}

/// The part of a line around a column, and how many terminal columns stand before it.
fn excerpt(text: &str, column: u32) -> (String, usize) {
    let characters: Vec<char> = text.chars().collect();
    let at = (column as usize).saturating_sub(1).min(characters.len());
    let start = at.saturating_sub(AROUND);
    let end = characters.len().min(at + AROUND);
    let part = |range: std::ops::Range<usize>| {
        visible::line(&characters[range].iter().collect::<String>())
    };
    let ellipsis = |cut: bool| if cut { "…" } else { "" };
    let before = format!("{}{}", ellipsis(start > 0), part(start..at));
    let after = format!("{}{}", part(at..end), ellipsis(end < characters.len()));
    let width = before.width();
    (before + &after, width)
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn the_caret_stands_below_its_character() {
        assert_eq!(excerpt("select x", 8), ("select x".to_owned(), 7));
        assert_eq!(excerpt("日本 x", 4), ("日本 x".to_owned(), 5));
        assert_eq!(excerpt("\ta\u{1b}x", 4), (" a\\u{1b}x".to_owned(), 8));
        assert_eq!(excerpt("short", 99), ("short".to_owned(), 5));
    }

    #[test]
    fn a_long_line_is_cut_around_its_column() {
        let (shown, before) = excerpt(&"x".repeat(1000), 500);
        assert_eq!((shown.chars().count(), before), (142, 71));
        assert!(shown.starts_with('…') && shown.ends_with('…'));
    }
}
