//! Texts that others wrote and that would like to steer a terminal or a CI runner.
//!
//! That no output holds a control character, nor anything that a runner would obey, nor a password, is checked by the
//! support for each run of devflow, here and in every other file.

use support::{Command, Outcome, Project, TestDatabase};

/// Everything that steers something: a terminal, a log, a runner.
const HOSTILE: &str =
    "\u{1b}[31mred\u{9b}0m\r\n::error file=x::boo\n::add-mask::a\n##[error]boo \u{202e}x";

/// The same as a string constant of PostgreSQL.
fn literal() -> String {
    let escaped: String = HOSTILE
        .chars()
        .map(|c| match c {
            c if c.is_control() || !c.is_ascii() => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        })
        .collect();
    format!("E'{escaped}'")
}

struct Scene {
    project: Project,
    database: TestDatabase,
}

impl Scene {
    fn new(project: Project) -> Self {
        Self {
            project,
            database: TestDatabase::create(),
        }
    }

    fn devflow(&self, arguments: &[&str]) -> Command {
        let command = self.project.devflow(&["db"]).args(arguments);
        command.env("DATABASE_URL", &self.database.url())
    }

    /// Runs on a workstation and in a job, in text and in JSON.
    fn everywhere(&self, arguments: &[&str], code: i32) -> [Outcome; 4] {
        let run = |more: &[&str], variable: &str| {
            let command = self.devflow(arguments).args(more);
            command.env(variable, "true").run().expect(code)
        };
        [
            run(&[], "SOMEWHERE"),
            run(&["--json"], "SOMEWHERE"),
            run(&["--ci"], "GITHUB_ACTIONS"),
            run(&["--ci", "--json"], "GITHUB_ACTIONS"),
        ]
    }
}

fn raise(level: &str) -> String {
    let text = literal();
    format!(
        "DO $x$ BEGIN RAISE {level} USING MESSAGE = {text}, HINT = {text}, DETAIL = {text}; END $x$;\n"
    )
}

#[test]
fn notices_are_made_harmless() {
    for (variable, more) in [
        ("SOMEWHERE", &["migrate"][..]),
        ("GITHUB_ACTIONS", &["migrate", "--ci"]),
    ] {
        for format in [&[][..], &["--json"]] {
            let sql = raise("NOTICE") + &raise("WARNING");
            let scene = Scene::new(Project::new().migration("1_a.sql", &sql));
            let migrate = scene.devflow(more).args(format).env(variable, "true");
            let done = migrate.run().expect(0);
            let said = done.stdout.clone() + &done.stderr;
            assert!(said.contains("boo"), "{done:?}");
            if variable == "GITHUB_ACTIONS" && format.is_empty() {
                assert!(done.stdout.starts_with("::stop-commands::"), "{done:?}");
            }
            if !format.is_empty() {
                let json = done.json();
                let notice = json["applied"][0]["notices"][0]["message"].as_str();
                assert_eq!(
                    notice,
                    Some(HOSTILE),
                    "a program gets the message as it came"
                );
            }
        }
    }
}

#[test]
fn messages_of_a_failure_are_made_harmless() {
    let scene = Scene::new(Project::new().migration("1_a.sql", &raise("EXCEPTION")));
    let [text, json, job, _] = scene.everywhere(&["migrate"], 1);
    assert!(text.stderr.contains("\\u{1b}[31mred"), "{text:?}");
    assert!(job.stderr.contains("::stop-commands::"), "{job:?}");
    assert_eq!(json.json()["failure"]["message"].as_str(), Some(HOSTILE));
    // The ledger has the message too, and shows it.
    let [text, ..] = scene.everywhere(&["status"], 0);
    assert!(text.stdout.contains("\\u{1b}[31mred"), "{text:?}");
}

#[test]
fn lines_of_sql_are_made_harmless() {
    let hostile = HOSTILE.replace('\n', " ");
    for (sql, code) in [
        (format!("SELECT nothing, '{hostile}';\n"), 1),
        (format!("SELECT '{hostile}' FROM FROM;\n"), 2),
        (format!("COMMIT /* {hostile} */;\n"), 2),
        (format!("\\i {hostile}\n"), 2),
        (format!("-- devflow: {hostile}\n"), 2),
    ] {
        let scene = Scene::new(Project::new().migration("1_a.sql", &sql));
        let [text, ..] = scene.everywhere(&["migrate"], code);
        assert!(text.stderr.contains("\\u{1b}[31mred"), "{text:?}");
    }
}

