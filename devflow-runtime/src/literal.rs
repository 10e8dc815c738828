//! Quoting: the one place where text becomes part of a statement.

use std::fmt::Write as _;

/// An identifier, always quoted.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A string literal in ASCII: whatever `client_encoding` and `standard_conforming_strings` a migration has set, it
/// reads the same.
pub(crate) fn text(value: &str) -> String {
    let mut literal = String::with_capacity(value.len() + 3);
    literal.push_str("E'");
    for c in value.chars() {
        let code = u32::from(c);
        match c {
            '\'' => literal.push_str("''"),
            '\\' => literal.push_str("\\\\"),
            // No text of PostgreSQL holds NUL.
            '\0' => {}
            ' '..='~' => literal.push(c),
            _ if code <= 0xffff => _ = write!(literal, "\\u{code:04X}"),
            _ => _ = write!(literal, "\\U{code:08X}"),
        }
    }
    literal.push('\'');
    literal
}

/// A literal, or NULL.
pub(crate) fn optional(value: Option<&str>) -> String {
    value.map_or_else(|| "NULL".to_owned(), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_quoted() {
        assert_eq!(identifier("a\"b; DROP"), "\"a\"\"b; DROP\"");
    }

    #[test]
    fn literals_are_ascii() {
        assert_eq!(
            text("it's \\ é🦀\n\0"),
            "E'it''s \\\\ \\u00E9\\U0001F980\\u000A'"
        );
        assert_eq!(optional(None), "NULL");
    }
}
