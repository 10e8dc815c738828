//! Watching over a delegate while it works.

use super::backends::Sought;
use crate::lock::Hold;
use crate::session::Session;
use futures_util::future::{Either, select};
use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;
use tokio::time::Instant;

/// How often is looked.
const BEAT: Duration = Duration::from_secs(5);

/// How long the server may take to answer then.
pub(super) const ANSWER: Duration = Duration::from_secs(10);

/// Keeps the sessions of the lock awake, and sees whether the delegate has anything at work on the server.
pub(super) struct Vigil<'v> {
    session: &'v mut Session,
    hold: &'v mut Hold,
    sought: &'v Sought<'v>,
    patience: Duration,
    last_at_work: Instant,
}

impl<'v> Vigil<'v> {
    pub(super) fn new(
        session: &'v mut Session,
        hold: &'v mut Hold,
        sought: &'v Sought<'v>,
        patience: Duration,
    ) -> Self {
        Self {
            session,
            hold,
            sought,
            patience,
            last_at_work: Instant::now(),
        }
    }

    /// Does the work, to its end or until it has been stuck for too long: then it is dropped, and nothing is its answer.
    pub(super) async fn over<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        loop {
            let pause = BEAT.min(self.patience);
            if let Ok(ended) = tokio::time::timeout(pause, work.as_mut()).await {
                return Some(ended);
            }
            if let Some(ended) = self.beat(work.as_mut()).await {
                return Some(ended);
            }
            if self.last_at_work.elapsed() >= self.patience {
                return None;
            }
        }
    }

    /// Asks the server while the work goes on. A question that was sent is answered before anything else is, but the work
    /// does not wait for it: an interruption ends it at once, however long the server is silent.
    async fn beat<T, W: Future<Output = T>>(&mut self, work: Pin<&mut W>) -> Option<T> {
        let asked = pin!(self.ask());
        match select(work, asked).await {
            Either::Left((ended, asked)) => {
                asked.await;
                Some(ended)
            }
            Either::Right(_) => None,
        }
    }

    async fn ask(&mut self) {
        self.hold.keep_awake(ANSWER).await;
        if self.session.ended().is_some() {
            // What cannot be seen is not judged.
            self.last_at_work = Instant::now();
            return;
        }
        let last = match self.sought.quiet_for(self.session, ANSWER).await {
            Err(_) => Some(Instant::now()),
            Ok(None) => None,
            Ok(Some(quiet)) => Instant::now().checked_sub(quiet),
        };
        self.last_at_work = last.map_or(self.last_at_work, |last| last.max(self.last_at_work));
    }
}
