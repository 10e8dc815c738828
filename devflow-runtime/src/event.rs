//! What a run tells while it goes on.

use crate::index_build::IndexBuild;
use crate::report::{Notice, Place, StepFailure, StepReport};
use crate::wait::LockWait;
use devflow_migrations::{Migration, Plan, Version};
use std::time::Duration;

/// Something that happened during a run.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The connection is up.
    Connected(&'a Place),
    /// An attempt to connect failed and will be repeated.
    ConnectRetry {
        /// Why, without any secret.
        reason: &'a str,
        /// How long to wait before the next attempt.
        pause: Duration,
    },
    /// Another runner holds devflow's lock; said at once, and then every few seconds.
    Waiting {
        /// Who holds it, as far as the role may see.
        holder: Option<&'a Holder>,
        /// How long we have been waiting.
        waited: Duration,
        /// How long we will wait at the most.
        limit: Duration,
    },
    /// The lock is held and the plan is made.
    Planned(&'a Plan),
    /// A migration is being sent.
    StepStarted {
        /// The migration.
        migration: &'a Migration,
        /// Its place among the steps of this run, starting at 1.
        number: usize,
        /// How many steps the run has.
        total: usize,
    },
    /// A statement of a file outside a transaction is complete.
    StatementDone {
        /// The migration.
        migration: &'a Migration,
        /// The statement's number, starting at 1.
        number: usize,
    },
    /// A migration waits for a lock; said when that is first seen, then every few seconds, and when others are in its way.
    Blocked {
        /// The migration.
        migration: &'a Migration,
        /// What it waits for, and who is in its way.
        wait: &'a LockWait,
        /// How long its message has been under way.
        waited: Duration,
    },
    /// A migration that was said to wait for a lock was seen to go on.
    Unblocked {
        /// The migration.
        migration: &'a Migration,
    },
    /// The server is building an index for a migration; said when that is first seen, then every few seconds, and in each
    /// new phase.
    IndexBuild {
        /// The migration.
        migration: &'a Migration,
        /// How far the server has come.
        build: &'a IndexBuild,
        /// How long the migration's message has been under way.
        waited: Duration,
    },
    /// A migration is not answered, and a second connection to the server is not, either; said every few seconds.
    Unanswered {
        /// The migration.
        migration: &'a Migration,
        /// How long its message has been under way.
        waited: Duration,
        /// Why there is no second connection, without any secret.
        reason: &'a str,
    },
    /// A migration lost a wait for a lock, was rolled back, and will be sent again.
    Retrying {
        /// The migration.
        migration: &'a Migration,
        /// What the server said.
        reason: &'a str,
        /// What it was last seen to wait for, where it waited long enough to be looked at.
        waited_for: Option<&'a LockWait>,
        /// Which attempt comes next; the first was 1.
        attempt: u32,
        /// How long to wait before it.
        pause: Duration,
    },
    /// The server said something while a migration ran.
    Notice {
        /// The migration.
        migration: &'a Migration,
        /// What it said.
        notice: &'a Notice,
    },
    /// A migration is committed. On a database that is new, [`StepFinished`](Self::StepFinished) follows when all of
    /// the run's commits are durable, and else at once.
    StepCommitted {
        /// What was done.
        step: &'a StepReport,
        /// Its place among the steps of this run, starting at 1.
        number: usize,
        /// How many steps the run has.
        total: usize,
    },
    /// A migration is committed. It is durable when the run ends without an error.
    StepFinished {
        /// What was done.
        step: &'a StepReport,
        /// Its place among the steps of this run, starting at 1.
        number: usize,
        /// How many steps the run has.
        total: usize,
    },
    /// A migration failed.
    StepFailed(&'a StepFailure),
    /// A line that the program wrote which applies in devflow's place; control characters are as they came.
    Relayed(&'a str),
    /// Something that a person should know and that does not stop the run.
    Remark(&'a str),
}

impl Event<'_> {
    /// The migration that it is about.
    pub(crate) fn version(&self) -> Option<&Version> {
        match self {
            Self::StepStarted { migration, .. }
            | Self::StatementDone { migration, .. }
            | Self::Blocked { migration, .. }
            | Self::Unblocked { migration }
            | Self::IndexBuild { migration, .. }
            | Self::Unanswered { migration, .. }
            | Self::Retrying { migration, .. }
            | Self::Notice { migration, .. } => Some(migration.version()),
            Self::StepCommitted { step, .. } | Self::StepFinished { step, .. } => {
                Some(&step.version)
            }
            Self::StepFailed(failure) => Some(&failure.version),
            Self::Connected(_)
            | Self::ConnectRetry { .. }
            | Self::Waiting { .. }
            | Self::Planned(_)
            | Self::Relayed(_)
            | Self::Remark(_) => None,
        }
    }
}

/// Who holds the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    /// The server process.
    pub pid: i32,
    /// Its `application_name`: for a devflow run its run id, host and start.
    pub application: String,
    /// Its role.
    pub role: String,
    /// For how long that run has been going, as it wrote into its name, or else its session, where the role may see it.
    pub running: Option<Duration>,
}

/// Hears what happens during a run; `()` ignores it.
pub trait Observer: Send {
    /// Called on the run's task, in order; it must not block for long.
    fn event(&mut self, event: &Event<'_>);
}

impl Observer for () {
    fn event(&mut self, _event: &Event<'_>) {}
}
