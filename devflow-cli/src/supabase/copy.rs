//! The project as the Supabase CLI sees it.

use crate::outcome::Trouble;
use devflow_runtime::MigrationSet;
use std::fs;
use std::io;
use std::path::Path;
use tempfile::TempDir;

/// Makes a folder with the migrations as they were read, and with everything else of the project's `supabase` folder.
///
/// The CLI reads the files each time that it is called. By then they may be others, and it would apply what nobody has
/// planned or approved. The folder goes with the value.
///
/// # Errors
/// `supabase_copy_failed`, when the folder cannot be written or the project's cannot be read.
pub(super) fn copy(project: &Path, set: &MigrationSet) -> Result<TempDir, Trouble> {
    copied(project, set).map_err(|error| {
        let folder = std::env::temp_dir();
        let message = format!(
            "the project cannot be copied to {} for the Supabase CLI: {error}",
            folder.display()
        );
        Trouble::usage("supabase_copy_failed", message)
            .help("let the variable TMPDIR name a folder that can be written to and has room for the migrations")
    })
}

fn copied(project: &Path, set: &MigrationSet) -> io::Result<TempDir> {
    let copy = tempfile::Builder::new()
        .prefix("devflow-supabase-")
        .tempdir()?;
    let folder = copy.path().join("supabase");
    fs::create_dir_all(folder.join("migrations"))?;
    for migration in set.iter() {
        let path = folder.join("migrations").join(migration.file());
        fs::write(path, migration.text().as_str())?;
    }
    link_all(&project.join("supabase"), &folder, |name| {
        name != "migrations"
    })?;
    link_all(project, copy.path(), |name| name.starts_with(".env"))?;
    Ok(copy)
}

/// Lets the entries of a folder be found in another one too.
fn link_all(from: &Path, to: &Path, wanted: impl Fn(&str) -> bool) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(&wanted) {
            link(
                &std::path::absolute(entry.path())?,
                &to.join(entry.file_name()),
            )?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn link(original: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(original, link)
}

/// Elsewhere a link needs a right that few have; settings are files.
#[cfg(not(unix))]
fn link(original: &Path, link: &Path) -> io::Result<()> {
    match original.is_file() {
        true => fs::copy(original, link).map(drop),
        false => Ok(()),
    }
}
