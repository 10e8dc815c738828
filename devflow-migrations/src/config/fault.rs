//! What is wrong with a devflow.yml, as far as it has been looked at.

use super::document::{Document, Node};
use crate::problem::{Problem, SourceError};

/// More problems than anybody reads at once.
const MAX_PROBLEMS: usize = 20;

/// Everything that was found.
#[derive(Default)]
pub(super) struct Faults(Vec<Fault>);

/// One thing that is wrong with a node.
pub(super) struct Fault {
    code: &'static str,
    number: u32,
    shown: usize,
    message: String,
    help: Option<String>,
}

impl Faults {
    pub(super) fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Says that a value is not what its key can have.
    pub(super) fn invalid(&mut self, key: &str, node: &Node, expected: &str) {
        let message = format!("`{key}` is {}; expected {expected}", node.describe());
        self.push(Fault::new("config_invalid_value", node, message));
    }

    /// Finds the place of each fault.
    ///
    /// # Errors
    /// All of them, or the first few, when there are any.
    pub(super) fn check(self, document: &Document) -> Result<(), SourceError> {
        let located = |fault: Fault| fault.locate(document);
        SourceError::check(self.0.into_iter().take(MAX_PROBLEMS).map(located).collect())
    }
}

impl Fault {
    pub(super) fn new(code: &'static str, node: &Node, message: String) -> Self {
        Self {
            code,
            number: node.number,
            shown: usize::MAX,
            message,
            help: None,
        }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Shows so many characters of the line behind the node's beginning: what follows may be a secret.
    pub(super) fn shown(mut self, characters: usize) -> Self {
        self.shown = characters;
        self
    }

    fn locate(self, document: &Document) -> Problem {
        let (position, line) = match self.number {
            Node::ROOT => (None, None),
            number => document.place_of(number, self.shown),
        };
        Problem {
            code: self.code,
            path: document.path().to_owned(),
            position,
            message: self.message,
            line,
            help: self.help,
        }
    }
}
