//! Taking over what another history of the same database says: devflow's own ledger and the Supabase CLI's table follow
//! each other, and nothing runs twice.

use crate::attempt::Attempt;
use crate::connect::Connector;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Observer;
use crate::interrupt::Interrupt;
use crate::ledger::{self, Facts, Found, LedgerTable, Look, Shape};
use crate::migrator::{Migrator, until};
use crate::report::{PlanReport, Report};
use crate::session::Session;
use crate::span::within;
use crate::tables::read_tables;
use crate::target::Target;
use devflow_migrations::{Ledger, LedgerKind, Plan, plan_adopt};
use std::future::Future;

impl Migrator {
    /// Records what is pending here and applied by what the other history of the database says: by the Supabase CLI's
    /// table, or, where that one counts, by a ledger of devflow's own at the place of the tracking table. No migration
    /// runs. Under the lock, in one transaction, all or none.
    ///
    /// # Errors
    /// Kind `Refused` when a file is not what was applied there; as [`baseline`](Self::baseline) besides.
    pub async fn adopt(&self, url: &str, observer: &mut dyn Observer) -> Result<Report> {
        self.adopt_until(url, observer, std::future::pending())
            .await
    }

    /// Like [`adopt`](Self::adopt), and ends early and cleanly when `interrupt` completes: with nothing recorded.
    ///
    /// # Errors
    /// As [`adopt`](Self::adopt), and kind `Interrupted`.
    pub async fn adopt_until(
        &self,
        url: &str,
        observer: &mut dyn Observer,
        interrupt: impl Future<Output = ()> + Send,
    ) -> Result<Report> {
        let target = Target::parse(url)?;
        let wish = Interrupt::default();
        let mut attempt = Attempt::new(self, &target, wish.clone(), observer);
        let span = attempt.span("adopt");
        until(&wish, interrupt, within(span, attempt.take_over())).await
    }

    /// Shows what [`adopt`](Self::adopt) would record; writes nothing, takes no lock, needs SELECT only.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub async fn plan_adopt(&self, url: &str, observer: &mut dyn Observer) -> Result<PlanReport> {
        let target = Target::parse(url)?;
        let mut attempt = Attempt::new(self, &target, Interrupt::default(), observer);
        let span = attempt.span("plan");
        within(span, attempt.show_adoption()).await
    }
}

/// The other history of a database.
struct Elsewhere {
    ledger: Ledger,
    shapes: Vec<Shape>,
    facts: Facts,
}

impl Attempt<'_> {
    async fn show_adoption(mut self) -> Result<PlanReport> {
        self.check_request()?;
        let mut session = self.open().await?;
        let result = self.look_at_adoption(&mut session).await;
        session.close().await;
        result
    }

    async fn look_at_adoption(&mut self, session: &mut Session) -> Result<PlanReport> {
        let (ledger, exists) = self.look_and_read(session).await?;
        let elsewhere = self.read_elsewhere(session).await?;
        self.remark_distrust(&elsewhere.shapes, &elsewhere.facts);
        let plan = self.plan_adoption(&ledger, &elsewhere);
        let contents = self.contents(session, &plan).await;
        Ok(self.plan_report(plan, contents, exists))
    }

    async fn take_over(mut self) -> Result<Report> {
        self.check_request()?;
        let connector = self.connector()?;
        let mut session = self.connect(&connector).await?;
        let result = self.adopt_on(&connector, &mut session).await;
        session.close().await;
        result.map_err(|error| self.unless_interrupted(error))
    }

    async fn adopt_on(
        &mut self,
        connector: &Connector<'_>,
        session: &mut Session,
    ) -> Result<Report> {
        let (hold, exists) = self.hold(connector, session).await?;
        let result = self.record_adoption(session, exists).await;
        hold.release(session, &self.table).await;
        result
    }

    async fn record_adoption(&mut self, session: &mut Session, exists: bool) -> Result<Report> {
        let ledger = self.read(session, exists).await?;
        let elsewhere = self.read_elsewhere(session).await?;
        match elsewhere.distrust() {
            Some(error) => Err(error),
            None => {
                let plan = self.plan_adoption(&ledger, &elsewhere);
                self.record_plan(session, &ledger, plan, exists).await
            }
        }
    }

    fn plan_adoption(&self, ledger: &Ledger, elsewhere: &Elsewhere) -> Plan {
        let migrator = self.migrator;
        let (table, there) = (&self.table.other, &elsewhere.ledger);
        plan_adopt(&migrator.set, ledger, migrator.policy(), table, there)
    }

    /// Reads the other history as a run would for which it is the one that counts.
    async fn read_elsewhere(&mut self, session: &mut Session) -> Result<Elsewhere> {
        let kind = match self.table.kind {
            LedgerKind::Devflow => LedgerKind::Supabase,
            LedgerKind::Supabase => LedgerKind::Devflow,
        };
        let mut table = LedgerTable::new(kind, &self.migrator.table);
        table.charset = self.table.charset;
        let Look {
            facts,
            found,
            standing,
        } = ledger::look(session, &table).await?;
        table.standing = standing;
        let (ledger, shapes) = match found {
            Found::Unusable(error) => return Err(error),
            Found::Nothing => {
                let none = format!(
                    "there is no {}, so there is nothing to take over",
                    table.shown
                );
                self.teller.remark(none);
                (Ledger::default(), Vec::new())
            }
            Found::Ledger { shapes, .. } => {
                let ledger = read_tables(session, &table, &self.migrator.set).await?;
                (ledger, shapes)
            }
        };
        Ok(Elsewhere {
            ledger,
            shapes,
            facts,
        })
    }
}

impl Elsewhere {
    /// Why what it says is not to be believed. That the role may only read it is enough.
    fn distrust(&self) -> Option<Error> {
        let mut shapes = self.shapes.iter();
        shapes.find_map(|shape| {
            let error = shape.distrust(&self.facts.role);
            error.filter(|error| error.kind() == ErrorKind::Ledger)
        })
    }
}
