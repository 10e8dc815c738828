//! The settings of the command inside a service: what the service says, and what the arguments add.

use super::actor::actor;
use super::database::{Database, Files, asked};
use super::{
    Adopt, Baseline, Change, Log, Migrate, Repair, Revert, Settings, Show, Status, WhenPending,
    repairs,
};
use crate::args::{EmbeddedMigrate, Manner, PlanFileArguments, Verb};
use crate::look::Attendance;
use crate::outcome::Trouble;
use crate::secret::Secret;
use crate::surroundings::Surroundings;
use devflow_migrations::Approval;
use devflow_runtime::{LedgerKind, Migrator, TableName};
use std::path::PathBuf;

/// What a service brings along.
pub(crate) struct Service<'a> {
    pub(crate) migrator: Migrator,
    /// The database's URL, or why there is none.
    pub(crate) url: Result<Secret, String>,
    pub(crate) surroundings: &'a Surroundings,
}

impl Service<'_> {
    /// Settles everything that applying needs.
    pub(crate) fn migrate(self, arguments: EmbeddedMigrate) -> Result<Settings, Trouble> {
        let surroundings = self.surroundings;
        let database = self.database(&arguments.change.database)?;
        Ok(Settings::Migrate(Migrate {
            change: Change::of(arguments.change, arguments.file, database, surroundings)?,
            target: arguments.target,
        }))
    }

    /// Settles everything that another command needs.
    pub(crate) fn settle(self, verb: Verb) -> Result<Settings, Trouble> {
        let surroundings = self.surroundings;
        let database = self.database(verb.manner())?;
        Ok(match verb {
            Verb::Baseline(baseline) => Settings::Baseline(Baseline {
                change: Change::of(baseline.change, baseline.file, database, surroundings)?,
                version: baseline.version,
            }),
            Verb::Adopt(adopt) => Settings::Adopt(Adopt {
                change: Change::of(adopt.change, adopt.file, database, surroundings)?,
            }),
            Verb::Revert(revert) => Settings::Revert(Revert {
                change: Change::of(revert.change, revert.file, database, surroundings)?,
                to: revert.to,
            }),
            Verb::Repair(repair) => Settings::Repair(Repair {
                repairs: repairs(&repair)?,
                change: Change::of(
                    repair.change,
                    PlanFileArguments::default(),
                    database,
                    surroundings,
                )?,
            }),
            Verb::Show(show) => Settings::Show(Show {
                database,
                version: show.version,
            }),
            Verb::Log(log) => Settings::Log(Log {
                database,
                limit: log.limit,
            }),
            Verb::Status(status) => Settings::Status(Status {
                database,
                pending: WhenPending::of(status.check),
            }),
        })
    }

    fn database(self, manner: &Manner) -> Result<Database, Trouble> {
        let asked = asked(Attendance::of(manner.ci), self.surroundings);
        Ok(Database {
            environment: self.migrator.named_environment().map(str::to_owned),
            url: self.url.map_err(no_url)?,
            files: Files::Embedded(Box::new(self.migrator)),
            // What follows the migrator says itself.
            directory: PathBuf::new(),
            shown: String::new(),
            table: TableName::default(),
            ledger: LedgerKind::default(),
            policies: devflow_runtime::Settings::default(),
            application: None,
            supabase: None,
            folder: self.surroundings.directory.clone(),
            wait: manner.wait,
            actor: actor(asked, self.surroundings),
            // A service has no approvals: who deploys its image has given one.
            approval: Approval::No,
            asked,
            remarks: Vec::new(),
        })
    }
}

/// The words are the service's own.
fn no_url(reason: String) -> Trouble {
    Trouble::usage("url_not_set", reason)
}
