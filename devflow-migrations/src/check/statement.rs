//! A text's statements.

use super::directive::Directives;
use super::fault::Fault;
use super::kind::Kind;
use super::token::{Token, TokenKind, Tokens, Unterminated};
use crate::text::Span;

/// One statement of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Statement {
    /// From its first to its last token, without its semicolon.
    pub(crate) span: Span,
    /// One past its semicolon, or past its last token where it has none.
    pub(crate) end: usize,
    /// How deep its parentheses and brackets nest.
    pub(crate) deepest: usize,
    /// Its longest run of tokens without a comma or parenthesis.
    pub(crate) longest_run: usize,
    /// A fault was found inside or right behind it, so that no parser need look at it.
    pub(crate) faulty: bool,
}

/// The statements of a text, its directives, and what is wrong with either.
#[derive(Debug, Default)]
pub(crate) struct Split {
    pub(crate) statements: Vec<Statement>,
    pub(crate) directives: Directives,
    pub(crate) faults: Vec<Fault>,
}

/// Splits a text at its semicolons: those outside parentheses and outside `BEGIN ATOMIC … END`.
///
/// It looks at tokens only, so that it does not depend on what a parser knows.
pub(crate) fn split(text: &str) -> Split {
    let mut splitter = Splitter {
        text,
        tokens: Tokens::new(text),
        open: None,
        split: Split::default(),
    };
    while let Some(token) = splitter.tokens.next() {
        splitter.take(token);
    }
    splitter.close(Ending::Text);
    splitter.split
}

struct Splitter<'t> {
    text: &'t str,
    tokens: Tokens<'t>,
    open: Option<Open<'t>>,
    split: Split,
}

/// A statement whose end has not come yet.
struct Open<'t> {
    span: Span,
    faulty: bool,
    creates: bool,
    parentheses: usize,
    brackets: usize,
    deepest: usize,
    run: usize,
    longest_run: usize,
    /// How many `END`s are to come: one for `BEGIN ATOMIC`, one for each `CASE` in it.
    ends: usize,
    previous: &'t str,
}

/// What ends a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// The offset behind it.
    Semicolon(usize),
    PsqlCommand,
    Text,
}

impl<'t> Splitter<'t> {
    fn take(&mut self, token: Token) {
        match token.kind {
            TokenKind::LineComment | TokenKind::BlockComment => self.take_comment(token),
            TokenKind::PsqlCommand => self.take_psql_command(token.span),
            TokenKind::Unterminated(what) => self.take_unterminated(what, token.span),
            TokenKind::Semicolon if self.open.as_ref().is_none_or(Open::is_complete) => {
                self.close(Ending::Semicolon(token.span.end));
            }
            _ => self.extend(token),
        }
    }

    fn extend(&mut self, token: Token) {
        let open = self.open.get_or_insert(Open::at(token.span.start));
        open.take(token, &self.text[token.span.range()]);
    }

    fn take_comment(&mut self, token: Token) {
        let leading = self.open.is_none() && self.split.statements.is_empty();
        let read = match token.kind {
            TokenKind::LineComment if leading => Directives::read,
            _ => Directives::refuse,
        };
        let comment = &self.text[token.span.range()];
        let Split {
            directives, faults, ..
        } = &mut self.split;
        read(directives, comment, token.span.start, faults);
    }

    fn take_psql_command(&mut self, span: Span) {
        let fault = psql_command(&self.text[span.range()], span.start);
        self.split.faults.push(fault);
        self.close(Ending::PsqlCommand);
    }

    fn take_unterminated(&mut self, what: Unterminated, span: Span) {
        self.split.faults.push(unterminated(what, span.start));
        if what != Unterminated::Comment {
            let open = self.open.get_or_insert(Open::at(span.start));
            open.faulty = true;
            open.span.end = span.end;
        }
    }

