//! The syntax check, by squawk's parser.

use super::fault::Fault;
use super::kind::begins_with;
use super::stack::on_large_stack;
use super::statement::Statement;
use squawk_lexer::{LiteralKind, TokenKind, tokenize};
use squawk_syntax::SourceFile;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The parser is given at most this many bytes of whole statements at a time: it gives up after a number of steps,
/// and its trees take many times the text's size.
const CHUNK: usize = 64 * 1024;

/// Of one file, no more bytes than this are looked at: what is larger holds rows, not schema, and a build must not wait
/// minutes for it.
pub(super) const MOST: usize = 4 * 1024 * 1024;

/// A longer statement is not looked at; the parser would give up on it.
const LONGEST_STATEMENT: usize = 256 * 1024;

/// A statement with more nested parentheses is not looked at; the parser descends once for each.
const DEEPEST_NESTING: usize = 500;

/// A statement with a longer run of tokens between commas and parentheses is not looked at; the parser's time grows with
/// the square of a chain such as `1 + 1 + …`.
const LONGEST_RUN: usize = 4000;

/// The first syntax error of each statement. Where the parser fails by its own fault, nothing is found.
pub(crate) fn errors(text: &str, statements: &[Statement]) -> Vec<Fault> {
    on_large_stack("syntax check", || errors_here(text, statements)).unwrap_or_default()
}

fn errors_here(text: &str, statements: &[Statement]) -> Vec<Fault> {
    let start = statements
        .first()
        .map_or(0, |statement| statement.span.start);
    let within = statements.partition_point(|statement| statement.end - start <= MOST);
    let statements = &statements[..within];
    // A file of rows says one thing thousands of times; only where there is an error is every statement parsed.
    let mut seen = HashSet::new();
    let is_new = |statement: &Statement| {
        let sql = &text[statement.span.start..statement.end];
        is_readable(statement) && (!writes_rows(sql) || seen.insert(form(sql)))
    };
    match errors_where(text, statements, is_new).is_empty() {
        true => Vec::new(),
        false => errors_where(text, statements, is_readable),
    }
}

/// The first syntax error of each of these statements.
fn errors_where(
    text: &str,
    statements: &[Statement],
    mut is_wanted: impl FnMut(&Statement) -> bool,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    for mut readable in statements.split(|statement| !is_wanted(statement)) {
        while let Some(first) = readable.first() {
            let fits = |statement: &&Statement| statement.end - first.span.start <= CHUNK;
            let count = readable.iter().take_while(fits).count().max(1);
            let (chunk, rest) = readable.split_at(count);
            check_chunk(text, chunk, &mut faults);
            readable = rest;
        }
    }
    faults
}

/// Elsewhere a string may be a function's body, and a number a partition's bound.
fn writes_rows(sql: &str) -> bool {
    ["INSERT", "UPDATE", "DELETE"]
        .iter()
        .any(|word| begins_with(sql, word))
}

/// A hash of all that the parser judges by: rows that differ only in their whole numbers and plain strings have the same.
fn form(sql: &str) -> u64 {
    let mut form = DefaultHasher::new();
    let mut rest = sql;
    // `U&'…'` is read with the strings that continue it, and with the one behind its UESCAPE.
    let mut strings_count = false;
    for token in tokenize(sql) {
        let (word, behind) = rest.split_at(token.len as usize);
        match token.kind {
            TokenKind::Literal {
                kind: LiteralKind::UnicodeEscStr { .. },
            } => {
                strings_count = true;
                word.hash(&mut form);
            }
            TokenKind::Literal {
                kind: LiteralKind::Str { terminated: true },
            } if !strings_count => "''".hash(&mut form),
            TokenKind::Literal {
                kind: LiteralKind::Int { .. },
            } if word.bytes().all(|byte| byte.is_ascii_digit()) => "0".hash(&mut form),
            _ => word.hash(&mut form),
        }
        rest = behind;
    }
    form.finish()
}

/// Whether the parser can be trusted with it.
pub(super) fn is_readable(statement: &Statement) -> bool {
    let length = statement.end - statement.span.start;
    !statement.faulty
        && length <= LONGEST_STATEMENT
        && statement.deepest <= DEEPEST_NESTING
        && statement.longest_run <= LONGEST_RUN
}

fn check_chunk(text: &str, chunk: &[Statement], faults: &mut Vec<Fault>) {
    let (Some(first), Some(last)) = (chunk.first(), chunk.last()) else {
        return;
    };
    let start = first.span.start;
    let mut reported = None;
    for error in SourceFile::parse(&text[start..last.end]).errors() {
        let offset = start + usize::from(error.range().start());
        let statement = chunk.partition_point(|statement| statement.span.start <= offset);
        if reported.replace(statement) != Some(statement) {
            faults.push(fault(offset, error.message()));
        }
    }
}

fn fault(offset: usize, message: &str) -> Fault {
    let message = readable(message);
    Fault::new(offset, "syntax_error", format!("syntax error: {message}")).help(
        "correct the statement; if PostgreSQL takes it as it is, begin the file with `-- devflow: no-check`",
    )
}

