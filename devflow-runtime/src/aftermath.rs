//! What a run that stopped says: what was committed, what was rolled back, and what cannot be known.

use crate::attempt::{Attempt, Round};
use crate::backend::Backend;
use crate::connect::Connector;
use crate::error::{Error, ErrorKind, Result};
use crate::ledger;
use crate::lock::{Hold, Link, Polled, Watch, holder, poll};
use crate::report::{Report, StepFailure, StepReport};
use crate::run::jittered;
use crate::session::{Lost, Session};
use devflow_migrations::{Ledger, LedgerRow, Plan, Step, Verb, Version};
use std::time::Duration;
use tokio::time::Instant;

/// How long to wait for the server to end what the lost connection left behind.
const ORPHAN: Duration = Duration::from_secs(5);

/// A connection that was lost with steps under way.
pub(crate) struct Loss<'p> {
    plan: &'p Plan,
    /// The steps that had been sent.
    sent: &'p [Step],
    /// Whether they were committed asynchronously.
    fresh: bool,
    lost: Lost,
    /// The server's side, which may not know of it.
    orphan: Option<Backend>,
}

impl<'p> Loss<'p> {
    /// Hangs up: where only this side takes the connection for lost, the other has to hear of it.
    pub(crate) fn of(
        session: &mut Session,
        plan: &'p Plan,
        launched: usize,
        fresh: bool,
        lost: Lost,
    ) -> Self {
        session.hang_up(lost.clone());
        Self {
            plan,
            sent: &plan.steps()[..launched],
            fresh,
            lost,
            orphan: session.backend.take(),
        }
    }
}

