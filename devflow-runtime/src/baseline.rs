//! Recording what a database has had since before devflow came.

use crate::account::refused;
use crate::attempt::Attempt;
use crate::connect::Connector;
use crate::error::Result;
use crate::hold::created_by_another;
use crate::ledger::{self, Creation, Record};
use crate::report::{Report, StepReport};
use crate::session::Session;
use devflow_migrations::{Ledger, Plan, Step, Version, plan_baseline};

impl Attempt<'_> {
    /// Records the pending migrations up to `version`, in one transaction, under the lock.
    pub(crate) async fn baseline(mut self, version: &Version) -> Result<Report> {
        self.check_request()?;
        self.check_version(version)?;
        let connector = self.connector()?;
        let mut session = self.connect(&connector).await?;
        let result = self.baseline_on(&connector, &mut session, version).await;
        session.close().await;
        result.map_err(|error| self.unless_interrupted(error))
    }

    pub(crate) fn plan_baseline(&self, ledger: &Ledger, version: &Version) -> Plan {
        let migrator = self.migrator;
        plan_baseline(&migrator.set, ledger, migrator.policy(), version)
    }

    async fn baseline_on(
        &mut self,
        connector: &Connector<'_>,
        session: &mut Session,
        version: &Version,
    ) -> Result<Report> {
        let (hold, exists) = self.hold(connector, session).await?;
        let result = self.record_baseline(session, version, exists).await;
        hold.release(session, &self.table).await;
        result
    }

    async fn record_baseline(
        &mut self,
        session: &mut Session,
        version: &Version,
        exists: bool,
    ) -> Result<Report> {
        let ledger = self.read(session, exists).await?;
        let plan = self.plan_baseline(&ledger, version);
        self.record_plan(session, &ledger, plan, exists).await
    }

    /// Records the steps of a plan that runs none of them. The lock is held; it is given back by the caller.
    pub(crate) async fn record_plan(
        &mut self,
        session: &mut Session,
        ledger: &Ledger,
        plan: Plan,
        exists: bool,
    ) -> Result<Report> {
        let digest = self.check_approval(session, &plan, ledger, exists).await?;
        let plan = plan
            .into_clean()
            .map_err(|plan| refused(&plan))?
            .into_plan();
        if plan.steps().is_empty() {
            return Ok(self.report(&plan, digest));
        }
        self.check_interrupt()?;
        if self.prepare(session).await? == Creation::Raced {
            return Err(created_by_another());
        }
        let (event, run) = (plan.verb().event(), &self.run.json);
        let adopted = ledger.adoptions().iter();
        let adopted = adopted.map(|adoption| Record::adopted(adoption, run));
        let steps = plan.steps().iter();
        let steps = steps.map(|step| Record::of(&step.migration, step.seq, event, run));
        let records: Vec<_> = adopted.chain(steps).collect();
        ledger::append(session, &self.table, &records).await?;
        self.done = plan.steps().iter().map(recorded).collect();
        Ok(self.report(&plan, digest))
    }
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
