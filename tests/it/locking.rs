//! Many runs at once, and waiting for each other.

use crate::gate::{GATE, Gate};
use crate::history::{
    Heard, applied, assert_sound, committed, migrator, run, run_with, table, tables, unchecked,
};
use devflow_runtime::{ErrorKind, MigrationSet, Migrator, Settings, TableName};
use std::thread;
use std::time::{Duration, Instant};
use support::{Project, Signal, TestDatabase, wait_until};

/// A migration that holds the run's lock until the test opens the gate.
fn gated(number: usize) -> String {
    format!("{GATE}{}", table(number))
}

#[test]
fn fifty_runs_at_once_apply_each_migration_once() {
    let project = tables(Project::new(), 20);
    let database = TestDatabase::create();
    let set = MigrationSet::read(&project.path().join("migrations"), "migrations").unwrap();
    let runs: Vec<_> = (0..50)
        .map(|_| {
            let migrator =
                Migrator::with_set(set.clone(), TableName::default(), Settings::default());
            let url = database.url();
            thread::spawn(move || run(migrator, &url))
        })
        .collect();
    let reports = runs.into_iter().map(|run| run.join().unwrap().unwrap());
    let done: usize = reports.map(|report| committed(&report).len()).sum();
    assert_eq!(done, 20);
    assert_eq!(database.events().len(), 20);
    assert_sound(&database);
}

#[test]
fn a_waiter_says_who_holds_the_lock_and_leaves_when_the_work_is_done() {
    let database = TestDatabase::create();
    run(unchecked(&[table(1)]), &database.url()).unwrap();
    let gate = Gate::shut(&database);
    let files = [table(1), gated(2)];
    let (holder, url) = (unchecked(&files), database.url());
    let holder = thread::spawn(move || run(holder, &url));
    gate.wait_until_reached(&database);
    let heard = Heard::default();
    let (waiter, url, observer) = (unchecked(&files), database.url(), heard.clone());
    let waiter = thread::spawn(move || run_with(waiter, &url, observer));
    wait_until("the waiter says whom it waits for", || {
        !heard.lines().is_empty()
    });
    assert!(
        heard.lines()[0].starts_with("waiting for devflow "),
        "{:?}",
        heard.lines()
    );
    drop(gate);
    assert_eq!(committed(&holder.join().unwrap().unwrap()), ["2"]);
    let report = waiter.join().unwrap().unwrap();
    assert!(committed(&report).is_empty() && report.already_applied == 2);
    assert_sound(&database);
}

#[test]
fn a_lock_that_stays_taken_is_exit_5_and_names_the_holder() {
    let database = TestDatabase::create();
    let project = tables(Project::new(), 2);
    let yml = "version: \"1\"\nproject: { name: tests }\ndatabase:\n  migrations: { directory: migrations, lock_wait: 1s }\n  environments:\n    local: { url_env: DATABASE_URL }\n";
    project.write("devflow.yml", yml);
    let gate = Gate::shut(&database);
    let (holder, url) = (unchecked(&[gated(1)]), database.url());
    let holder = thread::spawn(move || run(holder, &url));
    gate.wait_until_reached(&database);
    let migrate = project.devflow(&["db", "migrate", "--ci", "--json"]);
    let outcome = migrate.env("DATABASE_URL", &database.url()).run().expect(5);
    let said = outcome.json()["error"].to_string();
    assert!(
        said.contains("lock_timeout") && said.contains("devflow "),
        "{said}"
    );
    let waiter = migrator(&project).lock_wait(Duration::ZERO);
    let error = run(waiter, &database.url()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LockTimeout);
    assert!(error.to_string().contains("devflow "), "{error}");
    drop(gate);
    holder.join().unwrap().unwrap();
    assert_eq!(applied(&database), ["1"]);
}

#[test]
fn two_tracking_tables_do_not_wait_for_each_other() {
    let database = TestDatabase::create();
    let gate = Gate::shut(&database);
    let (holder, url) = (unchecked(&[gated(1)]), database.url());
    let holder = thread::spawn(move || run(holder, &url));
    gate.wait_until_reached(&database);
    let project = Project::new().migration("1_other.sql", "CREATE TABLE other ();");
    let set = MigrationSet::read(&project.path().join("migrations"), "migrations").unwrap();
    let table = TableName::new("tracking", "other_migrations").unwrap();
    let other = Migrator::with_set(set, table, Settings::default());
    let report = run(other.lock_wait(Duration::ZERO), &database.url()).unwrap();
    assert_eq!(committed(&report), ["1"]);
    assert_eq!(database.ledger_in("tracking.other_migrations").len(), 1);
    drop(gate);
    holder.join().unwrap().unwrap();
    assert_sound(&database);
}

#[test]
fn a_waiter_that_is_told_to_end_ends_at_once() {
    let database = TestDatabase::create();
    let project = tables(Project::new(), 2);
    let gate = Gate::shut(&database);
    let (holder, url) = (unchecked(&[gated(1)]), database.url());
    let holder = thread::spawn(move || run(holder, &url));
    gate.wait_until_reached(&database);
    let migrate = project.devflow(&["db", "migrate", "--ci"]);
    let running = migrate.env("DATABASE_URL", &database.url()).spawn();
    running.wait_for_stderr("aiting");
    let told = Instant::now();
    running.signal(Signal::TERM);
    let _interrupted = running.wait().expect(143);
    assert!(
        told.elapsed() < Duration::from_secs(2),
        "{:?}",
        told.elapsed()
    );
    drop(gate);
    holder.join().unwrap().unwrap();
    assert_eq!(applied(&database), ["1"]);
    assert_sound(&database);
}

#[test]
fn a_waiter_is_in_no_transaction_while_it_waits() {
    let database = TestDatabase::create();
    let files = [table(1), format!("{}SELECT pg_sleep(0);", gated(2))];
    run(unchecked(&files[..1]), &database.url()).unwrap();
    let gate = Gate::shut(&database);
    let (holder, url) = (unchecked(&files), database.url());
    let holder = thread::spawn(move || run(holder, &url));
    gate.wait_until_reached(&database);
    let heard = Heard::default();
    let (waiter, url, observer) = (unchecked(&files), database.url(), heard.clone());
    let waiter = thread::spawn(move || run_with(waiter, &url, observer));
    wait_until("the waiter waits", || !heard.lines().is_empty());
    let idle = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                AND application_name LIKE 'devflow %' AND state = 'idle' AND backend_xmin IS NULL";
    wait_until("the waiter is idle", || database.value(idle) == "1");
    drop(gate);
    holder.join().unwrap().unwrap();
    waiter.join().unwrap().unwrap();
    assert_sound(&database);
}
