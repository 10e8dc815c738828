//! What is not YAML, and YAML that means harm.

use super::Config;
use super::document::Document;
use super::tests::{codes, parse, problems};
use crate::text::Text;
use proptest::prelude::*;
use std::path::Path;

#[test]
fn malformed_yaml_is_shown_with_its_line() {
    let found = problems("database:\n  migrations: a: b\n").concat();
    assert_eq!(
        found,
        "devflow.yml:3:16: this is not YAML that devflow can read: mapping values are not allowed in this context\n    migrations: a: b\n                 ^"
    );
    for rest in [
        "database: [",
        "\tdatabase: {}",
        "database: *none",
        "a: \"\\q\"",
        "%",
        "database: !tag x",
        "a: 1\n---\nb: 2",
        "database: \u{1b}[31m",
    ] {
        assert_eq!(codes(rest), ["config_malformed"], "{rest:?}");
    }
}

#[test]
fn aliases_are_read_and_cannot_multiply() {
    let config =
        parse("version: \"1\"\ndatabase:\n  environments:\n    a: &a { url_env: A }\n    b: *a\n");
    assert_eq!(config.unwrap().environment("b").unwrap().url_env, "A");

    let mut laughs = "database:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        laughs.push_str(&format!("  a{level}: &a{level} [{aliases}]\n"));
    }
    let found = problems(&laughs).concat();
    assert!(found.contains("at most 10000 values"), "{found}");
    assert_eq!(codes("database: &a [*a]"), ["config_malformed"]);
    assert_eq!(
        codes(&format!("database: {}", "[".repeat(200))),
        ["config_malformed"]
    );
    assert_eq!(
        codes(&format!("database: {}{}", "[".repeat(200), "]".repeat(200))),
        ["config_malformed"]
    );
}

#[test]
fn what_is_nested_without_end_is_refused_at_once() {
    for opening in ["[", "{", "a: {", "- ", "? ", "[a,"] {
        let yaml = opening.repeat((1 << 19) / opening.len());
        let error = parse(&yaml).unwrap_err();
        assert_eq!(error.problems()[0].code, "config_malformed", "{opening}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        read_bytes(bytes);
    }

    #[test]
    fn nothing_that_looks_like_yaml_panics(
        text in "(version|database|migrations|environments|[a&*!#%@`|>?\"'{}\\[\\],:.~0-9 \t\r\n\u{e9}-]){0,80}"
    ) {
        read_bytes(text.into_bytes());
    }
}

fn read_bytes(bytes: Vec<u8>) {
    if let Ok(text) = Text::from_bytes(bytes) {
        let document = Document::new("devflow.yml".to_owned(), text);
        if let Err(error) = Config::parse(Path::new("devflow.yml"), &document) {
            assert!(!error.problems().is_empty());
        }
    }
}
