//! One transactional step as messages, with its guards.

use crate::ledger::{self, After, LOCAL_SETTINGS, LedgerTable, Record, SINCE_BEGIN, unhurried};
use crate::literal::text;
use crate::lock::Link;
use devflow_migrations::{LedgerEvent, Limits, Migration, Step, Verb};
use std::ops::Range;
use std::time::Duration;

/// How steps are framed in this run.
#[derive(Debug, Clone)]
pub(crate) struct Framing<'a> {
    pub(crate) table: &'a LedgerTable,
    /// The run's id.
    pub(crate) id: &'a str,
    /// The ledger's `run` column.
    pub(crate) run: &'a str,
    pub(crate) lock_timeout: Duration,
    pub(crate) statement_timeout: Duration,
    pub(crate) server_major: u32,
    /// What the steps do: it says which event each ends in.
    pub(crate) verb: Verb,
    /// What lies between us and the server.
    pub(crate) link: Link,
    /// What the session sets again once it is cleared.
    pub(crate) settings: String,
}

/// How the step's commit is made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// A later commit of this run makes it durable; nothing is reported before.
    Later,
    /// The role's own setting.
    Own,
    /// The role's own setting, but `off` is raised to `local`.
    Now,
    /// On this server's disk. What is said about the end of a run must not wait for a standby that does not answer.
    Here,
}

/// What the server answers when a file ended devflow's transaction.
pub(crate) const ENDED: &str = "devflow: this migration ended its own transaction";

/// What the server answers when the run's lock is not held any more.
pub(crate) const UNLOCKED: &str = "devflow: the lock was lost";

/// Precedes the file in its message. Outside a transaction block it is refused (25P01) before anything has an effect: a
/// cancel request may have hit BEGIN, and the file would commit by itself. It takes no snapshot.
pub(crate) const INSIDE: &str = "SAVEPOINT devflow;RELEASE devflow;";

/// How many statements [`INSIDE`] has.
pub(crate) const INSIDE_STATEMENTS: usize = 2;

/// What clears a session. Never DISCARD ALL: it drops the lock.
const HYGIENE: &str =
    "RESET SESSION AUTHORIZATION; RESET ALL; DISCARD TEMP; UNLISTEN *; CLOSE ALL;";

/// Files above this size are sent in groups, to keep both sides' memory small.
const LARGE: usize = 4 << 20;

/// The size of a group.
const GROUP: usize = 1 << 20;

/// Clears a session of our own, and sets in it what no start-up option has set.
pub(crate) fn cleared(settings: &str) -> String {
    format!("{HYGIENE} DEALLOCATE ALL; {settings}")
}

/// Clears a pooled session in a transaction of its own, so that all of it happens on the same one.
pub(crate) fn cleared_in_pool() -> String {
    format!("BEGIN; {HYGIENE} COMMIT; ")
}

