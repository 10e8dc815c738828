//! devflow.yml as users write it, and as they get it wrong.

use super::document::Document;
use super::{Approval, Config, Environment, Format, MigrationsConfig};
use crate::problem::SourceError;
use crate::settings::{Ahead, LedgerKind, Missing, OutOfOrder, Pooler, Settings, TableName};
use crate::text::Text;
use std::path::Path;
use std::time::Duration;

pub(super) fn parse(yaml: &str) -> Result<Config, SourceError> {
    let text = Text::from_bytes(yaml.as_bytes().to_vec()).unwrap();
    let document = Document::new("devflow.yml".to_owned(), text);
    Config::parse(Path::new("/project/devflow.yml"), &document)
}

/// The problems of a file whose first line is the version.
pub(super) fn problems(rest: &str) -> Vec<String> {
    let yaml = format!("version: \"1\"\n{rest}");
    let error = parse(&yaml).unwrap_err();
    error.problems().iter().map(ToString::to_string).collect()
}

pub(super) fn codes(rest: &str) -> Vec<&'static str> {
    let error = parse(&format!("version: \"1\"\n{rest}")).unwrap_err();
    error
        .problems()
        .iter()
        .map(|problem| problem.code)
        .collect()
}

/// The only problem of a `database.migrations` that holds this one line.
fn problem(line: &str) -> String {
    let found = problems(&format!("database:\n  migrations:\n    {line}\n"));
    assert_eq!(found.len(), 1, "{found:#?}");
    found.concat()
}

#[test]
fn reads_every_key() {
    let config = parse(
        r#"
version: "1"
project:
  name: aocodex
  owner: somebody
database:
  migrations:
    directory: supabase/migrations
    format: sql
    use_supabase_cli: false
    tracking_table: Migrations of ours
    tracking_schema: ops
    tracking_readers: [reporting, "the app"]
    out_of_order: allow
    ahead: compatible_only
    missing: warn
    pooler: refuse
    lock_wait: 0s
    lock_timeout: none
    lock_retry_budget: 5m
    statement_timeout: 1h
    connect_timeout: 250ms
    connect_budget: 10s
  environments:
    staging: { url_env: DATABASE_URL, direct_url_env: DIRECT_URL, require_approval: plan }
    local: { url_env: LOCAL_URL }
    production: { url_env: DATABASE_URL, require_approval: true }
"#,
    )
    .unwrap();
    assert_eq!(config.path, Path::new("/project/devflow.yml"));
    assert_eq!(config.folder, Path::new("/project"));
    assert_eq!(config.project.as_deref(), Some("aocodex"));
    assert_eq!(config.migrations.directory, "supabase/migrations");
    assert_eq!(config.migrations.format, Format::Sql);
    assert_eq!(
        config.migrations.table,
        TableName::new("ops", "Migrations of ours").unwrap()
    );
    assert_eq!(
        config.migrations.settings,
        Settings {
            out_of_order: Some(OutOfOrder::Allow),
            ahead: Some(Ahead::CompatibleOnly),
            missing: Some(Missing::Warn),
            pooler: Some(Pooler::Refuse),
            lock_wait: Some(Duration::ZERO),
            lock_timeout: Some(Duration::ZERO),
            lock_retry_budget: Some(Duration::from_secs(300)),
            statement_timeout: Some(Duration::from_secs(3600)),
            connect_timeout: Some(Duration::from_millis(250)),
            connect_budget: Some(Duration::from_secs(10)),
            tracking_readers: vec!["reporting".into(), "the app".into()],
        }
    );
    let names: Vec<_> = config
        .environments
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["staging", "local", "production"]);
    let environment = |url: &str, direct: Option<&str>, require_approval| Environment {
        url_env: url.to_owned(),
        direct_url_env: direct.map(str::to_owned),
        require_approval,
    };
    assert_eq!(
        config.environment("staging"),
        Some(&environment(
            "DATABASE_URL",
            Some("DIRECT_URL"),
            Approval::Plan
        ))
    );
    assert_eq!(
        config.environment("local"),
        Some(&environment("LOCAL_URL", None, Approval::No))
    );
    assert_eq!(
        config.environment("production").unwrap().require_approval,
        Approval::Yes
    );
    assert_eq!(config.environment("Production"), None);
}

