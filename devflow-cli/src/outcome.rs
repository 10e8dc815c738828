//! What a command came to: everything that a renderer or an exit code may need, as plain data.

mod check;
mod config;
mod from;
mod history;
mod trouble;

pub(crate) use check::{Check, Compared};
pub(crate) use config::{Configuration, Origin, Setting};
use devflow_migrations::Effect;
use devflow_runtime::State;
pub(crate) use history::{Log, Row, Show, Statement};
use std::path::PathBuf;
pub(crate) use trouble::{Difference, Kind, Problem, Signal, Trouble};

/// What a command came to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) body: Body,
    /// The environment's name, where devflow.yml has any.
    pub(crate) environment: Option<String>,
    /// The folder that the migrations' paths are relative to, once it was known.
    pub(crate) folder: Option<PathBuf>,
    /// The run's id, once there was one.
    pub(crate) run: Option<String>,
    /// Where it ran, once that was known.
    pub(crate) place: Option<Place>,
    /// Differences between files and ledger, refused ones and warnings.
    pub(crate) findings: Vec<Finding>,
    /// What is not as it was approved.
    pub(crate) differences: Vec<Difference>,
    /// What a person should know besides.
    pub(crate) remarks: Vec<Remark>,
    pub(crate) elapsed_ms: f64,
    /// Whether a terminal has shown the header and each finished migration already.
    pub(crate) watched: bool,
    /// Why the exit code is not 0.
    pub(crate) trouble: Option<Trouble>,
}

/// What only one command has; there from the start, so that a failure has the same keys.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Body {
    /// The arguments name no command.
    None,
    /// A text of ours: a script for a shell, or a man page.
    Text(String),
    Init(Init),
    New(New),
    Migrate(Work),
    Status(Status),
    Baseline(Work),
    Adopt(Work),
    Revert(Work),
    Repair(Repair),
    Show(Show),
    Log(Log),
    Check(Check),
    Config(Configuration),
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Init {
    pub(crate) files: Vec<Written>,
}

/// One file that `init` is about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Written {
    pub(crate) path: String,
    pub(crate) action: Action,
    /// The line that it should have.
    pub(crate) line: Option<String>,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Created,
    /// A line was added at the end.
    Extended,
    /// It was there, and says what it should.
    Kept,
    /// It was there, and a person has to add something to it.
    ToDo,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct New {
    pub(crate) migration: Option<File>,
}

/// What a command came to that carries out a plan.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Work {
    pub(crate) mode: Mode,
    /// How many migrations were in the database before.
    pub(crate) already_applied: Option<usize>,
    /// What was committed, in order.
    pub(crate) done: Vec<Applied>,
    /// Versions whose commit could not be confirmed.
    pub(crate) unconfirmed: Vec<String>,
    /// What of the plan is still to be done, and what is beyond it.
    pub(crate) pending: Vec<File>,
    pub(crate) failure: Option<Box<Failure>>,
    pub(crate) plan: Option<Plan>,
    /// The Supabase CLI that applies, where devflow does not.
    pub(crate) supabase: Option<Supabase>,
}

/// A Supabase CLI that was found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Supabase {
    pub(crate) path: String,
    pub(crate) version: String,
}

/// Whether anything was to be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    #[default]
    Apply,
    DryRun,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Status {
    pub(crate) entries: Vec<Entry>,
    pub(crate) ledger_exists: Option<bool>,
    pub(crate) plan: Option<Plan>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Repair {
    pub(crate) mode: Mode,
    pub(crate) corrections: Vec<Correction>,
    /// What an approval names.
    pub(crate) digest: Option<String>,
}

/// What a person decided about a version, and what the ledger says of it before and after.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Correction {
    pub(crate) version: String,
    /// The file's path, where there is one.
    pub(crate) path: Option<String>,
    pub(crate) decision: &'static str,
    pub(crate) before: Option<Standing>,
    pub(crate) after: Standing,
}

/// What a version's last row says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Standing {
    pub(crate) event: &'static str,
    /// The file's own name.
    pub(crate) file: Option<String>,
    pub(crate) checksum: Option<String>,
    /// Outside a transaction: how many statements are known complete.
    pub(crate) statements: Option<i32>,
}

/// What a run would apply, and the digest that an approval names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    pub(crate) digest: String,
    pub(crate) steps: Vec<File>,
    /// What the statements of each step do; none where that was not asked for.
    pub(crate) effects: Vec<Vec<Effect>>,
}

