//! What a migration waited for, in JSON.

use devflow_runtime as runtime;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct LockWait<'a> {
    kind: &'a str,
    mode: &'a str,
    table: Option<&'a str>,
    blockers: Vec<Blocker<'a>>,
}

/// Without its statement, which can hold row data.
#[derive(Serialize)]
struct Blocker<'a> {
    pid: i32,
    application: &'a str,
    role: &'a str,
    state: Option<&'a str>,
    transaction_s: Option<u64>,
}

impl<'a> LockWait<'a> {
    pub(super) fn of(wait: &'a runtime::LockWait) -> Self {
        Self {
            kind: &wait.kind,
            mode: &wait.mode,
            table: wait.table.as_deref(),
            blockers: wait.blockers.iter().map(Blocker::of).collect(),
        }
    }
}

impl<'a> Blocker<'a> {
    fn of(blocker: &'a runtime::Blocker) -> Self {
        Self {
            pid: blocker.pid,
            application: &blocker.application,
            role: &blocker.role,
            state: blocker.state.as_deref(),
            transaction_s: blocker.transaction_age.map(|age| age.as_secs()),
        }
    }
}
