//! The tools, a row each.

use crate::corpus::Corpus;
use crate::fault::{Fault, Result};
use std::fs;
use std::path::PathBuf;

/// A tool, and how it is run.
#[derive(Clone, Copy)]
pub(crate) struct Runner {
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    /// The arguments that apply a corpus; its folder is the working directory.
    apply: fn(Corpus) -> Result<Vec<String>>,
    /// The arguments of a start with nothing pending, where they are others.
    start: Option<&'static [&'static str]>,
    /// Which runner begins a ledger for it: a program embeds one corpus and no other.
    pub(crate) ledger_by: Option<&'static str>,
    /// Whether it takes part in a quick run.
    pub(crate) quick: bool,
}

/// Where a tool's migrations are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A command reads files; this is its program.
    Command(&'static str),
    /// A program has them in it; this is its package.
    Embedded(&'static str),
}

impl Form {
    /// In the list of versions.
    fn noun(self) -> &'static str {
        match self {
            Self::Command(_) => "the command",
            Self::Embedded(_) => "embedded",
        }
    }

    /// Which tool it is, and in which form.
    pub(crate) fn words(self) -> String {
        let (Self::Command(name) | Self::Embedded(name)) = self;
        format!("{name}, {}", self.noun())
    }
}

/// One run of a program.
#[derive(Debug, Clone)]
pub(crate) struct Invocation {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) folder: PathBuf,
}

pub(crate) const RUNNERS: [Runner; 9] = [
    Runner {
        name: "devflow",
        form: Form::Command("devflow"),
        apply: |_| words(&["db", "migrate", "--env", "local", "--ci"]),
        start: None,
        ledger_by: Some("devflow"),
        quick: true,
    },
    Runner {
        name: "embedded devflow",
        form: Form::Embedded("devflow"),
        apply: |_| words(&[]),
        start: None,
        ledger_by: Some("devflow"),
        quick: true,
    },
    Runner {
        name: "psql",
        form: Form::Command("psql"),
        apply: psql,
        start: Some(&["-X", "-q", "-c", "SELECT 1"]),
        ledger_by: None,
        quick: true,
    },
    Runner {
        name: "sqlx-cli",
        form: Form::Command("sqlx"),
        apply: |_| words(&["migrate", "run", "--source", "migrations"]),
        start: None,
        ledger_by: Some("sqlx-cli"),
        quick: false,
    },
    Runner {
        name: "embedded sqlx",
        form: Form::Embedded("sqlx"),
        apply: |_| words(&[]),
        start: None,
        ledger_by: Some("sqlx-cli"),
        quick: true,
    },
    Runner {
        name: "refinery_cli",
        form: Form::Command("refinery"),
        apply: |_| words(&["migrate", "-e", "DATABASE_URL", "-p", "refinery"]),
        start: None,
        ledger_by: Some("refinery_cli"),
        quick: false,
    },
    Runner {
        name: "embedded refinery",
        form: Form::Embedded("refinery"),
        apply: |_| words(&[]),
        start: None,
        ledger_by: Some("refinery_cli"),
        quick: false,
    },
    Runner {
        name: "diesel",
        form: Form::Command("diesel"),
        apply: |_| words(&["migration", "run", "--migration-dir", "diesel"]),
        start: None,
        ledger_by: Some("diesel"),
        quick: false,
    },
    Runner {
        name: "dbmate",
        form: Form::Command("dbmate"),
        apply: |_| words(&["--migrations-dir", "dbmate", "--no-dump-schema", "migrate"]),
        start: None,
        ledger_by: Some("dbmate"),
        quick: false,
    },
];

/// The same, for as long as the program runs.
pub(crate) const RUNNERS_IN_ORDER: &[Runner] = &RUNNERS;

fn words(words: &[&str]) -> Result<Vec<String>> {
    Ok(words.iter().map(|word| (*word).to_owned()).collect())
}

/// One transaction around all files: what PostgreSQL's own client does fastest.
fn psql(corpus: Corpus) -> Result<Vec<String>> {
    let folder = corpus.folder().join("migrations");
    let entries = fs::read_dir(&folder).map_err(|error| Fault::at(&folder, error))?;
    let mut files: Vec<String> = entries
        .flatten()
        .map(|entry| format!("migrations/{}", entry.file_name().to_string_lossy()))
        .collect();
    files.sort();
    let mut arguments = words(&["-X", "-q", "-1", "-v", "ON_ERROR_STOP=1"])?;
    arguments.extend(files.into_iter().flat_map(|file| ["-f".to_owned(), file]));
    Ok(arguments)
}

impl Runner {
    /// The runner of this name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        RUNNERS_IN_ORDER.iter().find(|runner| runner.name == name)
    }

    /// Whether there is such a program: embedding takes a build, which only the ordinary corpora are worth.
    pub(crate) fn takes(&self, corpus: Corpus) -> bool {
        matches!(self.form, Form::Command(_)) || matches!(corpus, Corpus::C100 | Corpus::C1000)
    }

    /// The run that applies a corpus.
    pub(crate) fn apply(&self, program: PathBuf, corpus: Corpus) -> Result<Invocation> {
        Ok(Invocation {
            program,
            arguments: (self.apply)(corpus)?,
            folder: corpus.folder(),
        })
    }

    /// The run that finds nothing to do.
    pub(crate) fn start(&self, program: PathBuf, corpus: Corpus) -> Result<Invocation> {
        let mut invocation = self.apply(program, corpus)?;
        if let Some(arguments) = self.start {
            invocation.arguments = words(arguments)?;
        }
        Ok(invocation)
    }
}
