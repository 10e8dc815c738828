//! From a server's error to a place in the migration's file.

use devflow_migrations::{Migration, Position, Span};
use tokio_postgres::error::{DbError, ErrorPosition};

/// Where a statement went wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) position: Option<Position>,
    pub(crate) line: Option<String>,
    /// The statement's number in the file, starting at 1.
    pub(crate) statement: Option<usize>,
}

/// What a message held: the file's text from byte `from` on, behind `prefix` ASCII characters of ours.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message {
    pub(crate) from: usize,
    pub(crate) prefix: usize,
}

/// The place that the error of a message means, of which `completed` statements of the file had been carried out.
pub(crate) fn locate(
    migration: &Migration,
    message: Message,
    completed: usize,
    error: &DbError,
) -> Spot {
    let Message { from, prefix } = message;
    let text = migration.text();
    let earlier = migration
        .statements()
        .iter()
        .filter(|span| span.start < from)
        .count();
    let (index, offset) = match error.position() {
        Some(ErrorPosition::Original(character)) => {
            let index = (*character as usize).saturating_sub(1 + prefix);
            let offset = text.offset_of_character(from, index);
            (statement_at(migration, offset), Some(offset))
        }
        _ => {
            let index = earlier + completed;
            let span = migration.statements().get(index);
            let inside = span.and_then(|span| inside_block(migration, *span, error.where_()));
            (span.map(|_| index), inside.or(span.map(|span| span.start)))
        }
    };
    let position = offset.map(|offset| text.position(offset));
    Spot {
        position,
        line: position.map(|position| text.line(position.line).to_owned()),
        statement: index.map(|index| index + 1),
    }
}

fn statement_at(migration: &Migration, offset: usize) -> Option<usize> {
    let after = migration
        .statements()
        .iter()
        .take_while(|span| span.start <= offset)
        .count();
    after.checked_sub(1)
}

/// The line of a DO block's body that the server's context names; it counts from the body's opening quote.
fn inside_block(migration: &Migration, span: Span, context: Option<&str>) -> Option<usize> {
    let number = line_of_block(context?)?;
    let text = migration.text().as_str();
    let statement = &text[span.range()];
    let quote = span.start + statement.find(['$', '\''])?;
    let mut offset = quote;
    for _ in 1..number {
        offset += text[offset..].find('\n')? + 1;
    }
    if number > 1 {
        offset += text[offset..].len() - text[offset..].trim_start_matches([' ', '\t']).len();
    }
    (offset < span.end).then_some(offset)
}

/// N of `PL/pgSQL function inline_code_block line N at …`.
fn line_of_block(context: &str) -> Option<usize> {
    let (_, after) = context.split_once("inline_code_block line ")?;
    let digits = after.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok().filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_line_that_a_context_names() {
        let context = "SQL statement \"x\"\nPL/pgSQL function inline_code_block line 12 at PERFORM";
        assert_eq!(line_of_block(context), Some(12));
        assert_eq!(line_of_block("PL/pgSQL function f() line 3 at RAISE"), None);
    }
}
