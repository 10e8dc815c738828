//! Files and ledger that differ.

use serde_json::Value;
use support::{Outcome, Program, Project, TestDatabase, program};

const FIRST: &str = "CREATE TABLE first (a int);\n";
const SECOND: &str = "CREATE TABLE second (a int);\n";
const THIRD: &str = "CREATE TABLE third (a int);\n";

/// A project and a database that has all of it.
struct Applied {
    project: Project,
    database: TestDatabase,
}

impl Applied {
    /// Three migrations, with a gap before the last.
    fn three() -> Self {
        let project = Project::new()
            .migration("1_first.sql", FIRST)
            .migration("2_second.sql", SECOND)
            .migration("4_third.sql", THIRD);
        let applied = Self {
            project,
            database: TestDatabase::create(),
        };
        let _done = applied.devflow(&["migrate"]).expect(0);
        applied
    }

    fn policies(&self, lines: &[&str]) {
        let lines: String = lines.iter().map(|line| format!("    {line}\n")).collect();
        let config = format!("version: \"1\"\ndatabase:\n  migrations:\n{lines}");
        self.project.write("devflow.yml", config);
    }

    fn devflow(&self, arguments: &[&str]) -> Outcome {
        let command = self.project.devflow(&["db"]).args(arguments);
        command.env("DATABASE_URL", &self.database.url()).run()
    }

    fn json(&self, arguments: &[&str], code: i32) -> Value {
        let _text = self.devflow(arguments).expect(code);
        let arguments = [arguments, &["--json"]].concat();
        self.devflow(&arguments).expect(code).json()
    }

    /// Asserts that a run, a dry run and `status` refuse with exactly these findings, and that nothing was written.
    fn assert_refused(&self, expected: &[&str]) {
        let before = self.database.ledger();
        for arguments in [
            &["migrate"][..],
            &["migrate", "--dry-run"],
            &["status"],
            &["status", "--check"],
        ] {
            let document = self.json(arguments, 4);
            assert_eq!(findings(&document), expected, "{arguments:?}");
            assert_eq!(document["error"]["kind"], "refused");
        }
        assert_eq!(self.database.ledger(), before);
    }

    /// Runs, and asserts that exactly these findings let it pass.
    fn assert_goes_on(&self, expected: &[&str]) -> Value {
        let document = self.devflow(&["migrate", "--json"]).expect(0).json();
        assert_eq!(findings(&document), expected);
        document
    }

    fn states(&self, code: i32) -> Vec<String> {
        let document = self.json(&["status"], code);
        let migrations = document["migrations"].as_array().unwrap().iter();
        migrations
            .map(|migration| {
                let text = |key: &str| migration[key].as_str().unwrap().to_owned();
                format!("{} {}", text("version"), text("state"))
            })
            .collect()
    }
}

/// `refused modified 1`: severity, code and version of each.
fn findings(document: &Value) -> Vec<String> {
    let findings = document["findings"].as_array().unwrap().iter();
    findings
        .map(|finding| {
            let text = |key: &str| finding[key].as_str().unwrap();
            format!("{} {} {}", text("severity"), text("code"), text("version"))
        })
        .collect()
}

