//! Arguments, devflow.yml and environment, turned into settings once.

mod actor;
mod database;
mod project;
#[cfg(test)]
mod tests;

use crate::args::{Arguments, Command, DbCommand};
use crate::outcome::{MigrateMode, Trouble};
use crate::surroundings::Surroundings;
pub(crate) use database::{Asked, Database, LOCAL};
use devflow_runtime::{PlanDigest, Version};
use project::Project;
pub(crate) use project::new_directory;
use std::path::PathBuf;

/// What is to be done, with everything that it needs.
#[derive(Debug)]
pub(crate) enum Settings {
    Init(Init),
    New(New),
    Migrate(Migrate),
    Status(Status),
    Baseline(Baseline),
}

#[derive(Debug)]
pub(crate) struct Init {
    /// Where to begin: the working directory.
    pub(crate) folder: PathBuf,
    pub(crate) home: Option<PathBuf>,
}

#[derive(Debug)]
pub(crate) struct New {
    pub(crate) name: String,
    pub(crate) directory: PathBuf,
    /// The directory as users know it.
    pub(crate) shown: String,
}

#[derive(Debug)]
pub(crate) struct Migrate {
    pub(crate) database: Database,
    pub(crate) mode: MigrateMode,
    pub(crate) target: Option<Version>,
    pub(crate) consent: Consent,
}

#[derive(Debug)]
pub(crate) struct Status {
    pub(crate) database: Database,
    pub(crate) pending: WhenPending,
}

#[derive(Debug)]
pub(crate) struct Baseline {
    pub(crate) database: Database,
    pub(crate) version: Version,
    pub(crate) consent: Consent,
}

/// What the arguments say in advance to what would be asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Consent {
    /// Ordinary questions are answered with yes.
    pub(crate) yes: bool,
    /// The approved plan.
    pub(crate) digest: Option<PlanDigest>,
}

/// What pending migrations mean to `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhenPending {
    Fine,
    Trouble,
}

/// Settles everything that a command needs.
pub(crate) fn resolve(
    arguments: Arguments,
    surroundings: &Surroundings,
) -> Result<Settings, Trouble> {
    match arguments.command {
        Command::Init(_) => Ok(Settings::Init(Init {
            folder: surroundings.directory.clone(),
            home: surroundings.home.clone(),
        })),
        Command::Db(DbCommand::New(new)) => {
            let project = Project::load(&new.project, surroundings)?;
            Ok(Settings::New(New {
                name: new.name,
                directory: project.new_directory()?,
                shown: project.shown().to_owned(),
            }))
        }
        Command::Db(DbCommand::Migrate(migrate)) => Ok(Settings::Migrate(Migrate {
            database: Database::resolve(&migrate.database, surroundings)?,
            mode: if migrate.dry_run {
                MigrateMode::DryRun
            } else {
                MigrateMode::Apply
            },
            target: migrate.target,
            consent: Consent {
                yes: migrate.yes,
                digest: migrate.approve,
            },
        })),
        Command::Db(DbCommand::Status(status)) => Ok(Settings::Status(Status {
            database: Database::resolve(&status.database, surroundings)?,
            pending: if status.check {
                WhenPending::Trouble
            } else {
                WhenPending::Fine
            },
        })),
        Command::Db(DbCommand::Baseline(baseline)) => Ok(Settings::Baseline(Baseline {
            database: Database::resolve(&baseline.database, surroundings)?,
            version: baseline.version,
            consent: Consent {
                yes: baseline.yes,
                digest: None,
            },
        })),
    }
}

impl Settings {
    /// The database that it is about.
    pub(crate) fn database(&self) -> Option<&Database> {
        match self {
            Self::Init(_) | Self::New(_) => None,
            Self::Migrate(migrate) => Some(&migrate.database),
            Self::Status(status) => Some(&status.database),
            Self::Baseline(baseline) => Some(&baseline.database),
        }
    }
}
