//! The advisory lock: polled with the ledger in view, never waited for inside the server.

mod holder;
mod waiter;

pub(crate) use holder::{holder, holder_of};
pub(crate) use waiter::{Waited, Waiter};

use crate::backend::{self, Backend};
use crate::connect::Connector;
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::{LOCAL_SETTINGS, LedgerTable, unhurried};
use crate::literal::{optional, text};
use crate::session::{Lost, Session};
use devflow_migrations::{Plan, Version};
use std::time::Duration;

/// How long the server may take to answer about the lock.
pub(crate) const ANSWER: Duration = Duration::from_secs(10);

/// What lies between a run and its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Link {
    /// Nothing: what a session sets, and what it locks, stays its own.
    #[default]
    Direct,
    /// A pooler, which may hand each transaction to another of its own sessions: no session state may be used.
    Pooled,
}

/// The run's lock, held.
#[must_use]
pub(crate) enum Hold {
    /// By the session that works, for as long as it lasts.
    Own,
    /// By a session beside it, in a transaction that stays open: behind a pooler a session's lock would be stranded on
    /// a connection that belongs to somebody else.
    Beside(Box<Session>),
}

/// What a run that wants the lock watches the ledger for.
#[derive(Debug, Clone)]
pub(crate) enum Watch<'a> {
    /// Nothing: the plan has findings only, which the lock is needed to be sure of.
    Nothing,
    /// The ledger's first appearance.
    Table,
    /// An end of this version, our newest pending one, after this `seq`.
    Version { version: &'a Version, seq: i32 },
}

/// What came of asking for the lock once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Polled {
    /// It is ours; behind a pooler the session is in the transaction that holds it.
    Locked,
    /// The ledger has what we were waiting to write, or has only now appeared; the lock is not ours.
    LookAgain,
    /// Another run has it.
    Taken,
}

impl Link {
    /// A marker that was set at start-up and does not come back was set on another session than the one that answers.
    pub(crate) fn of(session: &Session, marker: Option<&str>) -> Self {
        match session.marker.is_some() && session.marker.as_deref() == marker {
            true => Self::Direct,
            false => Self::Pooled,
        }
    }
}

impl Hold {
    /// Makes a lock that [`poll`] took the run's own. Behind a pooler the session that has it keeps its transaction and
    /// stands aside, and `session` becomes another one, for the work.
    ///
    /// # Errors
    /// When there is no second connection to be had; the lock is given back.
    pub(crate) async fn keep(
        connector: &Connector<'_>,
        session: &mut Session,
        link: Link,
    ) -> Result<Self> {
        if link == Link::Direct {
            return Ok(Self::Own);
        }
        let worker = match second_session(connector).await {
            Ok(worker) => worker,
            Err(error) => {
                let _given_back = session.ask_within(ANSWER, "ROLLBACK").await;
                return Err(error);
            }
        };
        let mut keeper = std::mem::replace(session, worker);
        keeper.heed(false);
        Ok(Self::Beside(Box::new(keeper)))
    }

    pub(crate) fn link(&self) -> Link {
        match self {
            Self::Own => Link::Direct,
            Self::Beside(_) => Link::Pooled,
        }
    }

    /// Whether the lock is gone, as far as that is known without asking. A lock of the working session goes with it.
    pub(crate) fn lost(&mut self) -> Option<&Lost> {
        match self {
            Self::Own => None,
            Self::Beside(keeper) => keeper.ended(),
        }
    }

    /// Uses the session that stands aside: what lies between it and the server may forget a connection that is not used.
    pub(crate) async fn keep_awake(&mut self, answer: Duration) {
        if let Self::Beside(keeper) = self
            && keeper.ended().is_none()
        {
            let _alive = keeper.ask_within(answer, "SELECT 1").await;
        }
    }

    /// Gives the lock back. Where that fails, closing the connection does it, which follows.
    pub(crate) async fn release(self, session: &mut Session, table: &LedgerTable) {
        // A cancel request must not hit this.
        session.quiet().await;
        let released = match self {
            Self::Own => unlock(session, table).await,
            Self::Beside(mut keeper) => {
                let answer = keeper.ask_within(ANSWER, "ROLLBACK").await;
                keeper.close().await;
                answer.error.is_none()
            }
        };
        if !released {
            tracing::warn!("devflow's lock was not held any more when it was given back");
        }
    }
}

async fn unlock(session: &mut Session, table: &LedgerTable) -> bool {
    let unlock = format!("SELECT pg_catalog.pg_advisory_unlock({})", table.key.0);
    let answer = session.ask_within(ANSWER, &unlock).await;
    answer.rows.first().and_then(|row| row.get(0)) == Some("t")
}

