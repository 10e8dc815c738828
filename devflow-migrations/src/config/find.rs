//! Where devflow.yml is looked for.

use super::{FILE_NAME, file};
use crate::problem::SourceError;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

/// A devflow.yml that was found.
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// The path as seen from the folder where the search began.
    pub(super) shown: String,
}

/// Walks up from `start`, no further than the repository's root, the file system or the home directory.
///
/// A folder above that everybody may write to, such as `/tmp`, decides nothing: anyone may have put a file there.
pub(super) fn find(start: &Path, home: Option<&Path>) -> Result<Option<Found>, SourceError> {
    let unreadable = |path: &Path, error: io::Error| {
        let path = path.display().to_string();
        file::unreadable(&path, &error)
    };
    let start = fs::canonicalize(start).map_err(|error| unreadable(start, error))?;
    let home = home.and_then(|home| fs::canonicalize(home).ok());
    let first = fs::metadata(&start).map_err(|error| unreadable(&start, error))?;
    let mut shown = String::new();
    for folder in start.ancestors() {
        let metadata = fs::metadata(folder).map_err(|error| unreadable(folder, error))?;
        if folder != start && (!is_same_device(&metadata, &first) || is_shared(&metadata)) {
            return Ok(None);
        }
        let path = folder.join(FILE_NAME);
        if exists(&path).map_err(|error| unreadable(&path, error))? {
            shown.push_str(FILE_NAME);
            return Ok(Some(Found { path, shown }));
        }
        if folder.join(".git").exists() || home.as_deref() == Some(folder) {
            return Ok(None);
        }
        shown.push_str("../");
    }
    Ok(None)
}

/// Whether there is something of this name, be it a broken link: that is reported, not passed by.
fn exists(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn is_same_device(folder: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    folder.dev() == other.dev()
}

#[cfg(not(unix))]
fn is_same_device(_folder: &Metadata, _other: &Metadata) -> bool {
    true
}

/// Whether it is a shared temporary folder: everybody may write, and only owners delete.
#[cfg(unix)]
fn is_shared(folder: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    const STICKY_AND_WRITABLE: u32 = 0o1002;
    folder.mode() & STICKY_AND_WRITABLE == STICKY_AND_WRITABLE
}

#[cfg(not(unix))]
fn is_shared(_folder: &Metadata) -> bool {
    false
}
