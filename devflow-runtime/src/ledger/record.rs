//! One row to be written.

use super::{LOCAL_SETTINGS, unhurried};
use super::{LedgerTable, recorded};
use crate::error::Result;
use crate::literal::{optional, text};
use crate::session::Session;
use crate::step::Durability;
use devflow_migrations::supabase::Adoption;
use devflow_migrations::{LedgerEvent, LedgerKind, Migration, Step, Version};
use serde_json::json;

/// One row to be written, at the `seq` that was read plus one: a collision means that another runner moved.
#[derive(Debug, Clone)]
pub(crate) struct Record<'a> {
    pub(crate) version: &'a Version,
    pub(crate) seq: i32,
    pub(crate) event: LedgerEvent,
    pub(crate) name: Option<&'a str>,
    pub(crate) checksum: Option<String>,
    /// Outside a transaction: how many statements are known complete.
    pub(crate) statement: Option<usize>,
    /// An SQL expression for the milliseconds that the server took.
    pub(crate) execution_ms: Option<String>,
    /// As JSON.
    pub(crate) error: Option<String>,
    /// As JSON.
    pub(crate) run: &'a str,
    /// As JSON.
    pub(crate) detail: Option<String>,
    /// An SQL expression for what else the detail says, as `before`; the server finds it with the migration's settings.
    pub(crate) before: Option<String>,
    /// The newest migration that a build must have at least to work beside this one, which the detail says too.
    pub(crate) compatible_with: Option<&'a Version>,
    pub(crate) beside: Beside<'a>,
}

