//! The session by which test databases are made and dropped.

use super::template::Template;
use crate::attempt::Attempt;
use crate::error::{Error, ErrorKind, Result};
use crate::interrupt::Interrupt;
use crate::literal::{identifier, text};
use crate::migrator::Migrator;
use crate::run::random;
use crate::secret::Secret;
use crate::session::{Lost, Refusal, Row, Session};
use crate::target::Target;
use std::time::Duration;

/// How long a database may take to be copied or dropped: a full server's disk is slow.
const LONG: Duration = Duration::from_secs(300);

/// How often a copy is tried anew that somebody else's haste has undone.
const ATTEMPTS: usize = 20;

/// To copy files takes two checkpoints and the time that each file needs to reach the disk; where nothing is waited for, it is
/// less work than the other way, which writes each page to the log as well. Both came with PostgreSQL 15.
const FILE_COPY: &str = " STRATEGY file_copy";

/// What the comment of a test's database begins with.
const COMMENT: &str = "devflow test database, made from ";

/// The session by which test databases are made and dropped, with the database that it is connected to.
pub(super) struct Workshop {
    pub(super) session: Session,
    url: Secret,
    /// The database that we are connected to. Locks belong to one, so what was made from another is not ours to judge.
    pub(super) home: String,
    /// How a template is copied, as words of CREATE DATABASE.
    strategy: &'static str,
}

impl Workshop {
    pub(super) async fn open(migrator: &Migrator, url: &str) -> Result<Self> {
        let mut workshop = Self {
            session: open(migrator, url).await?,
            url: Secret::new(url.to_owned()),
            home: String::new(),
            strategy: "",
        };
        // The migrations' limit is none of ours.
        let facts =
            "SET statement_timeout = 0; SELECT current_database(), current_setting('fsync')";
        let rows = workshop.ask(facts).await?;
        let fact = |column| rows.first().and_then(|row| row.get(column));
        workshop.home = fact(0).unwrap_or_default().to_owned();
        if fact(1) == Some("off") && workshop.session.major_version() >= 15 {
            workshop.strategy = FILE_COPY;
        }
        Ok(workshop)
    }

    pub(super) async fn close(mut self) {
        self.session.close().await;
    }

    /// Drops what killed processes have left: databases of ours whose lock is free.
    pub(super) async fn collect(&mut self) -> Result<()> {
        let comment = text(&format!("{COMMENT}{}", self.home));
        let rows = self
            .ask(&format!(
                "WITH ours AS MATERIALIZED (SELECT datname FROM pg_database \
                 WHERE shobj_description(oid, 'pg_database') = {comment}) \
                 SELECT datname FROM ours WHERE pg_try_advisory_lock({})",
                lock_key("datname")
            ))
            .await?;
        for name in rows.iter().filter_map(|row| row.get(0)) {
            // Another process may have dropped it since it was listed.
            self.drop_database(name).await?;
        }
        Ok(())
    }

    /// A copy of the template, which is made where it is missing.
    pub(super) async fn copy(&mut self, migrator: &Migrator) -> Result<String> {
        let template = Template::of(migrator);
        for _ in 0..ATTEMPTS {
            match self.make(Some(template.name())).await? {
                Made::Database(name) => return Ok(name),
                Made::Nothing => template.ensure(self, migrator).await?,
            }
        }
        Err(Error::new(
            ErrorKind::Broken,
            "template_unstable",
            format!(
                "{} disappears, or is in use, whenever it is to be copied",
                template.name()
            ),
        )
        .help("find out who drops or connects to it"))
    }

    /// A new database of ours, locked and marked as such; of the server's own template where none is named.
    pub(super) async fn make(&mut self, template: Option<&str>) -> Result<Made> {
        let name = format!("devflow_test_{:016x}{:016x}", random(), random());
        let copied =
            template.map(|template| format!(" TEMPLATE {}{}", identifier(template), self.strategy));
        let create = format!(
            "CREATE DATABASE {}{}",
            identifier(&name),
            copied.unwrap_or_default()
        );
        let lock = format!("SELECT pg_advisory_lock({})", lock_key(&text(&name)));
        let comment = comment(&name, &format!("{COMMENT}{}", self.home));
        // Sent together, so that a process that is killed here leaves no database without its mark.
        match self.ask_all(&[&lock, &create, &comment]).await? {
            None => Ok(Made::Database(name)),
            Some(refusal) if is_unsettled(&refusal) && template.is_some() => {
                self.unlock(&name).await?;
                Ok(Made::Nothing)
            }
            Some(refusal) => Err(refused(refusal, "create a test database")),
        }
    }

    /// Drops a database whose lock is ours, and gives the lock back.
    pub(super) async fn drop_database(&mut self, name: &str) -> Result<()> {
        end_sessions(&mut self.session, name).await;
        let unlock = unlock(name);
        match self.ask_all(&[&drop_statement(name), &unlock]).await? {
            None => Ok(()),
            Some(refusal) => Err(refused(refusal, "drop a test database")),
        }
    }

