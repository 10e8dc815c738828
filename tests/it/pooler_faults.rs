//! Behind a PgBouncer, what ends before its time: statements are cancelled, sessions are cut, and nothing is left that
//! keeps the next run out.

use crate::gate::{GATE, Gate, session, wait_until_asleep};
use crate::history::{
    Heard, applied, assert_agree, committed, migrator, run, run_with, table, tables, unchecked,
};
use devflow_runtime::ErrorKind;
use std::thread;
use std::time::{Duration, Instant};
use support::{Pooler, Project, Server, Signal, TestDatabase, wait_until, wait_until_within};

/// A pooler, and a migration behind it that takes its time.
fn asleep() -> (TestDatabase, Pooler, Project) {
    let slow = format!("{}SELECT pg_sleep(60);\n", table(2));
    let project = tables(Project::new(), 1).migration("2_table.sql", &slow);
    let pooler = Pooler::start(Server::shared(), "transaction");
    (TestDatabase::create(), pooler, project)
}

/// No statement of a migration is at work, and no lock is held.
fn is_quiet(database: &TestDatabase) -> bool {
    let asleep = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
    database.value(asleep) == "0" && database.advisory_locks() == 0
}

#[test]
fn sigterm_cancels_through_the_pooler() {
    let (database, pooler, project) = asleep();
    let migrate = project.devflow(&["db", "migrate", "--ci", "--json"]);
    let url = pooler.url(&database.url());
    let running = migrate.env("DATABASE_URL", &url).spawn();
    wait_until_asleep(&database);
    let told = Instant::now();
    running.signal(Signal::TERM);
    let _interrupted = running.wait().expect(143);
    assert!(
        told.elapsed() < Duration::from_secs(2),
        "{:?}",
        told.elapsed()
    );
    assert!(is_quiet(&database));
    assert_eq!(database.events(), ["1 applied", "2 failed"]);
    assert_agree(&database);
}

#[test]
fn a_killed_run_is_over_within_three_seconds_and_run_again_at_once() {
    let (database, pooler, project) = asleep();
    let migrate = project.devflow(&["db", "migrate", "--ci", "--json"]);
    let url = pooler.url(&database.url());
    let running = migrate.env("DATABASE_URL", &url).spawn();
    wait_until_asleep(&database);
    running.signal(Signal::KILL);
    let _killed = running.wait().expect(137);
    project.write("migrations/2_table.sql", table(2));
    let report = run(migrator(&project), &url).unwrap();
    assert_eq!(committed(&report), ["2"]);
    wait_until_within(Duration::from_secs(3), "the orphan is gone", || {
        is_quiet(&database)
    });
    assert_agree(&database);
}

/// Its lock was held by another session, which ends at once; the server hears of the statement's end late.
#[test]
fn a_killed_build_that_still_waits_for_its_table_is_waited_for() {
    let build = "CREATE INDEX CONCURRENTLY i ON m_1 (id);\n";
    let project = tables(Project::new(), 1);
    let database = TestDatabase::create();
    let pooler = Pooler::start(Server::shared(), "transaction");
    let url = pooler.url(&database.url());
    run(migrator(&project), &url).unwrap();
    project.write("migrations/2_index.sql", build);
    let table = session(&database, "BEGIN; LOCK TABLE m_1");
    let migrate = project.devflow(&["db", "migrate", "--ci", "--json"]);
    let running = migrate.env("DATABASE_URL", &url).spawn();
    let builds = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                  AND wait_event_type = 'Lock' AND query LIKE 'CREATE INDEX%'";
    wait_until("the build waits for its table", || {
        database.value(builds) == "1"
    });
    running.signal(Signal::KILL);
    let _killed = running.wait().expect(137);
    let heard = Heard::default();
    let (migrator, observer) = (migrator(&project), heard.clone());
    let again = thread::spawn(move || run_with(migrator, &url, observer));
    wait_until("the next run waits for it", || {
        heard
            .lines()
            .iter()
            .any(|line| line.contains("earlier run"))
    });
    assert_eq!(database.value(builds), "1", "the killed run's");
    drop(table);
    again.join().unwrap().unwrap();
    assert_eq!(database.value("SELECT count(*) FROM pg_index WHERE indrelid = 'm_1'::regclass AND indisvalid AND NOT indisprimary"), "1");
    assert_eq!(applied(&database), ["1", "2"]);
}

#[test]
fn a_session_that_the_server_ends_is_looked_after_under_the_same_lock() {
    let (database, pooler, project) = asleep();
    let (migrator_, url) = (migrator(&project), pooler.url(&database.url()));
    let running = thread::spawn(move || run(migrator_, &url));
    wait_until_asleep(&database);
    database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND wait_event = 'PgSleep'",
    );
    let error = running.join().unwrap().unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Broken, "connection_lost")
    );
    let report = error.report().unwrap();
    assert_eq!(committed(report), ["1"]);
    assert!(report.unconfirmed.is_empty(), "{report:?}");
    assert_eq!(database.events(), ["1 applied", "2 failed"]);
    wait_until("nothing is at work", || is_quiet(&database));
    project.write("migrations/2_table.sql", table(2));
    run(migrator(&project), &pooler.url(&database.url())).unwrap();
    assert_eq!(applied(&database), ["1", "2"]);
    assert_agree(&database);
}

#[test]
fn a_run_whose_lock_is_lost_begins_nothing_more() {
    let database = TestDatabase::create();
    let pooler = Pooler::start(Server::shared(), "transaction");
    let url = pooler.url(&database.url());
    let mut files = vec![format!("{GATE}{}", table(1))];
    files.extend((2..=100).map(table));
    let gate = Gate::shut(&database);
    let (first, at) = (unchecked(&files), url.clone());
    let running = thread::spawn(move || run(first, &at));
    gate.wait_until_reached(&database);
    let keeper = "pg_stat_activity WHERE datname = current_database() \
                  AND state = 'idle in transaction' AND application_name LIKE 'devflow %'";
    let ended = database.column(&format!(
        "SELECT pg_terminate_backend(pid)::text FROM {keeper}"
    ));
    assert_eq!(ended, ["true"]);
    wait_until("the keeper is gone", || {
        database.value(&format!("SELECT count(*) FROM {keeper}")) == "0"
    });
    drop(gate);
    let error = running.join().unwrap().unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Broken, "lock_lost")
    );
    let first = applied(&database);
    assert_eq!(committed(error.report().unwrap()), first);
    // The news takes a moment to get through the pooler.
    assert!((1..100).contains(&first.len()), "{first:?}");
    let report = run(unchecked(&files), &url).unwrap();
    assert_eq!(committed(&report).len(), 100 - first.len());
    wait_until("nothing is at work", || is_quiet(&database));
    assert_agree(&database);
}
