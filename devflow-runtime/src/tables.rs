//! The tables that hold the history: read as one, made where they are missing. What somebody else has written is taken over
//! where it counts, and a reason to stop where it does not.

use crate::attempt::Attempt;
use crate::connect::Connector;
use crate::error::Result;
use crate::ledger::{self, Creation, Facts, LedgerTable, Record, Shape};
use crate::lock::{Hold, Polled, Watch, poll};
use crate::session::Session;
use devflow_migrations::supabase::Adoption;
use devflow_migrations::{CleanPlan, Ledger, LedgerEvent, LedgerKind, MigrationSet, Plan, Verb};

/// Reads the tables of a history, which are there.
pub(crate) async fn read_tables(
    session: &mut Session,
    table: &LedgerTable,
    set: &MigrationSet,
) -> Result<Ledger> {
    match table.kind {
        LedgerKind::Devflow => ledger::read(session, table).await,
        LedgerKind::Supabase => ledger::read_both(session, table, set).await,
    }
}

impl Attempt<'_> {
    pub(crate) async fn read(&mut self, session: &mut Session, exists: bool) -> Result<Ledger> {
        match exists {
            false => Ok(Ledger::default()),
            true => read_tables(session, &self.table, &self.migrator.set).await,
        }
    }

    /// What the look finds when nothing is pending and nothing has drifted.
    pub(crate) fn digest_of_all(&self) -> String {
        let set = &self.migrator.set;
        match self.table.kind {
            LedgerKind::Devflow => set.applied_digest(),
            LedgerKind::Supabase => format!("{} {}", set.applied_digest(), set.recorded_digest()),
        }
    }

    /// The Supabase CLI knows no down files.
    pub(crate) fn warn_about_down_files(&mut self) {
        let mut files = self.migrator.set.iter();
        if self.table.kind == LedgerKind::Supabase
            && let Some(down) = files.find_map(|file| file.down())
        {
            let path = down.path();
            self.teller.remark(format!(
                "`supabase db push` would run {path} as a migration: do not call it here, or remove the down files"
            ));
        }
    }

    /// Makes the tables that are missing.
    pub(crate) async fn prepare(&mut self, session: &mut Session) -> Result<Creation> {
        if self.table.is_complete() {
            return Ok(Creation::Done);
        }
        let facts = ledger::take_facts(session, &self.table).await?;
        self.remark_other_tools(&facts);
        let readers = &self.migrator.settings.tracking_readers;
        let creation = ledger::create(session, &self.table, &facts, readers).await?;
        if creation == Creation::Done {
            self.table.made();
        }
        Ok(creation)
    }

    /// The plan of a run, held against the other history of the database, where it has one.
    pub(crate) async fn plan_run(&mut self, session: &mut Session, ledger: &Ledger) -> Plan {
        let mut plan = self.plan_with(ledger);
        self.refuse_recorded(session, &mut plan).await;
        plan
    }

    /// What would be applied and is applied by what the other history says must not run again. That costs a message, where
    /// there is such a history and something is pending.
    pub(crate) async fn refuse_recorded(&mut self, session: &mut Session, plan: &mut Plan) {
        let concerns = plan.verb() == Verb::Migrate && !plan.steps().is_empty();
        if !self.table.standing.other || !concerns {
            return;
        }
        let table = &self.table.other;
        match ledger::applied_elsewhere(session, &self.table).await {
            Ok(applied) => plan.refuse_recorded(table, &applied),
            Err(why) => self.teller.remark(format!(
                "whether {table} has what is pending here as applied could not be seen: {why}"
            )),
        }
    }

    pub(crate) fn may_write(&mut self, facts: &Facts, shapes: &[Shape]) -> bool {
        let obstacle = self.obstacle(facts, shapes, "the ledger is behind");
        obstacle.is_none()
    }

    /// Takes over what the ledger lacks, in a run with nothing else to do. Nothing depends on it: where another run is under
    /// way, or the role may not, it is left to the next.
    pub(crate) async fn adopt_in_passing(
        &mut self,
        connector: &Connector<'_>,
        session: &mut Session,
    ) {
        let polled = poll(session, &self.table, self.link, &Watch::Nothing).await;
        if !matches!(polled, Ok(Polled::Locked)) {
            return;
        }
        let Ok(hold) = Hold::keep(connector, session, self.link).await else {
            return;
        };
        if let Err(error) = self.adopt_all(session).await {
            tracing::debug!(%error, "the ledger stays behind");
        }
        hold.release(session, &self.table).await;
    }

    async fn adopt_all(&mut self, session: &mut Session) -> Result<()> {
        let ledger = self.read(session, true).await?;
        if !ledger.adoptions().is_empty() {
            self.append_adoptions(session, &ledger).await?;
        }
        Ok(())
    }

    /// Appends what the ledger lacks, and plans again; `None` when that has moved meanwhile. The lock is held.
    pub(crate) async fn adopt(
        &mut self,
        session: &mut Session,
        ledger: &Ledger,
        clean: CleanPlan,
    ) -> Result<Option<CleanPlan>> {
        if self.append_adoptions(session, ledger).await? == Creation::Raced {
            return Ok(None);
        }
        let ledger = self.read(session, true).await?;
        let versions = |plan: &Plan| {
            let steps = plan.steps().iter();
            let versions = steps.map(|step| step.migration.version().clone());
            versions.collect::<Vec<_>>()
        };
        let again = self.plan_with(&ledger);
        let is_same = ledger.adoptions().is_empty() && versions(&again) == versions(clean.plan());
        Ok(again.into_clean().ok().filter(|_| is_same))
    }

    /// Makes the tables that are missing, and appends what devflow's lacks.
    pub(crate) async fn append_adoptions(
        &mut self,
        session: &mut Session,
        ledger: &Ledger,
    ) -> Result<Creation> {
        if self.prepare(session).await? == Creation::Raced {
            return Ok(Creation::Raced);
        }
        let adoptions = ledger.adoptions().iter();
        let run = &self.run.json;
        let records: Vec<_> = adoptions
            .map(|adoption| Record::adopted(adoption, run))
            .collect();
        ledger::append(session, &self.table, &records).await?;
        let is_back = |adoption: &&Adoption| adoption.event == LedgerEvent::Reverted;
        let back = ledger.adoptions().iter().filter(is_back).count();
        self.teller.remark(format!(
            "devflow's ledger took over from {}: {} applied by others, {back} taken back",
            self.table.shown,
            records.len() - back
        ));
        Ok(Creation::Done)
    }
}
