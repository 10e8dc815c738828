//! One row of an answer.

use std::fmt;
use tokio_postgres::SimpleQueryRow;
use tokio_postgres::row::RowIndex;

/// One row of an answer, as text.
#[derive(Debug)]
pub(crate) struct Row(pub(super) SimpleQueryRow);

impl Row {
    /// A value; `None` for NULL, for a column that is not there, and for what is not UTF-8: the statements and roles of
    /// other databases are shown by the server in the encoding of those.
    pub(crate) fn get(&self, column: impl RowIndex + fmt::Display) -> Option<&str> {
        self.0.try_get(column).ok().flatten()
    }
}
