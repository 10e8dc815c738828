//! The page that says what holds when something dies: each of its rows names a test, and each of those is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The tests of both programs, as `module::name`.
fn tests() -> BTreeSet<String> {
    let programs =
        ["it", "supabase_it"].map(|program| fs::read_dir(folder().join(program)).unwrap());
    let files = programs.into_iter().flatten();
    let of_file = |path: PathBuf| {
        let module = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(path).unwrap();
        let after = text.split("#[test]\nfn ").skip(1);
        let names = after.filter_map(|rest| rest.split_once('(').map(|(name, _)| name.to_owned()));
        names
            .map(|name| format!("{module}::{name}"))
            .collect::<Vec<_>>()
    };
    files
        .flat_map(|entry| of_file(entry.unwrap().path()))
        .collect()
}

/// The cells of each row of the page's tables.
fn rows(page: &str) -> Vec<Vec<&str>> {
    let lines = page.lines().filter(|line| line.starts_with("| "));
    lines
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .filter(|row: &Vec<&str>| row.last() != Some(&"test") && !row[0].starts_with("---"))
        .collect()
}

/// What is wrong with a row: a cell without words, no test, or one that is not there.
fn complaints(row: &[&str], tests: &BTreeSet<String>) -> Vec<String> {
    let [what, .., proof] = row else {
        return vec![format!("one cell: {row:?}")];
    };
    let mut complaints = Vec::new();
    if row.iter().any(|cell| cell.is_empty()) {
        complaints.push(format!("an empty cell: {row:?}"));
    }
    let named: Vec<&str> = proof.split('`').skip(1).step_by(2).collect();
    if named.is_empty() {
        complaints.push(format!("no test: {what}"));
    }
    let missing = named.iter().filter(|name| !tests.contains(**name));
    complaints.extend(missing.map(|name| format!("no such test: {name}")));
    complaints
}

/// The rows of a page, or of the part of it that a heading begins, prove something.
fn assert_proven(page: &str, heading: &str, least: usize) {
    let page = fs::read_to_string(folder().join("../docs").join(page)).unwrap();
    let (_, part) = page.split_once(heading).unwrap();
    let (rows, tests) = (rows(part), tests());
    assert!(rows.len() >= least && tests.len() > 100);
    let complaints = rows.iter().flat_map(|row| complaints(row, &tests));
    assert_eq!(complaints.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn each_row_names_a_test_that_there_is() {
    assert_proven("guarantees.md", "# What holds", 30);
    assert_proven("supabase.md", "## What the CLI does by itself", 10);
}

#[test]
fn a_row_that_proves_nothing_is_found() {
    let tests = BTreeSet::from(["crash::a".to_owned()]);
    let complains = |row: &str| !complaints(&rows(row)[0], &tests).is_empty();
    assert!(!complains("| x | y | z | `crash::a` |"));
    assert!(complains("| x | y | z | |"));
    assert!(complains("| x | y | z | crash::a |"));
    assert!(complains("| x | y | z | `crash::a`, `crash::b` |"));
    assert!(complains("| x | | z | `crash::a` |"));
}
