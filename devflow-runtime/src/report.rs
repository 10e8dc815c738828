//! What a run did: plain data.

use crate::wait::LockWait;
use devflow_migrations::{
    Correction, Finding, LedgerRow, Mode, Plan, PlanContents, PlanDigest, Position, TableName,
    Version,
};
use std::time::Duration;

/// What a run did, success or not.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// The run's id, as in the ledger and in `application_name`.
    pub run: String,
    /// Where it ran.
    pub place: Place,
    /// How many migrations were in the database before the run.
    pub already_applied: usize,
    /// What the run committed, in order. Durable, unless listed in `unconfirmed` too.
    pub steps: Vec<StepReport>,
    /// Versions whose commit could not be confirmed after the connection was lost.
    pub unconfirmed: Vec<Version>,
    /// Versions that are still to be done, in the order of the plan.
    pub pending: Vec<Version>,
    /// Differences that the policies let pass.
    pub warnings: Vec<Finding>,
    /// What the run has to say besides: about the ledger's rights, say, or the transport.
    pub remarks: Vec<String>,
    /// The digest of the plan that was applied, where an approval asked for it.
    pub digest: Option<PlanDigest>,
    /// From the first attempt to connect to the end, by the client's clock.
    pub elapsed: Duration,
}

/// Where a run took place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Place {
    /// The host or socket directory, and port.
    pub server: String,
    /// The database's name.
    pub database: String,
    /// The role that the session has.
    pub role: String,
    /// `server_version`, as the server says it.
    pub server_version: String,
    /// The ledger's table.
    pub table: TableName,
    /// The server process of the session.
    pub pid: i32,
    /// Whether the connection is encrypted.
    pub encrypted: bool,
}

/// One migration that took effect, was recorded by `baseline`, or was reverted.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StepReport {
    /// The version.
    pub version: Version,
    /// The file's path.
    pub path: String,
    /// How it ran.
    pub mode: Mode,
    /// How long the server took, in milliseconds, by the server's clock.
    pub execution_ms: f64,
    /// How many statements it has.
    pub statements: usize,
    /// What the server said meanwhile.
    pub notices: Vec<Notice>,
}

/// A notice or warning of the server, tied to its migration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notice {
    /// NOTICE, WARNING, INFO …
    pub severity: String,
    /// The five characters of its SQLSTATE.
    pub sqlstate: String,
    /// The server's words; control characters are as they came.
    pub message: String,
    /// The server's hint.
    pub hint: Option<String>,
}

/// A migration that failed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StepFailure {
    /// The version.
    pub version: Version,
    /// The file's path.
    pub path: String,
    /// How it ran.
    pub mode: Mode,
    /// The five characters of the server's SQLSTATE; `None` when the server did not refuse it.
    pub sqlstate: Option<String>,
    /// What went wrong; the server's words where it was the server.
    pub message: String,
    /// The server's detail. It can hold row data: shown to the one who runs, never stored.
    pub detail: Option<String>,
    /// The server's hint, or ours.
    pub hint: Option<String>,
    /// What it waited for when `lock_timeout` ended the wait, and who was in its way.
    pub waited_for: Option<LockWait>,
    /// The place in the file, where it is known.
    pub position: Option<Position>,
    /// The line of the file at that place.
    pub line: Option<String>,
    /// The statement's number in the file, starting at 1.
    pub statement: Option<usize>,
    /// Outside a transaction: how many statements are complete and stay.
    pub completed: Option<usize>,
    /// The server's context, such as the PL/pgSQL function.
    pub context: Option<String>,
    /// Whether the ledger has a `failed` row for it.
    pub recorded: bool,
    /// What the server said before it failed.
    pub notices: Vec<Notice>,
}

/// A plan and where it would be applied: what a dry run shows.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PlanReport {
    /// The run's id.
    pub run: String,
    /// Where it would run.
    pub place: Place,
    /// The plan, findings included.
    pub plan: Plan,
    /// What an approval names.
    pub digest: PlanDigest,
    /// What the digest covers: what an approval is about.
    pub contents: PlanContents,
    /// Whether the ledger exists.
    pub ledger_exists: bool,
    /// What there is to say besides.
    pub remarks: Vec<String>,
}

