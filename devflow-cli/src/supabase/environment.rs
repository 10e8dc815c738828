//! The variables that the Supabase CLI sees.

use crate::surroundings::Surroundings;
use devflow_runtime::Errand;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// The variables that the Supabase CLI sees. `Debug` does not show their values: one may be a password.
#[derive(Clone)]
pub(crate) struct Environment(BTreeMap<OsString, OsString>);

/// What is passed on of ours: what it takes to run, to find its folder, and to trust a server. Nothing else: a job's
/// environment holds tokens that it would send elsewhere.
const PASSED_ON: [&str; 8] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "SUPABASE_HOME",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "SYSTEMROOT",
];

/// What keeps it from telling anybody, from asking for newer versions, and from colours.
const SET: [(&str, &str); 4] = [
    ("SUPABASE_TELEMETRY_DISABLED", "1"),
    ("DO_NOT_TRACK", "1"),
    ("SUPABASE_NO_UPDATE_NOTIFIER", "1"),
    ("NO_COLOR", "1"),
];

impl Environment {
    pub(crate) fn of(surroundings: &Surroundings) -> Self {
        let variables = &surroundings.variables;
        let ours = PASSED_ON.iter().filter_map(|name| {
            let name = OsString::from(name);
            let value = variables.get(&name)?.clone();
            Some((name, value))
        });
        let set = SET.iter().map(|(name, value)| (name.into(), value.into()));
        Self(ours.chain(set).collect())
    }

    /// The same with what it takes to log in.
    pub(super) fn for_login(&self, errand: &Errand<'_>) -> Self {
        let login = errand.login;
        let mode = Some(login.ssl_mode()).filter(|mode| *mode != "prefer");
        let more = [
            ("PGPASSWORD", login.password()),
            ("PGSSLMODE", mode),
            ("PGOPTIONS", login.options()),
        ];
        let mut variables = self.0.clone();
        for (name, value) in more {
            if let Some(value) = value {
                variables.insert(name.into(), value.into());
            }
        }
        Self(variables)
    }

    pub(super) fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    pub(super) fn variables(&self) -> impl Iterator<Item = (&OsString, &OsString)> {
        self.0.iter()
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jobs_tokens_are_not_passed_on() {
        let variables = [
            ("PATH", "/bin"),
            ("GITHUB_TOKEN", "t"),
            ("PGPASSWORD", "p"),
            ("CI", "true"),
        ];
        let surroundings = Surroundings {
            variables: variables
                .map(|(name, value)| (name.into(), value.into()))
                .into(),
            ..Surroundings::default()
        };
        let environment = Environment::of(&surroundings);
        let names: Vec<_> = environment
            .variables()
            .map(|(name, _)| name.to_str().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "DO_NOT_TRACK",
                "NO_COLOR",
                "PATH",
                "SUPABASE_NO_UPDATE_NOTIFIER",
                "SUPABASE_TELEMETRY_DISABLED"
            ]
        );
    }
}
