//! A primary and the standby that follows it.

use crate::private_server::PrivateServer;
use crate::proxy::Proxy;
use crate::server::{Server, ServerOptions};
use crate::wait::wait_until;
use std::time::Duration;

/// A primary, a standby that streams from it, and the link between them, which can be frozen.
#[derive(Debug)]
pub struct Pair {
    primary: PrivateServer,
    standby: PrivateServer,
    link: Proxy,
}

impl Pair {
    /// Starts both; the standby begins with a copy of the primary's files and is as far as the primary.
    ///
    /// # Panics
    /// When one of them does not start.
    #[must_use]
    pub fn start() -> Self {
        let mut primary = PrivateServer::start(&[]);
        let link = Proxy::start(primary.server().address(), Duration::ZERO);
        primary.stop();
        let standby = PrivateServer::start_with(ServerOptions {
            copy_of: Some(primary.directory().join("data")),
            files: vec![("standby.signal".to_owned(), String::new())],
            settings: vec![(
                "primary_conninfo".to_owned(),
                format!(
                    "host=127.0.0.1 port={} user=postgres application_name=standby",
                    link.port()
                ),
            )],
            ..ServerOptions::default()
        });
        primary.restart();
        let pair = Self {
            primary,
            standby,
            link,
        };
        wait_until("the standby follows", || pair.followers("streaming") == 1);
        pair
    }

    /// From here on a commit waits until the standby has it.
    ///
    /// # Panics
    /// When it does not get synchronous.
    pub fn make_synchronous(&self) {
        let primary = self.primary();
        let set = "ALTER SYSTEM SET synchronous_standby_names = 'standby'";
        let _rows = primary.rows("postgres", set);
        let _rows = primary.rows("postgres", "SELECT pg_reload_conf()");
        wait_until("the standby is synchronous", || self.followers("sync") == 1);
    }

    fn followers(&self, state: &str) -> usize {
        let query =
            format!("SELECT 1 FROM pg_stat_replication WHERE '{state}' IN (state, sync_state)");
        self.primary().rows("postgres", &query).len()
    }

    /// Where the primary is.
    #[must_use]
    pub fn primary(&self) -> &Server {
        self.primary.server()
    }

    /// Where the standby is.
    #[must_use]
    pub fn standby(&self) -> &Server {
        self.standby.server()
    }

    /// The link between them.
    #[must_use]
    pub fn link(&self) -> &Proxy {
        &self.link
    }

    /// A URL of a database that names both, and takes whichever is the primary.
    ///
    /// # Panics
    /// Never: both have an address.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let [one, other] = [self.primary(), self.standby()].map(|server| server.address().1);
        format!(
            "postgres://postgres@127.0.0.1:{one},127.0.0.1:{other}/{database}?target_session_attrs=read-write"
        )
    }

    /// The primary dies at once, and the standby takes its place.
    ///
    /// # Panics
    /// When the standby does not become a primary.
    pub fn fail_over(&mut self) {
        self.primary.stop_immediate();
        self.link.refuse();
        self.link.cut_now();
        let promoted = self.standby().rows("postgres", "SELECT pg_promote()");
        assert_eq!(promoted, [["t"]]);
    }

    /// The primary dies at once, and comes back.
    pub fn crash_primary(&mut self) {
        self.primary.stop_immediate();
        self.primary.restart();
    }
}
