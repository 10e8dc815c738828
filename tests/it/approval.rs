//! Who has to say yes before a database is changed.

use serde_json::Value;
use support::{Command, Outcome, Project, Running, TestDatabase};

struct Guarded {
    project: Project,
    database: TestDatabase,
}

impl Guarded {
    /// A project with one environment, `production`, and two migrations.
    fn by(approval: &str) -> Self {
        let config = format!(
            "version: \"1\"\ndatabase:\n  environments:\n    \
             production: {{ url_env: DATABASE_URL, require_approval: {approval} }}\n"
        );
        let project = Project::new()
            .file("devflow.yml", config)
            .migration("1_a.sql", "CREATE TABLE a (b int);\n")
            .migration("2_b.sql", "CREATE TABLE b (b int);\n");
        Self {
            project,
            database: TestDatabase::create(),
        }
    }

    fn devflow(&self, arguments: &[&str]) -> Command {
        let command = self.project.devflow(&["db"]).args(arguments);
        command.env("DATABASE_URL", &self.database.url())
    }

    fn digest(&self) -> String {
        let plan = self.devflow(&["migrate", "--dry-run", "--json"]).run();
        let plan = plan.expect(0).json();
        plan["plan"]["digest"].as_str().unwrap().to_owned()
    }

    /// Runs in text and in JSON, and asserts that nothing was touched.
    fn assert_shut(&self, arguments: &[&str], code: &str) -> Outcome {
        let text = self.devflow(arguments).run().expect(7);
        let json = self.devflow(&[arguments, &["--json"]].concat()).run();
        assert_eq!(json.expect(7).json()["error"]["code"], code);
        assert!(self.database.ledger().is_empty());
        assert!(!self.database.has("a"));
        text
    }

    fn assert_applied(&self) {
        assert_eq!(self.database.events(), ["1 applied", "2 applied"]);
    }

    /// What the ledger says of the approval of each migration.
    fn recorded(&self, key: &str) -> Vec<Value> {
        let ledger = self.database.ledger().into_iter();
        ledger.map(|row| row.run[key].clone()).collect()
    }

    /// Starts a run on a terminal and waits for its question.
    fn asked(&self, arguments: &[&str]) -> Running {
        let running = self.devflow(arguments).env("USER", "ann");
        let running = running.spawn_on_terminal(100);
        running.wait_for_stdout("Apply 2 migrations?");
        running
    }
}

#[test]
fn nobody_is_there_to_approve() {
    let guarded = Guarded::by("true");
    for arguments in [&["migrate"][..], &["migrate", "--yes"]] {
        let said = guarded.assert_shut(arguments, "approval_required").stderr;
        assert!(
            said.contains("environment `production` needs an approval"),
            "{said}"
        );
        assert!(said.contains("--ci"), "{said}");
    }
    // Looking needs none.
    let _plan = guarded.digest();
    let _status = guarded.devflow(&["status"]).run().expect(0);
}

#[test]
fn a_protected_environment_of_the_platform_is_an_approval_and_its_actor_is_recorded() {
    let guarded = Guarded::by("true");
    let job = guarded
        .devflow(&["migrate", "--ci", "--json"])
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_ACTOR", "ann")
        .env("GITHUB_SERVER_URL", "https://github.example")
        .env("GITHUB_REPOSITORY", "owner/name")
        .env("GITHUB_RUN_ID", "42");
    let _done = job.run().expect(0);
    guarded.assert_applied();
    assert_eq!(guarded.recorded("actor"), ["ann", "ann"]);
    let run = "https://github.example/owner/name/actions/runs/42";
    assert_eq!(guarded.recorded("ci_run_url"), [run, run]);
    assert_eq!(guarded.recorded("approval"), ["platform", "platform"]);
    assert_eq!(
        guarded.recorded("environment"),
        ["production", "production"]
    );
    let status = guarded.devflow(&["status", "--json"]).run().json();
    assert_eq!(status["migrations"][0]["by"], "ann");
}

#[test]
fn only_the_approved_plan_opens_a_gate_of_plans() {
    let guarded = Guarded::by("plan");
    for arguments in [
        &["migrate"][..],
        &["migrate", "--ci"],
        &["migrate", "--ci", "--yes"],
    ] {
        let said = guarded.assert_shut(arguments, "approval_required").stderr;
        assert!(said.contains("--approve DIGEST"), "{said}");
    }
    let wrong = "0".repeat(64);
    let said = guarded.assert_shut(&["migrate", "--ci", "--approve", &wrong], "plan_changed");
    let digest = guarded.digest();
    assert!(said.stderr.contains(&digest), "{said:?}");
    let migrate = guarded.devflow(&["migrate", "--ci", "--approve", &digest]);
    let _done = migrate.run().expect(0);
    guarded.assert_applied();
    assert_eq!(guarded.recorded("approval"), ["digest", "digest"]);
}

