//! Fixed outcomes, rendered and compared byte for byte: for people with tests/golden, for programs with the examples
//! in docs/schema, which are validated against the published schema.
//!
//! `UPDATE_GOLDEN=1` writes the files instead, except in CI.

mod outcomes;

use crate::look::{Attendance, Format, Look, Talk};
use crate::outcome::Outcome;
use crate::surroundings::{Surroundings, Terminal};
use crate::{exit, github, render};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use unicode_width::UnicodeWidthStr;

/// A terminal of so many columns that takes colour, or a pipe.
fn look(format: Format, width: Option<usize>, colour: bool) -> Look {
    let surroundings = Surroundings {
        terminal: Terminal {
            width,
            out_colour: colour,
            err_colour: colour,
            ..Terminal::default()
        },
        ..Surroundings::default()
    };
    Look::new(format, Attendance::Attended, &surroundings)
}

/// Exit code, stdout and stderr as one text.
fn shown(outcome: &Outcome, look: Look) -> String {
    let texts = render::texts(outcome, look);
    let code = exit::code(outcome);
    format!(
        "exit {code}\n--- stdout\n{}--- stderr\n{}",
        texts.out, texts.err
    )
}

fn human(name: &str, outcome: &Outcome, width: Option<usize>, colour: bool) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let text = shown(outcome, look(Format::Human, width, colour));
    assert_golden(&folder.join(format!("{name}.txt")), &text);
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema")
}

fn assert_golden(file: &Path, actual: &str) {
    if env::var_os("UPDATE_GOLDEN").is_some() {
        assert!(env::var_os("CI").is_none(), "UPDATE_GOLDEN is not for CI");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        return fs::write(file, actual).unwrap();
    }
    let expected = fs::read_to_string(file)
        .unwrap_or_else(|error| panic!("{}: {error}; UPDATE_GOLDEN=1 writes it", file.display()));
    assert_eq!(expected, actual, "{}", file.display());
}

#[test]
fn people_read_every_outcome() {
    for (name, outcome) in outcomes::all() {
        human(name, &outcome, None, false);
    }
}

#[test]
fn a_runner_is_told_of_every_outcome() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/github");
    for (name, outcome) in outcomes::all() {
        let told = github::told(&outcome);
        assert_golden(&folder.join(format!("{name}.txt")), &told);
    }
}

#[test]
fn colour_is_for_terminals() {
    let colourful = |name: &str, outcome| human(name, &outcome, Some(100), true);
    colourful("migrate_failed_in_colour", outcomes::migrate_failed());
    colourful("migrate_dry_run_in_colour", outcomes::dry_run());
    colourful("status_in_colour", outcomes::status());
}

#[test]
fn all_that_a_plan_does_is_shown_on_request() {
    let look = look(Format::Human, None, false).talking(Talk::Verbose);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let text = shown(&outcomes::dry_run(), look);
    assert_golden(&folder.join("migrate_dry_run_verbose.txt"), &text);
}

#[test]
fn a_table_fits_its_terminal() {
    for width in [60, 100] {
        human(
            &format!("status_{width}"),
            &outcomes::status(),
            Some(width),
            false,
        );
        let look = look(Format::Human, Some(width), false);
        let text = render::texts(&outcomes::status(), look).out;
        let table = text.lines().filter(|line| line.contains("2026-01-31"));
        assert_eq!(table.clone().count(), 5);
        for line in table {
            assert!(line.width() <= width, "{line}");
        }
    }
}

#[test]
fn what_a_terminal_has_shown_is_not_said_again() {
    let mut outcome = outcomes::migrate();
    outcome.watched = true;
    outcome
        .remarks
        .iter_mut()
        .for_each(|remark| remark.told = true);
    human("migrate_watched", &outcome, Some(100), false);
}

#[test]
fn programs_read_every_outcome_by_the_published_schema() {
    let schema = fs::read_to_string(docs().join("output.schema.json")).unwrap();
    let schema = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    for (name, outcome) in outcomes::all() {
        let texts = render::texts(&outcome, look(Format::Json, None, false));
        let document = serde_json::from_str(&texts.out).unwrap();
        let errors = validator.iter_errors(&document);
        let errors: Vec<_> = errors
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
        assert_golden(&docs().join(format!("examples/{name}.json")), &texts.out);
    }
}

#[test]
fn one_command_has_one_set_of_keys() {
    let mut keys_of = std::collections::BTreeMap::new();
    for (name, outcome) in outcomes::all() {
        let texts = render::texts(&outcome, look(Format::Json, None, false));
        let document: serde_json::Value = serde_json::from_str(&texts.out).unwrap();
        let keys: Vec<_> = document.as_object().unwrap().keys().cloned().collect();
        let known = keys_of
            .entry(outcome.body.command())
            .or_insert_with(|| keys.clone());
        assert_eq!(known, &keys, "{name}");
    }
}

#[test]
fn json_says_no_row_data() {
    let texts = render::texts(&outcomes::migrate_failed(), look(Format::Json, None, false));
    assert!(!texts.out.contains("ann@example.org"), "{}", texts.out);
    assert!(texts.err.contains("ann@example.org"), "{}", texts.err);
}
