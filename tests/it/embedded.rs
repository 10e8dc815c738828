//! The command inside the example service, as a process: what the command does, on what the service embeds.

use crate::gate::session;
use crate::history::migrator;
use crate::service::service;
use clap::{Args, FromArgMatches};
use devflow_cli::{Embedded, Surroundings};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::time::Duration;
use support::{Command, Program, Project, TestDatabase, program, validate};

/// What the command says of the same files, from their directory.
fn by_command(database: &TestDatabase, arguments: &[&str]) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/service");
    let devflow = Command::new(&program(Program::Devflow), &folder);
    let devflow = devflow.args(&["db"]).args(arguments).args(&["--json"]);
    let url = database.url();
    devflow.env("DATABASE_URL", &url).run().expect(0).json()
}

fn by_service(database: &TestDatabase, arguments: &[&str]) -> Value {
    let service = service(database, &["migrate"]).args(arguments);
    let document = service.args(&["--json"]).run().expect(0).json();
    validate("output.schema.json", &document);
    document
}

/// Without what is of one call, and what only devflow.yml says: the environment, which is part of the digest.
fn comparable(mut document: Value) -> Value {
    for key in ["elapsed_ms", "environment", "plan", "remarks", "run"] {
        document[key] = Value::Null;
    }
    document
}

#[test]
fn the_subcommand_says_what_the_command_says() {
    let database = TestDatabase::create();
    let pending = comparable(by_service(&database, &["status"]));
    assert_eq!(pending, comparable(by_command(&database, &["status"])));
    assert_eq!(pending["counts"]["pending"], 4);
    let planned = comparable(by_service(&database, &["--dry-run"]));
    let dry_run = by_command(&database, &["migrate", "--dry-run"]);
    assert_eq!(planned, comparable(dry_run));
    assert_eq!(planned["pending"].as_array().unwrap().len(), 4);
    let until = by_service(&database, &["--target", "3"]);
    assert_eq!(until["applied"].as_array().unwrap().len(), 3);
    for arguments in [&["status"][..], &["show", "2"], &["log", "--limit", "2"]] {
        let said = comparable(by_service(&database, arguments));
        assert_eq!(said, comparable(by_command(&database, arguments)));
    }
}

#[test]
fn its_exit_codes_are_the_commands() {
    let database = TestDatabase::create();
    let run = |arguments: &[&str], code: i32| {
        let service = service(&database, &["migrate"]).args(arguments);
        let document = service.args(&["--json"]).run().expect(code).json();
        validate("output.schema.json", &document);
        document["error"]["code"].clone()
    };
    assert_eq!(run(&["status", "--check"], 3), "pending");
    let another = "ab".repeat(32);
    assert_eq!(run(&["--approve", &another], 7), "plan_changed");
    database.execute("CREATE TABLE links ()");
    assert_eq!(run(&["--ci"], 1), "migration_failed");
    database.execute("DROP TABLE links");
    let _applied = run(&[], 0);
    database.execute("UPDATE schema_migrations SET checksum = repeat('0', 64) WHERE version = '1'");
    assert_eq!(run(&["status", "--check"], 4), "refused");
    assert_eq!(run(&["repair", "--checksum", "1", "--yes"], 0), Value::Null);
    assert_eq!(run(&["status", "--check"], 0), Value::Null);

    let stranger = service(&database, &["migrate", "status"])
        .env("DATABASE_URL", &database.url_as("nobody_of_that_name"));
    let _outcome = stranger.run().expect(6);
    let lost = Command::new(&program(Program::ExampleService), Path::new("/"));
    let lost = lost.args(&["migrate", "--json"]).run().expect(2).json();
    assert_eq!(lost["error"]["code"], "url_not_set");
}

/// A service says in its code how long it waits.
#[test]
fn it_ends_with_5_when_the_lock_is_not_free_in_time() {
    let database = TestDatabase::create();
    let _lock = session(&database, "SELECT pg_advisory_lock(6145315754382216349)");
    let project = Project::new().migration("1_a.sql", "CREATE TABLE a ();");
    let migrator = migrator(&project).lock_wait(Duration::ZERO);
    let command = Embedded::augment_args(clap::Command::new("migrate"));
    let matches = command.get_matches_from(["migrate", "--json"]);
    let embedded = Embedded::from_arg_matches(&matches).unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let url = || Ok::<_, String>(database.url());
    let code = embedded.run_in(migrator, url, &Surroundings::default(), &mut out, &mut err);
    let document: Value = serde_json::from_slice(&out).unwrap();
    validate("output.schema.json", &document);
    assert_eq!(
        (code, document["error"]["code"].as_str()),
        (5, Some("lock_timeout"))
    );
    assert!(!database.has("a"));
}

#[test]
fn a_job_gets_its_annotations_outputs_and_summary() {
    let (database, files) = (TestDatabase::create(), Project::new());
    let file = |name: &str| files.path().join(name).to_str().unwrap().to_owned();
    let job = service(&database, &["migrate", "--ci"])
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", &file("summary.md"))
        .env("GITHUB_OUTPUT", &file("output"));
    database.execute("CREATE TABLE links ()");
    let outcome = job.run().expect(1);
    assert!(outcome.stderr.contains("::error "), "{}", outcome.stderr);
    let summary = fs::read_to_string(file("summary.md")).unwrap();
    assert!(summary.contains("### devflow migrate"), "{summary}");
    let outputs = fs::read_to_string(file("output")).unwrap();
    assert!(outputs.contains("failed_version<<"), "{outputs}");
}
