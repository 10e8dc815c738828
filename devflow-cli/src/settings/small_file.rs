//! A file that holds a few lines, such as `.env` or a secret.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

/// The longest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The text of a small file.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    // A pipe of that name would be waited for without end.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut text = String::new();
    let read = fs::File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)?;
    match read as u64 > MAX_BYTES {
        true => Err(io::Error::other("it is longer than 1 MiB")),
        false => Ok(text),
    }
}