/// What a repair wrote, or would write.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RepairReport {
    /// The run's id, as in the ledger.
    pub run: String,
    /// Where it ran.
    pub place: Place,
    /// The rows, each with what the ledger said before.
    pub corrections: Vec<Correction>,
    /// What an approval names.
    pub digest: PlanDigest,
    /// What there is to say besides.
    pub remarks: Vec<String>,
    /// From the first attempt to connect to the end, by the client's clock.
    pub elapsed: Duration,
}

/// The newest rows of the ledger.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Log {
    /// The run's id.
    pub run: String,
    /// Where it looked.
    pub place: Place,
    /// Whether the ledger exists.
    pub ledger_exists: bool,
    /// The rows, newest first.
    pub rows: Vec<LedgerEntry>,
    /// Whether there are older rows.
    pub has_more: bool,
    /// What there is to say besides.
    pub remarks: Vec<String>,
}

/// What is known of one version.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct History {
    /// The run's id.
    pub run: String,
    /// Where it looked.
    pub place: Place,
    /// Whether the ledger exists.
    pub ledger_exists: bool,
    /// Its state; `None` where its file is gone and the ledger has it as reverted or failed.
    pub entry: Option<StatusEntry>,
    /// Its differences between file and ledger.
    pub findings: Vec<Finding>,
    /// Its rows, oldest first.
    pub rows: Vec<LedgerEntry>,
    /// What there is to say besides.
    pub remarks: Vec<String>,
}

/// One row of the ledger. What it says is what others wrote: control characters are as they came.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LedgerEntry {
    /// The row.
    pub row: LedgerRow,
    /// Who wrote it: the actor where one was claimed, else the application and host.
    pub by: Option<String>,
    /// The recorded error's message.
    pub message: Option<String>,
}

/// Every version that the files or the ledger know.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Status {
    /// The run's id.
    pub run: String,
    /// Where it looked.
    pub place: Place,
    /// The versions, oldest first.
    pub entries: Vec<StatusEntry>,
    /// The plan that `migrate` would make.
    pub plan: Plan,
    /// What an approval names.
    pub digest: PlanDigest,
    /// Whether the ledger exists.
    pub ledger_exists: bool,
    /// What there is to say besides.
    pub remarks: Vec<String>,
}

/// One version's state.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StatusEntry {
    /// The version.
    pub version: Version,
    /// The file's path, where we have the file; else the name in the ledger.
    pub path: Option<String>,
    /// The state.
    pub state: State,
    /// The file's checksum, or the ledger's where the file is gone.
    pub checksum: Option<String>,
    /// When the last event was written, in UTC: `2026-01-31T09:05:07.123456Z`.
    pub at: Option<String>,
    /// How long the server took, in milliseconds.
    pub execution_ms: Option<f64>,
    /// Who ran it: the actor where one was claimed, else the role and host.
    pub by: Option<String>,
    /// The last recorded error, for failed and half-done ones.
    pub error: Option<String>,
}

/// What a version's files and ledger rows amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// In the database, and the file is the one that was applied.
    Applied,
    /// In the database since before devflow came.
    Baselined,
    /// Not in the database.
    Pending,
    /// Not in the database: the last attempt failed and was rolled back.
    Failed,
    /// Not in the database, and older than the newest applied one.
    OutOfOrder,
    /// In the database, and the file has changed since.
    Modified,
    /// In the database, and the file is gone.
    Missing,
    /// In the database and newer than every file.
    Ahead,
    /// Begun outside a transaction, and without an end.
    HalfDone,
}

impl State {
    /// The word in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Baselined => "baselined",
            Self::Pending => "pending",
            Self::Failed => "failed",
            Self::OutOfOrder => "out_of_order",
            Self::Modified => "modified",
            Self::Missing => "missing",
            Self::Ahead => "ahead",
            Self::HalfDone => "half_done",
        }
    }
}