    /// Sends messages together, and gives the first refusal of any.
    async fn ask_all(&mut self, messages: &[&str]) -> Result<Option<Refusal>> {
        let mut replies = Vec::new();
        for message in messages {
            let reply = self.session.send(message);
            replies.push(reply.map_err(Lost::before_anything_ran)?);
        }
        let mut first = None;
        for reply in replies {
            let answer = self.session.answer_within(LONG, reply).await;
            first = first.or(answer.error);
        }
        Ok(first)
    }

    pub(super) async fn unlock(&mut self, name: &str) -> Result<()> {
        let _unlocked = self.ask(&unlock(name)).await?;
        Ok(())
    }

    pub(super) async fn ask(&mut self, sql: &str) -> Result<Vec<Row>> {
        ask(&mut self.session, sql, "look after test databases").await
    }

    /// The URL of another database of the same server.
    pub(super) fn url_of(&self, name: &str) -> String {
        url_of(self.url.reveal(), name)
    }
}

/// What came of a new database.
pub(super) enum Made {
    Database(String),
    /// The template was gone, or somebody was connected to it.
    Nothing,
}

pub(super) async fn open(migrator: &Migrator, url: &str) -> Result<Session> {
    let target = Target::parse(url)?;
    let observer = &mut ();
    let mut attempt = Attempt::new(migrator, &target, Interrupt::default(), observer);
    attempt.open().await
}

/// Sends a message of ours.
pub(super) async fn ask(session: &mut Session, sql: &str, what: &str) -> Result<Vec<Row>> {
    let answer = session.ask_within(LONG, sql).await;
    match answer.error {
        None => Ok(answer.rows),
        Some(refusal) => Err(refused(refusal, what)),
    }
}

fn refused(refusal: Refusal, what: &str) -> Error {
    let may_not = refusal.sqlstate() == "42501";
    let error = refusal.into_error(what);
    match may_not {
        true => error.help("give the role what tests need: ALTER ROLE … CREATEDB"),
        false => error,
    }
}

/// `object_in_use`, `invalid_catalog_name`.
fn is_unsettled(refusal: &Refusal) -> bool {
    ["55006", "3D000"].contains(&refusal.sqlstate())
}

fn unlock(name: &str) -> String {
    format!("SELECT pg_advisory_unlock({})", lock_key(&text(name)))
}

/// The key of the lock that a database's user holds, from an expression for its name.
fn lock_key(name: &str) -> String {
    format!("hashtextextended('devflow testing ' || {name}, 0)")
}

pub(super) fn comment(name: &str, words: &str) -> String {
    format!(
        "COMMENT ON DATABASE {} IS {}",
        identifier(name),
        text(words)
    )
}

pub(super) async fn drop_database(session: &mut Session, name: &str) -> Result<()> {
    end_sessions(session, name).await;
    let _nothing = ask(session, &drop_statement(name), "drop a test database").await?;
    Ok(())
}

fn drop_statement(name: &str) -> String {
    format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", identifier(name))
}

/// `WITH (FORCE)` does this too, but looks only ten times a second whether the sessions are gone: what a test has just closed
/// would cost it a tenth of a second. Whatever is left is left to that.
async fn end_sessions(session: &mut Session, name: &str) {
    let end = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_get_activity(NULL) \
         WHERE datid = (SELECT oid FROM pg_database WHERE datname = {}) AND backend_type = 'client backend'",
        text(name)
    );
    for _ in 0..100 {
        match ask(session, &end, "end a test's sessions").await {
            Ok(rows) if !rows.is_empty() => tokio::time::sleep(Duration::from_millis(2)).await,
            Ok(_) | Err(_) => return,
        }
    }
}

/// The URL with another database's name, which needs no escapes.
pub(super) fn url_of(url: &str, name: &str) -> String {
    let url = url.trim();
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    let (scheme, rest) = place.split_once("://").unwrap_or(("postgres", place));
    let authority = rest.split('/').next().unwrap_or_default();
    let parameters = query
        .split('&')
        .filter(|it| !it.is_empty() && !it.starts_with("dbname="));
    let parameters: Vec<_> = parameters.collect();
    let mark = if parameters.is_empty() { "" } else { "?" };
    format!(
        "{scheme}://{authority}/{name}{mark}{}",
        parameters.join("&")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_database_of_a_url_is_replaced() {
        for (url, expected) in [
            ("postgres://a:b@h:1/d", "postgres://a:b@h:1/x"),
            ("postgresql://h", "postgresql://h/x"),
            (
                " postgres://h/?sslmode=require\n",
                "postgres://h/x?sslmode=require",
            ),
            (
                "postgres:///d?host=/run/pg&dbname=e&user=u",
                "postgres:///x?host=/run/pg&user=u",
            ),
            ("postgres://h?dbname=e", "postgres://h/x"),
        ] {
            assert_eq!(url_of(url, "x"), expected);
        }
    }
}
