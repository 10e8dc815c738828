//! Both ends of an open connection, or the caller's end of one that somebody else drives.

use super::TlsStream;
use crate::socket::Socket;
use futures_util::FutureExt;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio_postgres::{AsyncMessage, Client, Connection, Error, SimpleQueryStream};

/// An open connection.
pub(super) struct Line {
    client: Client,
    driver: Driver,
}

/// Who reads what the server sends.
enum Driver {
    /// We do, while we wait for an answer.
    Us(Box<Connection<Socket, TlsStream>>),
    /// A task of the caller's, which keeps notices and reported parameters to itself.
    Caller(Parameters),
}

/// What a server reports by itself, as far as devflow uses it.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    pub(crate) server_version: String,
    pub(crate) server_encoding: String,
}

impl Line {
    pub(super) fn ours(client: Client, connection: Connection<Socket, TlsStream>) -> Self {
        let driver = Driver::Us(Box::new(connection));
        Self { client, driver }
    }

    pub(super) fn lent(client: Client) -> Self {
        let driver = Driver::Caller(Parameters::default());
        Self { client, driver }
    }

    pub(super) fn is_lent(&self) -> bool {
        matches!(self.driver, Driver::Caller(_))
    }

    /// The client of a connection that the caller drives; another one is closed.
    pub(super) fn client_of_caller(self) -> Option<Client> {
        self.is_lent().then_some(self.client)
    }

    pub(super) fn learn(&mut self, learned: Parameters) {
        if let Driver::Caller(parameters) = &mut self.driver {
            *parameters = learned;
        }
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        match (&self.driver, name) {
            (Driver::Us(connection), _) => connection.parameter(name),
            (Driver::Caller(known), "server_version") => Some(&known.server_version),
            (Driver::Caller(known), "server_encoding") => Some(&known.server_encoding),
            (Driver::Caller(_), _) => None,
        }
    }

    /// Queues a message; nothing in that waits.
    pub(super) fn send(&self, sql: &str) -> Option<Result<SimpleQueryStream, Error>> {
        self.client.simple_query_raw(sql).now_or_never()
    }

    /// What the server says besides its answers. Of a connection that the caller drives that is its end, of which no waker is told:
    /// whoever waits there waits for an answer, which fails then.
    pub(super) fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<AsyncMessage, Error>>> {
        match &mut self.driver {
            Driver::Us(connection) => connection.poll_message(cx),
            Driver::Caller(_) if self.client.is_closed() => Poll::Ready(None),
            Driver::Caller(_) => Poll::Pending,
        }
    }

    /// Says goodbye. Without its client a connection says Terminate and shuts down; a server that does not care is left.
    pub(super) async fn close(self) {
        let Self { client, driver } = self;
        drop(client);
        let Driver::Us(connection) = driver else {
            return;
        };
        let goodbye = tokio::time::timeout(Duration::from_secs(1), *connection);
        if !matches!(goodbye.await, Ok(Ok(()))) {
            tracing::debug!("the connection did not close cleanly");
        }
    }
}
