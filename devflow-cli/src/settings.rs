//! Arguments, devflow.yml and environment, turned into settings once.

mod actor;
mod binary;
mod database;
mod dotenv;
mod embedded;
mod layer;
mod project;
mod repairs;
mod report;
pub(crate) mod small_file;
mod source;
#[cfg(test)]
mod tests;

use crate::args::{Arguments, ChangeArguments, Command, DbCommand, PlanFileArguments};
use crate::outcome::{Configuration, Kind, Mode, Trouble};
use crate::plan_file::{self, PlanPath};
use crate::surroundings::Surroundings;
pub(crate) use binary::Binary;
use clap::Args;
use clap_complete::Shell;
pub(crate) use database::{Asked, Database, Files, LOCAL};
use devflow_runtime::{LedgerKind, PlanContents, PlanDigest, Version};
pub(crate) use embedded::Service;
use project::Project;
pub(crate) use project::new_directory;
use repairs::repairs;
use std::path::{Path, PathBuf};

/// What is to be done, with everything that it needs.
#[derive(Debug)]
pub(crate) enum Settings {
    Init(Init),
    New(New),
    Migrate(Migrate),
    Status(Status),
    Baseline(Baseline),
    Adopt(Adopt),
    Revert(Revert),
    Repair(Repair),
    Show(Show),
    Log(Log),
    Check(Check),
    Generate(Generate),
    Config(Configuration),
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
    pub(crate) change: Change,
    pub(crate) target: Option<Version>,
}

#[derive(Debug)]
pub(crate) struct Status {
    pub(crate) database: Database,
    pub(crate) pending: WhenPending,
}

#[derive(Debug)]
pub(crate) struct Baseline {
    pub(crate) change: Change,
    pub(crate) version: Version,
}

#[derive(Debug)]
pub(crate) struct Adopt {
    pub(crate) change: Change,
}

#[derive(Debug)]
pub(crate) struct Revert {
    pub(crate) change: Change,
    /// The newest version that stays; without it only the newest is undone.
    pub(crate) to: Option<Version>,
}

#[derive(Debug)]
pub(crate) struct Repair {
    pub(crate) change: Change,
    pub(crate) repairs: Vec<devflow_runtime::Repair>,
}

/// What every command has that changes the database or the ledger.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) database: Database,
    pub(crate) mode: Mode,
    pub(crate) consent: Consent,
    /// Where the plan of a dry run is to be written.
    pub(crate) out: Option<PlanPath>,
}

#[derive(Debug)]
pub(crate) struct Show {
    pub(crate) database: Database,
    pub(crate) version: Version,
}

#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) database: Database,
    /// How many rows are shown at the most.
    pub(crate) limit: usize,
}

#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) directory: PathBuf,
    /// The directory as users know it.
    pub(crate) shown: String,
    /// The folder that `shown` is relative to.
    pub(crate) folder: PathBuf,
    pub(crate) ledger: LedgerKind,
    pub(crate) policies: devflow_runtime::Settings,
    /// The revision to compare with.
    pub(crate) base: Option<String>,
    /// The executable to compare with.
    pub(crate) binary: Option<Binary>,
}

/// A text of ours.
#[derive(Debug)]
pub(crate) enum Generate {
    Completions(Shell),
    /// The man page, to stdout.
    FirstPage,
    /// A page for every command, into this directory.
    Pages(PathBuf),
}

/// What the arguments say in advance to what would be asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Consent {
    /// Ordinary questions are answered with yes.
    pub(crate) yes: bool,
    /// The approved plan.
    pub(crate) digest: Option<PlanDigest>,
    /// What it is made of, where a file says it.
    pub(crate) plan: Option<PlanContents>,
}

/// What pending migrations mean to `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhenPending {
    Fine,
    Trouble,
}

impl WhenPending {
    /// What `--check` asks for.
    fn of(check: bool) -> Self {
        if check { Self::Trouble } else { Self::Fine }
    }
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
        Command::Config(arguments) => {
            Ok(Settings::Config(report::report(&arguments, surroundings)?))
        }
        Command::Completions(completions) => {
            Ok(Settings::Generate(Generate::Completions(completions.shell)))
        }
        Command::Man(man) => Ok(Settings::Generate(match man.out {
            None => Generate::FirstPage,
            Some(out) => Generate::Pages(surroundings.directory.join(out)),
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
            change: migrated(
                migrate.change,
                migrate.file,
                migrate.binary.as_deref(),
                surroundings,
            )?,
            target: migrate.target,
        })),
        Command::Db(DbCommand::Status(status)) => Ok(Settings::Status(Status {
            database: Database::resolve_with(
                &status.database,
                status.binary.as_deref(),
                surroundings,
            )?,
            pending: WhenPending::of(status.check),
        })),
        Command::Db(DbCommand::Baseline(baseline)) => Ok(Settings::Baseline(Baseline {
            change: Change::resolve(baseline.change, baseline.file, surroundings)?,
            version: baseline.version,
        })),
        Command::Db(DbCommand::Adopt(adopt)) => Ok(Settings::Adopt(Adopt {
            change: Change::resolve(adopt.change, adopt.file, surroundings)?,
        })),
        Command::Db(DbCommand::Revert(revert)) => {
            let change = Change::resolve(revert.change, revert.file, surroundings)?;
            if change.database.supabase.is_some() {
                return Err(not_reverted());
            }
            let to = revert.to;
            Ok(Settings::Revert(Revert { change, to }))
        }
        Command::Db(DbCommand::Repair(repair)) => Ok(Settings::Repair(Repair {
            repairs: repairs(&repair)?,
            change: Change::resolve(repair.change, PlanFileArguments::default(), surroundings)?,
        })),
        Command::Db(DbCommand::Show(show)) => Ok(Settings::Show(Show {
            database: Database::resolve(&show.database, surroundings)?,
            version: show.version,
        })),
        Command::Db(DbCommand::Log(log)) => Ok(Settings::Log(Log {
            database: Database::resolve(&log.database, surroundings)?,
            limit: log.limit,
        })),
        Command::Db(DbCommand::Check(check)) => {
            let project = Project::load(&check.project, surroundings)?;
            let binary = check.binary.as_deref();
            let binary = binary.map(|path| Binary::read(path, &project, surroundings));
            Ok(Settings::Check(Check {
                directory: project.directory()?,
                shown: project.shown().to_owned(),
                folder: project.folder().to_owned(),
                ledger: project.ledger(),
                policies: project.policies(),
                base: check.base,
                binary: binary.transpose()?,
            }))
        }
    }
}

