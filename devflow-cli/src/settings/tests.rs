//! Flags, devflow.yml and environment variables, as a table.

use super::*;
use crate::args;
use crate::surroundings::Terminal;
use devflow_migrations::Approval;
use devflow_runtime::{Ahead, TableName};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

const SEVERAL: &str = r#"
version: "1"
project:
  name: shop
database:
  migrations:
    directory: sql/migrations
    tracking_schema: ops
    tracking_table: ledger
    ahead: warn
  environments:
    local: { url_env: LOCAL_URL }
    staging: { url_env: STAGING_URL, direct_url_env: STAGING_DIRECT_URL }
    production: { url_env: PRODUCTION_URL, require_approval: true }
    guarded: { url_env: PRODUCTION_URL, require_approval: plan }
"#;

const ONE: &str = r#"
version: "1"
database:
  migrations: { directory: sql/migrations }
  environments:
    production: { url_env: PRODUCTION_URL }
"#;

const NONE: &str = "version: \"1\"\ndatabase:\n  migrations: { directory: sql/migrations }\n";

const WITHOUT_LOCAL: &str = r#"
version: "1"
database:
  migrations: { directory: sql/migrations }
  environments:
    staging: { url_env: STAGING_URL }
    production: { url_env: PRODUCTION_URL }
"#;

/// A folder with an optional devflow.yml and a migrations directory, and variables.
fn surroundings(folder: &Path, config: Option<&str>, variables: &[(&str, &str)]) -> Surroundings {
    fs::create_dir_all(folder.join("sql/migrations")).unwrap();
    // The search for devflow.yml ends at the repository's root.
    fs::create_dir_all(folder.join(".git")).unwrap();
    if let Some(config) = config {
        fs::write(folder.join("devflow.yml"), config).unwrap();
    }
    let variables = variables.iter();
    let variables: BTreeMap<_, _> = variables
        .map(|(name, value)| (OsString::from(name), OsString::from(value)))
        .collect();
    Surroundings {
        variables,
        directory: folder.to_owned(),
        home: None,
        terminal: Terminal::default(),
    }
}

fn settle(arguments: &str, surroundings: &Surroundings) -> Result<Settings, Trouble> {
    let argv = format!("devflow {arguments}");
    let argv: Vec<_> = argv.split_whitespace().map(OsString::from).collect();
    resolve(args::parse(&argv).unwrap(), surroundings)
}

fn database(
    arguments: &str,
    config: Option<&str>,
    variables: &[(&str, &str)],
) -> Result<Database, Trouble> {
    let folder = tempfile::tempdir().unwrap();
    match settle(arguments, &surroundings(folder.path(), config, variables))? {
        Settings::Migrate(migrate) => Ok(migrate.change.database),
        Settings::Status(status) => Ok(status.database),
        other => panic!("{other:?}"),
    }
}

/// Arguments, devflow.yml, variables; then the environment and the URL.
type Chosen = (
    &'static str,
    Option<&'static str>,
    &'static [(&'static str, &'static str)],
    Option<&'static str>,
    &'static str,
);

#[test]
fn the_environment_names_the_variable() {
    const ALL: &[(&str, &str)] = &[
        ("DATABASE_URL", "default"),
        ("LOCAL_URL", "local"),
        ("STAGING_URL", "staging"),
        ("PRODUCTION_URL", "production"),
        ("OTHER", "other"),
    ];
    const DIRECT: &[(&str, &str)] = &[("STAGING_URL", "staging"), ("STAGING_DIRECT_URL", "direct")];
    const EMPTY: &[(&str, &str)] = &[("STAGING_URL", "staging"), ("STAGING_DIRECT_URL", "")];
    let table: &[Chosen] = &[
        ("db migrate", None, ALL, None, "default"),
        ("db migrate --url-env OTHER", None, ALL, None, "other"),
        ("db migrate", Some(NONE), ALL, None, "default"),
        (
            "db migrate",
            Some(ONE),
            ALL,
            Some("production"),
            "production",
        ),
        ("db migrate", Some(SEVERAL), ALL, Some("local"), "local"),
        (
            "db status --env staging",
            Some(SEVERAL),
            ALL,
            Some("staging"),
            "staging",
        ),
        (
            "db status --env staging",
            Some(SEVERAL),
            DIRECT,
            Some("staging"),
            "direct",
        ),
        (
            "db status --env staging",
            Some(SEVERAL),
            EMPTY,
            Some("staging"),
            "staging",
        ),
        (
            "db status --env staging --url-env OTHER",
            Some(SEVERAL),
            ALL,
            Some("staging"),
            "other",
        ),
        (
            "db migrate --config devflow.yml --env staging",
            Some(SEVERAL),
            ALL,
            Some("staging"),
            "staging",
        ),
    ];
    for (arguments, config, variables, environment, url) in table {
        let found = database(arguments, *config, variables).unwrap();
        assert_eq!(found.environment.as_deref(), *environment, "{arguments}");
        assert_eq!(found.url.expose(), *url, "{arguments}");
    }
}

