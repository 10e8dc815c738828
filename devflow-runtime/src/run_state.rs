//! How far a run has come: what a readiness probe shows.

use crate::error::Error;
use crate::event::{Event, Holder, Observer};
use crate::index_build::IndexBuild;
use crate::report::Report;
use crate::shown::shown;
use crate::wait::LockWait;
use devflow_migrations::Migration;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;

/// How far a run has come. `{}` is one line for a person, without any secret and without any SQL.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum RunState {
    /// It connects.
    Connecting {
        /// Why that has failed so far, without any secret.
        reason: Option<String>,
    },
    /// It is connected, and looks at the ledger or plans.
    Looking,
    /// Another run holds devflow's lock.
    Waiting {
        /// Who holds it, as far as the role may see.
        holder: Option<Holder>,
        /// Since when we have been waiting.
        since: Instant,
    },
    /// It holds the lock and applies what is pending.
    Applying(Arc<Applying>),
    /// The database is up to date.
    Done(Arc<Report>),
    /// The run ended otherwise.
    Failed(Error),
}

/// What a run has applied so far.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Applying {
    /// How many of its migrations are committed. They are durable when the run ends without an error.
    pub done: usize,
    /// How many migrations the run has.
    pub of: usize,
    /// The migration that the server works at; `None` between two of them.
    pub current: Option<UnderWay>,
}

/// A migration that the server works at.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UnderWay {
    /// Its place among the steps of the run, starting at 1.
    pub number: usize,
    /// The file's path.
    pub path: String,
    /// When it was sent.
    pub since: Instant,
    /// The lock that it was last seen to wait for, until it is seen to go on.
    pub wait: Option<LockWait>,
    /// The index that it was last seen to build.
    pub build: Option<IndexBuild>,
}

impl RunState {
    /// Whether the database is up to date: what a readiness probe asks.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    /// Whether the run has ended, well or not.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Done(_) | Self::Failed(_))
    }
}

impl From<crate::Result<Report>> for RunState {
    fn from(outcome: crate::Result<Report>) -> Self {
        match outcome {
            Ok(report) => Self::Done(Arc::new(report)),
            Err(error) => Self::Failed(error),
        }
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting { reason: None } => f.write_str("connecting to the database"),
            Self::Connecting {
                reason: Some(reason),
            } => write!(f, "connecting to the database: {}", shown(reason)),
            Self::Looking => f.write_str("looking at the database"),
            Self::Waiting { holder, since } => {
                let waited = since.elapsed().as_secs();
                write!(f, "waiting for another run to finish, {waited} s so far")?;
                match holder {
                    Some(holder) => write!(f, ": {holder}"),
                    None => Ok(()),
                }
            }
            Self::Applying(applying) => applying.fmt(f),
            Self::Done(report) => write!(f, "up to date, {} applied", report.steps.len()),
            Self::Failed(error) => write!(f, "failed: {}", shown(&error.to_string())),
        }
    }
}

impl fmt::Display for Applying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { done, of, current } = self;
        let Some(current) = current else {
            return write!(f, "applied {done} of {of}");
        };
        let (number, took) = (current.number, current.since.elapsed().as_secs());
        let path = shown(&current.path);
        write!(f, "applying {number} of {of}: {path}, {took} s so far")?;
        if let Some(build) = &current.build {
            write!(f, "; {build}")?;
        }
        match &current.wait {
            Some(wait) => write!(f, "; waits for {wait}"),
            None => Ok(()),
        }
    }
}

/// Makes states of events, and publishes each.
pub(crate) struct Publisher {
    state: watch::Sender<RunState>,
    /// What the plan of this round has, once it is made.
    of: usize,
    done: usize,
    /// What was sent and is not committed, oldest first: the server works at the first.
    sent: VecDeque<UnderWay>,
}

impl Publisher {
    pub(crate) fn new(state: watch::Sender<RunState>) -> Self {
        Self {
            state,
            of: 0,
            done: 0,
            sent: VecDeque::new(),
        }
    }

    pub(crate) fn publish(&self, state: RunState) {
        self.state.send_replace(state);
    }

    fn applying(&self) {
        if self.of > 0 {
            self.publish(RunState::Applying(Arc::new(Applying {
                done: self.done,
                of: self.of,
                current: self.sent.front().cloned(),
            })));
        }
    }

    fn planned(&mut self, of: usize) {
        (self.of, self.done) = (of, 0);
        self.sent.clear();
    }

    /// One that is sent again takes those with it that had been sent behind it.
    fn sent(&mut self, migration: &Migration, number: usize) {
        self.sent.retain(|sent| sent.number < number);
        self.sent.push_back(UnderWay {
            number,
            path: migration.path().to_owned(),
            since: Instant::now(),
            wait: None,
            build: None,
        });
    }

    fn committed(&mut self, number: usize) {
        self.sent.retain(|sent| sent.number > number);
        self.done = self.done.max(number);
        // What comes next was sent earlier, but the server only begins now.
        if let Some(next) = self.sent.front_mut() {
            next.since = Instant::now();
        }
    }

    /// Notes what the server is seen to do for the migration that it works at.
    fn seen(&mut self, see: impl FnOnce(&mut UnderWay)) {
        if let Some(current) = self.sent.front_mut() {
            see(current);
        }
    }
}

impl Observer for Publisher {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::ConnectRetry { reason, .. } => {
                let reason = Some((*reason).to_owned());
                return self.publish(RunState::Connecting { reason });
            }
            Event::Connected(_) => return self.publish(RunState::Looking),
            Event::Waiting { holder, waited, .. } => {
                let now = Instant::now();
                return self.publish(RunState::Waiting {
                    holder: holder.cloned(),
                    since: now.checked_sub(*waited).unwrap_or(now),
                });
            }
            Event::Planned(plan) => self.planned(plan.steps().len()),
            Event::StepStarted {
                migration, number, ..
            } => self.sent(migration, *number),
            Event::StepCommitted { number, .. } | Event::StepFinished { number, .. } => {
                self.committed(*number);
            }
            Event::Blocked { wait, .. } => {
                self.seen(|current| current.wait = Some((*wait).clone()))
            }
            Event::Unblocked { .. } => self.seen(|current| current.wait = None),
            Event::IndexBuild { build, .. } => {
                self.seen(|current| current.build = Some((*build).clone()));
            }
            Event::StatementDone { .. } => {
                self.seen(|current| (current.wait, current.build) = (None, None));
            }
            _ => return,
        }
        self.applying();
    }
}
