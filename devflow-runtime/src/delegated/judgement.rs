//! What follows from how a delegate's work ended.

use super::hearing::Times;
use super::opening::{committed, is_opened, last_seq, progress, statement_of};
use super::{Ending, Verdict};
use crate::attempt::Attempt;
use crate::delegate::{DelegateFailure, Standing};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::failure::blank;
use crate::ledger::{self, Record};
use crate::report::StepFailure;
use crate::retry::Retries;
use crate::session::Session;
use devflow_migrations::{LedgerEvent, Plan, Step};
use serde_json::{Value, json};

/// What was to be done, and what is known of it besides the table.
#[derive(Clone, Copy)]
pub(super) struct Case<'c> {
    pub(super) plan: &'c Plan,
    pub(super) times: &'c Times,
    /// What the ledger's rows say of who applied.
    pub(super) engine: &'c Value,
}

/// How much of a file that failed stays.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Known,
    Unknown,
}

impl Attempt<'_> {
    /// Says what follows; the table has been read, and what it gained is accounted for.
    pub(super) async fn judge(
        &mut self,
        session: &mut Session,
        case: Case<'_>,
        ending: Ending,
        retries: &mut Retries,
    ) -> Result<Verdict> {
        let steps = case.plan.steps();
        let missing: Vec<_> = steps.iter().filter(|step| !self.has_done(step)).collect();
        let under_way = case.times.under_way().map(|index| (index, &steps[index]));
        let under_way = under_way.filter(|(_, step)| !self.has_done(step));
        match (ending, missing.first(), under_way) {
            // Whatever became of it, the table has everything.
            (_, None, _) => Ok(Verdict::Over),
            (Ending::Done, Some(first), _) => {
                let failure = said(
                    first,
                    "the Supabase CLI reported success, and its table does not have it",
                );
                let failure = self
                    .record_failure(session, case, first, failure, Extent::Unknown)
                    .await;
                Err(self.not_recorded(case.plan, missing.len(), failure))
            }
            (Ending::Interrupted, _, None) => Err(self.interrupted(None, case.plan)),
            (Ending::Interrupted, _, Some((_, step))) => {
                let failure = said(step, "the run was interrupted");
                let failure = self
                    .record_failure(session, case, step, failure, Extent::Unknown)
                    .await;
                Err(self.interrupted(Some(failure), case.plan))
            }
            (Ending::Failed(cause), ..) if cause.standing == Standing::Overtaken => {
                Ok(Verdict::LookAgain)
            }
            (Ending::Failed(cause), _, None) => {
                Err(cause.into_error().with_report(self.report(case.plan, None)))
            }
            (Ending::Failed(cause), _, Some((index, _))) => {
                self.step_failed(session, case, index, cause, retries).await
            }
        }
    }

    pub(super) fn has_done(&self, step: &Step) -> bool {
        let mut done = self.done.iter();
        done.any(|done| done.version == *step.migration.version())
    }

    async fn step_failed(
        &mut self,
        session: &mut Session,
        case: Case<'_>,
        index: usize,
        cause: DelegateFailure,
        retries: &mut Retries,
    ) -> Result<Verdict> {
        let step = &case.plan.steps()[index];
        let failure = described(step, &cause);
        let sqlstate = cause.sqlstate.as_deref().unwrap_or_default();
        let limits = step.migration.limits();
        if failure.completed.is_none()
            && let Some(pause) = retries.pause_after(index, limits, sqlstate)
        {
            self.teller.tell(&Event::Retrying {
                migration: &step.migration,
                reason: &failure.message,
                waited_for: None,
                attempt: retries.refused(index) + 1,
                pause,
            });
            return Ok(Verdict::Again(pause));
        }
        let extent = match cause.standing {
            Standing::Unsettled => Extent::Unknown,
            Standing::Settled | Standing::Overtaken => Extent::Known,
        };
        let mut engine = case.engine.clone();
        if retries.refused(index) > 0 {
            engine["attempts"] = json!(retries.refused(index) + 1);
        }
        let engine = &engine;
        let case = Case { engine, ..case };
        let failure = self
            .record_failure(session, case, step, failure, extent)
            .await;
        if cause.kind == ErrorKind::MigrationFailed {
            return Err(self.failed(failure, case.plan));
        }
        let report = self.report(case.plan, None);
        Err(cause.into_error().with_report(report).with_failure(failure))
    }

    /// Writes the row of a failure: where nobody knows how much of the file stays, one that leaves it half done.
    async fn record_failure(
        &mut self,
        session: &mut Session,
        case: Case<'_>,
        step: &Step,
        mut failure: StepFailure,
        extent: Extent,
    ) -> StepFailure {
        let in_doubt = extent == Extent::Unknown && is_opened(step);
        if in_doubt {
            failure.hint = Some(
                "it commits by itself, and how much of it stays is not known: look, and decide with `devflow db repair`"
                    .to_owned(),
            );
        }
        let mut detail = case.engine.clone();
        if let Some(completed) = failure.completed.filter(|_| is_resumable(step))
            && let (Value::Object(detail), Value::Object(progress)) =
                (&mut detail, progress(&step.migration, completed))
        {
            detail.extend(progress);
        }
        let (event, statement) = match in_doubt {
            true => (LedgerEvent::Progress, Some(0)),
            false => (LedgerEvent::Failed, failure.completed),
        };
        let record = Record {
            statement,
            error: Some(failure.ledger_json()),
            detail: Some(detail.to_string()),
            ..Record::of(&step.migration, last_seq(step), event, &self.run.json)
        };
        match ledger::append(session, &self.table, &[record]).await {
            Ok(()) => failure.recorded = true,
            Err(error) => self
                .teller
                .remark(format!("the failure is not in the ledger: {error}")),
        }
        self.teller.tell(&Event::StepFailed(&failure));
        failure
    }

    fn not_recorded(&self, plan: &Plan, count: usize, failure: StepFailure) -> Error {
        let message = format!(
            "the Supabase CLI reported success, and {count} of {} migrations are not in {}; the first is {}",
            plan.steps().len(),
            self.table.shown,
            failure.path
        );
        Error::new(ErrorKind::Broken, "supabase_not_recorded", message)
            .help(self.help_for_missing(plan, &failure))
            .with_report(self.report(plan, None))
            .with_failure(failure)
    }

    /// The CLI applies one file after the other: one that is missing before one that is there had its row.
    fn help_for_missing(&self, plan: &Plan, first: &StepFailure) -> String {
        let mut behind = plan.steps().iter().rev();
        let last = behind.find(|step| self.has_done(step));
        match last.filter(|step| *step.migration.version() > first.version) {
            None => "look for a file that begins a transaction and does not end it, for every BEGIN needs its COMMIT; and for one \
                     that writes to the CLI's table"
                .to_owned(),
            Some(step) => format!(
                "{} was recorded after it, so a file of this run has taken its row away: look whether its work is there, and put \
                 the row back with `devflow db repair --applied {}`, or the next run applies it again",
                step.migration.path(),
                first.version
            ),
        }
    }

    /// A table that has lost rows is no success: what they stood for would be applied again.
    pub(super) fn unless_gone(
        &self,
        plan: &Plan,
        gone: Vec<&str>,
        verdict: Verdict,
    ) -> Result<Verdict> {
        if gone.is_empty() {
            return Ok(verdict);
        }
        let message = format!(
            "while the Supabase CLI worked, {} lost the versions {}: the next run would apply them again",
            self.table.shown,
            gone.join(", ")
        );
        Err(Error::new(ErrorKind::Broken, "supabase_rows_gone", message)
            .help("look for a migration that writes to the table, and put the rows back with `devflow db repair --applied VERSION`")
            .with_report(self.report(plan, None)))
    }

    /// What the table says now cannot be had.
    pub(super) fn unseen(&self, error: Error) -> Error {
        let message = format!(
            "the connection was lost while the Supabase CLI worked, and what it did cannot be looked at: {error}"
        );
        Error::new(ErrorKind::Broken, "connection_lost", message).help(
            "look with `devflow db status` once the server answers, or run again: what is in the table is not applied twice",
        )
    }
}

/// Whether devflow itself could go on in the middle of it.
fn is_resumable(step: &Step) -> bool {
    !step.migration.mode().is_atomic()
}

fn said(step: &Step, message: &str) -> StepFailure {
    StepFailure {
        message: message.to_owned(),
        ..blank(&step.migration, Vec::new())
    }
}

/// A file that commits by itself keeps what was complete before the statement that failed.
fn described(step: &Step, cause: &DelegateFailure) -> StepFailure {
    let migration = &step.migration;
    let mut failure = StepFailure {
        sqlstate: cause.sqlstate.clone(),
        hint: cause.help.clone(),
        ..said(step, &cause.message)
    };
    let Some(element) = cause.statement else {
        return failure;
    };
    if let Some(index) = statement_of(migration, element) {
        failure.place(migration, index);
    }
    if is_opened(step) {
        failure.completed = Some(committed(migration, element)).filter(|count| *count > 0);
    }
    failure
}

impl DelegateFailure {
    pub(super) fn into_error(self) -> Error {
        let error = Error::new(self.kind, self.code, self.message);
        match self.help {
            Some(help) => error.help(help),
            None => error,
        }
    }
}
