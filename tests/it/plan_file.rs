//! A plan that is written, reviewed, and handed to the run that applies exactly that.

use serde_json::Value;
use support::{Command, Outcome, Project, Signal, TestDatabase, validate, wait_until};

const CONFIG: &str = "version: \"1\"\ndatabase:\n  environments:\n    \
    local: { url_env: DATABASE_URL }\n    \
    staging: { url_env: DATABASE_URL }\n    \
    production: { url_env: DATABASE_URL, require_approval: plan }\n";

struct Reviewed {
    project: Project,
    database: TestDatabase,
}

impl Reviewed {
    /// Three migrations, of which the last two are in a plan that was written to `plan.json`.
    fn new() -> Self {
        let project = Project::new()
            .file("devflow.yml", CONFIG)
            .migration("1_a.sql", "CREATE TABLE a (b int);\n")
            .migration("2_b.sql", "CREATE TABLE b (b int);\n")
            .migration("3_c.sql", "CREATE TABLE c (b int);\n");
        let database = TestDatabase::create();
        let reviewed = Self { project, database };
        let first = ["migrate", "--env", "local", "--target", "1"];
        let _done = reviewed.devflow(&first).run().expect(0);
        let plan = ["--dry-run", "--out", "plan.json"];
        let _written = reviewed.production(&plan).run().expect(0);
        reviewed
    }

    fn devflow(&self, arguments: &[&str]) -> Command {
        let command = self.project.devflow(&["db"]).args(arguments);
        let command = command.env("DATABASE_URL", &self.database.url());
        command.env("GITHUB_ACTOR", "ann")
    }

    fn production(&self, arguments: &[&str]) -> Command {
        let migrate = self.devflow(&["migrate", "--env", "production", "--ci"]);
        migrate.args(arguments)
    }

    fn plan(&self) -> Value {
        serde_json::from_str(&self.project.read("plan.json")).unwrap()
    }

    fn apply(&self) -> Outcome {
        self.production(&["--plan", "plan.json", "--json"]).run()
    }

    /// Asserts that the plan is refused, that nothing is applied, and that the differences are these.
    fn assert_refused(&self, kinds: &[&str], named: &[&str]) {
        let events = self.database.events();
        let json = self.apply().expect(7).json();
        assert_eq!(json["error"]["code"], "plan_changed");
        validate("output.schema.json", &json);
        let differences = json["error"]["differences"].as_array().unwrap();
        let found: Vec<_> = differences
            .iter()
            .map(|it| it["code"].as_str().unwrap())
            .collect();
        assert_eq!(found, kinds, "{differences:#?}");
        let text = self.production(&["--plan", "plan.json"]).run().expect(7);
        for name in named {
            assert!(text.stderr.contains(name), "{name}: {}", text.stderr);
        }
        assert_eq!(self.database.events(), events);
    }
}

#[test]
fn the_same_plan_applies_once_and_a_job_that_runs_again_is_told_so() {
    let reviewed = Reviewed::new();
    let plan = reviewed.plan();
    validate("plan.schema.json", &plan);
    let secret = reviewed.database.url();
    assert!(!reviewed.project.read("plan.json").contains(&secret));
    let digest = plan["digest"].as_str().unwrap();
    let done = reviewed.apply().expect(0).json();
    assert_eq!(done["applied"].as_array().unwrap().len(), 2);
    let row = reviewed.database.ledger().pop().unwrap();
    for (key, value) in [
        ("approval", "plan"),
        ("plan", digest),
        ("actor", "ann"),
        ("environment", "production"),
    ] {
        assert_eq!(row.run[key], value, "{key}");
    }
    for again in [&["--plan", "plan.json"], &["--approve", digest]] {
        let said = reviewed.production(again).run().expect(7).stderr;
        assert!(
            said.contains("this plan was carried out already by ann, at 20"),
            "{said}"
        );
    }
    let shown = reviewed.devflow(&["show", "3"]).run().expect(0).stdout;
    assert!(
        shown.contains("approval plan") && shown.contains(digest),
        "{shown}"
    );
}

