//! What to do when a message of a step is refused: drain, roll back, look, record.

use crate::event::Event;
use crate::execute::{Executor, Flight, Refused, Stop, milliseconds};
use crate::failure::{Part, began_another, describe};
use crate::ledger::{self, Record};
use crate::report::{Notice, StepFailure};
use crate::step::flush;
use devflow_migrations::{LedgerEvent, Step};
use std::collections::VecDeque;
use std::time::Duration;

impl Executor<'_, '_> {
    /// Lets every message that was sent behind a refused one be answered. Says whether the next BEGIN was accepted: then
    /// the refused step had no transaction any more, for an aborted one refuses everything.
    pub(crate) async fn drain(&mut self, others: &mut VecDeque<Flight>) -> bool {
        let mut next_began = None;
        for other in others.drain(..) {
            let begin = self.session.outcome(other.begin).await;
            next_began.get_or_insert(begin.error.is_none());
            self.session.outcome(other.file).await;
            self.session.outcome(other.end).await;
        }
        next_began.unwrap_or(false)
    }

    /// After a refusal, with every answer in: roll back, look at what the ledger says, and record the failure.
    pub(crate) async fn settle(
        &mut self,
        steps: &[Step],
        index: usize,
        refused: Refused,
        next_began: bool,
    ) -> Stop {
        let step = &steps[index];
        let interrupted = self.interrupt.is_fired();
        self.session.quiet().await;
        if let Some(lost) = refused.refusal.ends_session() {
            return Stop::Lost(lost);
        }
        let said = match self.roll_back().await {
            Ok(notices) => notices,
            Err(stop) => return stop,
        };
        if self.has_moved(step).await {
            return Stop::Moved;
        }
        let Refused {
            part,
            completed,
            refusal,
            notices,
        } = refused;
        let mut failure = describe(&step.migration, part, completed, &refusal, notices);
        // PostgreSQL says 25P01 when there is no transaction to roll back.
        let nothing_to_roll_back =
            next_began || said.iter().any(|notice| notice.sqlstate == "25P01");
        let failed_at_commit = part == Part::End && failure.sqlstate.is_some();
        let has_escaped = nothing_to_roll_back || began_another(&step.migration, &refusal);
        if has_escaped && !failed_at_commit {
            failure.escaped(completed);
        } else if !interrupted
            && let Some(pause) = self.retries.pause_after(index, refusal.sqlstate())
        {
            self.tell_retry(step, index, &failure, pause);
            return Stop::Again { index, pause };
        }
        let record = Record {
            statement: failure.completed,
            error: Some(failure.ledger_json()),
            detail: self.retries.detail(index),
            ..Record::of(
                &step.migration,
                step.seq,
                LedgerEvent::Failed,
                self.framing.run,
            )
        };
        match self.write("", &record).await {
            Ok(_) => failure.recorded = true,
            Err(Stop::Unwritten(error)) => self
                .teller
                .remark(format!("the failure is not in the ledger: {error}")),
            Err(stop) => return stop,
        }
        self.failed(failure, interrupted)
    }

    fn tell_retry(&mut self, step: &Step, index: usize, failure: &StepFailure, pause: Duration) {
        self.teller.tell(&Event::Retrying {
            migration: &step.migration,
            reason: &failure.message,
            attempt: self.retries.refused(index) + 1,
            pause,
        });
    }

    /// A cancelled statement is an interruption only when we asked for it.
    pub(crate) fn failed(&mut self, failure: StepFailure, interrupted: bool) -> Stop {
        let cancelled = failure.sqlstate.as_deref() == Some("57014") || failure.sqlstate.is_none();
        if interrupted && cancelled {
            return Stop::Interrupted(Some(Box::new(failure)));
        }
        self.teller.tell(&Event::StepFailed(&failure));
        Stop::Failed(Box::new(failure))
    }

    /// Whether the ledger has a row where this step would have written its own.
    async fn has_moved(&mut self, step: &Step) -> bool {
        match ledger::read(self.session, self.framing.table).await {
            Ok(ledger) => ledger
                .get(step.migration.version())
                .is_some_and(|history| history.next_seq() > step.seq),
            Err(error) => {
                tracing::warn!(%error, "the ledger could not be read after a failure");
                false
            }
        }
    }

    /// Writes a row in a transaction of its own, and returns its `execution_ms`; a cancel request that came late is
    /// survived once.
    pub(crate) async fn write(&mut self, before: &str, record: &Record<'_>) -> Result<f64, Stop> {
        let message = self.framing.record(before, record);
        let mut answer = self.session.ask(&message).await;
        if answer
            .error
            .as_ref()
            .is_some_and(|refusal| refusal.sqlstate() == "57014")
        {
            self.roll_back().await?;
            answer = self.session.ask(&message).await;
        }
        let Some(refusal) = answer.error else {
            return Ok(milliseconds(&answer));
        };
        if let Some(lost) = refusal.ends_session() {
            return Err(Stop::Lost(lost));
        }
        self.roll_back().await?;
        match refusal.sqlstate() {
            "23505" => Err(Stop::Moved),
            _ => Err(Stop::Unwritten(refusal.into_error("write to the ledger"))),
        }
    }

    /// Rolls back; the notices say whether there was anything to roll back.
    pub(crate) async fn roll_back(&mut self) -> Result<Vec<Notice>, Stop> {
        let rollback = self.session.ask("ROLLBACK").await;
        match rollback.error.and_then(|refusal| refusal.ends_session()) {
            Some(lost) => Err(Stop::Lost(lost)),
            None => Ok(rollback.notices),
        }
    }

    /// Stops between two steps: rolls back what is open and makes the prefix durable.
    pub(crate) async fn interrupted(&mut self) -> Stop {
        self.session.quiet().await;
        match self.flush().await {
            Ok(()) => Stop::Interrupted(None),
            Err(stop) => stop,
        }
    }

    /// Rolls back what is open and makes every commit so far durable.
    pub(crate) async fn flush(&mut self) -> Result<(), Stop> {
        self.roll_back().await?;
        let answer = self.session.ask(&flush()).await;
        match answer.error.and_then(|refusal| refusal.ends_session()) {
            Some(lost) => Err(Stop::Lost(lost)),
            None => Ok(()),
        }
    }
}
