//! Processes that die without a word, the program's and the server's, and what the next run makes of what they left.

use crate::gate::{session, wait_until_asleep};
use crate::history::{assert_agree, assert_free, empty_ledger, table, tables};
use std::path::Path;
use std::time::{Duration, Instant};
use support::{
    Command, PrivateServer, Program, Project, Running, Signal, TestDatabase, program, wait_until,
};

fn start(project: &Project, database: &TestDatabase) -> Running {
    let migrate = project.devflow(&["db", "migrate", "--ci", "--json"]);
    migrate.env("DATABASE_URL", &database.url()).spawn()
}

#[test]
fn a_run_killed_in_a_long_migration_is_gone_within_three_seconds_and_the_next_succeeds() {
    let database = TestDatabase::create();
    database.execute("CREATE TABLE pace AS SELECT 12 AS seconds");
    let sleeps = format!("{}SELECT pg_sleep(seconds) FROM pace;\n", table(2));
    let project = tables(Project::new(), 3).migration("2_table.sql", &sleeps);
    empty_ledger(&database);
    let running = start(&project, &database);
    wait_until_asleep(&database);
    let orphan = database.value(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'",
    );
    running.signal(Signal::KILL);
    let killed = Instant::now();
    let _killed = running.wait().expect(137);
    database.execute("UPDATE pace SET seconds = 0");
    let next = start(&project, &database);
    let alive = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {orphan}");
    wait_until("the orphan is gone", || database.value(&alive) == "0");
    assert!(
        killed.elapsed() < Duration::from_secs(3),
        "{:?}",
        killed.elapsed()
    );
    let _report = next.wait().expect(0);
    assert_eq!(database.events(), ["1 applied", "2 applied", "3 applied"]);
    assert_agree(&database);
}

fn service(database: &TestDatabase) -> Running {
    Command::new(&program(Program::ExampleService), Path::new("/"))
        .args(&["migrate"])
        .env("DATABASE_URL", &database.url())
        .spawn()
}

#[test]
fn a_copy_of_the_service_that_waits_takes_over_from_one_that_is_killed() {
    let database = TestDatabase::create();
    // Somebody's uncommitted table of the same name holds the first migration up.
    let obstacle = session(&database, "BEGIN; CREATE TABLE links ()");
    let copies = [service(&database), service(&database)];
    let at_work = "SELECT count(*) FROM pg_stat_activity \
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    wait_until("one of them is at work", || database.value(at_work) == "1");
    let holder = "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
                  WHERE locktype = 'advisory' AND granted AND a.datname = current_database()";
    let holder = database.value(holder);
    let leads = |copy: &Running| copy.stderr().contains(holder.split(' ').nth(1).unwrap());
    wait_until("the other waits", || copies.iter().any(&leads));
    let [one, other] = copies;
    // Who waits says whom it waits for.
    let (leader, waiter) = if leads(&one) {
        (other, one)
    } else {
        (one, other)
    };
    leader.signal(Signal::KILL);
    let _killed = leader.wait().expect(137);
    drop(obstacle);
    let _served = waiter.wait().expect(0);
    assert_eq!(
        database.events(),
        ["1 applied", "2 applied", "3 applied", "4 applied"]
    );
    assert_free(&database);
}

#[test]
fn a_server_that_crashes_in_a_migration_rolls_it_back_and_the_next_run_completes() {
    let mut server = PrivateServer::start(&[]);
    let database = TestDatabase::create_on(server.server());
    let sleeps = format!("{}SELECT pg_sleep(60);\n", table(2));
    let project = tables(Project::new(), 3).migration("2_table.sql", &sleeps);
    empty_ledger(&database);
    let running = start(&project, &database);
    wait_until_asleep(&database);
    server.stop_immediate();
    server.restart();
    let document = running.wait().expect(1).json();
    assert_eq!(document["error"]["code"], "connection_lost", "{document:#}");
    assert_eq!(
        document["unconfirmed"].as_array().unwrap().len(),
        0,
        "{document:#}"
    );
    assert_eq!(database.events(), ["1 applied", "2 failed"]);
    assert_agree(&database);
    project.write("migrations/2_table.sql", table(2));
    let _report = start(&project, &database).wait().expect(0);
    assert_agree(&database);
}
