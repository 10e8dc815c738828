//! The example service as a process: alone, in fifty copies, older than its database, and stopped.

use crate::gate::session;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use support::{
    Command, LogEntry, Outcome, Program, Project, Running, Signal, TestDatabase, program,
    wait_until,
};

const APPLIED: [&str; 4] = ["1 applied", "2 applied", "3 applied", "4 applied"];

pub(crate) fn service(database: &TestDatabase, arguments: &[&str]) -> Command {
    build_of(Program::ExampleService, database).args(arguments)
}

/// The service as one of its releases has it.
pub(crate) fn build_of(release: Program, database: &TestDatabase) -> Command {
    Command::new(&program(release), Path::new("/"))
        .env("DATABASE_URL", &database.url())
        .env("LISTEN_ADDR", "127.0.0.1:0")
}

/// Where a copy listens, once it does.
pub(crate) fn address(service: &Running) -> String {
    let process = service.process();
    wait_until("the service listens or ends", || {
        service.stdout().ends_with('\n') || !process.is_alive()
    });
    let line = service.stdout();
    let address = line.trim().strip_prefix("listening on http://");
    address
        .unwrap_or_else(|| panic!("{}", service.stderr()))
        .to_owned()
}

/// The answer to a GET, head and body.
pub(crate) fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

pub(crate) fn assert_serves(service: &Running) {
    let address = address(service);
    wait_until("the service is ready", || {
        get(&address, "/readyz").starts_with("HTTP/1.1 200 OK\r\n")
    });
    for (path, body) in [("/healthz", "ok\n"), ("/links", "[]")] {
        let answer = get(&address, path);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.ends_with(&format!("\r\n\r\n{body}")), "{answer}");
    }
}

fn stop(service: Running) -> Outcome {
    service.signal(Signal::TERM);
    service.wait()
}

/// What devflow's own sessions sent, for each session; the service's pool has sessions of its own.
fn messages(log: &[LogEntry]) -> Vec<Vec<&str>> {
    let ours = |entry: &&LogEntry| entry.application.starts_with("devflow ");
    let sessions: BTreeSet<u32> = log.iter().filter(ours).map(|entry| entry.pid).collect();
    let of = |pid: u32| {
        let entries = log.iter().filter(move |entry| entry.pid == pid);
        entries.filter_map(LogEntry::statement).collect()
    };
    sessions.into_iter().map(of).collect()
}

#[test]
fn fifty_copies_start_at_once_and_each_migration_takes_effect_once() {
    let database = TestDatabase::create();
    let copies: Vec<Running> = (0..50).map(|_| service(&database, &[]).spawn()).collect();
    for copy in &copies {
        assert_serves(copy);
    }
    assert_eq!(database.events(), APPLIED);
    assert_eq!(database.advisory_locks(), 0);
    let effects =
        "SELECT count(*) FROM pg_class WHERE relname IN ('links', 'tags', 'tagged_links')";
    assert_eq!(database.value(effects), "3");
    for copy in copies {
        let outcome = stop(copy).expect(0);
        assert!(!outcome.stderr.contains("ERROR"), "{}", outcome.stderr);
    }
}

#[test]
fn a_start_with_nothing_pending_is_one_message_without_ddl_or_lock() {
    let database = TestDatabase::create();
    let _outcome = service(&database, &["migrate"]).run().expect(0);
    let before = messages(&database.server_log()).len();
    assert_eq!(before, 1);
    let copies: Vec<Running> = (0..50).map(|_| service(&database, &[]).spawn()).collect();
    for copy in &copies {
        assert_serves(copy);
    }
    wait_until("devflow's sessions are over", || {
        let theirs = "SELECT count(*) FROM pg_stat_activity \
             WHERE application_name LIKE 'devflow %' AND datname = current_database()";
        database.value(theirs) == "0"
    });
    let log = database.server_log();
    let mut sessions = messages(&log);
    sessions.retain(|session| !session.iter().any(|sql| sql.contains("CREATE TABLE")));
    assert_eq!(sessions.len(), 50);
    for session in sessions {
        let [look] = session[..] else {
            panic!("{session:#?}");
        };
        for word in ["advisory", "CREATE", "INSERT INTO", "BEGIN"] {
            assert!(!look.contains(word), "{look}");
        }
    }
    assert_eq!(database.events(), APPLIED);
}

#[test]
fn the_subcommand_migrates_and_ends() {
    let database = TestDatabase::create();
    for said in ["4 migrations applied", "Nothing to do"] {
        let outcome = service(&database, &["migrate"]).run().expect(0);
        assert!(outcome.stdout.contains(said), "{}", outcome.stdout);
        assert!(!outcome.stderr.contains("INFO"), "{}", outcome.stderr);
        assert_eq!(database.events(), APPLIED);
    }
}

#[test]
fn a_service_without_a_database_ends_with_its_reason_and_without_its_password() {
    let command = Command::new(&program(Program::ExampleService), Path::new("/"));
    let url = "postgress://me:guess-of-me@127.0.0.1:1/app";
    let outcome = command.env("DATABASE_URL", url).run().expect(1);
    assert!(
        outcome.stderr.contains("cannot be read"),
        "{}",
        outcome.stderr
    );
    assert!(!outcome.stderr.contains("guess-of"), "{}", outcome.stderr);
    let command = Command::new(&program(Program::ExampleService), Path::new("/"));
    let outcome = command.run().expect(1);
    assert!(
        outcome.stderr.contains("DATABASE_URL is not set"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_service_stops_in_good_order() {
    let database = TestDatabase::create();
    for signal in [Signal::TERM, Signal::INT] {
        let running = service(&database, &[]).spawn();
        assert_serves(&running);
        running.signal(signal);
        let _outcome = running.wait().expect(0);
    }
    wait_until("its sessions are over", || database.sessions() == 0);
}

/// A database that has the table of the first migration, and knows that it has.
pub(crate) fn begun() -> TestDatabase {
    let database = TestDatabase::create();
    database.execute("CREATE TABLE links (id bigint primary key, url text not null)");
    let project = Project::new().file("devflow.yml", "version: \"1\"\ndatabase: {}\n");
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/service/migrations");
    for entry in std::fs::read_dir(files).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        project.write(
            &format!("migrations/{name}"),
            std::fs::read(entry.path()).unwrap(),
        );
    }
    let baseline = project.devflow(&["db", "baseline", "1", "--ci"]);
    let _outcome = baseline
        .env("DATABASE_URL", &database.url())
        .run()
        .expect(0);
    database
}

/// A stranger's transaction holds the table that the second migration alters.
#[test]
fn a_signal_during_a_migration_rolls_it_back_and_frees_the_lock() {
    let database = begun();
    let blocker = session(&database, "BEGIN; LOCK TABLE links");
    for (arguments, signal, code) in [
        (&["migrate"][..], Signal::INT, 130),
        (&[], Signal::TERM, 143),
    ] {
        let running = service(&database, arguments).spawn();
        wait_until("the migration waits for the table", || {
            let waiting =
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'links'::regclass";
            database.value(waiting) == "1"
        });
        running.signal(signal);
        let _outcome = running.wait().expect(code);
        wait_until("its sessions are over", || database.sessions() == 0);
        assert_eq!(database.advisory_locks(), 0);
    }
    drop(blocker);
    let interrupted = ["1 baselined", "2 failed", "2 failed"];
    assert_eq!(database.events(), interrupted);
    let _outcome = service(&database, &["migrate"]).run().expect(0);
    assert_eq!(
        database.events()[3..],
        ["2 applied", "3 applied", "4 applied"]
    );
}
