//! Reading a directory of migrations, and the checks of each file's text.

mod action;
mod directive;
mod directory;
mod effect;
mod fault;
mod file;
mod kind;
mod refusal;
mod stack;
mod statement;
mod strong_lock;
mod syntax;
mod token;
mod transaction;

use crate::action::Action;
use crate::limits::Limits;
use crate::migration::{Mode, Wrapper};
use crate::tables::Tables;
use crate::text::Span;
pub use effect::{EffectReader, effects};
use fault::Fault;
use statement::split;

/// What a text turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checked {
    pub(crate) mode: Mode,
    pub(crate) wrapper: Option<Wrapper>,
    pub(crate) statements: Vec<Span>,
    pub(crate) actions: Vec<Action>,
    pub(crate) limits: Limits,
    pub(crate) tables: Tables,
}

/// More faults of one file are not told: whoever corrects so many sees the others next time.
const MOST_FAULTS: usize = 100;

/// Splits a text, decides how it runs and checks its syntax.
///
/// # Errors
/// Every fault, in the order of the text.
pub(crate) fn check(text: &str) -> Result<Checked, Vec<Fault>> {
    let split = split(text);
    let mut faults = split.faults;
    let shape = transaction::shape(text, &split.statements, split.directives, &mut faults);
    let limits = split.directives.limits(shape.mode, &mut faults);
    if !split.directives.no_check {
        faults.extend(syntax::errors(text, &split.statements));
    }
    if !faults.is_empty() {
        faults.sort_by_key(|fault| fault.offset);
        faults.truncate(MOST_FAULTS);
        return Err(faults);
    }
    let mut own = split.statements;
    if shape.wrapper.is_some() {
        own.pop();
        own.remove(0);
    }
    let statements: Vec<_> = own.iter().map(|statement| statement.span).collect();
    let actions = match shape.mode {
        Mode::Transaction => Vec::new(),
        Mode::NoTransaction => {
            let each = statements.iter().map(|span| &text[span.range()]);
            each.map(action::action).collect()
        }
    };
    Ok(Checked {
        mode: shape.mode,
        wrapper: shape.wrapper,
        tables: strong_lock::tables(text, &own, split.directives),
        statements,
        actions,
        limits,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<&'static str> {
        let faults = check(text).err().unwrap_or_default();
        faults.iter().map(|fault| fault.code).collect()
    }

    #[test]
    fn a_wrapper_is_not_among_the_statements() {
        let text = "begin; select 1; select 2; commit;";
        let checked = check(text).unwrap();
        let statements: Vec<_> = checked
            .statements
            .iter()
            .map(|s| &text[s.range()])
            .collect();
        assert_eq!(statements, ["select 1", "select 2"]);
        assert!(checked.wrapper.is_some());
    }

    #[test]
    fn every_fault_is_told_in_the_order_of_the_text() {
        let text = "selct 1;\ncommit;\n\\i x\ncopy t from stdin;\n1\t'\n\\.\n-- devflow: no-check\nselct 2;\nselect 'a";
        assert_eq!(
            codes(text),
            [
                "syntax_error",
                "transaction_control",
                "psql_command",
                "copy_stdin",
                "directive_misplaced",
                "syntax_error",
                "unterminated_quote",
            ]
        );
    }

    #[test]
    fn no_check_turns_off_the_syntax_check_only() {
        assert_eq!(codes("selct 1"), ["syntax_error"]);
        assert_eq!(codes("-- devflow: no-check\nselct 1"), [""; 0]);
        assert_eq!(
            codes("-- devflow: no-check\nselct 1; commit"),
            ["transaction_control"]
        );
    }

    #[test]
    fn an_empty_text_is_an_empty_transaction() {
        let checked = check("-- nothing\n;").unwrap();
        assert_eq!(
            (checked.mode, checked.statements),
            (Mode::Transaction, vec![])
        );
    }
}