/// What becomes of the version's row in the Supabase CLI's table, where that one counts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Beside<'a> {
    Nothing,
    /// It is added, and was not there.
    Add(&'a Migration),
    /// It is there afterwards, and says this.
    Put(&'a Migration),
    Remove,
}

/// The row that must be visible for another to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum After<'a> {
    /// The newest row that the plan was made with.
    Row(i64),
    /// The row by which the step before ended in this event.
    Step(&'a Step, LedgerEvent),
}

impl<'a> Record<'a> {
    /// An event of a migration whose file we have.
    pub(crate) fn of(migration: &'a Migration, seq: i32, event: LedgerEvent, run: &'a str) -> Self {
        Self {
            version: migration.version(),
            seq,
            event,
            name: Some(migration.file()),
            checksum: Some(migration.checksum().to_string()),
            statement: None,
            execution_ms: None,
            error: None,
            run,
            detail: None,
            before: None,
            compatible_with: match event {
                LedgerEvent::Applied => migration.compatible_with(),
                _ => None,
            },
            beside: match event {
                LedgerEvent::Applied => Beside::Add(migration),
                LedgerEvent::Baselined | LedgerEvent::Repaired => Beside::Put(migration),
                LedgerEvent::Reverted => Beside::Remove,
                LedgerEvent::Started | LedgerEvent::Progress | LedgerEvent::Failed => {
                    Beside::Nothing
                }
            },
        }
    }

    /// What the ledger lacks.
    pub(crate) fn adopted(adoption: &'a Adoption, run: &'a str) -> Self {
        Self {
            version: &adoption.version,
            seq: adoption.seq,
            event: adoption.event,
            name: adoption.name.as_deref(),
            checksum: adoption.checksum.clone(),
            statement: None,
            execution_ms: None,
            error: None,
            run,
            detail: Some(json!({ "supabase": adoption.likeness.as_str() }).to_string()),
            before: None,
            compatible_with: None,
            beside: Beside::Nothing,
        }
    }

    /// The statements, each with its semicolon, that keep the Supabase CLI's table in step with the row.
    pub(crate) fn beside(&self, table: &LedgerTable) -> String {
        let (statement, is_there) = match (table.kind, self.beside) {
            (LedgerKind::Devflow, _) | (_, Beside::Nothing) => return String::new(),
            (LedgerKind::Supabase, Beside::Add(migration)) => (recorded::insert(migration), true),
            (LedgerKind::Supabase, Beside::Put(migration)) => (recorded::replace(migration), true),
            (LedgerKind::Supabase, Beside::Remove) => (recorded::remove(self.version), false),
        };
        format!("{statement}; {}", recorded::guard(self.version, is_there))
    }

    /// What precedes the INSERT, while names still mean what they mean to the migration.
    pub(crate) fn look(&self) -> String {
        let Some(before) = &self.before else {
            return String::new();
        };
        format!(
            "SELECT pg_catalog.set_config('devflow.before', ({before})::pg_catalog.text, true);"
        )
    }

    fn detail(&self) -> String {
        let own = self
            .detail
            .as_deref()
            .map(|detail| format!("{}::jsonb", text(detail)));
        let before = self.before.as_ref().map(|_| {
            "jsonb_build_object('before', current_setting('devflow.before')::jsonb)".to_owned()
        });
        let compatible_with = self.compatible_with.map(|oldest| {
            let detail = json!({ super::COMPATIBLE_WITH: oldest.as_str() });
            format!("{}::jsonb", text(&detail.to_string()))
        });
        let parts: Vec<_> = own
            .into_iter()
            .chain(before)
            .chain(compatible_with)
            .collect();
        match parts.is_empty() {
            true => "NULL".to_owned(),
            false => parts.join(" || "),
        }
    }

    /// The INSERT. With `after`, `seq` is NULL, and so the INSERT fails, unless that row is there: in a pipeline the
    /// commit before this one may have failed and left the session idle, and a migration may have emptied the ledger.
    pub(crate) fn insert(&self, table: &LedgerTable, after: Option<After<'_>>) -> String {
        let seq = match after {
            None => self.seq.to_string(),
            Some(after) => format!(
                "(SELECT {} FROM {} p WHERE {})",
                self.seq,
                table.quoted,
                after.condition()
            ),
        };
        let held =
            |text: Option<&str>| optional(text.map(|text| table.charset.hold(text)).as_deref());
        let number =
            |value: Option<usize>| value.map_or_else(|| "NULL".to_owned(), |n| n.to_string());
        format!(
            "INSERT INTO {} (version, seq, event, name, checksum, statement, execution_ms, error, run, detail, at) \
             VALUES ({}, {seq}, {}, {}, {}, {}, {}, {}, {}, {}, clock_timestamp())",
            table.quoted,
            text(self.version.as_str()),
            text(self.event.as_str()),
            held(self.name),
            optional(self.checksum.as_deref()),
            number(self.statement),
            self.execution_ms.as_deref().unwrap_or("NULL"),
            held(self.error.as_deref()),
            text(self.run),
            self.detail(),
        )
    }
}

impl After<'_> {
    /// A file outside a transaction writes more than one row; its last is of this kind too.
    pub(super) fn condition(self) -> String {
        match self {
            Self::Row(id) => format!("p.id = {id}"),
            Self::Step(step, event) => format!(
                "p.version = {} AND p.seq >= {} AND p.event = {}",
                text(step.migration.version().as_str()),
                step.seq,
                text(event.as_str())
            ),
        }
    }
}

/// The milliseconds since the transaction's BEGIN reached the server.
pub(crate) const SINCE_BEGIN: &str =
    "extract(epoch FROM clock_timestamp() - transaction_timestamp()) * 1000";

/// Records, on another session, that the step under way was rolled back when its own session was lost.
///
/// # Errors
/// When the connection is lost, or the server refuses the row.
pub(crate) async fn record_loss(
    session: &mut Session,
    table: &LedgerTable,
    step: &Step,
    run: &str,
    why: &str,
) -> Result<()> {
    let message = format!("the connection was lost: {why}");
    let error = json!({ "sqlstate": null, "message": message, "file": step.migration.path() });
    let record = Record {
        error: Some(error.to_string()),
        ..Record::of(&step.migration, step.seq, LedgerEvent::Failed, run)
    };
    let message = format!(
        "BEGIN; {LOCAL_SETTINGS} {} {} {}; COMMIT",
        unhurried(session.major_version()),
        Durability::Here.statement(),
        record.insert(table, None)
    );
    session
        .ask(&message)
        .await
        .accept("record the failure")
        .map(drop)
}
