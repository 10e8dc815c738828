//! Workflow commands that mark a place in a file.

use crate::outcome::{Body, Failure, Finding, Outcome, Problem, Snippet, Trouble};
use crate::visible;

/// The most differences that one annotation lists.
const LINES: usize = 20;

/// Error and warning commands, one a line, for what failed and what was found; `path` makes a path relative to the
/// checkout. DETAIL and CONTEXT of the server are left out: they can hold row data, and annotations are kept.
pub(super) fn annotations(outcome: &Outcome, path: &dyn Fn(&str) -> String) -> String {
    let mut text = String::new();
    if let Some(trouble) = &outcome.trouble {
        text += &of_trouble(outcome, trouble, path);
    }
    for finding in &outcome.findings {
        text += &of_finding(finding, path);
    }
    text
}

fn of_trouble(outcome: &Outcome, trouble: &Trouble, path: &dyn Fn(&str) -> String) -> String {
    if let Some(failure) = failure(&outcome.body) {
        return of_failure(failure, trouble, path);
    }
    if !trouble.problems.is_empty() {
        let problems = trouble.problems.iter();
        return problems.map(|problem| of_problem(problem, path)).collect();
    }
    if outcome.refused().next().is_some() {
        // Each of the findings says more than their sum.
        return String::new();
    }
    let differences = outcome.differences.iter().take(LINES);
    let lines = differences.map(|difference| format!("\n{}", difference.message));
    let message: String = std::iter::once(trouble.message.clone())
        .chain(lines)
        .collect();
    let message = with_help(&message, trouble.help.as_deref());
    command(Level::Error, None, trouble.code, &message)
}

fn failure(body: &Body) -> Option<&Failure> {
    body.work().and_then(|work| work.failure.as_deref())
}

fn of_failure(failure: &Failure, trouble: &Trouble, path: &dyn Fn(&str) -> String) -> String {
    let sqlstate = failure
        .sqlstate
        .as_ref()
        .map_or_else(String::new, |state| format!(" (SQLSTATE {state})"));
    let message = format!("{}{sqlstate}", failure.message);
    let message = with_help(&message, failure.hint.as_deref());
    let place = Place {
        file: path(&failure.file.path),
        snippet: failure.snippet.as_ref(),
    };
    command(Level::Error, Some(&place), trouble.code, &message)
}

fn of_problem(problem: &Problem, path: &dyn Fn(&str) -> String) -> String {
    let place = Place {
        file: path(&problem.path),
        snippet: problem.snippet.as_ref(),
    };
    let message = with_help(&problem.message, problem.help.as_deref());
    command(Level::Error, Some(&place), problem.code, &message)
}

fn of_finding(finding: &Finding, path: &dyn Fn(&str) -> String) -> String {
    let level = match finding.refused {
        true => Level::Error,
        false => Level::Warning,
    };
    let place = finding.path.as_ref().map(|file| Place {
        file: path(file),
        snippet: None,
    });
    let message = with_help(&finding.message, finding.help.as_deref());
    command(level, place.as_ref(), finding.code, &message)
}

#[derive(Clone, Copy)]
enum Level {
    Error,
    Warning,
}

struct Place<'a> {
    file: String,
    snippet: Option<&'a Snippet>,
}

fn with_help(message: &str, help: Option<&str>) -> String {
    let lines: Vec<_> = visible::lines(message)
        .chain(help.into_iter().flat_map(visible::lines))
        .collect();
    lines.join("\n")
}

fn command(level: Level, place: Option<&Place<'_>>, code: &str, message: &str) -> String {
    let level = match level {
        Level::Error => "error",
        Level::Warning => "warning",
    };
    let mut properties = Vec::new();
    if let Some(Place { file, snippet }) = place {
        properties.push(format!("file={}", property(&visible::line(file))));
        if let Some(Snippet { line, column, .. }) = snippet {
            properties.push(format!("line={line},col={column}"));
        }
    }
    properties.push(format!("title={}", property(&format!("devflow: {code}"))));
    format!("::{level} {}::{}\n", properties.join(","), data(message))
}

/// Escaped as the runner reads it back: a percent sign first, and no line break of its own.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// In a property a colon and a comma would end it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_ends_neither_a_property_nor_the_command() {
        let place = Place {
            file: "a,line=1:b\n::error::x.sql".to_owned(),
            snippet: None,
        };
        let text = command(Level::Error, Some(&place), "code", "50% of\n::error::it");
        assert_eq!(
            text,
            "::error file=a%2Cline=1%3Ab\\n%3A%3Aerror%3A%3Ax.sql,title=devflow%3A code::50%25 of%0A::error::it\n"
        );
    }
}
