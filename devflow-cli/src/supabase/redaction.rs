//! Keeps the password out of what is passed on.

use devflow_runtime::Login;

/// What stands where a password stood.
const REDACTED: &str = "[redacted]";

/// The password. `Debug` does not show it.
pub(super) struct Redaction(Vec<u8>);

impl Redaction {
    /// Of a URL's password.
    pub(super) fn of(url: &str) -> Self {
        let login = Login::of(url).ok();
        let password = login.as_ref().and_then(Login::password);
        Self(password.unwrap_or_default().into())
    }

    /// Takes the password out however it is spelled: programs do not agree on what is percent-encoded.
    pub(super) fn of_text(&self, text: &str) -> String {
        let mut kept = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            match self
                .length_in(rest.as_bytes())
                .and_then(|end| rest.get(end..))
            {
                Some(behind) => {
                    kept.push_str(REDACTED);
                    rest = behind;
                }
                None => {
                    kept.push(first);
                    rest = &rest[first.len_utf8()..];
                }
            }
        }
        kept
    }

    /// How many bytes the password takes where it stands at the beginning of a text.
    fn length_in(&self, text: &[u8]) -> Option<usize> {
        // As it is, it may look as if a part of it were encoded.
        if !self.0.is_empty() && text.starts_with(&self.0) {
            return Some(self.0.len());
        }
        let mut end = 0;
        for &byte in &self.0 {
            end += spelled(byte, text.get(end..)?)?;
        }
        Some(end).filter(|end| *end > 0)
    }
}

/// How many bytes a byte takes at the beginning of a text: itself, with a backslash, or percent-encoded.
fn spelled(byte: u8, text: &[u8]) -> Option<usize> {
    match text {
        [b'%', high, low, ..] if hexadecimal(*high, *low) == Some(byte) => Some(3),
        [b'\\', escaped, ..] if *escaped == byte && matches!(byte, b'"' | b'\\') => Some(2),
        [own, ..] if *own == byte => Some(1),
        _ => None,
    }
}

fn hexadecimal(high: u8, low: u8) -> Option<u8> {
    let digit = |byte| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
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
        for spelling in ["p@s/x", "p%40s%2fx", "p%40s%2Fx", "p@s%2fx", "%70%40s/x"] {
            assert_eq!(
                redaction.of_text(&format!("a {spelling} b")),
                "a [redacted] b"
            );
        }
        assert_eq!(redaction.of_text("p@s/p@s/xp%4"), "p@s/[redacted]p%4");
        let redaction = Redaction::of("postgres://ann:%22%5C%25@db.test/shop");
        assert_eq!(redaction.of_text(r#"{"\"\\%"}"#), r#"{"[redacted]"}"#);
        let redaction = Redaction::of("postgres://ann:%2525%5C%5C@db.test/shop");
        for spelling in [r"%25\\", "%2525%5c%5c"] {
            assert_eq!(redaction.of_text(spelling), "[redacted]", "{spelling}");
        }
        assert_eq!(format!("{redaction:?}"), "Redaction");
        assert_eq!(
            Redaction::of("postgres://ann@db.test/shop").of_text("ann"),
            "ann"
        );
    }
}
