//! From a server's refusal to a failure that a person can act on.

use crate::ledger::{MEDDLED, MEDDLED_BESIDE};
use crate::locate::{Message, Spot, locate};
use crate::report::{Notice, StepFailure};
use crate::session::Refusal;
use crate::step::{ENDED, INSIDE, UNLOCKED};
use devflow_migrations::{Migration, Mode, Span, TableName, Version};
use serde_json::json;
use tokio_postgres::error::DbError;

/// Where in a step the server refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Before the file: the transaction could not begin.
    Begin,
    /// In the file, whose text from this byte on was the message, behind the guard or alone.
    File { from: usize, guarded: bool },
    /// In a statement that was sent by itself, behind so many characters of ours; it begins at this byte of the file.
    Statement { from: usize, prefix: usize },
    /// After the file: a guard, a deferred constraint, the ledger row or the commit itself.
    End,
}

/// Describes a refusal of a step's message, of which `completed` statements had been carried out.
pub(crate) fn describe(
    migration: &Migration,
    part: Part,
    completed: usize,
    refusal: &Refusal,
    notices: Vec<Notice>,
) -> StepFailure {
    let mut failure = blank(migration, notices);
    match refusal {
        Refusal::Lost(lost) => failure.message = format!("the connection was lost: {}", lost.0),
        Refusal::Server(error) => {
            let spot = match part {
                Part::File { from, guarded } => {
                    let prefix = if guarded { INSIDE.len() } else { 0 };
                    locate(migration, Message { from, prefix }, completed, error)
                }
                Part::Statement { from, prefix } => {
                    locate(migration, Message { from, prefix }, completed, error)
                }
                Part::Begin | Part::End => Spot::default(),
            };
            failure.fill(error, spot);
            if part == Part::End && is_missing_row(error) {
                failure.explain_missing_row();
            } else if part == Part::End && is_own_record(error) {
                failure.explain_meddling_beside();
            } else if part == Part::End && error.code().code().starts_with("23") {
                failure.hint = Some(
                    "a deferred constraint was not met when the migration was to be committed"
                        .to_owned(),
                );
            }
        }
    }
    failure
}

/// The ledger row's `seq` is NULL when the row before it is gone.
fn is_missing_row(error: &DbError) -> bool {
    error.code().code() == "23502" && error.column() == Some("seq")
}

/// The Supabase CLI's table has the version already, and no other runner wrote it.
fn is_own_record(error: &DbError) -> bool {
    error.code().code() == "23505"
        && error.schema() == Some(TableName::supabase().schema())
        && error.table() == Some(TableName::supabase().table())
}

/// A file that was stopped between two of its statements.
pub(crate) fn interrupted(migration: &Migration, notices: Vec<Notice>) -> StepFailure {
    stopped(migration, "the run was interrupted", notices)
}

/// A file outside a transaction whose run lost its lock between two of its statements.
pub(crate) fn unlocked(migration: &Migration, notices: Vec<Notice>) -> StepFailure {
    let why = "the connection that held devflow's lock was lost";
    stopped(migration, why, notices)
}

fn stopped(migration: &Migration, why: &str, notices: Vec<Notice>) -> StepFailure {
    StepFailure {
        message: format!("{why} between two statements"),
        ..blank(migration, notices)
    }
}

/// `CREATE INDEX CONCURRENTLY IF NOT EXISTS` found an index of that name which an earlier build left INVALID.
pub(crate) fn skipped_over_invalid(
    migration: &Migration,
    span: Span,
    index: &str,
    notices: Vec<Notice>,
) -> StepFailure {
    let position = migration.text().position(span.start);
    StepFailure {
        message: format!(
            "IF NOT EXISTS skipped over {index}, which is INVALID: an earlier build left it behind"
        ),
        hint: Some(format!("DROP INDEX CONCURRENTLY {index}, and run again")),
        position: Some(position),
        line: Some(migration.text().line(position.line).to_owned()),
        ..blank(migration, notices)
    }
}

/// A failure of which nothing is known yet.
pub(crate) fn blank(migration: &Migration, notices: Vec<Notice>) -> StepFailure {
    StepFailure {
        version: migration.version().clone(),
        path: migration.path().to_owned(),
        mode: migration.mode(),
        sqlstate: None,
        message: String::new(),
        detail: None,
        hint: None,
        waited_for: None,
        position: None,
        line: None,
        statement: None,
        completed: None,
        context: None,
        recorded: false,
        notices,
    }
}

