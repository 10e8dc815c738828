//! The wish to stop, and the cancel requests that carry it to the server.

use crate::session::Route;
use futures_util::task::AtomicWaker;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio_postgres::CancelToken;

/// The wish to stop; fired once, seen by the run's own task.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt(Arc<State>);

#[derive(Debug, Default)]
struct State {
    fired: AtomicBool,
    waker: AtomicWaker,
}

impl Interrupt {
    pub(crate) fn fire(&self) {
        self.0.fired.store(true, Ordering::SeqCst);
        self.0.waker.wake();
    }

    pub(crate) fn is_fired(&self) -> bool {
        self.0.fired.load(Ordering::SeqCst)
    }

    /// Ready once it is fired.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_fired() {
            return Poll::Ready(());
        }
        self.0.waker.register(cx.waker());
        if self.is_fired() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Sleeps, or returns early when it is fired.
    pub(crate) async fn sleep(&self, duration: Duration) {
        let mut sleep = Box::pin(tokio::time::sleep(duration));
        std::future::poll_fn(|cx| match self.poll(cx) {
            Poll::Ready(()) => Poll::Ready(()),
            Poll::Pending => sleep.as_mut().poll(cx),
        })
        .await;
    }

    /// The outcome of `work`, or `None` as soon as it is fired.
    pub(crate) async fn unless_fired<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        std::future::poll_fn(|cx| match self.poll(cx) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => work.as_mut().poll(cx).map(Some),
        })
        .await
    }
}

/// How often a cancel request is repeated: one that lands between two statements is lost.
const REPEAT: Duration = Duration::from_millis(50);

/// How long one cancel request may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Cancel requests, one after the other, for as long as it is polled.
pub(crate) struct Cancelling {
    route: Route,
    token: CancelToken,
    now: Stage,
}

enum Stage {
    Request(Pin<Box<dyn Future<Output = ()> + Send>>),
    Pause(Pin<Box<tokio::time::Sleep>>),
}

impl Cancelling {
    pub(crate) fn start(route: Route, token: CancelToken) -> Self {
        let now = Stage::Request(Box::pin(cancel_once(route.clone(), token.clone())));
        Self { route, token, now }
    }

    /// Drives the requests on; never ready.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) {
        loop {
            self.now = match &mut self.now {
                Stage::Request(request) => match request.as_mut().poll(cx) {
                    Poll::Ready(()) => Stage::Pause(Box::pin(tokio::time::sleep(REPEAT))),
                    Poll::Pending => return,
                },
                Stage::Pause(pause) => match pause.as_mut().poll(cx) {
                    Poll::Ready(()) => {
                        let request = cancel_once(self.route.clone(), self.token.clone());
                        Stage::Request(Box::pin(request))
                    }
                    Poll::Pending => return,
                },
            }
        }
    }

    /// Lets a request that is under way end, so that it cannot hit a later statement.
    pub(crate) async fn settle(self) {
        if let Stage::Request(request) = self.now {
            request.await;
        }
    }
}

/// Sends one cancel request and reads to the end of its stream: only then has the server acted on it.
///
/// Where it cannot be sent, the server's own check of the connection ends the statement.
pub(crate) async fn cancel_once(route: Route, token: CancelToken) {
    let request = async {
        if let Err(error) = route.cancel(&token).await {
            tracing::debug!(%error, "a cancel request could not be sent");
        }
    };
    if tokio::time::timeout(PATIENCE, request).await.is_err() {
        tracing::debug!("a cancel request was not answered");
    }
}
