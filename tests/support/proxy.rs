//! A TCP proxy on loopback that delays, counts, cuts and freezes.
//!
//! What is counted, at the client's side of the delay:
//! * A *message* is one that asks the server for work: start-up packets, passwords and the good-bye are none.
//! * A *round trip* is a wait of the client: the counts are the lengths of each connection's longest chain of messages, of
//!   which each was sent after an answer to the one before had reached the client. So messages that were sent without
//!   waiting for an answer are one round trip, and a pipeline that sends the next message with each answer waits once for
//!   as many as it keeps under way, however the bytes happen to arrive. Over a link with a delay, and with a server that
//!   takes no time, this many times twice the delay is what a run takes.

use crate::background::runtime;
use crate::chain::Chain;
use crate::wire::{ClientWire, Piece, PieceKind};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

/// A running proxy; it stops when the value is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: JoinHandle<()>,
}

/// What went through a proxy since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections taken.
    pub connections: usize,
    /// Messages from clients.
    pub messages: usize,
    /// Waits of clients.
    pub round_trips: usize,
    /// Bytes from clients.
    pub bytes_to_server: usize,
    /// Bytes from the server.
    pub bytes_to_client: usize,
}

/// Where to cut, counted in messages from the call on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The n-th message does not reach the server.
    Before(usize),
    /// The n-th message reaches the server whole, its answer reaches nobody.
    After(usize),
}

#[derive(Debug)]
struct Shared {
    server: (String, u16),
    delay: Duration,
    state: Mutex<State>,
    switch: watch::Sender<Switch>,
}

#[derive(Debug, Default)]
struct State {
    counts: Counts,
    cut: Option<Cut>,
    closed_door: bool,
}

/// What every connection watches.
#[derive(Debug, Clone, Copy, Default)]
struct Switch {
    frozen: bool,
    /// Connections made under a smaller number are frozen.
    open_to: u64,
    /// Connections made under a smaller number are cut.
    generation: u64,
}

/// Bytes on their way.
struct Parcel {
    /// When they may arrive.
    arrival: Instant,
    bytes: Vec<u8>,
    /// How long the chain behind an answer is.
    chain: usize,
}

impl Proxy {
    /// Starts a proxy before a server, as [`crate::Server::address`] gives it, with a delay each way.
    ///
    /// # Panics
    /// When no port of the loopback interface can be had.
    #[must_use]
    pub fn start(server: (String, u16), delay: Duration) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener
            .set_nonblocking(true)
            .expect("the listener can be set up");
        let address = listener.local_addr().expect("a listener has an address");
        let shared = Arc::new(Shared {
            server,
            delay,
            state: Mutex::default(),
            switch: watch::Sender::new(Switch::default()),
        });
        let task = runtime().spawn(accept(listener, Arc::clone(&shared)));
        Self {
            address,
            shared,
            listener: task,
        }
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What went through it.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.lock().counts
    }

    /// Cuts the connection that carries the n-th message from now on.
    pub fn cut(&self, cut: Cut) {
        self.shared.lock().cut = Some(cut);
    }

    /// Whether a cut that was asked for has still to come.
    #[must_use]
    pub fn will_cut(&self) -> bool {
        self.shared.lock().cut.is_some()
    }

    /// Cuts every connection now.
    pub fn cut_now(&self) {
        self.shared
            .switch
            .send_modify(|switch| switch.generation += 1);
    }

    /// Closes the door: connections from now on are taken and closed at once.
    pub fn refuse(&self) {
        self.shared.lock().closed_door = true;
    }

    /// Opens the door again.
    pub fn admit(&self) {
        self.shared.lock().closed_door = false;
    }

    /// Forwards nothing more, in either direction, without closing anything.
    pub fn freeze(&self) {
        self.shared
            .switch
            .send_modify(|switch| switch.frozen = true);
    }

    /// Forwards nothing more on the connections that there are; those to come pass.
    pub fn freeze_open(&self) {
        let made = self.counts().connections as u64;
        self.shared
            .switch
            .send_modify(|switch| switch.open_to = made);
    }

    /// Forwards what was held up, and goes on.
    pub fn thaw(&self) {
        self.shared.switch.send_modify(|switch| {
            switch.frozen = false;
            switch.open_to = 0;
        });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listener.abort();
        self.cut_now();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no thread panics while it holds this")
    }
}

async fn accept(listener: std::net::TcpListener, shared: Arc<Shared>) {
    let listener = TcpListener::from_std(listener).expect("the runtime takes the listener");
    while let Ok((client, _)) = listener.accept().await {
        let (closed_door, number) = {
            let mut state = shared.lock();
            state.counts.connections += 1;
            (state.closed_door, state.counts.connections as u64)
        };
        if !closed_door {
            tokio::spawn(forward(client, number, Arc::clone(&shared)));
        }
    }
}

