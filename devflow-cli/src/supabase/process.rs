//! A child process that ends with devflow, whatever ends devflow.

use super::environment::Environment;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::pin::pin;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

/// Runs a program in a group of its own, and kills the group as soon as the pipe closes whose other end devflow holds:
/// when devflow lets go of it, and when devflow is killed. The program itself reads nothing, and what it leaves behind is
/// ended with it.
#[cfg(unix)]
const LIFELINE: &str = "exec 3<&0
\"$@\" </dev/null 3<&- &
program=$!
{ read -r line; kill -KILL 0; } <&3 >/dev/null 2>&1 &
exec 3<&-
wait \"$program\"
code=$?
trap '' TERM
kill -TERM 0
exit \"$code\"";

/// The longest line that is passed on whole.
const LINE: usize = 64 * 1024;

/// The longest document that is read.
const DOCUMENT: u64 = 16 * 1024 * 1024;

/// How long what a program leaves behind may keep its streams open.
const GRACE: Duration = Duration::from_secs(5);

/// A program that was started. Dropped, it is killed with everything that it has started.
pub(super) struct Process {
    child: Child,
    _lifeline: Option<ChildStdin>,
}

/// How it ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Its exit code; `None` where a signal ended it.
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
}

impl Process {
    pub(super) fn start(
        program: &Path,
        arguments: &[OsString],
        environment: &Environment,
        folder: &Path,
    ) -> io::Result<Self> {
        let mut child = command(program)
            .args(arguments)
            .env_clear()
            .envs(environment.variables())
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self {
            _lifeline: child.stdin.take(),
            child,
        })
    }

    /// Waits for its end; each line of its stderr is told as it comes.
    pub(super) async fn run(mut self, tell: &mut (dyn FnMut(&str) + Send)) -> Ended {
        let (stdout, stderr) = (self.child.stdout.take(), self.child.stderr.take());
        let mut bytes = Vec::new();
        let status = {
            let reading = async { tokio::join!(document(stdout, &mut bytes), relay(stderr, tell)) };
            let mut reading = pin!(reading);
            tokio::select! {
                _ = &mut reading => self.child.wait().await,
                status = self.child.wait() => {
                    let _ = tokio::time::timeout(GRACE, reading).await;
                    status
                }
            }
        };
        Ended {
            code: status.ok().and_then(|status| status.code()),
            stdout: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }
}

#[cfg(unix)]
fn command(program: &Path) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", LIFELINE, "supabase"])
        .arg(program)
        .stdin(Stdio::piped())
        .process_group(0);
    command
}

#[cfg(not(unix))]
fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    command
}

/// A pipe that breaks ends here; the program's exit code says the rest.
async fn document(stdout: Option<impl AsyncRead + Unpin>, bytes: &mut Vec<u8>) {
    if let Some(stdout) = stdout {
        let _ = stdout.take(DOCUMENT).read_to_end(bytes).await;
    }
}

async fn relay(stderr: Option<impl AsyncRead + Unpin>, tell: &mut (dyn FnMut(&str) + Send)) {
    let Some(stderr) = stderr else {
        return;
    };
    let mut reader = BufReader::new(stderr);
    let mut line = Vec::new();
    while let Ok(1..) = (&mut reader)
        .take(LINE as u64)
        .read_until(b'\n', &mut line)
        .await
    {
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']);
        if !text.is_empty() {
            tell(text);
        }
        line.clear();
    }
}
