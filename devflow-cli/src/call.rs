//! One call of the command, whoever parsed its arguments.

use crate::args::TalkArguments;
use crate::command;
use crate::github::Runner;
use crate::look::{Attendance, Format, Look, Talk};
use crate::outcome::{Body, Outcome, Trouble};
use crate::render;
use crate::settings::Settings;
use crate::surroundings::Surroundings;
use std::io::Write;

/// One call of the command: what it would report if nothing came of it, and how it is to look.
#[derive(Clone)]
pub(crate) struct Call<'a> {
    body: Body,
    look: Look,
    attendance: Attendance,
    surroundings: &'a Surroundings,
}

impl<'a> Call<'a> {
    pub(crate) fn new(
        body: Body,
        format: Format,
        attendance: Attendance,
        talk: &TalkArguments,
        surroundings: &'a Surroundings,
    ) -> Self {
        let look = Look::new(format, attendance, surroundings).talking(Talk::of(talk));
        Self {
            body,
            look,
            attendance,
            surroundings,
        }
    }

    /// Does what the settings say, reports it, and gives the exit code.
    pub(crate) fn perform(
        self,
        settings: Result<Settings, Trouble>,
        out: &mut dyn Write,
        err: &mut (dyn Write + Send),
    ) -> u8 {
        let outcome = match settings {
            Ok(settings) => command::act(&settings, self.body, self.look, err),
            Err(trouble) => Outcome::new(self.body).troubled(trouble),
        };
        let code = render::render(&outcome, self.look, out, err);
        if let Some(runner) = Runner::of(self.attendance, self.surroundings) {
            runner.tell(&outcome, err);
        }
        code
    }
}
