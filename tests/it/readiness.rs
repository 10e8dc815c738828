//! A service is alive while it migrates and ready afterwards, and its handle says how far it is.

use crate::gate::{GATE, Gate, session};
use crate::history::{migrator, run, table, tables};
use crate::service::{address, assert_serves, begun, get, service};
use devflow_runtime::{ErrorKind, MigrationHandle, Migrator, RunState};
use std::thread;
use std::time::{Duration, Instant};
use support::{Project, Signal, TestDatabase, on_background, wait_until};

/// A run in a task of the support's runtime.
fn spawn(migrator: Migrator, database: &TestDatabase) -> MigrationHandle {
    let url = database.url();
    on_background(async move { migrator.spawn(&url) }).unwrap()
}

fn wait_for_state(handle: &MigrationHandle, text: &str) {
    wait_until(text, || handle.state().to_string().contains(text));
}

#[test]
fn probes_are_answered_while_one_copy_migrates_and_another_waits() {
    let database = begun();
    let blocker = session(&database, "BEGIN; LOCK TABLE links");
    let first = service(&database, &[]).spawn();
    let at = address(&first);
    let waits = "waits for ACCESS EXCLUSIVE on public.links, held by server process ";
    wait_until("it says what it waits for", || {
        get(&at, "/readyz").contains(waits)
    });
    let second = service(&database, &[]).spawn();
    let beside = address(&second);
    wait_until("the second says whom it waits for", || {
        get(&beside, "/readyz").contains("waiting for another run to finish")
    });
    for (at, says) in [
        (&at, "applying 1 of 3: migrations/0002_add_titles.sql"),
        (&beside, ": server process "),
    ] {
        assert!(get(at, "/healthz").starts_with("HTTP/1.1 200 OK\r\n"));
        for path in ["/readyz", "/links"] {
            let answer = get(at, path);
            assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
            assert!(answer.contains(says), "{answer}");
        }
    }
    drop(blocker);
    for copy in [first, second] {
        assert_serves(&copy);
        copy.signal(Signal::TERM);
        let _outcome = copy.wait().expect(0);
    }
    let events = ["1 baselined", "2 applied", "3 applied", "4 applied"];
    assert_eq!(database.events(), events);
}

/// As long as a kubelet's defaults take to end a container whose liveness probe fails: three times ten seconds apart.
const LONG: Duration = Duration::from_secs(20);

/// The statement itself takes its time, as on a large table.
fn slow(database: &TestDatabase) {
    database.execute(&format!(
        "CREATE FUNCTION wait() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep({}); END $$",
        LONG.as_secs()
    ));
    database.execute(
        "CREATE EVENT TRIGGER slow ON ddl_command_start WHEN TAG IN ('CREATE VIEW') EXECUTE FUNCTION wait()",
    );
}

#[test]
fn a_service_is_alive_and_not_ready_through_the_whole_of_a_long_migration() {
    let database = TestDatabase::create();
    slow(&database);
    let began = Instant::now();
    let copy = service(&database, &[]).spawn();
    let at = address(&copy);
    let mut probes = 0;
    while !get(&at, "/readyz").starts_with("HTTP/1.1 200 ") {
        assert!(get(&at, "/healthz").starts_with("HTTP/1.1 200 "));
        probes += 1;
        thread::sleep(Duration::from_millis(500));
    }
    assert!(began.elapsed() >= LONG);
    assert!(probes > 10, "{probes} probes");
    assert_serves(&copy);
    copy.signal(Signal::TERM);
    let _outcome = copy.wait().expect(0);
    assert_eq!(database.events().last().unwrap(), "4 applied");
}

#[test]
fn a_service_that_is_told_to_end_in_the_middle_of_a_long_migration_ends_at_once() {
    let database = TestDatabase::create();
    slow(&database);
    let copy = service(&database, &[]).spawn();
    let at = address(&copy);
    wait_until("the last one is under way", || {
        get(&at, "/readyz").contains("applying 4 of 4")
    });
    let told = Instant::now();
    copy.signal(Signal::TERM);
    let _outcome = copy.wait().expect(143);
    assert!(told.elapsed() < LONG / 2);
    assert_eq!(database.events().last().unwrap(), "4 failed");
    assert_eq!(database.advisory_locks(), 0);
}

#[test]
fn a_service_whose_migration_fails_ends() {
    let database = TestDatabase::create();
    database.execute("CREATE TABLE links ()");
    let outcome = service(&database, &[]).run().expect(1);
    let said = outcome.stderr.contains("already exists");
    assert!(said, "{}", outcome.stderr);
    assert_eq!(database.events(), ["1 failed"]);
}

