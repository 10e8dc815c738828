//! What a database's encoding can hold.

use devflow_migrations::LedgerRow;
use std::fmt::Write as _;

/// What a database's encoding can hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Charset {
    /// Any text.
    #[default]
    Unicode,
    /// ASCII for certain. In the ledger every other character is written as `<U+00E9>`, and read back.
    Ascii,
}

impl Charset {
    /// By the server's name for the database's encoding.
    pub(crate) fn of(encoding: &str) -> Self {
        match encoding {
            "UTF8" => Self::Unicode,
            _ => Self::Ascii,
        }
    }

    /// The text as the database can hold it. JSON stays JSON.
    pub(crate) fn hold(self, text: &str) -> String {
        if self == Self::Unicode || text.is_ascii() {
            return text.to_owned();
        }
        let mut held = String::with_capacity(text.len());
        for c in text.chars() {
            match c.is_ascii() {
                true => held.push(c),
                // Writing to a String cannot fail.
                false => _ = write!(held, "<U+{:04X}>", u32::from(c)),
            }
        }
        held
    }

    /// A row with its texts as they were meant.
    pub(crate) fn restore(self, mut row: LedgerRow) -> LedgerRow {
        if self == Self::Ascii {
            for text in [&mut row.name, &mut row.error, &mut row.run]
                .into_iter()
                .flatten()
            {
                *text = restored(text);
            }
        }
        row
    }
}

fn restored(held: &str) -> String {
    let mut text = String::with_capacity(held.len());
    let mut rest = held;
    while let Some(start) = rest.find("<U+") {
        text.push_str(&rest[..start]);
        rest = &rest[start..];
        let (c, length) = character(rest).unwrap_or(('<', 1));
        text.push(c);
        rest = &rest[length..];
    }
    text + rest
}

/// The character that the text begins with, and how many bytes say so.
fn character(held: &str) -> Option<(char, usize)> {
    let (digits, _) = held.strip_prefix("<U+")?.split_once('>')?;
    let c = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
    Some((c, digits.len() + "<U+>".len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_held_and_restored() {
        for text in [
            "größe 🦀.sql",
            "<U+>",
            "<U+00",
            "a <U+zz> é",
            "{\"a\": \"é\\n\"}",
            "",
        ] {
            assert_eq!(Charset::of("UTF8").hold(text), text);
            let held = Charset::of("LATIN1").hold(text);
            assert!(held.is_ascii(), "{held}");
            assert_eq!(restored(&held), text);
        }
        assert_eq!(Charset::Ascii.hold("é🦀"), "<U+00E9><U+1F980>");
    }
}
