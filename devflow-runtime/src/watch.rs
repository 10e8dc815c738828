//! While a message is not answered: who is in its way, and whether the server still knows of it.

use crate::backend::{AS_LOGIN, Backend};
use crate::connect::Connector;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::index_build::IndexBuild;
use crate::ledger::LOCAL_SETTINGS;
use crate::literal::text;
use crate::session::{Lost, Row, Session};
use crate::tell::Teller;
use crate::wait::{Blocker, LockWait, mode};
use devflow_migrations::Migration;
use futures_util::future::{Either, select};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A message that is answered sooner is not looked after: the usual run opens no second connection.
const PATIENCE: Duration = Duration::from_secs(2);

/// The same where `lock_timeout` is short: after the error it is too late to ask who was in the way.
const LEAST_PATIENCE: Duration = Duration::from_millis(250);

/// How often a person is told of the same thing.
const SAY_AGAIN: Duration = Duration::from_secs(5);

/// How long one look may take, connecting included.
const LOOK: Duration = Duration::from_secs(5);

/// How long the server's side may have had nothing to do before its answer counts as lost on the way.
const ON_THE_WAY: Duration = Duration::from_secs(5);

/// How many looks in a row must find the session gone: the news of its end may be on the way.
const GONE: u32 = 3;

/// Looks after the message under way over a connection of its own, which opens only when the answer takes long.
pub(crate) struct Watcher<'a> {
    connector: Connector<'a>,
    backend: Option<Backend>,
    lock_timeout: Duration,
    session: Option<Session>,
    /// The server lets no second session in, and will not soon.
    turned_away: bool,
    migration: Option<Arc<Migration>>,
    seen: Option<LockWait>,
}

/// What one look found.
#[derive(Debug, PartialEq)]
enum Sight {
    /// The session works, or cannot be told from others.
    Busy,
    Waits(LockWait),
    /// The session has had nothing to do for so long.
    Idle(Duration),
    /// The server has no such session.
    Gone,
}

/// What has been said about the message under way, and when.
struct Talk {
    began: Instant,
    said: Option<(Instant, LockWait)>,
    /// When the build was spoken of, and its phase then.
    said_build: Option<(Instant, String)>,
    said_unreachable: Option<Instant>,
    gone: u32,
}

impl<'a> Watcher<'a> {
    /// A watcher of a session that goes through this connector, and whose waits usually end after `lock_timeout`.
    pub(crate) fn new(
        connector: &Connector<'a>,
        session: &Session,
        lock_timeout: Duration,
    ) -> Self {
        Self {
            connector: connector.beside(session, LOOK),
            backend: session.backend.clone(),
            lock_timeout,
            session: None,
            turned_away: false,
            migration: None,
            seen: None,
        }
    }

    /// What is answered from here on is about this migration.
    pub(crate) fn turn_to(&mut self, migration: &Arc<Migration>) {
        self.migration = Some(Arc::clone(migration));
        self.seen = None;
    }

    /// How long to wait before each look: the last one has to come before `lock_timeout` ends the wait.
    fn pace(&self) -> Duration {
        let own = self.migration.as_ref();
        let own = own.and_then(|migration| migration.limits().lock_timeout);
        match own.unwrap_or(self.lock_timeout) / 2 {
            Duration::ZERO => PATIENCE,
            half => half.clamp(LEAST_PATIENCE, PATIENCE),
        }
    }

    /// What the message under way was last seen to wait for.
    pub(crate) fn seen(&self) -> Option<&LockWait> {
        self.seen.as_ref()
    }

    /// Drives `work`, the wait for an answer to `bytes` of messages, to its end.
    ///
    /// # Errors
    /// When the server says that there is nothing to wait for any more. `work` is dropped then.
    pub(crate) async fn over<T>(
        &mut self,
        teller: &mut Teller<'_>,
        bytes: usize,
        work: impl Future<Output = T>,
    ) -> std::result::Result<T, Lost> {
        let mut work = pin!(work);
        if let Ok(done) = tokio::time::timeout(self.pace(), work.as_mut()).await {
            return Ok(done);
        }
        // On the heap: a future that is seldom made would otherwise be a part of every one that waits for an answer.
        let watching = Box::pin(self.watch(teller, bytes));
        match select(work, watching).await {
            Either::Left((done, _)) => Ok(done),
            Either::Right((lost, _)) => Err(lost),
        }
    }

