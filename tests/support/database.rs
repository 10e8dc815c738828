//! A fresh database for a test.

use crate::ledger::LedgerRow;
use crate::log::{self, LogEntry};
use crate::proxy::Proxy;
use crate::server::{APPLICATION, Server, client_program};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use url::Url;

/// A database that only one test knows, dropped at its end together with the roles made for it.
#[derive(Debug)]
pub struct TestDatabase {
    server: Server,
    name: String,
    roles: Mutex<Vec<String>>,
}

impl TestDatabase {
    /// A fresh database on the server that all tests share.
    #[must_use]
    pub fn create() -> Self {
        Self::create_on(Server::shared())
    }

    /// A fresh database whose texts are in this encoding.
    #[must_use]
    pub fn encoded(encoding: &str) -> Self {
        let options = format!("TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'");
        Self::create_as(Server::shared(), &options)
    }

    /// A fresh database on this server.
    #[must_use]
    pub fn create_on(server: &Server) -> Self {
        Self::create_as(server, "")
    }

    fn create_as(server: &Server, options: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        // Another run against the same server may have the same process number: the clock tells them apart.
        let clock = std::time::UNIX_EPOCH
            .elapsed()
            .map_or(0, |time| time.as_micros());
        let name = format!("t_{clock:x}_{}_{number}", std::process::id());
        // Written to the log besides, each database would take as much room again.
        let _rows = server.rows(
            &maintenance(server),
            &format!("CREATE DATABASE {name} STRATEGY file_copy {options}"),
        );
        Self {
            server: server.clone(),
            name,
            roles: Mutex::new(Vec::new()),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The server that it is on.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// A URL of it, as the superuser.
    #[must_use]
    pub fn url(&self) -> String {
        self.parsed_url().into()
    }

    /// A URL of it, as a role made by [`TestDatabase::role`] or [`TestDatabase::role_with_password`].
    #[must_use]
    pub fn url_as(&self, role: &str) -> String {
        let mut url = self.parsed_url();
        let _fits = url.set_username(role);
        let _fits = url.set_password(Some(&password(role)));
        url.into()
    }

    /// A URL of it, as the superuser, that leads through the proxy.
    #[must_use]
    pub fn url_through(&self, proxy: &Proxy) -> String {
        let mut url = self.parsed_url();
        let _fits = url.set_host(Some("127.0.0.1"));
        let _fits = url.set_port(Some(proxy.port()));
        url.into()
    }

    fn parsed_url(&self) -> Url {
        let mut url = self.server.url().clone();
        url.set_path(&self.name);
        url
    }

    /// Makes a role that may log in without a password and is gone after the test; returns its full name.
    #[must_use]
    pub fn role(&self, name: &str, attributes: &str) -> String {
        self.make_role(name, attributes, "")
    }

    /// Makes a role that must give its password over TCP, which [`TestDatabase::url_as`] does; returns its full name.
    #[must_use]
    pub fn role_with_password(&self, name: &str, attributes: &str) -> String {
        // A server that is not ours has its own rules about who must give a password.
        let has_group = self.value("SELECT to_regrole('scram_users') IS NOT NULL") == "t";
        let group = if has_group { "IN ROLE scram_users" } else { "" };
        self.make_role(name, attributes, group)
    }

    fn make_role(&self, name: &str, attributes: &str, group: &str) -> String {
        let role = format!("{}_{name}", self.name);
        let password = password(&role);
        self.execute(&format!(
            "SET password_encryption = 'scram-sha-256'; \
             CREATE ROLE {role} LOGIN PASSWORD '{password}' {attributes} {group}"
        ));
        let mut roles = self
            .roles
            .lock()
            .expect("no test panics while it holds this");
        roles.push(role.clone());
        role
    }

    /// Runs statements.
    ///
    /// # Panics
    /// When the server refuses one.
    pub fn execute(&self, sql: &str) {
        let _rows = self.rows(sql);
    }

    /// Runs statements and returns their rows as text, NULL as `NULL`.
    ///
    /// # Panics
    /// When the server refuses one.
    #[must_use]
    pub fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        self.server.rows(&self.name, sql)
    }

    /// The first column of each row.
    ///
    /// # Panics
    /// When the server refuses the query.
    #[must_use]
    pub fn column(&self, sql: &str) -> Vec<String> {
        self.rows(sql)
            .into_iter()
            .map(|mut row| row.swap_remove(0))
            .collect()
    }

    /// The only value of the only row.
    ///
    /// # Panics
    /// When the server refuses the query, or there is another number of rows.
    #[must_use]
    pub fn value(&self, sql: &str) -> String {
        let mut values = self.column(sql);
        assert_eq!(values.len(), 1, "{sql} gives {} rows", values.len());
        values.swap_remove(0)
    }

    /// Whether there is a relation of this name.
    #[must_use]
    pub fn has(&self, relation: &str) -> bool {
        self.value(&format!("SELECT to_regclass('{relation}') IS NOT NULL")) == "t"
    }

    /// The rows of `public.schema_migrations`, oldest first; none when there is no such table.
    #[must_use]
    pub fn ledger(&self) -> Vec<LedgerRow> {
        self.ledger_in("public.schema_migrations")
    }

    /// The rows of a ledger under another name, oldest first; none when there is no such table.
    #[must_use]
    pub fn ledger_in(&self, table: &str) -> Vec<LedgerRow> {
        if !self.has(table) {
            return Vec::new();
        }
        let rows = self.column(&format!("SELECT to_jsonb(l) FROM {table} l ORDER BY id"));
        rows.iter()
            .map(|row| serde_json::from_str(row).expect("the ledger has its columns"))
            .collect()
    }

    /// The ledger in brief, `2 failed` a row, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<String> {
        self.ledger().iter().map(LedgerRow::summary).collect()
    }

