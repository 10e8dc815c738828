//! A run for programs without a Tokio runtime.

use crate::error::{Error, ErrorKind, Result};
use crate::migrator::Migrator;
use crate::report::Report;
use std::io;
use tracing::{Span, dispatcher};

impl Migrator {
    /// Does what [`run`](Self::run) does, on a thread and a runtime of its own, and returns when both have ended: for a
    /// service without Tokio. Inside a Tokio runtime it works too, but holds one of its threads meanwhile.
    ///
    /// The run's span belongs to the span of whoever calls this.
    ///
    /// # Errors
    /// As [`run`](Self::run); kind `Broken`, code `no_runtime`, with nothing begun, when the system gives no thread or no
    /// runtime.
    pub fn run_blocking(&self, url: &str) -> Result<Report> {
        block_on(|| self.run(url))
    }

    /// The same for [`run_on`](Self::run_on).
    ///
    /// # Errors
    /// As [`run_blocking`](Self::run_blocking).
    pub fn run_blocking_on(&self, config: &tokio_postgres::Config) -> Result<Report> {
        block_on(|| self.run_on(config))
    }
}

/// Drives a run on a thread and a runtime of its own.
fn block_on<F: Future<Output = Result<Report>>>(run: impl FnOnce() -> F + Send) -> Result<Report> {
    let span = Span::current();
    let subscriber = dispatcher::get_default(Clone::clone);
    let work = || dispatcher::with_default(&subscriber, || span.in_scope(|| drive(run)));
    // A runtime cannot be started on a thread that belongs to another one.
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("devflow".to_owned());
        let thread = thread.spawn_scoped(scope, work).map_err(no_runtime)?;
        let outcome = thread.join();
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn drive<F: Future<Output = Result<Report>>>(run: impl FnOnce() -> F) -> Result<Report> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build().map_err(no_runtime)?;
    runtime.block_on(run())
}

pub(crate) fn no_runtime(error: io::Error) -> Error {
    let message = "the system does not let devflow wait for connections";
    Error::new(ErrorKind::Broken, "no_runtime", message).caused_by(error)
}
