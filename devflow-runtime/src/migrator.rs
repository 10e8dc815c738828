//! The front door: options by value, then one verb.

use crate::approval::Approved;
use crate::attempt::Attempt;
use crate::delegate::Delegate;
use crate::error::Result;
use crate::event::Observer;
use crate::interrupt::Interrupt;
use crate::lock::Link;
use crate::report::{History, Log, PlanReport, Report, Status};
use crate::span::within;
use crate::target::Target;
use devflow_migrations::{
    Ahead, Ledger, LedgerKind, Migration, MigrationSet, Migrations, Missing, OutOfOrder,
    PlanContents, PlanDigest, Policy, Problem, Settings, TableName, Version,
};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::Duration;

/// Says what keeps a file from being executed where the ledger is of this kind.
pub type Inspection = fn(&Migration, LedgerKind) -> Vec<Problem>;

/// Applies a set of migrations to a database.
///
/// Options are set by value; then one verb connects, works and closes its connection.
#[derive(Clone)]
pub struct Migrator {
    pub(crate) set: MigrationSet,
    /// Whether the set is all that was embedded.
    pub(crate) is_whole: bool,
    pub(crate) ledger: LedgerKind,
    /// devflow's own ledger, whichever is in use.
    pub(crate) table: TableName,
    pub(crate) settings: Settings,
    pub(crate) target: Option<Version>,
    pub(crate) environment: String,
    pub(crate) application: Option<String>,
    pub(crate) actor: Option<Actor>,
    pub(crate) approved: Option<Approved>,
    /// Whether the environment requires approvals; `None` for whoever does not say.
    pub(crate) approval_required: Option<bool>,
    pub(crate) server_wait: Option<Duration>,
    pub(crate) inspection: Option<Inspection>,
    /// The directory that a build for debugging embeds.
    pub(crate) sources: Option<&'static str>,
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
        let set = migrations.set();
        Self {
            is_whole: set.len() == migrations.len(),
            ledger: migrations.ledger(),
            sources: migrations.sources(),
            ..Self::with_set(set, migrations.table(), settings)
        }
    }

    /// Takes a set that was read from a directory; what `settings` leaves open is the strict default.
    #[must_use]
    pub fn with_set(set: MigrationSet, table: TableName, settings: Settings) -> Self {
        Self {
            set,
            is_whole: true,
            ledger: LedgerKind::default(),
            table,
            settings,
            target: None,
            environment: String::new(),
            application: None,
            actor: None,
            approved: None,
            approval_required: None,
            server_wait: None,
            inspection: None,
            sources: None,
        }
    }

    /// Says which table says what is in the database.
    #[must_use]
    pub fn ledger(mut self, kind: LedgerKind) -> Self {
        self.ledger = kind;
        self
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
        self.approved = Some(Approved {
            digest,
            contents: None,
        });
        self
    }

    /// Applies exactly this plan, decided under the lock, or nothing; an error then says what differs.
    ///
    /// It names what to apply, and never supplies any SQL.
    #[must_use]
    pub fn approve_plan(mut self, contents: PlanContents) -> Self {
        self.approved = Some(Approved {
            digest: contents.digest(),
            contents: Some(Box::new(contents)),
        });
        self
    }

    /// Says whether the environment requires an approval, which this does not check: that is the caller's part.
    ///
    /// The rows of a run that says `true` claim it, with the database's name and the server's system identifier. A run
    /// that says `false`, on that very database and under an environment of another name, is refused with kind
    /// [`ApprovalMissing`](crate::ErrorKind::ApprovalMissing). A run that says nothing, as a service does, is not asked.
    #[must_use]
    pub fn approval_required(mut self, required: bool) -> Self {
        self.approval_required = Some(required);
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

    /// Waits this long for a server that is not there yet: whose name is not known, that refuses, starts up, is full or
    /// does not answer. It takes the place of `connect_budget`, which gives up a name that is not known.
    #[must_use]
    pub fn wait_for_server(mut self, limit: Duration) -> Self {
        self.server_wait = Some(limit);
        self
    }

    /// Has each file that is about to be executed looked at first, once the ledger has said which those are: for a set that
    /// was read without looking at what the files hold. An embedded set has been looked at when it was compiled.
    #[must_use]
    pub fn inspected_by(mut self, inspection: Inspection) -> Self {
        self.inspection = Some(inspection);
        self
    }

    /// The environment, where it was named.
    #[must_use]
    pub fn named_environment(&self) -> Option<&str> {
        (!self.environment.is_empty()).then_some(&*self.environment)
    }

    /// The migrations.
    #[must_use]
    pub fn set(&self) -> &MigrationSet {
        &self.set
    }

    /// Connects to `url`, applies what is pending, and closes the connection.
    ///
    /// With nothing pending it costs one message after the log-in, takes no lock and writes nothing. Else it holds the
    /// ledger's advisory lock from the plan to the end; each transactional migration and its ledger row commit
    /// together. Cancelled by dropping the future, it closes its connection, and the server is asked to cancel.
    ///
    /// # Errors
    /// [`Error`](crate::Error); what had been committed before it is in its `report`, durable unless listed there as
    /// `unconfirmed`.
    pub async fn run(&self, url: &str) -> Result<Report> {
        self.run_until(url, &mut (), std::future::pending()).await
    }

    /// Like [`run`](Self::run), with what the caller's own driver uses; TLS is as its `ssl_mode` says.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_on(&self, config: &tokio_postgres::Config) -> Result<Report> {
        let target = Target::from_config(config)?;
        self.run_at(&target, &mut (), std::future::pending()).await
    }

    /// Like [`run`](Self::run), over a connection that the caller has opened and drives. It is made free of what was set in
    /// it, `SET ROLE` included, and ends with the run.
    ///
    /// `config` has the one host that it is connected to: requests to cancel go there, and sessions beside it, such as one
    /// that decides whether a lost commit has taken place. A run that waits for the lock for more than ten seconds, or behind a
    /// pooler, gives the client up and logs in by `config`. `link` says what the client itself cannot: a pooler that is taken
    /// for a direct connection leaves the lock on a connection of the pool. Notices are told to whoever drives the
    /// connection, and are not in the report.
    ///
    /// # Errors
    /// As [`run`](Self::run); `client_unusable`, with nothing begun, when the client is in a transaction, when several
    /// hosts are configured, or when the host has several addresses and it cannot be known which is the client's.
    pub async fn run_over(
        &self,
        client: tokio_postgres::Client,
        config: &tokio_postgres::Config,
        link: Link,
    ) -> Result<Report> {
        let target = Target::from_config(config)?;
        let observer = &mut ();
        let mut attempt = Attempt::new(self, &target, Interrupt::default(), observer);
        let span = attempt.span("migrate");
        within(span, Box::pin(attempt.run_over(client, link))).await
    }

    /// Like [`run`](Self::run); tells `observer` what happens, and ends early and cleanly when `interrupt` completes:
    /// the statement under way is cancelled on the server, its migration rolled back and recorded as failed, and the
    /// lock given back.
    ///
    /// # Errors
    /// As [`run`](Self::run), and kind `Interrupted`.
    pub async fn run_until(
        &self,
        url: &str,
        observer: &mut dyn Observer,
        interrupt: impl Future<Output = ()> + Send,
    ) -> Result<Report> {
        let target = Target::parse(url)?;
        self.run_at(&target, observer, interrupt).await
    }

    /// The run itself, wherever it is to go.
    pub(crate) async fn run_at(
        &self,
        target: &Target,
        observer: &mut dyn Observer,
        interrupt: impl Future<Output = ()> + Send,
    ) -> Result<Report> {
        let wish = Interrupt::default();
        let mut attempt = Attempt::new(self, target, wish.clone(), observer);
        let span = attempt.span("migrate");
        until(&wish, interrupt, within(span, Box::pin(attempt.run()))).await
    }

    /// Like [`run_until`](Self::run_until), but `delegate` carries out the steps, while devflow plans, holds its lock, and
    /// records what the Supabase CLI's table has gained: nothing else is reported as applied.
    ///
    /// # Errors
    /// As [`run_until`](Self::run_until); kind `Usage` where the URL is one that cannot be handed on, or a target was
    /// set, and kind `Refused` where the delegate would apply something else than the plan.
    pub async fn run_delegated_until(
        &self,
        url: &str,
        delegate: &mut dyn Delegate,
        observer: &mut dyn Observer,
        interrupt: impl Future<Output = ()> + Send,
    ) -> Result<Report> {
        let target = Target::parse(url)?;
        let wish = Interrupt::default();
        let mut attempt = Attempt::new(self, &target, wish.clone(), observer);
        attempt.hand_over(delegate)?;
        let span = attempt.span("migrate");
        until(&wish, interrupt, within(span, Box::pin(attempt.run()))).await
    }

    /// Shows what [`run_delegated_until`](Self::run_delegated_until) would do, and holds it against what `delegate` would;
    /// writes nothing, takes no lock, needs SELECT only.
    ///
    /// # Errors
    /// As [`plan`](Self::plan) and [`run_delegated_until`](Self::run_delegated_until).
    pub async fn plan_delegated(
        &self,
        url: &str,
        delegate: &mut dyn Delegate,
        observer: &mut dyn Observer,
    ) -> Result<PlanReport> {
        let target = Target::parse(url)?;
        let mut attempt = Attempt::new(self, &target, Interrupt::default(), observer);
        attempt.hand_over(delegate)?;
        let span = attempt.span("plan");
        within(span, attempt.plan(Attempt::plan_with)).await
    }

    /// Shows what [`run`](Self::run) would do; writes nothing, takes no lock, needs SELECT only.
    ///
    /// A plan with refused findings is `Ok`: the caller decides.
    ///
    /// # Errors
    /// When the database cannot be reached or the ledger cannot be used.
    pub async fn plan(&self, url: &str, observer: &mut dyn Observer) -> Result<PlanReport> {
        let target = Target::parse(url)?;
        let mut attempt = Attempt::new(self, &target, Interrupt::default(), observer);
        let span = attempt.span("plan");
        within(span, attempt.plan(Attempt::plan_with)).await
    }

    /// Shows every version's state; writes nothing, takes no lock, needs SELECT only.
    ///
    /// # Errors
    /// When the database cannot be reached or the ledger cannot be used.
    pub async fn status(&self, url: &str, observer: &mut dyn Observer) -> Result<Status> {
        let target = Target::parse(url)?;
        let mut attempt = Attempt::new(self, &target, Interrupt::default(), observer);
        let span = attempt.span("status");
        within(span, attempt.status()).await
    }

    /// Shows the newest rows of the ledger, newest first; writes nothing, takes no lock, needs SELECT only.
    ///
    /// # Errors
    /// When the database cannot be reached or the ledger cannot be used.
    pub async fn log(&self, url: &str, limit: usize, observer: &mut dyn Observer) -> Result<Log> {
        let target = Target::parse(url)?;
        let mut attempt = Attempt::new(self, &target, Interrupt::default(), observer);
        let span = attempt.span("log");
        within(span, attempt.log(limit)).await
    }

    /// Shows what is known of one version; writes nothing, takes no lock, needs SELECT only.
    ///
    /// # Errors
    /// When the database cannot be reached or the ledger cannot be used; kind `Usage` when neither the files nor the
    /// ledger know the version.
    pub async fn history(
        &self,
        url: &str,
        version: &Version,
        observer: &mut dyn Observer,
    ) -> Result<History> {
        let target = Target::parse(url)?;
        let mut attempt = Attempt::new(self, &target, Interrupt::default(), observer);
        let span = attempt.span("show");
        within(span, attempt.history(version)).await
    }

    /// Records the migrations up to and including `version` as in the database, without running them: for a database
    /// that had its schema before devflow came. Under the lock, in one transaction, all or none.
    ///
    /// # Errors
    /// As [`run`](Self::run); kind `Usage` when `version` is none of ours.
    pub async fn baseline(
        &self,
        url: &str,
        version: &Version,
        observer: &mut dyn Observer,
    ) -> Result<Report> {
        let never = std::future::pending();
        self.baseline_until(url, version, observer, never).await
    }

    /// Like [`baseline`](Self::baseline), and ends early and cleanly when `interrupt` completes: with nothing recorded.
    ///
    /// # Errors
    /// As [`baseline`](Self::baseline), and kind `Interrupted`.
    pub async fn baseline_until(
        &self,
        url: &str,
        version: &Version,
        observer: &mut dyn Observer,
        interrupt: impl Future<Output = ()> + Send,
    ) -> Result<Report> {
        let target = Target::parse(url)?;
        let wish = Interrupt::default();
        let mut attempt = Attempt::new(self, &target, wish.clone(), observer);
        let span = attempt.span("baseline");
        until(&wish, interrupt, within(span, attempt.baseline(version))).await
    }

    /// Shows what [`baseline`](Self::baseline) would record; writes nothing, takes no lock, needs SELECT only.
    ///
    /// # Errors
    /// As [`plan`](Self::plan); kind `Usage` when `version` is none of ours.
    pub async fn plan_baseline(
        &self,
        url: &str,
        version: &Version,
        observer: &mut dyn Observer,
    ) -> Result<PlanReport> {
        let target = Target::parse(url)?;
        let mut attempt = Attempt::new(self, &target, Interrupt::default(), observer);
        attempt.check_version(version)?;
        let span = attempt.span("plan");
        let make = |attempt: &Attempt<'_>, ledger: &Ledger| attempt.plan_baseline(ledger, version);
        within(span, attempt.plan(make)).await
    }

    pub(crate) fn policy(&self) -> Policy {
        Policy {
            out_of_order: self.settings.out_of_order.unwrap_or_default(),
            ahead: self.settings.ahead.unwrap_or_default(),
            missing: self.settings.missing.unwrap_or_default(),
        }
    }
}

