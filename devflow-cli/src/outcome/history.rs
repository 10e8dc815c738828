//! What the commands that show the ledger came to.

use super::from::findings;
use super::{Body, File, Outcome, Place, Snippet};
use devflow_migrations::{Effect, effects};
use devflow_runtime as runtime;
use devflow_runtime::{Migration, State};
use serde_json::Value;

/// One version: its file, and its rows in the ledger.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Show {
    pub(crate) ledger_exists: Option<bool>,
    /// The file, where there is one.
    pub(crate) file: Option<File>,
    pub(crate) state: Option<State>,
    pub(crate) statements: Vec<Statement>,
    /// The rows, oldest first.
    pub(crate) rows: Vec<Row>,
}

/// The newest rows of the ledger.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Log {
    pub(crate) ledger_exists: Option<bool>,
    /// The rows, newest first.
    pub(crate) rows: Vec<Row>,
    /// Whether there are older ones.
    pub(crate) has_more: bool,
}

/// A statement of a file, and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Statement {
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) text: String,
    /// What it does, as far as its text says.
    pub(crate) effect: Option<Effect>,
}

/// A row of the ledger.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) id: i64,
    pub(crate) version: String,
    pub(crate) seq: i32,
    pub(crate) event: String,
    /// The file's name as it was then.
    pub(crate) name: Option<String>,
    pub(crate) checksum: Option<String>,
    pub(crate) statement: Option<i32>,
    pub(crate) execution_ms: Option<f64>,
    pub(crate) at: String,
    /// Who wrote it.
    pub(crate) by: Option<String>,
    /// The error's message.
    pub(crate) message: Option<String>,
    /// The row's own JSON.
    pub(crate) error: Option<Value>,
    pub(crate) run: Option<Value>,
    pub(crate) detail: Option<Value>,
}

impl Outcome {
    /// What `show` shows.
    pub(crate) fn of_history(history: &runtime::History, migration: Option<&Migration>) -> Self {
        let mut outcome = Self::new(Body::Show(Show {
            ledger_exists: Some(history.ledger_exists),
            file: migration.map(File::of),
            state: history.entry.as_ref().map(|entry| entry.state),
            statements: migration.map(statements).unwrap_or_default(),
            rows: history.rows.iter().map(Row::of).collect(),
        }));
        outcome.findings = findings(&history.findings);
        outcome.looked(&history.run, &history.place, &history.remarks)
    }

    /// What `log` shows.
    pub(crate) fn of_log(log: &runtime::Log) -> Self {
        let outcome = Self::new(Body::Log(Log {
            ledger_exists: Some(log.ledger_exists),
            rows: log.rows.iter().map(Row::of).collect(),
            has_more: log.has_more,
        }));
        outcome.looked(&log.run, &log.place, &log.remarks)
    }

    fn looked(mut self, run: &str, place: &runtime::Place, remarks: &[String]) -> Self {
        self.run = Some(run.to_owned());
        self.place = Some(Place::of(place));
        self.remarked(remarks)
    }
}

fn statements(migration: &Migration) -> Vec<Statement> {
    let text = migration.text();
    let mut effects = effects(migration).into_iter();
    let statement = |span: &devflow_migrations::Span| {
        let position = text.position(span.start);
        Statement {
            line: position.line,
            column: position.column,
            text: text.as_str()[span.range()].to_owned(),
            effect: effects.next(),
        }
    };
    migration.statements().iter().map(statement).collect()
}

impl Row {
    fn of(entry: &runtime::LedgerEntry) -> Self {
        let row = &entry.row;
        Self {
            id: row.id,
            version: row.version.clone(),
            seq: row.seq,
            event: row.event.clone(),
            name: row.name.clone(),
            checksum: row.checksum.clone(),
            statement: row.statement,
            execution_ms: row.execution_ms,
            at: row.at.clone(),
            by: entry.by.clone(),
            message: entry.message.clone(),
            error: json(row.error.as_deref()),
            run: json(row.run.as_deref()),
            detail: json(row.detail.as_deref()),
        }
    }

    /// A text of the run's claims, such as `environment`.
    pub(crate) fn claim(&self, key: &str) -> Option<&str> {
        self.run.as_ref()?.get(key)?.as_str()
    }

    /// Where the error was, as far as the row says.
    pub(crate) fn error_at(&self) -> Option<Snippet> {
        let number = |key: &str| u32::try_from(self.error.as_ref()?.get(key)?.as_u64()?).ok();
        Some(Snippet {
            line: number("line")?,
            column: number("column")?,
            text: None,
        })
    }
}

/// What is nested more deeply than any row of ours is left out.
fn json(text: Option<&str>) -> Option<Value> {
    serde_json::from_str(text?).ok()
}
