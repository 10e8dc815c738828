//! How results and talk are to look.

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

impl Look {
    pub(crate) fn new(format: Format, attendance: Attendance, surroundings: &Surroundings) -> Self {
        let terminal = match attendance {
            Attendance::Attended => surroundings.terminal,
            Attendance::Job => surroundings.terminal.of_a_job(),
        };
        Self {
            format,
            out_colour: terminal.out_colour,
            err_colour: terminal.err_colour,
            width: terminal.width,
            progress: if terminal.err {
                Drawing::Spinner
            } else {
                Drawing::Lines
            },
            reader: if surroundings.in_github_actions() {
                Reader::GithubActions
            } else {
                Reader::Ordinary
            },
        }
    }
}
