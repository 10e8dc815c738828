//! Applies PostgreSQL migrations that are compiled into the binary.

mod error;
mod event;
mod migrator;
mod report;

pub use devflow_migrations::{
    Ahead, Checksum, Finding, FindingKind, LedgerEvent, Migration, MigrationSet, Migrations,
    Missing, Mode, OutOfOrder, Plan, PlanDigest, Pooler, Position, Settings, Severity, Step,
    TableName, Version,
};
pub use error::{Error, ErrorKind, Result};
pub use event::{Event, Holder, Observer};
pub use migrator::{Actor, Migrator};
pub use report::{
    Notice, Place, PlanReport, Report, State, Status, StatusEntry, StepFailure, StepReport,
};
