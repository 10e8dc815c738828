//! A program run by a test.

use crate::process::Process;
use crate::schema;
use crate::wait::wait_until;
use rustix::process::Signal;
use serde_json::Value;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// A program to be run with a known environment.
#[derive(Debug)]
pub struct Command(std::process::Command);

/// A running program, killed when the value is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: Reader,
    stderr: Reader,
}

/// How a program ended, and what it said.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Its exit code; 128 and the signal's number when a signal ended it.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// A pipe read to its end by a thread, so that the program never waits for us.
#[derive(Debug)]
struct Reader {
    text: Arc<Mutex<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl Command {
    /// A program in a folder. Of this process's environment it sees what it takes to run, and nothing that steers
    /// devflow, PostgreSQL's clients or a CI platform's integration.
    #[must_use]
    pub fn new(program: &Path, folder: &Path) -> Self {
        let mut command = std::process::Command::new(program);
        command.current_dir(folder).env_clear().stdin(Stdio::null());
        for name in ["PATH", "TMPDIR", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        Self(command)
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, arguments: &[&str]) -> Self {
        self.0.args(arguments);
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn run(self) -> Outcome {
        self.spawn().wait()
    }

    /// Starts it.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn spawn(mut self) -> Running {
        let command = self.0.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!("cannot run {}: {error}", self.0.get_program().display())
        });
        Running {
            stdout: Reader::start(child.stdout.take().expect("it is piped")),
            stderr: Reader::start(child.stderr.take().expect("it is piped")),
            child,
        }
    }
}

impl Running {
    /// The process.
    #[must_use]
    pub fn process(&self) -> Process {
        Process::new(self.child.id())
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        self.process().signal(signal);
    }

    /// What it has written to standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.stdout.so_far()
    }

    /// What it has written to standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.stderr.so_far()
    }

    /// Waits until standard error holds a text.
    ///
    /// # Panics
    /// When it does not come in time.
    pub fn wait_for_stderr(&self, text: &str) {
        wait_until(&format!("stderr holds {text:?}"), || {
            self.stderr().contains(text)
        });
    }

    /// Waits until standard output holds a text.
    ///
    /// # Panics
    /// When it does not come in time.
    pub fn wait_for_stdout(&self, text: &str) {
        wait_until(&format!("stdout holds {text:?}"), || {
            self.stdout().contains(text)
        });
    }

    /// Whether it has ended.
    ///
    /// # Panics
    /// When the system does not say.
    pub fn has_ended(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("a child can be asked")
            .is_some()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end in time.
    #[must_use]
    pub fn wait(mut self) -> Outcome {
        wait_until("the program ends", || self.has_ended());
        let status = self.child.wait().expect("it has ended");
        Outcome {
            code: code(status),
            stdout: self.stdout.finish(),
            stderr: self.stderr.finish(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn code(status: ExitStatus) -> i32 {
    let signal = || status.signal().map_or(-1, |signal| 128 + signal);
    status.code().unwrap_or_else(signal)
}

impl Outcome {
    /// Asserts the exit code.
    ///
    /// # Panics
    /// When it is another; the message holds all that the program said.
    #[must_use]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "exit code\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Standard output as the one JSON document that it must be, held against the published schema.
    ///
    /// # Panics
    /// When it is anything else.
    #[must_use]
    pub fn json(&self) -> Value {
        let document = self
            .stdout
            .strip_suffix('\n')
            .unwrap_or_else(|| panic!("no line end: {self:?}"));
        let document: Value = serde_json::from_str(document)
            .unwrap_or_else(|error| panic!("stdout is not one JSON document: {error}\n{self:?}"));
        schema::validate("output.schema.json", &document);
        document
    }
}

impl Reader {
    fn start(mut pipe: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&text);
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                shared
                    .lock()
                    .expect("no thread panics while it holds this")
                    .extend(&buffer[..length]);
            }
        });
        Self {
            text,
            thread: Some(thread),
        }
    }

    fn so_far(&self) -> String {
        let text = self
            .text
            .lock()
            .expect("no thread panics while it holds this");
        String::from_utf8_lossy(&text).into_owned()
    }

    fn finish(&mut self) -> String {
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the reading thread does not panic");
        }
        self.so_far()
    }
}
