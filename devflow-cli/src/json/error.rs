//! Findings and errors in JSON.

use super::migration::place;
use crate::outcome;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Finding<'a> {
    code: &'static str,
    severity: &'static str,
    version: &'a str,
    path: Option<&'a str>,
    message: &'a str,
    help: Option<&'a str>,
}

impl<'a> Finding<'a> {
    pub(super) fn of(finding: &'a outcome::Finding) -> Self {
        Self {
            code: finding.code,
            severity: if finding.refused {
                "refused"
            } else {
                "warning"
            },
            version: &finding.version,
            path: finding.path.as_deref(),
            message: &finding.message,
            help: finding.help.as_deref(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Error<'a> {
    kind: &'static str,
    code: &'static str,
    message: &'a str,
    causes: &'a [String],
    help: Option<&'a str>,
    problems: Vec<Problem<'a>>,
    differences: Vec<Difference<'a>>,
}

impl<'a> Error<'a> {
    pub(super) fn of(outcome: &'a outcome::Outcome, trouble: &'a outcome::Trouble) -> Self {
        Self {
            kind: trouble.kind.as_str(),
            code: trouble.code,
            message: &trouble.message,
            causes: &trouble.causes,
            help: trouble.help.as_deref(),
            problems: trouble.problems.iter().map(Problem::of).collect(),
            differences: outcome.differences.iter().map(Difference::of).collect(),
        }
    }
}

#[derive(Serialize)]
struct Difference<'a> {
    code: &'static str,
    version: Option<&'a str>,
    approved: Option<&'a str>,
    found: Option<&'a str>,
    message: &'a str,
}

impl<'a> Difference<'a> {
    fn of(difference: &'a outcome::Difference) -> Self {
        Self {
            code: difference.code,
            version: difference.version.as_deref(),
            approved: difference.approved.as_deref(),
            found: difference.found.as_deref(),
            message: &difference.message,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Problem<'a> {
    code: &'static str,
    path: &'a str,
    line: Option<u32>,
    column: Option<u32>,
    snippet: Option<&'a str>,
    message: &'a str,
    help: Option<&'a str>,
}

impl<'a> Problem<'a> {
    pub(super) fn of(problem: &'a outcome::Problem) -> Self {
        let (line, column, snippet) = place(problem.snippet.as_ref());
        Self {
            code: problem.code,
            path: &problem.path,
            line,
            column,
            snippet,
            message: &problem.message,
            help: problem.help.as_deref(),
        }
    }
}
