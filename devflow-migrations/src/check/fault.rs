//! What is wrong inside one file, before it is known under which path.

use crate::problem::Problem;
use crate::text::Text;

/// A line that is longer is not repeated in a message.
const LONGEST_SHOWN_LINE: usize = 300;

/// One thing that is wrong in a text, at a byte offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) offset: usize,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Fault {
    pub(crate) fn new(offset: usize, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            offset,
            code,
            message: message.into(),
            help: None,
        }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn problem(self, path: &str, text: &Text) -> Problem {
        let position = text.position(self.offset);
        let line = text.line(position.line);
        Problem {
            code: self.code,
            path: path.to_owned(),
            position: Some(position),
            message: self.message,
            line: (line.len() <= LONGEST_SHOWN_LINE).then(|| line.to_owned()),
            help: self.help,
        }
    }
}
