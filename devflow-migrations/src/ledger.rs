//! What the ledger's rows say, version by version.

use crate::event::LedgerEvent;
use crate::supabase::Adoption;
use crate::unit::{Fingerprint, Progress};
use crate::version::Version;
use std::collections::BTreeMap;

/// One row of the ledger, as read.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerRow {
    /// The order of events.
    pub id: i64,
    /// The version as the row spells it.
    pub version: String,
    /// 1, 2, 3 … within the version.
    pub seq: i32,
    /// The event's word.
    pub event: String,
    /// The file's name as it was then.
    pub name: Option<String>,
    /// The file's checksum as it was then, in hex.
    pub checksum: Option<String>,
    /// Outside a transaction: how many statements are known complete.
    pub statement: Option<i32>,
    /// How long the server took, in milliseconds.
    pub execution_ms: Option<f64>,
    /// The error, as JSON.
    pub error: Option<String>,
    /// Who ran it, as JSON.
    pub run: Option<String>,
    /// What later features need, as JSON.
    pub detail: Option<String>,
    /// Outside a transaction: what `detail` says of the file's statements.
    pub progress: Option<Progress>,
    /// The newest migration that a build must have at least to work beside this one, by what `detail` says.
    pub compatible_with: Option<Version>,
    /// When, in UTC, as the server says: `2026-01-31T09:05:07.123456Z`.
    pub at: String,
}

/// The ledger, read and checked.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    versions: BTreeMap<Version, VersionHistory>,
    damages: Vec<Damage>,
    adoptions: Vec<Adoption>,
    last_id: i64,
}

/// The events of one version, oldest first; never empty.
#[derive(Debug, Clone)]
pub struct VersionHistory {
    rows: Vec<(LedgerEvent, LedgerRow)>,
}

/// Rows that no run of devflow can have written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The version as the row spells it.
    pub version: String,
    /// The row; 0 for one of another table.
    pub id: i64,
    /// What is wrong with it: one sentence, lower case, no full stop.
    pub message: String,
}

impl Ledger {
    /// Groups the rows by version and checks each version's events against the state machine.
    #[must_use]
    pub fn from_rows(mut rows: Vec<LedgerRow>) -> Self {
        rows.sort_by_key(|row| (row.seq, row.id));
        let mut ledger = Self {
            last_id: rows.iter().map(|row| row.id).max().unwrap_or(0),
            ..Self::default()
        };
        for row in rows {
            ledger.add(row);
        }
        ledger
    }

    fn add(&mut self, row: LedgerRow) {
        let Ok(version) = Version::parse(&row.version) else {
            return self.damage(&row, format!("{:?} is not a version", row.version));
        };
        let Some(event) = LedgerEvent::parse(&row.event) else {
            return self.damage(&row, format!("{:?} is not an event", row.event));
        };
        let history = self.versions.get(&version);
        let last = history.map(VersionHistory::event);
        let expected = history.map_or(1, VersionHistory::next_seq);
        if row.seq != expected {
            self.damage(
                &row,
                format!("seq is {} where {expected} was expected", row.seq),
            );
        } else if !event.may_follow(last) {
            let last = last.map_or("nothing", LedgerEvent::as_str);
            self.damage(&row, format!("{event} cannot follow {last}"));
        }
        self.versions
            .entry(version)
            .or_insert_with(|| VersionHistory { rows: Vec::new() })
            .rows
            .push((event, row));
    }

    fn damage(&mut self, row: &LedgerRow, message: String) {
        self.damaged(Damage {
            version: row.version.clone(),
            id: row.id,
            message,
        });
    }

    pub(crate) fn damaged(&mut self, damage: Damage) {
        self.damages.push(damage);
    }

    /// Takes over what another history says, as if it had been written already.
    pub(crate) fn adopt(&mut self, adoption: Adoption) {
        self.add(adoption.row());
        self.adoptions.push(adoption);
    }

    /// What it says that its table does not yet: the rows to be appended before any other.
    #[must_use]
    pub fn adoptions(&self) -> &[Adoption] {
        &self.adoptions
    }

    /// The events of this version.
    #[must_use]
    pub fn get(&self, version: &Version) -> Option<&VersionHistory> {
        self.versions.get(version)
    }

    /// Every version with its events, oldest version first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Version, &VersionHistory)> {
        self.versions.iter()
    }

    /// The newest version that is in the database.
    #[must_use]
    pub fn newest_applied(&self) -> Option<&Version> {
        self.versions
            .iter()
            .rev()
            .find(|(_, history)| history.event().is_applied())
            .map(|(version, _)| version)
    }

    /// The rows that no run of devflow can have written.
    #[must_use]
    pub fn damages(&self) -> &[Damage] {
        &self.damages
    }

    /// The newest row's id; 0 when there is none.
    #[must_use]
    pub fn last_id(&self) -> i64 {
        self.last_id
    }

    /// Whether it has no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.versions.is_empty() && self.damages.is_empty()
    }
}

