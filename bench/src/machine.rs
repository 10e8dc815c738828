//! The machine that it was measured on.

use crate::fault::Result;
use crate::programs::says;
use std::fs;
use std::thread::{available_parallelism, sleep};
use std::time::Duration;

/// Above this, somebody else is at work.
pub(crate) const BUSY: f64 = 0.5;

/// How long the load of our own builds may take to fade: the average is one of the last minute.
const SETTLING: Duration = Duration::from_mins(2);

/// What the machine is, a line each.
pub(crate) fn description() -> Result<Vec<String>> {
    let cores = available_parallelism().map_or(0, usize::from);
    Ok(vec![
        format!("{cores} cores, {}", field("/proc/cpuinfo", "model name")),
        format!("memory: {}", field("/proc/meminfo", "MemTotal")),
        says("uname", &["-srm"])?,
    ])
}

/// How many processes wanted to run, on the average of the last minute; 0 where the system does not say.
pub(crate) fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let first = text.split_whitespace().next();
    first.and_then(|word| word.parse().ok()).unwrap_or_default()
}

/// Waits until the load of our own builds has faded.
pub(crate) fn settle() {
    const PAUSE: Duration = Duration::from_secs(5);
    for _ in 0..SETTLING.as_secs() / PAUSE.as_secs() {
        if load() <= BUSY {
            return;
        }
        sleep(PAUSE);
    }
}

fn field(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.split_once(':'));
    value
        .map_or("unknown", |(_, value)| value.trim())
        .to_owned()
}
