//! A database that has its schema already.

use support::{Command, Project, TestDatabase};

const FIRST: &str = "CREATE TABLE first (a int);\n";
const SECOND: &str = "CREATE TYPE mood AS ENUM ('fine');\nCREATE TABLE second (a mood);\n";
const THIRD: &str = "CREATE TABLE third (a int);\n";

struct Old {
    project: Project,
    database: TestDatabase,
}

impl Old {
    /// A database that has the first two of three migrations, and no ledger.
    fn new() -> Self {
        let database = TestDatabase::create();
        database.execute(FIRST);
        database.execute(SECOND);
        let project = Project::new()
            .migration("1_first.sql", FIRST)
            .migration("2_second.sql", SECOND)
            .migration("3_third.sql", THIRD);
        Self { project, database }
    }

    fn devflow(&self, arguments: &[&str]) -> Command {
        let command = self.project.devflow(&["db"]).args(arguments);
        command.env("DATABASE_URL", &self.database.url())
    }
}

#[test]
fn the_first_migrate_names_the_command_that_helps() {
    let old = Old::new();
    let failed = old.devflow(&["migrate", "--json"]).run().expect(1).json();
    assert_eq!(failed["failure"]["sqlstate"], "42P07");
    let hint = failed["failure"]["hint"].as_str().unwrap();
    assert!(hint.contains("devflow db baseline"), "{hint}");
    assert_eq!(old.database.events(), ["1 failed"]);

    let said = old.devflow(&["migrate"]).run().expect(1).stderr;
    assert!(said.contains("already exists"), "{said}");
    assert!(said.contains("devflow db baseline"), "{said}");

    let recorded = old.devflow(&["baseline", "2"]).run().expect(0);
    assert!(
        recorded.stdout.contains("2 migrations recorded as applied"),
        "{recorded:?}"
    );
    let done = old.devflow(&["migrate", "--json"]).run().expect(0).json();
    assert_eq!(done["applied"][0]["version"], "3");
    assert_eq!(done["already_applied"], 2);
    assert!(old.database.has("third"));
    let last = old.database.events();
    assert_eq!(
        last[last.len() - 3..],
        ["1 baselined", "2 baselined", "3 applied"]
    );
}

#[test]
fn a_baseline_runs_nothing_and_is_shown() {
    let old = Old::new();
    let document = old.devflow(&["baseline", "2_second.sql", "--json"]).run();
    let document = document.expect(0).json();
    assert_eq!(document["baselined"].as_array().unwrap().len(), 2);
    assert_eq!(document["pending"][0]["version"], "3");
    assert!(!old.database.has("third"));
    let status = old.devflow(&["status", "--json"]).run().expect(0).json();
    let state = |index: usize| status["migrations"][index]["state"].clone();
    assert_eq!(
        [state(0), state(1), state(2)],
        ["baselined", "baselined", "pending"]
    );
    let table = old.devflow(&["status"]).run().expect(0).stdout;
    assert!(table.contains("✓ baselined  1"), "{table}");
}

#[test]
fn a_baselined_file_that_is_edited_later_is_drift() {
    let old = Old::new();
    let _done = old.devflow(&["baseline", "2"]).run().expect(0);
    old.project.write("migrations/2_second.sql", "SELECT 2;\n");
    let refused = old.devflow(&["migrate", "--json"]).run().expect(4).json();
    assert_eq!(refused["findings"][0]["code"], "modified");
}

#[test]
fn an_unknown_version_is_refused_and_nothing_is_touched() {
    let old = Old::new();
    for version in ["4", "0", "20200101000000"] {
        let document = old.devflow(&["baseline", version, "--json"]).run();
        let document = document.expect(2).json();
        assert_eq!(document["error"]["code"], "unknown_version");
    }
    let usage = old.devflow(&["baseline", "users", "--json"]).run();
    assert_eq!(usage.expect(2).json()["error"]["code"], "usage");
    assert!(!old.database.has("schema_migrations"));
}

#[test]
fn a_second_baseline_records_only_what_is_new() {
    let old = Old::new();
    let _done = old.devflow(&["baseline", "1"]).run().expect(0);
    let ledger = old.database.ledger();
    let again = old.devflow(&["baseline", "1"]).run().expect(0);
    assert!(again.stdout.contains("Nothing to record"), "{again:?}");
    assert_eq!(old.database.ledger(), ledger);
    let _done = old.devflow(&["baseline", "2"]).run().expect(0);
    assert_eq!(old.database.events(), ["1 baselined", "2 baselined"]);
    let _done = old.devflow(&["migrate"]).run().expect(0);
    let after = old.devflow(&["baseline", "3"]).run().expect(0);
    assert!(after.stdout.contains("Nothing to record"), "{after:?}");
    assert_eq!(old.database.events().len(), 3);
}

#[test]
fn a_failure_on_an_empty_database_does_not_speak_of_baselines() {
    let project = Project::new().migration(
        "1_a.sql",
        "CREATE TABLE a (b int);\nCREATE TABLE a (b int);\n",
    );
    let database = TestDatabase::create();
    let migrate = project.devflow(&["db", "migrate", "--json"]);
    let failed = migrate.env("DATABASE_URL", &database.url()).run();
    let failed = failed.expect(1).json();
    assert_eq!(failed["failure"]["sqlstate"], "42P07");
    assert_eq!(failed["failure"]["hint"], serde_json::Value::Null);
}

#[test]
fn a_baseline_of_a_guarded_environment_needs_its_approval() {
    let old = Old::new();
    let config = "version: \"1\"\ndatabase:\n  environments:\n    \
                  production: { url_env: DATABASE_URL, require_approval: true }\n";
    old.project.write("devflow.yml", config);
    let _shut = old.devflow(&["baseline", "2", "--yes"]).run().expect(7);
    assert!(!old.database.has("schema_migrations"));
    let mut asked = old.devflow(&["baseline", "2"]).spawn_on_terminal(80);
    asked.wait_for_stdout("Record 2 migrations as applied without running them?");
    asked.type_line("production");
    let _done = asked.wait().expect(0);
    assert_eq!(old.database.events(), ["1 baselined", "2 baselined"]);
}