    fn close(&mut self, ending: Ending) {
        let Some(open) = self.open.take() else {
            return;
        };
        let end = match ending {
            Ending::Semicolon(end) => end,
            Ending::PsqlCommand | Ending::Text => open.span.end,
        };
        let copy = Kind::copy(&self.text[open.span.range()]);
        self.split.statements.push(Statement {
            span: open.span,
            end,
            deepest: open.deepest,
            longest_run: open.longest_run,
            faulty: open.faulty || ending == Ending::PsqlCommand || copy.is_some(),
        });
        if copy == Some(Kind::CopyFromStdin) {
            self.skip_copy_data(end);
        }
    }

    /// The rows that psql would send after `COPY … FROM stdin`, up to `\.`, are no SQL.
    fn skip_copy_data(&mut self, end: usize) {
        let rows = &self.text[end..];
        if let Some(last) = rows.find("\n\\.") {
            let line_end = rows[last + 1..].find('\n');
            let skipped = line_end.map_or(rows.len(), |length| last + 1 + length);
            self.tokens.skip_to(end + skipped);
        }
    }
}

impl<'t> Open<'t> {
    fn at(start: usize) -> Self {
        Self {
            span: Span { start, end: start },
            faulty: false,
            creates: false,
            parentheses: 0,
            brackets: 0,
            deepest: 0,
            run: 0,
            longest_run: 0,
            ends: 0,
            previous: "",
        }
    }

    fn is_complete(&self) -> bool {
        self.parentheses == 0 && self.ends == 0
    }

    fn take(&mut self, token: Token, text: &'t str) {
        self.run += 1;
        match text {
            "(" => self.parentheses += 1,
            ")" => self.parentheses = self.parentheses.saturating_sub(1),
            "[" => self.brackets += 1,
            "]" => self.brackets = self.brackets.saturating_sub(1),
            _ if token.kind == TokenKind::Word => self.take_word(text),
            _ => {}
        }
        if matches!(text, "(" | ")" | ",") {
            self.run = 0;
        }
        self.longest_run = self.longest_run.max(self.run);
        self.deepest = self.deepest.max(self.parentheses + self.brackets);
        self.previous = text;
        self.span.end = token.span.end;
    }

    fn take_word(&mut self, word: &str) {
        let is = |keyword: &str| word.eq_ignore_ascii_case(keyword);
        let follows = |keyword: &str| self.previous.eq_ignore_ascii_case(keyword);
        if self.previous.is_empty() {
            self.creates = is("create");
        } else if self.ends == 0 {
            let body = self.creates && self.parentheses == 0 && follows("begin") && is("atomic");
            self.ends = usize::from(body);
        } else if !follows("as") && !follows(".") {
            // After AS or a dot any keyword is a name.
            self.ends += usize::from(is("case"));
            self.ends -= usize::from(is("end"));
        }
    }
}

fn psql_command(text: &str, offset: usize) -> Fault {
    let name = text.split_whitespace().next().unwrap_or(text);
    Fault::new(
        offset,
        "psql_command",
        format!("`{name}` is a command of psql, not of the server"),
    )
    .help(
        "take it out; a migration holds only SQL, and runs in the database that the connection names",
    )
}

