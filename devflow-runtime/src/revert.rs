//! Undoing applied migrations by their down files.

use crate::account::refused;
use crate::attempt::{Attempt, Round};
use crate::connect::Connector;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Observer};
use crate::interrupt::Interrupt;
use crate::ledger::Creation;
use crate::lock::Hold;
use crate::migrator::{Migrator, until};
use crate::precondition::check_intact;
use crate::report::{PlanReport, Report};
use crate::session::Session;
use crate::span::within;
use crate::target::Target;
use devflow_migrations::{CleanPlan, Ledger, Plan, PlanDigest, Version, plan_revert};
use std::future::Future;

impl Migrator {
    /// Undoes every applied migration that is newer than `to`, newest first; without `to`, the newest one.
    ///
    /// Each down file runs in a transaction, which its `reverted` row commits with. The lock is held from the plan to the
    /// end. What is undone is what a look before the lock found, or nothing: a run that was waited for may have changed
    /// it. Nothing is undone when one of them cannot be, for want of its down file for example; embedded migrations have
    /// theirs when `embed_migrations!` was told `down`.
    ///
    /// # Errors
    /// [`Error`]; what had been reverted before it is in its `report`. A down file that fails is rolled back, and its
    /// migration stays applied.
    pub async fn revert(
        &self,
        url: &str,
        to: Option<&Version>,
        observer: &mut dyn Observer,
    ) -> Result<Report> {
        let never = std::future::pending();
        self.revert_until(url, to, observer, never).await
    }

    /// Like [`revert`](Self::revert), and ends early and cleanly when `interrupt` completes: the down file under way is
    /// cancelled on the server and rolled back.
    ///
    /// # Errors
    /// As [`revert`](Self::revert), and kind `Interrupted`.
    pub async fn revert_until(
        &self,
        url: &str,
        to: Option<&Version>,
        observer: &mut dyn Observer,
        interrupt: impl Future<Output = ()> + Send,
    ) -> Result<Report> {
        let target = Target::parse(url)?;
        let wish = Interrupt::default();
        let mut attempt = Attempt::new(self, &target, wish.clone(), observer);
        let span = attempt.span("revert");
        until(&wish, interrupt, within(span, attempt.revert(to))).await
    }

    /// Shows what [`revert`](Self::revert) would undo; writes nothing, takes no lock, needs SELECT only.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub async fn plan_revert(
        &self,
        url: &str,
        to: Option<&Version>,
        observer: &mut dyn Observer,
    ) -> Result<PlanReport> {
        let target = Target::parse(url)?;
        let mut attempt = Attempt::new(self, &target, Interrupt::default(), observer);
        attempt.check_bound(to)?;
        let span = attempt.span("plan");
        let make = |attempt: &Attempt<'_>, ledger: &Ledger| attempt.plan_revert(ledger, to);
        within(span, attempt.plan(make)).await
    }
}

impl Attempt<'_> {
    async fn revert(mut self, to: Option<&Version>) -> Result<Report> {
        self.check_request()?;
        self.check_bound(to)?;
        let connector = self.connector()?;
        let mut session = self.connect(&connector).await?;
        let result = self.revert_on(&connector, &mut session, to).await;
        session.close().await;
        result.map_err(|error| self.unless_interrupted(error))
    }

    fn plan_revert(&self, ledger: &Ledger, to: Option<&Version>) -> Plan {
        plan_revert(&self.migrator.set, ledger, to)
    }

    /// Every version is newer than 0, so that all can be undone.
    fn check_bound(&self, to: Option<&Version>) -> Result<()> {
        match to {
            Some(version) if version.as_str() != "0" => self.check_version(version),
            _ => Ok(()),
        }
    }

    async fn revert_on(
        &mut self,
        connector: &Connector<'_>,
        session: &mut Session,
        to: Option<&Version>,
    ) -> Result<Report> {
        let make = |attempt: &Self, ledger: &Ledger| attempt.plan_revert(ledger, to);
        let (_, glance) = self.inspect(session, make).await?;
        let clean = self.clean(glance.plan)?;
        let approved = self.migrator.approved.as_ref();
        let is_another = approved.is_some_and(|approved| approved.digest != glance.digest);
        if clean.plan().steps().is_empty() && !is_another {
            return Ok(self.report(clean.plan(), None));
        }
        let (mut hold, exists) = self.hold(connector, session).await?;
        let under = (&mut hold, exists);
        let result = self.revert_locked(connector, session, under, to, &glance.digest);
        let result = result.await;
        hold.release(session, &self.table).await;
        result
    }

    /// Executes the plan of the glance. The lock is held; it is given back by the caller.
    async fn revert_locked(
        &mut self,
        connector: &Connector<'_>,
        session: &mut Session,
        (hold, exists): (&mut Hold, bool),
        to: Option<&Version>,
        glance: &PlanDigest,
    ) -> Result<Report> {
        let ledger = self.read(session, exists).await?;
        let plan = self.plan_revert(&ledger, to);
        self.check_approval(session, &plan, &ledger, exists).await?;
        let digest = self.contents(session, &plan).await.digest();
        if digest != *glance {
            return Err(overtaken());
        }
        self.teller.tell(&Event::Planned(&plan));
        let mut clean = self.clean(plan)?;
        if !ledger.adoptions().is_empty() && !clean.plan().steps().is_empty() {
            if self.append_adoptions(session, &ledger).await? == Creation::Raced {
                return Err(overtaken());
            }
            let ledger = self.read(session, true).await?;
            clean = self.clean(self.plan_revert(&ledger, to))?;
        }
        check_intact(clean.plan().steps())?;
        self.teller.warn(clean.plan());
        let round = Box::pin(self.execute(connector, session, hold, clean, Some(digest), false));
        match round.await? {
            Round::Over(report) => Ok(*report),
            Round::LookAgain => Err(self.with_earlier_rounds(overtaken())),
        }
    }

    fn clean(&self, plan: Plan) -> Result<CleanPlan> {
        plan.into_clean().map_err(|plan| refused(&plan))
    }
}

/// Another run wrote to the ledger after the plan was made.
fn overtaken() -> Error {
    let message = "another run changed the ledger since this one looked at what to revert";
    Error::new(ErrorKind::PlanChanged, "plan_changed", message)
        .help("look again with `devflow db revert --dry-run`")
}
