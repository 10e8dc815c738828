//! Recording what a person decided about a version.

use crate::account::refused;
use crate::attempt::Attempt;
use crate::connect::Connector;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Observer;
use crate::hold::created_by_another;
use crate::interrupt::Interrupt;
use crate::ledger::{self, Beside, Creation, Record};
use crate::migrator::{Migrator, until};
use crate::report::RepairReport;
use crate::session::Session;
use crate::span::within;
use crate::target::Target;
use devflow_migrations::{Correction, Ledger, PlanDigest, Repair, RepairPlan, Unfit, plan_repair};
use serde_json::json;
use std::future::Future;

impl Migrator {
    /// Appends what a person decided about versions to the ledger: that one is in the database, that it is not, or that
    /// its file is right as it is now. Under the lock, decided under it, in one transaction, all or none. No migration
    /// runs.
    ///
    /// # Errors
    /// Kind `Refused` when a decision does not fit the version's state, `Usage` when nobody knows the version, `Ledger`
    /// when the ledger is damaged; nothing is recorded then.
    pub async fn repair(
        &self,
        url: &str,
        repairs: &[Repair],
        observer: &mut dyn Observer,
    ) -> Result<RepairReport> {
        let never = std::future::pending();
        self.repair_until(url, repairs, observer, never).await
    }

    /// Like [`repair`](Self::repair), and ends early and cleanly when `interrupt` completes: with nothing recorded.
    ///
    /// # Errors
    /// As [`repair`](Self::repair), and kind `Interrupted`.
    pub async fn repair_until(
        &self,
        url: &str,
        repairs: &[Repair],
        observer: &mut dyn Observer,
        interrupt: impl Future<Output = ()> + Send,
    ) -> Result<RepairReport> {
        let target = Target::parse(url)?;
        let wish = Interrupt::default();
        let mut attempt = Attempt::new(self, &target, wish.clone(), observer);
        let span = attempt.span("repair");
        until(&wish, interrupt, within(span, attempt.repair(repairs))).await
    }

    /// Shows what [`repair`](Self::repair) would record; writes nothing, takes no lock, needs SELECT only.
    ///
    /// # Errors
    /// As [`repair`](Self::repair).
    pub async fn plan_repair(
        &self,
        url: &str,
        repairs: &[Repair],
        observer: &mut dyn Observer,
    ) -> Result<RepairReport> {
        let target = Target::parse(url)?;
        let mut attempt = Attempt::new(self, &target, Interrupt::default(), observer);
        let span = attempt.span("plan");
        within(span, attempt.plan_repair(repairs)).await
    }
}

