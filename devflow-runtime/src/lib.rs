//! Applies PostgreSQL migrations that are compiled into the binary.
//!
//! A service names its migrations once, and applies them when it starts:
//!
//! ```rust,no_run
//! # // Outside of this repository the macro finds the directory by devflow.yml.
//! # macro_rules! embed_migrations {
//! #     () => { devflow_runtime::embed_migrations!("../examples/service/migrations") };
//! # }
//! # #[expect(unused_imports, reason = "the macro above stands in")]
//! use devflow_runtime::{Migrations, Migrator, embed_migrations};
//!
//! static MIGRATIONS: Migrations = embed_migrations!();
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let database_url = std::env::var("DATABASE_URL")?;
//!     let report = Migrator::new(&MIGRATIONS).run(&database_url).await?;
//!     println!("{} migrations applied", report.steps.len());
//!     Ok(())
//! }
//! ```
//!
//! [`embed_migrations!`] takes the directory, the ledger's table and the policies from devflow.yml, and checks every file
//! while the service is compiled. Where there is no devflow.yml, `embed_migrations!("migrations")` names the directory.
//! Cargo sees a new file only if the package's build script, `build.rs`, says one line:
//! `println!("cargo::rerun-if-changed=migrations");`.
//!
//! # What a run does
//!
//! [`Migrator`] takes its options by value; then one verb connects, works and closes its connection.
//!
//! 1. It looks at the ledger, the table that records what was applied: one message, no lock, nothing written. With nothing
//!    pending and nothing changed, that is all, and it is what most starts of a service cost.
//! 2. It takes the ledger's advisory lock. It asks again and again, for up to `lock_wait`, and never waits inside the
//!    server; [`Event::Waiting`] says who has the lock. A run that finds the work done leaves without it.
//! 3. It plans, under the lock. Every difference between files and ledger is a [`Finding`]. A refused one stops the run
//!    before anything is applied.
//! 4. It applies what is pending, oldest version first, and reports. While a migration waits for a lock, [`Event::Blocked`]
//!    says who is in its way.
//!
//! [`Migrator::plan`] and [`Migrator::status`] look and plan in the same way. They write nothing, take no lock, and need
//! SELECT only. [`Migrator::baseline`] records migrations as applied without running them, [`Migrator::adopt`] those that
//! another history of the database has, [`Migrator::repair`] what a person decided about a version, and
//! [`Migrator::revert`] runs down files, newest first.
//!
//! # What is guaranteed
//!
//! * A migration and its ledger row commit together: never one without the other.
//! * A migration takes effect once. The ledger's key is (version, seq), and each run writes at the `seq` that it read plus
//!   one, so a second run fails and looks again even where the lock did not keep it out.
//! * Success is reported when it is durable. An error carries what had been committed before it, in [`Error::report`].
//! * A run that ends early leaves nothing half done: [`Migrator::run_until`] cancels the statement under way, rolls back,
//!   records `failed` and gives the lock back. A future that is dropped closes its connection and asks the server to cancel.
//! * What a migration does to its session (role, settings, temporary tables, prepared statements, cursors, LISTEN) is
//!   undone before the next one runs.
//! * No error, log line or `Debug` shows a URL or a password.
//!
//! A file that cannot run in a transaction runs statement by statement ([`Mode::NoTransaction`]). Its `started` and
//! `progress` rows say how far it came. If it does not come to its end, the next run looks what became of the statement
//! under way and goes on from there; where that cannot be seen, it stops with [`FindingKind::HalfDone`] and applies nothing.
//!
//! # A service that answers meanwhile
//!
//! [`Migrator::spawn`] does in a task of its own what [`Migrator::run`] does, and returns a handle. `/healthz` is answered from
//! the start, and `/readyz` by what [`MigrationHandle::state`] says, so that no liveness probe ends a long migration:
//!
//! ```rust,no_run
//! # use devflow_runtime::{Migrations, Migrator, RunState};
//! # async fn serve(migrations: &Migrations, database_url: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let migration = Migrator::new(migrations).spawn(database_url)?;
//! let state = migration.watch();
//! let readyz = move || match &*state.borrow() {
//!     RunState::Done(_) => (200, "ready".to_owned()),
//!     state => (503, state.to_string()),
//! };
//! // Here the server starts that answers `readyz()`.
//! migration.wait().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What it is not
//!
//! The library reads no environment variable and no file but `sslrootcert`, installs no signal handler, prints nothing and
//! needs a Tokio runtime, which [`Migrator::run_blocking`] brings along. It speaks through [`Observer`] and through `tracing`: a span `devflow` around each verb, one for
//! each migration in it, and events of the same content as [`Event`].
//!
//! # Behind a pooler
//!
//! A pooler such as PgBouncer is recognised by a start-up setting that does not come back. There the lock is held by a
//! second connection, in a transaction that stays open, and every setting that a migration needs is made in its own
//! transaction. A file outside a transaction that needs a session of its own is refused ([`ErrorKind::Usage`], code
//! `needs_own_session`); with `pooler: refuse` everything is (`behind_pooler`).
//!
//! # TLS
//!
//! TLS is rustls with ring, by libpq's words: `sslmode` from `disable` to `verify-full`, `sslrootcert`, `sslnegotiation`
//! and `channel_binding` in the URL. [`Migrator::run_on`] takes a [`tokio_postgres::Config`] instead of
//! a URL, and [`Migrator::run_over`] a client that is connected.
//!
//! # Errors
//!
//! [`Error::kind`] is what a caller branches on; [`Error::code`] is a stable word for logs and scripts.
//!
//! | kind | what it means | what to do |
//! | --- | --- | --- |
//! | `Usage` | The URL cannot be read, the target does not exist, or a setting is not built yet | correct the call |
//! | `Connect` | No connection: name, TCP, TLS, log-in | look at the server |
//! | `Permission` | The role may not do what the run needs | grant it, or use another role |
//! | `ReadOnly` | The server is a standby or read-only, and migrations are pending | connect to the primary |
//! | `Disconnected` | The connection was lost before anything ran | run again |
//! | `LockTimeout` | Another run held the lock for all of `lock_wait` | wait for that run |
//! | `Refused` | [`Error::findings`] has findings that the policies refuse, or a decision does not fit | settle each one |
//! | `Ledger` | The ledger is damaged, another tool's, filtered or not trusted | look before going on |
//! | `MigrationFailed` | [`Error::failure`] has the migration, the place and the server's words | correct the file |
//! | `Broken` | The run broke after it had begun; the report says what is known | run again |
//! | `ApprovalMissing` | The database was last migrated under another environment, which requires approvals | check which URL the run was given |
//! | `PlanChanged` | The plan is not the approved one | approve the new plan, in [`Error::plan`] |
//! | `Interrupted` | The caller ended the run | run again |
//!
//! # Features
//!
//! * `testing`: the module `testing`, which makes databases for a service's own tests. It needs no other crate.
//!
//! The parsers of SQL and YAML work while the service is compiled, and are not part of it.

