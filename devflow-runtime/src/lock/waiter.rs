//! Waiting for the lock: to a deadline, never in silence, and without keeping others out of the server.

use super::{Hold, Link, Polled, Watch, holder, interrupted, poll};
use crate::connect::Connector;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Holder};
use crate::interrupt::Interrupt;
use crate::ledger::LedgerTable;
use crate::run::jittered;
use crate::session::Session;
use crate::tell::Teller;
use std::time::Duration;
use tokio::time::Instant;

/// The mean pause between polls on a connection that stays open.
const PAUSE: Duration = Duration::from_millis(250);

/// The mean pause between polls that connect anew: at least this, and this many times what the last one took, so that
/// even hundreds of waiters are connected a few at a time, whatever the server's speed.
const AWAY: Duration = Duration::from_secs(4);
const SHARE: u32 = 50;
const LONGEST_AWAY: Duration = Duration::from_secs(15);

/// How often a waiter says whom it waits for.
const SAY_AGAIN: Duration = Duration::from_secs(5);

/// How long a waiter keeps its connection between polls.
const KEEP_OPEN: Duration = Duration::from_secs(10);

/// How waiting ended.
#[must_use]
pub(crate) enum Waited {
    /// The lock is held.
    Locked(Hold),
    /// The ledger has what we were waiting to write, or has only now appeared: look again.
    LookAgain,
}

/// One run's wait for the lock.
pub(crate) struct Waiter<'a, 'o> {
    pub(crate) connector: &'a Connector<'a>,
    pub(crate) table: &'a LedgerTable,
    pub(crate) link: Link,
    pub(crate) since: Instant,
    /// `lock_wait`.
    pub(crate) limit: Duration,
    pub(crate) interrupt: &'a Interrupt,
    pub(crate) teller: &'a mut Teller<'o>,
}

/// When to speak again, and when to ask.
struct Pace {
    said: Option<Instant>,
    /// When the turn began that is under way.
    turn: Instant,
    /// The server was full when we came: a connection that only waits keeps others out.
    is_crowded: bool,
}

impl Waiter<'_, '_> {
    /// Takes the lock, or waits for it. `session` may be another one afterwards.
    ///
    /// # Errors
    /// Kind `LockTimeout` after `limit`, naming the holder as far as the role may see; `Interrupted`; `Connect` when the
    /// server cannot be reached again.
    pub(crate) async fn acquire(
        &mut self,
        session: &mut Session,
        watch: &Watch<'_>,
    ) -> Result<Waited> {
        let mut pace = Pace {
            said: None,
            turn: Instant::now(),
            is_crowded: false,
        };
        loop {
            pace.turn = Instant::now();
            let turn = self.turn(session, watch, &mut pace).await;
            if self.interrupt.is_fired() {
                return Err(interrupted());
            }
            match turn {
                Ok(Some(waited)) => return Ok(waited),
                Ok(None) => {}
                Err(error) if is_silence(&error) => self.lost(session, error).await?,
                Err(error) => return Err(error),
            }
            self.pause(session, &mut pace).await;
        }
    }

    /// Asks once, on a new connection where the last one was closed.
    async fn turn(
        &mut self,
        session: &mut Session,
        watch: &Watch<'_>,
        pace: &mut Pace,
    ) -> Result<Option<Waited>> {
        if !session.is_open() {
            *session = self.come_back().await?;
            // The time before a full server's door was nobody's work.
            if session.was_turned_away {
                pace.turn = Instant::now();
            }
        }
        match poll(session, self.table, self.link, watch).await? {
            Polled::Locked => self.keep(session).await.map(Waited::Locked).map(Some),
            Polled::LookAgain => Ok(Some(Waited::LookAgain)),
            Polled::Taken => self.say(session, pace).await.map(|()| None),
        }
    }

    async fn keep(&mut self, session: &mut Session) -> Result<Hold> {
        let hold = Hold::keep(self.connector, session, self.link);
        let hold = self.interrupt.unless_fired(hold).await;
        hold.unwrap_or_else(|| Err(interrupted()))
    }

    async fn say(&mut self, session: &mut Session, pace: &mut Pace) -> Result<()> {
        let waited = self.since.elapsed();
        let is_over = waited >= self.limit;
        if !is_over && pace.said.is_some_and(|said| said.elapsed() < SAY_AGAIN) {
            return Ok(());
        }
        let holder = holder(session, self.table).await;
        if is_over {
            return Err(timed_out(self.table, self.limit, holder.as_ref()));
        }
        self.teller.tell(&Event::Waiting {
            holder: holder.as_ref(),
            waited,
            limit: self.limit,
        });
        pace.said = Some(Instant::now());
        Ok(())
    }

    /// A lost connection ends a wait only together with its limit: the next turn is on a new one.
    async fn lost(&mut self, session: &mut Session, error: Error) -> Result<()> {
        let server = session.server();
        session.close().await;
        if self.since.elapsed() >= self.limit {
            return Err(error);
        }
        self.teller.tell(&Event::ConnectRetry {
            reason: &format!("{server}: {error}"),
            pause: PAUSE,
        });
        Ok(())
    }

    /// Sleeps, without a connection where it would be in somebody's way.
    async fn pause(&mut self, session: &mut Session, pace: &mut Pace) {
        pace.is_crowded |= session.was_turned_away;
        let is_long = pace.is_crowded || self.since.elapsed() >= KEEP_OPEN;
        if is_long || self.link == Link::Pooled {
            session.close().await;
        }
        let pause = match is_long {
            true => (pace.turn.elapsed() * SHARE).clamp(AWAY, LONGEST_AWAY),
            false => PAUSE,
        };
        let left = self.limit.saturating_sub(self.since.elapsed());
        self.interrupt.sleep(jittered(pause).min(left)).await;
    }

    async fn come_back(&mut self) -> Result<Session> {
        let mut connector = self.connector.clone();
        connector.patience = self.limit.saturating_sub(self.since.elapsed());
        let teller = &mut *self.teller;
        let mut retrying =
            |reason: &str, pause| teller.tell(&Event::ConnectRetry { reason, pause });
        let connected = connector.connect(&mut retrying);
        let session = self.interrupt.unless_fired(connected).await;
        session.unwrap_or_else(|| Err(interrupted()))
    }
}

/// The server was there before, and may only be busy or out of reach for a while.
fn is_silence(error: &Error) -> bool {
    error.kind() == ErrorKind::Disconnected || error.code() == "connect_timeout"
}

fn timed_out(table: &LedgerTable, limit: Duration, holder: Option<&Holder>) -> Error {
    let by = match holder {
        Some(holder) => format!("it is held by {holder}"),
        None => "its holder cannot be seen".to_owned(),
    };
    let help = match holder {
        Some(Holder { pid, .. }) => format!(
            "nothing was applied; wait for that run to end, or raise lock_wait; what it does: \
             SELECT * FROM pg_stat_activity WHERE pid = {pid}; to end it: SELECT pg_terminate_backend({pid})"
        ),
        None => {
            "nothing was applied; wait for that run to end, or raise lock_wait; pg_locks lists who holds advisory locks"
                .to_owned()
        }
    };
    let message = format!(
        "the lock of {} was not free within {} s: {by}",
        table.name,
        limit.as_secs_f64()
    );
    Error::new(ErrorKind::LockTimeout, "lock_timeout", message).help(help)
}
