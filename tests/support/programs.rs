//! The workspace's own programs, as tests run them.

use crate::cargo::cargo;
use crate::run::{programs_folder, run_owner, state_folder};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A program of the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// The CLI.
    Devflow,
    /// The service in `examples/service`.
    ExampleService,
    /// Its next release, which has one migration more: `tests/next_build`.
    NextService,
    /// The supervisor of test servers.
    TestServer,
}

/// The full path of a program, built from the sources as they are now.
///
/// Cargo builds the programs of a package for that package's own tests only, so a program of another one would be
/// missing or, worse, old. The first test of a run that needs one has Cargo build them all, which takes no time when
/// they are up to date. `./test` has built them when it says so in `DEVFLOW_TEST_PROGRAMS`. `DEVFLOW_TEST_DEVFLOW` is
/// the path of a CLI that was installed from a package.
///
/// # Panics
/// When they cannot be built.
#[must_use]
pub fn program(program: Program) -> PathBuf {
    let installed = std::env::var_os("DEVFLOW_TEST_DEVFLOW");
    if let (Program::Devflow, Some(installed)) = (program, installed) {
        return PathBuf::from(installed);
    }
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        if std::env::var_os("DEVFLOW_TEST_PROGRAMS").is_none_or(|value| value != "built") {
            build_once_a_run();
        }
    });
    programs_folder().join(match program {
        Program::Devflow => "devflow",
        Program::ExampleService => "example-service",
        Program::NextService => "example-service-next",
        Program::TestServer => "test-server",
    })
}

fn build_once_a_run() {
    let run = run_owner().key();
    let folder = state_folder();
    let lock = File::create(folder.join("programs.lock")).expect("the lock file can be made");
    lock.lock().expect("the lock file can be locked");
    let built_for = folder.join("programs");
    if fs::read_to_string(&built_for).is_ok_and(|built| built == run) {
        return;
    }
    build();
    fs::write(&built_for, run).expect("the state file can be written");
}

/// Into the target directory that this test is from.
fn build() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut target = programs_folder();
    target.pop();
    let target = target.to_string_lossy();
    let _nothing = cargo(
        &workspace,
        &["build", "--workspace", "--bins", "--target-dir", &target],
    );
}
