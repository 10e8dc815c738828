//! `devflow config`: every setting, and where it comes from.

use serde_json::Value;
use support::{Command, Project};

const CONFIG: &str = "\
version: \"1\"
project: { name: shop }
database:
  migrations:
    directory: sql
    lock_wait: 90s
  environments:
    local: { url_env: DATABASE_URL }
    staging:
      url_env: STAGING_URL
      direct_url_env: STAGING_DIRECT_URL
";

const URL: &str = "postgres://ann:hunter2@db.example.org:6543/shop?password=hunter3";

fn project() -> Project {
    Project::new()
        .file("devflow.yml", CONFIG)
        .file("sql/1_a.sql", "SELECT 1;\n")
}

fn config(project: &Project, arguments: &[&str]) -> Command {
    project.devflow(&["config", "--json"]).args(arguments)
}

/// `value from origin at` of a setting.
fn setting(document: &Value, key: &str) -> String {
    let settings = document["settings"].as_array().unwrap();
    let found = settings.iter().find(|it| it["key"] == key);
    let found = found.unwrap_or_else(|| panic!("no {key} in {document:#}"));
    let word = |key: &str| found[key].as_str().unwrap_or("-").to_owned();
    format!("{} {} {}", word("value"), word("origin"), word("at"))
}

#[test]
fn a_flag_comes_before_a_variable_before_devflow_yml_before_the_default() {
    let project = project();
    let told = |arguments: &[&str], environment: &str| {
        let command = config(&project, arguments).env("DEVFLOW_ENV", environment);
        command.run().expect(0).json()
    };
    let default = told(&[], "");
    assert_eq!(setting(&default, "config"), "devflow.yml search -");
    assert_eq!(setting(&default, "environment"), "local default -");
    assert_eq!(
        setting(&default, "url_env"),
        "DATABASE_URL file devflow.yml:8"
    );
    assert_eq!(setting(&default, "url.server"), "- default -");
    assert_eq!(setting(&default, "project.name"), "shop file devflow.yml:2");
    assert_eq!(setting(&default, "directory"), "sql file devflow.yml:5");
    assert_eq!(setting(&default, "lock_wait"), "90s file devflow.yml:6");
    assert_eq!(setting(&default, "lock_timeout"), "5s default -");
    let variable = told(&[], "staging");
    assert_eq!(
        setting(&variable, "environment"),
        "staging variable DEVFLOW_ENV"
    );
    assert_eq!(
        setting(&variable, "url_env"),
        "STAGING_URL file devflow.yml:10"
    );
    let flag = told(
        &["--env", "local", "--url-env", "X", "--wait=2m"],
        "staging",
    );
    assert_eq!(setting(&flag, "environment"), "local flag --env");
    assert_eq!(setting(&flag, "url_env"), "X flag --url-env");
    assert_eq!(setting(&flag, "connect_budget"), "2m flag --wait");
}

#[test]
fn of_a_url_server_database_and_user_are_shown_and_nothing_else() {
    let project = project();
    let command = config(&project, &["--env", "staging"]).env("STAGING_DIRECT_URL", URL);
    let document = command.run().expect(0).json();
    let at = "variable STAGING_DIRECT_URL";
    assert_eq!(
        setting(&document, "url_env"),
        "STAGING_DIRECT_URL file devflow.yml:11"
    );
    assert_eq!(
        setting(&document, "url.server"),
        format!("db.example.org:6543 {at}")
    );
    assert_eq!(setting(&document, "url.database"), format!("shop {at}"));
    assert_eq!(setting(&document, "url.user"), format!("ann {at}"));
    let text = project
        .devflow(&["config"])
        .env("DATABASE_URL", URL)
        .run()
        .expect(0);
    assert!(text.stdout.contains("db.example.org:6543"), "{text:?}");
    let broken = config(&project, &[]).env("DATABASE_URL", "postgres://ann:p@ss:hunter2/x@h");
    let _said = broken
        .secret("hunter2")
        .run()
        .expect_error(2, "invalid_url");
}

#[test]
fn variables_choose_for_every_command() {
    let project = project().file("other.yml", CONFIG.replace("sql", "nowhere"));
    let check = project
        .devflow(&["db", "check"])
        .env("DEVFLOW_CONFIG", "other.yml");
    assert!(check.run().expect(2).stderr.contains("nowhere"));
    let status = project
        .devflow(&["db", "status", "--json"])
        .env("DEVFLOW_ENV", "stagign");
    let said = status.run().expect_error(2, "unknown_environment");
    assert!(
        said.contains("DEVFLOW_ENV") && said.contains("\"staging\""),
        "{said}"
    );
}
