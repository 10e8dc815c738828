//! How many instructions a program takes, which is the same on a busy machine.

use crate::execution::Execution;
use crate::runner::Invocation;
use std::path::Path;
use std::process::Command;

/// Whether Valgrind is here to count.
pub(crate) fn can_be_counted() -> bool {
    let version = Command::new("valgrind").arg("--version").output();
    version.is_ok_and(|output| output.status.success())
}

/// As callgrind counts them; none where Valgrind is missing, or does not know one of the program's instructions.
pub(crate) fn of(invocation: &Invocation, url: &str) -> Option<f64> {
    let mut arguments = vec![
        "--tool=callgrind".to_owned(),
        "--callgrind-out-file=/dev/null".to_owned(),
        invocation.program.to_string_lossy().into_owned(),
    ];
    arguments.extend(invocation.arguments.iter().cloned());
    let valgrind = Path::new("valgrind");
    let execution = Execution::start(valgrind, &arguments, &invocation.folder, Some(url)).ok()?;
    let said = execution.finish_saying().ok()?;
    let line = said
        .lines()
        .find_map(|line| line.split_once("Collected : "))?;
    line.1.trim().parse().ok()
}
