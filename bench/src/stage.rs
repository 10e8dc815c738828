//! The server, and a database as a work wants to find it.

use crate::corpus::Corpus;
use crate::execution::{Execution, Usage};
use crate::fault::{Fault, Result};
use crate::programs::program;
use crate::runner::{Invocation, Runner};
use crate::work::{Before, DELAY, Link, Work};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use support::{Counts, LogEntry, PrivateServer, Proxy, TestDatabase, wait_until};

/// A server that is gone with the run, on which a commit is as durable as on any other.
pub(crate) struct Stage {
    server: PrivateServer,
    /// The definitions that the first tool left of each corpus: all others must leave the same.
    definitions: RefCell<BTreeMap<Corpus, String>>,
    /// Databases in which a tool has applied a whole corpus, for the works that begin with one.
    applied: RefCell<BTreeMap<(Corpus, &'static str), Rc<TestDatabase>>>,
}

/// A database, and the way to it.
pub(crate) struct Place {
    database: Rc<TestDatabase>,
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
            applied: RefCell::default(),
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
        let database = match (work.database, runner.ledger_by.and_then(Runner::named)) {
            (Before::Nothing, _) => self.empty(),
            (Before::All, _) => self.applied(runner, work.corpus)?,
            (Before::First, Some(by)) => {
                let database = self.empty();
                apply(&database, by, Corpus::First)?;
                database
            }
            (Before::First, None) => return Err(Fault::new("it keeps no ledger")),
        };
        Ok(self.way(database, work.link))
    }

    /// An empty database, without a proxy before it.
    pub(crate) fn empty_place(&self) -> Place {
        self.way(self.empty(), Link::Direct)
    }

    /// The same database behind the proxy.
    pub(crate) fn slow(&self, place: &Place) -> Place {
        self.way(Rc::clone(&place.database), Link::Slow)
    }

    fn way(&self, database: Rc<TestDatabase>, link: Link) -> Place {
        let proxy = match link {
            Link::Direct => None,
            Link::Slow => Some(Proxy::start(self.server.server().address(), DELAY)),
        };
        Place { database, proxy }
    }

    fn empty(&self) -> Rc<TestDatabase> {
        Rc::new(TestDatabase::create_on(self.server.server()))
    }

    /// The database in which the tool has applied this corpus; it does so now unless a work before has left one.
    fn applied(&self, runner: &Runner, corpus: Corpus) -> Result<Rc<TestDatabase>> {
        let found = self.applied.borrow().get(&(corpus, runner.name)).cloned();
        if let Some(database) = found {
            return Ok(database);
        }
        let database = self.empty();
        apply(&database, runner, corpus)?;
        let place = self.way(database, Link::Direct);
        self.check(&place, corpus)?;
        self.keep(&place, runner, corpus);
        Ok(place.database)
    }

    /// Keeps what a tool has applied, for the works that begin with it.
    pub(crate) fn keep(&self, place: &Place, runner: &Runner, corpus: Corpus) {
        if matches!(corpus, Corpus::C100 | Corpus::C1000) {
            let mut applied = self.applied.borrow_mut();
            let kept = applied.entry((corpus, runner.name));
            kept.or_insert_with(|| Rc::clone(&place.database));
        }
    }

    /// Does something while the server's log is flushed only for those who wait for it: its writer, which does so by the
    /// clock and for each megabyte, would count with the machine's speed.
    pub(crate) fn with_a_quiet_writer<T>(&self, act: impl FnOnce() -> T) -> T {
        const QUIET: [(&str, &str); 2] = [
            ("wal_writer_delay", "10s"),
            ("wal_writer_flush_after", "2GB"),
        ];
        for (name, value) in QUIET {
            self.configure(&format!("SET {name} = '{value}'"));
        }
        let done = act();
        for (name, _) in QUIET {
            self.configure(&format!("RESET {name}"));
        }
        done
    }

    fn configure(&self, change: &str) {
        let ask = |sql: &str| drop(self.server.server().rows("postgres", sql));
        ask(&format!("ALTER SYSTEM {change}"));
        ask("SELECT pg_reload_conf()");
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
        without_tls(&url)
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        self.database.name()
    }

    /// Runs SQL in it.
    pub(crate) fn alter(&self, sql: &str) {
        self.database.execute(sql);
    }

    /// What went through its proxy; nothing where there is none.
    pub(crate) fn counts(&self) -> Counts {
        self.proxy.as_ref().map(Proxy::counts).unwrap_or_default()
    }

    /// Waits until the server has seen the last of its sessions go, and has written down what they did.
    pub(crate) fn settle(&self) {
        wait_until("all sessions have ended", || self.database.sessions() == 0);
    }

    /// Runs a tool on it, and gives the seconds that the server took for its messages, by the server's own clock.
    pub(crate) fn server_time(&self, invocation: &Invocation) -> Result<f64> {
        let name = self.name();
        let earlier = self.database.server_log().len();
        self.database.execute(&format!(
            "ALTER DATABASE {name} SET log_min_duration_statement = 0"
        ));
        let used = self.execute(invocation);
        self.settle();
        self.database.execute(&format!(
            "ALTER DATABASE {name} RESET log_min_duration_statement"
        ));
        used?;
        let log = self.database.server_log();
        let durations = log.iter().skip(earlier).filter_map(duration);
        Ok(durations.sum())
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

fn apply(database: &TestDatabase, runner: &Runner, corpus: Corpus) -> Result<()> {
    let invocation = runner.apply(program(runner.form, corpus)?, corpus)?;
    Execution::of(&invocation, &without_tls(&database.url()))?.finish()?;
    Ok(())
}

fn without_tls(url: &str) -> String {
    format!("{url}?sslmode=disable")
}

/// The seconds that an entry of the server's log names.
fn duration(entry: &LogEntry) -> Option<f64> {
    let rest = entry.message.strip_prefix("LOG:  duration: ")?;
    let (milliseconds, _) = rest.split_once(" ms")?;
    milliseconds.parse::<f64>().ok().map(|found| found / 1e3)
}
