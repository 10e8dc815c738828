//! The run that a test belongs to, and where it keeps what its tests share.

use crate::process::Process;
use std::fs;
use std::path::PathBuf;

/// Whose end is the run's end: nextest gives each test a process of its own; cargo test runs all in one.
pub(crate) fn run_owner() -> Process {
    match std::env::var_os("NEXTEST") {
        Some(_) => Process::parent(),
        None => Process::current(),
    }
}

/// Beside the test executables, so that it goes with the target directory.
pub(crate) fn state_folder() -> PathBuf {
    let folder = programs_folder().join("devflow-tests");
    fs::create_dir_all(&folder).expect("the target directory is writable");
    folder
}

/// Where Cargo puts the workspace's programs: the folder above that of the test executables.
pub(crate) fn programs_folder() -> PathBuf {
    let mut folder = std::env::current_exe().expect("a process knows its program");
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    folder
}
