//! What follows from how a delegate's work ended.

use super::hearing::Times;
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
use devflow_migrations::{LedgerEvent, Mode, Plan, Step, Version};
use serde_json::{Value, json};

impl Attempt<'_> {
    /// Says what follows; the table has been read, and what it gained is accounted for.
    pub(super) async fn judge(
        &mut self,
        session: &mut Session,
        plan: &Plan,
        ending: Ending,
        times: &Times,
        retries: &mut Retries,
        engine: &Value,
    ) -> Result<Verdict> {
        let is_done = |version: &Version| self.done.iter().any(|done| done.version == *version);
        let steps = plan.steps();
        let missing = steps
            .iter()
            .position(|step| !is_done(step.migration.version()));
        let under_way = times.under_way().filter(|index| {
            let step = &steps[*index];
            !is_done(step.migration.version())
        });
        match (ending, missing) {
            // Whatever became of it, the table has everything.
            (_, None) => Ok(Verdict::Over),
            (Ending::Done, Some(index)) => {
                let count = steps
                    .iter()
                    .filter(|step| !is_done(step.migration.version()));
                let count = count.count();
                let failure = unrecorded(&steps[index]);
                let failure = self
                    .record_failure(session, &steps[index], failure, engine)
                    .await;
                Err(self.not_recorded(plan, count, failure))
            }
            (Ending::Interrupted, Some(_)) => {
                let failure = match under_way {
                    None => None,
                    Some(index) => {
                        let failure = interrupted(&steps[index]);
                        Some(
                            self.record_failure(session, &steps[index], failure, engine)
                                .await,
                        )
                    }
                };
                Err(self.interrupted(failure, plan))
            }
            (Ending::Failed(failure), Some(_)) if failure.standing == Standing::Overtaken => {
                Ok(Verdict::LookAgain)
            }
            (Ending::Failed(failure), Some(_)) => match under_way {
                Some(index) => {
                    self.step_failed(session, plan, index, failure, retries, engine)
                        .await
                }
                None => Err(failure.into_error().with_report(self.report(plan, None))),
            },
        }
    }

    async fn step_failed(
        &mut self,
        session: &mut Session,
        plan: &Plan,
        index: usize,
        cause: DelegateFailure,
        retries: &mut Retries,
        engine: &Value,
    ) -> Result<Verdict> {
        let step = &plan.steps()[index];
        let mut failure = described(step, &cause);
        let sqlstate = cause.sqlstate.as_deref().unwrap_or_default();
        let is_whole = failure.completed.unwrap_or(0) == 0;
        let limits = step.migration.limits();
        if is_whole && let Some(pause) = retries.pause_after(index, limits, sqlstate) {
            self.teller.tell(&Event::Retrying {
                migration: &step.migration,
                reason: &failure.message,
                waited_for: None,
                attempt: retries.refused(index) + 1,
                pause,
            });
            return Ok(Verdict::Again(pause));
        }
        let mut detail = engine.clone();
        if retries.refused(index) > 0 {
            detail["attempts"] = json!(retries.refused(index) + 1);
        }
        failure = self.record_failure(session, step, failure, &detail).await;
        if cause.kind == ErrorKind::MigrationFailed {
            return Err(self.failed(failure, plan));
        }
        let report = self.report(plan, None);
        Err(cause.into_error().with_report(report).with_failure(failure))
    }

    /// Writes the `failed` row.
    async fn record_failure(
        &mut self,
        session: &mut Session,
        step: &Step,
        mut failure: StepFailure,
        detail: &Value,
    ) -> StepFailure {
        let record = Record {
            statement: failure.completed,
            error: Some(failure.ledger_json()),
            detail: Some(detail.to_string()),
            ..Record::of(
                &step.migration,
                step.seq,
                LedgerEvent::Failed,
                &self.run.json,
            )
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
            .help(
                "a file that begins a transaction and does not end it makes the CLI do so: every BEGIN needs its COMMIT",
            )
            .with_report(self.report(plan, None))
            .with_failure(failure)
    }

    /// What the table says now cannot be had.
    pub(super) fn unseen(&self, error: Error) -> Error {
        let message = format!(
            "the connection was lost while the Supabase CLI worked, and what it did cannot be looked at: {error}"
        );
        Error::new(ErrorKind::Broken, "connection_lost", message)
            .help("look with `devflow db status` once the server answers, or run again: what is in the table is not applied twice")
    }
}

fn unrecorded(step: &Step) -> StepFailure {
    StepFailure {
        message: "the Supabase CLI reported success and did not record it".to_owned(),
        ..blank(&step.migration, Vec::new())
    }
}

fn interrupted(step: &Step) -> StepFailure {
    StepFailure {
        message: "the run was interrupted".to_owned(),
        ..blank(&step.migration, Vec::new())
    }
}

/// A file that commits on its own keeps what was complete before the statement that failed.
fn described(step: &Step, cause: &DelegateFailure) -> StepFailure {
    let migration = &step.migration;
    let mut failure = StepFailure {
        message: cause.message.clone(),
        sqlstate: cause.sqlstate.clone(),
        hint: cause.help.clone(),
        ..blank(migration, Vec::new())
    };
    if let Some(index) = cause
        .statement
        .filter(|index| *index < migration.statements().len())
    {
        failure.place(migration, index);
        failure.completed = (migration.mode() == Mode::NoTransaction).then_some(index);
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