#[test]
fn what_differs_from_the_plan_is_named() {
    let reviewed = Reviewed::new();
    let write = |file: &str, sql: &str| reviewed.project.write(&format!("migrations/{file}"), sql);
    let read = |file: &str| reviewed.project.read(&format!("migrations/{file}"));
    let (second, third) = (read("2_b.sql"), read("3_c.sql"));

    write("2_b.sql", "CREATE TABLE b (b bigint);\n");
    reviewed.assert_refused(&["edited"], &["≠ 2_b.sql was edited: its checksum was "]);
    write("2_b.sql", &format!("-- devflow: no-transaction\n{second}"));
    reviewed.assert_refused(&["edited"], &["≠ 2_b.sql was edited"]);
    write("2_b.sql", &second);

    write("4_d.sql", "SELECT 1;\n");
    reviewed.assert_refused(&["added"], &["≠ 4_d.sql was not part of it"]);
    reviewed.project.remove("migrations/4_d.sql");

    write("2_b.sql", &third);
    write("3_c.sql", &second);
    let texts = ["≠ 2_b.sql was edited", "≠ 3_c.sql was edited"];
    reviewed.assert_refused(&["edited", "edited"], &texts);
    write("3_c.sql", &third);
    reviewed.project.remove("migrations/2_b.sql");
    write("4_b.sql", &second);
    reviewed.assert_refused(&["renamed"], &["≠ 2_b.sql is called 4_b.sql now"]);
    reviewed.project.remove("migrations/4_b.sql");
    write("2_b.sql", &second);

    reviewed.project.remove("migrations/3_c.sql");
    reviewed.assert_refused(&["removed"], &["≠ 3_c.sql is not to be applied any more"]);
    write("3_c.sql", &third);

    let config = reviewed.project.read("devflow.yml");
    let lenient = "database:\n  migrations: { ahead: warn, tracking_schema: other }\n";
    let changed = config.replace("database:\n", lenient);
    reviewed.project.write("devflow.yml", changed);
    let policy = "ahead: approved for refuse, found warn";
    let table = "ledger: approved for public.schema_migrations, found other.schema_migrations";
    let kinds = ["setting", "setting", "added", "ledger_lost_rows"];
    reviewed.assert_refused(&kinds, &[policy, table]);
    reviewed.project.write("devflow.yml", config);

    let staging = ["migrate", "--env", "staging", "--ci", "--plan", "plan.json"];
    let said = reviewed.devflow(&staging).run().expect(7).stderr;
    let environment = "environment: approved for production, found staging";
    assert!(said.contains(environment), "{said}");

    let other = TestDatabase::create();
    let elsewhere = reviewed.production(&["--plan", "plan.json"]);
    let elsewhere = elsewhere.env("DATABASE_URL", &other.url()).run();
    let said = elsewhere.expect(7).stderr;
    let database = format!(
        "database: approved for {}, found {}",
        reviewed.database.name(),
        other.name()
    );
    assert!(said.contains(&database), "{said}");

    let revert = [
        "revert",
        "--env",
        "production",
        "--ci",
        "--plan",
        "plan.json",
    ];
    write("1_a.up.sql", &read("1_a.sql"));
    write("1_a.down.sql", "DROP TABLE a;\n");
    reviewed.project.remove("migrations/1_a.sql");
    let said = reviewed.devflow(&revert).run().expect(7).stderr;
    assert!(
        said.contains("plan: approved for devflow plan 1, found devflow revert 1"),
        "{said}"
    );
}

#[test]
fn another_runner_between_review_and_apply_is_named() {
    let reviewed = Reviewed::new();
    let other = ["migrate", "--env", "local", "--target", "2"];
    let _done = reviewed.devflow(&other).env("USER", "bob").run().expect(0);
    reviewed.assert_refused(
        &["done"],
        &[
            "≠ 2_b.sql was applied in between, at 20",
            " by ",
            "The plan is now:",
        ],
    );
}

#[test]
fn a_plan_that_was_cut_short_is_not_said_to_be_carried_out() {
    let reviewed = Reviewed::new();
    reviewed.database.execute("CREATE TABLE c ()");
    let _failed = reviewed.apply().expect(1);
    reviewed.assert_refused(
        &["done", "recorded"],
        &[
            "≠ 2_b.sql was applied in between, at 20",
            "≠ version 3 failed in between, at 20",
        ],
    );

    // Without the one that was cut off nothing is pending, and still half of the plan was never carried out.
    let reviewed = Reviewed::new();
    reviewed
        .project
        .write("migrations/3_c.sql", "SELECT pg_sleep(99);\n");
    let plan = ["--dry-run", "--out", "plan.json"];
    let _written = reviewed.production(&plan).run().expect(0);
    let running = reviewed.production(&["--plan", "plan.json"]).spawn();
    wait_until("3_c.sql runs", || reviewed.database.events().len() == 2);
    running.signal(Signal::KILL);
    let _killed = running.wait();
    reviewed.database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    let is_free = || reviewed.database.advisory_locks() == 0;
    wait_until("the killed run's lock is free", is_free);
    reviewed.project.remove("migrations/3_c.sql");
    reviewed.assert_refused(
        &["done", "removed"],
        &["≠ 3_c.sql is not to be applied any more"],
    );
}

