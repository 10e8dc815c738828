//! From a target to a session: deadline, TLS, start-up options and their fallback, retries.

mod failure;
mod lent;

use crate::error::Result;
use crate::interrupt::Interrupt;
use crate::run::{Run, jittered};
use crate::session::{Route, Session, TlsStream};
use crate::socket::{Endpoint, Socket, resolve};
use crate::target::{Address, HostPort, SessionAttributes, Target, TlsMode};
use crate::tls;
use failure::{Cause, Failure};
use std::io;
use std::time::Duration;
use tokio::time::Instant;
use tokio_postgres::config::{SslMode, SslNegotiation};
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection};
use tokio_postgres_rustls::MakeRustlsConnect;

/// What every session of a run has in common.
#[derive(Clone)]
pub(crate) struct Connector<'a> {
    pub(crate) target: &'a Target,
    /// The run's id: the start-up marker by which a session is known to be really ours.
    pub(crate) run: Run,
    /// Set at start-up, so that it governs files outside a transaction too and `RESET ALL` returns to it.
    pub(crate) statement_timeout: Duration,
    /// For name look-up, TCP, TLS and authentication together, per server.
    pub(crate) timeout: Duration,
    /// For repeating attempts that a server refused which is going to start, or not listening.
    pub(crate) budget: Duration,
    /// The same for a server that is full: it is no failure to wait for those who wait.
    pub(crate) patience: Duration,
    /// What it means that the server is not there at all.
    pub(crate) absence: Absence,
    pub(crate) interrupt: Interrupt,
    tls: MakeRustlsConnect,
    /// The only place to go to.
    only: Option<Route>,
}

/// What it means that a server's name is not known, or that nothing answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absence {
    /// It will not come: a mistake in the URL, or a firewall.
    Lasting,
    /// It may come within the budget: the server is being made.
    Passing,
}

/// How long to wait before the second attempt; the pause doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// To be turned away costs the server a process, and those that it has let in the time to be done.
const LONGEST_PAUSE_IF_FULL: Duration = Duration::from_secs(5);

impl<'a> Connector<'a> {
    /// Prepares TLS; opens nothing.
    ///
    /// # Errors
    /// When `sslrootcert` cannot be read.
    pub(crate) fn new(
        target: &'a Target,
        run: Run,
        statement_timeout: Duration,
        interrupt: Interrupt,
    ) -> Result<Self> {
        Ok(Self {
            target,
            run,
            statement_timeout,
            timeout: target.connect_timeout.unwrap_or(Duration::from_secs(10)),
            budget: Duration::from_secs(10),
            patience: Duration::from_secs(10),
            absence: Absence::Lasting,
            interrupt,
            tls: tls::connector(&target.tls)?,
            only: None,
        })
    }

    /// Waits this long for a server that is not there at all, too.
    pub(crate) fn await_server(&mut self, limit: Duration) {
        self.absence = Absence::Passing;
        self.budget = limit;
        self.patience = limit;
        self.timeout = self.timeout.min(limit);
    }

    /// The same, for a look of its own after an interruption.
    pub(crate) fn uninterrupted(&self) -> Self {
        Self {
            interrupt: Interrupt::default(),
            patience: self.budget,
            ..self.clone()
        }
    }

    /// The same, for a second session with the very server that this one is with, in the time that it has.
    pub(crate) fn beside(&self, session: &Session, limit: Duration) -> Self {
        Self {
            only: Some(session.route()),
            timeout: self.timeout.min(limit),
            budget: Duration::ZERO,
            patience: Duration::ZERO,
            ..self.uninterrupted()
        }
    }

    /// Opens a session; a server that refuses, starts up or is full is asked again within the budget.
    ///
    /// # Errors
    /// Kind `Connect`, naming the server and never the password.
    pub(crate) async fn connect(
        &self,
        retrying: &mut (dyn FnMut(&str, Duration) + Send),
    ) -> Result<Session> {
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut was_turned_away = false;
        loop {
            // On the heap: logging in is the largest future by far, and a part of every one that may connect.
            let failure = match Box::pin(self.try_each_host()).await {
                Ok(mut session) => {
                    session.was_turned_away = was_turned_away;
                    return Ok(session);
                }
                Err(failure) => failure,
            };
            was_turned_away |= failure.is_full();
            let budget = match failure.is_full() {
                true => self.patience,
                false => self.budget,
            };
            let left = budget.saturating_sub(began.elapsed());
            let may_pass = failure.may_pass(self.absence);
            if !may_pass || left.is_zero() || self.interrupt.is_fired() {
                let tried = may_pass.then(|| began.elapsed());
                return Err(failure.into_error(self.target, tried));
            }
            // The last attempt is made when the budget ends, not a whole pause before.
            let next = jittered(pause).min(left);
            retrying(&failure.reason(), next);
            self.interrupt.sleep(next).await;
            pause = (pause * 2).min(match failure.is_full() {
                true => LONGEST_PAUSE_IF_FULL,
                false => LONGEST_PAUSE,
            });
        }
    }