    /// What is defined in it, without the ledger, a line an object: two databases with the same schema have the same.
    ///
    /// `pg_dump` refuses a server that is newer than itself, and not every installation brings one.
    #[must_use]
    pub fn schema_dump(&self) -> String {
        let mut lines = self.column(include_str!("definitions.sql"));
        lines.retain(|line| !line.contains("schema_migrations"));
        lines.join("\n")
    }

    /// Runs `psql` on it, without a start-up file and stopping at the first error.
    ///
    /// # Panics
    /// When `psql` is missing.
    #[must_use]
    pub fn psql(&self, arguments: &[&str]) -> Output {
        Command::new(client_program("psql"))
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d"])
            .arg(self.url())
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("psql can be run")
    }

    /// What the server logged about it, without the support's own sessions.
    #[must_use]
    pub fn server_log(&self) -> Vec<LogEntry> {
        let mut entries = log::entries(self.server.log(), &self.name);
        entries.retain(|entry| entry.application != APPLICATION);
        entries
    }

    /// The SQL texts that clients sent, one a message, oldest first, without the support's own.
    #[must_use]
    pub fn statements(&self) -> Vec<String> {
        let entries = self.server_log();
        let statements = entries.iter().filter_map(LogEntry::statement);
        statements.map(str::to_owned).collect()
    }

    /// How many advisory locks are held in it.
    #[must_use]
    pub fn advisory_locks(&self) -> usize {
        let count = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted \
                     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        self.value(count).parse().expect("a count is a number")
    }

    /// How many sessions others have in it.
    #[must_use]
    pub fn sessions(&self) -> usize {
        let count = format!(
            "SELECT count(*) FROM pg_stat_activity \
             WHERE datname = current_database() AND application_name <> '{APPLICATION}'"
        );
        self.value(&count).parse().expect("a count is a number")
    }
}

/// The database to be in while another is made or dropped.
fn maintenance(server: &Server) -> String {
    server.url().path().trim_start_matches('/').to_owned()
}

/// Every role of the tests has one, so that a URL can be written for each.
fn password(role: &str) -> String {
    format!("secret-of-{role}")
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let mut statements = vec![format!(
            "DROP DATABASE IF EXISTS {} WITH (FORCE)",
            self.name
        )];
        if let Ok(roles) = self.roles.lock() {
            statements.extend(
                roles
                    .iter()
                    .rev()
                    .map(|role| format!("DROP ROLE IF EXISTS {role}")),
            );
        }
        for statement in statements {
            // A test may have stopped its server; then the database goes with it.
            let _gone = self.server.try_rows(&maintenance(&self.server), &statement);
        }
    }
}
