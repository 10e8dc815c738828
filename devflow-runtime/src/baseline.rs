//! Recording what a database has had since before devflow came.

use crate::account::refused;
use crate::attempt::Attempt;
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::{self, Creation, Found, LOCAL_SETTINGS, Look, Record};
use crate::lock::{self, Waited, Watch};
use crate::report::{Report, StepReport};
use crate::session::Session;
use crate::step::Durability;
use devflow_migrations::{FindingKind, LedgerEvent, Plan, Step, Version};

impl Attempt<'_> {
    /// Records the pending migrations up to `version`, in one transaction, under the lock.
    pub(crate) async fn baseline(mut self, version: &Version) -> Result<Report> {
        self.check_request()?;
        self.check_version(version)?;
        let mut session = self.open().await?;
        let result = self.baseline_on(&mut session, version).await;
        session.close().await;
        result.map_err(|error| self.unless_interrupted(error))
    }

    async fn baseline_on(&mut self, session: &mut Session, version: &Version) -> Result<Report> {
        let Look { facts, found } = self.look(session).await?;
        let shape = match found {
            Found::Unusable(error) => return Err(error),
            Found::Nothing => None,
            Found::Ledger { shape, .. } => Some(shape),
        };
        let ledger = self.read(session, shape.is_some()).await?;
        let glance = self.plan_with(&ledger);
        self.check_writable(session, &facts, shape.as_ref(), &glance)?;
        let watch = if shape.is_some() {
            Watch::Nothing
        } else {
            Watch::Table
        };
        if self.acquire(session, &watch).await? == Waited::LookAgain {
            return Err(created_by_another());
        }
        let result = self
            .record_baseline(session, version, shape.is_some())
            .await;
        session.quiet().await;
        lock::release(session, &self.table).await;
        result
    }

    async fn record_baseline(
        &mut self,
        session: &mut Session,
        version: &Version,
        exists: bool,
    ) -> Result<Report> {
        let ledger = self.read(session, exists).await?;
        let plan = self.plan_with(&ledger);
        check(&plan)?;
        let steps = steps_up_to(&plan, version);
        if steps.is_empty() {
            return Ok(self.report(&plan, None));
        }
        if !exists {
            let (facts, _) = ledger::take_facts(session, &self.table).await?;
            if self.create(session, &facts).await? == Creation::Raced {
                return Err(created_by_another());
            }
        }
        let mut message = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {LOCAL_SETTINGS} {} ",
            Durability::Now.statement()
        );
        for step in &steps {
            let record = Record::of(
                &step.migration,
                step.seq,
                LedgerEvent::Baselined,
                &self.run.json,
            );
            message.push_str(&format!("{}; ", record.insert(&self.table, None)));
        }
        message.push_str("COMMIT");
        session
            .ask(&message)
            .await
            .accept("write the baseline to the ledger")
            .map_err(perhaps_recorded)?;
        self.done = steps.iter().map(recorded).collect();
        Ok(self.report(&plan, None))
    }
}

/// A connection that is lost in the middle may have committed.
fn perhaps_recorded(error: Error) -> Error {
    if error.kind() != ErrorKind::Disconnected {
        return error;
    }
    let message = format!("{error}; whether the baseline was recorded is not known");
    Error::new(ErrorKind::Broken, "connection_lost", message)
        .help("look with `devflow db status`; running it again is safe")
}

fn created_by_another() -> Error {
    Error::new(
        ErrorKind::Broken,
        "ledger_moving",
        "another run created the ledger at this moment",
    )
    .help("look at `devflow db status`, and run again")
}

/// Pending and late ones are what a baseline is for; anything else that is refused stops it.
fn check(plan: &Plan) -> Result<()> {
    let stops = plan
        .refused()
        .any(|finding| !matches!(finding.kind, FindingKind::OutOfOrder { .. }));
    if stops { Err(refused(plan)) } else { Ok(()) }
}

fn steps_up_to(plan: &Plan, version: &Version) -> Vec<Step> {
    plan.steps()
        .iter()
        .filter(|step| step.migration.version() <= version)
        .cloned()
        .collect()
}

fn recorded(step: &Step) -> StepReport {
    StepReport {
        version: step.migration.version().clone(),
        path: step.migration.path().to_owned(),
        mode: step.migration.mode(),
        execution_ms: 0.0,
        statements: step.migration.statements().len(),
        notices: Vec::new(),
    }
}
