//! A run whose steps something else carries out, as the Supabase CLI does, where that hangs or the lock is lost before.

use crate::history::{assert_free, tables};
use crate::supabase_ledger::native;
use devflow_runtime::{Delegate, Delegated, Engine, Errand, Error, Migrator, Said};
use std::time::Duration;
use support::{Pooler, Project, Server, TestDatabase};
use tokio_postgres::NoTls;

/// Says that it would do what is planned, and never ends when it is to do it.
#[derive(Default)]
struct Hanging {
    /// The database in which every other session is ended once it has said so.
    ends_others_in: Option<TestDatabase>,
    /// Where it stays in a transaction of its own, as the CLI does that was stopped in the middle of a file.
    begins_at: Option<String>,
    was_asked_to_apply: bool,
}

impl Delegate for Hanging {
    fn engine(&self) -> Engine {
        let (name, version) = ("hanging", "1".to_owned());
        Engine { name, version }
    }

    fn patience(&self) -> Duration {
        Duration::from_millis(500)
    }

    fn preview<'a>(
        &'a mut self,
        errand: &'a Errand<'a>,
        _hear: &'a mut (dyn FnMut(Said<'_>) + Send),
    ) -> Delegated<'a, Vec<String>> {
        if let Some(database) = &self.ends_others_in {
            database.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
                 AND state = 'idle in transaction'",
            );
        }
        let steps = errand.plan.steps().iter();
        let names = steps.map(|step| step.migration.file().to_owned()).collect();
        Box::pin(async { Ok(names) })
    }

    fn apply<'a>(
        &'a mut self,
        _errand: &'a Errand<'a>,
        _hear: &'a mut (dyn FnMut(Said<'_>) + Send),
    ) -> Delegated<'a, ()> {
        self.was_asked_to_apply = true;
        Box::pin(async {
            let Some(url) = &self.begins_at else {
                return std::future::pending().await;
            };
            let mut config: tokio_postgres::Config = url.parse().unwrap();
            config.application_name("@effect/sql-pg");
            let (client, connection) = config.connect(NoTls).await.unwrap();
            tokio::spawn(connection);
            client.batch_execute("BEGIN").await.unwrap();
            std::future::pending().await
        })
    }
}

/// Runs to its error; the second is whether the delegate was asked to apply.
fn run(migrator: Migrator, url: String, mut delegate: Hanging) -> (Error, bool) {
    // Its own, because the delegate uses the one that the tests share.
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    let error = runtime.block_on(async {
        let (never, mut unheard) = (std::future::pending(), ());
        let run = migrator.run_delegated_until(&url, &mut delegate, &mut unheard, never);
        run.await.unwrap_err()
    });
    (error, delegate.was_asked_to_apply)
}

#[test]
fn one_that_has_nothing_at_work_for_long_is_ended_and_the_lock_given_back() {
    let database = TestDatabase::create();
    let project = tables(Project::new(), 1);
    for begins_at in [None, Some(database.url())] {
        let delegate = Hanging {
            begins_at,
            ..Hanging::default()
        };
        let (error, was_asked) = run(native(&project), database.url(), delegate);
        assert_eq!(error.code(), "supabase_stuck", "{error}");
        assert!(was_asked);
        assert_free(&database);
    }
}

#[test]
fn nothing_is_begun_when_the_lock_behind_a_pooler_was_lost_meanwhile() {
    let database = TestDatabase::create();
    let pooler = Pooler::start(Server::shared(), "transaction");
    let project = tables(Project::new(), 1);
    let url = pooler.url(&database.url());
    let delegate = Hanging {
        ends_others_in: Some(database),
        ..Hanging::default()
    };
    let (error, was_asked) = run(native(&project), url, delegate);
    assert_eq!(error.code(), "lock_lost", "{error}");
    assert!(!was_asked);
}
