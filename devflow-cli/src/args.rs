//! The arguments, as close to argv as possible.

mod check;
mod embedded;
mod generate;
mod history;
mod plan_file;
mod refused;
#[cfg(test)]
mod tests;

use crate::exit;
use crate::outcome::{self, Body, Mode, Trouble};
pub(crate) use check::CheckArguments;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use devflow_migrations::parse_duration;
use devflow_runtime::{PlanDigest, Version};
pub(crate) use embedded::{EmbeddedMigrate, EmbeddedTalk, Manner, Verb};
pub(crate) use generate::{CompletionsArguments, ManArguments};
pub(crate) use history::{LogArguments, ShowArguments};
pub(crate) use plan_file::PlanFileArguments;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// The headings in a command's help.
const WHICH: &str = "Which database";
const OUTPUT: &str = "Output";

/// PostgreSQL migrations: checked before they run, applied exactly once, reported exactly.
#[derive(Debug, Parser)]
#[command(name = "devflow", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) talk: TalkArguments,
}

/// How much is said on stderr.
#[derive(Debug, Args)]
pub(crate) struct TalkArguments {
    /// Says errors and warnings only on stderr
    #[arg(short, long, global = true, help_heading = OUTPUT)]
    pub(crate) quiet: bool,
    /// Says more on stderr: the connection, the plan, statements and their times
    #[arg(short, long, global = true, conflicts_with = "quiet", help_heading = OUTPUT)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Writes devflow.yml, the migrations directory, build.rs and .gitattributes, where they are missing
    Init(InitArguments),
    /// Migrations and the database that they belong to: migrate, status, new, check, show, log, …
    #[command(subcommand)]
    Db(DbCommand),
    /// Shows every setting, and where it comes from
    Config(DatabaseArguments),
    /// Prints a script that completes devflow's arguments in a shell
    Completions(CompletionsArguments),
    /// Prints the man page, or writes one for every command
    Man(ManArguments),
}

#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Creates an empty migration, named by the time (UTC), and prints its path
    New(NewArguments),
    /// Applies what is pending
    Migrate(MigrateArguments),
    /// Shows every migration's state; writes nothing
    Status(StatusArguments),
    /// Records the migrations up to VERSION as applied without running them
    Baseline(BaselineArguments),
    /// Records what another ledger in the database has as applied, without running it; for a change of ledger
    Adopt(AdoptArguments),
    /// Undoes the newest migration, or all that are newer than VERSION, by their down files
    Revert(RevertArguments),
    /// Records what a person decided about a version; runs no migration
    Repair(RepairArguments),
    /// Shows one migration: its file, its statements, and its rows in the ledger; writes nothing
    Show(ShowArguments),
    /// Shows the ledger, newest row first; writes nothing
    Log(LogArguments),
    /// Checks the files, and the order that a merge would give them; needs no database
    Check(CheckArguments),
}

#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// Prints one JSON document to stdout
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct NewArguments {
    /// What the migration does, such as "add users"
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) project: ProjectArguments,
}

