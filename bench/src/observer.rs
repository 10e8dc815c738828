//! How much memory the server's processes had.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

/// Looks at the server's processes for one database until it is told to stop.
pub(crate) struct Observer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

/// A process keeps the most that it ever had, so that only what it takes in its last moments may be missed.
const INTERVAL: Duration = Duration::from_millis(10);

impl Observer {
    /// Begins to look.
    pub(crate) fn start(postmaster: u32, database: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let database = format!(" {database} ");
        let thread = std::thread::spawn(move || {
            let mut most = 0;
            while !stopped.load(Ordering::Relaxed) {
                most = most.max(peak(postmaster, &database));
                sleep(INTERVAL);
            }
            most
        });
        Self { stop, thread }
    }

    /// The most bytes that any of them had; 0 where the system does not say.
    pub(crate) fn finish(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

fn peak(postmaster: u32, database: &str) -> u64 {
    let children = fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children"));
    let children = children.unwrap_or_default();
    let backends = children.split_whitespace().filter(|pid| {
        fs::read_to_string(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|words| words.contains(database))
    });
    backends.map(memory).max().unwrap_or_default()
}

/// The process's high-water mark.
fn memory(pid: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next());
    kibibytes
        .and_then(|number| number.parse::<u64>().ok())
        .unwrap_or_default()
        * 1024
}
