//! The thread that makes a test's database, keeps it in use, and drops it.

use super::workshop::{Workshop, drop_database};
use crate::blocking::no_runtime;
use crate::error::{Error, ErrorKind, Result};
use crate::migrator::Migrator;
use std::thread::{Builder, JoinHandle};
use tokio::sync::oneshot::{Receiver, Sender, channel};
use tracing::dispatcher;

/// A thread with a runtime and a session of its own. The test's runtime may be the one that the thread drives on which
/// the database's value is dropped: nothing could be waited for on it.
pub(super) struct Keeper {
    /// Dropped, it tells the thread to drop the database.
    end: Sender<()>,
    dropped: Receiver<Result<()>>,
    thread: JoinHandle<()>,
}

/// What the thread tells, and what it is told.
struct Line {
    made: Sender<Result<String>>,
    end: Receiver<()>,
    dropped: Sender<Result<()>>,
}

impl Keeper {
    /// Makes a database, and gives its name.
    pub(super) async fn start(migrator: &Migrator, url: &str) -> Result<(Self, String)> {
        let ((made, name), (end, ended)) = (channel(), channel());
        let (done, dropped) = channel();
        let line = Line {
            made,
            end: ended,
            dropped: done,
        };
        let (migrator, url) = (migrator.clone(), url.to_owned());
        let subscriber = dispatcher::get_default(Clone::clone);
        let work = move || dispatcher::with_default(&subscriber, || keep(&migrator, &url, line));
        let thread = Builder::new().name("devflow".to_owned());
        let thread = thread.spawn(work).map_err(no_runtime)?;
        let name = name.await.unwrap_or_else(|_| Err(gone()))?;
        let keeper = Self {
            end,
            dropped,
            thread,
        };
        Ok((keeper, name))
    }

    /// Drops the database.
    pub(super) async fn end(self) -> Result<()> {
        drop(self.end);
        self.dropped.await.unwrap_or_else(|_| Err(gone()))
    }

    /// The same, for whoever cannot wait on a runtime.
    pub(super) fn end_blocking(mut self) -> Result<()> {
        drop(self.end);
        let _panicked = self.thread.join();
        self.dropped.try_recv().unwrap_or_else(|_| Err(gone()))
    }
}

/// The whole life of the thread.
fn keep(migrator: &Migrator, url: &str, line: Line) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return drop(line.made.send(Err(no_runtime(error)))),
    };
    runtime.block_on(async {
        let (mut workshop, name) = match make(migrator, url).await {
            Ok(made) => made,
            Err(error) => return drop(line.made.send(Err(error))),
        };
        // A test that is gone meanwhile has dropped the other end, and the database goes with it.
        let _told = line.made.send(Ok(name.clone()));
        let _ended = line.end.await;
        let dropped = drop_database(&mut workshop.session, &name).await;
        workshop.session.close().await;
        let _told = line.dropped.send(dropped);
    });
}

async fn make<'a>(migrator: &'a Migrator, url: &'a str) -> Result<(Workshop<'a>, String)> {
    let mut workshop = Workshop::open(migrator, url).await?;
    workshop.collect().await?;
    let name = Box::pin(workshop.copy()).await?;
    Ok((workshop, name))
}

fn gone() -> Error {
    let message = "the thread that looks after a test's database is gone";
    Error::new(ErrorKind::Broken, "no_runtime", message)
}