impl StepFailure {
    fn fill(&mut self, error: &DbError, spot: Spot) {
        self.sqlstate = Some(error.code().code().to_owned());
        self.message = error.message().to_owned();
        self.detail = error.detail().map(str::to_owned);
        self.context = error.where_().map(str::to_owned);
        self.position = spot.position;
        self.line = spot.line;
        self.statement = spot.statement;
        self.hint = error
            .hint()
            .map(str::to_owned)
            .or_else(|| our_hint(error, self.mode));
        self.explain_guard(error);
    }

    /// The guards speak through an error about a parameter's name; say what they mean instead.
    fn explain_guard(&mut self, error: &DbError) {
        let said = error.message();
        if said.contains(ENDED) {
            self.sqlstate = None;
            self.message =
                "the migration ended devflow's transaction, or said RESET ALL".to_owned();
            self.hint = Some("remove its COMMIT, ROLLBACK or RESET ALL".to_owned());
        } else if said.contains(UNLOCKED) {
            self.sqlstate = None;
            self.message =
                "the migration gave devflow's lock away, and another run took it".to_owned();
            self.hint = Some("remove its pg_advisory_unlock_all()".to_owned());
        } else if said.contains(MEDDLED) {
            self.sqlstate = None;
            self.message =
                "the migration wrote to devflow's ledger, or put a trigger or a rule on it"
                    .to_owned();
            self.hint = Some("leave the ledger alone: only devflow adds to it".to_owned());
        } else if said.contains(MEDDLED_BESIDE) {
            self.explain_meddling_beside();
        }
    }

    fn explain_meddling_beside(&mut self) {
        self.sqlstate = None;
        self.message = format!(
            "the migration wrote to {}, or put a trigger or a rule on it",
            TableName::supabase()
        );
        self.hint = Some(
            "leave that table to devflow and the Supabase CLI; `devflow db baseline` and `devflow db repair` correct it"
                .to_owned(),
        );
    }

    /// The row that devflow's own row must follow was not there.
    fn explain_missing_row(&mut self) {
        self.sqlstate = None;
        self.message = "the migration removed rows of devflow's ledger".to_owned();
        self.hint = Some("leave the ledger alone: it is only ever added to".to_owned());
    }

    /// What the ledger keeps: never DETAIL or CONTEXT, which hold row data.
    pub(crate) fn ledger_json(&self) -> String {
        json!({
            "sqlstate": self.sqlstate,
            "message": self.message,
            "file": self.path,
            "line": self.position.map(|position| position.line),
            "column": self.position.map(|position| position.column),
        })
        .to_string()
    }

    /// The step was in no transaction any more when it failed: what the file had committed by itself stays.
    pub(crate) fn escaped(&mut self, completed: usize) {
        self.completed = Some(completed.max(1));
        self.message.push_str(
            "; what it committed by itself stays, and nobody but you can say what that is",
        );
    }

    /// Where the server named no place, it is the statement's.
    pub(crate) fn place(&mut self, migration: &Migration, statement: usize) {
        let position = migration.place(statement);
        self.statement = Some(statement + 1);
        self.position = Some(position);
        self.line = Some(migration.text().line(position.line).to_owned());
    }

    /// For a first run on a database that is in use already.
    pub(crate) fn suggest_baseline(&mut self, newest: &Version) {
        const ALREADY: [&str; 6] = ["42P07", "42P06", "42710", "42723", "42701", "23505"];
        if self
            .sqlstate
            .as_deref()
            .is_some_and(|sqlstate| ALREADY.contains(&sqlstate))
        {
            self.hint = Some(format!(
                "the database had tables and no ledger: if it has this migration's schema already, record that with \
                 `devflow db baseline VERSION`, where VERSION is the newest migration that it has (for all of them: {newest})"
            ));
        }
    }
}

/// Where the server has no hint of its own and we know the way out.
fn our_hint(error: &DbError, mode: Mode) -> Option<String> {
    let hint = match error.code().code() {
        "55P04" => {
            "a new enum value can be used only after it is committed: use it in the next migration"
        }
        "25001" if mode == Mode::Transaction => {
            "PostgreSQL refuses this inside a transaction: put it into a file of its own that begins with `-- devflow: no-transaction`"
        }
        "55P03" | "40P01" | "40001" => {
            "other sessions held what it needs for longer than lock_timeout and lock_retry_budget allow: find them in pg_stat_activity, or run it in a quieter hour"
        }
        "57014" if error.message().contains("statement timeout") => {
            "raise statement_timeout in devflow.yml, or begin the file with `-- devflow: statement-timeout=2h`"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}
