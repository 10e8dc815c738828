//! Databases for tests: migrated once a machine, copied for each test, and dropped at its end.
//!
//! ```rust,no_run
//! # mod app { pub static MIGRATIONS: devflow_runtime::Migrations = devflow_runtime::embed_migrations!("../examples/service/migrations"); }
//! # use app::MIGRATIONS;
//! use devflow_runtime::{Migrator, testing::TestDatabase};
//!
//! # async fn test() -> devflow_runtime::Result<()> {
//! let server = "postgres://postgres@localhost/postgres";
//! let database = TestDatabase::create(&Migrator::new(&MIGRATIONS), server).await?;
//! // Connect to database.url(), and do as you like.
//! # Ok(())
//! # }
//! # fn main() {}
//! ```
//!
//! The first test that needs a set of migrations applies it to a template database; every later one, in any process, copies
//! that. A set that differs in a single byte has a template of its own.
//!
//! # What it makes on the server
//!
//! * `devflow_template_…`, one for each set; the ten newest stay. Nothing can connect to one.
//! * `devflow_test_…`, one for each test. It is dropped with its [`TestDatabase`], also when the test panics; who is still
//!   connected to it is disconnected. A thread with a session of its own sees to it, and then waits for the next test of the
//!   process. Where a process was killed, the next one drops what it left: the session held a lock that is free then.
//!
//! Databases that it has not made are never touched: each one of its own says in its comment what it is, and from which
//! database it was made. The role needs CREATEDB, and the connection may not go through a pooler.
//!
//! What a migration says about its database as a whole, such as `ALTER DATABASE … SET`, is not copied by PostgreSQL.

mod keeper;
mod template;
mod workshop;

use crate::error::Result;
use crate::migrator::Migrator;
use crate::secret::Secret;
use keeper::{Keeper, Kept};
use std::fmt;

/// A database that only one test knows, with every migration applied; dropped with this value.
pub struct TestDatabase {
    name: String,
    url: Secret,
    /// Holds the lock that says that it is in use; gone once the database is dropped.
    kept: Option<Kept>,
}

impl TestDatabase {
    /// Makes a database on the server of `url`; the database that `url` names is only connected to.
    ///
    /// # Errors
    /// When the server cannot be reached, the role may not create databases, or a migration fails.
    pub async fn create(migrator: &Migrator, url: &str) -> Result<Self> {
        let (kept, name) = Keeper::hire(url)?.make(migrator).await?;
        Ok(Self {
            url: Secret::new(workshop::url_of(url, &name)),
            name,
            kept: Some(kept),
        })
    }

    /// The URL of this database: the one that it was made by, with another database's name.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.reveal()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Drops the database, whoever is still connected to it. Dropping the value does the same, and blocks its thread.
    ///
    /// # Errors
    /// When the server refuses; a later process then drops it.
    pub async fn close(mut self) -> Result<()> {
        match self.kept.take() {
            Some(kept) => kept.end().await,
            None => Ok(()),
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Some(kept) = self.kept.take()
            && kept.end_blocking().is_err()
        {
            tracing::warn!("{} was not dropped; a later process does it", self.name);
        }
    }
}

impl fmt::Debug for TestDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("TestDatabase");
        shown.field("name", &self.name).finish_non_exhaustive()
    }
}