impl Framing<'_> {
    /// What a step's transaction is known by.
    pub(crate) fn mark(&self, number: usize) -> String {
        format!("{}.{number}", self.id)
    }

    /// Message 1. It takes no snapshot, so that a file may still choose its isolation level.
    ///
    /// `devflow.kept` is set for the session, so that it stays exactly when the file commits by itself: whatever rolls back
    /// takes it back, and so does the clean-up before our own commit.
    pub(crate) fn begin(&self, number: usize, limits: Limits) -> String {
        let lock_timeout = limits.lock_timeout.unwrap_or(self.lock_timeout);
        format!(
            "{before}BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL client_encoding = 'UTF8'; \
             {check}{unhurried} SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = {}; SET LOCAL devflow.step = '{mark}'; \
             SET devflow.kept = '{mark}'",
            lock_timeout.as_millis(),
            self.statement_timeout(limits),
            mark = self.mark(number),
            unhurried = unhurried(self.server_major),
            before = self.before(),
            check = self.connection_check(),
        )
    }

    /// In milliseconds.
    fn statement_timeout(&self, limits: Limits) -> u128 {
        let own = limits.statement_timeout;
        own.unwrap_or(self.statement_timeout).as_millis()
    }

    /// What a file outside a transaction runs under: our limits, until the session is cleaned behind it. A pooled session
    /// is not ours to set up.
    pub(crate) fn outside(&self, limits: Limits) -> String {
        match self.link {
            Link::Pooled => String::new(),
            Link::Direct => format!(
                "{} SET lock_timeout = 0; SET statement_timeout = {};",
                unhurried(self.server_major).replace("SET LOCAL", "SET"),
                self.statement_timeout(limits)
            ),
        }
    }

    /// Removes what a file may have left in the session and the next one must not see.
    pub(crate) fn hygiene(&self) -> String {
        match self.link {
            Link::Direct => cleared(&self.settings),
            // The pooler prepares statements on its sessions, for clients that count on them.
            Link::Pooled => HYGIENE.to_owned(),
        }
    }

    /// A pooled session may hold what strangers left in it. A transaction of its own clears that, in the same message
    /// and so on the same session: DISCARD takes a snapshot, which the file's own transaction must not have yet.
    fn before(&self) -> String {
        match self.link {
            Link::Direct => String::new(),
            Link::Pooled => cleared_in_pool(),
        }
    }

    /// What a direct session sets at its start, so that the server notices a run that was killed.
    fn connection_check(&self) -> &'static str {
        match self.link {
            Link::Pooled if self.server_major >= 14 => {
                "SET LOCAL client_connection_check_interval = '1s'; "
            }
            Link::Pooled | Link::Direct => "",
        }
    }

    /// A lock of the session's own cannot be taken by another as long as it is held; one that is held beside it is not
    /// this session's to ask for.
    fn lock_guard(&self) -> String {
        match self.link {
            Link::Direct => format!(
                "WHEN NOT pg_catalog.pg_try_advisory_xact_lock({}) THEN pg_catalog.set_config('{UNLOCKED}', '', true) ",
                self.table.key.0
            ),
            Link::Pooled => String::new(),
        }
    }

    /// Message 3, in ASCII: guards, hygiene, the ledger row, COMMIT. All in one message, so that an error anywhere
    /// before leaves a COMMIT that is never reached.
    pub(crate) fn end(
        &self,
        number: usize,
        step: &Step,
        after: Option<After<'_>>,
        durability: Durability,
        detail: Option<String>,
    ) -> String {
        let record = Record {
            detail,
            execution_ms: Some(SINCE_BEGIN.to_owned()),
            ..Record::of(&step.migration, step.seq, self.verb.event(), self.run)
        };
        format!(
            "SELECT CASE WHEN pg_catalog.texteq(pg_catalog.current_setting('devflow.step', true), '{mark}') IS NOT TRUE \
               THEN pg_catalog.set_config('{ENDED}', '', true) {lock_guard}END; \
             SET CONSTRAINTS ALL IMMEDIATE; \
             {hygiene} \
             {LOCAL_SETTINGS} {unhurried} {durability} {insert} RETURNING execution_ms; {beside}{guard}; COMMIT",
            mark = self.mark(number),
            lock_guard = self.lock_guard(),
            hygiene = self.hygiene(),
            unhurried = unhurried(self.server_major),
            durability = durability.statement(),
            insert = record.insert(self.table, after),
            beside = record.beside(self.table),
            guard = ledger::untouched(self.table, &record, after),
        )
    }

    /// A row of its own, in a transaction of its own, durable when it is answered; `before` is part of it.
    pub(crate) fn record(&self, before: &str, record: &Record<'_>) -> String {
        format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {before} {} COMMIT",
            self.row(record)
        )
    }

    /// A row within a transaction, with which it commits.
    ///
    /// A file outside a transaction may have changed the session's role for the statements that follow.
    pub(crate) fn row(&self, record: &Record<'_>) -> String {
        let durability = match record.event {
            LedgerEvent::Failed => Durability::Here,
            _ => Durability::Now,
        };
        format!(
            "{} SET LOCAL SESSION AUTHORIZATION DEFAULT; {LOCAL_SETTINGS} {} {} {} \
             RETURNING execution_ms, detail; {}{};",
            record.look(),
            unhurried(self.server_major),
            durability.statement(),
            record.insert(self.table, None),
            record.beside(self.table),
            ledger::taken(self.table, record),
        )
    }
}

impl Durability {
    /// A statement with its semicolon, or nothing.
    pub(crate) fn statement(self) -> &'static str {
        match self {
            Self::Later => "SET LOCAL synchronous_commit = off;",
            Self::Own => "",
            Self::Now => {
                "SELECT pg_catalog.set_config('synchronous_commit', 'local', true) \
                 WHERE pg_catalog.current_setting('synchronous_commit') = 'off';"
            }
            Self::Here => "SET LOCAL synchronous_commit = local;",
        }
    }
}

/// The pieces in which a file is sent: the whole of it, or groups of about 1 MB that end where a statement ends.
pub(crate) fn pieces(migration: &Migration) -> Vec<Range<usize>> {
    let length = migration.text().as_str().len();
    if length <= LARGE {
        return std::iter::once(0..length).collect();
    }
    let mut pieces = Vec::new();
    let mut start = 0;
    // A statement's span ends before its semicolon, so a group ends where the next statement begins.
    for statement in migration.statements() {
        if statement.start - start >= GROUP {
            pieces.push(start..statement.start);
            start = statement.start;
        }
    }
    pieces.push(start..length);
    pieces
}

/// The statement that makes every commit before it durable, when nothing else is left to be written.
pub(crate) fn flush(durability: Durability) -> String {
    format!(
        "BEGIN; {} SELECT pg_catalog.pg_logical_emit_message(true, {}, ''); COMMIT",
        durability.statement(),
        text("devflow")
    )
}