    /// The first host that takes us; else the failure of the one that came furthest.
    async fn try_each_host(&self) -> std::result::Result<Session, Failure> {
        let mut failures = Vec::new();
        let is_meant = |host: &&HostPort| match &self.only {
            Some(route) => route.server == host.to_string(),
            None => true,
        };
        for host in self.target.hosts.iter().filter(is_meant) {
            // Boxed: it is large, and part of every wait that may have to connect.
            let attempt = Box::pin(self.try_host(host));
            let attempt = tokio::time::timeout(self.timeout, attempt).await;
            let cause = match attempt {
                Ok(Ok(session)) => return Ok(session),
                Ok(Err(cause)) => cause,
                Err(_) => Cause::Timeout(self.timeout),
            };
            failures.push(Failure {
                server: host.to_string(),
                cause,
            });
        }
        // A server that answered says more than one that is not there; and as long as one of them may yet take us, the
        // others' silence decides nothing.
        let best = failures
            .iter()
            .position(|failure| matches!(failure.cause, Cause::Client(_)))
            .or_else(|| {
                failures
                    .iter()
                    .position(|failure| failure.may_pass(self.absence))
            });
        Err(failures.swap_remove(best.unwrap_or(failures.len() - 1)))
    }

    async fn try_host(&self, host: &HostPort) -> std::result::Result<Session, Cause> {
        let endpoints = match &self.only {
            Some(route) => vec![route.endpoint.clone()],
            None => resolve(host).await.map_err(Cause::LookUp)?,
        };
        let mut last = Cause::LookUp(no_address());
        for endpoint in endpoints {
            match self.try_endpoint(host, &endpoint).await {
                Ok(mut session) => {
                    if self.suits(&mut session).await {
                        return Ok(session);
                    }
                    session.close().await;
                    last = Cause::Attributes;
                }
                Err(cause) => last = cause,
            }
        }
        Err(last)
    }

    /// Start-up options are tried once; a pooler or an older server that refuses them gets none.
    async fn try_endpoint(
        &self,
        host: &HostPort,
        endpoint: &Endpoint,
    ) -> std::result::Result<Session, Cause> {
        let mut result = self.try_modes(host, endpoint, Options::Full).await;
        for fewer in [Options::Marker, Options::Plain] {
            match &result {
                Err(Cause::Client(error)) if refuses_options(error) => {
                    result = self.try_modes(host, endpoint, fewer).await;
                }
                _ => return result,
            }
        }
        result
    }

    /// Plain text and TLS in the order that `sslmode` asks for.
    async fn try_modes(
        &self,
        host: &HostPort,
        endpoint: &Endpoint,
        options: Options,
    ) -> std::result::Result<Session, Cause> {
        let is_socket = matches!(host.host, Address::Unix(_));
        let (first, second) = match self.target.tls.mode {
            _ if is_socket => (SslMode::Disable, None),
            TlsMode::Disable => (SslMode::Disable, None),
            TlsMode::Allow => (SslMode::Disable, Some(SslMode::Require)),
            TlsMode::Prefer => (SslMode::Prefer, Some(SslMode::Disable)),
            TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => (SslMode::Require, None),
        };
        match (self.try_once(host, endpoint, options, first).await, second) {
            (Err(Cause::Client(error)), Some(second)) if is_about_tls(&error) => {
                self.try_once(host, endpoint, options, second).await
            }
            (result, _) => result,
        }
    }

