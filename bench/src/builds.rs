//! What embedding 1,000 migrations costs a build.

use crate::corpus::Corpus;
use crate::execution::Execution;
use crate::fault::{Fault, Result};
use crate::figures::{Figures, Metric};
use crate::programs::{build_arguments, built, succeeds, workspace};
use crate::trial::Rounds;
use std::fs;
use std::path::Path;
use std::process::Command;

/// In figures and on the command line.
pub(crate) const BUILD: &str = "build-c1000";

/// In the report.
pub(crate) const TITLE: &str = "Build with 1,000 migrations, beyond the build with one";

/// The embedding tools, and how often each is built: refinery's takes minutes.
const PACKAGES: [(&str, &str, usize); 3] = [
    ("embedded devflow", "devflow", 3),
    ("embedded sqlx", "sqlx", 3),
    ("embedded refinery", "refinery", 1),
];

/// Builds each program with one migration and with 1,000, and notes the difference. Gives those that failed.
pub(crate) fn measure(figures: &mut Figures, rounds: Rounds) -> Vec<String> {
    let mut failures = Vec::new();
    for (runner, package, times) in PACKAGES {
        for _ in 0..times.min(rounds.of_a_long_work()) {
            if let Err(fault) = compare(figures, runner, package) {
                failures.push(format!("{runner}: {fault}"));
                break;
            }
        }
    }
    failures
}

fn compare(figures: &mut Figures, runner: &'static str, package: &str) -> Result<()> {
    let one = build(package, None)?;
    let thousand = build(package, Some(Corpus::C1000))?;
    figures.add(BUILD, runner, Metric::BuildTime, thousand.0 - one.0);
    figures.add(BUILD, runner, Metric::ProgramGrowth, thousand.1 - one.1);
    Ok(())
}

/// Seconds of the processor, and the program's bytes. What it depends on has been built before.
fn build(package: &str, corpus: Option<Corpus>) -> Result<(f64, f64)> {
    let arguments = build_arguments(package, corpus);
    let cargo = || Command::new("cargo");
    succeeds(cargo().args(&arguments).current_dir(workspace()))?;
    forget(package)?;
    let execution = Execution::start(Path::new("cargo"), &arguments, workspace(), None)?;
    let used = execution.finish()?;
    let program = built(package);
    let size = fs::metadata(&program).map_err(|error| Fault::at(&program, error))?;
    Ok((used.cpu_seconds, size.len() as f64))
}

/// A source that is newer than what was built of it is built again.
fn forget(package: &str) -> Result<()> {
    let source = workspace().join(format!("embedded/{package}/src/main.rs"));
    let touched = fs::File::options()
        .append(true)
        .open(&source)
        .and_then(|file| file.set_modified(std::time::SystemTime::now()));
    touched.map_err(|error| Fault::at(&source, error))
}