#[test]
fn a_digest_that_is_none_is_a_usage_error() {
    let guarded = Guarded::by("plan");
    let outcome = guarded.devflow(&["migrate", "--approve", "abc"]).run();
    assert!(outcome.expect(2).stderr.contains("64 hex digits"));
}

#[test]
fn a_plan_that_another_run_changed_is_not_applied() {
    let guarded = Guarded::by("plan");
    let digest = guarded.digest();
    // Another runner, which is under no gate, applies the first one meanwhile.
    let other = guarded.project.devflow(&["db", "migrate", "--target", "1"]);
    guarded.project.write("open.yml", "version: \"1\"\n");
    let other = other.args(&["--config", "open.yml"]);
    let other = other.env("DATABASE_URL", &guarded.database.url()).run();
    let _done = other.expect(0);
    let late = guarded.devflow(&["migrate", "--ci", "--approve", &digest, "--json"]);
    let late = late.run().expect(7).json();
    assert_eq!(late["error"]["code"], "plan_changed");
    assert_eq!(
        late["plan"]["digest"].as_str(),
        Some(guarded.digest().as_str())
    );
    assert_eq!(late["pending"][0]["version"], "2");
    assert_eq!(guarded.database.events(), ["1 applied"]);
}

#[test]
fn a_file_that_was_added_after_the_dry_run_is_not_applied() {
    let guarded = Guarded::by("plan");
    let digest = guarded.digest();
    guarded
        .project
        .write("migrations/3_c.sql", "CREATE TABLE c (b int);\n");
    guarded.assert_shut(&["migrate", "--ci", "--approve", &digest], "plan_changed");
}

#[test]
fn a_person_types_the_name_of_the_environment() {
    let guarded = Guarded::by("true");
    let mut asked = guarded.asked(&["migrate"]);
    let shown = asked.stdout();
    assert!(
        shown.contains("1_a.sql") && shown.contains("2_b.sql"),
        "{shown}"
    );
    assert_eq!(
        guarded.database.advisory_locks(),
        0,
        "the lock was taken before the answer"
    );
    asked.type_line("production");
    let _done = asked.wait().expect(0);
    guarded.assert_applied();
    assert_eq!(guarded.recorded("actor"), ["ann", "ann"]);
    assert_eq!(guarded.recorded("approval"), ["terminal", "terminal"]);
}

#[test]
fn another_word_is_no_approval() {
    for (arguments, answer) in [
        (&["migrate"][..], "yes"),
        (&["migrate", "--yes"], "staging"),
    ] {
        let guarded = Guarded::by("true");
        let mut asked = guarded.asked(arguments);
        asked.type_line(answer);
        let declined = asked.wait().expect(7);
        assert!(
            declined.stdout.contains("not confirmed; nothing was done"),
            "{declined:?}"
        );
        assert!(guarded.database.ledger().is_empty());
    }
}

#[test]
fn a_plan_that_changed_while_the_person_read_it_is_not_applied() {
    let guarded = Guarded::by("true");
    let mut asked = guarded.asked(&["migrate"]);
    let other = guarded.devflow(&["migrate", "--ci", "--target", "1"]);
    let _done = other.run().expect(0);
    asked.type_line("production");
    let stopped = asked.wait().expect(7).stdout;
    assert!(stopped.contains("The plan is now"), "{stopped}");
    assert_eq!(guarded.database.events(), ["1 applied"]);
}

#[test]
fn an_ordinary_question_is_asked_on_a_terminal_only() {
    for (answer, code, applied) in [("n", 7, 0), ("", 7, 0), ("y", 0, 2)] {
        let guarded = Guarded::by("false");
        let mut asked = guarded.asked(&["migrate"]);
        assert!(asked.stdout().contains("[y/N]"));
        asked.type_line(answer);
        let _ended = asked.wait().expect(code);
        assert_eq!(guarded.database.events().len(), applied);
    }
    for arguments in [&["migrate", "--yes"][..], &["migrate", "--ci"]] {
        let guarded = Guarded::by("false");
        let running = guarded.devflow(arguments).spawn_on_terminal(100);
        let _done = running.wait().expect(0);
        guarded.assert_applied();
    }
    let guarded = Guarded::by("false");
    let _done = guarded.devflow(&["migrate"]).run().expect(0);
    guarded.assert_applied();
}

#[test]
fn ctrl_c_at_the_question_touches_nothing() {
    let guarded = Guarded::by("true");
    let asked = guarded.asked(&["migrate"]);
    asked.signal(support::Signal::INT);
    let _interrupted = asked.wait().expect(130);
    assert!(guarded.database.ledger().is_empty());
}
