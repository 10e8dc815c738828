//! The Supabase CLI's sessions on the server, which outlive the CLI.

use crate::attempt::Attempt;
use crate::backend::{AS_LOGIN, Backend};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Holder};
use crate::ledger::LOCAL_SETTINGS;
use crate::literal::text;
use crate::lock::{self, Link};
use crate::session::{Row, Session};
use devflow_migrations::supabase::elements;
use devflow_migrations::{Migration, Plan};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What the CLI calls its sessions, whatever it is told.
const APPLICATION: &str = "@effect/sql-pg";

/// How the statement begins by which the CLI records a file.
const RECORDING: &str = "INSERT INTO supabase_migrations.";

/// Whether a session is in a transaction, or does something outside of one.
const AT_WORK: &str = "coalesce(state, '') <> 'idle'";

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

/// Which of the server's sessions are taken for the CLI's.
pub(super) struct Sought<'s> {
    link: Link,
    /// Those that began at this moment of the server's clock or later, in seconds, as it writes them.
    since: Option<String>,
    /// What they may be at.
    migrations: Vec<&'s Migration>,
}

impl Attempt<'_> {
    /// Waits until no session of the CLI works in this database for this login: a run that was killed leaves one, which
    /// commits what it was sent, and holds no lock of devflow's. Says whether there was one. The lock is held.
    pub(crate) async fn await_stragglers(
        &mut self,
        session: &mut Session,
        link: Link,
    ) -> Result<bool> {
        let migrations = self.migrator.set.iter().map(Arc::as_ref).collect();
        let sought = Sought {
            link,
            since: None,
            migrations,
        };
        let began = Instant::now();
        let limit = self.lock_wait();
        let mut told: Option<Instant> = None;
        while let Some(holder) = sought.find(session, Manner::Wait).await? {
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
}

impl<'s> Sought<'s> {
    /// Those that begin from now on to carry out a plan.
    pub(super) async fn from_now(
        session: &mut Session,
        link: Link,
        plan: &'s Plan,
    ) -> Result<Self> {
        let query = format!("{LOCAL_SETTINGS} SELECT extract(epoch FROM clock_timestamp())");
        let answer = session.ask(&query).await.accept("tell the time")?;
        let seconds = answer.rows.first().and_then(|row| row.get(0));
        let steps = plan.steps().iter();
        Ok(Self {
            link,
            since: Some(seconds.unwrap_or("0").to_owned()),
            migrations: steps.map(|step| step.migration.as_ref()).collect(),
        })
    }

    /// Waits until they have no work any more, or ends them: what the table says is final only then.
    pub(super) async fn settle(&self, session: &mut Session, manner: Manner) -> Result<()> {
        let deadline = Instant::now() + ENDING;
        // One that was being opened while its client was killed is seen only by the second look.
        let mut absent = 0;
        while absent < 2 {
            absent = match self.find(session, manner).await? {
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

    /// How long none of them has worked at anything; `None` where there is none, or where the server does not say.
    pub(super) async fn quiet_for(
        &self,
        session: &mut Session,
        within: Duration,
    ) -> Result<Option<Duration>> {
        let answer = session.ask_within(within, &self.query("true")).await;
        let answer = answer.accept("look for the Supabase CLI's sessions")?;
        let found = answer.rows.iter().filter(|row| self.is_one(row));
        let quiet = found.filter_map(|row| row.get("quiet")?.parse().ok());
        Ok(quiet.min().map(Duration::from_secs))
    }

    /// One that works at something: one that is idle has lost its client, or is somebody else's. In the manner of ending,
    /// all of them are asked to end.
    async fn find(&self, session: &mut Session, manner: Manner) -> Result<Option<Holder>> {
        let answer = session.ask(&self.query(AT_WORK)).await;
        let answer = answer.accept("look for the Supabase CLI's sessions")?;
        let found: Vec<_> = answer.rows.iter().filter(|row| self.is_one(row)).collect();
        if manner == Manner::End {
            for row in &found {
                Backend::of(row).end(session).await;
            }
        }
        Ok(found.first().and_then(|row| lock::holder_of(row)))
    }

    /// Every session of this login that may be one, and is as `standing` says. One that waits for its client, in a transaction
    /// or not, has been quiet for as long as it has waited.
    fn query(&self, standing: &str) -> String {
        // A pooler lends connections that it opened before: there, what counts is when the work began.
        let (names, began) = match self.link {
            Link::Direct => ("", "backend_start"),
            Link::Pooled => (", ''", "greatest(backend_start, xact_start)"),
        };
        let young = self.since.as_deref().map_or_else(String::new, |moment| {
            format!(
                "AND extract(epoch FROM {began}) >= {}::numeric",
                text(moment)
            )
        });
        format!(
            "{LOCAL_SETTINGS} {AS_LOGIN} SELECT pid, application_name, usename, \
             floor(extract(epoch FROM clock_timestamp() - backend_start)), \
             extract(epoch FROM backend_start) AS began, \
             extract(epoch FROM pg_postmaster_start_time()) AS server_start, query, \
             CASE WHEN state LIKE 'idle%' \
             THEN greatest(0, floor(extract(epoch FROM clock_timestamp() - state_change))) ELSE 0 END AS quiet \
             FROM pg_stat_activity WHERE datname = current_database() AND usename = session_user \
             AND application_name IN ({}{names}) AND pid <> pg_backend_pid() AND {standing} {young}",
            text(APPLICATION)
        )
    }

    /// The CLI resets its session before each file, and behind a pooler its name with it: there, it is known by what it runs.
    fn is_one(&self, row: &Row) -> bool {
        let query = row.get("query").unwrap_or_default();
        row.get("application_name") == Some(APPLICATION) || self.is_at(query)
    }

    /// Whether a query, or the beginning that the server keeps of it, is one of the CLI's.
    fn is_at(&self, query: &str) -> bool {
        let begins = |element: &str| !query.is_empty() && element.starts_with(query);
        query.starts_with(RECORDING)
            || self
                .migrations
                .iter()
                .any(|migration| elements(migration).into_iter().any(begins))
    }
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
