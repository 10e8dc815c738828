//! The Supabase CLI's sessions on the server, which outlive the CLI.

use crate::attempt::Attempt;
use crate::backend::AS_LOGIN;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Holder};
use crate::ledger::LOCAL_SETTINGS;
use crate::literal::text;
use crate::lock;
use crate::session::Session;
use std::time::Duration;
use tokio::time::Instant;

/// What the CLI calls its sessions, whatever it is told.
const APPLICATION: &str = "@effect/sql-pg";

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// How often who is waited for is named.
const REPEAT: Duration = Duration::from_secs(5);

/// How long a session that is asked to end may take for it.
const ENDING: Duration = Duration::from_secs(30);

/// What is done about a session that is still at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// It ends by itself: the CLI has come to its own end.
    Wait,
    /// What it does is rolled back.
    End,
}

impl Attempt<'_> {
    /// Waits until no session of the CLI works in this database for this login: a run that was killed leaves one, which
    /// commits what it was sent, and holds no lock of devflow's. Says whether there was one. The lock is held.
    pub(crate) async fn await_stragglers(&mut self, session: &mut Session) -> Result<bool> {
        let began = Instant::now();
        let limit = self.lock_wait();
        let mut told: Option<Instant> = None;
        while let Some(holder) = find(session, None, Manner::Wait).await? {
            self.check_interrupt()?;
            let waited = began.elapsed();
            if waited >= limit {
                return Err(busy(&holder, limit));
            }
            if told.is_none_or(|told| told.elapsed() >= REPEAT) {
                told = Some(Instant::now());
                let holder = Some(&holder);
                self.teller.tell(&Event::Waiting {
                    holder,
                    waited,
                    limit,
                });
            }
            self.interrupt.sleep(PAUSE).await;
        }
        Ok(told.is_some())
    }

    /// Waits until the sessions have no work any more that the CLI has opened since a moment of the server's clock, or ends
    /// them: what the table says is final only then.
    pub(super) async fn settle_sessions(
        &mut self,
        session: &mut Session,
        since: &Moment,
        manner: Manner,
    ) -> Result<()> {
        let deadline = Instant::now() + ENDING;
        // One that was being opened while its client was killed is seen only by the second look.
        let mut absent = 0;
        while absent < 2 {
            absent = match find(session, Some(since), manner).await? {
                None => absent + 1,
                Some(holder) if Instant::now() < deadline => {
                    tracing::debug!(%holder, "still at work");
                    0
                }
                Some(holder) if manner == Manner::End => return Err(busy(&holder, ENDING)),
                // The CLI has closed its own: this is somebody else's, of the same login and by the same library.
                Some(_) => return Ok(()),
            };
            if absent < 2 {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }
}

/// One of the CLI's sessions that works at something, of those that began at a moment or later: one that is idle has lost its
/// client, or is somebody else's. In the manner of ending, all of them are asked to end.
async fn find(
    session: &mut Session,
    since: Option<&Moment>,
    manner: Manner,
) -> Result<Option<Holder>> {
    let young = since.map_or_else(String::new, |moment| {
        let moment = text(&moment.0);
        format!("AND extract(epoch FROM backend_start) >= {moment}::numeric")
    });
    let end = match manner {
        Manner::Wait => "",
        Manner::End => ", pg_terminate_backend(pid)",
    };
    let query = format!(
        "{LOCAL_SETTINGS} {AS_LOGIN} SELECT pid, application_name, usename, \
         floor(extract(epoch FROM clock_timestamp() - backend_start)){end} \
         FROM pg_stat_activity WHERE datname = current_database() AND usename = session_user \
         AND application_name = {} AND pid <> pg_backend_pid() AND coalesce(state, '') <> 'idle' {young}",
        text(APPLICATION)
    );
    let answer = session.ask(&query).await;
    let answer = answer.accept("look for the Supabase CLI's sessions")?;
    Ok(answer.rows.first().and_then(lock::holder_of))
}

fn busy(holder: &Holder, limit: Duration) -> Error {
    let message = format!(
        "a session of the Supabase CLI is still at work after {} s: {holder}",
        limit.as_secs()
    );
    Error::new(ErrorKind::LockTimeout, "supabase_busy", message).help(format!(
        "wait for it, or end it with `SELECT pg_terminate_backend({})`; then run again",
        holder.pid
    ))
}

/// A moment of the server's clock, in seconds, as it writes them.
pub(super) struct Moment(String);

pub(super) async fn now(session: &mut Session) -> Result<Moment> {
    let query = format!("{LOCAL_SETTINGS} SELECT extract(epoch FROM clock_timestamp())");
    let answer = session.ask(&query).await.accept("tell the time")?;
    let seconds = answer.rows.first().and_then(|row| row.get(0));
    Ok(Moment(seconds.unwrap_or("0").to_owned()))
}