/// A pool that has only one connection for us would keep the work waiting for the lock's own transaction. Others wait for
/// the lock meanwhile, so that a full pooler is not waited for as patiently as by them.
async fn second_session(connector: &Connector<'_>) -> Result<Session> {
    let mut connector = connector.clone();
    connector.patience = connector.budget;
    let mut session = connector.connect(&mut |_, _| {}).await?;
    match session.ask_within(ANSWER, "SELECT 1").await.error {
        None => Ok(session),
        Some(refusal) => {
            let why = refusal.into_error("answer on a second connection");
            let message = format!("the pooler gave this run no second connection: {why}");
            Err(Error::new(ErrorKind::Connect, "pool_exhausted", message).help(
                "a run behind a pooler needs two of its connections, one for devflow's lock and one for the work: \
                 make the pool larger, or name a variable with a URL past the pooler as the environment's direct_url_env",
            ))
        }
    }
}

/// Asks for the lock once, and looks at the ledger. Unless the lock is taken, the session is idle and outside any
/// transaction afterwards: a waiter inside `pg_advisory_lock` and the holder's CREATE INDEX CONCURRENTLY would wait for
/// each other, and behind a pooler it would keep a connection from the run that it waits for.
///
/// # Errors
/// When the connection is lost, the server does not answer in time, or it refuses.
pub(crate) async fn poll(
    session: &mut Session,
    table: &LedgerTable,
    link: Link,
    watch: &Watch<'_>,
) -> Result<Polled> {
    let message = poll_message(session, table, link, watch);
    let answer = session.ask_within(ANSWER, &message).await;
    let column = |index: usize| answer.rows.get(index).map(|row| row.get(0));
    let is_locked = column(0) == Some(Some("t"));
    let polled = match (column(0), column(1)) {
        (Some(Some("t")), Some(Some("t"))) if matches!(watch, Watch::Table) => Polled::LookAgain,
        (Some(Some("t")), Some(_)) => Polled::Locked,
        // Without an answer the session is not what it was taken for.
        (Some(None), _) | (_, Some(Some("t"))) => Polled::LookAgain,
        _ => Polled::Taken,
    };
    if let Some(backend) = answer.rows.get(2) {
        session.backend = Some(Backend::of(backend));
    }
    if polled != Polled::Locked {
        match link {
            Link::Pooled => drop(session.ask_within(ANSWER, "ROLLBACK").await),
            Link::Direct if is_locked => drop(unlock(session, table).await),
            Link::Direct => {}
        }
    }
    match answer.accept("ask for devflow's lock") {
        Ok(_) => Ok(polled),
        Err(error) if link == Link::Pooled && error.kind() == ErrorKind::Broken => Err(error.help(
            "the pooler has to let a transaction stay open (pool_mode transaction or session); or name a variable with a URL \
             past the pooler as the environment's direct_url_env",
        )),
        Err(error) => Err(error),
    }
}

/// The lock and the look are two statements, so that the second has a snapshot of its own, taken after the lock.
fn poll_message(session: &Session, table: &LedgerTable, link: Link, watch: &Watch<'_>) -> String {
    let (begin, lock, backend) = match link {
        Link::Direct => (
            String::new(),
            lock_of_ours(session, table),
            match session.backend {
                None => backend::query(),
                Some(_) => String::new(),
            },
        ),
        Link::Pooled => (
            begin_keeping(session.major_version()),
            format!("pg_try_advisory_xact_lock({})", table.key.0),
            String::new(),
        ),
    };
    let done = watch.query(table);
    format!("{begin}{LOCAL_SETTINGS} SELECT {lock}; {done}; {backend}")
}

/// A session that was opened while waiting may lead through a pooler after all, by another host for example: there
/// nothing is locked, and NULL is the answer.
fn lock_of_ours(session: &Session, table: &LedgerTable) -> String {
    format!(
        "CASE WHEN current_setting('devflow.session', true) = {} THEN pg_try_advisory_lock({}) END",
        optional(session.marker.as_deref()),
        table.key.0
    )
}

/// Begins a transaction that may stay idle for as long as the run takes.
fn begin_keeping(server_major: u32) -> String {
    format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED; {} ",
        unhurried(server_major)
    )
}

impl<'a> Watch<'a> {
    /// The newest pending version, or the ledger's appearance.
    pub(crate) fn of(glance: &'a Plan, exists: bool) -> Self {
        match (exists, glance.steps().last()) {
            (true, Some(step)) => Self::Version {
                version: step.migration.version(),
                seq: step.seq - 1,
            },
            (true, None) => Self::Nothing,
            (false, _) => Self::Table,
        }
    }

    fn query(&self, table: &LedgerTable) -> String {
        match self {
            Self::Nothing => "SELECT false".to_owned(),
            Self::Table => format!(
                "SELECT EXISTS (SELECT FROM pg_class WHERE relname = {} \
                 AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = {}))",
                text(table.name.table()),
                text(table.name.schema())
            ),
            Self::Version { version, seq } => format!(
                "SELECT EXISTS (SELECT FROM {} WHERE version = {} AND seq > {seq} AND event IN ('applied', 'baselined'))",
                table.quoted,
                text(version.as_str())
            ),
        }
    }
}

pub(crate) fn interrupted() -> Error {
    Error::new(
        ErrorKind::Interrupted,
        "interrupted",
        "the run was interrupted before it applied anything",
    )
}
