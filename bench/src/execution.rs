//! One run of a tool's program, and what it used.

use crate::fault::{Fault, Result};
use crate::runner::Invocation;
use serde::Deserialize;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// What a program used, as the meter writes it.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Usage {
    pub(crate) wall_seconds: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) memory_bytes: f64,
}

/// A program that runs under the meter.
pub(crate) struct Execution {
    meter: Child,
    folder: TempDir,
}

impl Execution {
    /// Starts a tool on a database.
    pub(crate) fn of(invocation: &Invocation, url: &str) -> Result<Self> {
        Self::start(
            &invocation.program,
            &invocation.arguments,
            &invocation.folder,
            Some(url),
        )
    }

    /// Starts a program. With a URL it is a tool, and sees nothing else of our environment that could steer it.
    pub(crate) fn start(
        program: &Path,
        arguments: &[String],
        directory: &Path,
        url: Option<&str>,
    ) -> Result<Self> {
        let broken = |error: io::Error| Fault::at(program, error);
        let folder = TempDir::new().map_err(broken)?;
        let said = File::create(folder.path().join("said")).map_err(broken)?;
        let mut command = Command::new(meter()?);
        command
            .arg(folder.path().join("usage"))
            .arg(program)
            .args(arguments)
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(said.try_clone().map_err(broken)?)
            .stderr(said);
        if let Some(url) = url {
            let path = std::env::var_os("PATH").unwrap_or_default();
            command
                .env_clear()
                .env("PATH", path)
                .env("DATABASE_URL", url);
            command.envs(libpq(url));
        }
        let meter = command.spawn().map_err(broken)?;
        Ok(Self { meter, folder })
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> Result<Usage> {
        let file = self.folder.path().join("usage");
        let status = self.meter.wait().map_err(|error| Fault::at(&file, error))?;
        if !status.success() {
            return Err(Fault::new(format!("it said: {}", self.said().trim())));
        }
        let text = fs::read(&file).map_err(|error| Fault::at(&file, error))?;
        serde_json::from_slice(&text).map_err(|error| Fault::at(&file, error))
    }

    /// Waits for its end, and gives what it said.
    pub(crate) fn finish_saying(mut self) -> Result<String> {
        let ended = self.meter.wait();
        ended.map_err(|error| Fault::at(self.folder.path(), error))?;
        Ok(self.said())
    }

    fn said(&self) -> String {
        let said = fs::read(self.folder.path().join("said")).unwrap_or_default();
        String::from_utf8_lossy(&said).into_owned()
    }
}

/// psql takes a URL as an argument or these; with these its arguments are the same for every database.
fn libpq(url: &str) -> Vec<(&'static str, String)> {
    let Some((address, rest)) = url
        .strip_prefix("postgres://postgres@")
        .and_then(|rest| rest.split_once('/'))
    else {
        return Vec::new();
    };
    let (host, port) = address.split_once(':').unwrap_or((address, "5432"));
    let database = rest.split('?').next().unwrap_or(rest);
    vec![
        ("PGHOST", host.to_owned()),
        ("PGPORT", port.to_owned()),
        ("PGUSER", "postgres".to_owned()),
        ("PGDATABASE", database.to_owned()),
        ("PGSSLMODE", "disable".to_owned()),
    ]
}

/// It is built beside this program.
fn meter() -> Result<PathBuf> {
    let here = std::env::current_exe();
    let here = here.map_err(|error| Fault::new(format!("this program's path: {error}")))?;
    Ok(here.with_file_name("meter"))
}
