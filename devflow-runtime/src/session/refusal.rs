//! Why a message was not carried out.

use crate::error::{Error, ErrorKind};
use tokio_postgres::error::{DbError, Severity, SqlState};

/// Why a message was not carried out.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The server said no.
    Server(Box<DbError>),
    /// Whether the server carried it out is not known.
    Lost(Lost),
}

/// The connection is gone.
#[derive(Debug, Clone)]
pub(crate) struct Lost(pub(crate) String);

impl Refusal {
    /// As an error about something that we asked for ourselves, not a migration.
    pub(crate) fn into_error(self, what: &str) -> Error {
        let error = match (self.ends_session(), self) {
            (Some(lost), _) | (None, Self::Lost(lost)) => return lost.before_anything_ran(),
            (None, Self::Server(error)) => error,
        };
        let (kind, code) = match error.code() {
            code if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
                (ErrorKind::Permission, "not_permitted")
            }
            code if *code == SqlState::LOCK_NOT_AVAILABLE => (ErrorKind::Broken, "ledger_locked"),
            code if *code == SqlState::READ_ONLY_SQL_TRANSACTION => {
                (ErrorKind::ReadOnly, "read_only")
            }
            _ => (ErrorKind::Broken, "server_refused"),
        };
        let sqlstate = error.code().code();
        Error::new(
            kind,
            code,
            format!(
                "the server refused to {what}: {} (SQLSTATE {sqlstate})",
                error.message()
            ),
        )
    }

    /// Whether the session is over: lost, or ended by the server.
    pub(crate) fn ends_session(&self) -> Option<Lost> {
        match self {
            Self::Lost(lost) => Some(lost.clone()),
            Self::Server(error) => match error.parsed_severity() {
                Some(Severity::Fatal | Severity::Panic) => Some(Lost(format!(
                    "{} (SQLSTATE {})",
                    error.message(),
                    error.code().code()
                ))),
                _ => None,
            },
        }
    }

    /// Whether the server's message holds a text, such as what a guard of ours says.
    pub(crate) fn says(&self, text: &str) -> bool {
        matches!(self, Self::Server(error) if error.message().contains(text))
    }

    /// The server's SQLSTATE; empty when the connection was lost.
    pub(crate) fn sqlstate(&self) -> &str {
        match self {
            Self::Server(error) => error.code().code(),
            Self::Lost(_) => "",
        }
    }
}

impl Lost {
    pub(super) fn closed() -> Self {
        Self("the connection is closed".to_owned())
    }

    pub(crate) fn before_anything_ran(self) -> Error {
        Error::new(
            ErrorKind::Disconnected,
            "disconnected",
            format!("the connection was lost: {}", self.0),
        )
        .help("nothing was applied; run again")
    }
}

/// An error of the client with its causes, none of which holds a secret once the connection is up.
pub(super) fn describe(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
