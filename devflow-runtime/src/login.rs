//! What another program needs to log in where devflow did.

use crate::error::{Error, ErrorKind, Result};
use crate::secret::Secret;
use crate::target::{Address, Target, TlsMode};
use std::path::{Path, PathBuf};
use tokio_postgres::config::ChannelBinding;

/// What another program needs to log in where devflow did. `Debug` does not show the password.
#[derive(Debug, Clone)]
pub struct Login {
    host: String,
    port: u16,
    user: String,
    password: Option<Secret>,
    database: String,
    tls: TlsMode,
    root: Option<PathBuf>,
    options: Option<String>,
}

impl Login {
    /// Reads a URL; connects to nothing.
    ///
    /// # Errors
    /// `invalid_url` when it cannot be read, and `supabase_url` when another program could not be told where it leads:
    /// it names a Unix-domain socket, several servers, no user or no database, or asks for what only devflow can do.
    pub fn of(url: &str) -> Result<Self> {
        Self::of_target(&Target::parse(url)?)
    }

    pub(crate) fn of_target(target: &Target) -> Result<Self> {
        let [server] = &target.hosts[..] else {
            return Err(unfit("names several servers", "name one of them"));
        };
        let host = match &server.host {
            Address::Tcp { name, address } if address.is_none() => name.clone(),
            Address::Tcp { .. } => {
                return Err(unfit("has hostaddr", "name the server as its host"));
            }
            Address::Unix(_) => {
                return Err(unfit(
                    "leads to a Unix-domain socket",
                    "name a host that is reached by TCP, such as localhost",
                ));
            }
        };
        if target.channel_binding == ChannelBinding::Require {
            return Err(unfit("has channel_binding=require", "leave it out"));
        }
        if target.tls.direct {
            return Err(unfit("has sslnegotiation=direct", "leave it out"));
        }
        let named = |part: &Option<String>, what: &str| {
            part.clone().ok_or_else(|| {
                unfit(
                    &format!("names no {what}"),
                    &format!("name the {what} in it"),
                )
            })
        };
        Ok(Self {
            host,
            port: server.port,
            user: named(&target.user, "user")?,
            password: target.password.clone(),
            database: named(&target.database, "database")?,
            tls: target.tls.mode,
            root: target.tls.root.clone(),
            options: target.options.clone(),
        })
    }

    /// The server's name or address.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The server's port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The user.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The password itself: to be handed on by the environment, and never in an argument, which everybody can read.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        self.password.as_ref().map(Secret::reveal)
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }

    /// libpq's word for how the connection is encrypted; `prefer` where the URL has none.
    #[must_use]
    pub fn ssl_mode(&self) -> &'static str {
        self.tls.as_str()
    }

    /// The file with the certificates that are trusted.
    #[must_use]
    pub fn root_certificates(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// What the server is told at the start, such as `-c work_mem=1GB`.
    #[must_use]
    pub fn options(&self) -> Option<&str> {
        self.options.as_deref()
    }
}

fn unfit(what: &str, help: &str) -> Error {
    let message = format!("the database URL {what}, which the Supabase CLI cannot use");
    Error::new(ErrorKind::Usage, "supabase_url", message).help(format!(
        "{help}; or let devflow apply the files itself, with `format: sql` and `ledger: supabase`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_leads_to_one_server_is_taken_apart() {
        let login = Login::of("postgres://ann:p%40ss@db.test:6000/shop?sslmode=require").unwrap();
        assert_eq!((login.host(), login.port()), ("db.test", 6000));
        assert_eq!((login.user(), login.database()), ("ann", "shop"));
        assert_eq!(login.password(), Some("p@ss"));
        assert_eq!(login.ssl_mode(), "require");
        assert!(!format!("{login:?}").contains("p@ss"));
    }

    #[test]
    fn what_cannot_be_handed_on_is_refused() {
        for (url, what) in [
            ("postgres://ann@/shop?host=/tmp", "Unix-domain socket"),
            ("postgres://ann@a,b/shop", "several servers"),
            ("postgres://a/shop", "no user"),
            ("postgres://ann@a", "no database"),
            ("postgres://ann@a/shop?hostaddr=127.0.0.1", "hostaddr"),
            (
                "postgres://ann@a/shop?channel_binding=require",
                "channel_binding",
            ),
        ] {
            let error = Login::of(url).unwrap_err();
            assert_eq!(error.code(), "supabase_url", "{url}");
            assert!(error.to_string().contains(what), "{url}: {error}");
        }
    }
}
