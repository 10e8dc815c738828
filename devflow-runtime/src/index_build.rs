//! How far the server has come with an index.

use crate::session::Row;
use crate::shown::shown;
use std::fmt;

/// How far the server has come with building an index, as `pg_stat_progress_create_index` says it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IndexBuild {
    /// `CREATE INDEX CONCURRENTLY`, `REINDEX` …
    pub command: String,
    /// The table.
    pub table: String,
    /// The index, where the server says it: a build that is not concurrent has none to show yet.
    pub index: Option<String>,
    /// What the server is doing, in its own words: `building index: scanning table`, `waiting for old snapshots` …
    pub phase: String,
    /// The transactions that this phase waits for.
    pub lockers: Count,
    /// The server process of the one that it waits for now.
    pub current_locker: Option<i32>,
    /// The table's or index's blocks in this phase.
    pub blocks: Count,
    /// The rows in this phase.
    pub tuples: Count,
    /// The partitions of a partitioned table.
    pub partitions: Count,
}

/// So many of so many; both are 0 where the phase does not count them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Count {
    /// How many are done.
    pub done: u64,
    /// How many there are.
    pub total: u64,
}

impl IndexBuild {
    /// The query for the build of the sessions that `own` picks of `pg_stat_activity a`; its rows begin with a tag.
    /// PostgreSQL 13 to 18 have the same columns.
    pub(crate) fn query(tag: &str, own: &str) -> String {
        format!(
            "SELECT '{tag}', p.command, p.relid::regclass, nullif(p.index_relid, 0)::regclass, p.phase, \
             nullif(p.current_locker_pid, 0), p.lockers_done, p.lockers_total, p.blocks_done, p.blocks_total, \
             p.tuples_done, p.tuples_total, p.partitions_done, p.partitions_total \
             FROM pg_stat_activity a JOIN pg_stat_progress_create_index p ON p.pid = a.pid \
             WHERE {own} AND p.datname = current_database()"
        )
    }

    /// From a row of that query; `None` where the role may not see it.
    pub(crate) fn of(row: &Row) -> Option<Self> {
        let field = |index| row.get(index).map(str::to_owned);
        Some(Self {
            command: field(1)?,
            table: field(2)?,
            index: field(3),
            phase: field(4)?,
            current_locker: row.get(5).and_then(|pid| pid.parse().ok()),
            lockers: Count::of(row, 6),
            blocks: Count::of(row, 8),
            tuples: Count::of(row, 10),
            partitions: Count::of(row, 12),
        })
    }

    /// What this phase counts: what an earlier one counted stays in the view.
    fn counted(&self) -> (&'static str, Count) {
        match self.phase.as_str() {
            phase if phase.starts_with("waiting") => ("transactions", self.lockers),
            phase if phase.contains("tuples") => ("rows", self.tuples),
            _ => ("blocks", self.blocks),
        }
    }
}

impl Count {
    fn of(row: &Row, index: usize) -> Self {
        let number = |index| row.get(index).and_then(|number| number.parse().ok());
        Self {
            done: number(index).unwrap_or_default(),
            total: number(index + 1).unwrap_or_default(),
        }
    }

    fn percent(self) -> u64 {
        let percent = u128::from(self.done) * 100 / u128::from(self.total.max(1));
        u64::try_from(percent.min(100)).unwrap_or(100)
    }
}

impl fmt::Display for IndexBuild {
    /// What others wrote is made harmless: anybody may call a table anything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = self.index.as_ref().unwrap_or(&self.table);
        write!(f, "{} {}: {}", self.command, shown(of), self.phase)?;
        let (what, count) = self.counted();
        let Count { done, total } = count;
        if total > 0 {
            write!(f, ", {done} of {total} {what} ({} %)", count.percent())?;
        }
        if let (Some(pid), "transactions") = (self.current_locker, what) {
            write!(f, ", now for server process {pid}")?;
        }
        match self.partitions {
            Count { total: 0, .. } => Ok(()),
            Count { done, total } => write!(f, ", {done} of {total} partitions"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_the_phase_counts() {
        let mut build = IndexBuild {
            command: "CREATE INDEX CONCURRENTLY".to_owned(),
            table: "public.users".to_owned(),
            index: Some("public.users_by\u{1b}_email".to_owned()),
            phase: "building index: scanning table".to_owned(),
            lockers: Count { done: 2, total: 2 },
            current_locker: Some(123),
            blocks: Count {
                done: 1200,
                total: 3000,
            },
            tuples: Count { done: 5, total: 10 },
            partitions: Count::default(),
        };
        let named = "CREATE INDEX CONCURRENTLY public.users_by\\u{1b}_email";
        let expected =
            format!("{named}: building index: scanning table, 1200 of 3000 blocks (40 %)");
        assert_eq!(build.to_string(), expected);
        build.phase = "building index: loading tuples in tree".to_owned();
        assert!(
            build.to_string().ends_with(", 5 of 10 rows (50 %)"),
            "{build}"
        );
        build.phase = "waiting for old snapshots".to_owned();
        build.lockers = Count { done: 0, total: 1 };
        let waits =
            "waiting for old snapshots, 0 of 1 transactions (0 %), now for server process 123";
        assert!(build.to_string().ends_with(waits), "{build}");
        (build.index, build.lockers, build.current_locker) = (None, Count::default(), None);
        build.partitions = Count { done: 3, total: 8 };
        let whole =
            "CREATE INDEX CONCURRENTLY public.users: waiting for old snapshots, 3 of 8 partitions";
        assert_eq!(build.to_string(), whole);
    }
}
