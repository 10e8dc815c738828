//! What a GitHub Actions runner is told: annotations, the job's summary and the step's outputs.

use crate::gate::session;
use std::fs;
use std::path::PathBuf;
use support::{Outcome, Project, TestDatabase};

const CONFIG: &str = "\
version: \"1\"
database:
  environments:
    production: { url_env: DATABASE_URL }
";

/// A checkout in whose folder `service` the project lies.
struct Job {
    project: Project,
    database: TestDatabase,
}

impl Job {
    fn new() -> Self {
        Self {
            project: Project::new().file("devflow.yml", CONFIG),
            database: TestDatabase::create(),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.project.path().join(name)
    }

    fn run(&self, arguments: &[&str], code: i32) -> Outcome {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        let workspace = text(self.project.path().parent().unwrap().to_owned());
        let command = self.project.devflow(&["db"]).args(arguments);
        let command = command
            .args(&["--env", "production", "--ci"])
            .env("DATABASE_URL", &self.database.url())
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_WORKSPACE", &workspace)
            .env("GITHUB_STEP_SUMMARY", &text(self.file("summary.md")))
            .env("GITHUB_OUTPUT", &text(self.file("output")));
        command.run().expect(code)
    }

    /// The value of the last output of this name.
    fn output(&self, name: &str) -> String {
        let text = fs::read_to_string(self.file("output")).unwrap();
        let lines: Vec<_> = text.lines().collect();
        let begins = |line: &str| line.split_once("<<").is_some_and(|(key, _)| key == name);
        let start = lines.iter().rposition(|line| begins(line)).unwrap();
        let (_, token) = lines[start].split_once("<<").unwrap();
        assert_eq!(lines[start + 2], token);
        lines[start + 1].to_owned()
    }

    fn summary(&self) -> String {
        fs::read_to_string(self.file("summary.md")).unwrap()
    }
}

#[test]
fn a_failing_migration_is_marked_on_its_line() {
    let job = Job::new();
    let raise =
        "SELECT 1;\nDO $$ BEGIN\n RAISE EXCEPTION E'50%% of\\n::error::it | `x` <b>'; END $$;\n";
    job.project
        .write("migrations/1_a.sql", "CREATE TABLE a ();\n");
    job.project.write("migrations/2_b.sql", raise);
    let folder = job.project.path().file_name().unwrap().to_str().unwrap();
    for format in [&[][..], &["--json"]] {
        let outcome = job.run(&[&["migrate"], format].concat(), 1);
        let marked = outcome
            .stderr
            .lines()
            .find(|line| line.starts_with("::error "));
        assert_eq!(
            marked.unwrap(),
            format!(
                "::error file={folder}/migrations/2_b.sql,line=3,col=2,title=devflow%3A migration_failed\
                 ::50%25 of%0A::error::it | `x` <b> (SQLSTATE P0001)"
            )
        );
        assert_eq!(job.output("failed_version"), "2");
        assert_eq!(job.output("pending"), "1");
        let summary = job.summary();
        assert!(
            summary.contains("50% of\\\\n::error::it \\| \\`x\\` &lt;b"),
            "{summary}"
        );
    }
    assert!(job.summary().contains("| `1_a.sql` |"));
}

#[test]
fn what_was_applied_is_told_with_the_plans_digest() {
    let job = Job::new();
    job.project
        .write("migrations/1_a.sql", "CREATE TABLE a ();\n");
    let outcome = job.run(&["migrate", "--dry-run", "--json"], 0);
    let digest = outcome.json()["plan"]["digest"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        (job.output("pending"), job.output("plan_digest")),
        ("1".to_owned(), digest)
    );
    let outcome = job.run(&["migrate"], 0);
    assert!(!outcome.stderr.contains("::error"), "{outcome:?}");
    assert_eq!(
        (job.output("applied"), job.output("pending")),
        ("1".to_owned(), "0".to_owned())
    );
    assert!(job.summary().contains("### devflow migrate · `production`"));
}

/// What a migration says, among it what would end the fold, is folded; what keeps it from going on is not.
#[test]
fn progress_and_notices_are_in_groups_that_end_before_anything_that_matters() {
    let job = Job::new();
    let config = CONFIG.replace(
        "database:\n",
        "database:\n  migrations: { lock_timeout: 1s, lock_retry_budget: 0s }\n",
    );
    job.project.write("devflow.yml", config);
    job.project
        .write("migrations/1_a.sql", "CREATE TABLE a ();\n");
    let outcome = job.run(&["migrate", "--json"], 0);
    assert_eq!(
        outcome.stderr,
        "::group::applying 1 migration\napplying 1/1 1_a.sql\n::endgroup::\n"
    );
    let _reader = session(&job.database, "BEGIN; SELECT FROM a");
    let notice = "DO $$ BEGIN RAISE NOTICE E'half\\n::endgroup::\\n##[endgroup]'; END $$;\n";
    job.project.write("migrations/2_b.sql", notice);
    job.project
        .write("migrations/3_c.sql", "ALTER TABLE a ADD b int;\n");
    let outcome = job.run(&["migrate", "--json"], 1);
    let end = "::endgroup::\n3_c.sql: waits for ";
    let parts = outcome.stderr.split_once(end);
    let (folded, after) = parts.unwrap_or_else(|| panic!("{outcome:?}"));
    let told: Vec<_> = folded
        .lines()
        .filter(|line| !line.contains("::stop-commands::") && line.len() < 32)
        .collect();
    assert_eq!(
        told,
        [
            "::group::applying 2 migrations",
            "applying 1/2 2_b.sql",
            "2_b.sql: notice: half",
            "      ::endgroup::",
            "      ##[endgroup]",
            "applying 2/2 3_c.sql",
        ]
    );
    assert!(!after.contains("group"), "{outcome:?}");
}

#[test]
fn a_finding_and_a_bad_file_are_marked_too() {
    let job = Job::new();
    job.project
        .write("migrations/1_a.sql", "CREATE TABLE a ();\n");
    let _applied = job.run(&["migrate"], 0);
    job.project
        .write("migrations/1_a.sql", "CREATE TABLE a (b int);\n");
    let outcome = job.run(&["migrate"], 4);
    assert!(
        outcome
            .stderr
            .contains("/migrations/1_a.sql,title=devflow%3A modified::"),
        "{outcome:?}"
    );
    job.project
        .write("migrations/2_b.sql", "SELECT 1;\n  COMMIT;\n");
    let outcome = job.run(&["migrate"], 2);
    assert!(
        outcome
            .stderr
            .contains("/migrations/2_b.sql,line=2,col=3,title=devflow%3A "),
        "{outcome:?}"
    );
}

#[test]
fn a_summary_that_cannot_be_written_does_not_undo_a_migration() {
    let job = Job::new();
    job.project
        .write("migrations/1_a.sql", "CREATE TABLE a ();\n");
    fs::create_dir(job.file("summary.md")).unwrap();
    let outcome = job.run(&["migrate"], 0);
    assert!(
        outcome
            .stderr
            .contains("the job's summary could not be written"),
        "{outcome:?}"
    );
    assert_eq!(job.database.events(), ["1 applied"]);
}