#[derive(Debug, Args)]
pub(crate) struct MigrateArguments {
    #[command(flatten)]
    pub(crate) change: ChangeArguments,
    #[command(flatten)]
    pub(crate) file: PlanFileArguments,
    /// Applies nothing newer than VERSION
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub(crate) target: Option<Version>,
    /// With --dry-run: shows what this executable would apply, by the list that is embedded in it
    #[arg(long, value_name = "FILE")]
    pub(crate) binary: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    pub(crate) database: DatabaseArguments,
    /// Exits with 3 when migrations are pending
    #[arg(long)]
    pub(crate) check: bool,
    /// Compares the database with the list that is embedded in this executable
    #[arg(long, value_name = "FILE")]
    pub(crate) binary: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct BaselineArguments<D: Args = DatabaseArguments> {
    /// The newest migration that the database has already
    #[arg(value_parser = version)]
    pub(crate) version: Version,
    #[command(flatten)]
    pub(crate) change: ChangeArguments<D>,
    #[command(flatten)]
    pub(crate) file: PlanFileArguments,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct AdoptArguments<D: Args = DatabaseArguments> {
    #[command(flatten)]
    pub(crate) change: ChangeArguments<D>,
    #[command(flatten)]
    pub(crate) file: PlanFileArguments,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct RevertArguments<D: Args = DatabaseArguments> {
    #[command(flatten)]
    pub(crate) change: ChangeArguments<D>,
    #[command(flatten)]
    pub(crate) file: PlanFileArguments,
    /// Undoes everything newer than VERSION, which stays; 0 undoes all
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub(crate) to: Option<Version>,
}

#[derive(Debug, Clone, Args)]
#[group(id = "decisions", required = true, multiple = true, args = ["applied", "not_applied", "checksum"])]
pub(crate) struct RepairArguments<D: Args = DatabaseArguments> {
    #[command(flatten)]
    pub(crate) change: ChangeArguments<D>,
    /// VERSION is in the database, whatever the ledger says; may be given again
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub(crate) applied: Vec<Version>,
    /// VERSION is not in the database, whatever the ledger says; may be given again
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub(crate) not_applied: Vec<Version>,
    /// The file of VERSION, which is applied, is right as it is now; may be given again
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub(crate) checksum: Vec<Version>,
}

/// What every command takes that changes the database or the ledger.
#[derive(Debug, Clone, Args)]
pub(crate) struct ChangeArguments<D: Args = DatabaseArguments> {
    #[command(flatten)]
    pub(crate) database: D,
    /// Shows what would be done, and its digest; writes nothing
    #[arg(long, conflicts_with = "approve")]
    pub(crate) dry_run: bool,
    /// Does exactly what has this digest, or nothing
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    pub(crate) approve: Option<PlanDigest>,
    /// Answers ordinary questions with yes; an approval is not one
    #[arg(long)]
    pub(crate) yes: bool,
}

/// What every `db` command takes.
#[derive(Debug, Args)]
pub(crate) struct ProjectArguments {
    /// Reads this devflow.yml instead of the nearest one
    #[arg(long, value_name = "FILE", help_heading = WHICH)]
    pub(crate) config: Option<PathBuf>,
    /// Prints one JSON document to stdout
    #[arg(long, help_heading = OUTPUT)]
    pub(crate) json: bool,
}

/// What every command takes that connects.
#[derive(Debug, Args)]
pub(crate) struct DatabaseArguments {
    #[command(flatten)]
    pub(crate) project: ProjectArguments,
    /// The environment of devflow.yml; the only one, or else `local`, when left out
    #[arg(long, value_name = "NAME", help_heading = WHICH)]
    pub(crate) env: Option<String>,
    /// The environment variable that holds the database's URL
    #[arg(long, value_name = "VARIABLE", help_heading = WHICH)]
    pub(crate) url_env: Option<String>,
    /// Waits for a server that is not there yet, 60s when DURATION is left out
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, default_missing_value = "60s", value_parser = duration, help_heading = WHICH)]
    pub(crate) wait: Option<Duration>,
    /// For a job: never asks, no colour, no spinner; the platform's gate is the approval
    #[arg(long, help_heading = OUTPUT)]
    pub(crate) ci: bool,
}

/// What there is to say instead of a command's result.
#[derive(Debug)]
pub(crate) enum NotParsed {
    /// Help or the version: the text for stdout.
    Shown(String),
    /// The arguments are wrong.
    Refused {
        body: Box<Body>,
        json: bool,
        trouble: Box<Trouble>,
    },
}

/// Reads argv.
pub(crate) fn parse(argv: &[OsString]) -> Result<Arguments, NotParsed> {
    if let Some(trouble) = url_in(argv) {
        return Err(refused(argv, trouble));
    }
    let command = Arguments::command().after_long_help(exit_codes());
    command
        .try_get_matches_from(argv)
        .and_then(|matches| Arguments::from_arg_matches(&matches))
        .map_err(|error| match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                NotParsed::Shown(error.render().ansi().to_string())
            }
            _ => refused(argv, refused::trouble(&error)),
        })
}

fn refused(argv: &[OsString], trouble: Trouble) -> NotParsed {
    let words = || argv.iter().skip(1).filter_map(|word| word.to_str());
    NotParsed::Refused {
        body: Box::new(body_of(words())),
        json: words()
            .take_while(|word| *word != "--")
            .any(|word| word == "--json"),
        trouble: Box::new(trouble),
    }
}

/// The command that the words name as far as they can be read.
fn body_of<'a>(words: impl Iterator<Item = &'a str>) -> Body {
    let mut words = words.filter(|word| !word.starts_with('-'));
    match (words.next(), words.next()) {
        (Some("init"), _) => Body::Init(outcome::Init::default()),
        (Some("config"), _) => Body::Config(outcome::Configuration::default()),
        (Some("db"), Some("new")) => Body::New(outcome::New::default()),
        (Some("db"), Some("migrate")) => Body::Migrate(outcome::Work::default()),
        (Some("db"), Some("status")) => Body::Status(outcome::Status::default()),
        (Some("db"), Some("baseline")) => Body::Baseline(outcome::Work::default()),
        (Some("db"), Some("adopt")) => Body::Adopt(outcome::Work::default()),
        (Some("db"), Some("revert")) => Body::Revert(outcome::Work::default()),
        (Some("db"), Some("repair")) => Body::Repair(outcome::Repair::default()),
        (Some("db"), Some("show")) => Body::Show(outcome::Show::default()),
        (Some("db"), Some("log")) => Body::Log(outcome::Log::default()),
        (Some("db"), Some("check")) => Body::Check(outcome::Check::default()),
        _ => Body::None,
    }
}

