//! Keeps the password out of what is passed on.

use super::call::encoded;
use devflow_runtime::Login;

/// What stands where a password stood.
const REDACTED: &str = "[redacted]";

/// The spellings of the password. `Debug` does not show them.
pub(super) struct Redaction(Vec<String>);

impl Redaction {
    /// Of a URL's password: as it is, as it stands in the URL, and as other programs would encode it.
    pub(super) fn of(url: &str) -> Self {
        let login = Login::of(url).ok();
        let password = login.as_ref().and_then(Login::password).unwrap_or_default();
        let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
        let authority = authority.split(['/', '?']).next().unwrap_or_default();
        let info = authority.rsplit_once('@').map_or("", |(info, _)| info);
        let in_url = info.split_once(':').map_or("", |(_, password)| password);
        let encoded = encoded(password);
        let mut spellings = vec![
            password.to_owned(),
            in_url.to_owned(),
            encoded.to_lowercase(),
            encoded,
        ];
        spellings.retain(|spelling| !spelling.is_empty());
        // The longest first: one may hold another.
        spellings.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
        Self(spellings)
    }

    pub(super) fn of_text(&self, text: &str) -> String {
        let spellings = self.0.iter();
        spellings.fold(text.to_owned(), |text, spelling| {
            text.replace(spelling, REDACTED)
        })
    }
}

impl std::fmt::Debug for Redaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redaction")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_the_password_is_taken_out() {
        let redaction = Redaction::of("postgres://ann:p%40s/x@db.test/shop");
        assert_eq!(redaction.of_text("nothing"), "nothing");
        let redaction = Redaction::of("postgres://ann:p%40s%2fx@db.test/shop");
        for spelling in ["p@s/x", "p%40s%2fx", "p%40s%2Fx"] {
            assert_eq!(
                redaction.of_text(&format!("a {spelling} b")),
                "a [redacted] b"
            );
        }
        assert_eq!(format!("{redaction:?}"), "Redaction");
        assert_eq!(
            Redaction::of("postgres://ann@db.test/shop").of_text("ann"),
            "ann"
        );
    }
}