#[test]
fn what_is_left_out_is_the_default() {
    for yaml in [
        "version: \"1\"",
        "version: '1'\ndatabase:\n",
        "\u{feff}version: \"1\"\r\ndatabase:\r\n  migrations:\r\n  environments:\r\n",
        "---\nversion: \"1\"\n...\n",
    ] {
        let config = parse(yaml).unwrap();
        assert_eq!(config.project, None, "{yaml:?}");
        assert_eq!(config.migrations.directory, "migrations");
        assert_eq!(config.migrations.format, Format::Sql);
        assert_eq!(config.migrations.table, TableName::default());
        assert_eq!(config.migrations.settings, Settings::default());
        assert_eq!(config.environments, []);
    }
}

#[test]
fn leaves_the_sections_of_other_tools_alone() {
    let config = parse(
        "version: \"1\"\ndeploy:\n  migrations: !custom [1, {a: 1, a: 2}]\ndeploy: 2\n? [odd, key]\n: 1\nproject: {stack: rust}\n",
    );
    assert_eq!(config.unwrap().project, None);
}

#[test]
fn an_unknown_key_is_shown_with_the_one_that_was_meant() {
    assert_eq!(
        problem("tracking_tabel: x"),
        "devflow.yml:4:5: unknown key \"tracking_tabel\" under `database.migrations`\n      \
         tracking_tabel…\n      ^\n  help: did you mean `tracking_table`?"
    );
    assert_eq!(
        problems(
            "database:\n  é: {}\n  migration: {}\n  environments:\n    a: { url_env: A, url: postgres://u:secret@h/d }\n"
        ),
        [
            "devflow.yml:3:3: unknown key \"é\" under `database`\n    é…\n    ^\n  help: the keys here are migrations, environments",
            "devflow.yml:4:3: unknown key \"migration\" under `database`\n    migration…\n    ^\n  help: did you mean `migrations`?",
            "devflow.yml:6:22: unknown key \"url\" under `database.environments`\n      a: { url_env: A, url…\n                       ^\n  help: did you mean `url_env`?",
        ]
    );
}

#[test]
fn a_value_of_another_type_says_what_was_found_and_expected() {
    for (line, message) in [
        ("directory: 7", "`directory` is the number 7; expected text"),
        (
            "directory: ''",
            "`directory` is \"\"; expected the path of a directory",
        ),
        (
            "format: flyway",
            "`format` is \"flyway\"; expected sql or supabase",
        ),
        (
            "use_supabase_cli: yes",
            "`use_supabase_cli` is \"yes\"; expected true or false",
        ),
        (
            "tracking_table: [a]",
            "`tracking_table` is a list; expected text",
        ),
        (
            "tracking_table: ''",
            "`tracking_table` cannot be \"\": the name is empty",
        ),
        (
            "tracking_schema: pg_x",
            "`tracking_schema` cannot be \"pg_x\": the schema belongs to PostgreSQL itself",
        ),
        (
            "tracking_readers: reporting",
            "`tracking_readers` is \"reporting\"; expected a list of roles",
        ),
        (
            "tracking_readers: [1]",
            "`tracking_readers` is the number 1; expected roles of 1 to 63 bytes",
        ),
        (
            "out_of_order: warn",
            "`out_of_order` is \"warn\"; expected refuse or allow",
        ),
        (
            "ahead: allow",
            "`ahead` is \"allow\"; expected refuse or warn or compatible_only",
        ),
        ("missing:", "`missing` is nothing; expected refuse or warn"),
        (
            "pooler: { a: b }",
            "`pooler` is a mapping; expected warn or refuse",
        ),
        (
            "lock_wait: 10",
            "`lock_wait` is the number 10, which is not a duration; expected a number and a unit (ms, s, m or h), such as 5s",
        ),
        (
            "lock_wait: none",
            "`lock_wait` is \"none\", which is not a duration; expected a number and a unit (ms, s, m or h), such as 5s",
        ),
        (
            "lock_timeout: 0s",
            "`lock_timeout` is \"0s\", which is ambiguous: `none` turns the limit off; expected a number and a unit (ms, s, m or h), such as 5s, or none",
        ),
        (
            "connect_timeout: 0ms",
            "`connect_timeout` is \"0ms\", which leaves no time at all; expected a number and a unit (ms, s, m or h), such as 5s",
        ),
        (
            "statement_timeout: 600h",
            "`statement_timeout` is \"600h\", which is longer than 24 days; expected a number and a unit (ms, s, m or h), such as 5s, or none",
        ),
        (
            "1: x",
            "a key under `database.migrations` is the number 1; expected text",
        ),
    ] {
        let found = problem(line);
        assert!(found.starts_with("devflow.yml:4:"), "{found}");
        assert!(found.contains(message), "{found}\nis not {message}");
        assert!(found.contains(&format!("\n      {line}")), "{found}");
    }
    assert_eq!(
        problem("connect_timeout: 0ms"),
        "devflow.yml:4:22: `connect_timeout` is \"0ms\", which leaves no time at all; expected a number and a unit (ms, s, m or h), such as 5s\n      connect_timeout: 0ms\n                       ^"
    );
    for rest in [
        "database: []",
        "database: {migrations: x}",
        "database: {environments: [a]}",
        "database: {environments: {a: b}}",
        "project: x",
        "project: {name: 1}",
    ] {
        assert!(codes(rest).contains(&"config_invalid_value"), "{rest}");
    }
}