    async fn watch(&mut self, teller: &mut Teller<'_>, bytes: usize) -> Lost {
        let now = Instant::now();
        let mut talk = Talk {
            began: now.checked_sub(self.pace()).unwrap_or(now),
            said: None,
            said_build: None,
            said_unreachable: None,
            gone: 0,
        };
        loop {
            let found = tokio::time::timeout(LOOK, self.look()).await;
            match found.unwrap_or_else(|_| Err(silent())) {
                Ok((sight, build)) => {
                    if let Some(lost) = self.judge(sight, &mut talk, teller, bytes) {
                        return lost;
                    }
                    if let Some(build) = &build {
                        self.tell_build(build, &mut talk, teller);
                    }
                }
                Err(error) => self.unreachable(&error, &mut talk, teller),
            }
            tokio::time::sleep(self.pace()).await;
        }
    }

    /// One look. Dropped in the middle, it takes its connection with it.
    async fn look(&mut self) -> Result<(Sight, Option<IndexBuild>)> {
        if self.turned_away {
            return Ok((Sight::Busy, None));
        }
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.connector.connect(&mut |_, _| {}).await?,
        };
        let answer = session.ask(&self.query()).await;
        let answer = answer.accept("say who is in the way")?;
        self.session = Some(session);
        let build = tagged(&answer.rows, BUILD).find_map(IndexBuild::of);
        Ok((self.sight(&answer.rows), build))
    }

    /// Several tables in one answer; each row begins with what it is.
    fn query(&self) -> String {
        let own = match &self.backend {
            Some(backend) => format!("a.pid = {}", backend.pid),
            // Behind a pooler it is the server session that carries our name and waits.
            None => format!(
                "a.application_name = {} AND a.pid <> pg_backend_pid() AND a.wait_event_type = 'Lock'",
                text(&self.connector.run.application_name)
            ),
        };
        format!(
            "{LOCAL_SETTINGS} {AS_LOGIN} SELECT 'own', {identity}, CASE WHEN state LIKE 'idle%' THEN extract(epoch FROM clock_timestamp() - state_change) END \
             FROM pg_stat_activity a WHERE {own}; \
             SELECT 'server', extract(epoch FROM pg_postmaster_start_time()); \
             SELECT 'lock', l.locktype, l.mode, l.relation::regclass FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid \
             WHERE {own} AND NOT l.granted LIMIT 1; \
             SELECT DISTINCT 'blocker', p.pid, b.application_name, b.usename, b.state, extract(epoch FROM clock_timestamp() - b.xact_start), \
               nullif(left(b.query, 200), '<insufficient privilege>') \
             FROM pg_stat_activity a CROSS JOIN unnest(pg_blocking_pids(a.pid)) p (pid) LEFT JOIN pg_stat_activity b ON b.pid = p.pid \
             WHERE {own}; {build}",
            build = IndexBuild::query(BUILD, &own),
            identity = "extract(epoch FROM a.backend_start)",
        )
    }

    fn sight(&self, rows: &[Row]) -> Sight {
        if let Some(lock) = tagged(rows, "lock").next() {
            return Sight::Waits(LockWait {
                kind: field(lock, 1).unwrap_or_default(),
                mode: mode(lock.get(2).unwrap_or_default()),
                table: field(lock, 3),
                blockers: tagged(rows, "blocker").map(blocker).collect(),
            });
        }
        let Some(backend) = &self.backend else {
            return Sight::Busy;
        };
        let is_same_server =
            tagged(rows, "server").any(|row| row.get(1) == Some(backend.server_start.as_str()));
        let own = tagged(rows, "own").find(|row| row.get(1) == Some(backend.start.as_str()));
        match own.map(|row| seconds(row, 2)) {
            Some(Some(idle)) => Sight::Idle(idle),
            // A balancer may have led us to another server, which says nothing about ours.
            None if is_same_server => Sight::Gone,
            Some(None) | None => Sight::Busy,
        }
    }

    fn judge(
        &mut self,
        sight: Sight,
        talk: &mut Talk,
        teller: &mut Teller<'_>,
        bytes: usize,
    ) -> Option<Lost> {
        talk.gone = if sight == Sight::Gone {
            talk.gone + 1
        } else {
            0
        };
        self.seen = None;
        if !matches!(sight, Sight::Waits(_))
            && talk.said.take().is_some()
            && let Some(migration) = &self.migration
        {
            teller.tell(&Event::Unblocked { migration });
        }
        match sight {
            Sight::Waits(wait) => {
                self.tell(&wait, talk, teller);
                self.seen = Some(wait);
                None
            }
            Sight::Idle(idle) if idle > ON_THE_WAY + upload(bytes) => Some(Lost(format!(
                "the server has had nothing to do for us for {} s, and no answer came: something between us and it \
                 forwards nothing any more",
                idle.as_secs()
            ))),
            Sight::Gone if talk.gone >= GONE => Some(Lost(
                "the server has no such session any more, and the news of its end did not come"
                    .to_owned(),
            )),
            Sight::Busy | Sight::Idle(_) | Sight::Gone => None,
        }
    }

    /// At once, and then every few seconds, and whenever it is somebody else.
    fn tell(&self, wait: &LockWait, talk: &mut Talk, teller: &mut Teller<'_>) {
        let is_old = talk
            .said
            .as_ref()
            .is_some_and(|(at, said)| at.elapsed() < SAY_AGAIN && said.is_like(wait));
        if let Some(migration) = &self.migration
            && !is_old
        {
            let waited = talk.began.elapsed();
            teller.tell(&Event::Blocked {
                migration,
                wait,
                waited,
            });
            talk.said = Some((Instant::now(), wait.clone()));
        }
    }

    /// As a wait is told, and in each new phase.
    fn tell_build(&self, build: &IndexBuild, talk: &mut Talk, teller: &mut Teller<'_>) {
        let is_old = talk
            .said_build
            .as_ref()
            .is_some_and(|(at, phase)| at.elapsed() < SAY_AGAIN && *phase == build.phase);
        if let Some(migration) = &self.migration
            && !is_old
        {
            teller.tell(&Event::IndexBuild {
                migration,
                build,
                waited: talk.began.elapsed(),
            });
            talk.said_build = Some((Instant::now(), build.phase.clone()));
        }
    }

    /// A server that lets nobody else in works all the same; one that cannot be reached may not.
    fn unreachable(&mut self, error: &Error, talk: &mut Talk, teller: &mut Teller<'_>) {
        if !is_silence(error) {
            // A full server has room again some time; who may not enter now will not in two seconds.
            self.turned_away = error.code() != "too_many_connections";
            teller.remark(format!("who is in the way cannot be seen: {error}"));
            return;
        }
        let is_old = talk
            .said_unreachable
            .is_some_and(|at| at.elapsed() < SAY_AGAIN);
        if let Some(migration) = &self.migration
            && !is_old
        {
            teller.tell(&Event::Unanswered {
                migration,
                waited: talk.began.elapsed(),
                reason: &error.to_string(),
            });
            talk.said_unreachable = Some(Instant::now());
        }
    }
}

