//! devflow's ledger and the Supabase CLI's table, read as one. What is applied is what the table says; the ledger knows
//! the rest.

use super::{Likeness, Recorded};
use crate::event::LedgerEvent;
use crate::ledger::{Damage, Ledger, LedgerRow, VersionHistory};
use crate::set::MigrationSet;
use crate::version::Version;
use std::collections::BTreeMap;

/// A row that devflow's ledger lacks, because somebody else wrote to the Supabase CLI's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoption {
    /// The version.
    pub version: Version,
    /// The `seq` of the row.
    pub seq: i32,
    /// `baselined`, `applied` where a run of devflow's had begun it, or `reverted`.
    pub event: LedgerEvent,
    /// The file's name.
    pub name: Option<String>,
    /// The checksum of the file, or of another text where that is what was applied.
    pub checksum: Option<String>,
    /// How the CLI's row compares with the file.
    pub likeness: Likeness,
}

impl Ledger {
    /// The rows of the Supabase CLI's table that this ledger does not have as applied. Only of these are name and
    /// statements needed.
    pub fn unheard<'r>(&self, recorded: &'r [Recorded]) -> impl Iterator<Item = &'r str> {
        let versions = recorded.iter().map(|row| row.version.as_str());
        versions.filter(|text| {
            let version = Version::parse(text).ok();
            let history = version.and_then(|version| self.get(&version));
            !history.is_some_and(|history| history.event().is_applied())
        })
    }

    /// This ledger as it will be when it has taken over what the Supabase CLI's table says; see
    /// [`adoptions`](Self::adoptions).
    #[must_use]
    pub fn reconciled(mut self, set: &MigrationSet, recorded: &[Recorded]) -> Self {
        let mut rows = BTreeMap::new();
        for row in recorded {
            let complaint = match Version::parse(&row.version) {
                Err(_) => format!("{:?} is not a version", row.version),
                Ok(version) => match rows.insert(version, row) {
                    None => continue,
                    Some(twin) => format!("{} and {} are one version", twin.version, row.version),
                },
            };
            self.damaged(Damage {
                version: row.version.clone(),
                id: 0,
                message: format!("in supabase_migrations.schema_migrations {complaint}"),
            });
        }
        let gone = self.iter().filter(|(version, history)| {
            history.event().is_applied() && !rows.contains_key(*version)
        });
        let gone = gone.map(|(version, history)| Adoption::gone(version, history));
        let found = rows
            .iter()
            .filter_map(|(version, row)| Adoption::found(version, row, set, self.get(version)));
        let mut adoptions: Vec<_> = gone.chain(found).collect();
        adoptions.sort_by(|a, b| a.version.cmp(&b.version));
        for adoption in adoptions {
            self.adopt(adoption);
        }
        self
    }
}

impl Adoption {
    fn gone(version: &Version, history: &VersionHistory) -> Self {
        let last = history.last();
        Self {
            version: version.clone(),
            seq: history.next_seq(),
            event: LedgerEvent::Reverted,
            name: last.and_then(|row| row.name.clone()),
            checksum: last.and_then(|row| row.checksum.clone()),
            likeness: Likeness::Gone,
        }
    }

    /// `None` for a version that the ledger has as applied.
    fn found(
        version: &Version,
        row: &Recorded,
        set: &MigrationSet,
        history: Option<&VersionHistory>,
    ) -> Option<Self> {
        let event = match history.map(VersionHistory::event) {
            None | Some(LedgerEvent::Reverted) => LedgerEvent::Baselined,
            Some(event) if event.is_applied() => return None,
            Some(_) => LedgerEvent::Applied,
        };
        let file = set.get(version);
        let likeness = file.map_or(Likeness::Unknown, |file| row.likeness(file));
        let checksum = match likeness {
            Likeness::Differs => row.checksum(),
            _ => file.map(|file| file.checksum()),
        };
        let name = file.map(|file| file.file().to_owned());
        Some(Self {
            version: version.clone(),
            seq: history.map_or(1, VersionHistory::next_seq),
            event,
            name: row.file().or(name),
            checksum: checksum.map(|checksum| checksum.to_string()),
            likeness,
        })
    }

    /// As a row that has not been written: it has no id and no time yet.
    pub(crate) fn row(&self) -> LedgerRow {
        LedgerRow {
            id: 0,
            version: self.version.to_string(),
            seq: self.seq,
            event: self.event.as_str().to_owned(),
            name: self.name.clone(),
            checksum: self.checksum.clone(),
            statement: None,
            execution_ms: None,
            error: None,
            run: None,
            detail: None,
            progress: None,
            compatible_with: None,
            at: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::tests::row;
    use crate::plan::tests::migration;

    fn recorded(version: &str) -> Recorded {
        Recorded {
            version: version.to_owned(),
            ..Recorded::default()
        }
    }

    /// What the ledger takes over, `1 baselined unknown` each; the rows are `1 applied`, one a version.
    fn adopted(rows: &[&str], table: &[&str]) -> Vec<String> {
        let rows = rows.iter().enumerate().map(|(index, words)| {
            let (version, event) = words.split_once(' ').unwrap();
            row(index as i64 + 1, version, 1, event)
        });
        let set = MigrationSet::new(vec![migration("1"), migration("2")]).unwrap();
        let table: Vec<_> = table.iter().map(|version| recorded(version)).collect();
        let ledger = Ledger::from_rows(rows.collect()).reconciled(&set, &table);
        assert!(ledger.damages().is_empty());
        let adoptions = ledger.adoptions().iter();
        let told = adoptions.map(|adoption| {
            let history = ledger.get(&adoption.version).unwrap();
            assert_eq!(history.event(), adoption.event, "as if it were written");
            format!(
                "{} {} {}",
                adoption.version, adoption.event, adoption.likeness
            )
        });
        told.collect()
    }

    #[test]
    fn the_table_says_what_is_applied() {
        assert_eq!(adopted(&["1 applied"], &["001"]), [""; 0]);
        assert_eq!(adopted(&["1 baselined"], &["1"]), [""; 0]);
        assert_eq!(
            adopted(&[], &["2", "1"]),
            ["1 baselined unknown", "2 baselined unknown"]
        );
        assert_eq!(adopted(&[], &["7"]), ["7 baselined unknown"]);
        assert_eq!(adopted(&["1 started"], &["1"]), ["1 applied unknown"]);
        assert_eq!(adopted(&["1 failed"], &["1"]), ["1 applied unknown"]);
        assert_eq!(adopted(&["1 failed"], &[]), [""; 0]);
        assert_eq!(
            adopted(&["1 applied", "3 baselined"], &["2"]),
            ["1 reverted gone", "2 baselined unknown", "3 reverted gone"]
        );
    }

    #[test]
    fn what_is_no_version_or_twice_there_is_damage() {
        let table = ["1", "01", "x"].map(recorded);
        let ledger = Ledger::default().reconciled(&MigrationSet::default(), &table);
        let damages: Vec<_> = ledger
            .damages()
            .iter()
            .map(|damage| &damage.message)
            .collect();
        assert_eq!(damages.len(), 2);
        assert!(
            damages[0].ends_with("1 and 01 are one version"),
            "{}",
            damages[0]
        );
        assert!(
            damages[1].ends_with("\"x\" is not a version"),
            "{}",
            damages[1]
        );
        assert_eq!(ledger.unheard(&table).collect::<Vec<_>>(), ["x"]);
    }
}