/// Arguments, devflow.yml, variables; then the code and words of the message or the help.
type Refused = (
    &'static str,
    Option<&'static str>,
    &'static [(&'static str, &'static str)],
    &'static str,
    &'static [&'static str],
);

#[test]
fn what_cannot_be_settled_is_named() {
    let table: &[Refused] = &[
        (
            "db migrate",
            None,
            &[],
            "url_not_set",
            &["DATABASE_URL", "is not set", "no devflow.yml"],
        ),
        (
            "db migrate",
            Some(SEVERAL),
            &[("LOCAL_URL", "")],
            "url_not_set",
            &["LOCAL_URL", "is empty", "`local`"],
        ),
        (
            "db migrate --url-env NOPE",
            Some(ONE),
            &[],
            "url_not_set",
            &["NOPE", "--url-env"],
        ),
        (
            "db migrate",
            Some(WITHOUT_LOCAL),
            &[],
            "environment_needed",
            &["staging, production"],
        ),
        (
            "db migrate --env stagign",
            Some(SEVERAL),
            &[],
            "unknown_environment",
            &["did you mean \"staging\"", "local, staging"],
        ),
        (
            "db migrate --env x",
            Some(SEVERAL),
            &[],
            "unknown_environment",
            &["it has local, staging, production"],
        ),
        (
            "db migrate --env x",
            Some(NONE),
            &[],
            "unknown_environment",
            &["it has none"],
        ),
        (
            "db migrate --env x",
            None,
            &[],
            "unknown_environment",
            &["devflow init"],
        ),
        (
            "db status",
            Some("version: \"1\"\ndatabase: 3\n"),
            &[],
            "source",
            &["nothing was touched"],
        ),
        (
            "db status --config nowhere.yml",
            None,
            &[],
            "source",
            &["nothing was touched"],
        ),
    ];
    for (arguments, config, variables, code, words) in table {
        let trouble = database(arguments, *config, variables).unwrap_err();
        assert_eq!(trouble.code, *code, "{arguments}: {trouble:?}");
        let text = format!("{} {}", trouble.message, trouble.help.unwrap_or_default());
        for word in *words {
            assert!(text.contains(word), "{arguments}: {text} lacks {word}");
        }
    }
}

#[test]
fn devflow_yml_says_what_the_ledger_is() {
    let found = database("db migrate", Some(SEVERAL), &[("LOCAL_URL", "x")]).unwrap();
    assert_eq!(found.table, TableName::new("ops", "ledger").unwrap());
    assert_eq!(found.policies.ahead, Some(Ahead::Warn));
    assert_eq!(found.application.as_deref(), Some("shop"));
    assert_eq!(found.shown, "sql/migrations");
    assert!(found.directory.ends_with("sql/migrations"));
    assert_eq!(found.remarks, Vec::<String>::new());
}

#[test]
fn defaults_and_detours_are_said() {
    let found = database("db migrate", None, &[("DATABASE_URL", "x")]).unwrap();
    assert_eq!(
        found.remarks,
        [
            "no devflow.yml: using the directory migrations, the table public.schema_migrations and DATABASE_URL"
        ]
    );
    let direct = [("STAGING_DIRECT_URL", "x")];
    let found = database("db migrate --env staging", Some(SEVERAL), &direct).unwrap();
    assert_eq!(found.remarks, ["using STAGING_DIRECT_URL, past the pooler"]);
}

#[test]
fn who_can_be_asked_and_who_asked() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [
        ("PRODUCTION_URL", "x"),
        ("USER", "ann"),
        ("GITHUB_ACTOR", "octocat"),
        ("GITHUB_SERVER_URL", "https://github.example"),
        ("GITHUB_REPOSITORY", "owner/repository"),
        ("GITHUB_RUN_ID", "42"),
    ];
    let mut around = surroundings(folder.path(), Some(SEVERAL), &variables);
    let mut settled = |arguments: &str, answers| {
        around.terminal.answers = answers;
        match settle(arguments, &around).unwrap() {
            Settings::Migrate(migrate) => migrate.change.database,
            other => panic!("{other:?}"),
        }
    };
    let person = settled("db migrate --env production", true);
    assert_eq!(
        (person.asked, person.approval),
        (Asked::Person, Approval::Yes)
    );
    assert_eq!(person.actor.name.as_deref(), Some("ann"));
    let job = settled("db migrate --env production --ci", true);
    assert_eq!(job.asked, Asked::Platform);
    assert_eq!(job.actor.name.as_deref(), Some("octocat"));
    assert_eq!(
        job.actor.run_url.as_deref(),
        Some("https://github.example/owner/repository/actions/runs/42")
    );
    let nobody = settled("db migrate --env guarded", false);
    assert_eq!(
        (nobody.asked, nobody.approval),
        (Asked::Nobody, Approval::Plan)
    );
    assert_eq!(nobody.actor, devflow_runtime::Actor::default());
}

