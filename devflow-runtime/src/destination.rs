//! What of a URL may be shown.

use crate::error::Result;
use crate::target::Target;

/// What of a URL may be shown: servers, database and user, and never a password.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Destination {
    /// Each server: host or socket directory, and port.
    pub servers: Vec<String>,
    /// The database's name, where the URL has one.
    pub database: Option<String>,
    /// The user, where the URL has one.
    pub user: Option<String>,
}

impl Destination {
    /// Reads a URL; connects to nothing.
    ///
    /// # Errors
    /// `invalid_url`, naming the part that cannot be read and never what stands there.
    pub fn of(url: &str) -> Result<Self> {
        let target = Target::parse(url)?;
        Ok(Self {
            servers: target.hosts.iter().map(ToString::to_string).collect(),
            database: target.database,
            user: target.user,
        })
    }
}
