//! 350 tests with a database each: a copy of a template, one that each migrates, and one that sqlx's attribute makes.

use crate::corpus::Corpus;
use crate::fault::{Fault, Result};
use crate::programs::{says, workspace};
use std::process::Command;
use support::{PrivateServer, TestDatabase};

/// Each program of tests, and what it does.
const PROGRAMS: [(&str, &str); 3] = [
    ("copied", "`TestDatabase::create`: a copy of the template"),
    (
        "migrated",
        "CREATE DATABASE, devflow's migrations, DROP DATABASE",
    ),
    ("sqlx", "`#[sqlx::test(migrations = …)]`"),
];

/// Prints a table for a server as tests want it, and for one as it is installed.
pub(crate) fn print() -> Result<()> {
    Corpus::History.generate()?;
    let threads = says("nproc", &[])?;
    for (name, _) in PROGRAMS {
        let _built = run(name, None)?;
    }
    for fsync in ["off", "on"] {
        println!(
            "\n| 350 tests, {threads} at a time, fsync={fsync} | seconds | to the first |\n| --- | ---: | ---: |"
        );
        table(fsync)?;
    }
    Ok(())
}

fn table(fsync: &str) -> Result<()> {
    let server = PrivateServer::start(&[("fsync", fsync), ("log_statement", "none")]);
    let mut first = None;
    for (name, what) in PROGRAMS {
        let home = TestDatabase::create_on(server.server());
        let seconds = run(name, Some(&home.url()))?;
        let ratio = seconds / *first.get_or_insert(seconds);
        println!("| {what} | {seconds:.1} | {ratio:.1} × |");
    }
    Ok(())
}

/// Runs one program of tests, or only builds it; the seconds that its tests took together, as the test harness says.
fn run(name: &str, url: Option<&str>) -> Result<f64> {
    let mut cargo = Command::new("cargo");
    cargo.args(["test", "--quiet", "--locked", "--package", "databases"]);
    cargo.args(["--features", "history", "--test", name]);
    cargo.args(url.is_none().then_some("--no-run"));
    if let Some(url) = url {
        cargo.env("DATABASE_URL", url);
    }
    let output = cargo.current_dir(workspace()).output();
    let output = output.map_err(|error| Fault::new(format!("cargo: {error}")))?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        return Err(Fault::new(format!("{name}: {said}{reason}")));
    }
    let seconds = said.split("finished in ").nth(1);
    let seconds = seconds.and_then(|rest| rest.split('s').next()?.parse().ok());
    match (url, seconds) {
        (None, _) => Ok(0.0),
        (Some(_), Some(seconds)) => Ok(seconds),
        (Some(_), None) => Err(Fault::new(format!(
            "{name} does not say how long it took: {said}"
        ))),
    }
}
