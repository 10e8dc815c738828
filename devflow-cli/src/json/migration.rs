//! Migrations in JSON.

use super::effect::Effect;
use super::milliseconds;
use super::wait::LockWait;
use crate::outcome::{self, Snippet, file_of, name_of};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct File<'a> {
    version: &'a str,
    name: &'a str,
    file: &'a str,
    path: &'a str,
    mode: Option<&'static str>,
    checksum: Option<&'a str>,
}

impl<'a> File<'a> {
    pub(super) fn of(file: &'a outcome::File) -> Self {
        Self {
            version: &file.version,
            name: file.name(),
            file: file.file(),
            path: &file.path,
            mode: file.mode,
            checksum: file.checksum.as_deref(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Applied<'a> {
    #[serde(flatten)]
    file: File<'a>,
    execution_ms: f64,
    statements: usize,
    notices: Vec<Notice<'a>>,
}

impl<'a> Applied<'a> {
    pub(super) fn of(applied: &'a outcome::Applied) -> Self {
        Self {
            file: File::of(&applied.file),
            execution_ms: milliseconds(applied.execution_ms),
            statements: applied.statements,
            notices: applied.notices.iter().map(Notice::of).collect(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Notice<'a> {
    severity: &'a str,
    sqlstate: &'a str,
    message: &'a str,
    hint: Option<&'a str>,
}

impl<'a> Notice<'a> {
    pub(super) fn of(notice: &'a outcome::Notice) -> Self {
        Self {
            severity: &notice.severity,
            sqlstate: &notice.sqlstate,
            message: &notice.message,
            hint: notice.hint.as_deref(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Failure<'a> {
    #[serde(flatten)]
    file: File<'a>,
    line: Option<u32>,
    column: Option<u32>,
    snippet: Option<&'a str>,
    sqlstate: Option<&'a str>,
    message: &'a str,
    hint: Option<&'a str>,
    waited_for: Option<LockWait<'a>>,
    statement: Option<usize>,
    statements_completed: Option<usize>,
    recorded: bool,
    notices: Vec<Notice<'a>>,
}

impl<'a> Failure<'a> {
    pub(super) fn of(failure: &'a outcome::Failure) -> Self {
        let (line, column, snippet) = place(failure.snippet.as_ref());
        Self {
            file: File::of(&failure.file),
            line,
            column,
            snippet,
            sqlstate: failure.sqlstate.as_deref(),
            message: &failure.message,
            hint: failure.hint.as_deref(),
            waited_for: failure.waited_for.as_ref().map(LockWait::of),
            statement: failure.statement,
            statements_completed: failure.completed,
            recorded: failure.recorded,
            notices: failure.notices.iter().map(Notice::of).collect(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Plan<'a> {
    digest: &'a str,
    steps: Vec<Step<'a>>,
}

/// A migration, with what it does where it is there to be looked at.
#[derive(Serialize)]
pub(super) struct Step<'a> {
    #[serde(flatten)]
    file: File<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effects: Option<Vec<Effect<'a>>>,
}

impl<'a> Plan<'a> {
    pub(super) fn of(plan: &'a outcome::Plan) -> Self {
        Self {
            digest: &plan.digest,
            steps: Step::all(&plan.steps, &plan.effects),
        }
    }
}

impl<'a> Step<'a> {
    /// Files, and what each does, where that is known.
    pub(super) fn all(
        files: &'a [outcome::File],
        effects: &'a [Vec<devflow_migrations::Effect>],
    ) -> Vec<Self> {
        let steps = files.iter().enumerate();
        steps
            .map(|(index, file)| Self::of(file, effects.get(index)))
            .collect()
    }

    fn of(file: &'a outcome::File, effects: Option<&'a Vec<devflow_migrations::Effect>>) -> Self {
        Self {
            file: File::of(file),
            effects: effects.map(|effects| effects.iter().map(Effect::of).collect()),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Entry<'a> {
    version: &'a str,
    name: Option<&'a str>,
    file: Option<&'a str>,
    path: Option<&'a str>,
    state: &'static str,
    checksum: Option<&'a str>,
    at: Option<&'a str>,
    execution_ms: Option<f64>,
    by: Option<&'a str>,
    error: Option<&'a str>,
}

impl<'a> Entry<'a> {
    pub(super) fn of(entry: &'a outcome::Entry) -> Self {
        let path = entry.path.as_deref();
        Self {
            version: &entry.version,
            name: path.map(name_of),
            file: path.map(file_of),
            path,
            state: entry.state.as_str(),
            checksum: entry.checksum.as_deref(),
            at: entry.at.as_deref(),
            execution_ms: entry.execution_ms.map(milliseconds),
            by: entry.by.as_deref(),
            error: entry.error.as_deref(),
        }
    }
}

/// Line, column and text.
pub(super) fn place(snippet: Option<&Snippet>) -> (Option<u32>, Option<u32>, Option<&str>) {
    (
        snippet.map(|snippet| snippet.line),
        snippet.map(|snippet| snippet.column),
        snippet.and_then(|snippet| snippet.text.as_deref()),
    )
}