/// The tag of the rows that [`IndexBuild`] reads.
const BUILD: &str = "build";

/// The rows that begin with this tag.
fn tagged<'r>(rows: &'r [Row], tag: &'static str) -> impl Iterator<Item = &'r Row> {
    rows.iter().filter(move |row| row.get(0) == Some(tag))
}

fn silent() -> Error {
    let message = format!("the server did not answer within {} s", LOOK.as_secs());
    Error::new(ErrorKind::Connect, "connect_timeout", message)
}

/// Whether nothing came back, rather than a refusal.
fn is_silence(error: &Error) -> bool {
    let silent = [
        "connect_timeout",
        "connection_refused",
        "cannot_connect",
        "disconnected",
    ];
    silent.contains(&error.code())
}

/// How long messages may be on their way over a slow link: 64 KiB/s.
fn upload(bytes: usize) -> Duration {
    Duration::from_millis((bytes / 64) as u64)
}

fn field(row: &Row, index: usize) -> Option<String> {
    row.get(index).map(str::to_owned)
}

fn seconds(row: &Row, index: usize) -> Option<Duration> {
    let seconds: f64 = row.get(index)?.parse().ok()?;
    Duration::try_from_secs_f64(seconds.max(0.0)).ok()
}

fn blocker(row: &Row) -> Blocker {
    Blocker {
        pid: row
            .get(1)
            .and_then(|pid| pid.parse().ok())
            .unwrap_or_default(),
        application: field(row, 2).unwrap_or_default(),
        role: field(row, 3).unwrap_or_default(),
        state: field(row, 4),
        transaction_age: seconds(row, 5),
        query: field(row, 6).filter(|query| !query.is_empty()),
    }
}
