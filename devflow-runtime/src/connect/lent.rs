//! A connection that the caller has opened, made fit for a run.

use super::failure::{Cause, Failure};
use super::{Connector, name_of, no_address};
use crate::error::{Error, ErrorKind, Result};
use crate::literal::text;
use crate::lock::Link;
use crate::session::{Parameters, Refusal, Route, Session};
use crate::socket::{Endpoint, Socket, resolve};
use crate::step::{cleared, cleared_in_pool};
use crate::target::HostPort;
use std::net::IpAddr;
use tokio_postgres::Client;

/// In a transaction that was begun before, the two times differ.
const FACTS: &str = "SELECT pg_catalog.now() OPERATOR(pg_catalog.=) pg_catalog.statement_timestamp(), \
     pg_catalog.current_setting('server_version'), pg_catalog.current_setting('server_encoding'), \
     pg_catalog.host(pg_catalog.inet_server_addr())";

const SET_UP: &str = "set up the client that it was given";

impl Connector<'_> {
    /// Makes a session of it: idle, outside any transaction, and direct ones as if they had been opened for the run.
    ///
    /// # Errors
    /// When its server cannot be found by the configuration, it is in a transaction, or it is lost.
    pub(crate) async fn take_over(&self, client: Client, link: Link) -> Result<Session> {
        let [host] = &self.target.hosts[..] else {
            return Err(unusable(
                "the configuration of the client has several hosts, and nobody knows which of them it is connected to",
                "give it the one host that the client is connected to",
            ));
        };
        let endpoints = resolve(host).await;
        let endpoints = endpoints.map_err(|error| self.failed(host, Cause::LookUp(error)))?;
        let (endpoint, several) = match endpoints.split_first() {
            Some((first, others)) => (first.clone(), !others.is_empty()),
            None => return Err(self.failed(host, Cause::LookUp(no_address()))),
        };
        let route = Route {
            endpoint,
            name: name_of(host),
            server: host.to_string(),
            tls: self.tls.clone(),
        };
        let mut session = Session::lent(client, route, self.interrupt.clone());
        let address = examine(&mut session).await?;
        if several {
            session.goes_to(self.endpoint_of(host, endpoints, address).await?);
        }
        match link {
            Link::Direct => self.set_up(&mut session).await?,
            Link::Pooled => {
                let answer = session.ask(&cleared_in_pool()).await;
                answer.accept(SET_UP)?;
            }
        }
        Ok(session)
    }

    /// Where a second session, and a request to cancel, find the client's server: the address that the server has itself.
    /// Where that is not seen from here, as that of a container is not, several addresses have to be this machine's own: the
    /// first that is listened on is the one that a driver takes.
    async fn endpoint_of(
        &self,
        host: &HostPort,
        endpoints: Vec<Endpoint>,
        address: Option<IpAddr>,
    ) -> Result<Endpoint> {
        let is_its_own = |endpoint: &&Endpoint| endpoint.ip() == address && address.is_some();
        if let Some(endpoint) = endpoints.iter().find(is_its_own) {
            return Ok(endpoint.clone());
        }
        if !endpoints.iter().all(Endpoint::is_local) {
            return Err(unusable(
                &format!(
                    "{host} has several addresses, and nobody knows which of them the client is connected to"
                ),
                "give the configuration the one that it is, as its hostaddr",
            ));
        }
        let mut last = no_address();
        for endpoint in endpoints {
            match tokio::time::timeout(self.timeout, Socket::open(&endpoint)).await {
                Ok(Ok(_listening)) => return Ok(endpoint),
                Ok(Err(error)) => last = error,
                Err(elapsed) => last = elapsed.into(),
            }
        }
        Err(self.failed(host, Cause::Socket(last)))
    }

    fn failed(&self, host: &HostPort, cause: Cause) -> Error {
        let server = host.to_string();
        Failure { server, cause }.into_error(self.target, None)
    }

    /// Removes what the caller has set, and sets what start-up options would have. As with those, a platform that cannot check
    /// its connections is not asked to.
    async fn set_up(&self, session: &mut Session) -> Result<()> {
        session.marker = Some(self.run.id.clone());
        let major = session.major_version();
        session.settings = self.settings(major, " SET client_connection_check_interval = '1s';");
        let mut answer = session.ask(&cleared(&session.settings)).await;
        if answer.error.as_ref().map(Refusal::sqlstate) == Some("22023") {
            session.settings = self.settings(major, "");
            answer = session.ask(&cleared(&session.settings)).await;
        }
        answer.accept(SET_UP)?;
        Ok(())
    }

    fn settings(&self, server_major: u32, check: &str) -> String {
        let since_14 = match server_major {
            14.. => format!(" SET idle_session_timeout = 0;{check}"),
            _ => String::new(),
        };
        format!(
            "SET devflow.session = '{}'; SET application_name = {}; SET lock_timeout = 0; SET statement_timeout = {};{since_14}",
            self.run.id,
            text(&self.run.application_name),
            self.statement_timeout.as_millis(),
        )
    }
}

/// Asks what a session of our own would have been told, and for the address that the server has itself.
async fn examine(session: &mut Session) -> Result<Option<IpAddr>> {
    let answer = session.ask(FACTS).await;
    let in_transaction = || {
        unusable(
            "the client is in a transaction",
            "commit it before the migrations begin: each of them has a transaction of its own",
        )
    };
    if answer.error.as_ref().map(Refusal::sqlstate) == Some("25P02") {
        return Err(in_transaction());
    }
    let answer = answer.accept("look at the client that it was given")?;
    let fact = |column| answer.rows.first().and_then(|row| row.get(column));
    if fact(0) != Some("t") {
        return Err(in_transaction());
    }
    let owned = |column| fact(column).unwrap_or_default().to_owned();
    session.learn(Parameters {
        server_version: owned(1),
        server_encoding: owned(2),
    });
    Ok(fact(3).and_then(|address| address.parse().ok()))
}

fn unusable(message: &str, help: &'static str) -> Error {
    Error::new(ErrorKind::Usage, "client_unusable", message).help(help)
}
