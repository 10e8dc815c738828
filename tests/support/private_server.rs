//! A server that one test has for itself.

use crate::process::Process;
use crate::server::{Server, ServerOptions};
use crate::supervisor::{Facts, Request, read_answer, spawn};
use rustix::process::Signal;
use std::io::{BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

/// A server that belongs to one test and stops with it.
#[derive(Debug)]
pub struct PrivateServer {
    server: Server,
    facts: Facts,
    supervisor: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl PrivateServer {
    /// Starts a server with the default settings and these.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(settings: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self::start_with(ServerOptions {
            settings: settings.iter().map(owned).collect(),
            ..ServerOptions::default()
        })
    }

    /// Starts a server.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start_with(options: ServerOptions) -> Self {
        Self::supervised(&Request {
            options,
            owner: None,
            state_file: None,
        })
    }

    /// Starts a server that another process owns, as the shared one is owned by the test runner.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start_for(owner: Process) -> Self {
        Self::supervised(&Request {
            options: ServerOptions::default(),
            owner: Some(owner),
            state_file: None,
        })
    }

    fn supervised(request: &Request) -> Self {
        let mut supervisor = spawn(request, Stdio::piped());
        let mut output = BufReader::new(supervisor.stdout.take().expect("it is piped"));
        let facts = read_answer(&mut output);
        Self {
            server: Server::new(&facts),
            facts,
            input: supervisor.stdin.take().expect("it is piped"),
            supervisor,
            output,
        }
    }

    /// Where it is, and how to ask it.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The folder that holds its data, log and socket.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.facts.directory
    }

    /// PostgreSQL's first process.
    #[must_use]
    pub fn postmaster(&self) -> &Process {
        &self.facts.postmaster
    }

    /// Stops it as a crash does; `restart` recovers.
    pub fn stop_immediate(&mut self) {
        self.ask("stop immediate");
    }

    /// Ends its sessions and stops it.
    pub fn stop(&mut self) {
        self.ask("stop fast");
    }

    /// Starts it again, on the same port unless somebody took it meanwhile.
    pub fn restart(&mut self) {
        self.facts = self.ask("start");
        self.server = Server::new(&self.facts);
    }

    /// Freezes every process of it until the value is dropped: connections are accepted, nothing is answered.
    #[must_use]
    pub fn pause(&self) -> Paused {
        let pids = self.server.rows(
            "postgres",
            "SELECT pid FROM pg_stat_activity WHERE application_name <> 'devflow-tests'",
        );
        let mut processes = vec![self.facts.postmaster.clone()];
        processes.extend(
            pids.iter()
                .map(|row| Process::new(row[0].parse().expect("a pid"))),
        );
        for process in &processes {
            process.signal(Signal::STOP);
        }
        Paused(processes)
    }

    fn ask(&mut self, command: &str) -> Facts {
        writeln!(self.input, "{command}").expect("the supervisor listens");
        read_answer(&mut self.output)
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        self.facts.supervisor.signal(Signal::TERM);
        let _status = self.supervisor.wait();
    }
}

/// A frozen server.
#[derive(Debug)]
pub struct Paused(Vec<Process>);

impl Drop for Paused {
    fn drop(&mut self) {
        for process in &self.0 {
            process.signal(Signal::CONT);
        }
    }
}
