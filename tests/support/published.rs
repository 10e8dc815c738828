//! Migrations that others wrote, taken from published packages at test time.

use crate::cargo::cargo;
use std::fs;
use std::path::PathBuf;

/// The `.sql` files in a folder of a package of crates.io, each with its name, sorted by it.
///
/// Cargo fetches the one package, without what it depends on, into its own cache, and checks it against the registry's
/// index. A published version never changes.
///
/// # Panics
/// When the package cannot be had.
#[must_use]
pub fn published_files(package: &str, version: &str, folder: &str) -> Vec<(String, String)> {
    let sources = sources(package, version).unwrap_or_else(|| {
        fetch(package, version);
        sources(package, version).expect("cargo keeps what it fetched")
    });
    let entries = fs::read_dir(sources.join(folder)).expect("the package has the folder");
    let mut files: Vec<(String, String)> = entries
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "sql"))
        .map(|path| {
            let name = path
                .file_name()
                .expect("a file has a name")
                .to_string_lossy()
                .into_owned();
            (name, fs::read_to_string(&path).expect("the file is UTF-8"))
        })
        .collect();
    files.sort();
    files
}

/// Where Cargo keeps the package's files.
fn sources(package: &str, version: &str) -> Option<PathBuf> {
    let registries = fs::read_dir(cargo_home().join("registry/src")).ok()?;
    let folders = registries
        .flatten()
        .map(|registry| registry.path().join(format!("{package}-{version}")));
    // Cargo writes this file last, so a folder without it is only half unpacked.
    folders
        .into_iter()
        .find(|folder| folder.join(".cargo-ok").is_file())
}

fn cargo_home() -> PathBuf {
    let home = || {
        std::env::home_dir()
            .expect("a user has a home")
            .join(".cargo")
    };
    std::env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from)
}

/// `cargo info` is Cargo's only command that fetches one package alone.
fn fetch(package: &str, version: &str) {
    let package = format!("{package}@{version}");
    let arguments = ["info", "--quiet", "--registry", "crates-io", &package];
    let _description = cargo(&std::env::temp_dir(), &arguments);
}