impl Attempt<'_> {
    /// Where nothing was ever applied and the database is in use, a first migration that fails may only lack a baseline.
    pub(crate) async fn suggest_baseline(
        &mut self,
        session: &mut Session,
        plan: &Plan,
        failure: &mut StepFailure,
    ) {
        let is_first = plan.verb() == Verb::Migrate && plan.applied() == 0 && self.done.is_empty();
        let left_nothing = failure.completed.unwrap_or(0) == 0;
        if is_first
            && left_nothing
            && let Some(newest) = self.migrator.set.newest()
            // Without an answer there is only a hint less.
            && let Ok(facts) = ledger::take_facts(session, &self.table).await
            && facts.in_use
        {
            failure.suggest_baseline(newest.version());
        }
    }

    /// The run ended with a failed migration.
    pub(crate) fn failed(&self, failure: StepFailure, plan: &Plan) -> Error {
        let help = match (failure.mode.is_atomic(), failure.completed) {
            (true, Some(1..)) => {
                "what is complete stays; the next run stops here until a person has decided"
            }
            (false, Some(1..)) => {
                "what is complete stays; correct the statement that failed and run again: it goes on there"
            }
            (_, None | Some(0)) => "correct the file and run again: it goes on from here",
        };
        Error::new(
            ErrorKind::MigrationFailed,
            "migration_failed",
            sentence(&failure),
        )
        .help(help)
        .with_report(self.report(plan, None))
        .with_failure(failure)
    }

    /// The run was told to stop.
    pub(crate) fn interrupted(&self, failure: Option<StepFailure>, plan: &Plan) -> Error {
        let error = Error::new(
            ErrorKind::Interrupted,
            "interrupted",
            "the run was interrupted",
        )
        .help("what had been committed stays; run again to go on")
        .with_report(self.report(plan, None));
        match failure {
            Some(failure) => error.with_failure(failure),
            None => error,
        }
    }

    /// The connection was lost with steps under way: a fresh look says what was committed; where it cannot be had,
    /// those steps are unconfirmed.
    pub(crate) async fn lost(
        &mut self,
        connector: &Connector<'_>,
        hold: &mut Hold,
        loss: Loss<'_>,
    ) -> Result<Round> {
        let Loss { plan, lost, .. } = &loss;
        if loss.sent.is_empty() {
            return Err(loss.lost.before_anything_ran());
        }
        let told: Vec<Version> = match loss.fresh {
            true => Vec::new(),
            false => self.done.iter().map(|step| step.version.clone()).collect(),
        };
        let mut report = match self.look_after(connector, hold, &loss).await {
            Ok(()) => {
                self.remark_vanished(&told);
                self.report(plan, None)
            }
            Err(error) => {
                let remark = format!("what was committed could not be confirmed: {error}");
                self.teller.remark(remark);
                self.unconfirmed(plan, loss.sent, loss.fresh)
            }
        };
        if report.pending.is_empty() && report.unconfirmed.is_empty() {
            self.teller.remark(format!(
                "the connection was lost after the last commit, and a fresh look confirmed every step: {}",
                lost.0
            ));
            report.remarks.clone_from(&self.teller.remarks);
            return Ok(Round::Over(Box::new(report)));
        }
        let help = match report.unconfirmed.is_empty() {
            true => "what is listed is committed, and nothing else; run again to go on",
            false => {
                "look with `devflow db status` once the server answers, or run again: what is in the ledger is not applied twice"
            }
        };
        Err(Error::new(
            ErrorKind::Broken,
            "connection_lost",
            format!("the connection was lost: {}", lost.0),
        )
        .help(help)
        .with_report(report))
    }

    /// A standby takes over without the commits that had not reached it yet.
    fn remark_vanished(&mut self, told: &[Version]) {
        let is_there = |version: &Version| self.done.iter().any(|step| step.version == *version);
        let vanished = told.iter().filter(|version| !is_there(version));
        let vanished: Vec<_> = vanished.map(ToString::to_string).collect();
        if !vanished.is_empty() {
            self.teller.remark(format!(
                "{} had been committed, and the server that answers now does not have it: it was lost with the other",
                vanished.join(", ")
            ));
        }
    }

    /// Connects again, ends the lost session, and reads what it committed.
    async fn look_after(
        &mut self,
        connector: &Connector<'_>,
        hold: &mut Hold,
        loss: &Loss<'_>,
    ) -> Result<()> {
        let (verb, sent) = (loss.plan.verb(), loss.sent);
        // The interruption, if there was one, is over: this look is short and bounded.
        let again = connector.uninterrupted();
        let mut session = again.connect(&mut |_, _| {}).await?;
        let facts = ledger::take_facts(&mut session, &self.table).await?;
        if facts.in_recovery {
            let message = "a standby answers now, which may be behind what was committed";
            return Err(Error::new(ErrorKind::ReadOnly, "read_only", message));
        }
        if let Some(orphan) = &loss.orphan {
            orphan.end(&mut session).await;
        }
        let is_locked = self.lock_again(&again, hold, &mut session).await?;
        let ledger = self.recount(&mut session, verb, sent).await?;
        if is_locked && verb == Verb::Migrate {
            self.record_lost(&mut session, &ledger, sent, &loss.lost)
                .await?;
            self.recount(&mut session, verb, sent).await?;
        } else if is_locked && hold.link() == Link::Pooled && self.done.len() < sent.len() {
            return Err(still_at_work());
        }
        session.close().await;
        Ok(())
    }

    /// What the ledger says of the steps that were sent.
    async fn recount(
        &mut self,
        session: &mut Session,
        verb: Verb,
        sent: &[Step],
    ) -> Result<Ledger> {
        let ledger = ledger::read(session, &self.table).await?;
        let run = self.run.id.clone();
        let committed = |version: &Version| committed(&ledger, version, verb, &run);
        self.done.retain(|step| committed(&step.version).is_some());
        for step in sent {
            let version = step.migration.version();
            let row = committed(version);
            let known = self.done.iter().any(|done| done.version == *version);
            match row {
                Some(row) if !known => self.done.push(found(step, row)),
                _ => {}
            }
        }
        Ok(ledger)
    }

    /// Says whether the run holds the lock now: another may have taken it first.
    ///
    /// The lost session holds the lock until the server has noticed; only then is what it wrote final. A lock that was
    /// held beside it is still there, and says nothing about that session: see `record_lost`.
    async fn lock_again(
        &mut self,
        connector: &Connector<'_>,
        hold: &mut Hold,
        session: &mut Session,
    ) -> Result<bool> {
        if matches!(hold, Hold::Beside(_)) && hold.lost().is_none() {
            return Ok(true);
        }
        let deadline = Instant::now() + ORPHAN;
        loop {
            if poll(session, &self.table, self.link, &Watch::Nothing).await? == Polled::Locked {
                *hold = Hold::keep(connector, session, self.link).await?;
                return Ok(true);
            }
            let holder = holder(session, &self.table).await;
            if holder.is_some_and(|holder| !holder.application.contains(&self.run.id)) {
                return Ok(false);
            }
            if Instant::now() >= deadline {
                return Err(still_at_work());
            }
            tokio::time::sleep(jittered(Duration::from_millis(100))).await;
        }
    }

    /// The transactional step that was under way was rolled back with its session; the ledger says so. Where the session
    /// may still be at work, the row decides: it waits for the one that the step has written, and either collides with it
    /// or keeps it from being written.
    async fn record_lost(
        &mut self,
        session: &mut Session,
        ledger: &Ledger,
        sent: &[Step],
        lost: &Lost,
    ) -> Result<()> {
        let is_done = |step: &&Step| {
            self.done
                .iter()
                .any(|done| done.version == *step.migration.version())
        };
        let Some(step) = sent.iter().find(|step| !is_done(step)) else {
            return Ok(());
        };
        let seq = ledger
            .get(step.migration.version())
            .map_or(1, |history| history.next_seq());
        // A half-done file is as half done as it was: its rows say more than a failure would.
        if seq != step.seq || step.resume.is_some() {
            return Ok(());
        }
        match ledger::record_loss(session, &self.table, step, &self.run.json, &lost.0).await {
            Err(error) if error.code() == "ledger_locked" => Err(error),
            Err(error) => {
                tracing::warn!(%error, "the failure could not be recorded in the ledger");
                session.ask("ROLLBACK").await.accept("roll back").map(drop)
            }
            Ok(()) => Ok(()),
        }
    }

    fn unconfirmed(&self, plan: &Plan, sent: &[Step], fresh: bool) -> Report {
        let mut report = self.report(plan, None);
        let is_certain =
            |version: &Version| !fresh && self.done.iter().any(|done| done.version == *version);
        report.unconfirmed = sent
            .iter()
            .map(|step| step.migration.version())
            .filter(|version| !is_certain(version))
            .cloned()
            .collect();
        report
    }
}

