//! Why the exit code is not 0.

use super::Snippet;

/// Why the exit code is not 0.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trouble {
    pub(crate) kind: Kind,
    /// A stable word, the same in text and in JSON.
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// The chain of causes, outermost first.
    pub(crate) causes: Vec<String>,
    pub(crate) help: Option<String>,
    /// What is wrong with the files, each with its place.
    pub(crate) problems: Vec<Problem>,
}

/// The kinds of trouble, as exit codes tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The arguments, the environment, or something that is not built yet.
    Usage,
    /// devflow.yml or a migration file.
    Source,
    /// A file could not be written by `init` or `db new`.
    File,
    /// `status --check`, and migrations are pending.
    Pending,
    Connect,
    Permission,
    ReadOnly,
    Disconnected,
    LockTimeout,
    Refused,
    Ledger,
    MigrationFailed,
    Broken,
    /// An approval, or a person's yes, is missing.
    ApprovalMissing,
    PlanChanged,
    Interrupted(Signal),
    /// The result could not be written.
    Output,
}

/// The signals that end a run in good order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Hangup,
    Interrupt,
    Terminate,
}

/// One thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Problem {
    pub(crate) code: &'static str,
    pub(crate) path: String,
    pub(crate) snippet: Option<Snippet>,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// One thing that is not as it was approved.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Difference {
    /// A stable word.
    pub(crate) code: &'static str,
    pub(crate) version: Option<String>,
    pub(crate) approved: Option<String>,
    pub(crate) found: Option<String>,
    pub(crate) message: String,
}

impl Trouble {
    pub(crate) fn new(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            code,
            message: message.into(),
            causes: Vec::new(),
            help: None,
            problems: Vec::new(),
        }
    }

    /// Trouble with the arguments, the environment, or something that is not built yet.
    pub(crate) fn usage(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, code, message)
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn interrupted(signal: Signal) -> Self {
        Self::new(
            Kind::Interrupted(signal),
            "interrupted",
            format!("interrupted by {}", signal.name()),
        )
    }
}

impl Kind {
    /// The word in JSON.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Source => "source",
            Self::File => "file",
            Self::Pending => "pending",
            Self::Connect => "connect",
            Self::Permission => "permission",
            Self::ReadOnly => "read_only",
            Self::Disconnected => "disconnected",
            Self::LockTimeout => "lock_timeout",
            Self::Refused => "refused",
            Self::Ledger => "ledger",
            Self::MigrationFailed => "migration_failed",
            Self::Broken => "broken",
            Self::ApprovalMissing => "approval_missing",
            Self::PlanChanged => "plan_changed",
            Self::Interrupted(_) => "interrupted",
            Self::Output => "output",
        }
    }
}

impl Signal {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hangup => "SIGHUP",
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }

    /// The signal's number, the same on every Unix.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Hangup => 1,
            Self::Interrupt => 2,
            Self::Terminate => 15,
        }
    }
}