#[test]
fn a_url_may_be_in_the_file_that_a_second_variable_names() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("secret"), "postgres://file\n").unwrap();
    fs::write(folder.path().join(".env"), "LOCAL_URL=postgres://dotenv\n").unwrap();
    let found = |arguments: &str, variables: &[(&str, &str)]| {
        let around = surroundings(folder.path(), Some(SEVERAL), variables);
        match settle(&format!("db status {arguments}"), &around) {
            Ok(Settings::Status(status)) => Ok(status.database.url.expose().to_owned()),
            Ok(other) => panic!("{other:?}"),
            Err(trouble) => Err((trouble.code, format!("{trouble:?}"))),
        }
    };
    let (file, local) = (("LOCAL_URL_FILE", "secret"), "postgres://local");
    let url = |text: &str| Ok(text.to_owned());
    assert_eq!(found("", &[file]), url("postgres://file"));
    assert_eq!(
        found("", &[file, ("LOCAL_URL", "")]),
        url("postgres://file")
    );
    assert_eq!(found("", &[file, ("LOCAL_URL", local)]), url(local));
    assert_eq!(
        found("", &[("LOCAL_URL_FILE", "")]),
        url("postgres://dotenv")
    );
    let direct = [("STAGING_URL", "x"), ("STAGING_DIRECT_URL_FILE", "secret")];
    assert_eq!(found("--env staging", &direct), url("postgres://file"));
    assert_eq!(
        found("--url-env A", &[("A_FILE", "secret")]),
        url("postgres://file")
    );
    // Who confuses the two variables does not see the password again.
    for path in ["postgres://ann:hunter2@h/db", ".", "none"] {
        let (code, shown) = found("", &[("LOCAL_URL_FILE", path)]).unwrap_err();
        assert_eq!(code, "url_file_unreadable");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

/// Some platforms give a job a terminal: a question would wait there until the job's time is over.
#[test]
fn nobody_is_asked_where_ci_is_set() {
    for (value, expected) in [
        ("true", Asked::Nobody),
        ("1", Asked::Nobody),
        ("false", Asked::Person),
        ("", Asked::Person),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let variables = [("PRODUCTION_URL", "x"), ("CI", value)];
        let mut around = surroundings(folder.path(), Some(ONE), &variables);
        around.terminal.answers = true;
        let Settings::Status(status) = settle("db status", &around).unwrap() else {
            panic!("not status");
        };
        assert_eq!(status.database.asked, expected, "{value:?}");
    }
}

#[test]
fn flags_reach_their_command() {
    let folder = tempfile::tempdir().unwrap();
    let around = surroundings(folder.path(), None, &[("DATABASE_URL", "x")]);
    let digest = "ab".repeat(32);
    let arguments = format!("db migrate --target 0042 --yes --approve {digest}");
    let Settings::Migrate(migrate) = settle(&arguments, &around).unwrap() else {
        panic!("not migrate");
    };
    assert_eq!(migrate.change.mode, Mode::Apply);
    assert_eq!(migrate.target.unwrap().as_str(), "42");
    assert!(migrate.change.consent.yes);
    assert_eq!(migrate.change.consent.digest.unwrap().as_str(), digest);
    let Settings::Migrate(migrate) = settle("db migrate --dry-run", &around).unwrap() else {
        panic!("not migrate");
    };
    assert_eq!(migrate.change.mode, Mode::DryRun);
    let Settings::Status(status) = settle("db status --check", &around).unwrap() else {
        panic!("not status");
    };
    assert_eq!(status.pending, WhenPending::Trouble);
    let Settings::Baseline(baseline) = settle("db baseline 7", &around).unwrap() else {
        panic!("not baseline");
    };
    assert_eq!(baseline.version.as_str(), "7");
}

#[test]
fn a_url_is_not_shown_by_debug() {
    let found = database(
        "db migrate",
        None,
        &[("DATABASE_URL", "postgres://ann:hunter2@h/db")],
    );
    let shown = format!("{:?}", found.unwrap());
    assert!(
        shown.contains("redacted") && !shown.contains("hunter2"),
        "{shown}"
    );
}
