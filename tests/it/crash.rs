//! Runs that are cut off: what is committed is recorded, and the next run completes the rest.

use crate::gate::wait_until_asleep;
use crate::history::{
    applied, assert_agree, assert_free, assert_sound, committed, empty, empty_ledger, migrator,
    run, table, tables,
};
use devflow_runtime::{Error, ErrorKind, MigrationSet, Migrator, Report, Settings, TableName};
use std::time::Duration;
use support::{Cut, PrivateServer, Project, Proxy, Signal, TestDatabase, wait_until};

const STEPS: usize = 400;

/// A step that takes its time, so that a cut finds a run in the middle.
fn slow(number: usize) -> String {
    format!("{}SELECT pg_sleep(60);\n", table(number))
}

/// The project's runs from here on are applied whole.
fn assert_completes(project: &Project, database: &TestDatabase, steps: usize) {
    run(migrator(project), &database.url()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(applied(database).len(), steps);
    assert_sound(database);
}

fn count(database: &TestDatabase) -> usize {
    applied(database).len()
}

#[test]
fn a_killed_run_leaves_a_prefix_and_the_next_completes_it() {
    let project = tables(Project::new(), STEPS);
    let database = TestDatabase::create();
    let migrate = project.devflow(&["db", "migrate", "--ci", "--json"]);
    let running = migrate.env("DATABASE_URL", &database.url()).spawn();
    wait_until("a few migrations are applied", || count(&database) > 3);
    running.signal(Signal::KILL);
    let _killed = running.wait().expect(137);
    assert_free(&database);
    assert_agree(&database);
    assert_completes(&project, &database, STEPS);
}

#[test]
fn a_killed_statement_is_ended_by_the_server_and_rolled_back() {
    let project = tables(Project::new(), 4).migration("3_table.sql", &slow(3));
    let database = TestDatabase::create();
    let migrate = project.devflow(&["db", "migrate", "--ci", "--json"]);
    let running = migrate.env("DATABASE_URL", &database.url()).spawn();
    wait_until_asleep(&database);
    running.signal(Signal::KILL);
    let _killed = running.wait().expect(137);
    assert_free(&database);
    assert_eq!(applied(&database), ["1", "2"]);
    project.write("migrations/3_table.sql", table(3));
    assert_completes(&project, &database, 4);
}

#[test]
fn a_terminated_session_is_reported_with_what_it_had_committed() {
    for ledger in [false, true] {
        let project = tables(Project::new(), 5).migration("3_table.sql", &slow(3));
        let database = TestDatabase::create();
        if ledger {
            empty_ledger(&database);
        }
        let (migrator, url) = (migrator(&project), database.url());
        let running = std::thread::spawn(move || run(migrator, &url));
        wait_until_asleep(&database);
        database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND wait_event = 'PgSleep'",
        );
        let error = running.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Broken, "{error}");
        let report = error.report().unwrap();
        assert_eq!(committed(report), ["1", "2"]);
        assert!(report.unconfirmed.is_empty(), "{report:?}");
        assert_eq!(applied(&database), ["1", "2"]);
        assert_eq!(database.events().last().unwrap(), "3 failed");
        assert_sound(&database);
        project.write("migrations/3_table.sql", table(3));
        assert_completes(&project, &database, 5);
    }
}

/// Commits of a database that serves nobody yet are asynchronous: a crash may lose the newest, and nothing else.
#[test]
fn a_server_that_crashes_under_a_pipelined_run_keeps_a_prefix() {
    let project = tables(Project::new(), STEPS);
    let mut server = PrivateServer::start(&[("fsync", "on"), ("full_page_writes", "on")]);
    let database = TestDatabase::create_on(server.server());
    let set = MigrationSet::read(&project.path().join("migrations"), "migrations").unwrap();
    // How long to look for the server after it is gone.
    let settings = Settings {
        connect_budget: Some(Duration::from_millis(500)),
        ..Settings::default()
    };
    let migrator = Migrator::with_set(set, TableName::default(), settings);
    let url = database.url();
    let running = std::thread::spawn(move || run(migrator, &url));
    wait_until("the run is in the middle", || count(&database) > 20);
    server.stop_immediate();
    let error = running.join().unwrap().unwrap_err();
    let report = error.report().unwrap();
    assert!(!report.unconfirmed.is_empty(), "nobody could know");
    let mut acknowledged = report.steps.iter();
    assert!(
        acknowledged.all(|step| report.unconfirmed.contains(&step.version)),
        "nothing that a crash may lose is told as certain"
    );
    server.restart();
    let port = server.server().address().1;
    assert_eq!(
        database.server().address().1,
        port,
        "the server is where it was"
    );
    assert_agree(&database);
    assert!(count(&database) < STEPS);
    assert_completes(&project, &database, STEPS);
}

/// Cuts a run of six before and after each of its messages, from the first to the last.
pub(crate) fn assert_survives_every_cut(
    prepare: impl Fn(&TestDatabase),
    apply: impl Fn(Migrator, &str) -> Result<Report, Error>,
) {
    const SIX: usize = 6;
    let project = tables(Project::new(), SIX);
    let database = TestDatabase::create();
    let proxy = Proxy::start(database.server().address(), Duration::ZERO);
    for cut in (1..).flat_map(|n| [Cut::Before(n), Cut::After(n)]) {
        empty(&database);
        prepare(&database);
        proxy.cut(cut);
        let outcome = apply(migrator(&project), &database.url_through(&proxy));
        if proxy.will_cut() {
            outcome.unwrap();
            assert_eq!(count(&database), SIX);
            return;
        }
        if let Err(error) = outcome {
            let known = error.report().map(committed).unwrap_or_default();
            assert_eq!(known, applied(&database), "{cut:?}: {error}");
            let unconfirmed = error.report().map_or(0, |report| report.unconfirmed.len());
            assert_eq!(unconfirmed, 0, "{cut:?}: the server could be asked");
        }
        assert_free(&database);
        assert_agree(&database);
        run(migrator(&project), &database.url()).unwrap_or_else(|error| panic!("{cut:?}: {error}"));
        assert_eq!(count(&database), SIX, "{cut:?}");
        assert_agree(&database);
    }
}

#[test]
fn a_pipelined_run_survives_a_cut_at_every_message() {
    assert_survives_every_cut(|_| {}, run);
}

#[test]
fn a_run_survives_a_cut_at_every_message() {
    assert_survives_every_cut(empty_ledger, run);
}

#[test]
fn commits_that_nobody_can_confirm_are_called_unconfirmed() {
    let project = tables(Project::new(), 3).migration("2_table.sql", &slow(2));
    let database = TestDatabase::create();
    let proxy = Proxy::start(database.server().address(), Duration::ZERO);
    let (migrator, url) = (migrator(&project), database.url_through(&proxy));
    let running = std::thread::spawn(move || run(migrator.lock_wait(Duration::ZERO), &url));
    wait_until_asleep(&database);
    proxy.refuse();
    proxy.cut_now();
    let error = running.join().unwrap().unwrap_err();
    let report = error.report().unwrap();
    let unconfirmed: Vec<_> = report.unconfirmed.iter().map(ToString::to_string).collect();
    assert_eq!(unconfirmed, ["1", "2", "3"], "{error}");
}
