//! What the ledger says of a file outside a transaction, row by row.

use super::before::{self, Before};
use crate::ledger::{LedgerTable, Record, progress_json};
use crate::literal::text;
use crate::session::Answer;
use devflow_migrations::{Fingerprint, LedgerEvent, Migration, Progress, Resume, Step, Unit};
use serde_json::{Value, json};

/// How far a file has come, and the rows that say so.
pub(super) struct Journal<'a> {
    pub(super) migration: &'a Migration,
    pub(super) units: Vec<Unit>,
    prefixes: Vec<Fingerprint>,
    run: &'a str,
    first_seq: i32,
    pub(super) seq: i32,
    /// How many statements are complete and committed.
    pub(super) completed: usize,
    /// How many the ledger's last row says are complete.
    known: usize,
    /// The unit of which the last row says that it may have been sent.
    pub(super) announced: Option<Announced>,
    /// Whether that unit may have left something although it failed.
    pub(super) in_doubt: bool,
}

/// A unit that runs by itself, and what was before it.
#[derive(Debug, Clone)]
pub(super) struct Announced {
    fingerprint: Fingerprint,
    before: Option<Value>,
}

impl<'a> Journal<'a> {
    pub(super) fn new(step: &'a Step, run: &'a str) -> Self {
        let resume = step.resume.as_ref();
        let completed = resume.map_or(0, |resume| resume.completed);
        let announced = resume.and_then(Announced::of);
        Self {
            migration: &step.migration,
            units: step.migration.units(),
            prefixes: step.migration.prefixes(),
            run,
            first_seq: step.seq,
            seq: step.seq,
            completed,
            known: completed,
            in_doubt: announced.is_some(),
            announced,
        }
    }

    /// The first row of a run: `started`, or `progress` where the last run was cut off.
    pub(super) fn first(&self, resume: Option<&Resume>) -> Record<'a> {
        let event = match resume.map(|resume| resume.after) {
            Some(LedgerEvent::Started | LedgerEvent::Progress) => LedgerEvent::Progress,
            _ => LedgerEvent::Started,
        };
        let statements = self.migration.fingerprints();
        self.row(event, self.completed, self.next_announced(), statements)
    }

    /// The row that says that this many statements are complete; after the last one, that the migration is applied.
    pub(super) fn after(&self, completed: usize, table: &LedgerTable) -> Record<'a> {
        self.complete(completed, self.announced_at(completed), table)
    }

    /// The same within the transaction of the last of them. It does not look at what comes next: what that transaction set
    /// for itself alone, such as a `search_path`, would give the names of the next statement another meaning.
    pub(super) fn within(&self, completed: usize, table: &LedgerTable) -> Record<'a> {
        self.complete(completed, None, table)
    }

    fn complete(&self, completed: usize, next: Option<Unit>, table: &LedgerTable) -> Record<'a> {
        if completed < self.migration.statements().len() {
            return self.row(LedgerEvent::Progress, completed, next, Vec::new());
        }
        let mut row = self.row(LedgerEvent::Applied, completed, None, Vec::new());
        row.execution_ms = Some(self.since_first(table));
        row
    }

    /// The row that says that a unit may have been sent, where the one before it did not.
    pub(super) fn announcing(&self, unit: &Unit) -> Record<'a> {
        self.row(
            LedgerEvent::Progress,
            self.completed,
            Some(unit.clone()),
            Vec::new(),
        )
    }

    /// The row that says that the file failed, as JSON says.
    pub(super) fn failed(&self, error: String) -> Record<'a> {
        let mut row = self.row(LedgerEvent::Failed, self.completed, None, Vec::new());
        if let Some(announced) = self.announced.as_ref().filter(|_| self.in_doubt) {
            let mut detail = progress_json(&self.progress(self.completed, None, Vec::new()));
            detail["in_flight"] = json!(announced.fingerprint.to_string());
            detail["before"] = announced.before.clone().unwrap_or_default();
            row.detail = Some(detail.to_string());
        }
        row.error = Some(error);
        row
    }

    /// A row is committed.
    pub(super) fn wrote(&mut self, row: &Record<'_>, answer: &Answer) {
        let detail = answer.rows.last().and_then(|row| row.get(1));
        self.seq = row.seq + 1;
        self.completed = row.statement.unwrap_or(self.completed);
        self.known = self.completed;
        self.announced = detail.and_then(Announced::read);
        self.in_doubt = false;
    }

    /// A statement's text.
    pub(super) fn text(&self, statement: usize) -> &'a str {
        &self.migration.text().as_str()[self.migration.statements()[statement].range()]
    }

    /// The byte at which it begins.
    pub(super) fn start(&self, statement: usize) -> usize {
        self.migration.statements()[statement].start
    }

    /// Whether the ledger's last row says less than is complete.
    pub(super) fn owes(&self) -> bool {
        self.completed > self.known
    }

    fn next_announced(&self) -> Option<Unit> {
        self.announced_at(self.completed)
    }

    /// The unit that begins here, if its row has to be written before it is sent.
    fn announced_at(&self, statement: usize) -> Option<Unit> {
        let starts = |unit: &Unit| unit.statements.start;
        let unit = &self.units[self.units.binary_search_by_key(&statement, starts).ok()?];
        unit.conduct.is_announced().then(|| unit.clone())
    }

    fn row(
        &self,
        event: LedgerEvent,
        completed: usize,
        next: Option<Unit>,
        statements: Vec<Fingerprint>,
    ) -> Record<'a> {
        let progress = self.progress(completed, next.as_ref(), statements);
        let action = next.map(|unit| self.migration.action(unit.statements.start));
        Record {
            statement: Some(completed),
            detail: Some(progress_json(&progress).to_string()),
            before: action.and_then(before::query),
            ..Record::of(self.migration, self.seq, event, self.run)
        }
    }

    fn progress(
        &self,
        completed: usize,
        next: Option<&Unit>,
        statements: Vec<Fingerprint>,
    ) -> Progress {
        Progress {
            completed: self.prefixes[completed].clone(),
            in_flight: next.map(|unit| self.migration.fingerprint(unit.statements.clone())),
            statements,
        }
    }

    /// The server's own time is since this run's first row.
    fn since_first(&self, table: &LedgerTable) -> String {
        format!(
            "(SELECT extract(epoch FROM clock_timestamp() - at) * 1000 FROM {} WHERE version = {} AND seq = {})",
            table.quoted,
            text(self.migration.version().as_str()),
            self.first_seq
        )
    }
}

impl Announced {
    fn of(resume: &Resume) -> Option<Self> {
        Self::read(resume.in_flight.as_deref()?)
    }

    fn read(detail: &str) -> Option<Self> {
        let json: Value = serde_json::from_str(detail).ok()?;
        Some(Self {
            fingerprint: Fingerprint::read(json.get("in_flight")?.as_str()?),
            before: json.get("before").cloned(),
        })
    }

    /// Whether it is this unit, as it is now.
    pub(super) fn is(&self, migration: &Migration, unit: &Unit) -> bool {
        migration.fingerprint(unit.statements.clone()) == self.fingerprint
    }

    /// What was before it.
    pub(super) fn before(&self) -> Option<Before> {
        Before::read(self.before.as_ref()?)
    }
}
