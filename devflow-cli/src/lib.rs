//! The devflow command: arguments in, an exit code out.
//!
//! ```
//! use devflow_cli::{Surroundings, run};
//!
//! let (mut out, mut err) = (Vec::new(), Vec::new());
//! let argv = ["devflow", "--version"].map(Into::into);
//! assert_eq!(run(argv.into(), &Surroundings::default(), &mut out, &mut err), 0);
//! assert!(out.starts_with(b"devflow "));
//! ```
//!
//! [`run`] is the whole of it, in four stages: parse the arguments, resolve the settings, act, render the outcome.
//! stdout is data, stderr is talk; [`CODES`] lists the exit codes.
//!
//! [`Embedded`] is the same command inside a service's own program.
//!
//! Variables, working directory and terminals come in as [`Surroundings`], and both streams as writers, so that a test can
//! say what surrounds a call. A URL is taken from a variable, never
//! from an argument, and nothing shows it. Renderers and exit codes see the outcome and nothing else.

mod approve;
mod args;
mod branch;
mod call;
mod command;
mod duration;
mod effect;
mod embedded;
mod exit;
mod fence;
mod git;
mod github;
#[cfg(test)]
mod golden;
mod human;
mod json;
mod look;
mod outcome;
mod plan_file;
mod progress;
mod question;
mod render;
mod secret;
mod settings;
mod signals;
mod stale;
mod style;
mod supabase;
mod surroundings;
mod visible;

use args::NotParsed;
use call::Call;
pub use embedded::Embedded;
pub use exit::CODES;
use look::{Attendance, Format, Look};
use outcome::Outcome;
use std::ffi::OsString;
use std::io::Write;
pub use surroundings::{Surroundings, Terminal};

/// Runs the command that `argv` names and gives its exit code.
pub fn run(
    argv: Vec<OsString>,
    surroundings: &Surroundings,
    out: &mut dyn Write,
    err: &mut (dyn Write + Send),
) -> u8 {
    let arguments = match args::parse(&argv) {
        Ok(arguments) => arguments,
        Err(not_parsed) => return explain(not_parsed, surroundings, out, err),
    };
    let command = &arguments.command;
    let call = Call::new(
        command.body(),
        Format::of(command.json()),
        Attendance::of(command.ci()),
        &arguments.talk,
        surroundings,
    );
    call.perform(settings::resolve(arguments, surroundings), out, err)
}

/// Shows help, or what is wrong with the arguments.
fn explain(
    not_parsed: NotParsed,
    surroundings: &Surroundings,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    let look = |json| Look::new(Format::of(json), Attendance::Attended, surroundings);
    match not_parsed {
        NotParsed::Shown(text) => render::show(text, look(false), out, err),
        NotParsed::Refused {
            body,
            json,
            trouble,
        } => render::render(
            &Outcome::new(*body).troubled(*trouble),
            look(json),
            out,
            err,
        ),
    }
}