#[test]
fn an_edited_file_is_refused_and_the_next_step_is_named() {
    let applied = Applied::three();
    applied.project.write(
        "migrations/2_second.sql",
        "CREATE TABLE second (a bigint);\n",
    );
    applied
        .project
        .write("migrations/5_fifth.sql", "CREATE TABLE fifth (a int);\n");
    applied.assert_refused(&["refused modified 2"]);
    assert!(!applied.database.has("fifth"));
    let said = applied.devflow(&["migrate"]).stderr;
    for words in [
        "migrations/2_second.sql was changed after it was applied",
        "help: restore the file as it was applied, and put the change into a new migration",
    ] {
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(
        applied.states(4),
        ["1 applied", "2 modified", "4 applied", "5 pending"]
    );
    // No policy lets it pass.
    applied.policies(&["out_of_order: allow", "ahead: warn", "missing: warn"]);
    applied.assert_refused(&["refused modified 2"]);
    // What the message says helps.
    applied.project.write("migrations/2_second.sql", SECOND);
    applied.assert_goes_on(&[]);
    assert!(applied.database.has("fifth"));
}

#[test]
fn line_endings_and_a_byte_order_mark_are_no_drift() {
    let applied = Applied::three();
    for (file, text) in [("1_first", FIRST), ("2_second", SECOND), ("4_third", THIRD)] {
        let other = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        applied
            .project
            .write(&format!("migrations/{file}.sql"), other);
    }
    let document = applied.assert_goes_on(&[]);
    assert_eq!(document["already_applied"], 3);
    assert_eq!(applied.states(0), ["1 applied", "2 applied", "4 applied"]);
}

#[test]
fn a_deleted_file_is_refused_unless_a_policy_lets_it_pass() {
    let applied = Applied::three();
    applied.project.remove("migrations/2_second.sql");
    applied.assert_refused(&["refused missing 2"]);
    let said = applied.devflow(&["migrate"]).stderr;
    assert!(
        said.contains("2_second.sql is applied, and its file is gone"),
        "{said}"
    );
    assert!(said.contains("restore the file"), "{said}");
    assert_eq!(applied.states(4), ["1 applied", "2 missing", "4 applied"]);
    applied.policies(&["missing: warn"]);
    applied.assert_goes_on(&["warning missing 2"]);
    let said = applied.devflow(&["migrate"]).stderr;
    assert!(said.contains("warning: 2_second.sql is applied"), "{said}");
}

#[test]
fn a_new_name_is_a_warning_and_a_new_version_is_not() {
    let applied = Applied::three();
    applied.project.remove("migrations/2_second.sql");
    applied.project.write("migrations/2_other.sql", SECOND);
    let document = applied.json(&["status"], 0);
    assert_eq!(findings(&document), ["warning renamed 2"]);
    applied.assert_goes_on(&[]);
    // Under another version it is another migration, and the old one is missing: the twin is named.
    applied.project.remove("migrations/2_other.sql");
    applied.project.write("migrations/5_second.sql", SECOND);
    applied.assert_refused(&["refused missing 2"]);
    let said = applied.devflow(&["migrate"]).stderr;
    assert!(
        said.contains("migrations/5_second.sql has the same checksum"),
        "{said}"
    );
}

#[test]
fn an_older_file_added_later_is_refused_unless_a_policy_lets_it_pass() {
    let applied = Applied::three();
    applied
        .project
        .write("migrations/3_late.sql", "CREATE TABLE late (a int);\n");
    applied.assert_refused(&["refused out_of_order 3"]);
    assert!(!applied.database.has("late"));
    let said = applied.devflow(&["migrate"]).stderr;
    assert!(
        said.contains("migrations/3_late.sql is pending and older than 4"),
        "{said}"
    );
    assert!(said.contains("give the file a newer version"), "{said}");
    assert_eq!(
        applied.states(4),
        ["1 applied", "2 applied", "3 out_of_order", "4 applied"]
    );
    applied.policies(&["out_of_order: allow"]);
    applied.assert_goes_on(&["warning out_of_order 3"]);
    assert!(applied.database.has("late"));
    applied.assert_goes_on(&[]);
}

#[test]
fn a_database_that_is_ahead_is_refused_unless_a_policy_lets_it_pass() {
    let applied = Applied::three();
    applied.project.remove("migrations/4_third.sql");
    applied.assert_refused(&["refused ahead 4"]);
    let said = applied.devflow(&["migrate"]).stderr;
    assert!(
        said.contains("the database is ahead: 4_third.sql"),
        "{said}"
    );
    assert!(
        said.contains("use a checkout or a build that has this migration"),
        "{said}"
    );
    assert_eq!(applied.states(4), ["1 applied", "2 applied", "4 ahead"]);
    applied.policies(&["ahead: warn"]);
    applied.assert_goes_on(&["warning ahead 4"]);
    let said = applied.devflow(&["status"]).expect(0).stderr;
    assert!(said.contains("warning: the database is ahead"), "{said}");
}

/// An image that was rolled back still has to start.
#[test]
fn a_service_that_is_older_than_its_database_starts_with_a_warning() {
    let database = TestDatabase::create();
    let newer = Project::new().copy_of("examples/service");
    let next = "-- devflow: compatible-with 4\nCREATE TABLE next (a int);\n";
    newer.write("migrations/9999_next.sql", next);
    let migrate = newer.devflow(&["db", "migrate", "--yes"]);
    let _done = migrate.env("DATABASE_URL", &database.url()).run().expect(0);
    let anywhere = Project::new();
    let service = anywhere.command(&program(Program::ExampleService));
    let started = service
        .args(&["migrate"])
        .env("DATABASE_URL", &database.url());
    let started = started.run().expect(0);
    assert!(
        started
            .stderr
            .contains("the database is ahead: 9999_next.sql"),
        "{started:?}"
    );
}

#[test]
fn several_findings_are_told_at_once() {
    let applied = Applied::three();
    applied.project.remove("migrations/1_first.sql");
    applied.project.remove("migrations/4_third.sql");
    applied
        .project
        .write("migrations/2_second.sql", "SELECT 2;\n");
    applied
        .project
        .write("migrations/3_late.sql", "SELECT 3;\n");
    // 4 is applied and newer than every file, so that 3 is late.
    let expected = [
        "refused missing 1",
        "refused modified 2",
        "refused out_of_order 3",
        "refused ahead 4",
    ];
    applied.assert_refused(&expected);
    assert_eq!(
        applied.states(4),
        ["1 missing", "2 modified", "3 out_of_order", "4 ahead"]
    );
    let said = applied.devflow(&["migrate"]).stderr;
    support::assert_golden("several_findings.txt", &said);
}

#[test]
fn a_target_stops_where_it_says() {
    let database = TestDatabase::create();
    let applied = Applied {
        project: Project::new()
            .migration("1_first.sql", FIRST)
            .migration("2_second.sql", SECOND)
            .migration("10_third.sql", THIRD),
        database,
    };
    let planned = applied.devflow(&["migrate", "--dry-run", "--target", "2", "--json"]);
    let planned = planned.expect(0).json();
    assert_eq!(planned["plan"]["steps"].as_array().unwrap().len(), 2);
    let done = applied.devflow(&["migrate", "--target", "2_second.sql", "--json"]);
    let done = done.expect(0).json();
    assert_eq!(done["applied"].as_array().unwrap().len(), 2);
    assert_eq!(done["pending"][0]["version"], "10");
    assert_eq!(applied.database.events(), ["1 applied", "2 applied"]);
    assert_eq!(applied.states(0), ["1 applied", "2 applied", "10 pending"]);
    let said = applied
        .devflow(&["migrate", "--target", "2"])
        .expect(0)
        .stdout;
    assert!(said.contains("1 migration beyond the target"), "{said}");
    let unknown = applied.json(&["migrate", "--target", "3"], 2);
    assert_eq!(unknown["error"]["code"], "unknown_version");
    assert_eq!(applied.database.events().len(), 2);
    let _rest = applied.devflow(&["migrate"]).expect(0);
    assert!(applied.database.has("third"));
}

#[test]
fn status_shows_each_state() {
    let applied = Applied::three();
    applied.project.remove("migrations/1_first.sql");
    applied
        .project
        .write("migrations/2_second.sql", "SELECT 2;\n");
    applied.database.execute(
        "INSERT INTO schema_migrations (version, seq, event, name, checksum, statement, at) VALUES \
         ('3', 1, 'baselined', '3_base.sql', '', NULL, now()), \
         ('7', 1, 'started', '7_half.sql', '', 0, now()), \
         ('99', 1, 'applied', '99_next.sql', '', NULL, now())",
    );
    for name in ["3_base", "5_late", "7_half"] {
        applied
            .project
            .write(&format!("migrations/{name}.sql"), "SELECT 1;\n");
    }
    applied.project.write(
        "migrations/7_half.sql",
        "-- devflow: no-transaction\nSELECT 1;\n",
    );
    let table = applied.devflow(&["status"]).expect(4).stdout;
    for (version, word) in [
        ("1", "missing"),
        ("2", "modified"),
        ("3", "modified"),
        ("4", "applied"),
        ("5", "out of order"),
        ("7", "half done"),
        ("99", "ahead"),
    ] {
        let is_shown = |line: &str| {
            line.split_once(word)
                .is_some_and(|(_, rest)| rest.split_whitespace().next() == Some(version))
        };
        assert!(table.lines().any(is_shown), "{version} {word}\n{table}");
    }
}
