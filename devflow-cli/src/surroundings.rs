//! What surrounds a call: variables, directory, terminal and clock.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;

/// What surrounds a call; everything that the command may learn about its process besides argv.
#[derive(Clone, Default)]
pub struct Surroundings {
    /// The environment variables.
    pub variables: BTreeMap<OsString, OsString>,
    /// The working directory.
    pub directory: PathBuf,
    /// The home directory, where there is one.
    pub home: Option<PathBuf>,
    /// What the three streams are.
    pub terminal: Terminal,
}

/// What the three streams are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Terminal {
    /// A person can answer: stdin and stderr are terminals.
    pub answers: bool,
    /// stderr is a terminal.
    pub err: bool,
    /// stdout's width in columns, when it is a terminal.
    pub width: Option<usize>,
    /// stdout takes colour.
    pub out_colour: bool,
    /// stderr takes colour.
    pub err_colour: bool,
}

impl Surroundings {
    /// Those of this process.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self {
            variables: std::env::vars_os().collect(),
            directory: std::env::current_dir().unwrap_or_default(),
            home: std::env::home_dir(),
            terminal: Terminal::of_this_process(),
        }
    }

    /// A variable that is set, not empty, and text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let value = self.variables.get(&OsString::from(name))?.to_str()?;
        (!value.is_empty()).then_some(value)
    }

    /// The streams as a command without `--ci` uses them: where `CI` is set nobody answers, even on a terminal, and
    /// nothing moves.
    pub(crate) fn terminal(&self) -> Terminal {
        match self.text("CI") {
            None | Some("false" | "0") => self.terminal,
            Some(_) => Terminal {
                answers: false,
                err: false,
                ..self.terminal
            },
        }
    }

    /// Whether a GitHub Actions runner reads what we write, and obeys workflow commands in it.
    pub(crate) fn in_github_actions(&self) -> bool {
        self.text("GITHUB_ACTIONS") == Some("true")
    }
}

impl Terminal {
    fn of_this_process() -> Self {
        let (out, err) = (std::io::stdout(), std::io::stderr());
        let width = console::Term::stdout()
            .size_checked()
            .map(|(_, columns)| usize::from(columns));
        Self {
            answers: std::io::stdin().is_terminal() && err.is_terminal(),
            err: err.is_terminal(),
            width: width.filter(|_| out.is_terminal()),
            out_colour: anstream::AutoStream::choice(&out) != anstream::ColorChoice::Never,
            err_colour: anstream::AutoStream::choice(&err) != anstream::ColorChoice::Never,
        }
    }

    /// The streams of a job: nobody answers, no colour, no spinner.
    #[must_use]
    pub(crate) fn of_a_job(self) -> Self {
        Self {
            width: self.width,
            ..Self::default()
        }
    }
}
