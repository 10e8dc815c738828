//! `--wait`: a server that is not there yet.

use std::net::TcpListener;
use std::time::{Duration, Instant};
use support::{Command, PrivateServer, Project, TestDatabase};

/// A project that waits for nothing by itself.
fn project() -> Project {
    let config =
        "version: \"1\"\ndatabase:\n  migrations: { connect_budget: 0s, connect_timeout: 10s }\n";
    Project::new()
        .file("devflow.yml", config)
        .migration("1_a.sql", "CREATE TABLE a (b int);\n")
}

fn migrate(project: &Project, url: &str, wait: &str) -> Command {
    let command = project.devflow(&["db", "migrate", "--ci", wait]);
    command.env("DATABASE_URL", url)
}

/// Asserts that the wait of a second ends with exit 6 and this code; returns what was said.
fn given_up(url: &str, code: &str) -> String {
    let project = project();
    let began = Instant::now();
    let outcome = migrate(&project, url, "--wait=1s").args(&["--json"]).run();
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(1), "{took:?}: {outcome:?}");
    assert!(took < Duration::from_secs(9), "{took:?}: {outcome:?}");
    let stderr = outcome.stderr.clone();
    outcome.expect_error(6, code) + &stderr
}

#[test]
fn a_server_that_comes_later_is_waited_for() {
    let mut server = PrivateServer::start(&[]);
    let database = TestDatabase::create_on(server.server());
    server.stop();
    let project = project();
    let running = migrate(&project, &database.url(), "--wait").spawn();
    running.wait_for_stderr("waiting for it, at most 1 min 00 s");
    server.restart();
    let _applied = running.wait().expect(0);
    assert_eq!(database.events(), ["1 applied"]);
}

#[test]
fn a_server_that_never_comes_is_given_up_at_the_deadline() {
    let said = given_up("postgres://me@nohost.invalid/app", "host_unknown");
    assert!(said.contains("tried for 1"), "{said}");
    assert!(said.contains("waiting for it, at most 1.0 s"), "{said}");
    // It takes connections and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let url = format!("postgres://me@127.0.0.1:{port}/app?sslmode=disable");
    let said = given_up(&url, "connect_timeout");
    assert!(said.contains("tried for 1"), "{said}");
}

#[test]
fn what_no_waiting_mends_is_said_at_once() {
    let database = TestDatabase::create();
    let url = database.url().replace(database.name(), "no_such_database");
    let said = migrate(&project(), &url, "--wait=1h")
        .args(&["--json"])
        .run();
    let _help = said.expect_error(6, "database_unknown");
    let said = migrate(&project(), &url, "--wait=soon")
        .args(&["--json"])
        .run();
    assert!(said.expect_error(2, "usage").contains("such as 60s"));
}
