//! Arguments of the command inside a service: which database and which files is the service's own affair.

use super::{
    AdoptArguments, BaselineArguments, ChangeArguments, LogArguments, OUTPUT, PlanFileArguments,
    RepairArguments, RevertArguments, ShowArguments, TalkArguments, duration, version,
};
use crate::outcome::{self, Body};
use clap::{Args, Subcommand};
use devflow_runtime::Version;
use std::time::Duration;

/// What is done instead of applying.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Verb {
    /// Shows every migration's state; writes nothing
    Status(EmbeddedStatus),
    /// Shows one migration: its file, its statements, and its rows in the ledger; writes nothing
    Show(ShowArguments<Manner>),
    /// Shows the ledger, newest row first; writes nothing
    Log(LogArguments<Manner>),
    /// Records the migrations up to VERSION as applied without running them
    Baseline(BaselineArguments<Manner>),
    /// Records what another ledger in the database has as applied, without running it; for a change of ledger
    Adopt(AdoptArguments<Manner>),
    /// Undoes the newest migration, or all that are newer than VERSION, by their embedded down files
    Revert(RevertArguments<Manner>),
    /// Records what a person decided about a version; runs no migration
    Repair(RepairArguments<Manner>),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct EmbeddedMigrate {
    #[command(flatten)]
    pub(crate) change: ChangeArguments<Manner>,
    #[command(flatten)]
    pub(crate) file: PlanFileArguments,
    /// Applies nothing newer than VERSION
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub(crate) target: Option<Version>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct EmbeddedStatus {
    #[command(flatten)]
    pub(crate) manner: Manner,
    /// Exits with 3 when migrations are pending
    #[arg(long)]
    pub(crate) check: bool,
}

/// How a command connects and reports.
#[derive(Debug, Clone, Args)]
pub(crate) struct Manner {
    /// Waits for a server that is not there yet, 60s when DURATION is left out
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, default_missing_value = "60s", value_parser = duration)]
    pub(crate) wait: Option<Duration>,
    /// Prints one JSON document to stdout
    #[arg(long, help_heading = OUTPUT)]
    pub(crate) json: bool,
    /// For a job: never asks, no colour, no spinner; the platform's gate is the approval
    #[arg(long, help_heading = OUTPUT)]
    pub(crate) ci: bool,
}

/// [`TalkArguments`] without the short flags, which a service may have for something else.
#[derive(Debug, Clone, Args)]
pub(crate) struct EmbeddedTalk {
    /// Says errors and warnings only on stderr
    #[arg(long, global = true, help_heading = OUTPUT)]
    quiet: bool,
    /// Says more on stderr: the connection, the plan, statements and their times
    #[arg(long, global = true, conflicts_with = "quiet", help_heading = OUTPUT)]
    verbose: bool,
}

impl EmbeddedTalk {
    pub(crate) fn arguments(&self) -> TalkArguments {
        TalkArguments {
            quiet: self.quiet,
            verbose: self.verbose,
        }
    }
}

impl Verb {
    pub(crate) fn manner(&self) -> &Manner {
        match self {
            Self::Status(status) => &status.manner,
            Self::Show(show) => &show.database,
            Self::Log(log) => &log.database,
            Self::Baseline(baseline) => &baseline.change.database,
            Self::Adopt(adopt) => &adopt.change.database,
            Self::Revert(revert) => &revert.change.database,
            Self::Repair(repair) => &repair.change.database,
        }
    }

    /// The empty outcome of the command.
    pub(crate) fn body(&self) -> Body {
        match self {
            Self::Status(_) => Body::Status(outcome::Status::default()),
            Self::Show(_) => Body::Show(outcome::Show::default()),
            Self::Log(_) => Body::Log(outcome::Log::default()),
            Self::Baseline(baseline) => Body::Baseline(baseline.change.work()),
            Self::Adopt(adopt) => Body::Adopt(adopt.change.work()),
            Self::Revert(revert) => Body::Revert(revert.change.work()),
            Self::Repair(repair) => Body::Repair(repair.change.correction()),
        }
    }
}
