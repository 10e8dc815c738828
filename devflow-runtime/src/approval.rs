//! Holding the plan against the one that was approved.

use crate::attempt::Attempt;
use crate::error::{Error, ErrorKind, Result};
use crate::inspect::{by, claim};
use crate::ledger;
use crate::session::Session;
use devflow_migrations::{
    Ledger, LedgerEvent, LedgerRow, Plan, PlanContents, PlanDigest, PlanPlace,
};

/// What a run may do: the plan that was approved.
#[derive(Debug, Clone)]
pub(crate) struct Approved {
    pub(crate) digest: PlanDigest,
    /// All of the plan, where that was handed over: then it can be said what differs.
    pub(crate) contents: Option<Box<PlanContents>>,
}

impl Attempt<'_> {
    /// Passes on the approved plan's digest. The ledger is the one that the plan was made with.
    pub(crate) async fn check_approval(
        &mut self,
        session: &mut Session,
        plan: &Plan,
        ledger: &Ledger,
        exists: bool,
    ) -> Result<Option<PlanDigest>> {
        self.check_guard(session, ledger).await?;
        let Some(approved) = &self.migrator.approved else {
            return Ok(None);
        };
        let contents = self.contents(session, plan).await;
        let digest = contents.digest();
        if digest == approved.digest {
            self.run.claim("plan", digest.as_str());
            return Ok(Some(digest));
        }
        let reviewed = approved.contents.as_deref();
        let differences =
            reviewed.map_or_else(Vec::new, |reviewed| reviewed.differences(&contents, ledger));
        let report = self.plan_report(plan.clone(), contents, exists);
        let error = match carried_out(ledger, approved) {
            Some(row) if plan.steps().is_empty() => already(row),
            _ => changed(&digest, differences.is_empty()).with_differences(differences),
        };
        Err(error.with_plan(report))
    }

    pub(crate) async fn contents(&mut self, session: &mut Session, plan: &Plan) -> PlanContents {
        let system = self.system(session).await;
        plan.contents(&self.plan_place(&system))
    }

    /// The server's system identifier.
    pub(crate) async fn system(&mut self, session: &mut Session) -> String {
        if let Some(system) = &self.system {
            return system.clone();
        }
        let system = ledger::system_identifier(session).await;
        self.system.insert(system).clone()
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

/// The newest row of the runs that had this plan, unless it says that one of them failed, or a step of it has none.
fn carried_out<'l>(ledger: &'l Ledger, approved: &Approved) -> Option<&'l LedgerRow> {
    let rows = ledger.iter().flat_map(|(_, history)| history.rows());
    let is_its = |row: &LedgerRow| {
        let plan = row.run.as_deref().and_then(|run| claim(run, "plan"));
        plan.as_deref() == Some(approved.digest.as_str())
    };
    let its: Vec<_> = rows.filter(|(_, row)| is_its(row)).collect();
    let newest = its.iter().max_by_key(|(_, row)| row.id);
    let is_done = |version: &str| {
        let mut its = its.iter();
        its.any(|(event, row)| row.version == version && is_end(*event))
    };
    let contents = approved.contents.as_deref();
    let is_whole = contents.is_none_or(|plan| plan.steps.iter().all(|it| is_done(&it.version)));
    newest
        .filter(|(event, _)| is_whole && is_end(*event))
        .map(|(_, row)| *row)
}

/// Whether nothing of the version is left to do.
fn is_end(event: LedgerEvent) -> bool {
    use LedgerEvent as E;
    !matches!(event, E::Failed | E::Started | E::Progress)
}

fn already(row: &LedgerRow) -> Error {
    let by = row.run.as_deref().and_then(by);
    let by = by.map_or_else(String::new, |by| format!(" by {by}"));
    let at = &row.at;
    let message = format!("this plan was carried out already{by}, at {at}, and nothing is pending");
    Error::new(ErrorKind::PlanChanged, "plan_carried_out", message)
        .help("nothing is left to do; `devflow db status` shows what is in the database")
}

fn changed(digest: &PlanDigest, unnamed: bool) -> Error {
    let message = format!("the plan is not the approved one: its digest is {digest}");
    let help = match unnamed {
        true => {
            "a digest alone does not tell what differs; `--dry-run --out FILE` and then `--plan FILE` do. \
             Look at the plan again with --dry-run, and approve what it shows"
        }
        false => "look at the plan again with --dry-run, and approve what it shows",
    };
    Error::new(ErrorKind::PlanChanged, "plan_changed", message).help(help)
}