mod account;
mod adopt;
mod aftermath;
mod answer;
mod approval;
mod attempt;
mod backend;
mod baseline;
mod blocking;
mod charset;
mod connect;
mod delegate;
mod delegated;
mod destination;
mod error;
mod event;
mod execute;
mod failure;
mod guard;
mod handle;
mod history;
mod hold;
mod index_build;
mod inspect;
mod interrupt;
mod ledger;
mod literal;
mod locate;
mod lock;
mod login;
mod migrator;
mod precondition;
mod repair;
mod report;
mod retry;
mod revert;
mod role_limits;
mod run;
mod run_state;
mod secret;
mod session;
mod settle;
mod shown;
mod socket;
mod span;
mod stale;
mod statements;
mod step;
mod tables;
mod target;
mod tell;
#[cfg(feature = "testing")]
pub mod testing;
mod tls;
mod until_closed;
mod wait;
mod watch;

pub use delegate::{Delegate, DelegateFailure, Delegated, Engine, Errand, Said};
pub use destination::Destination;
pub use devflow_macros::embed_migrations;
#[doc(hidden)]
pub use devflow_migrations::__private;
pub use devflow_migrations::{
    Ahead, Checksum, Correction, Decision, Difference, Finding, FindingKind, LedgerEvent,
    LedgerKind, LedgerRow, Migration, MigrationSet, Migrations, Missing, Mode, OutOfOrder, Plan,
    PlanContents, PlanDigest, PlannedStep, Policy, Pooler, Position, Problem, Repair, Settings,
    Severity, SourceError, Standing, Step, TableName, Verb, Version,
};
pub use error::{Error, ErrorKind, Result};
pub use event::{Event, Holder, Observer};
pub use handle::MigrationHandle;
pub use index_build::{Count, IndexBuild};
pub use lock::Link;
pub use login::Login;
pub use migrator::{Actor, Inspection, Migrator};
pub use report::{
    History, LedgerEntry, Log, Notice, Place, PlanReport, RepairReport, Report, State, Status,
    StatusEntry, StepFailure, StepReport,
};
pub use run_state::{Applying, RunState, UnderWay};
pub use wait::{Blocker, LockWait};
