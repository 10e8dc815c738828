//! Canonical text: what is hashed and what is executed.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// A migration's canonical text: UTF-8, no leading byte order mark, lines ended by LF.
///
/// It is made once, when the file is read, so that a checkout with other line endings is the same migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(Cow<'static, str>);

/// A place in a text; both numbers start at 1, and columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, starting at 1.
    pub line: u32,
    /// The character in its line, starting at 1.
    pub column: u32,
}

/// A half-open range of byte offsets in a canonical text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// Why bytes are not a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodingProblem {
    /// The file starts with a UTF-16 or UTF-32 byte order mark.
    Utf16,
    /// The byte at this offset of the file is not UTF-8.
    NotUtf8 {
        /// Offset in the file, starting at 0.
        byte: usize,
    },
    /// The byte at this offset of the file is NUL, which no statement can contain.
    Nul {
        /// Offset in the file, starting at 0.
        byte: usize,
    },
}

impl Text {
    /// Makes the canonical text of a file's bytes: drops a leading byte order mark and reads CRLF as LF.
    ///
    /// # Errors
    /// [`EncodingProblem`] when the bytes are not UTF-8 or contain NUL.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, EncodingProblem> {
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            return Err(EncodingProblem::Utf16);
        }
        if let Some(byte) = bytes.iter().position(|&byte| byte == 0) {
            return Err(EncodingProblem::Nul { byte });
        }
        let text = String::from_utf8(bytes).map_err(|error| EncodingProblem::NotUtf8 {
            byte: error.utf8_error().valid_up_to(),
        })?;
        let text = match text.strip_prefix('\u{feff}') {
            Some(rest) => rest.to_owned(),
            None => text,
        };
        Ok(Self(Cow::Owned(if text.contains("\r\n") {
            text.replace("\r\n", "\n")
        } else {
            text
        })))
    }

    /// Wraps a text that is canonical already, as `embed_migrations!()` emits it.
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The line and column of a byte offset; an offset past the end is the end's.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let before = &self.0[..self.floor(offset)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position {
            line: count(before.bytes().filter(|&byte| byte == b'\n').count() + 1),
            column: count(before[line_start..].chars().count() + 1),
        }
    }

    /// The byte offset of the character with this index, starting at 0, counted from byte offset `from`.
    #[must_use]
    pub fn offset_of_character(&self, from: usize, index: usize) -> usize {
        let from = self.floor(from);
        self.0[from..]
            .char_indices()
            .nth(index)
            .map_or(self.0.len(), |(offset, _)| from + offset)
    }

    /// The line with this number, starting at 1, without its newline; empty when there is none.
    #[must_use]
    pub fn line(&self, number: u32) -> &str {
        let index = (number as usize).saturating_sub(1);
        self.0.split('\n').nth(index).unwrap_or("")
    }

    fn floor(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.0.len());
        while !self.0.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}

impl fmt::Display for EncodingProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Utf16 => f.write_str("the file is UTF-16, expected UTF-8"),
            Self::NotUtf8 { byte } => write!(f, "byte {byte} is not UTF-8"),
            Self::Nul { byte } => write!(f, "byte {byte} is NUL, which no text can hold"),
        }
    }
}

impl std::error::Error for EncodingProblem {}

impl Span {
    /// The span as a range, to slice a text with.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

/// Files are at most 256 MiB, so every count of theirs fits.
fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> Text {
        Text::from_bytes(bytes.to_vec()).unwrap()
    }

    #[test]
    fn line_endings_and_a_byte_order_mark_do_not_matter() {
        assert_eq!(
            text(b"\xef\xbb\xbfselect 1;\r\nselect 2;\r\n"),
            text(b"select 1;\nselect 2;\n")
        );
        assert_eq!(text(b"a\rb").as_str(), "a\rb");
    }

    #[test]
    fn names_the_byte_that_is_not_text() {
        let problem = |bytes: &[u8]| Text::from_bytes(bytes.to_vec()).unwrap_err();
        assert_eq!(problem(b"ab\xffc"), EncodingProblem::NotUtf8 { byte: 2 });
        assert_eq!(problem(b"ab\0c"), EncodingProblem::Nul { byte: 2 });
        assert_eq!(problem(b"\xff\xfes\0"), EncodingProblem::Utf16);
    }

    #[test]
    fn positions_count_characters() {
        let text = text("é1\n🦀x\n".as_bytes());
        assert_eq!(text.position(2), Position { line: 1, column: 2 });
        assert_eq!(text.position(8), Position { line: 2, column: 2 });
        assert_eq!(text.position(99), Position { line: 3, column: 1 });
        assert_eq!(text.offset_of_character(0, 4), 8);
        assert_eq!(text.line(2), "🦀x");
        assert_eq!(text.line(9), "");
    }
}
