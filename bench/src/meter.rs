//! Runs one program and writes what it used to a file: `meter REPORT PROGRAM ARGUMENT...`.
//!
//! A process apart, and a small one, because Linux counts the memory of whoever starts a program as the program's own.

use serde_json::json;
use std::env::args_os;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;
use wait4::Wait4;

fn main() -> std::io::Result<ExitCode> {
    let mut arguments = args_os().skip(1);
    let missing = || std::io::Error::other("usage: meter REPORT PROGRAM ARGUMENT...");
    let report = arguments.next().ok_or_else(missing)?;
    let program = arguments.next().ok_or_else(missing)?;
    let started = Instant::now();
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .spawn()?;
    let used = child.wait4()?;
    let wall = started.elapsed();
    let usage = json!({
        "wall_seconds": wall.as_secs_f64(),
        "cpu_seconds": (used.rusage.utime + used.rusage.stime).as_secs_f64(),
        "memory_bytes": used.rusage.maxrss,
    });
    std::fs::write(report, usage.to_string())?;
    Ok(if used.status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
