//! The tables that a file makes, and those that it locks so that others have to wait.

/// The tables that a file makes, and those that it locks so strongly that others have to wait, in the file's order.
///
/// Compact, because a binary carries it: one table a line, behind the mark of what happens to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tables(String);

const MADE: char = '+';
const LOCKED: char = '!';

impl Tables {
    /// The lines that [`as_str`](Self::as_str) gave.
    pub(crate) fn of(lines: String) -> Self {
        Self(lines)
    }

    /// What a binary carries.
    #[cfg(feature = "check")]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The tables that the file makes.
    pub fn made(&self) -> impl Iterator<Item = &str> {
        self.marked(MADE)
    }

    /// The tables on which the file takes a lock that keeps writers, or everybody, waiting.
    pub fn locked(&self) -> impl Iterator<Item = &str> {
        self.marked(LOCKED)
    }

    fn marked(&self, mark: char) -> impl Iterator<Item = &str> {
        self.0
            .lines()
            .filter_map(move |line| line.strip_prefix(mark))
    }

    #[cfg(feature = "check")]
    pub(crate) fn make(&mut self, table: &str) {
        self.add(MADE, table);
    }

    #[cfg(feature = "check")]
    pub(crate) fn lock(&mut self, table: &str) {
        self.add(LOCKED, table);
    }

    /// Each table once; a name with a line break would be read as two.
    #[cfg(feature = "check")]
    fn add(&mut self, mark: char, table: &str) {
        let is_known = self.marked(mark).any(|known| known == table);
        if !is_known && !table.contains(['\n', '\r']) {
            self.0.push(mark);
            self.0.push_str(table);
            self.0.push('\n');
        }
    }
}
