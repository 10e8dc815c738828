//! The file's bytes as text.

use crate::problem::{Problem, SourceError};
use crate::text::Text;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// The longest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Reads the file at `path`, which users know as `shown`.
pub(super) fn read(path: &Path, shown: &str) -> Result<Text, SourceError> {
    let unreadable = |error: io::Error| unreadable(shown, &error);
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        let what = if metadata.is_dir() {
            "a directory"
        } else {
            "not a regular file"
        };
        return Err(problem(
            "config_unreadable",
            shown,
            format!("this is {what}; expected a file"),
        ));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        let message = "the file is longer than 1 MiB; no configuration is".to_owned();
        return Err(problem("config_too_large", shown, message));
    }
    Text::from_bytes(bytes)
        .map_err(|encoding| problem("config_malformed", shown, encoding.to_string()))
}

pub(super) fn unreadable(shown: &str, error: &io::Error) -> SourceError {
    match error.kind() {
        io::ErrorKind::NotFound => problem(
            "config_not_found",
            shown,
            "there is no such file".to_owned(),
        ),
        _ => problem(
            "config_unreadable",
            shown,
            format!("the file cannot be read: {error}"),
        ),
    }
}

fn problem(code: &'static str, shown: &str, message: String) -> SourceError {
    SourceError::from(Problem {
        code,
        path: shown.to_owned(),
        position: None,
        message,
        line: None,
        help: None,
    })
}
