//! The server's side of a session.

use crate::ledger::LOCAL_SETTINGS;
use crate::literal::text;
use crate::session::{Row, Session};

/// The server's side of a session, by which another session knows it again: process numbers come again, and so each has
/// the time when it began and when its server did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Backend {
    pub(crate) pid: i32,
    /// In seconds, as the server writes them.
    pub(crate) start: String,
    pub(crate) server_start: String,
}

/// Makes what follows in a transaction see, and end, the sessions of its login. A login may act as another role from its
/// start, and that role sees of the login's sessions no more than of a stranger's.
pub(crate) const AS_LOGIN: &str = "SET LOCAL ROLE NONE;";

/// The statements whose row [`Backend::of`] reads, under PostgreSQL's own search path; the last of their transaction.
pub(crate) fn query() -> String {
    format!(
        "{AS_LOGIN} SELECT pg_backend_pid() AS pid, \
         (SELECT extract(epoch FROM backend_start) FROM pg_stat_get_activity(pg_backend_pid())) AS began, \
         extract(epoch FROM pg_postmaster_start_time()) AS server_start"
    )
}

impl Backend {
    pub(crate) fn of(row: &Row) -> Self {
        let column = |name| row.get(name).unwrap_or_default();
        Self {
            pid: column("pid").parse().unwrap_or_default(),
            start: column("began").to_owned(),
            server_start: column("server_start").to_owned(),
        }
    }

    /// Ends it, over another session of the same role. A connection that forwards nothing any more does not tell the
    /// server that its client has gone: what runs there would go on, and keep its locks.
    pub(crate) async fn end(&self, session: &mut Session) {
        let end = format!(
            "{LOCAL_SETTINGS} {AS_LOGIN} SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = {} \
             AND extract(epoch FROM backend_start)::text = {} AND extract(epoch FROM pg_postmaster_start_time())::text = {}",
            self.pid,
            text(&self.start),
            text(&self.server_start)
        );
        if let Some(refusal) = session.ask(&end).await.error {
            tracing::debug!(?refusal, "the lost session could not be ended");
        }
    }
}