impl Attempt<'_> {
    async fn plan_repair(mut self, repairs: &[Repair]) -> Result<RepairReport> {
        self.check_request()?;
        let mut session = self.open().await?;
        let result = self.look_at_repair(&mut session, repairs).await;
        session.close().await;
        result
    }

    async fn look_at_repair(
        &mut self,
        session: &mut Session,
        repairs: &[Repair],
    ) -> Result<RepairReport> {
        let (ledger, exists) = self.look_and_read(session).await?;
        self.remark_on_guard(session, &ledger).await;
        let plan = self.decide(&ledger, exists, repairs)?;
        let digest = self.repair_digest(session, &plan).await;
        Ok(self.repair_report(&plan, digest))
    }

    async fn repair(mut self, repairs: &[Repair]) -> Result<RepairReport> {
        self.check_request()?;
        let connector = self.connector()?;
        let mut session = self.connect(&connector).await?;
        let result = self.repair_on(&connector, &mut session, repairs).await;
        session.close().await;
        result.map_err(|error| self.unless_interrupted(error))
    }

    async fn repair_on(
        &mut self,
        connector: &Connector<'_>,
        session: &mut Session,
        repairs: &[Repair],
    ) -> Result<RepairReport> {
        let (hold, exists) = self.hold(connector, session).await?;
        let result = self.record_repair(session, repairs, exists).await;
        hold.release(session, &self.table).await;
        result
    }

    /// Decides and writes. The lock is held; it is given back by the caller.
    async fn record_repair(
        &mut self,
        session: &mut Session,
        repairs: &[Repair],
        exists: bool,
    ) -> Result<RepairReport> {
        let ledger = self.read(session, exists).await?;
        let plan = self.decide(&ledger, exists, repairs)?;
        self.check_guard(session, &ledger).await?;
        let digest = self.repair_digest(session, &plan).await;
        if let Some(approved) = &self.migrator.approved {
            if approved.digest != digest {
                return Err(changed(&digest));
            }
            self.run.claim("plan", digest.as_str());
        }
        self.check_interrupt()?;
        if self.prepare(session).await? == Creation::Raced {
            return Err(created_by_another());
        }
        let adopted = ledger.adoptions().iter();
        let adopted = adopted.map(|adoption| Record::adopted(adoption, &self.run.json));
        let corrections = plan.corrections().iter();
        let corrections = corrections.map(|correction| self.record(correction));
        let records: Vec<_> = adopted.chain(corrections).collect();
        ledger::append(session, &self.table, &records).await?;
        Ok(self.repair_report(&plan, digest))
    }

    /// The rows, or what speaks against them.
    fn decide(&self, ledger: &Ledger, exists: bool, repairs: &[Repair]) -> Result<RepairPlan> {
        if !exists {
            return Err(without_ledger(&self.table.shown.to_string()));
        }
        if !ledger.damages().is_empty() {
            return Err(refused(&self.plan_with(ledger)));
        }
        plan_repair(&self.migrator.set, ledger, repairs).map_err(|unfit| unfitting(&unfit))
    }

    fn record<'r>(&'r self, correction: &'r Correction) -> Record<'r> {
        let Correction {
            version,
            decision,
            seq,
            before,
            after,
            ..
        } = correction;
        let from = before.as_ref().map(|before| before.event.as_str());
        let by = self
            .migrator
            .actor
            .as_ref()
            .and_then(|actor| actor.name.as_deref());
        let repair = json!({ "repair": { "decision": decision.as_str(), "from": from, "by": by } });
        Record {
            version,
            seq: *seq,
            event: after.event,
            name: after.name.as_deref(),
            checksum: after.checksum.clone(),
            statement: None,
            execution_ms: None,
            error: None,
            run: &self.run.json,
            detail: Some(self.table.charset.hold(&repair.to_string())),
            before: None,
            compatible_with: None,
            beside: match self.migrator.set.get(version) {
                Some(migration) if after.event.is_applied() => Beside::Put(migration),
                Some(_) | None => Beside::Remove,
            },
        }
    }

    async fn repair_digest(&mut self, session: &mut Session, plan: &RepairPlan) -> PlanDigest {
        let system = self.system(session).await;
        plan.digest(&self.plan_place(&system))
    }

    fn repair_report(&self, plan: &RepairPlan, digest: PlanDigest) -> RepairReport {
        RepairReport {
            run: self.run.id.clone(),
            place: self.place.clone(),
            corrections: plan.corrections().to_vec(),
            digest,
            remarks: self.teller.remarks.clone(),
            elapsed: self.began.elapsed(),
        }
    }
}

fn without_ledger(table: &str) -> Error {
    let message = format!("there is no ledger {table}, so there is nothing to repair");
    Error::new(ErrorKind::Refused, "no_ledger", message)
        .help("`devflow db baseline VERSION` records what a database had before devflow came")
}

/// The first of the reasons gives code and help; all are told.
fn unfitting(unfit: &[Unfit]) -> Error {
    let reasons: Vec<_> = unfit.iter().map(ToString::to_string).collect();
    let (kind, code, help) = match unfit.first() {
        Some(first @ (Unfit::Unknown(_) | Unfit::Twice(_))) => {
            (ErrorKind::Usage, first.code(), first.help())
        }
        Some(first) => (ErrorKind::Refused, first.code(), first.help()),
        None => (ErrorKind::Refused, "refused", ""),
    };
    let message = format!("nothing was recorded: {}", reasons.join("; "));
    Error::new(kind, code, message).help(help)
}

fn changed(digest: &PlanDigest) -> Error {
    let message = format!("the repair is not the approved one: its digest is {digest}");
    Error::new(ErrorKind::PlanChanged, "plan_changed", message)
        .help("look at it again with --dry-run, and approve what it shows")
}
