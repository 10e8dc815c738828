//! PostgreSQL's tokens, as far as statements have to be told apart.

use crate::text::Span;
use squawk_lexer::{LiteralKind, TokenKind as Lexed, tokenize};

/// A token and where it stands; white space is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Span,
}

/// The kinds of token that matter for where a statement ends and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A keyword or an identifier without quotes.
    Word,
    /// A literal, a quoted identifier, an operator, a parenthesis.
    Other,
    Semicolon,
    LineComment,
    BlockComment,
    /// A backslash and the rest of its line: nothing in SQL begins so outside quotes.
    PsqlCommand,
    /// A quote or comment that runs to the end of the text.
    Unterminated(Unterminated),
}

/// What has no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unterminated {
    Quote,
    DollarQuote,
    Identifier,
    Comment,
}

/// The tokens of a text, from an offset on.
#[derive(Debug, Clone)]
pub(crate) struct Tokens<'t> {
    text: &'t str,
    offset: usize,
}

impl<'t> Tokens<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, offset: 0 }
    }

    /// Goes on at this offset, which must not lie before the current one.
    pub(crate) fn skip_to(&mut self, offset: usize) {
        self.offset = offset;
    }

    fn end_of(&self, kind: Lexed, end: usize) -> usize {
        match kind {
            Lexed::Literal {
                kind: LiteralKind::EscStr { terminated: true },
            } => end_of_escape_string(self.text, end),
            Lexed::Unknown if self.text[self.offset..].starts_with('\\') => {
                let rest = &self.text[end..];
                end + rest.find('\n').unwrap_or(rest.len())
            }
            _ => end,
        }
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            let start = self.offset;
            let lexed = tokenize(self.text.get(start..)?).next()?;
            let end = self.end_of(lexed.kind, start + lexed.len as usize);
            self.offset = end;
            if lexed.kind != Lexed::Whitespace {
                return Some(Token {
                    kind: TokenKind::of(lexed.kind, &self.text[start..end]),
                    span: Span { start, end },
                });
            }
        }
    }
}

impl Token {
    pub(crate) fn is_comment(self) -> bool {
        matches!(self.kind, TokenKind::LineComment | TokenKind::BlockComment)
    }
}

impl TokenKind {
    fn of(lexed: Lexed, text: &str) -> Self {
        match lexed {
            Lexed::Ident => Self::Word,
            Lexed::Semi => Self::Semicolon,
            Lexed::LineComment => Self::LineComment,
            Lexed::BlockComment { terminated: true } => Self::BlockComment,
            Lexed::BlockComment { terminated: false } => Self::Unterminated(Unterminated::Comment),
            Lexed::QuotedIdent {
                terminated: false, ..
            } => Self::Unterminated(Unterminated::Identifier),
            Lexed::Literal { kind } => Self::of_literal(kind, text),
            Lexed::Unknown if text.starts_with('\\') => Self::PsqlCommand,
            _ => Self::Other,
        }
    }

    fn of_literal(kind: LiteralKind, text: &str) -> Self {
        match kind {
            LiteralKind::DollarQuotedString { terminated: false } => {
                Self::Unterminated(Unterminated::DollarQuote)
            }
            LiteralKind::Str { terminated: false }
            | LiteralKind::NationalStr { terminated: false }
            | LiteralKind::ByteStr { terminated: false }
            | LiteralKind::BitStr { terminated: false }
            | LiteralKind::UnicodeEscStr { terminated: false }
            | LiteralKind::EscStr { terminated: false } => Self::Unterminated(Unterminated::Quote),
            // A continued escape string was extended past what the lexer saw, and may have no end there.
            LiteralKind::EscStr { terminated: true } if !text.ends_with('\'') => {
                Self::Unterminated(Unterminated::Quote)
            }
            _ => Self::Other,
        }
    }
}

/// `E'…'` goes on after white space with a line break and another quote, and backslashes escape there too. The lexer
/// takes the second part for a plain string, in which `\'` would be the end.
fn end_of_escape_string(text: &str, mut end: usize) -> usize {
    while let Some(start) = continuation(text, end) {
        end = end_of_escaped(text, start + 1);
    }
    end
}

/// The offset of the quote that continues a string which ends at `end`.
fn continuation(text: &str, end: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut offset = end;
    let mut line_break = false;
    loop {
        match bytes.get(offset)? {
            b'\n' | b'\r' => line_break = true,
            b' ' | b'\t' | 0x0b | 0x0c => {}
            b'-' if bytes.get(offset + 1) == Some(&b'-') => {
                offset += text[offset..].find(['\n', '\r'])?;
                continue;
            }
            b'\'' if line_break => return Some(offset),
            _ => return None,
        }
        offset += 1;
    }
}

/// One past the quote that ends an escape string, or the end of the text.
fn end_of_escaped(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let mut offset = start;
    while let Some(byte) = bytes.get(offset) {
        let doubled = bytes.get(offset + 1) == Some(&b'\'');
        offset += match byte {
            b'\\' => 2,
            b'\'' if doubled => 2,
            b'\'' => return offset + 1,
            _ => 1,
        };
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use TokenKind::{Other, PsqlCommand, Semicolon, Word};

    fn kinds(text: &str) -> Vec<TokenKind> {
        Tokens::new(text).map(|token| token.kind).collect()
    }

    #[test]
    fn quotes_hold_semicolons() {
        for text in [
            "';'",
            "'it''s;'",
            r"E'\';'",
            r"e'\\\';'",
            "U&'d;\\0061'",
            "U&\"d;\"",
            "\"a;\"\"b\"",
            "$$;$$",
            "$a$;$$;$a$",
            "$a$ $a $b$ ; $a$",
            "$é_1$;$é_1$",
            "B';'",
            "N';'",
            "E'a'\n'\\';'",
            "E'a' -- c\n  '\\';'",
        ] {
            assert_eq!(kinds(text), [Other], "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_quote_ends_at_its_own_place() {
        assert_eq!(kinds("a$b$c; d$b$"), [Word, Semicolon, Word]);
        assert_eq!(kinds("'\\';"), [Other, Semicolon]);
        assert_eq!(kinds("E'a' '\\';"), [Other, Other, Semicolon]);
        assert_eq!(kinds("$1;$2"), [Other, Semicolon, Other]);
    }

    #[test]
    fn comments_nest() {
        assert_eq!(kinds("/* /* ; */ ; */"), [TokenKind::BlockComment]);
        assert_eq!(kinds("-- ;\n;"), [TokenKind::LineComment, Semicolon]);
        assert_eq!(kinds("--a\r;"), [TokenKind::LineComment, Semicolon]);
    }

    #[test]
    fn what_has_no_end_is_said() {
        let table = [
            ("'a", Unterminated::Quote),
            (r"E'a\'", Unterminated::Quote),
            ("E'a'\n'b", Unterminated::Quote),
            ("$a$ $A$", Unterminated::DollarQuote),
            ("\"a\"\"", Unterminated::Identifier),
            ("/* /* */", Unterminated::Comment),
        ];
        for (text, what) in table {
            assert_eq!(kinds(text), [TokenKind::Unterminated(what)], "{text}");
        }
    }

    #[test]
    fn a_backslash_takes_its_line() {
        assert_eq!(kinds("\\i it's.sql\nx"), [PsqlCommand, Word]);
    }
}
