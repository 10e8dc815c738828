//! The locks that a statement takes, and what they keep waiting.

use std::fmt;

/// A lock that a statement takes until its transaction ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// On what.
    pub on: Locked,
    /// How strongly.
    pub mode: LockMode,
    /// What the statement may do to all of its rows while it holds the lock.
    pub toll: Toll,
    /// Whether this run makes it, so that nobody else can be waiting.
    pub is_new: bool,
    /// Whether only a foreign key leads to it.
    pub is_referenced: bool,
}

/// What is locked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Locked {
    /// A table, by name.
    Table(String),
    /// A view or a materialized view, by name.
    View(String),
    /// An index, by name.
    Index(String),
    /// The table of an index whose name alone is known.
    TableOf(String),
    /// Every index of a table.
    IndexesOf(String),
}

/// PostgreSQL's modes of locking a table, from the weakest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockMode {
    /// Reading takes it.
    AccessShare,
    /// `SELECT … FOR UPDATE` takes it.
    RowShare,
    /// Writing takes it.
    RowExclusive,
    /// `VACUUM`, `ANALYZE`, and what is done beside readers and writers.
    ShareUpdateExclusive,
    /// `CREATE INDEX` takes it.
    Share,
    /// `CREATE TRIGGER` and foreign keys take it.
    ShareRowExclusive,
    /// `REFRESH MATERIALIZED VIEW CONCURRENTLY` takes it.
    Exclusive,
    /// Most forms of `ALTER TABLE`, `DROP TABLE` and `TRUNCATE` take it.
    AccessExclusive,
}

/// Whom a lock keeps waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Blocked {
    /// Only those who change the schema as well, or who vacuum.
    Ddl,
    /// Whoever writes.
    Writes,
    /// Everybody.
    ReadsAndWrites,
}

/// What a statement may do to all rows of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Toll {
    /// It does not look at them.
    None,
    /// It may read every one, and takes as long as that takes.
    Scan,
    /// It may write the whole table, or an index of it, anew.
    Rewrite,
}

impl LockMode {
    /// Every mode, from the weakest on.
    pub const ALL: [Self; 8] = [
        Self::AccessShare,
        Self::RowShare,
        Self::RowExclusive,
        Self::ShareUpdateExclusive,
        Self::Share,
        Self::ShareRowExclusive,
        Self::Exclusive,
        Self::AccessExclusive,
    ];

    /// The name that `LOCK TABLE` takes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessShare => "ACCESS SHARE",
            Self::RowShare => "ROW SHARE",
            Self::RowExclusive => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::Exclusive => "EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        }
    }

    /// Whom it keeps waiting.
    #[must_use]
    pub fn blocks(self) -> Blocked {
        match self {
            Self::AccessShare
            | Self::RowShare
            | Self::RowExclusive
            | Self::ShareUpdateExclusive => Blocked::Ddl,
            Self::Share | Self::ShareRowExclusive | Self::Exclusive => Blocked::Writes,
            Self::AccessExclusive => Blocked::ReadsAndWrites,
        }
    }
}

impl Blocked {
    /// In plain words, fit to follow "blocks".
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ddl => "only other DDL",
            Self::Writes => "writes",
            Self::ReadsAndWrites => "reads and writes",
        }
    }
}

impl Toll {
    /// The word in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Scan => "scan",
            Self::Rewrite => "rewrite",
        }
    }
}

impl Locked {
    /// The name in it: a table's, a view's or an index's.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Table(name)
            | Self::View(name)
            | Self::Index(name)
            | Self::TableOf(name)
            | Self::IndexesOf(name) => name,
        }
    }

    /// The word in JSON for what the name stands for.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Table(_) => "table",
            Self::View(_) => "view",
            Self::Index(_) => "index",
            Self::TableOf(_) => "table_of_index",
            Self::IndexesOf(_) => "indexes_of_table",
        }
    }
}

impl fmt::Display for Locked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(name) | Self::View(name) => f.write_str(name),
            Self::Index(name) => write!(f, "index {name}"),
            Self::TableOf(name) => write!(f, "the table of index {name}"),
            Self::IndexesOf(name) => write!(f, "the indexes of {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stronger_modes_block_more() {
        for pair in LockMode::ALL.windows(2) {
            assert!(pair[0] < pair[1] && pair[0].blocks() <= pair[1].blocks());
        }
    }
}
