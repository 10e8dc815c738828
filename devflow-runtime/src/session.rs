//! One connection to a server, driven by the task that uses it.

mod dropped;
mod line;
mod refusal;
mod row;

use line::Line;
pub(crate) use line::Parameters;
pub(crate) use refusal::{Lost, Refusal};
pub(crate) use row::Row;

use crate::backend::Backend;
use crate::interrupt::{Cancelling, Interrupt};
use crate::report::Notice;
use crate::socket::{Endpoint, Socket};
use crate::until_closed::UntilClosed;
use futures_util::Stream;
use refusal::describe;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio_postgres::error::DbError;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{
    AsyncMessage, CancelToken, Client, Connection, SimpleQueryMessage, SimpleQueryStream,
};
use tokio_postgres_rustls::MakeRustlsConnect;

pub(crate) type TlsStream =
    <<MakeRustlsConnect as MakeTlsConnect<Socket>>::TlsConnect as TlsConnect<Socket>>::Stream;

/// How long anything of our own may take besides a migration: longer than a pooler keeps us in its queue, 120 s.
const ANSWER: Duration = Duration::from_secs(150);

/// One connection. Messages are answered in the order in which they were sent; notices are tied to the message that
/// caused them, which is why the connection is polled here and not by a task of its own.
///
/// Dropped while an answer is outstanding, it closes a connection of our own, and a detached task asks the server to cancel: of a
/// connection that the caller drives until nothing of ours is under way in it.
pub(crate) struct Session {
    /// `None` once it is closed.
    line: Option<Line>,
    pending: Pending,
    interrupt: Interrupt,
    heeds: bool,
    cancelling: Option<Cancelling>,
    notices: Vec<Notice>,
    /// A notice that came after what the reply had been polled for: of this reply or, if that is over, of the next.
    next_notice: Option<Notice>,
    lost: Option<Lost>,
    /// What was set at start-up to be asked for later, where the start-up options were taken.
    pub(crate) marker: Option<String>,
    /// Statements that set what start-up options set elsewhere: `RESET ALL` does not return to it.
    pub(crate) settings: String,
    /// Whether a full server turned us away before it took us.
    pub(crate) was_turned_away: bool,
    /// The server's side, once it was asked for; behind a pooler there is no such thing.
    pub(crate) backend: Option<Backend>,
}

/// How many messages have been sent and not been answered.
struct Pending {
    messages: usize,
    /// How much was sent since everything had been answered.
    bytes: usize,
    route: Route,
    token: CancelToken,
}

/// How to reach the same server again, to ask it to cancel.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) endpoint: Endpoint,
    /// The name that the server's certificate is for.
    pub(crate) name: String,
    /// The server as the user named it.
    pub(crate) server: String,
    pub(crate) tls: MakeRustlsConnect,
}

/// A message that has been sent and not been answered in full.
#[must_use]
pub(crate) struct Reply(Pin<Box<SimpleQueryStream>>);

/// A message's whole answer.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) rows: Vec<Row>,
    /// How many of its statements were complete before the error, if any.
    pub(crate) completed: usize,
    pub(crate) error: Option<Refusal>,
    pub(crate) notices: Vec<Notice>,
}

/// What becomes of an answer's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    Keep,
    /// Only the last is kept: a migration's `SELECT` may return many.
    Last,
}

impl Session {
    pub(crate) fn new(
        client: Client,
        connection: Connection<Socket, TlsStream>,
        route: Route,
        interrupt: Interrupt,
    ) -> Self {
        let token = client.cancel_token();
        Self::on(Line::ours(client, connection), token, route, interrupt)
    }

    /// A session on a connection that a task of the caller's drives: its notices are not told here.
    pub(crate) fn lent(client: Client, route: Route, interrupt: Interrupt) -> Self {
        let token = client.cancel_token();
        Self::on(Line::lent(client), token, route, interrupt)
    }

    fn on(line: Line, token: CancelToken, route: Route, interrupt: Interrupt) -> Self {
        Self {
            pending: Pending {
                messages: 0,
                bytes: 0,
                route,
                token,
            },
            line: Some(line),
            interrupt,
            heeds: true,
            cancelling: None,
            notices: Vec::new(),
            next_notice: None,
            lost: None,
            marker: None,
            settings: String::new(),
            was_turned_away: false,
            backend: None,
        }
    }

