//! Reading a directory of migrations, and the checks of each file's text.

mod action;
mod directive;
mod directory;
mod effect;
mod fault;
mod file;
mod kind;
mod problems;
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
use crate::settings::LedgerKind;
use crate::tables::Tables;
use crate::text::Span;
use crate::version::Version;
use directive::Directives;
pub use effect::{EffectReader, effects};
use fault::Fault;
use statement::{Split, Statement, split};
use transaction::Shape;

/// What a text turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checked {
    pub(crate) mode: Mode,
    pub(crate) wrapper: Option<Wrapper>,
    pub(crate) statements: Vec<Span>,
    pub(crate) actions: Vec<Action>,
    pub(crate) limits: Limits,
    pub(crate) tables: Tables,
    pub(crate) compatible_with: Option<Version>,
}

/// More faults of one file are not told: whoever corrects so many sees the others next time.
const MOST_FAULTS: usize = 100;

/// A text that was split, and how it runs.
struct Outline<'t> {
    text: &'t str,
    statements: Vec<Statement>,
    directives: Directives,
    shape: Shape,
    limits: Limits,
    /// But for those of its syntax.
    faults: Vec<Fault>,
}

/// Splits the text of a version, decides how it runs and checks its syntax.
///
/// # Errors
/// Every fault, in the order of the text.
pub(crate) fn check(
    text: &str,
    version: &Version,
    ledger: LedgerKind,
) -> Result<Checked, Vec<Fault>> {
    let mut outline = Outline::of(text, version, ledger);
    let faults = outline.take_faults();
    match faults.is_empty() {
        true => Ok(outline.checked()),
        false => Err(faults),
    }
}

/// Splits a text and decides how it runs, whatever is wrong with it.
pub(crate) fn read(text: &str, version: &Version, ledger: LedgerKind) -> Checked {
    Outline::of(text, version, ledger).checked()
}

/// What keeps a text from being run, in its order.
pub(crate) fn faults(text: &str, version: &Version, ledger: LedgerKind) -> Vec<Fault> {
    Outline::of(text, version, ledger).take_faults()
}

impl<'t> Outline<'t> {
    fn of(text: &'t str, version: &Version, ledger: LedgerKind) -> Self {
        let Split {
            statements,
            directives,
            mut faults,
        } = split(text);
        let shape = transaction::shape(text, &statements, &directives, ledger, &mut faults);
        let limits = directives.limits(shape.mode, &mut faults);
        faults.extend(directives.check_version(version));
        Self {
            text,
            statements,
            directives,
            shape,
            limits,
            faults,
        }
    }

    fn take_faults(&mut self) -> Vec<Fault> {
        let mut faults = std::mem::take(&mut self.faults);
        if !self.directives.no_check {
            faults.extend(syntax::errors(self.text, &self.statements));
        }
        faults.sort_by_key(|fault| fault.offset);
        faults.truncate(MOST_FAULTS);
        faults
    }

    fn checked(self) -> Checked {
        let mut own = self.statements;
        if self.shape.wrapper.is_some() {
            own.pop();
            own.remove(0);
        }
        let statements: Vec<_> = own.iter().map(|statement| statement.span).collect();
        let each = statements.iter().map(|span| &self.text[span.range()]);
        let actions = match self.shape.mode.is_atomic() {
            true => Vec::new(),
            false => each.map(action::action).collect(),
        };
        Checked {
            mode: self.shape.mode,
            wrapper: self.shape.wrapper,
            tables: strong_lock::tables(self.text, &own, &self.directives),
            statements,
            actions,
            limits: self.limits,
            compatible_with: self.directives.compatible_with().cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version() -> Version {
        Version::parse("9").unwrap()
    }

    fn codes(text: &str) -> Vec<&'static str> {
        let faults = check(text, &version(), LedgerKind::Devflow)
            .err()
            .unwrap_or_default();
        faults.iter().map(|fault| fault.code).collect()
    }

    #[test]
    fn a_wrapper_is_not_among_the_statements() {
        let text = "begin; select 1; select 2; commit;";
        let checked = check(text, &version(), LedgerKind::Devflow).unwrap();
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
        let checked = check("-- nothing\n;", &version(), LedgerKind::Devflow).unwrap();
        assert_eq!(
            (checked.mode, checked.statements),
            (Mode::Transaction, vec![])
        );
    }
}