/// Drives `work` to its end, and fires `wish` when `interrupt` completes meanwhile.
pub(crate) async fn until<T>(
    wish: &Interrupt,
    interrupt: impl Future<Output = ()>,
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    let mut interrupt = pin!(interrupt);
    poll_fn(|cx| {
        if !wish.is_fired() && interrupt.as_mut().poll(cx).is_ready() {
            wish.fire();
        }
        work.as_mut().poll(cx)
    })
    .await
}

impl fmt::Debug for Migrator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Migrator")
            .field("table", &self.table)
            .field("migrations", &self.set.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_send(_future: impl Future + Send) {}

    #[test]
    fn every_verb_can_be_spawned() {
        let settings = Settings::default();
        let migrator = Migrator::with_set(MigrationSet::default(), TableName::default(), settings);
        let version = Version::parse("1").unwrap();
        assert_send(migrator.run(""));
        assert_send(migrator.run_on(&tokio_postgres::Config::new()));
        assert_send(migrator.run_until("", &mut (), std::future::pending()));
        let _delegated = |delegate: &mut dyn Delegate| {
            assert_send(migrator.plan_delegated("", delegate, &mut ()));
            let never = std::future::pending();
            assert_send(migrator.run_delegated_until("", delegate, &mut (), never));
        };
        assert_send(migrator.plan("", &mut ()));
        assert_send(migrator.status("", &mut ()));
        assert_send(migrator.log("", 1, &mut ()));
        assert_send(migrator.history("", &version, &mut ()));
        assert_send(migrator.baseline("", &version, &mut ()));
        assert_send(migrator.plan_baseline("", &version, &mut ()));
        assert_send(migrator.adopt("", &mut ()));
        assert_send(migrator.plan_adopt("", &mut ()));
        assert_send(migrator.revert("", None, &mut ()));
        assert_send(migrator.plan_revert("", None, &mut ()));
        assert_send(migrator.repair("", &[], &mut ()));
        assert_send(migrator.plan_repair("", &[], &mut ()));
    }

    /// Without optimisation each level of a future costs its whole size of a thread's stack, of which a worker has 2 MiB.
    #[test]
    fn a_run_is_small_enough_for_the_stack_of_a_thread() {
        let settings = Settings::default();
        let migrator = Migrator::with_set(MigrationSet::default(), TableName::default(), settings);
        let size = size_of_val(&migrator.run(""));
        assert!(size < 24 * 1024, "{size} bytes");
    }
}
