//! Errors, turned into trouble.

use crate::outcome::{Difference, Kind, Problem, Snippet, Trouble};
use devflow_migrations::SourceError;
use devflow_runtime as runtime;
use devflow_runtime::{ErrorKind, LedgerEntry};
use std::error::Error as _;

impl Trouble {
    pub(super) fn of(error: &runtime::Error) -> Self {
        let mut trouble = Self::new(Kind::of(error.kind()), error.code(), error.to_string());
        trouble.help = error.hint().map(str::to_owned);
        let mut cause = error.source();
        if let Some(source) = cause.and_then(|cause| cause.downcast_ref::<SourceError>()) {
            trouble.problems = source.problems().iter().map(Problem::of).collect();
            cause = None;
        }
        while let Some(error) = cause {
            trouble.causes.push(error.to_string());
            cause = error.source();
        }
        trouble
    }
}

impl Kind {
    /// A kind of a newer runtime is something that broke.
    fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Usage => Self::Usage,
            ErrorKind::Source => Self::Source,
            ErrorKind::Connect => Self::Connect,
            ErrorKind::Permission => Self::Permission,
            ErrorKind::ReadOnly => Self::ReadOnly,
            ErrorKind::Disconnected => Self::Disconnected,
            ErrorKind::LockTimeout => Self::LockTimeout,
            ErrorKind::Refused => Self::Refused,
            ErrorKind::Ledger => Self::Ledger,
            ErrorKind::MigrationFailed => Self::MigrationFailed,
            ErrorKind::ApprovalMissing => Self::ApprovalMissing,
            ErrorKind::PlanChanged => Self::PlanChanged,
            // The command knows which signal it was.
            ErrorKind::Interrupted => Self::Interrupted(crate::outcome::Signal::Interrupt),
            ErrorKind::Broken | _ => Self::Broken,
        }
    }
}

impl Difference {
    pub(super) fn of(difference: &runtime::Difference) -> Self {
        let row = difference.row().cloned().map(LedgerEntry::of);
        let by = row.and_then(|row| row.by);
        let whose = by.map_or_else(String::new, |by| format!(" by {by}"));
        Self {
            code: difference.code(),
            version: difference.version().map(str::to_owned),
            approved: difference.approved(),
            found: difference.found(),
            message: format!("{difference}{whose}"),
        }
    }
}

impl From<runtime::Error> for Trouble {
    fn from(error: runtime::Error) -> Self {
        Self::of(&error)
    }
}

impl From<SourceError> for Trouble {
    fn from(error: SourceError) -> Self {
        let problems: Vec<_> = error.problems().iter().map(Problem::of).collect();
        let message = match problems.len() {
            1 => "a file has a problem; nothing was touched".to_owned(),
            count => format!("the files have {count} problems; nothing was touched"),
        };
        Self {
            problems,
            ..Self::new(Kind::Source, "source", message)
        }
    }
}

impl Problem {
    fn of(problem: &devflow_migrations::Problem) -> Self {
        Self {
            code: problem.code,
            path: problem.path.clone(),
            snippet: Snippet::of(problem.position, problem.line.as_ref()),
            message: problem.message.clone(),
            help: problem.help.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit;

    #[test]
    fn every_kind_of_error_has_its_exit_code() {
        let table = [
            (ErrorKind::Usage, 2),
            (ErrorKind::Source, 2),
            (ErrorKind::Connect, 6),
            (ErrorKind::Permission, 6),
            (ErrorKind::ReadOnly, 6),
            (ErrorKind::Disconnected, 6),
            (ErrorKind::LockTimeout, 5),
            (ErrorKind::Refused, 4),
            (ErrorKind::Ledger, 4),
            (ErrorKind::MigrationFailed, 1),
            (ErrorKind::Broken, 1),
            (ErrorKind::ApprovalMissing, 7),
            (ErrorKind::PlanChanged, 7),
            (ErrorKind::Interrupted, 130),
        ];
        for (kind, code) in table {
            assert_eq!(exit::of(Kind::of(kind)), code, "{kind:?}");
        }
    }
}
