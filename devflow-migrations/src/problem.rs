//! What is wrong with a migrations directory or a devflow.yml, each with its place.

use crate::text::Position;
use std::fmt;

/// One thing that is wrong, with its place and the next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// A stable code, such as `syntax_error`; the same in text and in JSON.
    pub code: &'static str,
    /// The file or directory, as users know it.
    pub path: String,
    /// Line and column, where there is one.
    pub position: Option<Position>,
    /// What was found and what was expected: one sentence, lower case, no full stop.
    pub message: String,
    /// The line of the file, where there is one.
    pub line: Option<String>,
    /// The next step, where there is one to name.
    pub help: Option<String>,
}

/// Everything that is wrong with the source; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError {
    problems: Vec<Problem>,
}

impl SourceError {
    /// Sorts the problems by place; `Ok` when there are none.
    ///
    /// # Errors
    /// All of them, when there are any.
    pub fn check(mut problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() {
            return Ok(());
        }
        problems.sort_by(|a, b| a.path.cmp(&b.path).then(a.position.cmp(&b.position)));
        Err(Self { problems })
    }

    /// The problems, in the order of their places.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl From<Problem> for SourceError {
    fn from(problem: Problem) -> Self {
        Self {
            problems: vec![problem],
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if let Some(Position { line, column }) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)?;
        if let (Some(line), Some(position)) = (&self.line, self.position) {
            let caret = " ".repeat(position.column.saturating_sub(1) as usize);
            write!(f, "\n  {line}\n  {caret}^")?;
        }
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            write!(f, "{}{problem}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for SourceError {}
