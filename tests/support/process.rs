//! Processes that are not our children.

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde::{Deserialize, Serialize};

/// A process, told apart from a later one that is given the same number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    pid: u32,
    started: Option<String>,
}

impl Process {
    /// The process that now has this number.
    #[must_use]
    pub fn new(pid: u32) -> Self {
        Self {
            pid,
            started: start_time(pid),
        }
    }

    /// This process.
    #[must_use]
    pub fn current() -> Self {
        Self::new(std::process::id())
    }

    /// The process that started this one.
    #[must_use]
    pub fn parent() -> Self {
        Self::new(std::os::unix::process::parent_id())
    }

    /// Its number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it still runs; one that has ended and was not collected by its parent does not.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let exists = rustix_pid(self.pid).is_some_and(|pid| test_kill_process(pid).is_ok());
        exists && start_time(self.pid) == self.started
    }

    /// A word that no other process of this machine has.
    #[must_use]
    pub fn key(&self) -> String {
        let started = self.started.as_deref().unwrap_or("0");
        format!("{}-{started}", self.pid)
    }

    /// Sends a signal; a process that is gone takes none, which is no error.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = rustix_pid(self.pid) {
            let _gone = kill_process(pid, signal);
        }
    }
}

fn rustix_pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// The start time where the system tells it cheaply; `None` for a process that is gone or not yet collected.
///
/// Without it a number used again would be taken for the process, which the watch's short interval makes improbable.
fn start_time(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold anything; the state follows it, the start time is 19 words later.
    let mut words = stat.rsplit_once(')')?.1.split_whitespace();
    let state = words.next()?;
    let started = words.nth(18)?;
    (!matches!(state, "Z" | "X")).then(|| started.to_owned())
}
