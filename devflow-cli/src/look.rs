//! How results and talk are to look.

use crate::args::TalkArguments;
use crate::surroundings::Surroundings;

/// How results and talk are to look: settled once, from the arguments and the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) format: Format,
    /// Whether stdout takes colour.
    pub(crate) out_colour: bool,
    /// Whether stderr takes colour.
    pub(crate) err_colour: bool,
    /// stdout's width, when it is a terminal.
    pub(crate) width: Option<usize>,
    pub(crate) progress: Drawing,
    pub(crate) talk: Talk,
    pub(crate) reader: Reader,
}

/// What stdout holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Human,
    Json,
}

/// How progress is shown on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drawing {
    /// A spinner, and a line for each finished migration.
    Spinner,
    /// A line for each migration that begins.
    Lines,
    /// The same, with what the server said, in groups that a runner folds.
    Groups,
    /// Nothing.
    Nothing,
}

/// How much is said on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Talk {
    /// Errors and warnings.
    Quiet,
    Ordinary,
    /// Everything that is known.
    Verbose,
}

/// Who reads what we write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    Ordinary,
    /// A runner that obeys workflow commands in it.
    GithubActions,
}

/// Whether `--ci` was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attendance {
    Attended,
    Job,
}

impl Format {
    /// What `--json` asks for.
    pub(crate) fn of(json: bool) -> Self {
        if json { Self::Json } else { Self::Human }
    }
}

impl Attendance {
    /// What `--ci` asks for.
    pub(crate) fn of(ci: bool) -> Self {
        if ci { Self::Job } else { Self::Attended }
    }
}

impl Talk {
    /// What `--quiet` and `--verbose` ask for.
    pub(crate) fn of(arguments: &TalkArguments) -> Self {
        match (arguments.quiet, arguments.verbose) {
            (true, _) => Self::Quiet,
            (false, true) => Self::Verbose,
            (false, false) => Self::Ordinary,
        }
    }
}

impl Look {
    /// The same with another amount of talk.
    pub(crate) fn talking(self, talk: Talk) -> Self {
        let progress = match (talk, self.progress) {
            (Talk::Quiet, _) => Drawing::Nothing,
            // Between so many lines a spinner would only flicker.
            (Talk::Verbose, Drawing::Spinner) => Drawing::Lines,
            (Talk::Ordinary | Talk::Verbose, progress) => progress,
        };
        Self {
            talk,
            progress,
            ..self
        }
    }

    pub(crate) fn new(format: Format, attendance: Attendance, surroundings: &Surroundings) -> Self {
        let terminal = match attendance {
            Attendance::Attended => surroundings.terminal(),
            Attendance::Job => surroundings.terminal.of_a_job(),
        };
        let reader = match surroundings.in_github_actions() {
            true => Reader::GithubActions,
            false => Reader::Ordinary,
        };
        Self {
            format,
            out_colour: terminal.out_colour,
            err_colour: terminal.err_colour,
            width: terminal.width,
            progress: match (attendance, reader) {
                (Attendance::Job, Reader::GithubActions) => Drawing::Groups,
                _ if terminal.err => Drawing::Spinner,
                _ => Drawing::Lines,
            },
            talk: Talk::Ordinary,
            reader,
        }
    }
}
