//! A program run by a test.

use crate::process::Process;
use crate::promise::Promises;
use crate::schema;
use crate::terminal::Terminal;
use crate::wait::{wait_until, wait_until_within};
use rustix::process::Signal;
use serde_json::Value;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a program may take to its end: on a busy machine the Supabase CLI takes its time.
const PATIENCE: Duration = Duration::from_secs(150);

/// A program to be run with a known environment.
///
/// No run of any program may write the password of a URL that it was given, to its output or into a file for others. What devflow writes is also held against
/// the rest of what it promises: no control characters, nothing that a CI runner obeys, JSON that fits its schema.
#[derive(Debug)]
pub struct Command {
    command: std::process::Command,
    promises: Promises,
    stdout: Option<Stdio>,
    stderr: Option<Stdio>,
    is_devflow: bool,
}

/// A running program, killed when the value is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: Reader,
    stderr: Reader,
    keyboard: Option<File>,
    promises: Promises,
    is_devflow: bool,
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
        Self {
            command,
            promises: Promises::default(),
            stdout: None,
            stderr: None,
            is_devflow: program.ends_with("devflow"),
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, arguments: &[&str]) -> Self {
        self.command.args(arguments);
        let written = arguments.windows(2).filter(|pair| pair[0] == "--out");
        for pair in written {
            self.publishes(pair[1]);
        }
        self.promises.json |= arguments.contains(&"--json") && !arguments.contains(&"--help");
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self.promises.keep_secret_of(value);
        self.promises.obeyed |= name == "GITHUB_ACTIONS";
        self.promises.coloured |= name == "CLICOLOR_FORCE";
        if ["GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"].contains(&name) {
            self.publishes(value);
        }
        self
    }

    /// Names a file that the program may write and that others read.
    fn publishes(&mut self, file: &str) {
        let folder = self.command.get_current_dir();
        let file = folder.map_or_else(|| file.into(), |folder| folder.join(file));
        self.promises.files.push(file);
    }

    /// Names a text that must not be written: the password of a URL that cannot be read as one.
    #[must_use]
    pub fn secret(mut self, text: &str) -> Self {
        self.promises.keep_secret(text);
        self
    }

    /// Holds what a shell writes against what devflow promises, for devflow is all that the shell runs.
    #[must_use]
    pub(crate) fn for_devflow(mut self, json: bool) -> Self {
        self.is_devflow = true;
        self.promises.json = json;
        self
    }

    /// Sends standard output elsewhere; the outcome's is empty then.
    #[must_use]
    pub fn stdout_to(mut self, stdout: impl Into<Stdio>) -> Self {
        self.stdout = Some(stdout.into());
        self
    }

    /// Sends standard error elsewhere; the outcome's is empty then.
    #[must_use]
    pub fn stderr_to(mut self, stderr: impl Into<Stdio>) -> Self {
        self.stderr = Some(stderr.into());
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
        self.command
            .stdout(self.stdout.take().unwrap_or_else(Stdio::piped))
            .stderr(self.stderr.take().unwrap_or_else(Stdio::piped));
        let mut child = self.start();
        Running {
            stdout: Reader::of(child.stdout.take()),
            stderr: Reader::of(child.stderr.take()),
            child,
            keyboard: None,
            promises: self.promises,
            is_devflow: self.is_devflow,
        }
    }

    /// Starts it on a terminal with this many columns. Both streams are its standard output then, with the colours that
    /// they have and carriage returns at the ends of lines.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn spawn_on_terminal(mut self, columns: u16) -> Running {
        let Terminal { screen, line } = Terminal::open(columns);
        let line = || line.try_clone().expect("a file can be shared");
        self.promises.coloured = true;
        self.command
            .env("TERM", "xterm-256color")
            .stdin(line())
            .stdout(line())
            .stderr(line());
        let child = self.start();
        Running {
            stdout: Reader::of(Some(screen.try_clone().expect("a file can be shared"))),
            stderr: Reader::of(None::<File>),
            child,
            keyboard: Some(screen),
            promises: self.promises,
            is_devflow: self.is_devflow,
        }
    }

    /// Starts it. Its streams are closed on our side, so that their end can be seen.
    fn start(&mut self) -> Child {
        let program = Path::new(self.command.get_program()).to_owned();
        let spent = std::process::Command::new(&program);
        let mut command = std::mem::replace(&mut self.command, spent);
        command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {}: {error}", program.display()))
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
        wait_until_within(PATIENCE, &format!("stderr holds {text:?}"), || {
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

    /// Types a line on its terminal.
    ///
    /// # Panics
    /// When it has no terminal.
    pub fn type_line(&mut self, text: &str) {
        let keyboard = self.keyboard.as_mut().expect("it has a terminal");
        writeln!(keyboard, "{text}").expect("a terminal takes what is typed");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end in time, or wrote what it must not.
    #[must_use]
    pub fn wait(mut self) -> Outcome {
        wait_until_within(PATIENCE, "the program ends", || self.has_ended());
        let status = self.child.wait().expect("it has ended");
        let outcome = Outcome {
            code: code(status),
            stdout: self.stdout.finish(),
            stderr: self.stderr.finish(),
        };
        self.promises.assert_no_secret(&outcome);
        if self.is_devflow {
            self.promises.assert_kept(&outcome);
        }
        outcome
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

    /// Asserts the exit code and the error's code in the JSON document; returns the error's message and help.
    ///
    /// # Panics
    /// When either is another.
    #[must_use]
    pub fn expect_error(self, exit_code: i32, code: &str) -> String {
        let document = self.expect(exit_code).json();
        let error = &document["error"];
        assert_eq!(error["code"], code, "{document:#}");
        let help = error["help"].as_str().unwrap_or_default();
        format!("{}\n{help}", error["message"].as_str().unwrap_or_default())
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
            .filter(|document| document.starts_with('{') && document.ends_with('}'))
            .unwrap_or_else(|| panic!("not one document and a line end: {self:?}"));
        let document: Value = serde_json::from_str(document)
            .unwrap_or_else(|error| panic!("stdout is not one JSON document: {error}\n{self:?}"));
        schema::validate("output.schema.json", &document);
        document
    }
}

impl Reader {
    /// Reads what there is to read; a stream that leads elsewhere is empty.
    fn of(pipe: Option<impl Read + Send + 'static>) -> Self {
        match pipe {
            Some(pipe) => Self::start(pipe),
            None => Self::start(std::io::empty()),
        }
    }

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