/// The life of one connection: it ends when both sides have closed, or when it is cut.
async fn forward(client: TcpStream, number: u64, shared: Arc<Shared>) {
    let switch = shared.switch.subscribe();
    let (host, port) = &shared.server;
    let Ok(server) = TcpStream::connect((host.as_str(), *port)).await else {
        return;
    };
    let _unsupported = client.set_nodelay(true);
    let _unsupported = server.set_nodelay(true);
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let link = Link::new(&shared, number);
    let (up, at_server) = unbounded_channel();
    let (down, at_client) = unbounded_channel();
    let upward = async {
        tokio::join!(
            link.read_client(from_client, up),
            link.deliver(at_server, to_server, Side::Server)
        );
        link.end_if_cut();
    };
    let downward = async {
        tokio::join!(
            link.read_server(from_server, down),
            link.deliver(at_client, to_client, Side::Client)
        )
    };
    tokio::select! {
        _ = async { tokio::join!(upward, downward) } => {}
        () = link.cut.notified() => {}
        () = cut_with_all(switch) => {}
    }
}

async fn cut_with_all(mut switch: watch::Receiver<Switch>) {
    let generation = switch.borrow().generation;
    drop(
        switch
            .wait_for(|switch| switch.generation != generation)
            .await,
    );
}

/// One connection through the proxy.
struct Link<'a> {
    shared: &'a Shared,
    /// Which of the connections it is, starting at 1.
    number: u64,
    chain: Mutex<Chain>,
    /// Set when the message before or after which to cut has been read: nothing reaches the client any more.
    muted: AtomicBool,
    cut: Notify,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

impl<'a> Link<'a> {
    fn new(shared: &'a Shared, number: u64) -> Self {
        Self {
            shared,
            number,
            chain: Mutex::default(),
            muted: AtomicBool::new(false),
            cut: Notify::new(),
        }
    }

    async fn read_client(&self, mut client: OwnedReadHalf, server: UnboundedSender<Parcel>) {
        let mut wire = ClientWire::default();
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length @ 1..) = client.read(&mut buffer).await {
            let bytes = &buffer[..length];
            let kept = self.count(&wire.pieces(bytes));
            self.shared.lock().counts.bytes_to_server += kept;
            let sent = server.send(self.parcel(&bytes[..kept], 0));
            if sent.is_err() || self.muted.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    /// Counts messages and waits, and says how many of the bytes may go on.
    fn count(&self, pieces: &[Piece]) -> usize {
        let mut state = self.shared.lock();
        let mut kept = 0;
        for piece in pieces {
            if let PieceKind::Begin { tag } = piece.kind {
                if state.cut_comes(Cut::Before(1)) {
                    self.muted.store(true, Ordering::Relaxed);
                    return kept;
                }
                state.counts.messages += 1;
                state.counts.round_trips += self.chain().sent(tag);
            }
            kept += piece.length;
            if piece.ends && state.cut_comes(Cut::After(1)) {
                self.muted.store(true, Ordering::Relaxed);
                return kept;
            }
        }
        kept
    }

    async fn read_server(&self, mut server: OwnedReadHalf, client: UnboundedSender<Parcel>) {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length @ 1..) = server.read(&mut buffer).await {
            self.shared.lock().counts.bytes_to_client += length;
            let bytes = &buffer[..length];
            let chain = self.chain().answered(bytes);
            if client.send(self.parcel(bytes, chain)).is_err() {
                return;
            }
        }
    }

    fn parcel(&self, bytes: &[u8], chain: usize) -> Parcel {
        Parcel {
            arrival: Instant::now() + self.shared.delay,
            bytes: bytes.to_vec(),
            chain,
        }
    }

    fn chain(&self) -> MutexGuard<'_, Chain> {
        self.chain
            .lock()
            .expect("no thread panics while it holds this")
    }

    /// Writes each parcel when its time has come, and closes the side when the last one is written.
    async fn deliver(
        &self,
        mut parcels: UnboundedReceiver<Parcel>,
        mut side: OwnedWriteHalf,
        which: Side,
    ) {
        let mut switch = self.shared.switch.subscribe();
        while let Some(parcel) = parcels.recv().await {
            sleep_until(parcel.arrival).await;
            drop(switch.wait_for(|switch| self.may_pass(switch)).await);
            if which == Side::Client {
                if self.muted.load(Ordering::Relaxed) {
                    continue;
                }
                self.chain().reached(parcel.chain);
            }
            if side.write_all(&parcel.bytes).await.is_err() {
                return;
            }
        }
        let _gone = side.shutdown().await;
    }

    fn may_pass(&self, switch: &Switch) -> bool {
        !switch.frozen && self.number > switch.open_to
    }

    fn end_if_cut(&self) {
        if self.muted.load(Ordering::Relaxed) {
            self.cut.notify_one();
        }
    }
}

impl State {
    /// Counts down to a cut of this kind; true when it has come.
    fn cut_comes(&mut self, due: Cut) -> bool {
        if self.cut == Some(due) {
            self.cut = None;
            return true;
        }
        self.cut = match (self.cut, due) {
            (Some(Cut::Before(n)), Cut::Before(_)) => Some(Cut::Before(n - 1)),
            (Some(Cut::After(n)), Cut::After(_)) => Some(Cut::After(n - 1)),
            (other, _) => other,
        };
        false
    }
}