#[test]
fn tracking_names_have_at_most_63_bytes() {
    let yaml = |name: &str| format!("database: {{migrations: {{tracking_table: {name}}}}}\n");
    assert!(parse(&format!("version: \"1\"\n{}", yaml(&"é".repeat(31)))).is_ok());
    let found = problems(&yaml(&"é".repeat(32))).concat();
    assert!(
        found.contains("the name has 64 bytes; PostgreSQL keeps 63"),
        "{found}"
    );
    assert_eq!(codes(&yaml("\"a\\0b\"")), ["config_invalid_value"]);
}

#[test]
fn the_two_ways_to_name_the_supabase_cli_must_agree() {
    let format = |keys: &str| {
        let yaml = format!("version: \"1\"\ndatabase: {{migrations: {{{keys}}}}}");
        parse(&yaml).map(|config| config.migrations.format)
    };
    assert_eq!(format("use_supabase_cli: true"), Ok(Format::Supabase));
    assert_eq!(format("format: supabase"), Ok(Format::Supabase));
    assert_eq!(
        format("format: supabase, use_supabase_cli: true"),
        Ok(Format::Supabase)
    );
    assert_eq!(format("use_supabase_cli: false"), Ok(Format::Sql));
    let error = format("format: sql, use_supabase_cli: true").unwrap_err();
    let message = "`use_supabase_cli` contradicts `format: sql`";
    assert!(error.to_string().contains(message), "{error}");
    assert!(format("format: supabase, use_supabase_cli: false").is_err());
}

/// What `database.migrations` comes to with these keys.
fn migrations(keys: &str) -> Result<MigrationsConfig, SourceError> {
    let yaml = format!("version: \"1\"\ndatabase: {{migrations: {{{keys}}}}}");
    parse(&yaml).map(|config| config.migrations)
}

#[test]
fn names_the_keys_that_are_not_used() {
    let unused = |keys: &str| {
        let keys = format!("{keys}, tracking_table: a, lock_wait: 1s, supabase_cli: bin/supabase");
        migrations(&keys).unwrap().unused_keys
    };
    assert_eq!(unused("format: supabase"), ["tracking_table"]);
    assert_eq!(
        unused("ledger: supabase"),
        ["tracking_table", "supabase_cli"]
    );
    assert_eq!(unused("format: sql"), ["supabase_cli"]);
}

#[test]
fn what_the_supabase_cli_applies_is_in_its_own_table() {
    let ledger = |keys: &str| migrations(keys).map(|migrations| migrations.ledger);
    assert_eq!(ledger(""), Ok(LedgerKind::Devflow));
    assert_eq!(ledger("ledger: supabase"), Ok(LedgerKind::Supabase));
    assert_eq!(ledger("format: supabase"), Ok(LedgerKind::Supabase));
    assert_eq!(
        ledger("format: supabase, ledger: supabase"),
        Ok(LedgerKind::Supabase)
    );
    let error = ledger("format: supabase, ledger: devflow").unwrap_err();
    let message = "`ledger: devflow` contradicts `format: supabase`";
    assert!(error.to_string().contains(message), "{error}");
    let error = ledger("ledger: flyway").unwrap_err();
    let message = "`ledger` is \"flyway\"; expected devflow or supabase";
    assert!(error.to_string().contains(message), "{error}");
}

