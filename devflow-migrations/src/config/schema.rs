//! The published JSON Schema says what the parser does.

use super::database::{DATABASE_KEYS, ENVIRONMENT_KEYS, MIGRATIONS_KEYS};
use super::tests::parse;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../docs/schema/devflow.schema.json")).unwrap()
}

fn object<'a>(schema: &'a Value, pointer: &str) -> &'a Map<String, Value> {
    schema.pointer(pointer).unwrap().as_object().unwrap()
}

fn is_valid(yaml: &str) -> bool {
    let file: Value = serde_yaml::from_str(yaml).unwrap();
    jsonschema::draft202012::new(&schema())
        .unwrap()
        .is_valid(&file)
}

/// A file with one line under `database.migrations`.
fn with_setting(line: &str) -> String {
    format!("version: \"1\"\ndatabase:\n  migrations:\n    {line}\n")
}

/// A file with one environment.
fn with_environment(keys: &str) -> String {
    format!("version: \"1\"\ndatabase:\n  environments:\n    staging: {{ {keys} }}\n")
}

#[test]
fn the_schema_has_the_keys_that_the_parser_knows() {
    let schema = schema();
    jsonschema::meta::validate(&schema).unwrap();
    for (pointer, known) in [
        ("/properties/database/properties", DATABASE_KEYS),
        ("/$defs/migrations/properties", MIGRATIONS_KEYS),
        ("/$defs/environment/properties", ENVIRONMENT_KEYS),
    ] {
        let described: BTreeSet<_> = object(&schema, pointer)
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(described, known.iter().copied().collect(), "{pointer}");
    }
}

#[test]
fn the_reference_has_every_key_and_default() {
    let reference = include_str!("../../../docs/devflow.yml.md");
    for key in [DATABASE_KEYS, MIGRATIONS_KEYS, ENVIRONMENT_KEYS].concat() {
        assert!(
            reference.contains(&format!("`{key}`"))
                || reference.contains(&format!("## database.{key}")),
            "{key}"
        );
    }
    for (key, setting) in object(&schema(), "/$defs/migrations/properties") {
        let row = reference
            .lines()
            .find(|line| line.starts_with(&format!("| `{key}` |")))
            .unwrap();
        let default = match setting.get("default") {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            // What is searched for has no default.
            None => continue,
        };
        assert!(row.contains(&format!("| `{default}` |")), "{row}");
    }
}

#[test]
fn the_parser_takes_every_default_and_word_of_the_schema() {
    for (key, setting) in object(&schema(), "/$defs/migrations/properties") {
        let words = setting.get("enum").and_then(Value::as_array);
        let default = setting.get("default");
        for value in words.into_iter().flatten().chain(default) {
            let yaml = with_setting(&format!("{key}: {value}"));
            assert!(parse(&yaml).is_ok(), "{yaml}");
            assert!(is_valid(&yaml), "{yaml}");
        }
    }
}

#[test]
fn what_the_parser_takes_is_valid() {
    for yaml in [
        include_str!("../../../examples/ci/devflow.yml"),
        include_str!("../../../examples/service/devflow.yml"),
        "version: \"1\"",
        "version: \"1\"\nproject:\ndatabase:\n",
        &with_setting("lock_timeout: none"),
        &with_setting("lock_wait: 0s"),
        &with_environment("url_env: A, require_approval: plan"),
    ] {
        assert!(parse(yaml).is_ok(), "{yaml}");
        assert!(is_valid(yaml), "{yaml}");
    }
}

#[test]
fn what_the_parser_refuses_is_not_valid() {
    for yaml in [
        "version: 1",
        "project: {}",
        "version: \"1\"\nproject: []",
        "version: \"1\"\ndatabase: { tables: {} }",
        "version: \"1\"\ndatabase: { environments: { ' ': { url_env: A } } }",
        &with_setting("tracking_tabel: a"),
        &with_setting("directory: ''"),
        &with_setting("format: flyway"),
        &with_setting("use_supabase_cli: yes"),
        &with_setting("tracking_schema: pg_ours"),
        &with_setting("tracking_schema: information_schema"),
        &with_setting(&format!("tracking_table: {}", "x".repeat(64))),
        &with_setting("tracking_readers: ['']"),
        &with_setting("ahead: allow"),
        &with_setting("lock_wait: 10"),
        &with_setting("lock_wait: none"),
        &with_setting("lock_timeout: 0s"),
        &with_setting("connect_timeout: none"),
        &with_setting("connect_timeout: 0s"),
        &with_environment("require_approval: true"),
        &with_environment("url_env: postgres://h/d"),
        &with_environment("url_env: A, require_approval: sometimes"),
    ] {
        assert!(parse(yaml).is_err(), "{yaml}");
        assert!(!is_valid(yaml), "{yaml}");
    }
}
