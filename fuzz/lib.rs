//! What the fuzz targets have in common: a folder to read from.

use std::cell::OnceCell;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Writes the file into a folder that is otherwise empty, and hands the folder over; the file is gone afterwards.
///
/// A name that the system does not take is no input.
pub fn with_file(name: &str, content: &[u8], read: impl FnOnce(&Path)) {
    thread_local!(static FOLDER: OnceCell<TempDir> = const { OnceCell::new() });
    FOLDER.with(|folder| {
        let folder = folder.get_or_init(|| tempfile::tempdir().expect("a temporary folder"));
        let file = folder.path().join(name);
        if fs::write(&file, content).is_ok() {
            read(folder.path());
            fs::remove_file(file).expect("the file can be removed");
        }
    });
}
