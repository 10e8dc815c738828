//! The advisory lock: polled to a deadline with the ledger in view, never waited for inside the server.

use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Holder};
use crate::interrupt::Interrupt;
use crate::ledger::{LOCAL_SETTINGS, LedgerTable};
use crate::literal::text;
use crate::run::jittered;
use crate::session::Session;
use crate::tell::Teller;
use devflow_migrations::Version;
use std::time::Duration;
use tokio::time::Instant;

/// The mean pause between polls.
const PAUSE: Duration = Duration::from_millis(250);

/// How often a waiter says whom it waits for.
const SAY_AGAIN: Duration = Duration::from_secs(5);

/// How waiting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waited {
    /// The session holds the lock.
    Locked,
    /// The ledger has what we were waiting to write, or has only now appeared: look again.
    LookAgain,
}

/// What a waiter watches the ledger for.
#[derive(Debug, Clone)]
pub(crate) enum Watch<'a> {
    /// Nothing: the plan has findings only, which the lock is needed to be sure of.
    Nothing,
    /// The ledger's first appearance.
    Table,
    /// An end of this version, our newest pending one, after this `seq`.
    Version { version: &'a Version, seq: i32 },
}

/// How long to wait, and what ends it early.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiting<'a> {
    pub(crate) since: Instant,
    pub(crate) limit: Duration,
    pub(crate) interrupt: &'a Interrupt,
}

/// Takes the run's lock, or waits for it up to `limit`.
///
/// Between polls the session is idle and outside any transaction: a waiter inside `pg_advisory_lock` and the holder's
/// CREATE INDEX CONCURRENTLY would wait for each other.
///
/// # Errors
/// Kind `LockTimeout` after `limit`, naming the holder as far as the role may see; `Interrupted`.
pub(crate) async fn acquire(
    session: &mut Session,
    table: &LedgerTable,
    watch: &Watch<'_>,
    waiting: &Waiting<'_>,
    teller: &mut Teller<'_>,
) -> Result<Waited> {
    let Waiting {
        since,
        limit,
        interrupt,
    } = *waiting;
    let mut said: Option<Instant> = None;
    let poll = poll_message(table, watch);
    loop {
        let answer = session.ask(&poll).await;
        let answer = if interrupt.is_fired() {
            return Err(interrupted());
        } else {
            answer
        };
        let answer = answer.accept("ask for devflow's lock")?;
        let is_true = |index: usize| answer.rows.get(index).and_then(|row| row.get(0)) == Some("t");
        if is_true(0) && is_true(1) && matches!(watch, Watch::Table) {
            release(session, table).await;
            return Ok(Waited::LookAgain);
        }
        if is_true(0) {
            return Ok(Waited::Locked);
        }
        if is_true(1) {
            return Ok(Waited::LookAgain);
        }
        let waited = since.elapsed();
        if waited >= limit {
            let holder = holder(session, table).await;
            return Err(timed_out(table, limit, holder.as_ref()));
        }
        if said.is_none_or(|said| said.elapsed() >= SAY_AGAIN) {
            let holder = holder(session, table).await;
            teller.tell(&Event::Waiting {
                holder: holder.as_ref(),
                waited,
                limit,
            });
            said = Some(Instant::now());
        }
        interrupt
            .sleep(jittered(PAUSE).min(limit.saturating_sub(waited)))
            .await;
        if interrupt.is_fired() {
            return Err(interrupted());
        }
    }
}

/// Two statements, so that the second has a snapshot of its own, taken after the lock.
fn poll_message(table: &LedgerTable, watch: &Watch<'_>) -> String {
    let done = match watch {
        Watch::Nothing => "SELECT false".to_owned(),
        Watch::Table => format!(
            "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = {} AND c.relname = {})",
            text(table.name.schema()),
            text(table.name.table())
        ),
        Watch::Version { version, seq } => format!(
            "SELECT EXISTS (SELECT FROM {} WHERE version = {} AND seq > {seq} AND event IN ('applied', 'baselined'))",
            table.quoted,
            text(version.as_str())
        ),
    };
    format!(
        "{LOCAL_SETTINGS} SELECT pg_try_advisory_lock({}); {done}",
        table.key.0
    )
}

/// Gives the lock back.
///
/// Where that fails, closing the connection does it, which follows.
pub(crate) async fn release(session: &mut Session, table: &LedgerTable) {
    let answer = session
        .ask(&format!(
            "SELECT pg_catalog.pg_advisory_unlock({})",
            table.key.0
        ))
        .await;
    if answer.rows.first().and_then(|row| row.get(0)) != Some("t") {
        tracing::warn!("devflow's lock was not held any more when it was given back");
    }
}

/// Who holds the lock, as far as the role may see.
pub(crate) async fn holder(session: &mut Session, table: &LedgerTable) -> Option<Holder> {
    let query = format!(
        "{LOCAL_SETTINGS} SELECT l.pid, coalesce(a.application_name, ''), coalesce(a.usename, '') FROM pg_locks l \
         LEFT JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         AND (l.classid::bigint << 32 | l.objid::bigint) = {} LIMIT 1",
        table.key.0
    );
    let answer = session.ask(&query).await;
    let row = answer.rows.first()?;
    let field = |index| row.get(index).unwrap_or_default().to_owned();
    Some(Holder {
        pid: row.get(0)?.parse().ok()?,
        application: field(1),
        role: field(2),
    })
}

fn timed_out(table: &LedgerTable, limit: Duration, holder: Option<&Holder>) -> Error {
    let by = match holder {
        Some(holder) => format!("it is held by {holder}"),
        None => "its holder cannot be seen".to_owned(),
    };
    Error::new(
        ErrorKind::LockTimeout,
        "lock_timeout",
        format!(
            "the lock of {} was not free within {} s: {by}",
            table.name,
            limit.as_secs_f64()
        ),
    )
    .help("wait for that run to end, or raise lock_wait; nothing was applied")
}

pub(crate) fn interrupted() -> Error {
    Error::new(
        ErrorKind::Interrupted,
        "interrupted",
        "the run was interrupted before it applied anything",
    )
}
