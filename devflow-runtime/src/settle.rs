//! What to do when a message of a step is refused: drain, roll back, look, record.

use crate::error::{Error, ErrorKind};
use crate::event::Event;
use crate::execute::{Executor, Flight, Refused, Stop};
use crate::failure::{Part, describe, interrupted};
use crate::ledger::{self, LOCAL_SETTINGS, MEDDLED, Record};
use crate::report::{Notice, StepFailure};
use crate::session::{Answer, Lost, Refusal};
use crate::step::{Durability, flush};
use crate::wait::LockWait;
use devflow_migrations::{LedgerEvent, Step, Verb};
use std::collections::VecDeque;
use std::time::Duration;

/// What a step that is rolled back has left behind.
struct Trace {
    /// The file committed by itself.
    kept: bool,
    /// Another run wrote to the ledger.
    overtaken: bool,
}

impl Executor<'_, '_> {
    /// Lets every message that was sent behind a refused one be answered. Says whether the next BEGIN was accepted: then
    /// the refused step had no transaction any more, for an aborted one refuses everything.
    pub(crate) async fn drain(&mut self, others: &mut VecDeque<Flight>) -> bool {
        let mut next_began = None;
        for other in others.drain(..) {
            let begin = self.outcome(other.begin).await;
            next_began.get_or_insert(begin.error.is_none());
            self.outcome(other.file).await;
            self.outcome(other.end).await;
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
        let was_interrupted = self.interrupt.is_fired();
        self.session.quiet().await;
        if let Some(lost) = refused.refusal.ends_session() {
            return Stop::Lost(lost);
        }
        let had_ended = match self.roll_back_what_is_left().await {
            Ok(had_ended) => had_ended,
            Err(stop) => return stop,
        };
        let trace = self.trace(steps, index).await;
        if trace.overtaken {
            return Stop::Moved;
        }
        let Refused {
            part,
            completed,
            refusal,
            notices,
        } = refused;
        let mut failure = describe(&step.migration, part, completed, &refusal, notices);
        failure.waited_for = self.waited_for(&refusal);
        let nothing_to_roll_back = next_began || had_ended;
        // A refused BEGIN leaves nothing to roll back either, and the file's own guard kept it from running.
        let ran = part != Part::Begin;
        let failed_at_commit = part == Part::End && failure.sqlstate.is_some();
        let has_escaped = nothing_to_roll_back || trace.kept;
        if has_escaped && ran && !failed_at_commit {
            failure.escaped(completed);
        } else if !was_interrupted
            && let limits = step.migration.limits()
            && let Some(pause) = self.retries.pause_after(index, limits, refusal.sqlstate())
        {
            self.session.heed(true);
            self.tell_retry(step, index, &failure, pause);
            return Stop::Again { index, pause };
        }
        if let Err(stop) = self
            .record(step, &mut failure, self.retries.detail(index))
            .await
        {
            return stop;
        }
        self.failed(failure, was_interrupted)
    }

    /// What was in the way when a wait for a lock took too long.
    fn waited_for(&self, refusal: &Refusal) -> Option<LockWait> {
        let is_lost_wait = refusal.sqlstate() == "55P03";
        self.watcher.seen().filter(|_| is_lost_wait).cloned()
    }

    /// A large file was interrupted between two of its groups: nothing of it stays.
    pub(crate) async fn cut_short(&mut self, step: &Step, answers: Vec<(usize, Answer)>) -> Stop {
        let notices = answers.into_iter().flat_map(|(_, answer)| answer.notices);
        let mut failure = interrupted(&step.migration, notices.collect());
        self.session.quiet().await;
        if let Err(stop) = self.roll_back().await {
            return stop;
        }
        match self.record(step, &mut failure, None).await {
            Ok(()) => Stop::Interrupted(Some(Box::new(failure))),
            Err(stop) => stop,
        }
    }

    /// Writes the `failed` row of a step that is rolled back; a migration that could not be reverted stays as it was.
    async fn record(
        &mut self,
        step: &Step,
        failure: &mut StepFailure,
        detail: Option<String>,
    ) -> Result<(), Stop> {
        if self.framing.verb == Verb::Revert {
            return Ok(());
        }
        let run = self.framing.run;
        let record = Record {
            statement: failure.completed,
            error: Some(failure.ledger_json()),
            detail,
            ..Record::of(&step.migration, step.seq, LedgerEvent::Failed, run)
        };
        match self.write("", &record).await {
            Ok(_) => failure.recorded = true,
            Err(Stop::Unwritten(error)) => {
                self.teller
                    .remark(format!("the failure is not in the ledger: {error}"));
            }
            Err(stop) => return Err(stop),
        }
        Ok(())
    }

    fn tell_retry(&mut self, step: &Step, index: usize, failure: &StepFailure, pause: Duration) {
        self.teller.tell(&Event::Retrying {
            migration: &step.migration,
            reason: &failure.message,
            waited_for: failure.waited_for.as_ref(),
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

    /// What a step that is rolled back has left behind. Where it cannot be had, the `failed` row settles it: it collides
    /// with that of another run.
    async fn trace(&mut self, steps: &[Step], index: usize) -> Trace {
        let after = self.after(steps, index);
        let query = format!(
            "{LOCAL_SETTINGS} SELECT current_setting('devflow.kept', true); RESET devflow.kept; SELECT {} OR {}",
            ledger::is_overtaken(self.framing.table, after),
            match self.framing.verb {
                Verb::Migrate =>
                    ledger::is_recorded(self.framing.table, steps[index].migration.version()),
                Verb::Baseline | Verb::Adopt | Verb::Revert => "false".to_owned(),
            }
        );
        let answer = self.ask(&query).await;
        if let Some(refusal) = &answer.error {
            let sqlstate = refusal.sqlstate();
            tracing::warn!(sqlstate, "the ledger could not be read after a failure");
        }
        let said = |index: usize| answer.rows.get(index).and_then(|row| row.get(0));
        Trace {
            kept: said(0) == Some(&self.framing.mark(index)),
            overtaken: said(1) == Some("t"),
        }
    }

    /// Writes a row in a transaction of its own, and returns its answer. No cancel request of ours can hit it;
    /// one of somebody else's is survived once.
    pub(crate) async fn write(
        &mut self,
        before: &str,
        record: &Record<'_>,
    ) -> Result<Answer, Stop> {
        let heeded = self.session.quiet().await;
        let result = self.write_quietly(before, record).await;
        self.session.heed(heeded);
        result
    }

    async fn write_quietly(&mut self, before: &str, record: &Record<'_>) -> Result<Answer, Stop> {
        let message = self.framing.record(before, record);
        let mut answer = self.ask(&message).await;
        let is_cancelled = |refusal: &Refusal| refusal.sqlstate() == "57014";
        if answer.error.as_ref().is_some_and(is_cancelled) {
            self.roll_back().await?;
            answer = self.ask(&message).await;
        }
        match answer.error.take() {
            None => Ok(answer),
            Some(refusal) => Err(self.unwritten(refusal).await),
        }
    }

    /// Why a row was refused: another runner wrote it, or the server would not have it.
    pub(crate) async fn unwritten(&mut self, refusal: Refusal) -> Stop {
        if let Some(lost) = refusal.ends_session() {
            return Stop::Lost(lost);
        }
        if let Err(stop) = self.roll_back().await {
            return stop;
        }
        match refusal.sqlstate() {
            "23505" => Stop::Moved,
            _ if refusal.says(MEDDLED) => Stop::Unwritten(meddled()),
            _ => Stop::Unwritten(refusal.into_error("write to the ledger")),
        }
    }

    /// Rolls back; says whether the transaction had ended before.
    async fn roll_back_what_is_left(&mut self) -> Result<bool, Stop> {
        const NO_TRANSACTION: &str = "25P01";
        if self.session.hears_notices() {
            let said = self.roll_back().await?;
            return Ok(said.iter().any(|notice| notice.sqlstate == NO_TRANSACTION));
        }
        // An error is heard by whoever does not hear the notice of ROLLBACK.
        let probe = self.ask("SAVEPOINT devflow").await.error;
        let had_ended = probe.is_some_and(|refusal| refusal.sqlstate() == NO_TRANSACTION);
        self.roll_back().await?;
        Ok(had_ended)
    }

    /// Rolls back, and gives the notices.
    pub(crate) async fn roll_back(&mut self) -> Result<Vec<Notice>, Stop> {
        let rollback = self.ask("ROLLBACK").await;
        match rollback.error.and_then(|refusal| refusal.ends_session()) {
            Some(lost) => Err(Stop::Lost(lost)),
            None => Ok(rollback.notices),
        }
    }

    /// Makes every commit so far durable, however execution ended, and then tells of it: on a new database commits are
    /// asynchronous but for the last.
    pub(crate) async fn make_durable(&mut self, outcome: Result<(), Stop>) -> Result<(), Stop> {
        let outcome = match outcome {
            Err(stop) if self.fresh && !matches!(stop, Stop::Lost(_)) => self.flush(stop).await,
            outcome => outcome,
        };
        if self.fresh && !matches!(outcome, Err(Stop::Lost(_))) {
            self.tell_finished();
        }
        outcome
    }

    /// A commit that waits for the write-ahead log makes the ones before it durable too. It waits for a standby as well
    /// where the role asks for that, until the run is interrupted.
    async fn flush(&mut self, stop: Stop) -> Result<(), Stop> {
        self.session.quiet().await;
        self.roll_back().await?;
        if !self.interrupt.is_fired() {
            self.session.heed(true);
            let flushed = self.ask(&flush(Durability::Now)).await;
            self.session.quiet().await;
            if flushed.error.is_none() {
                return Err(stop);
            }
            self.roll_back().await?;
        }
        match self.ask(&flush(Durability::Here)).await.error {
            None => Err(stop),
            Some(refusal) => Err(Stop::Lost(Lost(format!(
                "what was committed could not be made durable ({})",
                refusal.sqlstate()
            )))),
        }
    }

    fn tell_finished(&mut self) {
        for (index, step) in self.done.iter().enumerate() {
            let (number, total) = (index + 1, self.total);
            self.teller.tell(&Event::StepFinished {
                step,
                number,
                total,
            });
        }
    }
}

fn meddled() -> Error {
    let message = "the ledger did not take a row: a migration put a trigger or a rule on it";
    Error::new(ErrorKind::Ledger, "ledger_untrusted", message).help("remove it, and run again")
}