fn still_at_work() -> Error {
    let message = "the lost session may still be at work";
    Error::new(ErrorKind::Broken, "orphan", message)
}

/// The row by which this run carried out a version's step.
fn committed<'a>(
    ledger: &'a Ledger,
    version: &Version,
    verb: Verb,
    run: &str,
) -> Option<&'a LedgerRow> {
    let history = ledger.get(version)?;
    let row = history.last()?;
    let is_ours = row.run.as_deref().is_some_and(|json| json.contains(run));
    (history.event() == verb.event() && is_ours).then_some(row)
}

fn found(step: &Step, row: &LedgerRow) -> StepReport {
    StepReport {
        version: step.migration.version().clone(),
        path: step.migration.path().to_owned(),
        mode: step.migration.mode(),
        execution_ms: row.execution_ms.unwrap_or_default(),
        statements: step.migration.statements().len(),
        notices: Vec::new(),
    }
}

fn sentence(failure: &StepFailure) -> String {
    let place = match failure.position {
        Some(position) => format!("{}:{}:{}", failure.path, position.line, position.column),
        None => failure.path.clone(),
    };
    let sqlstate = failure
        .sqlstate
        .as_ref()
        .map(|code| format!(" (SQLSTATE {code})"))
        .unwrap_or_default();
    let waited = failure
        .waited_for
        .as_ref()
        .map(|wait| format!("; it waited for {wait}"))
        .unwrap_or_default();
    format!("{place} failed: {}{sqlstate}{waited}", failure.message)
}
