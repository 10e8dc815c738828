//! The server, and a database as a work wants to find it.

use crate::corpus::Corpus;
use crate::execution::{Execution, Usage};
use crate::fault::{Fault, Result};
use crate::programs::program;
use crate::runner::{Invocation, Runner};
use crate::work::{Before, DELAY, Link, Work};
use std::cell::RefCell;
use std::collections::BTreeMap;
use support::{Counts, PrivateServer, Proxy, TestDatabase, wait_until};

/// A server that is gone with the run, on which a commit is as durable as on any other.
pub(crate) struct Stage {
    server: PrivateServer,
    /// The definitions that the first tool left of each corpus: all others must leave the same.
    definitions: RefCell<BTreeMap<Corpus, String>>,
}

/// A database, and the way to it.
pub(crate) struct Place {
    database: TestDatabase,
    proxy: Option<Proxy>,
}

const SETTINGS: [(&str, &str); 7] = [
    ("fsync", "on"),
    ("full_page_writes", "on"),
    ("log_statement", "none"),
    ("log_connections", "off"),
    ("log_disconnections", "off"),
    ("log_min_messages", "warning"),
    ("max_wal_size", "4GB"),
];

impl Stage {
    /// Starts the server.
    pub(crate) fn open() -> Self {
        Self {
            server: PrivateServer::start(&SETTINGS),
            definitions: RefCell::default(),
        }
    }

    /// The server's own words about itself.
    pub(crate) fn server_version(&self) -> String {
        let rows = self.server.server().rows("postgres", "SELECT version()");
        rows.concat().concat()
    }

    /// The number of the server's first process.
    pub(crate) fn postmaster(&self) -> u32 {
        self.server.postmaster().pid()
    }

    /// A database as the work wants to find it, prepared by the tool that will do the work.
    pub(crate) fn place(&self, work: &Work, runner: &Runner) -> Result<Place> {
        let database = TestDatabase::create_on(self.server.server());
        let proxy = match work.link {
            Link::Direct => None,
            Link::Slow => Some(Proxy::start(self.server.server().address(), DELAY)),
        };
        let place = Place { database, proxy };
        match (work.database, runner.ledger_by.and_then(Runner::named)) {
            (Before::Nothing, _) => {}
            (Before::All, _) => place.apply(runner, work.corpus)?,
            (Before::First, Some(by)) => place.apply(by, Corpus::First)?,
            (Before::First, None) => return Err(Fault::new("it keeps no ledger")),
        }
        Ok(place)
    }

    /// Holds what a tool has left in a database against what the others have.
    pub(crate) fn check(&self, place: &Place, corpus: Corpus) -> Result<()> {
        let found = place.definitions(corpus);
        let mut all = self.definitions.borrow_mut();
        let first = all.entry(corpus).or_insert_with(|| found.clone());
        let mut lines = first.lines().zip(found.lines());
        let differs = lines.find(|(expected, found)| expected != found);
        match differs {
            Some((expected, found)) => Err(Fault::new(format!(
                "the schema differs from what the first tool made of {}:\n  {expected}\n  {found}",
                corpus.name()
            ))),
            None if first.len() != found.len() => Err(Fault::new(format!(
                "the schema differs from what the first tool made of {}: {} and {} bytes",
                corpus.name(),
                first.len(),
                found.len()
            ))),
            None => Ok(()),
        }
    }

    /// How often the server has flushed its log so far.
    pub(crate) fn flushes(&self) -> f64 {
        let newer = "SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal'";
        let older = "SELECT wal_sync FROM pg_stat_wal";
        let server = self.server.server();
        let rows = server.try_rows("postgres", older);
        let rows = rows.unwrap_or_else(|_newer| server.rows("postgres", newer));
        rows.concat().concat().parse().unwrap_or_default()
    }
}

impl Place {
    /// Runs a tool on it.
    pub(crate) fn execute(&self, invocation: &Invocation) -> Result<Usage> {
        Execution::of(invocation, &self.url())?.finish()
    }

    /// Its URL, by the way that the work takes. No tool asks for TLS, which the server has not.
    pub(crate) fn url(&self) -> String {
        let url = match &self.proxy {
            Some(proxy) => self.database.url_through(proxy),
            None => self.database.url(),
        };
        format!("{url}?sslmode=disable")
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        self.database.name()
    }

    /// What went through its proxy; nothing where there is none.
    pub(crate) fn counts(&self) -> Counts {
        self.proxy.as_ref().map(Proxy::counts).unwrap_or_default()
    }

    /// Waits until the server has seen the last of its sessions go, and has written down what they did.
    pub(crate) fn settle(&self) {
        wait_until("all sessions have ended", || self.database.sessions() == 0);
    }

    fn apply(&self, runner: &Runner, corpus: Corpus) -> Result<()> {
        let invocation = runner.apply(program(runner.form, corpus)?, corpus)?;
        Execution::of(&invocation, &self.direct())?.finish()?;
        Ok(())
    }

    fn direct(&self) -> String {
        format!("{}?sslmode=disable", self.database.url())
    }

    /// What is defined in it, and what the rows are, without any tool's own tables.
    fn definitions(&self, corpus: Corpus) -> String {
        const OWN: [&str; 2] = ["_sqlx_migrations", "refinery_schema_history"];
        let dump = self.database.schema_dump();
        let lines = dump.lines();
        let ours: Vec<&str> = lines
            .filter(|line| !OWN.iter().any(|own| line.contains(own)))
            .collect();
        let mut text = ours.join("\n");
        if matches!(corpus, Corpus::Inserts | Corpus::Large) {
            let sum = "SELECT concat_ws(' ', count(*), sum(id)) FROM measurement";
            text.push_str(&format!("\nrows {}", self.database.value(sum)));
        }
        text
    }
}
