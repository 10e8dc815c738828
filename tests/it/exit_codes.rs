//! Every exit code of the documented table, provoked.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use support::{Command, Outcome, Project, Signal, TestDatabase, wait_until};

const TABLE: &str = "CREATE TABLE a (b int);\n";

/// A project with one migration and a fresh database.
struct Scene {
    project: Project,
    database: TestDatabase,
}

impl Scene {
    fn new(sql: &str) -> Self {
        Self {
            project: Project::new().migration("1_a.sql", sql),
            database: TestDatabase::create(),
        }
    }

    fn devflow(&self, words: &str, format: &[&str]) -> Command {
        let words: Vec<_> = words.split(' ').collect();
        let command = self.project.devflow(&words).args(format);
        command.env("DATABASE_URL", &self.database.url())
    }
}

fn done(format: &[&str]) -> Outcome {
    let scene = Scene::new(TABLE);
    let pending = scene.devflow("db status", format).run();
    assert_eq!(pending.code, 0, "`status` with a pending migration");
    let planned = scene.devflow("db migrate --dry-run", format).run();
    assert_eq!(planned.code, 0, "a dry run with a pending migration");
    let done = scene.devflow("db migrate", format).run();
    let nothing = scene.devflow("db migrate", format).run();
    assert_eq!(nothing.code, done.code);
    done
}

fn migration_failed(format: &[&str]) -> Outcome {
    let scene = Scene::new("SELECT 1 / 0;\n");
    let outcome = scene.devflow("db migrate", format).run();
    assert_eq!(scene.database.events(), ["1 failed"]);
    outcome
}

fn bad_file(format: &[&str]) -> Outcome {
    Scene::new("COMMIT;\n").devflow("db migrate", format).run()
}

fn pending(format: &[&str]) -> Outcome {
    Scene::new(TABLE).devflow("db status --check", format).run()
}

fn refused(format: &[&str]) -> Outcome {
    let scene = Scene::new(TABLE);
    let _done = scene.devflow("db migrate", &[]).run().expect(0);
    scene.project.write("migrations/1_a.sql", "SELECT 1;\n");
    // It wins over what is pending.
    scene.project.write("migrations/2_b.sql", "SELECT 2;\n");
    scene.devflow("db status --check", format).run()
}

fn lock_timeout(format: &[&str]) -> Outcome {
    let scene = Scene::new("SELECT pg_sleep(60);\n");
    scene.project.write(
        "devflow.yml",
        "version: \"1\"\ndatabase: { migrations: { lock_wait: 0s } }\n",
    );
    let holder = scene.devflow("db migrate", &[]).spawn();
    wait_until_it_sleeps(&scene.database);
    let outcome = scene.devflow("db migrate", format).run();
    holder.signal(Signal::TERM);
    let _interrupted = holder.wait().expect(143);
    outcome
}

fn cannot_connect(format: &[&str]) -> Outcome {
    let project = Project::new().migration("1_a.sql", TABLE).file(
        "devflow.yml",
        "version: \"1\"\ndatabase: { migrations: { connect_budget: 0s } }\n",
    );
    let migrate = project.devflow(&["db", "migrate"]).args(format);
    let nowhere = "postgres://ann:hunter2@127.0.0.1:1/db";
    migrate.env("DATABASE_URL", nowhere).run()
}

fn approval_missing(format: &[&str]) -> Outcome {
    let scene = Scene::new(TABLE);
    let config = "version: \"1\"\ndatabase:\n  environments:\n    \
                  production: { url_env: DATABASE_URL, require_approval: plan }\n";
    scene.project.write("devflow.yml", config);
    let outcome = scene.devflow("db migrate --ci", format).run();
    assert!(!scene.database.has("a"));
    outcome
}

fn not_written(format: &[&str]) -> Outcome {
    let scene = Scene::new(TABLE);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let outcome = scene.devflow("db migrate", format).stdout_to(full).run();
    assert!(
        outcome.stderr.contains("the output could not be written"),
        "{outcome:?}"
    );
    assert_eq!(scene.database.events(), ["1 applied"]);
    outcome
}

fn interrupted(signal: Signal, format: &[&str]) -> Outcome {
    let scene = Scene::new(&format!("{TABLE}SELECT pg_sleep(60);\n"));
    let running = scene.devflow("db migrate", format).spawn();
    wait_until_it_sleeps(&scene.database);
    running.signal(signal);
    let outcome = running.wait();
    assert_eq!(scene.database.events(), ["1 failed"]);
    assert!(!scene.database.has("a"));
    wait_until("the session is gone", || scene.database.sessions() == 0);
    outcome
}

fn wait_until_it_sleeps(database: &TestDatabase) {
    let sleeping = "SELECT count(*) FROM pg_stat_activity \
                    WHERE datname = current_database() AND wait_event = 'PgSleep'";
    wait_until("the migration sleeps", || database.value(sleeping) == "1");
}