    async fn try_once(
        &self,
        host: &HostPort,
        endpoint: &Endpoint,
        options: Options,
        mode: SslMode,
    ) -> std::result::Result<Session, Cause> {
        let socket = Socket::open(endpoint).await.map_err(Cause::Socket)?;
        let name = name_of(host);
        let (client, connection) = self
            .log_in(socket, &name, &self.config(options, mode))
            .await
            .map_err(Cause::Client)?;
        let server = host.to_string();
        let route = Route {
            endpoint: endpoint.clone(),
            name,
            server,
            tls: self.tls.clone(),
        };
        let mut session = Session::new(client, connection, route, self.interrupt.clone());
        session.marker = (options != Options::Plain).then(|| self.run.id.clone());
        Ok(session)
    }

    async fn log_in(
        &self,
        socket: Socket,
        name: &str,
        config: &Config,
    ) -> std::result::Result<(Client, Connection<Socket, TlsStream>), tokio_postgres::Error> {
        let Ok(tls) = MakeTlsConnect::<Socket>::make_tls_connect(&mut self.tls.clone(), name);
        config.connect_raw(socket, tls).await
    }

    fn config(&self, options: Options, mode: SslMode) -> Config {
        let mut config = Config::new();
        let target = self.target;
        config
            .ssl_mode(mode)
            .channel_binding(target.channel_binding);
        if target.tls.direct {
            config.ssl_negotiation(SslNegotiation::Direct);
        }
        if let Some(user) = &target.user {
            config.user(user);
        }
        if let Some(password) = &target.password {
            config.password(password.reveal());
        }
        if let Some(database) = &target.database {
            config.dbname(database);
        }
        let theirs = target.options.as_deref();
        let check = (options == Options::Full)
            .then_some("-c client_connection_check_interval=1s -c idle_session_timeout=0");
        let ours = (options != Options::Plain).then(|| {
            let limit = self.statement_timeout.as_millis();
            format!(
                "-c devflow.session={} -c lock_timeout=0 -c statement_timeout={limit}",
                self.run.id
            )
        });
        // What the user's own options say wins over ours: the server takes the last word.
        let all: Vec<_> = [ours.as_deref(), check, theirs]
            .into_iter()
            .flatten()
            .collect();
        if !all.is_empty() {
            config.options(all.join(" "));
        }
        config.application_name(&self.run.application_name);
        config
    }

    async fn suits(&self, session: &mut Session) -> bool {
        if self.target.attributes == SessionAttributes::Any {
            return true;
        }
        // Who does not say what it is may be either, and nobody asked for that.
        let Some((standby, read_only)) = attributes(session).await else {
            return false;
        };
        match self.target.attributes {
            SessionAttributes::Any => true,
            SessionAttributes::Primary => !standby,
            SessionAttributes::Standby => standby,
            SessionAttributes::ReadWrite => !standby && !read_only,
            SessionAttributes::ReadOnly => standby || read_only,
        }
    }
}

/// The name that the server's certificate is for.
fn name_of(host: &HostPort) -> String {
    match &host.host {
        Address::Tcp { name, .. } => name.clone(),
        Address::Unix(_) => "localhost".to_owned(),
    }
}

fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "the name has no address")
}

/// Whether the server is a standby, and whether its transactions are read-only. Servers from 14 on report it by
/// themselves; an older one, or a pooler, has to be asked.
async fn attributes(session: &mut Session) -> Option<(bool, bool)> {
    let names = ["in_hot_standby", "default_transaction_read_only"];
    if let [Some(standby), Some(read_only)] = names.map(|name| session.parameter(name)) {
        return Some((standby == "on", read_only == "on"));
    }
    let query = "SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN 'on' ELSE 'off' END, \
                 pg_catalog.current_setting('default_transaction_read_only')";
    let answer = session.ask(query).await;
    let row = answer.rows.first()?;
    Some((row.get(0) == Some("on"), row.get(1) == Some("on")))
}

/// Which start-up options are sent besides the user's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Options {
    /// The check interval, by which the server notices a killed runner, and the run's marker.
    Full,
    /// The marker alone: servers before 14 and some platforms cannot check.
    Marker,
    /// None: a pooler refuses them.
    Plain,
}

/// 08P01 from PgBouncer, 42704 from a server without the check interval, 22023 from a platform that cannot check.
fn refuses_options(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| {
        [
            SqlState::PROTOCOL_VIOLATION,
            SqlState::UNDEFINED_OBJECT,
            SqlState::INVALID_PARAMETER_VALUE,
        ]
        .contains(code)
    })
}

/// A failed handshake, or pg_hba.conf turning the encryption down: the other mode may be taken.
fn is_about_tls(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        Some(code) => *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
        None => error.to_string().contains("TLS"),
    }
}
