//! Holding the plan against the one that was approved.

use crate::attempt::Attempt;
use crate::error::{Error, ErrorKind, Result};
use crate::ledger;
use crate::session::Session;
use devflow_migrations::{Plan, PlanDigest, PlanPlace};

impl Attempt<'_> {
    pub(crate) async fn check_approval(
        &mut self,
        session: &mut Session,
        plan: &Plan,
        exists: bool,
    ) -> Result<Option<PlanDigest>> {
        let Some(approved) = &self.migrator.approved else {
            return Ok(None);
        };
        let digest = self.digest(session, plan).await;
        if digest == *approved {
            return Ok(Some(digest));
        }
        let message = format!("the plan is not the approved one: its digest is {digest}");
        let report = self.plan_report(plan.clone(), digest, exists);
        Err(Error::new(ErrorKind::PlanChanged, "plan_changed", message)
            .help("look at the plan again with --dry-run, and approve what it shows")
            .with_plan(report))
    }

    pub(crate) async fn digest(&mut self, session: &mut Session, plan: &Plan) -> PlanDigest {
        let system = ledger::system_identifier(session).await;
        plan.digest(&self.plan_place(&system))
    }

    /// Where an approval is for.
    pub(crate) fn plan_place<'s>(&'s self, system: &'s str) -> PlanPlace<'s> {
        PlanPlace {
            environment: &self.migrator.environment,
            database: &self.place.database,
            system,
            table: &self.table.shown,
        }
    }
}