#[test]
fn the_supabase_cli_looks_for_the_files_in_one_place() {
    let directory = |keys: &str| migrations(keys).map(|migrations| migrations.directory);
    assert_eq!(
        directory("format: supabase").unwrap(),
        "supabase/migrations"
    );
    assert!(directory("format: supabase, directory: ./db/supabase/migrations/").is_ok());
    assert!(directory("ledger: supabase, directory: db").is_ok());
    let error = directory("format: supabase, directory: db/migrations").unwrap_err();
    let message =
        "`directory` is \"db/migrations\"; expected a path that ends in supabase/migrations";
    assert!(error.to_string().contains(message), "{error}");
}

#[test]
fn an_environment_names_a_variable_and_never_shows_a_url() {
    let environments =
        |entry: &str| problems(&format!("database:\n  environments:\n    {entry}\n"));
    for entry in [
        "a: { url_env: 'postgres://u:hunter2@h/d' }",
        "a: { url_env: 'host=h passwd=hunter2' }",
        "a: { url_env: A, direct_url_env: hunter2! }",
        "a: { url_env: { hunter2: 1 } }",
    ] {
        let found = environments(entry);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(
            found[0].contains("is not the name of an environment variable"),
            "{found:#?}"
        );
        assert!(!found[0].contains("hunter2"), "{found:#?}");
    }
    let bad_neighbour =
        environments("a: { url_env: 'postgres://u:hunter2@h/d', require_approval: maybe }");
    assert_eq!(bad_neighbour.len(), 2);
    assert!(
        !bad_neighbour.concat().contains("hunter2"),
        "{bad_neighbour:#?}"
    );
    assert_eq!(
        environments("a: { require_approval: maybe }"),
        [
            "devflow.yml:4:8: the environment \"a\" has no `url_env`\n      a: { require_approval: maybe }\n         ^\n  help: name the environment variable that holds its URL: `url_env: DATABASE_URL`",
            "devflow.yml:4:28: `require_approval` is \"maybe\"; expected true, false or plan\n      a: { require_approval: maybe }\n                             ^",
        ]
    );
    assert_eq!(
        codes("database: {environments: {a: }}"),
        ["config_missing_key"]
    );
    assert_eq!(
        codes("database: {environments: {' ': {url_env: A}}}"),
        ["config_invalid_value"]
    );
}

#[test]
fn the_version_is_1_in_quotes() {
    let only = |yaml: &str| parse(yaml).unwrap_err().to_string();
    assert_eq!(
        only("version: 1\n"),
        "devflow.yml:1:10: `version` is the number 1; expected \"1\", in quotes\n  version: 1\n           ^"
    );
    assert!(only("version: \"2\"").contains("`version` is \"2\"; expected \"1\""));
    assert_eq!(
        only("project: {name: a}"),
        "devflow.yml: `version` is missing\n  help: begin the file with `version: \"1\"`"
    );
    assert!(only("").contains("`version` is missing"));
    assert!(only("- a\n- b\n").contains("a list"));
}

#[test]
fn a_key_given_twice_is_refused() {
    assert_eq!(codes("project: {}\nproject: {}"), ["config_duplicate_key"]);
    assert_eq!(codes("project: {a: 1, a: 2}"), ["config_duplicate_key"]);
    assert_eq!(
        codes("database: {environments: {a: {url_env: A}, a: {url_env: B}}}"),
        ["config_duplicate_key"]
    );
    assert_eq!(
        problems("database:\n  migrations:\n    directory: a\n    directory: b\n"),
        [
            "devflow.yml:5:5: \"directory\" is given twice under `database.migrations`\n      directory: b\n      ^"
        ]
    );
}

#[test]
fn shows_the_first_of_many_problems() {
    let keys: String = (0..500).map(|number| format!("  k{number}: 1\n")).collect();
    assert_eq!(problems(&format!("database:\n{keys}")).len(), 20);
}