/// Refuses a URL or password among the arguments, without showing it: everybody on the machine can read argv.
fn url_in(argv: &[OsString]) -> Option<Trouble> {
    let is_flag = |word: &str| word == "--database-url" || word.starts_with("--database-url=");
    let is_url = |word: &str| word.contains("://") || word.contains("password=");
    argv.iter()
        .skip(1)
        .map(|word| word.to_string_lossy())
        .any(|word| is_flag(&word) || is_url(&word))
        .then(|| {
            Trouble::usage(
                "url_in_arguments",
                "a database URL does not belong among the arguments: everybody on the machine can read them",
            )
            .help("put the URL into an environment variable and name it: `--url-env VARIABLE`")
        })
}

fn version(text: &str) -> Result<Version, String> {
    // A file's name says the version as well as the version itself does.
    let digits = text.split_once('_').map_or(text, |(version, _)| version);
    Version::parse(digits).map_err(|error| format!("{error}; a file's name says its version too"))
}

fn digest(text: &str) -> Result<PlanDigest, String> {
    PlanDigest::parse(text)
        .ok_or_else(|| "a digest is the 64 hex digits that `--dry-run` prints".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    let expected = "expected a number and a unit (ms, s, m or h), such as 60s";
    parse_duration(text).map_err(|problem| format!("it {problem}; {expected}"))
}

fn exit_codes() -> String {
    let mut text = "Exit codes:\n".to_owned();
    for (code, meaning) in exit::CODES {
        text.push_str(&format!("  {code:<14} {meaning}\n"));
    }
    text
}

impl Command {
    /// Whether the result is to be one JSON document.
    pub(crate) fn json(&self) -> bool {
        match self {
            Self::Init(init) => init.json,
            Self::Completions(_) | Self::Man(_) => false,
            Self::Config(arguments) => arguments.project.json,
            Self::Db(DbCommand::New(new)) => new.project.json,
            Self::Db(DbCommand::Check(check)) => check.project.json,
            Self::Db(db) => db.database().is_some_and(|database| database.project.json),
        }
    }

    /// The empty outcome of the command.
    pub(crate) fn body(&self) -> Body {
        match self {
            Self::Init(_) => Body::Init(outcome::Init::default()),
            Self::Completions(_) | Self::Man(_) => Body::Text(String::new()),
            Self::Config(_) => Body::Config(outcome::Configuration::default()),
            Self::Db(DbCommand::New(_)) => Body::New(outcome::New::default()),
            Self::Db(DbCommand::Migrate(migrate)) => Body::Migrate(migrate.change.work()),
            Self::Db(DbCommand::Status(_)) => Body::Status(outcome::Status::default()),
            Self::Db(DbCommand::Baseline(baseline)) => Body::Baseline(baseline.change.work()),
            Self::Db(DbCommand::Adopt(adopt)) => Body::Adopt(adopt.change.work()),
            Self::Db(DbCommand::Revert(revert)) => Body::Revert(revert.change.work()),
            Self::Db(DbCommand::Repair(repair)) => Body::Repair(repair.change.correction()),
            Self::Db(DbCommand::Show(_)) => Body::Show(outcome::Show::default()),
            Self::Db(DbCommand::Log(_)) => Body::Log(outcome::Log::default()),
            Self::Db(DbCommand::Check(_)) => Body::Check(outcome::Check::default()),
        }
    }

    /// Whether `--ci` was given.
    pub(crate) fn ci(&self) -> bool {
        match self {
            Self::Init(_) | Self::Completions(_) | Self::Man(_) => false,
            Self::Config(arguments) => arguments.ci,
            Self::Db(DbCommand::Check(check)) => check.ci,
            Self::Db(db) => db.database().is_some_and(|database| database.ci),
        }
    }
}

impl DbCommand {
    fn database(&self) -> Option<&DatabaseArguments> {
        match self {
            Self::New(_) | Self::Check(_) => None,
            Self::Status(status) => Some(&status.database),
            Self::Show(show) => Some(&show.database),
            Self::Log(log) => Some(&log.database),
            Self::Migrate(migrate) => Some(&migrate.change.database),
            Self::Baseline(baseline) => Some(&baseline.change.database),
            Self::Adopt(adopt) => Some(&adopt.change.database),
            Self::Revert(revert) => Some(&revert.change.database),
            Self::Repair(repair) => Some(&repair.change.database),
        }
    }
}

impl<D: Args> ChangeArguments<D> {
    /// Whether anything is to be written.
    pub(crate) fn mode(&self) -> Mode {
        match self.dry_run {
            true => Mode::DryRun,
            false => Mode::Apply,
        }
    }

    pub(crate) fn work(&self) -> outcome::Work {
        outcome::Work {
            mode: self.mode(),
            ..outcome::Work::default()
        }
    }

    pub(crate) fn correction(&self) -> outcome::Repair {
        outcome::Repair {
            mode: self.mode(),
            ..outcome::Repair::default()
        }
    }
}