impl VersionHistory {
    /// The last event, which is the version's state.
    #[must_use]
    pub fn event(&self) -> LedgerEvent {
        self.rows
            .last()
            .map_or(LedgerEvent::Reverted, |(event, _)| *event)
    }

    /// The last row.
    #[must_use]
    pub fn last(&self) -> Option<&LedgerRow> {
        self.rows.last().map(|(_, row)| row)
    }

    /// Every row, oldest first.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = (LedgerEvent, &LedgerRow)> {
        self.rows.iter().map(|(event, row)| (*event, row))
    }

    /// The newest migration that a build must have at least to work beside this one, as its file said when it was applied.
    #[must_use]
    pub fn compatible_with(&self) -> Option<&Version> {
        let taken = [LedgerEvent::Applied, LedgerEvent::Baselined];
        let mut rows = self.rows().rev();
        let (_, row) = rows.find(|(event, _)| taken.contains(event))?;
        row.compatible_with.as_ref()
    }

    /// The `seq` that the next row must have.
    #[must_use]
    pub fn next_seq(&self) -> i32 {
        self.rows
            .last()
            .map_or(1, |(_, row)| row.seq.saturating_add(1))
    }

    /// Whether a file outside a transaction began and has no end: something of it may have taken effect.
    #[must_use]
    pub fn is_half_done(&self) -> bool {
        let in_flight = |row: &LedgerRow| {
            row.progress
                .as_ref()
                .is_some_and(|progress| progress.in_flight.is_some())
        };
        match self.event() {
            LedgerEvent::Started | LedgerEvent::Progress => true,
            LedgerEvent::Failed => self.statements_done() > 0 || self.last().is_some_and(in_flight),
            LedgerEvent::Applied
            | LedgerEvent::Baselined
            | LedgerEvent::Repaired
            | LedgerEvent::Reverted => false,
        }
    }

    /// The fingerprints of the file's first statements as they were when the last run of it began.
    pub(crate) fn fingerprints(&self) -> &[Fingerprint] {
        let mut progress = self
            .rows
            .iter()
            .rev()
            .filter_map(|(_, row)| row.progress.as_ref());
        progress
            .find(|progress| !progress.statements.is_empty())
            .map_or(&[], |progress| &progress.statements)
    }

    /// How many statements of a file outside a transaction are known complete.
    #[must_use]
    pub fn statements_done(&self) -> i32 {
        self.last().and_then(|row| row.statement).unwrap_or(0)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn row(id: i64, version: &str, seq: i32, event: &str) -> LedgerRow {
        LedgerRow {
            id,
            version: version.to_owned(),
            seq,
            event: event.to_owned(),
            name: None,
            checksum: None,
            statement: None,
            execution_ms: None,
            error: None,
            run: None,
            detail: None,
            progress: None,
            compatible_with: None,
            at: "2026-01-31T09:05:07.000000Z".to_owned(),
        }
    }

    fn damages(rows: Vec<LedgerRow>) -> Vec<String> {
        Ledger::from_rows(rows)
            .damages()
            .iter()
            .map(|damage| damage.message.clone())
            .collect()
    }

    #[test]
    fn the_state_is_the_last_event() {
        let ledger = Ledger::from_rows(vec![
            row(1, "1", 1, "failed"),
            row(3, "1", 2, "applied"),
            row(2, "2", 1, "applied"),
        ]);
        let one = ledger.get(&Version::parse("1").unwrap()).unwrap();
        assert_eq!((one.event(), one.next_seq()), (LedgerEvent::Applied, 3));
        assert_eq!(ledger.newest_applied().unwrap().as_str(), "2");
        assert_eq!(ledger.last_id(), 3);
        assert!(ledger.damages().is_empty());
    }

    #[test]
    fn an_odd_spelling_is_the_same_version() {
        let ledger =
            Ledger::from_rows(vec![row(1, "0001", 1, "failed"), row(2, "1", 2, "applied")]);
        assert_eq!(ledger.iter().count(), 1);
        assert!(ledger.damages().is_empty());
    }

    #[test]
    fn impossible_rows_are_damage() {
        assert_eq!(
            damages(vec![row(1, "1", 2, "applied")]),
            ["seq is 2 where 1 was expected"]
        );
        assert_eq!(
            damages(vec![row(1, "1", 1, "applied"), row(2, "1", 2, "applied")]),
            ["applied cannot follow applied"]
        );
        assert_eq!(
            damages(vec![row(1, "x", 1, "applied")]),
            ["\"x\" is not a version"]
        );
        assert_eq!(
            damages(vec![row(1, "1", 1, "dirty")]),
            ["\"dirty\" is not an event"]
        );
    }
}
