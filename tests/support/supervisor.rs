//! The process that stands between tests and PostgreSQL.
//!
//! A test may end in ways that run no code of its own: Ctrl-C, a time limit, kill -9. So the server is the child of a
//! supervisor in a process group of its own, which stops it and removes its folder as soon as the owner is gone. The
//! owner is a process that is watched (the test runner), or whoever holds the other end of standard input (one test).

use crate::process::Process;
use crate::run::programs_folder;
use crate::server::ServerOptions;
use postmaster::Postmaster;
pub use postmaster::Stop;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{MissedTickBehavior, interval};

#[path = "postmaster.rs"]
mod postmaster;

/// What a supervisor is asked to do, as JSON in its only argument.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request {
    /// The server to start.
    pub options: ServerOptions,
    /// The process whose end is the server's end; without one, the end of standard input is.
    pub owner: Option<Process>,
    /// Removed when the server has stopped.
    pub state_file: Option<PathBuf>,
}

/// Where the started server is; the answer to a request and to `start`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Facts {
    /// The supervisor.
    pub supervisor: Process,
    /// PostgreSQL's first process.
    pub postmaster: Process,
    /// On 127.0.0.1.
    pub port: u16,
    /// The folder that holds everything: data, log, socket.
    pub directory: PathBuf,
    /// The server's log.
    pub log: PathBuf,
}

/// Starts a supervisor; its answer is the first line of its standard output.
pub(crate) fn spawn(request: &Request, input: Stdio) -> Child {
    let program = programs_folder().join("test-server");
    let request = serde_json::to_string(request).expect("a request is JSON");
    Command::new(&program)
        .arg(request)
        .process_group(0)
        .current_dir("/")
        .stdin(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {}: {error}", program.display()))
}

/// Reads an answer; a refusal is the test's failure.
pub(crate) fn read_answer(output: &mut BufReader<ChildStdout>) -> Facts {
    let mut line = String::new();
    output
        .read_line(&mut line)
        .expect("the supervisor's answer can be read");
    let answer: Result<Facts, String> =
        serde_json::from_str(&line).expect("the supervisor answers with a line of JSON");
    answer.unwrap_or_else(|message| panic!("{message}"))
}

/// The whole life of a supervisor.
pub fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be built");
    let request = std::env::args().nth(1).expect("one argument: the request");
    let request: Request = serde_json::from_str(&request).expect("the request is JSON");
    runtime.block_on(supervise(&request));
    if let Some(file) = &request.state_file {
        let _gone = std::fs::remove_file(file);
    }
}

async fn supervise(request: &Request) {
    let ending = Ending::new(request.owner.clone());
    let mut ended = tokio::spawn(ending.arrives());
    let mut commands = read_commands();
    let mut postmaster = match Postmaster::create(&request.options) {
        Ok(postmaster) => postmaster,
        Err(message) => return answer(&Err(message)),
    };
    let started = postmaster.start().await;
    answer(&started);
    if started.is_err() {
        return;
    }
    loop {
        tokio::select! {
            _ = &mut ended => break,
            command = commands.recv() => match command {
                Some(command) => answer(&obey(&mut postmaster, &command).await),
                None if request.owner.is_none() => break,
                None => { let _signal = ended.await; break }
            },
        }
    }
    postmaster.stop(Stop::Fast).await;
}

/// The owner's end, or a signal that tells this process to end.
struct Ending {
    owner: Option<Process>,
    signals: [Signal; 3],
}

impl Ending {
    /// From here on no signal ends this process before it has cleaned up.
    fn new(owner: Option<Process>) -> Self {
        let kinds = [
            SignalKind::terminate(),
            SignalKind::interrupt(),
            SignalKind::hangup(),
        ];
        Self {
            owner,
            signals: kinds.map(|kind| signal(kind).expect("the signal can be handled")),
        }
    }

    async fn arrives(mut self) {
        let [terminate, interrupt, hang_up] = &mut self.signals;
        let mut tick = interval(Duration::from_millis(100));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = terminate.recv() => return,
                _ = interrupt.recv() => return,
                _ = hang_up.recv() => return,
                _ = tick.tick() => if self.owner.as_ref().is_some_and(|owner| !owner.is_alive()) { return },
            }
        }
    }
}

/// Lines of standard input; a thread reads them because an unfinished read must not hold up the end.
fn read_commands() -> UnboundedReceiver<String> {
    let (sender, receiver) = unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

async fn obey(postmaster: &mut Postmaster, command: &str) -> Result<Facts, String> {
    match command {
        "start" => return postmaster.start().await,
        "stop fast" => postmaster.stop(Stop::Fast).await,
        "stop immediate" => postmaster.stop(Stop::Immediate).await,
        _ => return Err(format!("unknown command {command:?}")),
    }
    Ok(postmaster.facts())
}

/// One line of JSON; nobody may be there any more to read it.
fn answer(answer: &Result<Facts, String>) {
    let line = serde_json::to_string(answer).expect("an answer is JSON");
    let _closed = writeln!(std::io::stdout(), "{line}");
}
