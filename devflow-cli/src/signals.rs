//! SIGHUP, SIGINT and SIGTERM: the first ends a run in good order, the second ends the process.

use crate::outcome::Signal;
use std::io;
use tokio::sync::watch;

/// The first signal, for whoever waits for it.
#[derive(Clone)]
pub(crate) struct Signals(watch::Receiver<Option<Signal>>);

impl Signals {
    /// Begins to listen, on a thread of its own: a second signal ends the process even when a stream is stuck.
    pub(crate) fn listen() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        let (sender, receiver) = watch::channel(None);
        let mut arrivals = runtime.block_on(async { Arrivals::new() })?;
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    // Nobody may be waiting any more; the second signal counts all the same.
                    let _ = sender.send(Some(arrivals.next().await));
                    leave(arrivals.next().await);
                });
            })?;
        Ok(Self(receiver))
    }

    /// Waits for the first signal.
    pub(crate) async fn first(&self) -> Signal {
        let mut receiver = self.0.clone();
        let arrived = receiver.wait_for(Option::is_some).await.map(|first| *first);
        match arrived {
            Ok(Some(signal)) => signal,
            // The listening thread is gone, so no signal will ever come.
            _ => std::future::pending().await,
        }
    }

    /// The first signal, if it has come.
    pub(crate) fn seen(&self) -> Option<Signal> {
        *self.0.borrow()
    }
}

#[expect(
    clippy::exit,
    reason = "a second signal means at once; nothing of ours waits for the end of main"
)]
fn leave(signal: Signal) {
    std::process::exit(i32::from(crate::exit::of(
        crate::outcome::Kind::Interrupted(signal),
    )))
}

#[cfg(unix)]
struct Arrivals([(Signal, tokio::signal::unix::Signal); 3]);

#[cfg(unix)]
impl Arrivals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self([
            (Signal::Hangup, signal(SignalKind::hangup())?),
            (Signal::Interrupt, signal(SignalKind::interrupt())?),
            (Signal::Terminate, signal(SignalKind::terminate())?),
        ]))
    }

    async fn next(&mut self) -> Signal {
        std::future::poll_fn(|context| {
            for (name, signal) in &mut self.0 {
                if signal.poll_recv(context).is_ready() {
                    return std::task::Poll::Ready(*name);
                }
            }
            std::task::Poll::Pending
        })
        .await
    }
}

#[cfg(not(unix))]
struct Arrivals;

#[cfg(not(unix))]
impl Arrivals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Signal {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Signal::Interrupt,
            Err(_) => std::future::pending().await,
        }
    }
}
