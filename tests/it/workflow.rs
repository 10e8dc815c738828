//! The four commands that CI runs, on the project that is there to be copied.

use serde_json::Value;
use std::path::Path;
use support::{Outcome, Program, Project, TestDatabase, program};

/// The commands as they are promised.
const COMMANDS: [&str; 4] = [
    "devflow db migrate --env staging --ci --json",
    "devflow db status --env staging --json",
    "devflow db migrate --env production --ci --dry-run --json",
    "devflow db migrate --env production --ci --json",
];

fn example() -> Project {
    Project::new().copy_of("examples/ci")
}

/// Runs a line of a shell, with devflow on the PATH, as a CI runner does.
fn shell(project: &Project, line: &str, database: &TestDatabase) -> Outcome {
    let devflow = program(Program::Devflow);
    let folder = devflow.parent().unwrap().to_string_lossy();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap());
    let shell = project.command("/bin/sh".as_ref()).args(&["-c", line]);
    shell
        .env("PATH", &path)
        .env("DATABASE_URL", &database.url())
        .env("CI", "true")
        .run()
}

fn strings(list: &Value, key: &str) -> Vec<String> {
    let items = list.as_array().unwrap().iter();
    items
        .map(|item| item[key].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_four_commands_work_as_written() {
    let project = example();
    let (staging, production) = (TestDatabase::create(), TestDatabase::create());
    let [migrate, status, dry_run, release] = COMMANDS;

    let migrated = shell(&project, migrate, &staging).expect(0).json();
    assert_eq!(migrated["environment"], "staging");
    assert_eq!(migrated["dry_run"], false);
    let files = strings(&migrated["applied"], "file");
    assert_eq!(files.len(), 5);
    assert!(files.is_sorted(), "{files:?}");
    assert_eq!(migrated["applied"][3]["mode"], "no-transaction");

    let status = shell(&project, status, &staging).expect(0).json();
    assert_eq!(strings(&status["migrations"], "state"), ["applied"; 5]);
    assert_eq!(status["counts"]["applied"], 5);
    assert_eq!(strings(&status["migrations"], "file"), files);

    let planned = shell(&project, dry_run, &production).expect(0).json();
    assert_eq!(planned["environment"], "production");
    assert_eq!(strings(&planned["plan"]["steps"], "file"), files);
    assert!(!production.has("schema_migrations"), "a dry run wrote");

    let released = shell(&project, release, &production).expect(0).json();
    assert_eq!(strings(&released["applied"], "file"), files);
    assert_eq!(staging.schema_dump(), production.schema_dump());
}

#[test]
fn a_second_run_has_nothing_to_do() {
    let project = example();
    let database = TestDatabase::create();
    let _first = shell(&project, COMMANDS[0], &database).expect(0);
    let ledger = database.ledger();
    for command in COMMANDS {
        let again = shell(&project, command, &database).expect(0).json();
        if again["command"] == "migrate" {
            assert_eq!(again["already_applied"], 5);
            assert_eq!(again["pending"], serde_json::json!([]));
        }
    }
    assert_eq!(database.ledger(), ledger);
}

#[test]
fn the_example_makes_the_schema_that_psql_makes_of_its_files() {
    let project = example();
    let (by_devflow, by_psql) = (TestDatabase::create(), TestDatabase::create());
    let migrated = shell(&project, COMMANDS[0], &by_devflow).expect(0).json();
    for file in strings(&migrated["applied"], "path") {
        let path = project.path().join(file);
        let output = by_psql.psql(&["-f", &path.to_string_lossy()]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }
    assert_eq!(by_devflow.schema_dump(), by_psql.schema_dump());
}

/// The repository's first page.
fn readme() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    std::fs::read_to_string(file).unwrap()
}

/// The first code block of a page behind some words of it.
fn block<'a>(page: &'a str, behind: &str) -> Vec<&'a str> {
    let (_, rest) = page.split_once(behind).unwrap();
    let mut lines = rest.lines().skip_while(|line| !line.starts_with("```"));
    lines.next();
    lines.take_while(|line| *line != "```").collect()
}

#[test]
fn what_the_pages_document_and_the_workflow_runs_are_these_commands() {
    let project = example();
    assert_eq!(
        block(&project.read("README.md"), "## The four commands"),
        COMMANDS
    );
    assert_eq!(block(&readme(), "In CI:"), COMMANDS);

    let workflow = project.read(".github/workflows/migrate.yml");
    let lines = workflow
        .lines()
        .filter_map(|line| line.trim().strip_prefix("run: devflow "));
    // The last one applies the plan that the third has shown and written.
    let runs = lines.map(|line| {
        let line = line.trim_end_matches(" --out plan.json");
        format!("devflow {}", line.trim_end_matches(" --plan plan.json"))
    });
    assert_eq!(runs.collect::<Vec<_>>(), COMMANDS);
}

#[test]
fn the_first_page_shows_a_run_as_it_is() {
    let database = TestDatabase::create();
    let run = shell(&example(), "devflow db migrate --env local", &database);
    let words = |line: &str| {
        let mut words = line.split_whitespace().map(str::to_owned);
        (line.starts_with("  ✓")).then(|| [words.next(), words.next()])
    };
    let page = readme();
    let shown = block(&page, "## A run").into_iter().filter_map(words);
    let shown: Vec<_> = shown.collect();
    let real: Vec<_> = run.stdout.lines().filter_map(words).collect();
    assert_eq!(shown, real);
}

#[test]
fn the_first_page_shows_a_failure_as_it_is() {
    let page = readme();
    let shown = block(&page, "A migration that fails is rolled back");
    let shown = shown
        .into_iter()
        .skip_while(|line| !line.starts_with("error: "));
    let sql =
        "-- Who ordered what.\ncreate table orders (\n  customer bigint references customers\n);\n";
    let project = Project::new()
        .migration("1_create_users.sql", "create table users (name text);\n")
        .migration("2_create_orders.sql", sql);
    let database = TestDatabase::create();
    let failed = project.devflow(&["db", "migrate"]);
    let failed = failed.env("DATABASE_URL", &database.url()).run().expect(1);
    let said = failed.stderr.lines();
    let said = said.skip_while(|line| !line.starts_with("error: "));
    assert_eq!(shown.collect::<Vec<_>>(), said.collect::<Vec<_>>());
}

/// `examples/ci/README.md`, "Try it here".
#[test]
fn the_example_can_be_tried_by_hand() {
    let project = example();
    let database = TestDatabase::create();
    for (line, said) in [
        ("devflow db migrate --env local", "5 migrations applied"),
        ("devflow db status --env local", "5 migrations: 5 applied"),
        ("devflow db migrate --env local", "Nothing to do"),
    ] {
        assert!(project.read("README.md").contains(line), "{line}");
        let outcome = shell(&project, line, &database).expect(0);
        assert!(outcome.stdout.contains(said), "{outcome:?}");
    }
}
