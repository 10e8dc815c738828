//! A run in a task of its own, and the handle by which a service follows it.

use crate::error::{Error, ErrorKind, Result};
use crate::migrator::Migrator;
use crate::report::Report;
use crate::run_state::{Publisher, RunState};
use crate::target::Target;
use futures_util::future::{Either, select};
use std::fmt;
use std::pin::pin;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tracing::Instrument as _;
use tracing::instrument::WithSubscriber as _;

/// A run in a task of its own: how far it has come, how it ends, and the way to end it early.
///
/// Dropped, it ends the run as [`cancel`](Self::cancel) does: no migration goes on that nobody can stop any more. So keep it
/// for as long as the service runs.
#[must_use = "dropped, it ends the run"]
pub struct MigrationHandle {
    state: watch::Receiver<RunState>,
    /// Whether the run is to end; dropping it says so too.
    cancelled: watch::Sender<bool>,
}

impl Migrator {
    /// Does what [`run`](Self::run) does in a task of its own, so that a service can answer its probes meanwhile: it is
    /// alive from the start, and ready when [`MigrationHandle::state`] is [`RunState::Done`].
    ///
    /// The run's span belongs to the span of whoever calls this.
    ///
    /// # Errors
    /// Kind `Usage`, with nothing begun, when the URL cannot be read, or outside of a Tokio runtime (code `outside_tokio`).
    /// Whatever goes wrong later is in the state, and what [`MigrationHandle::wait`] returns.
    pub fn spawn(self, url: &str) -> Result<MigrationHandle> {
        self.spawn_at(Target::parse(url)?)
    }

    /// Like [`spawn`](Self::spawn), with what the caller's own driver uses; TLS is as its `ssl_mode` says.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn).
    pub fn spawn_on(self, config: &tokio_postgres::Config) -> Result<MigrationHandle> {
        self.spawn_at(Target::from_config(config)?)
    }

    fn spawn_at(self, target: Target) -> Result<MigrationHandle> {
        let runtime = Handle::try_current().map_err(|_| outside_tokio())?;
        let (publish, state) = watch::channel(RunState::Connecting { reason: None });
        let (cancelled, mut wish) = watch::channel(false);
        let run = async move {
            let mut publisher = Publisher::new(publish);
            let cancelled = async { drop(wish.wait_for(|wish| *wish).await) };
            let outcome = self.run_at(&target, &mut publisher, cancelled).await;
            publisher.publish(outcome.into());
        };
        runtime.spawn(run.in_current_span().with_current_subscriber());
        Ok(MigrationHandle { state, cancelled })
    }
}

impl MigrationHandle {
    /// How far the run has come.
    #[must_use]
    pub fn state(&self) -> RunState {
        self.state.borrow().clone()
    }

    /// The same to keep, to wait for changes of, and to clone: it does not keep the run going.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<RunState> {
        self.state.clone()
    }

    /// Waits for the end of the run, as often as asked.
    ///
    /// # Errors
    /// As [`Migrator::run`]; kind `Interrupted` after [`cancel`](Self::cancel); kind `Broken`, code `run_dropped`, when the
    /// runtime was shut down before the run ended.
    pub async fn wait(&self) -> Result<Report> {
        let mut state = self.watch();
        let end = state.wait_for(RunState::is_over).await;
        match end.map(|state| state.clone()) {
            Ok(RunState::Done(report)) => Ok(Report::clone(&report)),
            Ok(RunState::Failed(error)) => Err(error),
            Ok(_) | Err(_) => Err(dropped()),
        }
    }

    /// Waits for the end of the run, and cancels it when `interrupt` completes before.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn wait_until(&self, interrupt: impl Future<Output = ()>) -> Result<Report> {
        match select(pin!(self.wait()), pin!(interrupt)).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(((), end)) => {
                self.cancel();
                end.await
            }
        }
    }

    /// Ends the run early and cleanly, as the `interrupt` of [`Migrator::run_until`] does: the statement under way is
    /// cancelled on the server, its migration rolled back and recorded as failed, and the lock given back. It has
    /// happened when [`wait`](Self::wait) returns.
    pub fn cancel(&self) {
        self.cancelled.send_replace(true);
    }
}

impl fmt::Debug for MigrationHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = &*self.state.borrow();
        f.debug_struct("MigrationHandle")
            .field("state", state)
            .finish_non_exhaustive()
    }
}

fn outside_tokio() -> Error {
    let message = "migrations cannot be spawned outside of a Tokio runtime";
    Error::new(ErrorKind::Usage, "outside_tokio", message)
        .help("call Migrator::spawn within one, under #[tokio::main] for example")
}

fn dropped() -> Error {
    let message = "the run was dropped together with its Tokio runtime";
    Error::new(ErrorKind::Broken, "run_dropped", message)
        .help("the server was asked to cancel; run again to go on")
}

#[cfg(test)]
mod tests {
    use super::*;
    use devflow_migrations::{MigrationSet, Settings, TableName};

    fn migrator() -> Migrator {
        let settings = Settings::default();
        Migrator::with_set(MigrationSet::default(), TableName::default(), settings)
    }

    #[test]
    fn without_a_runtime_it_is_refused_and_does_not_panic() {
        let error = migrator().spawn("postgres://localhost/app").unwrap_err();
        assert_eq!(
            (error.kind(), error.code()),
            (ErrorKind::Usage, "outside_tokio")
        );
    }

    #[test]
    fn a_runtime_that_is_shut_down_takes_the_run_with_it() {
        let runtime = || {
            tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap()
        };
        let first = runtime();
        let handle =
            first.block_on(async { migrator().spawn("postgres://localhost/app").unwrap() });
        drop(first);
        let error = runtime().block_on(handle.wait()).unwrap_err();
        assert_eq!(
            (error.kind(), error.code()),
            (ErrorKind::Broken, "run_dropped")
        );
    }

    #[tokio::test]
    async fn it_says_why_it_cannot_connect_and_shows_no_url() {
        let url = "postgres://me:guess-me@127.0.0.1:1/app";
        let handle = migrator().spawn(url).unwrap();
        let mut state = handle.watch();
        let is_retrying = |state: &RunState| state.to_string().contains("refused");
        drop(state.wait_for(is_retrying).await.unwrap());
        handle.cancel();
        let error = handle.wait().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
        let shown = format!("{handle:?} {handle:#?} {}", handle.state());
        assert!(!shown.contains("guess-me"), "{shown}");
    }
}
