//! What a run that stopped says: what was committed, what was rolled back, and what cannot be known.

use crate::attempt::{Attempt, Round};
use crate::connect::Connector;
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::{self, LOCAL_SETTINGS};
use crate::lock;
use crate::report::{Report, StepFailure, StepReport};
use crate::run::jittered;
use crate::session::{Lost, Session};
use devflow_migrations::{Ledger, LedgerRow, Plan, Step, Verb, Version};
use std::time::Duration;
use tokio::time::Instant;

/// How long to wait for the server to end what the lost connection left behind.
const ORPHAN: Duration = Duration::from_secs(5);

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
            && let Ok((facts, _)) = ledger::take_facts(session, &self.table).await
            && facts.in_use
        {
            failure.suggest_baseline(newest.version());
        }
    }

    /// The run ended with a failed migration.
    pub(crate) fn failed(&self, failure: StepFailure, plan: &Plan) -> Error {
        let help = match failure.completed {
            Some(1..) => {
                "what is complete stays; the next run stops here until a person has decided"
            }
            None | Some(0) => "correct the file and run again: it goes on from here",
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
        plan: &Plan,
        launched: usize,
        fresh: bool,
        lost: Lost,
    ) -> Result<Round> {
        if launched == 0 {
            return Err(lost.before_anything_ran());
        }
        let sent = &plan.steps()[..launched];
        let report = match self.look_after(connector, plan.verb(), sent, &lost).await {
            Ok(()) => self.report(plan, None),
            Err(error) => {
                tracing::warn!(%error, "what was committed could not be confirmed");
                self.unconfirmed(plan, sent, fresh)
            }
        };
        if report.pending.is_empty() && report.unconfirmed.is_empty() {
            self.teller.remark(format!(
                "the connection was lost after the last commit, and a fresh look confirmed every step: {}",
                lost.0
            ));
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

    /// Connects again, waits until the lost session has ended, and reads what it committed.
    async fn look_after(
        &mut self,
        connector: &Connector<'_>,
        verb: Verb,
        sent: &[Step],
        lost: &Lost,
    ) -> Result<()> {
        // The interruption, if there was one, is over: this look is short and bounded.
        let again = connector.uninterrupted();
        let mut session = again.connect(&mut |_, _| {}).await?;
        let is_locked = self.wait_for_orphan(&mut session).await?;
        let ledger = ledger::read(&mut session, &self.table).await?;
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
        if is_locked && verb == Verb::Migrate {
            self.record_lost(&mut session, &ledger, sent, lost).await;
        }
        session.close().await;
        Ok(())
    }

    /// The lost session holds the lock until the server has noticed; only then is what it wrote final. Says whether this
    /// session holds the lock now: another run may have taken it first.
    async fn wait_for_orphan(&mut self, session: &mut Session) -> Result<bool> {
        let poll = format!(
            "{LOCAL_SETTINGS} SELECT pg_try_advisory_lock({})",
            self.table.key.0
        );
        let deadline = Instant::now() + ORPHAN;
        loop {
            let answer = session.ask(&poll).await.accept("ask for devflow's lock")?;
            if answer.rows.first().and_then(|row| row.get(0)) == Some("t") {
                return Ok(true);
            }
            let holder = lock::holder(session, &self.table).await;
            if holder.is_some_and(|holder| !holder.application.contains(&self.run.id)) {
                return Ok(false);
            }
            if Instant::now() >= deadline {
                return Err(Error::new(
                    ErrorKind::Broken,
                    "orphan",
                    "the lost session is still at work",
                ));
            }
            tokio::time::sleep(jittered(Duration::from_millis(100))).await;
        }
    }

    /// The transactional step that was under way was rolled back with its session; the ledger says so.
    async fn record_lost(
        &mut self,
        session: &mut Session,
        ledger: &Ledger,
        sent: &[Step],
        lost: &Lost,
    ) {
        let is_done = |step: &&Step| {
            self.done
                .iter()
                .any(|done| done.version == *step.migration.version())
        };
        let Some(step) = sent.iter().find(|step| !is_done(step)) else {
            return;
        };
        let seq = ledger
            .get(step.migration.version())
            .map_or(1, |history| history.next_seq());
        if seq != step.seq {
            return;
        }
        if let Err(error) =
            ledger::record_loss(session, &self.table, step, &self.run.json, &lost.0).await
        {
            tracing::warn!(%error, "the failure could not be recorded in the ledger");
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
    format!("{place} failed: {}{sqlstate}", failure.message)
}
