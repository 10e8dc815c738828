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

/// Which of the CLI's sessions.
#[derive(Debug, Clone, Copy)]
enum Which<'a> {
    /// Those that work at something: one that is kept open and idle may be anybody's.
    Busy,
    /// Those that began at this moment of the server's clock, or later.
    Since(&'a str),
}

/// What is done about a session that is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// It has been told to end by itself.
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
        while let Some(holder) = find(session, Which::Busy, Manner::Wait).await? {
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

    /// Waits until the sessions are gone that the CLI has opened since a moment of the server's clock, or ends them: what
    /// the table says is final only then.
    pub(super) async fn settle_sessions(
        &mut self,
        session: &mut Session,
        since: &str,
        manner: Manner,
    ) -> Result<()> {
        let limit = match manner {
            Manner::Wait => self.lock_wait(),
            Manner::End => ENDING,
        };
        let deadline = Instant::now() + limit;
        // One that was being opened while its client was killed is seen only by the second look.
        let mut absent = 0;
        while absent < 2 {
            match find(session, Which::Since(since), manner).await? {
                None => absent += 1,
                Some(holder) if Instant::now() >= deadline => return Err(busy(&holder, limit)),
                Some(_) => absent = 0,
            }
            if absent < 2 && (absent == 0 || manner == Manner::End) {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }
}

/// One of the CLI's sessions; in the manner of ending, all of them are asked to end.
async fn find(session: &mut Session, which: Which<'_>, manner: Manner) -> Result<Option<Holder>> {
    let chosen = match which {
        Which::Busy => "coalesce(state, '') <> 'idle'".to_owned(),
        Which::Since(moment) => format!("backend_start >= {}::timestamptz", text(moment)),
    };
    let end = match manner {
        Manner::Wait => "",
        Manner::End => ", pg_terminate_backend(pid)",
    };
    let query = format!(
        "{LOCAL_SETTINGS} {AS_LOGIN} SELECT pid, application_name, usename, \
         floor(extract(epoch FROM clock_timestamp() - backend_start)){end} \
         FROM pg_stat_activity WHERE datname = current_database() AND usename = session_user \
         AND application_name = {} AND pid <> pg_backend_pid() AND {chosen}",
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

/// The server's clock, as it writes it.
pub(super) async fn now(session: &mut Session) -> Result<String> {
    let query = format!("{LOCAL_SETTINGS} SELECT clock_timestamp()");
    let answer = session.ask(&query).await.accept("tell the time")?;
    let row = answer.rows.first();
    Ok(row
        .and_then(|row| row.get(0))
        .unwrap_or_default()
        .to_owned())
}
