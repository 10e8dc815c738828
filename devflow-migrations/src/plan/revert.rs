//! Planning to undo migrations by their down files.

use super::resume::resume;
use super::{Plan, Policy, Step, Verb, damages, drift, half_done, half_done_kind, on_file};
use crate::finding::{Finding, FindingKind, Obstacle, Severity};
use crate::ledger::{Ledger, VersionHistory};
use crate::migration::Migration;
use crate::set::MigrationSet;
use crate::version::Version;
use std::sync::Arc;

/// Plans to undo every applied migration that is newer than `to`, newest first; without `to`, the newest one.
///
/// Whatever keeps one of them from being undone is a refused finding: it is done as a whole or not begun. A half-done
/// file or a damaged ledger stops it wherever it is.
#[must_use]
pub fn plan_revert(set: &MigrationSet, ledger: &Ledger, to: Option<&Version>) -> Plan {
    let mut plan = Plan {
        verb: Verb::Revert,
        findings: damages(ledger),
        last_id: ledger.last_id(),
        policy: Policy::default(),
        ..Plan::default()
    };
    for (version, history) in ledger.iter().filter(|(_, history)| history.is_half_done()) {
        plan.findings
            .push(unfinished(version, history, set.get(version)));
    }
    let applied = || {
        ledger
            .iter()
            .filter(|(_, history)| history.event().is_applied())
    };
    plan.applied = applied().count();
    let newer = applied().rev();
    let newer = newer.take_while(|(version, _)| to.is_none_or(|to| *version > to));
    for (version, history) in newer.take(if to.is_none() { 1 } else { usize::MAX }) {
        plan.undo(version, history, set.get(version));
    }
    plan
}

impl Plan {
    fn undo(
        &mut self,
        version: &Version,
        history: &VersionHistory,
        migration: Option<&Arc<Migration>>,
    ) {
        let Some(migration) = migration else {
            return self.findings.push(without_file(version, history));
        };
        self.findings.extend(drift(migration, history));
        let refuse = |kind| on_file(migration, kind, Severity::Refused);
        match migration.down() {
            None => self.findings.push(refuse(FindingKind::NoDownFile)),
            Some(down) if !down.mode().is_atomic() => {
                self.findings.push(refuse(FindingKind::DownOutside {
                    path: down.path().to_owned(),
                }));
            }
            Some(down) => self.steps.push(Step {
                migration: Arc::clone(down),
                seq: history.next_seq(),
                resume: None,
            }),
        }
    }
}

fn without_file(version: &Version, history: &VersionHistory) -> Finding {
    let name = history.last().and_then(|row| row.name.clone());
    Finding {
        kind: FindingKind::NoFile { name },
        severity: Severity::Refused,
        version: version.to_string(),
        path: None,
    }
}

fn unfinished(
    version: &Version,
    history: &VersionHistory,
    migration: Option<&Arc<Migration>>,
) -> Finding {
    match migration {
        Some(migration) => Finding {
            severity: Severity::Refused,
            ..half_done(migration, history, resume(migration, history).err())
        },
        None => Finding {
            kind: half_done_kind(history, None, Some(Obstacle::FileGone)),
            severity: Severity::Refused,
            version: version.to_string(),
            path: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ledger, migration, outcome};
    use super::*;
    use crate::migration::Mode;

    /// The migrations whose versions are listed: with `-`, without a down file; with `!`, with one outside a
    /// transaction.
    fn set(files: &str) -> MigrationSet {
        let reversible = |word: &str| {
            let version = word.trim_end_matches(['-', '!']);
            let mut down = migration(version);
            down.path = format!("migrations/{version}_m.down.sql").into();
            if word.ends_with('!') {
                down.mode = Mode::NoTransaction;
            }
            Migration {
                down: (!word.ends_with('-')).then(|| Arc::new(down)),
                ..migration(version)
            }
        };
        MigrationSet::new(files.split_whitespace().map(reversible).collect()).unwrap()
    }

    #[track_caller]
    fn expect(files: &str, rows: &[&str], to: &str, expected: &str) {
        let to = Version::parse(to).ok();
        let plan = plan_revert(&set(files), &ledger(rows), to.as_ref());
        let down = |step: &Step| step.migration.path().ends_with(".down.sql");
        assert!(plan.steps().iter().all(down));
        assert_eq!(outcome(&plan), expected, "{files:?} {rows:?} to {to:?}");
    }

    const THREE: [&str; 3] = ["1 applied", "2 baselined", "3 applied"];

    #[test]
    fn the_newest_is_undone_or_all_that_are_newer_newest_first() {
        expect("1 2 3 4", &THREE, "", "applied 3, 3#2");
        expect("1 2 3 4", &THREE, "1", "applied 3, 3#2, 2#2");
        expect("1 2 3 4", &THREE, "0", "applied 3, 3#2, 2#2, 1#2");
        expect("1 2 3 4", &THREE, "3", "applied 3");
        expect("1", &[], "", "applied 0");
        let again = ["1 applied", "1 reverted", "1 applied"];
        expect("1", &again, "", "applied 1, 1#4");
        expect(
            "1 2",
            &["1 applied", "2 applied", "2 reverted"],
            "",
            "applied 1, 1#2",
        );
    }

    #[test]
    fn what_cannot_be_undone_is_named_all_at_once() {
        let all = "applied 3, !no_file 3, !no_down_file 2, !down_outside_transaction 1";
        expect("1! 2-", &THREE, "0", all);
        expect("1! 2-", &THREE, "2", "applied 3, !no_file 3");
        expect(
            "1 2",
            &["1 applied", "2 applied edited"],
            "",
            "applied 2, 2#2, !modified 2",
        );
        expect(
            "1 2",
            &["1 applied edited", "2 applied"],
            "",
            "applied 2, 2#2",
        );
        expect(
            "1",
            &["1 applied renamed"],
            "",
            "applied 1, 1#2, ?renamed 1",
        );
    }

    #[test]
    fn a_half_done_file_and_a_damaged_ledger_stop_it_wherever_they_are() {
        let rows = ["1 started", "2 applied", "3 failed 1"];
        expect(
            "1 2",
            &rows,
            "",
            "applied 1, 2#2, !half_done 1, !half_done 3",
        );
        let rows = ["1 applied", "1 applied", "2 applied"];
        expect("1 2", &rows, "", "applied 2, 2#2, !ledger_damaged 1");
    }
}
