//! PostgreSQL as a child process: created, started and stopped.

use super::Facts;
use crate::installation::Installation;
use crate::port::free_port;
use crate::process::Process;
use crate::server::ServerOptions;
use crate::user::{User, temporary_folder};
use rustix::process::Signal;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::time::sleep;

/// Commits need not survive the machine, only the server's processes; what tests look at stays switched on.
const SETTINGS: [(&str, &str); 20] = [
    ("listen_addresses", "127.0.0.1"),
    ("max_connections", "300"),
    ("shared_buffers", "64MB"),
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("synchronous_commit", "on"),
    ("wal_level", "replica"),
    ("max_wal_size", "2GB"),
    ("checkpoint_timeout", "1h"),
    ("autovacuum", "off"),
    ("jit", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("log_destination", "stderr"),
    ("logging_collector", "off"),
    ("log_statement", "all"),
    ("log_connections", "on"),
    ("log_disconnections", "on"),
    ("log_min_messages", "notice"),
    ("log_line_prefix", "%m [%p] db=%d app=%a | "),
];

/// Roles in the group `scram_users` need their password over TCP; everybody else is trusted.
const ACCESS: &str = "\
host all +scram_users 127.0.0.1/32 scram-sha-256
local all all trust
host all all 127.0.0.1/32 trust
host replication all 127.0.0.1/32 trust
";

/// How a server is stopped.
#[derive(Debug, Clone, Copy)]
pub enum Stop {
    /// Sessions are ended, everything is written.
    Fast,
    /// As in a crash: nothing is written, the next start recovers.
    Immediate,
}

pub(super) struct Postmaster {
    installation: Installation,
    directory: TempDir,
    user: Option<User>,
    settings: Vec<(String, String)>,
    port: u16,
    child: Option<Child>,
}

impl Postmaster {
    /// Makes the folder and the cluster in it; everything is removed when the value is dropped.
    pub(super) fn create(options: &ServerOptions) -> Result<Self, String> {
        let installation = match &options.bin {
            Some(bin) => Installation::at(bin)
                .ok_or_else(|| format!("no initdb and postgres in {}", bin.display()))?,
            None => Installation::find()?,
        };
        let user = User::other_than_root()?;
        let directory = temporary_folder("devflow-test-", user)
            .map_err(|error| format!("no temporary folder: {error}"))?;
        let mut settings: Vec<(String, String)> = SETTINGS
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        settings.extend(options.settings.iter().cloned());
        let postmaster = Self {
            installation,
            directory,
            user,
            settings,
            port: 0,
            child: None,
        };
        match &options.copy_of {
            Some(data) => postmaster.copy(data)?,
            None => postmaster.initdb()?,
        }
        postmaster
            .configure(options)
            .map_err(|error| format!("cannot configure the server: {error}"))?;
        Ok(postmaster)
    }

    fn initdb(&self) -> Result<(), String> {
        let output = self
            .command("initdb")
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
            .args(["--locale=C", "--no-sync", "--pgdata"])
            .arg(self.data())
            .output()
            .map_err(|error| format!("cannot run initdb: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("initdb failed: {said}"))
    }

    /// Whoever may run the server may read another one's files: all servers run as the same user.
    fn copy(&self, data: &Path) -> Result<(), String> {
        let status = self
            .command_at(Path::new("cp"))
            .arg("-Rp")
            .args([data, &self.data()])
            .status();
        match status {
            Ok(status) if status.success() => Ok(()),
            failed => Err(format!("cannot copy {}: {failed:?}", data.display())),
        }
    }

    fn configure(&self, options: &ServerOptions) -> std::io::Result<()> {
        let mut access = options.access.concat();
        access.push_str(ACCESS);
        fs::write(self.data().join("pg_hba.conf"), access)?;
        for (name, content) in &options.files {
            let file = self.data().join(name);
            fs::write(&file, content)?;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
            self.give_away(&file)?;
        }
        Ok(())
    }

    /// Starts the server and returns when it answers; a port that was taken meanwhile is replaced.
    pub(super) async fn start(&mut self) -> Result<Facts, String> {
        loop {
            if self.port == 0 {
                self.port = free_port().map_err(|error| format!("no free port: {error}"))?;
            }
            self.spawn()
                .map_err(|error| format!("cannot run postgres: {error}"))?;
            let answer = self.answers().await;
            if answer.is_ok() {
                return Ok(self.facts());
            }
            self.stop(Stop::Immediate).await;
            let log = fs::read_to_string(self.log()).unwrap_or_default();
            if !log.contains("Address already in use") {
                return answer.map(|()| self.facts());
            }
            fs::write(self.log(), "").map_err(|error| format!("cannot empty the log: {error}"))?;
            self.port = 0;
        }
    }

    fn spawn(&mut self) -> std::io::Result<()> {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log())?;
        let mut command = self.command("postgres");
        command
            .arg("-D")
            .arg(self.data())
            .arg("-k")
            .arg(self.directory.path());
        command.args(["-p", &self.port.to_string()]);
        for (name, value) in &self.settings {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        self.child = Some(command.stderr(log).spawn()?);
        Ok(())
    }

    async fn answers(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            if let Some(Ok(Some(_status))) = self.child.as_mut().map(Child::try_wait) {
                break;
            }
            if self.prepare().await.is_ok() {
                return Ok(());
            }
            sleep(Duration::from_millis(20)).await;
        }
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        Err(format!("postgres did not start; its log: {log}"))
    }

    /// The first statement that a server is asked makes the group that `ACCESS` names.
    async fn prepare(&self) -> Result<(), tokio_postgres::Error> {
        let mut config = tokio_postgres::Config::new();
        config
            .host_path(self.directory.path())
            .port(self.port)
            .user("postgres")
            .dbname("postgres");
        let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
        let connection = tokio::spawn(connection);
        client
            .batch_execute(
                "DO $$BEGIN IF NOT pg_is_in_recovery() AND to_regrole('scram_users') IS NULL \
                 THEN CREATE ROLE scram_users; END IF; END$$",
            )
            .await?;
        drop(client);
        let _closed = connection.await;
        Ok(())
    }

    /// Stops the server; whatever it does, it is gone afterwards.
    pub(super) async fn stop(&mut self, stop: Stop) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        let process = Process::new(child.id());
        // A paused server would not notice.
        process.signal(Signal::CONT);
        let signals = match stop {
            Stop::Fast => [Signal::INT, Signal::QUIT, Signal::KILL].as_slice(),
            Stop::Immediate => [Signal::QUIT, Signal::KILL].as_slice(),
        };
        for signal in signals {
            process.signal(*signal);
            let deadline = Instant::now() + Duration::from_secs(10);
            while Instant::now() < deadline {
                if !matches!(child.try_wait(), Ok(None)) {
                    return;
                }
                sleep(Duration::from_millis(10)).await;
            }
        }
    }

    pub(super) fn facts(&self) -> Facts {
        Facts {
            supervisor: Process::current(),
            postmaster: Process::new(self.child.as_ref().map_or(0, Child::id)),
            port: self.port,
            directory: self.directory.path().to_owned(),
            log: self.log(),
        }
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    fn command(&self, program: &str) -> Command {
        self.command_at(&self.installation.program(program))
    }

    fn command_at(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LC_ALL", "C")
            .current_dir(self.directory.path())
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        if let Some(user) = self.user {
            command.uid(user.uid).gid(user.gid);
        }
        command
    }

    fn give_away(&self, file: &Path) -> std::io::Result<()> {
        match self.user {
            Some(user) => chown(file, Some(user.uid), Some(user.gid)),
            None => Ok(()),
        }
    }
}
