//! The page of error codes beside the sources: it lists every code that there is, and none that there is not.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What a code is the first text of, where it is a literal.
const OPENINGS: [&str; 14] = [
    "DelegateFailure::new(",
    "Error::new(",
    "Trouble::new(",
    "Trouble::usage(",
    "Self::new(",
    "Self::usage(",
    "Fault::new(",
    "directory_problem(",
    " problem(",
    "..problem(",
    "refused(",
    "finding(",
    " code: ",
    "(problem(",
];

/// Blocks in which every word is a code.
const BLOCKS: [(&str, &str); 4] = [
    ("fn code(&self", "\n    }\n"),
    ("let code = ", ";\n"),
    ("let (code, ", ";\n"),
    ("let (kind, code", ";\n"),
];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every source of a folder, without its tests and comments.
fn sources(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let texts = entries.flat_map(|path| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        match path.is_dir() {
            true => sources(&path),
            false if ["tests", "malformed", "places"].contains(&&*name) => Vec::new(),
            false => vec![code(&fs::read_to_string(&path).unwrap())],
        }
    });
    texts.collect()
}

fn code(text: &str) -> String {
    let (code, _) = text
        .split_once("#[cfg(test)]\nmod tests {")
        .unwrap_or((text, ""));
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    code.lines()
        .filter(is_code)
        .map(|line| format!("{line}\n"))
        .collect()
}

/// `lower_case_words`, which no message is.
fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// The text that begins an argument list, when a literal is near.
fn first_literal(rest: &str) -> Option<&str> {
    let (before, rest) = rest.split_once('"')?;
    let (literal, _) = rest.split_once('"')?;
    let is_near = before.len() < 80 && !before.contains(['(', ')', ';', '{']);
    (is_near && is_word(literal)).then_some(literal)
}

fn used() -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for krate in [
        "devflow-migrations",
        "devflow-macros",
        "devflow-runtime",
        "devflow-cli",
    ] {
        for source in sources(&workspace().join(krate).join("src")) {
            for opening in OPENINGS {
                let rests = source.split(opening).skip(1);
                codes.extend(rests.filter_map(first_literal).map(str::to_owned));
            }
            for (opening, end) in BLOCKS {
                let blocks = source.split(opening).skip(1);
                let blocks = blocks.map(|rest| rest.split_once(end).unwrap().0);
                let literals = blocks.flat_map(|block| block.split('"').skip(1).step_by(2));
                codes.extend(literals.filter(|it| is_word(it)).map(str::to_owned));
            }
        }
    }
    codes
}

fn documented() -> BTreeSet<String> {
    let page = fs::read_to_string(workspace().join("docs/errors.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| Some(row.split_once('`')?.0.to_owned()))
        .collect()
}

#[test]
fn the_page_lists_every_code_and_no_other() {
    let (used, documented) = (used(), documented());
    assert!(used.len() > 80, "{used:?}");
    let missing: Vec<_> = used.difference(&documented).collect();
    assert_eq!(missing, [""; 0], "not on the page");
    let stale: Vec<_> = documented.difference(&used).collect();
    assert_eq!(stale, [""; 0], "on the page, and nowhere else");
}