    /// A parameter that the server reports by itself, such as `server_version`.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.line.as_ref()?.parameter(name)
    }

    /// The parameters of a connection that the caller drives.
    pub(crate) fn learn(&mut self, parameters: Parameters) {
        if let Some(line) = &mut self.line {
            line.learn(parameters);
        }
    }

    /// How to reach the same server again.
    pub(crate) fn route(&self) -> Route {
        self.pending.route.clone()
    }

    /// Where requests to cancel and sessions beside this one go.
    pub(crate) fn goes_to(&mut self, endpoint: Endpoint) {
        self.pending.route.endpoint = endpoint;
    }

    /// The server as the user named it.
    pub(crate) fn server(&self) -> String {
        self.pending.route.server.clone()
    }

    /// Whether traffic to the server stays on this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.pending.route.endpoint.is_local()
    }

    /// The major version; 0 when the server does not say.
    pub(crate) fn major_version(&self) -> u32 {
        let version = self.parameter("server_version").unwrap_or_default();
        let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(0)
    }

    /// Queues a simple-query message behind those that were sent before.
    pub(crate) fn send(&mut self, sql: &str) -> Result<Reply, Lost> {
        match self.line.as_ref().and_then(|line| line.send(sql)) {
            Some(Ok(stream)) => {
                self.pending.add(sql.len());
                Ok(Reply(Box::pin(stream)))
            }
            _ => Err(self.lost.clone().unwrap_or_else(Lost::closed)),
        }
    }

    /// Waits for a message's whole answer; rows are kept. Once the run is interrupted, the server is asked to cancel
    /// until the answer is complete.
    pub(crate) async fn answer(&mut self, reply: Reply) -> Answer {
        self.read(reply, Rows::Keep).await
    }

    /// Sends one message of our own, which cannot take long, and waits for its answer.
    pub(crate) async fn ask(&mut self, sql: &str) -> Answer {
        self.ask_within(ANSWER, sql).await
    }

    /// Sends one message and waits for its answer; a server that has not given it within `limit` counts as lost, and
    /// the connection is closed.
    pub(crate) async fn ask_within(&mut self, limit: Duration, sql: &str) -> Answer {
        match self.send(sql) {
            Ok(reply) => self.answer_within(limit, reply).await,
            Err(lost) => Answer::lost(lost),
        }
    }

    /// Waits for a message's whole answer, likewise.
    pub(crate) async fn answer_within(&mut self, limit: Duration, reply: Reply) -> Answer {
        let answer = tokio::time::timeout(limit, self.answer(reply)).await;
        answer.unwrap_or_else(|_| {
            let lost = Lost(format!("no answer within {} s", limit.as_secs_f64()));
            self.hang_up(lost.clone());
            Answer::lost(lost)
        })
    }

    pub(crate) async fn read(&mut self, mut reply: Reply, rows: Rows) -> Answer {
        let mut answer = Answer::default();
        loop {
            let item = std::future::poll_fn(|cx| self.poll_reply(&mut reply, cx)).await;
            match item {
                Some(Ok(SimpleQueryMessage::Row(row))) => {
                    if rows == Rows::Last {
                        answer.rows.clear();
                    }
                    answer.rows.push(Row(row));
                }
                Some(Ok(SimpleQueryMessage::CommandComplete(_))) => answer.completed += 1,
                Some(Ok(_)) => {}
                Some(Err(refusal)) => {
                    let lost = matches!(refusal, Refusal::Lost(_));
                    answer.error.get_or_insert(refusal);
                    if lost {
                        break;
                    }
                }
                None => break,
            }
        }
        self.pending.messages -= 1;
        answer.notices = std::mem::take(&mut self.notices);
        answer
    }

    /// After each notice the reply is polled first: what is complete by then did not cause it.
    fn poll_reply(
        &mut self,
        reply: &mut Reply,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<SimpleQueryMessage, Refusal>>> {
        loop {
            if let Poll::Ready(item) = reply.0.as_mut().poll_next(cx) {
                return Poll::Ready(item.map(|item| item.map_err(|error| self.refusal(&error))));
            }
            self.notices.extend(self.next_notice.take());
            if let Some(lost) = &self.lost {
                return Poll::Ready(Some(Err(Refusal::Lost(lost.clone()))));
            }
            if self.poll_line(cx).is_pending() {
                self.poll_interrupt(cx);
                return Poll::Pending;
            }
        }
    }

    /// Takes what the server says next. A connection that is over must not be polled again.
    fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.line {
            Some(line) if self.lost.is_none() => {
                let message = std::task::ready!(line.poll_message(cx));
                self.take(message);
            }
            _ => drop(self.lost.get_or_insert_with(Lost::closed)),
        }
        Poll::Ready(())
    }

    /// How the session ended, if that is known by now; asks nobody and waits for nothing.
    pub(crate) fn ended(&mut self) -> Option<&Lost> {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        while self.lost.is_none() && self.poll_line(&mut cx).is_ready() {}
        self.lost.as_ref()
    }

    fn poll_interrupt(&mut self, cx: &mut Context<'_>) {
        if self.heeds && self.interrupt.poll(cx).is_ready() {
            let Pending { route, token, .. } = &self.pending;
            self.cancelling
                .get_or_insert_with(|| Cancelling::start(route.clone(), token.clone()))
                .poll(cx);
        }
    }

    fn take(&mut self, message: Option<Result<AsyncMessage, tokio_postgres::Error>>) {
        match message {
            Some(Ok(AsyncMessage::Notice(notice))) => self.next_notice = Some(Notice::of(&notice)),
            Some(Ok(_)) => {}
            Some(Err(error)) => self.lost = Some(Lost(describe(&error))),
            None => self.lost = Some(Lost::closed()),
        }
    }

    fn refusal(&self, error: &tokio_postgres::Error) -> Refusal {
        match error.as_db_error() {
            Some(db) => Refusal::Server(Box::new(db.clone())),
            None => Refusal::Lost(self.lost.clone().unwrap_or_else(|| Lost(describe(error)))),
        }
    }

    /// From here on nothing is cancelled, whatever the interruption says, and no request is under way. Says whether the
    /// interruption was heeded before.
    pub(crate) async fn quiet(&mut self) -> bool {
        if let Some(cancelling) = self.cancelling.take() {
            cancelling.settle().await;
        }
        std::mem::replace(&mut self.heeds, false)
    }

    /// Whether what is sent from here on is cancelled when the run is interrupted.
    pub(crate) fn heed(&mut self, heeds: bool) {
        self.heeds = heeds;
    }

    /// How much of what was sent may still be on its way.
    pub(crate) fn bytes_under_way(&self) -> usize {
        self.pending.bytes
    }

    /// Takes the session for lost, and closes its connection.
    pub(crate) fn hang_up(&mut self, lost: Lost) {
        self.line = None;
        self.lost = Some(lost);
    }

    /// Whether notices are told to this session, and not to the caller who drives its connection.
    pub(crate) fn hears_notices(&self) -> bool {
        self.line.as_ref().is_none_or(|line| !line.is_lent())
    }

    /// Whether it has not been closed from this side.
    pub(crate) fn is_open(&self) -> bool {
        self.line.is_some()
    }

    /// Says goodbye; the server ends the session at once instead of noticing later. Whatever is asked from here on is
    /// answered with a lost connection.
    pub(crate) async fn close(&mut self) {
        if let Some(line) = self.line.take() {
            self.pending.messages = 0;
            line.close().await;
        }
    }
}

impl Route {
    /// Asks the server to cancel what the token's session is doing, and waits until the server has acted.
    ///
    /// # Errors
    /// When the request could not be sent.
    pub(crate) async fn cancel(
        &self,
        token: &CancelToken,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let stream = UntilClosed(Socket::open(&self.endpoint).await?);
        let Ok(tls) = MakeTlsConnect::<UntilClosed<Socket>>::make_tls_connect(
            &mut self.tls.clone(),
            &self.name,
        );
        Ok(token.cancel_query_raw(stream, UntilClosed(tls)).await?)
    }
}

impl Pending {
    fn add(&mut self, bytes: usize) {
        let before = if self.messages == 0 { 0 } else { self.bytes };
        self.bytes = before + bytes;
        self.messages += 1;
    }
}

impl Answer {
    pub(crate) fn lost(lost: Lost) -> Self {
        Self {
            error: Some(Refusal::Lost(lost)),
            ..Self::default()
        }
    }
}

impl Notice {
    fn of(notice: &DbError) -> Self {
        Self {
            severity: notice.severity().to_owned(),
            sqlstate: notice.code().code().to_owned(),
            message: notice.message().to_owned(),
            hint: notice.hint().map(str::to_owned),
        }
    }
}
