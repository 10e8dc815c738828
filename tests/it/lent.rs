//! A connection that the caller has opened and drives.

use crate::bad_migration::{ESCAPES, LEAKS};
use crate::crash::assert_survives_every_cut;
use crate::gate::{GATE, Gate, wait_until_asleep};
use crate::guards::{Before, Over, assert_fates};
use crate::history::{assert_free, assert_sound, migrator, table, unchecked};
use devflow_runtime::{Error, ErrorKind, Link, Migrator, Report};
use std::time::Duration;
use support::{Pooler, Project, Proxy, Server, TestDatabase, on_background, wait_until};
use tokio_postgres::{Client, Config, NoTls};

/// As a caller does it: the connection belongs to a task.
async fn client(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

fn config(url: &str) -> Config {
    let mut config: Config = url.parse().unwrap();
    // What its sessions are known by to the tests.
    config.application_name("a service");
    config
}

/// Applies what is pending over a client in which these statements were run.
fn run_after(migrator: Migrator, url: &str, link: Link, sql: &str) -> Result<Report, Error> {
    let (config, sql) = (config(url), sql.to_owned());
    on_background(async move {
        let client = client(&config).await;
        for statement in sql.lines() {
            let _refused = client.simple_query(statement).await;
        }
        migrator.run_over(client, &config, link).await
    })
}

pub(crate) fn run_over(migrator: Migrator, url: &str) -> Result<Report, Error> {
    run_after(migrator, url, Link::Direct, "")
}

/// Fails unless the session is as one that was opened for the run.
const AS_OURS: &str = "DO $$ BEGIN
  ASSERT current_user = session_user AND current_setting('search_path') LIKE '%public%';
  ASSERT current_setting('application_name') LIKE 'devflow %';
  ASSERT current_setting('devflow.session') ~ '^[0-9a-f]{16}$';
  ASSERT current_setting('client_connection_check_interval') = '1s';
  ASSERT NOT EXISTS (SELECT FROM pg_prepared_statements);
  ASSERT to_regclass('pg_temp.mine') IS NULL;
END $$;
";

#[test]
fn it_is_made_free_of_what_it_was_used_for_before_every_migration() {
    let database = TestDatabase::create();
    let role = database.role("owner", "");
    let own = "-- devflow: no-transaction\nSET lock_timeout = '7s';\nCREATE INDEX CONCURRENTLY i ON m_1 (id);\n";
    let project = Project::new()
        .migration("1_a.sql", &format!("{AS_OURS}{}", table(1)))
        .migration(
            "2_b.sql",
            &format!("{}SET search_path = pg_catalog;", table(2)),
        )
        .migration("3_c.sql", own)
        .migration("4_d.sql", &format!("{AS_OURS}{}", table(4)));
    let before = format!(
        "SET search_path = pg_catalog\nCREATE TEMP TABLE mine ()\nPREPARE p AS SELECT 1\nLISTEN l\nSET ROLE {role}"
    );
    let proxy = Proxy::start(database.server().address(), Duration::ZERO);
    let url = database.url_through(&proxy);
    let report = run_after(migrator(&project), &url, Link::Direct, &before).unwrap();
    assert_eq!(report.steps.len(), 4);
    let connections = proxy.counts().connections;
    assert_free(&database);
    assert_eq!(database.events().last().unwrap(), "4 applied");
    assert!(database.has("i"));
    // One beside the client looks on while the index is built.
    assert!(connections <= 2, "{connections}");
    assert!(!report.place.server_version.is_empty());

    let nothing = run_over(migrator(&project), &url).unwrap();
    assert!(nothing.steps.is_empty());
}

#[test]
fn behind_a_pooler_it_keeps_the_lock_and_another_session_works() {
    let database = TestDatabase::create();
    let pooler = Pooler::start(Server::shared(), "transaction");
    let project = Project::new()
        .migration("1_a.sql", &table(1))
        .migration("2_b.sql", &table(2));
    let url = pooler.url(&database.url());
    let report = run_after(migrator(&project), &url, Link::Pooled, "").unwrap();
    assert_eq!(report.steps.len(), 2);
    let remarks = report.remarks.join("\n");
    assert!(remarks.contains("goes through a pooler"), "{remarks}");
    wait_until("every lock is given back", || {
        database.advisory_locks() == 0
    });
    assert_eq!(database.events().len(), 2);
}

#[test]
fn a_client_that_cannot_be_used_is_refused_before_anything_begins() {
    let database = TestDatabase::create();
    let project = Project::new().migration("1_a.sql", &table(1));
    let refused = |url: &str, sql: &str| {
        for link in [Link::Direct, Link::Pooled] {
            let error = run_after(migrator(&project), url, link, sql).unwrap_err();
            assert_eq!(
                (error.kind(), error.code()),
                (ErrorKind::Usage, "client_unusable")
            );
            assert!(error.hint().is_some());
        }
        assert_free(&database);
        assert!(!database.has("schema_migrations"));
    };
    refused(&database.url(), "BEGIN");
    refused(&database.url(), "BEGIN\nSELECT 1/0");
    let (host, port) = database.server().address();
    let several = format!("{host}:{port},{host}:{port}");
    let url = database.url().replace(&format!("{host}:{port}"), &several);
    assert!(url.contains(&several), "{url}");
    refused(&url, "");
}

#[test]
fn nothing_leaks_from_one_migration_to_the_next() {
    assert_fates(Over::Lent, Before::Nothing, LEAKS);
    assert_fates(Over::Lent, Before::First, LEAKS);
}

#[test]
fn a_migration_that_ends_its_transaction_stops_everything() {
    assert_fates(Over::Lent, Before::Nothing, ESCAPES);
    assert_fates(Over::Lent, Before::First, ESCAPES);
}

#[test]
fn it_survives_a_cut_at_every_message() {
    assert_survives_every_cut(|_| {}, run_over);
}

/// Drops a run over these files, which are pipelined, while a statement of theirs sleeps.
fn assert_stops_when_dropped(files: &[String]) {
    let database = TestDatabase::create();
    let (migrator, config) = (unchecked(files), config(&database.url()));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = std::thread::spawn(move || {
        on_background(async move {
            let client = client(&config).await;
            tokio::select! {
                outcome = migrator.run_over(client, &config, Link::Direct) => panic!("{outcome:?}"),
                _ = stopped => {}
            }
        });
    });
    wait_until_asleep(&database);
    stop.send(()).unwrap();
    running.join().unwrap();
    assert_sound(&database);
}

const SLEEP: &str = "SELECT pg_sleep(600);\n";

#[test]
fn nothing_goes_on_when_the_run_is_dropped() {
    assert_stops_when_dropped(&[table(1), format!("{}{SLEEP}", table(2)), table(3)]);
    // The first request to cancel is swallowed, and what was sent behind it runs.
    let swallows =
        "DO $$ BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN NULL; END $$;\n";
    let swallows = format!("{}{swallows}", table(1));
    assert_stops_when_dropped(&[swallows, format!("{}{SLEEP}", table(2)), table(3)]);
}

#[test]
fn a_failure_is_recorded_and_the_next_client_goes_on() {
    let database = TestDatabase::create();
    let project = Project::new()
        .migration("1_a.sql", &table(1))
        .migration("2_b.sql", &format!("{}SELECT 1/0;\n", table(2)));
    let error = run_over(migrator(&project), &database.url()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MigrationFailed);
    assert_eq!(error.failure().unwrap().statement, Some(2));
    assert_eq!(database.events(), ["1 applied", "2 failed"]);
    assert_sound(&database);
    project.write("migrations/2_b.sql", table(2));
    let report = run_over(migrator(&project), &database.url()).unwrap();
    assert_eq!(report.steps.len(), 1);
    assert_sound(&database);
}

#[test]
fn it_waits_for_a_lock_like_any_other() {
    let database = TestDatabase::create();
    let project = Project::new()
        .migration("1_a.sql", &table(1))
        .migration("2_b.sql", &format!("{GATE}{}", table(2)));
    let (first, url) = (migrator(&project), database.url());
    let gate = Gate::shut(&database);
    let running = std::thread::spawn(move || run_over(first, &url));
    gate.wait_until_reached(&database);
    let (second, url) = (migrator(&project), database.url());
    let waiting = std::thread::spawn(move || run_over(second, &url));
    let asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
         AND state = 'idle' AND query LIKE '%pg_try_advisory_lock(%'";
    wait_until("the other has asked for the lock", || {
        database.value(asked) == "1"
    });
    assert!(!waiting.is_finished());
    drop(gate);
    let applied = [running, waiting].map(|run| run.join().unwrap().unwrap().steps.len());
    assert_eq!(applied, [2, 0]);
    assert_sound(&database);
}
