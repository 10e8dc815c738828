//! A gate of the test's own before a migration: whoever passes it waits until it is opened.

use support::{TestDatabase, on_background, wait_until};
use tokio_postgres::{Client, NoTls};

/// The statement that waits.
pub(crate) const GATE: &str = "SELECT pg_advisory_xact_lock_shared(4711);\n";

/// A gate that is shut until it is dropped.
pub(crate) struct Gate(#[expect(dead_code, reason = "dropped, it ends the session")] Client);

impl Gate {
    pub(crate) fn shut(database: &TestDatabase) -> Self {
        Self(session(database, "SELECT pg_advisory_lock(4711)"))
    }

    /// Waits until a migration stands before it.
    pub(crate) fn wait_until_reached(&self, database: &TestDatabase) {
        let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 \
             AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        wait_until("a migration stands before the gate", || {
            database.value(waiting) == "1"
        });
    }
}

/// A session of the test's own that has run these statements, and ends when it is dropped.
pub(crate) fn session(database: &TestDatabase, sql: &'static str) -> Client {
    session_at(&database.url(), sql)
}

/// The same, wherever the URL leads.
pub(crate) fn session_at(url: &str, sql: &'static str) -> Client {
    let mut config: tokio_postgres::Config = url.parse().unwrap();
    config.application_name("devflow-tests");
    on_background(async move {
        let (client, connection) = config.connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(sql).await.unwrap();
        client
    })
}

/// Waits until a statement of the database is in `pg_sleep`.
pub(crate) fn wait_until_asleep(database: &TestDatabase) {
    let asleep = "SELECT count(*) FROM pg_stat_activity \
                  WHERE datname = current_database() AND wait_event = 'PgSleep'";
    wait_until("a statement sleeps", || database.value(asleep) == "1");
}
