//! The exit codes, a promise to scripts.

use crate::outcome::{Kind, Outcome};

/// Each exit code and when it is given, as `devflow --help` shows them.
///
/// A run that was interrupted by a signal ends with 128 plus the signal's number.
pub const CODES: [(&str, &str); 10] = [
    (
        "0",
        "done, or nothing to do; status and --dry-run also with pending migrations",
    ),
    (
        "1",
        "a migration failed (rolled back and recorded), or the run broke",
    ),
    (
        "2",
        "usage, configuration, or a bad migration file: nothing was touched",
    ),
    ("3", "status --check, and migrations are pending"),
    (
        "4",
        "a refused finding, a half-done file that no run can finish, or an unsound ledger",
    ),
    ("5", "devflow's own lock was not obtained in time"),
    (
        "6",
        "cannot connect, not permitted, or read-only with work pending",
    ),
    (
        "7",
        "an approval is missing, or the plan is not the approved one",
    ),
    ("8", "the output could not be written"),
    (
        "129, 130, 143",
        "interrupted by SIGHUP, SIGINT, SIGTERM: rolled back, lock released",
    ),
];

/// The exit code of an outcome.
pub(crate) fn code(outcome: &Outcome) -> u8 {
    outcome
        .trouble
        .as_ref()
        .map_or(0, |trouble| of(trouble.kind))
}

/// The exit code of a kind of trouble.
pub(crate) fn of(kind: Kind) -> u8 {
    match kind {
        Kind::MigrationFailed | Kind::Broken => 1,
        Kind::Usage | Kind::Source | Kind::File => 2,
        Kind::Pending => 3,
        Kind::Refused | Kind::Ledger => 4,
        Kind::LockTimeout => 5,
        Kind::Connect | Kind::Permission | Kind::ReadOnly | Kind::Disconnected => 6,
        Kind::ApprovalMissing | Kind::PlanChanged => 7,
        Kind::Output => 8,
        Kind::Interrupted(signal) => 128 + signal.number(),
    }
}
