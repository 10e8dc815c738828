//! Output compared byte for byte with files under `tests/golden`.

use std::fs;
use std::path::{Path, PathBuf};

/// Compares `actual` with `tests/golden/<name>`; `UPDATE_GOLDEN=1` writes the file instead, except in CI.
///
/// # Panics
/// When they differ; the message shows both.
pub fn assert_golden(name: &str, actual: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("golden")
        .join(name);
    if is_set("UPDATE_GOLDEN") {
        assert!(
            !is_set("CI"),
            "UPDATE_GOLDEN is not for CI: it would make every golden test pass"
        );
        return write(&file, actual);
    }
    if let Err(message) = compare_golden(&file, actual) {
        panic!("{message}");
    }
}

/// Compares `actual` with a file.
///
/// # Errors
/// The first line that differs, as it is in both.
pub fn compare_golden(file: &Path, actual: &str) -> Result<(), String> {
    let expected = fs::read_to_string(file).map_err(|error| {
        format!(
            "{}: {error}; UPDATE_GOLDEN=1 writes it:\n{actual}",
            file.display()
        )
    })?;
    if expected == actual {
        return Ok(());
    }
    let mut pairs = expected.split('\n').zip(actual.split('\n'));
    let same = pairs
        .by_ref()
        .take_while(|(expected, actual)| expected == actual)
        .count();
    let line = |text: &str| {
        text.split('\n')
            .nth(same)
            .map_or("its end".to_owned(), |line| format!("{line:?}"))
    };
    Err(format!(
        "{}:{}: expected {}, found {}\nall of the output:\n{actual}",
        file.display(),
        same + 1,
        line(&expected),
        line(actual)
    ))
}

fn write(file: &PathBuf, actual: &str) {
    fs::create_dir_all(file.parent().expect("a golden file has a folder"))
        .expect("the folder can be made");
    fs::write(file, actual).expect("the golden file can be written");
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0")
}
