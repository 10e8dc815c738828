//! Who may import whom.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use support::cargo;

/// A folder, and what its sources never name.
const FORBIDDEN: &[(&str, &str)] = &[
    ("devflow-migrations/src", "tokio:: tokio_postgres:: clap::"),
    // What the macro puts into a program names the runtime; its manifest does not.
    ("devflow-macros/src", "tokio:: tokio_postgres::"),
    ("devflow-runtime/src", "clap:: serde_yaml:: squawk std::env"),
    ("devflow-cli/src", "tokio_postgres:: syn::"),
    (
        "examples/service/src",
        "devflow_migrations:: devflow_macros::",
    ),
    // What is reported does not depend on the client.
    ("devflow-runtime/src/report.rs", "tokio_postgres::"),
    ("devflow-runtime/src/event.rs", "tokio_postgres::"),
];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    let found = paths.flat_map(|path| {
        if path.is_dir() {
            sources(&path)
        } else {
            vec![path]
        }
    });
    found
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .collect()
}

/// The text without its comments, whose examples may name anything.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    text.lines()
        .filter(is_code)
        .map(|line| format!("{line}\n"))
        .collect()
}

/// Whether the text names the word itself, not another one that ends like it.
fn names(text: &str, word: &str) -> bool {
    let is_whole =
        |at: usize| !text[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
    text.match_indices(word).any(|(at, _)| is_whole(at))
}

#[test]
fn no_source_file_names_what_its_crate_must_not_use() {
    let mut found = Vec::new();
    for (folder, words) in FORBIDDEN {
        let files = sources(&workspace().join(folder));
        assert!(!files.is_empty(), "{folder} holds no sources");
        for file in files {
            let text = code(&file);
            let named = words.split(' ').filter(|word| names(&text, word));
            found.extend(named.map(|word| format!("{} names {word}", file.display())));
        }
    }
    assert_eq!(found, [""; 0]);
}

#[test]
fn only_the_crate_root_of_the_runtime_names_the_macro() {
    let root = workspace().join("devflow-runtime/src/lib.rs");
    for file in sources(&workspace().join("devflow-runtime/src")) {
        let named = names(&fs::read_to_string(&file).unwrap(), "devflow_macros");
        assert!(
            !named || file == root,
            "{} names devflow_macros",
            file.display()
        );
    }
}

/// The packages that get into a service, which asks for these features.
fn packages(features: &str) -> BTreeSet<String> {
    let edges = [
        "tree",
        "--edges",
        "normal,no-proc-macro",
        "--prefix",
        "none",
    ];
    let package = ["--package", "devflow-runtime", "--features", features];
    let tree = cargo(&workspace(), &[&edges[..], &package].concat());
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

#[test]
fn a_service_is_spared_the_yaml_command_line_and_sql_parsers() {
    let crates = packages("");
    assert!(crates.contains("tokio-postgres"), "{crates:?}");
    let unwanted = ["yaml", "clap", "squawk", "rowan", "syn"];
    let strays = crates
        .iter()
        .filter(|name| unwanted.iter().any(|word| name.contains(word)));
    assert_eq!(strays.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn databases_for_tests_need_no_other_crate() {
    assert_eq!(packages("testing"), packages(""));
}