#[test]
fn the_handle_says_which_migration_the_server_works_at_and_cancels_it() {
    let database = TestDatabase::create();
    let gate = Gate::shut(&database);
    let slow = format!("{GATE}{}", table(3));
    let project = tables(Project::new(), 2).migration("3_slow.sql", &slow);
    let project = project.migration("4_table.sql", &table(4));
    let handle = spawn(migrator(&project), &database);
    gate.wait_until_reached(&database);
    // On a new database the fourth has been sent as well.
    wait_for_state(&handle, "applying 3 of 4: migrations/3_slow.sql");
    let RunState::Applying(applying) = handle.state() else {
        panic!("{}", handle.state());
    };
    assert_eq!((applying.done, applying.of), (2, 4));
    assert!(!handle.state().is_over());
    handle.cancel();
    let error = on_background(async move { handle.wait().await.unwrap_err() });
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert_eq!(database.events(), ["1 applied", "2 applied", "3 failed"]);
    assert_eq!(database.advisory_locks(), 1, "the gate's own");
}

#[test]
fn a_handle_that_is_dropped_ends_its_run_and_one_that_is_kept_reports_it() {
    let database = TestDatabase::create();
    let gate = Gate::shut(&database);
    let slow = format!("{GATE}{}", table(1));
    let project = Project::new().migration("1_slow.sql", &slow);
    let handle = spawn(migrator(&project), &database);
    gate.wait_until_reached(&database);
    let watch = handle.watch();
    drop(handle);
    wait_until("the run is over", || watch.borrow().is_over());
    assert_eq!(database.events(), ["1 failed"]);
    drop(gate);
    let handle = spawn(migrator(&project), &database);
    let report = on_background(async move { handle.wait_until(std::future::pending()).await });
    assert_eq!(report.unwrap().steps.len(), 1);
}

/// A writer holds one build up before it begins, and a reader's snapshot another before its end.
#[test]
fn the_command_and_the_handle_say_how_far_an_index_is() {
    let database = TestDatabase::create();
    let project = tables(Project::new(), 1);
    run(migrator(&project), &database.url()).unwrap();
    let index = |name: &str| format!("CREATE INDEX CONCURRENTLY {name} ON m_1 (id);\n");
    let project = project.migration("2_index.sql", &index("one"));
    let writer = session(&database, "BEGIN; INSERT INTO m_1 VALUES (1)");
    let migrate = project.devflow(&["db", "migrate"]);
    let migrate = migrate.env("DATABASE_URL", &database.url());
    let command = migrate.spawn_on_terminal(200);
    let waits = "CONCURRENTLY public.one: waiting for writers before build";
    command.wait_for_stdout(waits);
    drop(writer);
    let _done = command.wait().expect(0);
    let project = project.migration("3_index.sql", &index("two"));
    let snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM m_1";
    let reader = session(&database, snapshot);
    let handle = spawn(migrator(&project), &database);
    wait_for_state(
        &handle,
        "CONCURRENTLY public.two: waiting for old snapshots, 0 of 1 transactions",
    );
    let RunState::Applying(applying) = handle.state() else {
        panic!("{}", handle.state());
    };
    let current = applying.current.clone().unwrap();
    let build = current.build.unwrap();
    let locker = build.current_locker.unwrap();
    let wait = current.wait.unwrap();
    assert_eq!(wait.blockers[0].pid, locker);
    assert_eq!(build.table, "public.m_1");
    drop(reader);
    let report = on_background(async move { handle.wait().await });
    assert_eq!(report.unwrap().steps.len(), 1);
}

#[test]
fn a_log_says_each_phase_of_an_index_once_a_minute() {
    let database = TestDatabase::create();
    database.execute("CREATE TABLE m_1 (id integer)");
    let index = "CREATE INDEX CONCURRENTLY one ON m_1 (id);\n";
    let project = Project::new().migration("1_index.sql", index);
    let writer = session(&database, "BEGIN; INSERT INTO m_1 VALUES (1)");
    let migrate = project.devflow(&["db", "migrate", "--ci"]);
    let command = migrate.env("DATABASE_URL", &database.url()).spawn();
    let phase =
        "1_index.sql: CREATE INDEX CONCURRENTLY public.one: waiting for writers before build";
    command.wait_for_stderr(phase);
    // It is looked at again, and who is in the way is said again after five seconds.
    wait_until("the wait is said twice", || {
        command
            .stderr()
            .matches("waits for another transaction")
            .count()
            == 2
    });
    drop(writer);
    let outcome = command.wait().expect(0);
    assert_eq!(
        outcome.stderr.matches(phase).count(),
        1,
        "{}",
        outcome.stderr
    );
}
