//! Writes an outcome: data to stdout, talk to stderr.

use crate::exit;
use crate::fence::Fence;
use crate::human::{self, line};
use crate::json;
use crate::look::{Format, Look, Talk};
use crate::outcome::{Body, Kind, Outcome, Remark};
use crate::style::fit;
use std::io::{self, Write};

/// What each stream is to say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Texts {
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The texts of an outcome.
pub(crate) fn texts(outcome: &Outcome, look: Look) -> Texts {
    let fence = Fence::new(look.reader);
    let out = match (look.format, &outcome.body) {
        // Nobody else wrote a part of it, and a script must come as it is.
        (Format::Human, Body::Text(text)) => text.clone(),
        (Format::Human, _) => fence.around(fit(human::report(outcome, look), look.out_colour)),
        (Format::Json, _) => json::document(outcome),
    };
    let is_due = |remark: &&Remark| !remark.told && look.talk != Talk::Quiet;
    let untold = outcome.remarks.iter().filter(is_due);
    let mut err: String = untold.map(|remark| line::remark(&remark.text)).collect();
    err += &human::warnings(outcome);
    err += &human::trouble(outcome);
    Texts {
        out,
        err: fence.around(fit(err, look.err_colour)),
    }
}

/// Writes an outcome; the exit code is the outcome's own unless the result could not be written.
pub(crate) fn render(
    outcome: &Outcome,
    look: Look,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    let texts = texts(outcome, look);
    let written = write(out, &texts.out);
    // Nobody is left to be told that stderr cannot be written.
    let _ = write(err, &texts.err);
    conclude(written, exit::code(outcome), err)
}

/// Writes a text of ours, such as help, to stdout.
pub(crate) fn show(text: String, look: Look, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    conclude(write(out, &fit(text, look.out_colour)), 0, err)
}

/// The exit code once the result was written, or not: a reader who left, as `head` does, has what it wanted.
fn conclude(written: io::Result<()>, code: u8, err: &mut dyn Write) -> u8 {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = write(
                err,
                &format!("error: the output could not be written: {error}\n"),
            );
            exit::of(Kind::Output)
        }
        Ok(()) | Err(_) => code,
    }
}

/// Writes a text and flushes it.
fn write(stream: &mut dyn Write, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes())?;
    stream.flush()
}
