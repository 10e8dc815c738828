//! The devflow command.

use devflow_cli::{Surroundings, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    let argv = std::env::args_os().collect();
    let surroundings = Surroundings::of_this_process();
    let code = run(
        argv,
        &surroundings,
        &mut std::io::stdout(),
        &mut std::io::stderr(),
    );
    ExitCode::from(code)
}