/// The parser's message in our style: it names tokens by its own constants.
fn readable(message: &str) -> String {
    let words: Vec<_> = message
        .trim_end_matches('.')
        .split(' ')
        .map(token)
        .collect();
    let message = words.join(" ");
    match message.strip_prefix(|first: char| first.is_ascii_uppercase()) {
        Some(rest) if rest.starts_with(|second: char| second.is_ascii_lowercase()) => {
            message[..1].to_ascii_lowercase() + rest
        }
        _ => message,
    }
}

fn token(word: &str) -> String {
    let (constant, comma) = match word.strip_suffix(',') {
        Some(constant) => (constant, ","),
        None => (word, ""),
    };
    let written = match constant {
        "SEMICOLON" => "`;`",
        "COMMA" => "`,`",
        "L_PAREN" => "`(`",
        "R_PAREN" => "`)`",
        "IDENT" => "a name",
        "EOF" => "the end",
        _ => constant.strip_suffix("_KW").unwrap_or(constant),
    };
    format!("{written}{comma}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::statement::split;
    use proptest::prelude::*;

    fn offsets(text: &str) -> Vec<usize> {
        let faults = errors(text, &split(text).statements);
        faults.iter().map(|fault| fault.offset).collect()
    }

    #[test]
    fn finds_the_first_error_of_each_statement() {
        assert_eq!(offsets("select 1; create table t (a int);"), [0; 0]);
        assert_eq!(offsets("select 1;\nselct 2;\nselect 3"), [10]);
        assert_eq!(offsets("selct 1;\nselct 2 from from;\nselect 3").len(), 2);
    }

    #[test]
    fn messages_name_tokens_as_they_are_written() {
        for (message, expected) in [
            (
                "expected command, found CREATE_KW",
                "expected command, found CREATE",
            ),
            (
                "Missing semicolon between statements.",
                "missing semicolon between statements",
            ),
            (
                "expected SEMICOLON, found EOF",
                "expected `;`, found the end",
            ),
            ("ONLY cannot be used", "ONLY cannot be used"),
            ("", ""),
        ] {
            assert_eq!(readable(message), expected);
        }
    }

    #[test]
    fn looks_into_the_bodies_of_sql_functions() {
        let body = "create function f() returns int language sql as $$ selct 1 $$;";
        assert_eq!(offsets(body).len(), 1);
    }

    #[test]
    fn a_statement_with_another_fault_is_left_to_it() {
        assert_eq!(
            offsets("select 1 \\gx\ncopy t from stdin; select 'a"),
            [0; 0]
        );
    }

    #[test]
    fn errors_have_their_places_far_down_a_large_file() {
        let line = "insert into t values (1, 'é');\n";
        let text = format!("{}selct;\n{}", line.repeat(3_000), line.repeat(3_000));
        assert_eq!(offsets(&text), [line.len() * 3_000]);
    }

    #[test]
    fn rows_alike_are_parsed_once_and_every_error_is_told() {
        let rows =
            "insert into t values (1, 'a');\ninsert into t values (22, 'it''s');\n".repeat(100);
        assert_eq!(offsets(&rows), [0; 0]);
        let wrong = "insert into t values (1, );\ninsert into t values (2, );\n";
        assert_eq!(offsets(&format!("{rows}{wrong}{rows}{wrong}")).len(), 4);
        for other in [
            "insert into t values (1, 'a' 'b');",
            "insert into t values (1x, 'a');",
            "insert into t values (1, 'a'));",
            "insert into t valuess (1, 'a');",
            "insert into t values (U&'a' uescape '!');\ninsert into t values (U&'a' uescape '+');",
        ] {
            let found = offsets(&format!("{rows}{other}"));
            assert!(
                matches!(found[..], [offset] if offset >= rows.len()),
                "{other}: {found:?}"
            );
        }
    }

    #[test]
    fn only_rows_are_alike_and_only_in_whole_numbers_and_plain_strings() {
        assert_eq!(
            form("insert into t values (1)"),
            form("insert into t values (234)")
        );
        assert_ne!(
            form("insert into t values (1)"),
            form("insert into t values (1.5)")
        );
        assert_ne!(
            form("insert into t values ('a' 'b')"),
            form("insert into t values ('a'\n'b')")
        );
        assert!(!writes_rows(
            "create function f() returns int language sql as 'select 1';"
        ));
    }

    #[test]
    fn statements_that_would_exhaust_the_parser_are_no_errors() {
        for statement in [
            format!("select {}1{}", "(".repeat(100_000), ")".repeat(100_000)),
            format!("select {}1{}", "array[".repeat(20_000), "]".repeat(20_000)),
            format!("select {}", "- ".repeat(10_000)),
            format!("select 1{}", ",1".repeat(1_000_000)),
        ] {
            assert_eq!(offsets(&statement), [0; 0]);
        }
    }

    #[test]
    fn chains_and_nests_within_the_bounds_do_not_exhaust_the_stack() {
        for statement in [
            format!("select 1{}", "+1".repeat(1000)),
            format!("select {} true", "not ".repeat(1000)),
            format!("select 1 {}", "or a = (1)".repeat(20_000)),
            format!("select {}1{}", "(".repeat(500), ")".repeat(500)),
        ] {
            assert!(statement.len() <= LONGEST_STATEMENT);
            assert_eq!(offsets(&statement), [0; 0]);
        }
    }

    proptest! {
        #[test]
        fn no_text_stops_the_check(text in ".*") {
            let _ = offsets(&text);
        }
    }
}
