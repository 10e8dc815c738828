//! The arguments of a call.

use super::version::Generation;
use devflow_runtime::{Errand, Login};
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

/// One call of `supabase db push`.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) generation: Generation,
    pub(super) purpose: Purpose,
    /// The folder that holds `supabase/migrations`.
    pub(super) project: &'a Path,
    pub(super) errand: &'a Errand<'a>,
}

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Preview,
    Apply,
}

impl Call<'_> {
    /// The arguments, with everything that it would otherwise take from somewhere else or ask for, and no password:
    /// everybody can read them.
    pub(super) fn arguments(&self) -> Vec<OsString> {
        let talk = ["--agent", "no", "--output-format", "json", "--workdir"];
        let mut arguments: Vec<OsString> = talk.map(Into::into).into();
        arguments.push(self.project.into());
        arguments.extend(["db", "push"].map(Into::into));
        arguments.push(format!("{}={}", self.generation.target(), self.url()).into());
        arguments.push(match self.purpose {
            Purpose::Preview => "--dry-run".into(),
            Purpose::Apply => "--yes".into(),
        });
        if self.errand.out_of_order {
            arguments.push("--include-all".into());
        }
        if !self.errand.has_vault && self.generation.skips_vault() {
            arguments.push("--skip-vault".into());
        }
        arguments
    }

    fn url(&self) -> String {
        let login = self.errand.login;
        let mut url = format!(
            "postgresql://{}@{}:{}/{}",
            encoded(login.user()),
            host(login),
            login.port(),
            encoded(login.database())
        );
        let limit = |limit: Option<Duration>| limit.map(|limit| limit.as_millis().to_string());
        let mode = Some(login.ssl_mode()).filter(|mode| *mode != "prefer");
        // Its folder is another than ours.
        let root = login.root_certificates().map(|root| {
            let whole = std::path::absolute(root);
            whole.unwrap_or_else(|_| root.to_owned())
        });
        let parameters = [
            ("sslmode", mode.map(str::to_owned)),
            (
                "sslrootcert",
                root.map(|root| encoded(&root.to_string_lossy())),
            ),
            ("lock_timeout", limit(self.errand.lock_timeout)),
            ("statement_timeout", limit(self.errand.statement_timeout)),
        ];
        let mut separator = '?';
        for (name, value) in parameters {
            if let Some(value) = value {
                url.push_str(&format!("{separator}{name}={value}"));
                separator = '&';
            }
        }
        url
    }
}

/// An address of IPv6 stands in brackets.
fn host(login: &Login) -> String {
    match login.host() {
        host if host.contains(':') => format!("[{host}]"),
        host => encoded(host),
    }
}

/// Everything but letters, digits and `-._~` in percent-encoding.
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_url_gives_a_meaning_to_is_encoded() {
        assert_eq!(encoded("a-b.c_d~1"), "a-b.c_d~1");
        assert_eq!(encoded("ö/@:%?"), "%C3%B6%2F%40%3A%25%3F");
    }
}
