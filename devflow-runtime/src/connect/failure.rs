//! Why an attempt to connect failed, in words that hold no secret.

use super::{Absence, is_about_tls};
use crate::error::{Error, ErrorKind};
use crate::target::Target;
use crate::tls;
use std::io;
use std::time::Duration;
use tokio_postgres::error::SqlState;

/// Why one attempt failed.
pub(super) struct Failure {
    pub(super) server: String,
    pub(super) cause: Cause,
}

pub(super) enum Cause {
    LookUp(io::Error),
    Socket(io::Error),
    Client(tokio_postgres::Error),
    Timeout(Duration),
    Attributes,
}

impl Failure {
    /// Whether the same attempt may succeed a moment later.
    pub(super) fn may_pass(&self, absence: Absence) -> bool {
        match &self.cause {
            Cause::Socket(error) => is_nobody_there(error),
            Cause::Client(error) => match error.code() {
                Some(code) => {
                    [SqlState::CANNOT_CONNECT_NOW, SqlState::TOO_MANY_CONNECTIONS].contains(code)
                }
                // A server that goes down or comes up closes what it has just accepted.
                None => error.is_closed() || cause(error).is_some_and(is_nobody_there),
            },
            // While a failover is under way there is no primary yet.
            Cause::Attributes => true,
            Cause::LookUp(_) | Cause::Timeout(_) => absence == Absence::Passing,
        }
    }

    /// Whether the server has no connection left for us.
    pub(super) fn is_full(&self) -> bool {
        matches!(&self.cause, Cause::Client(error) if error.code() == Some(&SqlState::TOO_MANY_CONNECTIONS))
    }

    /// What happened, in words that hold no secret.
    pub(super) fn reason(&self) -> String {
        let server = &self.server;
        match &self.cause {
            Cause::LookUp(error) => {
                format!("the host name of {server} cannot be looked up: {error}")
            }
            Cause::Socket(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                format!("{server} refused the connection")
            }
            Cause::Socket(error) => format!("no connection to {server}: {error}"),
            Cause::Timeout(limit) => {
                format!(
                    "{server} did not let us in within {} s",
                    limit.as_secs_f64()
                )
            }
            Cause::Attributes => {
                format!("{server} is not the kind of server that target_session_attrs asks for")
            }
            Cause::Client(error) => match error.as_db_error() {
                Some(db) => format!(
                    "{server} turned us away: {} (SQLSTATE {})",
                    db.message(),
                    db.code().code()
                ),
                None if lacks_password(error) => {
                    format!("{server} asks for a password, and the URL has none")
                }
                None => match tls::explain(error) {
                    Some(why) => format!("no TLS with {server}: {why}"),
                    None => format!("no connection to {server}: {}", describe(error)),
                },
            },
        }
    }

    fn code(&self) -> &'static str {
        let sqlstate = match &self.cause {
            Cause::LookUp(_) => return "host_unknown",
            Cause::Socket(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                return "connection_refused";
            }
            Cause::Timeout(_) => return "connect_timeout",
            Cause::Client(error) if error.code().is_none() && is_about_tls(error) => {
                return "tls_failed";
            }
            Cause::Client(error) if lacks_password(error) => return "password_missing",
            Cause::Client(error) => error.code().map(SqlState::code),
            Cause::Socket(_) | Cause::Attributes => None,
        };
        match sqlstate {
            Some("28P01" | "28000") => "authentication_failed",
            Some("3D000") => "database_unknown",
            Some("57P03") => "server_starting",
            Some("53300") => "too_many_connections",
            _ => "cannot_connect",
        }
    }

    fn help(&self) -> &'static str {
        match self.code() {
            "host_unknown" => "check the host's name in the URL, and the network's name service",
            "connection_refused" => "check that the server runs and listens on that port",
            "connect_timeout" => {
                "a server or firewall that never answers; raise connect_timeout where the link is slow"
            }
            "authentication_failed" => "check user and password, and the server's pg_hba.conf",
            "password_missing" => {
                "put it into the URL: postgres://USER:PASSWORD@HOST:PORT/DATABASE"
            }
            "database_unknown" => {
                "check the database's name in the URL; devflow does not create databases"
            }
            "server_starting" => "the server was not ready within connect_budget",
            "too_many_connections" => "no connection became free within connect_budget",
            "tls_failed" => {
                "check sslmode and sslrootcert; sslmode=disable connects to a server that has no TLS"
            }
            _ => "check the URL's host, port and parameters",
        }
    }

    /// The error; `tried` is for how long, where more than one attempt was worth it.
    pub(super) fn into_error(self, target: &Target, tried: Option<Duration>) -> Error {
        let mut message = self.reason();
        if target.hosts.len() > 1 {
            message.push_str(&format!(
                " (none of the {} hosts took us)",
                target.hosts.len()
            ));
        }
        if let Some(tried) = tried {
            message.push_str(&format!(" (tried for {:.1} s)", tried.as_secs_f64()));
        }
        let help = match (self.code(), target.tls.direct) {
            ("tls_failed", true) => {
                "sslnegotiation=direct needs PostgreSQL 17 or newer; without it, TLS is asked for"
            }
            _ => self.help(),
        };
        Error::new(ErrorKind::Connect, self.code(), message).help(help)
    }
}

/// No server listens, or the one that did is going down.
fn is_nobody_there(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::NotFound
    )
}

/// The server asks for a password, and the client has none. Its error has no kind that could be asked for.
fn lacks_password(error: &tokio_postgres::Error) -> bool {
    std::error::Error::source(error).is_some_and(|it| it.to_string() == "password missing")
}

/// The system's error behind the client's.
fn cause(error: &tokio_postgres::Error) -> Option<&io::Error> {
    std::error::Error::source(error)?.downcast_ref()
}

/// The client's own words for errors that are neither the server's nor the system's; they hold no setting's value.
fn describe(error: &tokio_postgres::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) if !error.to_string().contains(&source.to_string()) => {
            format!("{error}: {source}")
        }
        _ => error.to_string(),
    }
}
