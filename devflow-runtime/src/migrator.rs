//! The front door: options by value, then one verb.

use crate::error::Result;
use crate::event::Observer;
use crate::report::{PlanReport, Report, Status};
use devflow_migrations::{
    Ahead, MigrationSet, Migrations, Missing, OutOfOrder, PlanDigest, Settings, TableName, Version,
};
use std::fmt;
use std::future::Future;
use std::time::Duration;

/// Applies a set of migrations to a database.
///
/// Options are set by value; then one verb connects, works and closes its connection.
pub struct Migrator {
    pub(crate) set: MigrationSet,
    pub(crate) table: TableName,
    pub(crate) settings: Settings,
    pub(crate) target: Option<Version>,
    pub(crate) environment: String,
    pub(crate) application: Option<String>,
    pub(crate) actor: Option<Actor>,
    pub(crate) approved: Option<PlanDigest>,
}

/// Who asked for a run, as claimed by the caller; kept in the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Actor {
    /// A person or bot.
    pub name: Option<String>,
    /// The CI run's URL.
    pub run_url: Option<String>,
    /// How the plan was approved, where it was: `digest`, `terminal` or `platform`.
    pub approval: Option<String>,
}

impl Migrator {
    /// Takes embedded migrations, with the table and policies that devflow.yml spelled out when they were embedded.
    ///
    /// Where it did not spell out `ahead`, the library warns, so that an image that was rolled back still starts.
    #[must_use]
    pub fn new(migrations: &Migrations) -> Self {
        let mut settings = migrations.settings();
        settings.ahead.get_or_insert(Ahead::Warn);
        Self::with_set(migrations.set(), migrations.table(), settings)
    }

    /// Takes a set that was read from a directory; what `settings` leaves open is the strict default.
    #[must_use]
    pub fn with_set(set: MigrationSet, table: TableName, settings: Settings) -> Self {
        Self {
            set,
            table,
            settings,
            target: None,
            environment: String::new(),
            application: None,
            actor: None,
            approved: None,
        }
    }

    /// Applies nothing newer than this version.
    #[must_use]
    pub fn target(mut self, version: Version) -> Self {
        self.target = Some(version);
        self
    }

    /// Names the environment; part of the plan's digest and of the ledger's rows.
    #[must_use]
    pub fn environment(mut self, name: impl Into<String>) -> Self {
        self.environment = name.into();
        self
    }

    /// Names the application in the ledger's rows.
    #[must_use]
    pub fn application(mut self, name: impl Into<String>) -> Self {
        self.application = Some(name.into());
        self
    }

    /// Says who asked for the run.
    #[must_use]
    pub fn actor(mut self, actor: Actor) -> Self {
        self.actor = Some(actor);
        self
    }

    /// Applies exactly the plan of this digest, decided under the lock, or nothing.
    #[must_use]
    pub fn approve(mut self, digest: PlanDigest) -> Self {
        self.approved = Some(digest);
        self
    }

    /// Sets the policy for pending migrations that are older than the newest applied one.
    #[must_use]
    pub fn out_of_order(mut self, policy: OutOfOrder) -> Self {
        self.settings.out_of_order = Some(policy);
        self
    }

    /// Sets the policy for applied migrations that are newer than every file.
    #[must_use]
    pub fn ahead(mut self, policy: Ahead) -> Self {
        self.settings.ahead = Some(policy);
        self
    }

    /// Sets the policy for applied migrations whose file is gone.
    #[must_use]
    pub fn missing(mut self, policy: Missing) -> Self {
        self.settings.missing = Some(policy);
        self
    }

    /// Sets how long to wait for devflow's own lock.
    #[must_use]
    pub fn lock_wait(mut self, limit: Duration) -> Self {
        self.settings.lock_wait = Some(limit);
        self
    }

    /// The migrations.
    #[must_use]
    pub fn set(&self) -> &MigrationSet {
        &self.set
    }

    /// Applies what is pending.
    pub async fn run(&self, url: &str) -> Result<Report> {
        let _ = url;
        unimplemented!()
    }

    /// Like [`run`](Self::run), and tells `observer` what happens; ends early, cleanly, when `interrupt` completes.
    pub async fn run_until(
        &self,
        url: &str,
        observer: &mut dyn Observer,
        interrupt: impl Future<Output = ()> + Send,
    ) -> Result<Report> {
        let _ = (url, observer, interrupt);
        unimplemented!()
    }

    /// Shows what [`run`](Self::run) would do; writes nothing, takes no lock, needs SELECT only.
    ///
    /// A plan with refused findings is `Ok`: the caller decides.
    pub async fn plan(&self, url: &str, observer: &mut dyn Observer) -> Result<PlanReport> {
        let _ = (url, observer);
        unimplemented!()
    }

    /// Shows every version's state; writes nothing, takes no lock, needs SELECT only.
    pub async fn status(&self, url: &str, observer: &mut dyn Observer) -> Result<Status> {
        let _ = (url, observer);
        unimplemented!()
    }

    /// Records the migrations up to `version` as applied without running them.
    pub async fn baseline(
        &self,
        url: &str,
        version: &Version,
        observer: &mut dyn Observer,
    ) -> Result<Report> {
        let _ = (url, version, observer);
        unimplemented!()
    }
}

impl fmt::Debug for Migrator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Migrator")
            .field("table", &self.table)
            .field("migrations", &self.set.len())
            .finish_non_exhaustive()
    }
}