/// The Supabase CLI would run a down file as a migration of its own.
fn not_reverted() -> Trouble {
    let message = "with `format: supabase` there are no down files, and nothing to revert with";
    Trouble::usage("supabase_revert", message).help(
        "write a new migration that undoes it, or let devflow apply the files itself, with `format: sql` and `ledger: supabase`",
    )
}

/// What `migrate` changes, or shows: from a binary it can only show.
fn migrated(
    change: ChangeArguments,
    file: PlanFileArguments,
    binary: Option<&Path>,
    surroundings: &Surroundings,
) -> Result<Change, Trouble> {
    if binary.is_some() && !change.dry_run {
        let message =
            "a binary lists its migrations without their SQL, so nothing can be applied from it";
        return Err(Trouble::usage("binary_without_text", message)
            .help("add --dry-run; to apply them, run the service itself, or leave --binary out"));
    }
    Change::resolve_with(change, file, binary, surroundings)
}

impl Change {
    fn resolve(
        arguments: ChangeArguments,
        file: PlanFileArguments,
        surroundings: &Surroundings,
    ) -> Result<Self, Trouble> {
        Self::resolve_with(arguments, file, None, surroundings)
    }

    fn resolve_with(
        arguments: ChangeArguments,
        file: PlanFileArguments,
        binary: Option<&Path>,
        surroundings: &Surroundings,
    ) -> Result<Self, Trouble> {
        let database = Database::resolve_with(&arguments.database, binary, surroundings)?;
        Self::of(arguments, file, database, surroundings)
    }

    fn of<D: Args>(
        arguments: ChangeArguments<D>,
        file: PlanFileArguments,
        database: Database,
        surroundings: &Surroundings,
    ) -> Result<Self, Trouble> {
        let within = |path: &PathBuf| PlanPath::within(&surroundings.directory, path);
        let plan = file.plan.as_ref().map(within);
        let plan = plan.as_ref().map(plan_file::read);
        Ok(Self {
            database,
            mode: arguments.mode(),
            consent: Consent::of(arguments.yes, arguments.approve, plan.transpose()?)?,
            out: file.out.as_ref().map(within),
        })
    }
}

impl Consent {
    fn of(
        yes: bool,
        digest: Option<PlanDigest>,
        plan: Option<PlanContents>,
    ) -> Result<Self, Trouble> {
        let planned = plan.as_ref().map(PlanContents::digest);
        match (&digest, &planned) {
            (Some(digest), Some(planned)) if digest != planned => Err(disagreeing(digest, planned)),
            _ => Ok(Self {
                yes,
                digest: digest.or(planned),
                plan,
            }),
        }
    }

    /// How a plan was approved that was not shown to a person here, for the ledger.
    pub(crate) fn approval(&self) -> Option<&'static str> {
        match (&self.plan, &self.digest) {
            (Some(_), _) => Some("plan"),
            (None, Some(_)) => Some("digest"),
            (None, None) => None,
        }
    }
}

fn disagreeing(digest: &PlanDigest, planned: &PlanDigest) -> Trouble {
    let message = format!("--approve names the digest {digest}, and the plan file has {planned}");
    Trouble::new(Kind::PlanChanged, "approvals_disagree", message)
        .help("one of the two is enough: take the one that was approved")
}

impl Settings {
    /// The database that it is about.
    pub(crate) fn database(&self) -> Option<&Database> {
        match self {
            Self::Init(_) | Self::New(_) | Self::Check(_) => None,
            Self::Generate(_) | Self::Config(_) => None,
            Self::Status(status) => Some(&status.database),
            Self::Show(show) => Some(&show.database),
            Self::Log(log) => Some(&log.database),
            Self::Migrate(Migrate { change, .. })
            | Self::Baseline(Baseline { change, .. })
            | Self::Adopt(Adopt { change })
            | Self::Revert(Revert { change, .. })
            | Self::Repair(Repair { change, .. }) => Some(&change.database),
        }
    }

    /// The folder that migrations' paths are relative to.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Check(check) => Some(&check.folder),
            _ => self.database().map(|database| &*database.folder),
        }
    }
}
