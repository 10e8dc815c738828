//! A PostgreSQL server to test against.

use crate::run::{run_owner, state_folder};
use crate::supervisor::{Facts, Request, read_answer, spawn};
use crate::{Installation, on_background};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use tokio_postgres::{Client, NoTls};
use url::Url;

/// Where a server is, and how to ask it.
#[derive(Debug, Clone)]
pub struct Server {
    url: Url,
    log: Option<PathBuf>,
}

/// What is special about a private server.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ServerOptions {
    /// The folder with the programs; without one the first that is found.
    pub bin: Option<PathBuf>,
    /// Settings, stronger than the defaults.
    pub settings: Vec<(String, String)>,
    /// Lines of pg_hba.conf, each with its line end, before the default ones.
    pub access: Vec<String>,
    /// Files in the data directory, readable to the server alone: certificates and keys.
    pub files: Vec<(String, String)>,
    /// The data directory of a server that is stopped, to begin with a copy of it.
    pub copy_of: Option<PathBuf>,
}

impl Server {
    /// The server that all tests of a run share, started by the first test that asks, or the one in `DEVFLOW_TEST_URL`.
    ///
    /// # Panics
    /// When there is none and none can be started; the message says what to install.
    pub fn shared() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(|| match std::env::var("DEVFLOW_TEST_URL") {
            Ok(url) => Self {
                url: Url::parse(&url).expect("DEVFLOW_TEST_URL is a URL"),
                log: std::env::var_os("DEVFLOW_TEST_LOG").map(PathBuf::from),
            },
            Err(_) => Self::new(&shared_facts()),
        })
    }

    pub(crate) fn new(facts: &Facts) -> Self {
        let url = format!("postgres://postgres@127.0.0.1:{}/postgres", facts.port);
        Self {
            url: Url::parse(&url).expect("the server's URL is one"),
            log: Some(facts.log.clone()),
        }
    }

    /// Its URL: the superuser, and the database that is always there.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Host and port.
    ///
    /// # Panics
    /// When `DEVFLOW_TEST_URL` names no host.
    #[must_use]
    pub fn address(&self) -> (String, u16) {
        let host = self.url.host_str().expect("the server's URL has a host");
        (host.to_owned(), self.url.port().unwrap_or(5432))
    }

    /// The file that it logs to.
    ///
    /// # Panics
    /// When the server is not ours and nobody said where its log is.
    #[must_use]
    pub fn log(&self) -> &Path {
        self.log.as_deref().expect(
            "this test reads the server's log: unset DEVFLOW_TEST_URL, or name the log in DEVFLOW_TEST_LOG \
             (with log_statement = all and log_line_prefix = '%m [%p] db=%d app=%a | ')",
        )
    }

    /// Runs statements and returns the rows of all of them, each value as text, NULL as `NULL`.
    ///
    /// # Panics
    /// When the server refuses one; the message holds the statement and the answer.
    #[must_use]
    pub fn rows(&self, database: &str, sql: &str) -> Vec<Vec<String>> {
        self.try_rows(database, sql)
            .unwrap_or_else(|error| panic!("{sql}\n{error:?}"))
    }

    /// Runs statements as [`Server::rows`] does, and leaves a refusal to the caller.
    ///
    /// # Errors
    /// What the server, or the way to it, answered.
    pub fn try_rows(
        &self,
        database: &str,
        sql: &str,
    ) -> Result<Vec<Vec<String>>, tokio_postgres::Error> {
        let mut url = self.url.clone();
        url.set_path(database);
        let sql = sql.to_owned();
        on_background(async move { rows(&url, &sql).await })
    }
}

/// The application name of the support's own sessions, which are left out of what tests see of the log.
pub(crate) const APPLICATION: &str = "devflow-tests";

async fn connect(url: &Url) -> Result<Client, tokio_postgres::Error> {
    let mut config: tokio_postgres::Config = url.as_str().parse()?;
    config.application_name(APPLICATION);
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn rows(url: &Url, sql: &str) -> Result<Vec<Vec<String>>, tokio_postgres::Error> {
    let messages = connect(url).await?.simple_query(sql).await?;
    let rows = messages.into_iter().filter_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => Some(
            (0..row.len())
                .map(|column| row.get(column).unwrap_or("NULL").to_owned())
                .collect(),
        ),
        _ => None,
    });
    Ok(rows.collect())
}

/// The run's server: the test process that comes first starts it, the others find what it wrote.
#[expect(
    clippy::zombie_processes,
    reason = "the supervisor outlives the test that starts it"
)]
fn shared_facts() -> Facts {
    let owner = run_owner();
    let folder = state_folder();
    let lock = File::create(folder.join("server.lock")).expect("the lock file can be made");
    lock.lock().expect("the lock file can be locked");
    let state_file = folder.join(format!("server-{}", owner.key()));
    if let Ok(state) = fs::read_to_string(&state_file) {
        return serde_json::from_str(&state)
            .expect("the state file is whole, for it is written under the lock");
    }
    let request = Request {
        options: ServerOptions::default(),
        owner: Some(owner),
        state_file: Some(state_file.clone()),
    };
    let mut supervisor = spawn(&request, Stdio::null());
    let facts = read_answer(&mut BufReader::new(
        supervisor.stdout.take().expect("it is piped"),
    ));
    let state = serde_json::to_string(&facts).expect("facts are JSON");
    fs::write(&state_file, state).expect("the state file can be written");
    facts
}

/// A program beside the server's, or beside the first other installation's that has it: not all of them bring clients.
///
/// # Panics
/// When there is none; the message says what to install.
pub(crate) fn client_program(name: &str) -> PathBuf {
    Installation::program_of_any(name).unwrap_or_else(|message| panic!("{message}"))
}
