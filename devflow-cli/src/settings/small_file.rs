//! A file that holds a few lines, such as `.env` or a secret.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

/// The longest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The text of a small file.
pub(super) fn read(path: &Path) -> io::Result<String> {
    read_up_to(MAX_BYTES, path)
}

/// The text of a file that is not longer than so many bytes, which are whole MiB.
pub(crate) fn read_up_to(most: u64, path: &Path) -> io::Result<String> {
    // A pipe of that name would be waited for without end.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut text = String::new();
    let read = fs::File::open(path)?
        .take(most + 1)
        .read_to_string(&mut text)?;
    match read as u64 > most {
        true => Err(io::Error::other(format!(
            "it is longer than {} MiB",
            most >> 20
        ))),
        false => Ok(text),
    }
}