fn unterminated(what: Unterminated, offset: usize) -> Fault {
    let (code, message) = match what {
        Unterminated::Quote => (
            "unterminated_quote",
            "the string that begins here has no closing quote",
        ),
        Unterminated::DollarQuote => (
            "unterminated_dollar_quote",
            "the dollar-quoted string that begins here is not closed by the same tag",
        ),
        Unterminated::Identifier => (
            "unterminated_identifier",
            "the quoted identifier that begins here has no closing quote",
        ),
        Unterminated::Comment => (
            "unterminated_comment",
            "the comment that begins here has no closing `*/`; block comments nest",
        ),
    };
    Fault::new(offset, code, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn statements(text: &str) -> Vec<&str> {
        let statements = split(text).statements;
        statements.iter().map(|s| &text[s.span.range()]).collect()
    }

    #[test]
    fn splits_at_semicolons_and_leaves_comments_out() {
        let text = "-- a\nselect 1; ; /* b */ select\n-- c\n2 -- d\n;\nselect 3 -- e";
        assert_eq!(
            statements(text),
            ["select 1", "select\n-- c\n2", "select 3"]
        );
        assert_eq!(statements(" -- nothing\n;;"), [""; 0]);
    }

    #[test]
    fn does_not_split_inside_bodies_quotes_and_parentheses() {
        for whole in [
            "create function f() returns int begin atomic select 1; select case when true then 2 else 3 end; end",
            "create or replace procedure p() BEGIN ATOMIC select case case 1 when 1 then 2 end when 2 then 3 end; END",
            "create function f() returns int begin atomic select 1 as end; select t.end, t.case from t; end",
            "create rule r as on insert to t do also (select 1; select 2)",
            "do $$ begin commit; end $$",
            "create function f() returns void language plpgsql as 'begin; commit; end;'",
            "create table a$b$c (x int); select 'a$b$'",
        ] {
            let expected: Vec<_> = match whole.split_once("); ") {
                Some((first, rest)) => vec![&whole[..first.len() + 1], rest],
                None => vec![whole],
            };
            assert_eq!(statements(&format!("{whole};")), expected);
        }
    }

    #[test]
    fn begin_atomic_matters_only_where_something_is_created() {
        assert_eq!(statements("begin; atomic; end"), ["begin", "atomic", "end"]);
        assert_eq!(statements("begin atomic; end"), ["begin atomic", "end"]);
    }

    #[test]
    fn an_unmatched_parenthesis_does_not_stop_the_split() {
        assert_eq!(statements("select 1); select 2"), ["select 1)", "select 2"]);
    }

    #[test]
    fn psql_commands_and_copy_data_are_stepped_over() {
        let text = "select 1 \\gexec it's\ncopy t from stdin;\n1\tit's\n\\.\nselect 2;\n\\i x";
        assert_eq!(
            statements(text),
            ["select 1", "copy t from stdin", "select 2"]
        );
        let codes: Vec<_> = split(text).faults.iter().map(|f| f.code).collect();
        assert_eq!(codes, ["psql_command"; 2]);
    }

    /// Texts made of the pieces that matter, so that quotes and comments meet each other often.
    fn sql() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just(";"),
            Just("'"),
            Just("\""),
            Just("$$"),
            Just("$a$"),
            Just("/*"),
            Just("*/"),
            Just("--"),
            Just("\n"),
            Just("\\"),
            Just("E'"),
            Just("("),
            Just(")"),
            Just("begin atomic "),
            Just("create "),
            Just("end "),
            Just("case "),
            Just("copy t from stdin"),
            Just("\\."),
            Just("é"),
            Just("x "),
            Just("\r"),
        ];
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    fn check_split(text: &str) {
        let statements = split(text).statements;
        let mut last = 0;
        for statement in &statements {
            let Span { start, end } = statement.span;
            assert!(
                last <= start && start < end && end <= statement.end,
                "{text:?}"
            );
            assert!(text.is_char_boundary(start) && text.is_char_boundary(end));
            last = statement.end;
        }
        assert!(last <= text.len());
        if !text.contains('\\') {
            let inside = |token: &Token| {
                statements
                    .iter()
                    .any(|s| s.span.range().contains(&token.span.start))
            };
            let stray = Tokens::new(text).find(|token| {
                !token.is_comment()
                    && token.kind != TokenKind::Semicolon
                    && token.kind != TokenKind::Unterminated(Unterminated::Comment)
                    && !inside(token)
            });
            assert_eq!(stray, None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_token_is_in_one_statement(text in sql()) {
            check_split(&text);
        }

        #[test]
        fn any_string_can_be_split(text in ".*") {
            check_split(&text);
        }

        #[test]
        fn tokens_cover_the_text_in_order(text in sql()) {
            let mut last = 0;
            for token in Tokens::new(&text) {
                assert!(last <= token.span.start && token.span.start < token.span.end);
                assert!(text[last..token.span.start].trim().is_empty(), "{:?}", text);
                last = token.span.end;
            }
            assert!(text[last..].trim().is_empty());
        }
    }
}
