//! Applies PostgreSQL migrations that are compiled into the binary.

mod account;
mod aftermath;
mod attempt;
mod baseline;
mod connect;
mod error;
mod event;
mod execute;
mod failure;
mod inspect;
mod interrupt;
mod ledger;
mod literal;
mod locate;
mod lock;
mod migrator;
mod precondition;
mod report;
mod retry;
mod run;
mod secret;
mod session;
mod settle;
mod socket;
mod statements;
mod step;
mod target;
mod tell;
mod tls;

pub use devflow_macros::embed_migrations;
#[doc(hidden)]
pub use devflow_migrations::__private;
pub use devflow_migrations::{
    Ahead, Checksum, Finding, FindingKind, LedgerEvent, Migration, MigrationSet, Migrations,
    Missing, Mode, OutOfOrder, Plan, PlanDigest, Policy, Pooler, Position, Settings, Severity,
    Step, TableName, Version,
};
pub use error::{Error, ErrorKind, Result};
pub use event::{Event, Holder, Observer};
pub use migrator::{Actor, Migrator};
pub use report::{
    Notice, Place, PlanReport, Report, State, Status, StatusEntry, StepFailure, StepReport,
};