#[test]
fn file_names_are_made_harmless() {
    let name = HOSTILE.replace("::error file=x::boo", "::error::boo");
    let name = format!("1_{name}.sql");
    let scene = Scene::new(Project::new().migration(&name, "CREATE TABLE a (b int);\n"));
    let [plan, ..] = scene.everywhere(&["migrate", "--dry-run"], 0);
    assert!(plan.stdout.contains("\\u{1b}[31mred"), "{plan:?}");
    let _first_of_these_applies = scene.everywhere(&["migrate"], 0);
    let _states = scene.everywhere(&["status"], 0);
    scene.project.remove(&format!("migrations/{name}"));
    scene.project.write("migrations/2_b.sql", "");
    let _missing = scene.everywhere(&["migrate"], 4);
    let bad = HOSTILE.replace('\n', " ") + ".sql";
    scene.project.write(&format!("migrations/{bad}"), "");
    let _misnamed = scene.everywhere(&["migrate"], 2);
}

#[test]
fn a_ledger_that_others_wrote_to_is_made_harmless() {
    let scene = Scene::new(Project::new().migration("1_a.sql", ""));
    let _done = scene.devflow(&["migrate"]).run().expect(0);
    let text = literal();
    scene.database.execute(&format!(
        "INSERT INTO schema_migrations (version, seq, event, name, checksum, run, error, at) VALUES \
         ('2', 1, 'applied', {text}, {text}, jsonb_build_object('actor', {text}), NULL, now()), \
         ('3', 1, 'failed', {text}, {text}, NULL, jsonb_build_object('message', {text}), now()), \
         ({text}, 1, 'applied', 'x', 'x', NULL, NULL, now()), \
         ('4', 1, {text}, 'x', 'x', NULL, NULL, now())"
    ));
    let _seen = scene.everywhere(&["status"], 4);
    let _refused = scene.everywhere(&["migrate"], 4);
}

#[test]
fn names_in_devflow_yml_and_arguments_are_made_harmless() {
    let hostile = HOSTILE.replace('\n', " ");
    let scene = Scene::new(Project::new().migration("1_a.sql", ""));
    let _unknown = scene.everywhere(&["status", "--env", &hostile], 2);
    let _usage = scene.everywhere(&["status", &format!("--{hostile}")], 2);
    let _variable = scene.everywhere(&["status", "--url-env", &hostile], 2);
    let _config = scene.everywhere(&["status", "--config", &hostile], 2);
    scene.project.write(
        "devflow.yml",
        "version: \"1\"\ndatabase:\n  ::error::boo ##[error]x: y\n  environments: { \"::error::x\": {} }\n",
    );
    let _keys = scene.everywhere(&["status"], 2);
}

#[test]
fn a_password_is_never_written() {
    let database = TestDatabase::create();
    let role = database.role_with_password("deploy", "SUPERUSER");
    let project = Project::new()
        .migration("1_a.sql", "CREATE TABLE a (b int);\n")
        .migration(
            "2_b.sql",
            "SELECT current_setting('application_name'), 1 / 0;\n",
        );
    // The support fails a run that writes the password of any variable, as it is or decoded.
    for arguments in [
        &["db", "migrate", "--dry-run"][..],
        &["db", "migrate"],
        &["db", "status"],
        &["db", "migrate", "--ci", "--json"],
    ] {
        for url in [
            database.url_as(&role),
            wrong_password(&database.url_as(&role)),
        ] {
            let outcome = project.devflow(arguments).env("DATABASE_URL", &url).run();
            assert_ne!(outcome.code, 2, "{outcome:?}");
        }
    }
    let names = database.column("SELECT run::text FROM schema_migrations");
    assert!(
        names.iter().all(|run| !run.contains("secret-of")),
        "{names:?}"
    );
}

fn wrong_password(url: &str) -> String {
    url.replace("secret-of", "gu%65ss-%40%3A")
}