type Provoke = fn(&[&str]) -> Outcome;

const PROVOKED: [(i32, Provoke); 12] = [
    (0, done),
    (1, migration_failed),
    (2, bad_file),
    (3, pending),
    (4, refused),
    (5, lock_timeout),
    (6, cannot_connect),
    (7, approval_missing),
    (8, not_written),
    (129, |format| interrupted(Signal::HUP, format)),
    (130, |format| interrupted(Signal::INT, format)),
    (143, |format| interrupted(Signal::TERM, format)),
];

/// The codes that a page's table lists, each with its words.
fn documented(page: &str) -> BTreeMap<i32, String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page);
    let page = fs::read_to_string(page).unwrap();
    let (_, rest) = page.split_once("## Exit codes").unwrap();
    let (section, _) = rest.split_once("\n## ").unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| "));
    rows.filter_map(|row| row.split_once(" | "))
        .filter(|(codes, _)| codes.starts_with(|first: char| first.is_ascii_digit()))
        .flat_map(|(codes, words)| {
            let words = words.trim_end_matches(" |");
            codes
                .split(", ")
                .map(|code| (code.parse().unwrap(), words.to_owned()))
        })
        .collect()
}

#[test]
fn the_pages_agree_about_the_codes() {
    assert_eq!(documented("README.md"), documented("docs/cli.md"));
}

#[test]
fn the_documented_codes_are_those_that_are_provoked() {
    let documented: Vec<_> = documented("docs/cli.md").into_keys().collect();
    let provoked: Vec<_> = PROVOKED.iter().map(|(code, _)| *code).collect();
    assert_eq!(documented, provoked);
}

#[test]
fn help_lists_the_documented_codes() {
    let help = Project::new().devflow(&["--help"]).run().expect(0).stdout;
    let (_, list) = help.split_once("Exit codes:").unwrap();
    for code in documented("docs/cli.md").into_keys() {
        let is_listed = |line: &str| {
            let mut words = line.split([' ', ',']).filter(|word| !word.is_empty());
            words.any(|word| word == code.to_string())
        };
        assert!(list.lines().any(is_listed), "{code} in {help}");
    }
}

fn assert_provoked(codes: std::ops::RangeInclusive<i32>) {
    for (code, provoke) in PROVOKED.iter().filter(|(code, _)| codes.contains(code)) {
        let text = provoke(&[]);
        assert_eq!(text.code, *code, "{text:?}");
        if *code != 0 {
            assert!(text.stderr.contains("error: "), "{text:?}");
        }
        let json = provoke(&["--json"]);
        assert_eq!(json.code, *code, "{json:?}");
        if *code != 8 {
            assert_eq!(json.json()["ok"], *code == 0);
        }
    }
}

#[test]
fn each_code_up_to_4_is_provoked() {
    assert_provoked(0..=4);
}

#[test]
fn each_code_from_5_to_8_is_provoked() {
    assert_provoked(5..=8);
}

#[test]
fn each_code_of_a_signal_is_provoked() {
    assert_provoked(9..=255);
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    let scene = Scene::new("SELECT pg_sleep(60);\n");
    let mut server_is_silent = scene.devflow("db migrate", &[]).spawn();
    wait_until_it_sleeps(&scene.database);
    server_is_silent.signal(Signal::TERM);
    server_is_silent.signal(Signal::INT);
    wait_until("it ends", || server_is_silent.has_ended());
    let code = server_is_silent.wait().code;
    assert!([130, 143].contains(&code), "{code}");
    wait_until("the session is gone", || scene.database.sessions() == 0);
    assert!(
        scene
            .database
            .events()
            .iter()
            .all(|event| event == "1 failed")
    );
}

#[test]
fn a_reader_who_left_never_ends_a_run() {
    let scene = Scene::new(TABLE);
    for number in 2..=20 {
        let sql = format!(
            "DO $$ BEGIN RAISE NOTICE 'n{number}'; END $$;\nCREATE TABLE t{number} (a int);\n"
        );
        scene
            .project
            .write(&format!("migrations/{number}_t.sql"), sql);
    }
    let (out, out_end) = std::io::pipe().unwrap();
    let (err, err_end) = std::io::pipe().unwrap();
    drop((out, err));
    let migrate = scene.devflow("db migrate", &[]);
    let outcome = migrate.stdout_to(out_end).stderr_to(err_end).run();
    assert_eq!(outcome.code, 0);
    assert_eq!(scene.database.events().len(), 20);
    assert!(scene.database.has("t20"));
}

#[test]
fn talk_that_cannot_be_written_never_ends_a_run() {
    let scene = Scene::new(TABLE);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let migrate = scene.devflow("db migrate", &["--json"]);
    let done = migrate.stderr_to(full).run().expect(0).json();
    assert_eq!(done["applied"][0]["version"], "1");
}