#[test]
fn a_file_that_is_no_plan_is_refused_before_anything_connects() {
    let reviewed = Reviewed::new();
    let plan = reviewed.project.read("plan.json");
    let digest = reviewed.plan()["digest"].as_str().unwrap().to_owned();
    let edited = plan.replace("2_b.sql", "2_x.sql");
    for (text, exit, code) in [
        ("", 2, "plan_file_damaged"),
        ("{}", 2, "plan_file_damaged"),
        (
            &plan.replace("\"plan\": 1", "\"plan\": 2"),
            2,
            "plan_file_version",
        ),
        (
            &plan.replace("\"ahead\": \"refuse\"", "\"ahead\": \"warn\""),
            7,
            "plan_file_edited",
        ),
        (&edited, 7, "plan_file_edited"),
    ] {
        reviewed.project.write("plan.json", text);
        let unreached = reviewed.production(&["--plan", "plan.json", "--json"]);
        let unreached = unreached.env("DATABASE_URL", "postgres://127.0.0.1:9/x");
        let json = unreached.run().expect(exit).json();
        assert_eq!(json["error"]["code"], code, "{text}");
    }
    reviewed.project.write("plan.json", &plan);
    let gone = reviewed.production(&["--plan", "gone.json", "--json"]);
    assert_eq!(
        gone.run().expect(2).json()["error"]["code"],
        "plan_file_unreadable"
    );
    let mkfifo = reviewed.project.command("mkfifo".as_ref());
    let _made = mkfifo.args(&["pipe"]).run().expect(0);
    let piped = reviewed.production(&["--plan", "pipe", "--json"]).run();
    let json = piped.expect(2).json();
    assert_eq!(json["error"]["code"], "plan_file_unreadable");
    let piped = reviewed.devflow(&["status", "--json", "--env", "local", "--binary", "pipe"]);
    let json = piped.run().expect(2).json();
    assert!(json.to_string().contains("binary_unreadable"), "{json:#}");
    let both = ["--plan", "plan.json", "--json", "--approve"];
    let wrong = reviewed.production(&both).args(&[&"0".repeat(64)]).run();
    assert_eq!(
        wrong.expect(7).json()["error"]["code"],
        "approvals_disagree"
    );
    let unwritten = ["--dry-run", "--out", "no/plan.json", "--json"];
    let unwritten = reviewed.production(&unwritten).run().expect(8).json();
    assert_eq!(unwritten["error"]["code"], "plan_not_written");
    let _agreed = reviewed.production(&both).args(&[&digest]).run().expect(0);
}

#[test]
fn a_database_under_approval_is_not_changed_under_an_environment_without_it() {
    let reviewed = Reviewed::new();
    let _done = reviewed.apply().expect(0);
    let row = reviewed.database.ledger().pop().unwrap();
    assert_eq!(row.run["approval_required"], true);
    assert_eq!(row.run["database"], reviewed.database.name());
    let file = "migrations/4_d.sql";
    reviewed.project.write(file, "CREATE TABLE d (b int);\n");
    for command in [
        &["migrate"][..],
        &["baseline", "4"],
        &["repair", "--not-applied", "3", "--yes"],
    ] {
        for environment in ["local", "staging"] {
            let run = reviewed
                .devflow(command)
                .args(&["--ci", "--env", environment]);
            let said = run.run().expect(7).stderr;
            for part in [
                "environment `production`",
                "by ann",
                &format!("`{environment}`"),
            ] {
                assert!(said.contains(part), "{part}: {said}");
            }
        }
    }
    assert_eq!(reviewed.database.events().len(), 3);
    let look = reviewed.devflow(&["migrate", "--dry-run", "--env", "staging"]);
    let said = look.run().expect(0).stderr;
    assert!(said.contains("a run would be refused"), "{said}");
    let status = reviewed.devflow(&["status", "--env", "staging"]).run();
    assert!(status.expect(0).stderr.contains("a run would be refused"));

    // A copy under another name is another database.
    let copy = format!("{}_copy", reviewed.database.name());
    let template = reviewed.database.name();
    let create = format!("CREATE DATABASE {copy} TEMPLATE {template}");
    let server = TestDatabase::create();
    server.execute(&create);
    let url = reviewed.database.url().replace(template, &copy);
    let run = reviewed.devflow(&["migrate", "--env", "staging", "--ci"]);
    let done = run.env("DATABASE_URL", &url).run();
    server.execute(&format!("DROP DATABASE {copy} WITH (FORCE)"));
    let _done = done.expect(0);

    // Who takes the requirement away does so where everybody can read it.
    let config = reviewed.project.read("devflow.yml");
    let config = config.replace(", require_approval: plan", "");
    reviewed.project.write("devflow.yml", config);
    let _done = reviewed.production(&[]).run().expect(0);
}