/// A migration, as its file names it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct File {
    pub(crate) version: String,
    /// As users know it: relative to devflow.yml's folder.
    pub(crate) path: String,
    /// `transaction` or `no-transaction`, where the file is known.
    pub(crate) mode: Option<&'static str>,
    pub(crate) checksum: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Applied {
    pub(crate) file: File,
    pub(crate) execution_ms: f64,
    pub(crate) statements: usize,
    pub(crate) notices: Vec<Notice>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Notice {
    pub(crate) severity: String,
    pub(crate) sqlstate: String,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

/// A migration that failed. Detail and context can hold row data: people see them, JSON does not.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    pub(crate) file: File,
    pub(crate) sqlstate: Option<String>,
    pub(crate) message: String,
    pub(crate) detail: Option<String>,
    pub(crate) hint: Option<String>,
    pub(crate) context: Option<String>,
    /// What it waited for when the wait was ended.
    pub(crate) waited_for: Option<devflow_runtime::LockWait>,
    pub(crate) snippet: Option<Snippet>,
    pub(crate) statement: Option<usize>,
    /// Outside a transaction: how many statements are complete and stay.
    pub(crate) completed: Option<usize>,
    pub(crate) recorded: bool,
    pub(crate) notices: Vec<Notice>,
}

/// A place in a file; numbers start at 1 and columns count characters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Snippet {
    pub(crate) line: u32,
    pub(crate) column: u32,
    /// The line's text.
    pub(crate) text: Option<String>,
}

/// One version's state.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) version: String,
    pub(crate) path: Option<String>,
    pub(crate) state: State,
    pub(crate) checksum: Option<String>,
    pub(crate) at: Option<String>,
    pub(crate) execution_ms: Option<f64>,
    pub(crate) by: Option<String>,
    pub(crate) error: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Place {
    pub(crate) server: String,
    pub(crate) database: String,
    pub(crate) role: String,
    pub(crate) server_version: String,
    pub(crate) schema: String,
    pub(crate) table: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finding {
    pub(crate) code: &'static str,
    pub(crate) refused: bool,
    pub(crate) version: String,
    pub(crate) path: Option<String>,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// What a person should know, and whether it was said while the command ran.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Remark {
    pub(crate) text: String,
    pub(crate) told: bool,
}

impl Outcome {
    /// An outcome with nothing in it yet.
    pub(crate) fn new(body: Body) -> Self {
        Self {
            body,
            environment: None,
            folder: None,
            run: None,
            place: None,
            findings: Vec::new(),
            differences: Vec::new(),
            remarks: Vec::new(),
            elapsed_ms: 0.0,
            watched: false,
            trouble: None,
        }
    }

    pub(crate) fn troubled(mut self, trouble: Trouble) -> Self {
        self.trouble = Some(trouble);
        self
    }

    /// Names the signal that ended a run.
    pub(crate) fn interrupted_by(mut self, seen: Option<Signal>) -> Self {
        if let Some(trouble) = &mut self.trouble
            && let (Kind::Interrupted(signal), Some(seen)) = (&mut trouble.kind, seen)
        {
            *signal = seen;
            trouble.message = Trouble::interrupted(seen).message;
        }
        self
    }

    pub(crate) fn refused(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.refused)
    }
}

impl Body {
    /// The command's word, as in argv and in JSON.
    pub(crate) fn command(&self) -> Option<&'static str> {
        match self {
            Self::None | Self::Text(_) => None,
            Self::Init(_) => Some("init"),
            Self::New(_) => Some("new"),
            Self::Migrate(_) => Some("migrate"),
            Self::Status(_) => Some("status"),
            Self::Baseline(_) => Some("baseline"),
            Self::Adopt(_) => Some("adopt"),
            Self::Revert(_) => Some("revert"),
            Self::Repair(_) => Some("repair"),
            Self::Show(_) => Some("show"),
            Self::Log(_) => Some("log"),
            Self::Check(_) => Some("check"),
            Self::Config(_) => Some("config"),
        }
    }

    /// What carrying out a plan came to.
    pub(crate) fn work(&self) -> Option<&Work> {
        match self {
            Self::Migrate(work) | Self::Baseline(work) => Some(work),
            Self::Adopt(work) | Self::Revert(work) => Some(work),
            _ => None,
        }
    }

    pub(crate) fn work_mut(&mut self) -> Option<&mut Work> {
        match self {
            Self::Migrate(work) | Self::Baseline(work) => Some(work),
            Self::Adopt(work) | Self::Revert(work) => Some(work),
            _ => None,
        }
    }

    /// What is done to a migration.
    pub(crate) fn participle(&self) -> &'static str {
        match self {
            Self::Baseline(_) | Self::Adopt(_) | Self::Repair(_) => "recorded",
            Self::Revert(_) => "reverted",
            _ => "applied",
        }
    }
}

impl File {
    /// The file's own name.
    pub(crate) fn file(&self) -> &str {
        file_of(&self.path)
    }

    /// The part of the name that people gave it: between version and ending.
    pub(crate) fn name(&self) -> &str {
        name_of(&self.path)
    }
}

/// The last part of a path.
pub(crate) fn file_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// What stands between version and ending; the whole file name where it does not fit the grammar.
pub(crate) fn name_of(path: &str) -> &str {
    let file = file_of(path);
    let stem = file.strip_suffix(".sql").unwrap_or(file);
    let stem = stem.strip_suffix(".up").unwrap_or(stem);
    stem.split_once('_').map_or(file, |(_, name)| name)
}

impl Action {
    /// The word in JSON.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Extended => "extended",
            Self::Kept => "kept",
            Self::ToDo => "to_do",
        }
    }
}
