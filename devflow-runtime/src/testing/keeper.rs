//! The threads that make the databases of tests, keep them in use, and drop them.

use super::workshop::Workshop;
use crate::blocking::no_runtime;
use crate::error::{Error, ErrorKind, Result};
use crate::migrator::Migrator;
use crate::secret::Secret;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread::Builder;
use tokio::runtime::Runtime;
use tokio::sync::oneshot::{Receiver, Sender, channel};
use tracing::{Dispatch, dispatcher};

/// The keepers whose database is dropped. Their sessions stay open: the next test of this process needs one.
static IDLE: Mutex<Vec<Keeper>> = Mutex::new(Vec::new());

/// A thread with a runtime and a session of its own. The test's runtime may be the one that the thread drives on which
/// the database's value is dropped: nothing could be waited for on it.
pub(super) struct Keeper {
    url: Secret,
    /// Dropped, it lets the thread end.
    jobs: mpsc::Sender<Job>,
}

/// A database in use, and its keeper.
pub(super) struct Kept {
    keeper: Keeper,
    /// Dropped, it tells the thread to drop the database.
    end: Sender<()>,
    dropped: Receiver<Result<()>>,
}

/// One database, from its making to its end.
struct Job {
    migrator: Migrator,
    /// Where the test logs.
    subscriber: Dispatch,
    made: Sender<Result<String>>,
    end: Receiver<()>,
    dropped: Sender<Result<()>>,
}

impl Keeper {
    /// One that is idle, or a new one.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn hire(url: &str) -> Result<Self> {
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        let known = idle.iter().position(|keeper| keeper.url.reveal() == url);
        match known {
            Some(index) => Ok(idle.swap_remove(index)),
            None => Self::start(url),
        }
    }

    fn start(url: &str) -> Result<Self> {
        let (jobs, received) = mpsc::channel();
        let (url, server) = (Secret::new(url.to_owned()), url.to_owned());
        let thread = Builder::new().name("devflow".to_owned());
        let _runs = thread
            .spawn(move || work(&server, &received))
            .map_err(no_runtime)?;
        Ok(Self { url, jobs })
    }

    /// Makes a database, and gives its name. Whoever is gone before it is made leaves nothing.
    pub(super) async fn make(self, migrator: &Migrator) -> Result<(Kept, String)> {
        let ((made, name), (end, ended)) = (channel(), channel());
        let (done, dropped) = channel();
        let job = Job {
            migrator: migrator.clone(),
            subscriber: dispatcher::get_default(Clone::clone),
            made,
            end: ended,
            dropped: done,
        };
        self.jobs.send(job).map_err(|_| gone())?;
        let name = name.await.unwrap_or_else(|_| Err(gone()))?;
        let kept = Kept {
            keeper: self,
            end,
            dropped,
        };
        Ok((kept, name))
    }
}

impl Kept {
    /// Drops the database.
    pub(super) async fn end(self) -> Result<()> {
        drop(self.end);
        self.dropped.await.unwrap_or_else(|_| Err(gone()))?;
        self.keeper.rest();
        Ok(())
    }

    /// The same, for whoever cannot wait on a runtime.
    pub(super) fn end_blocking(self) -> Result<()> {
        drop(self.end);
        let dropped = self.dropped;
        // A thread that drives a runtime may not wait by itself.
        let waiter = Builder::new().spawn(|| dropped.blocking_recv());
        let told = waiter.map_err(no_runtime)?.join();
        told.map_err(|_| gone())?.unwrap_or_else(|_| Err(gone()))?;
        self.keeper.rest();
        Ok(())
    }
}

impl Keeper {
    fn rest(self) {
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(self);
    }
}

/// The whole life of a thread.
fn work(url: &str, jobs: &mpsc::Receiver<Job>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match (runtime, jobs.recv()) {
        (Ok(runtime), Ok(first)) => work_on(&runtime, url, first, jobs),
        (Err(error), Ok(first)) => drop(first.made.send(Err(no_runtime(error)))),
        (_, Err(_)) => {}
    }
}

fn work_on(runtime: &Runtime, url: &str, first: Job, jobs: &mpsc::Receiver<Job>) {
    let mut workshop = None;
    for job in std::iter::once(first).chain(jobs) {
        let subscriber = job.subscriber.clone();
        dispatcher::with_default(&subscriber, || {
            runtime.block_on(Box::pin(job.carry_out(url, &mut workshop)));
        });
    }
    if let Some(workshop) = workshop {
        runtime.block_on(workshop.close());
    }
}

impl Job {
    async fn carry_out(self, url: &str, workshop: &mut Option<Workshop>) {
        let name = match copy(&self.migrator, url, workshop).await {
            Ok(name) => name,
            Err(error) => return drop(self.made.send(Err(error))),
        };
        // A test that is gone meanwhile has dropped the other end, and the database goes with it.
        let _told = self.made.send(Ok(name.clone()));
        let _ended = self.end.await;
        let dropped = match workshop {
            Some(workshop) => workshop.drop_database(&name).await,
            None => Err(gone()),
        };
        let _told = self.dropped.send(dropped);
    }
}

/// A new database, made in the session that is there. That may have been lost while nobody needed it: what it leaves, the
/// next one drops.
async fn copy(migrator: &Migrator, url: &str, workshop: &mut Option<Workshop>) -> Result<String> {
    if let Some(workshop) = workshop {
        match workshop.copy(migrator).await {
            Err(error) if error.kind() == ErrorKind::Disconnected => {}
            made => return made,
        }
    }
    let mut opened = Workshop::open(migrator, url).await?;
    opened.collect().await?;
    workshop.insert(opened).copy(migrator).await
}

fn gone() -> Error {
    let message = "the thread that looks after a test's database is gone";
    Error::new(ErrorKind::Broken, "no_runtime", message)
}
