//! Who holds the lock, as far as the role may see.

use super::ANSWER;
use crate::event::Holder;
use crate::ledger::{LOCAL_SETTINGS, LedgerTable};
use crate::session::{Row, Session};
use crate::shown::shown;
use std::fmt;
use std::time::Duration;

/// Who holds the lock, as far as the role may see: the process and its `application_name` always, in which a run writes
/// when it began; the rest of another role's session only with `pg_read_all_stats`.
pub(crate) async fn holder(session: &mut Session, table: &LedgerTable) -> Option<Holder> {
    let query = format!(
        "{LOCAL_SETTINGS} SELECT l.pid, coalesce(a.application_name, ''), coalesce(pg_get_userbyid(a.usesysid), ''), \
         floor(extract(epoch FROM clock_timestamp() - coalesce( \
           to_timestamp(substring(a.application_name FROM '^devflow [0-9a-f]{{16}} .* ([0-9]{{1,10}})$')::bigint), a.backend_start))) \
         FROM pg_locks l LEFT JOIN LATERAL pg_stat_get_activity(coalesce(l.pid, 0)) a ON true \
         WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         AND (l.classid::bigint << 32 | l.objid::bigint) = {} LIMIT 1",
        table.key.0
    );
    let answer = session.ask_within(ANSWER, &query).await;
    answer.rows.first().and_then(holder_of)
}

/// From a row with the process, its name, its role, and for how many seconds it has been going.
pub(crate) fn holder_of(row: &Row) -> Option<Holder> {
    let field = |index| row.get(index).unwrap_or_default().to_owned();
    let seconds = row.get(3).and_then(|seconds| seconds.parse::<i64>().ok());
    Some(Holder {
        pid: row.get(0)?.parse().ok()?,
        application: field(1),
        role: field(2),
        // Another host's clock may be ahead of the server's.
        running: seconds.map(|seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or(0))),
    })
}

impl fmt::Display for Holder {
    /// What the other session calls itself is made harmless: anybody may call a session anything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server process {}", self.pid)?;
        if !self.application.is_empty() {
            write!(f, " ({})", shown(&self.application))?;
        }
        if !self.role.is_empty() {
            write!(f, ", role {}", shown(&self.role))?;
        }
        match self.running {
            Some(running) => write!(f, ", running for {} s", running.as_secs()),
            None => Ok(()),
        }
    }
}
