//! Every state and every decision, as a table.

use super::*;
use crate::plan::tests::{ledger, migration};
use crate::settings::TableName;

fn repair(version: &str, decision: Decision) -> Repair {
    Repair {
        version: Version::parse(version).unwrap(),
        decision,
    }
}

/// The row that a decision comes to, or the code of what speaks against it.
fn outcome(files: &str, rows: &[&str], decision: Decision) -> String {
    let files = files.split_whitespace().map(migration).collect();
    let set = MigrationSet::new(files).unwrap();
    match plan_repair(&set, &ledger(rows), &[repair("1", decision)]) {
        Ok(plan) => {
            let [row] = plan.corrections() else {
                panic!("{plan:?}")
            };
            assert!(
                row.after
                    .event
                    .may_follow(row.before.as_ref().map(|before| before.event))
            );
            assert_eq!(row.after.event, decision.event());
            format!("{}#{}", row.after.event, row.seq)
        }
        Err(unfit) => unfit[0].code().to_owned(),
    }
}

/// For each state: what `--applied`, `--not-applied` and `--checksum` come to, with the file and without.
const TABLE: [(&[&str], [&str; 3], [&str; 3]); 10] = [
    (
        &[],
        ["applied#1", "not_applied", "not_applied"],
        ["unknown_version", "unknown_version", "unknown_version"],
    ),
    (
        &["1 started 0"],
        ["applied#2", "reverted#2", "not_applied"],
        ["no_file", "reverted#2", "not_applied"],
    ),
    (
        &["1 started 0", "1 progress 1"],
        ["applied#3", "reverted#3", "not_applied"],
        ["no_file", "reverted#3", "not_applied"],
    ),
    (
        &["1 failed"],
        ["applied#2", "reverted#2", "not_applied"],
        ["no_file", "reverted#2", "not_applied"],
    ),
    (
        &["1 applied"],
        ["already_applied", "reverted#2", "checksum_unchanged"],
        ["already_applied", "reverted#2", "no_file"],
    ),
    (
        &["1 applied edited"],
        ["already_applied", "reverted#2", "repaired#2"],
        ["already_applied", "reverted#2", "no_file"],
    ),
    (
        &["1 applied renamed"],
        ["already_applied", "reverted#2", "repaired#2"],
        ["already_applied", "reverted#2", "no_file"],
    ),
    (
        &["1 baselined edited"],
        ["already_applied", "reverted#2", "repaired#2"],
        ["already_applied", "reverted#2", "no_file"],
    ),
    (
        &["1 applied", "1 repaired edited"],
        ["already_applied", "reverted#3", "repaired#3"],
        ["already_applied", "reverted#3", "no_file"],
    ),
    (
        &["1 applied", "1 reverted"],
        ["applied#3", "not_applied", "not_applied"],
        ["no_file", "not_applied", "not_applied"],
    ),
];

#[test]
fn every_state_and_decision_comes_to_a_row_or_says_why_not() {
    use Decision::{Applied, Checksum, NotApplied};
    for (rows, with_file, without) in TABLE {
        let all =
            |files| [Applied, NotApplied, Checksum].map(|decision| outcome(files, rows, decision));
        assert_eq!(all("1"), with_file, "{rows:?} with the file");
        assert_eq!(all("2"), without, "{rows:?} without it");
    }
}

#[test]
fn what_is_applied_has_the_file_as_it_is_now_and_what_is_not_the_recorded_one() {
    let set = MigrationSet::new(vec![migration("1"), migration("2")]).unwrap();
    let ledger = ledger(&["1 applied edited", "2 failed renamed", "3 started"]);
    let decisions = [
        repair("1", Decision::Checksum),
        repair("2", Decision::Applied),
        repair("3", Decision::NotApplied),
    ];
    let plan = plan_repair(&set, &ledger, &decisions).unwrap();
    let said: Vec<_> = plan.corrections().iter().map(|row| &row.after).collect();
    for (standing, version) in said.iter().zip(["1", "2", "3"]) {
        let file = migration(version);
        assert_eq!(standing.name.as_deref(), Some(file.file()));
        assert_eq!(standing.checksum, Some(file.checksum().to_string()));
    }
    let paths: Vec<_> = plan
        .corrections()
        .iter()
        .map(|row| row.path.is_some())
        .collect();
    assert_eq!(paths, [true, true, false]);
}

#[test]
fn all_are_carried_out_or_none_and_every_reason_is_told() {
    let set = MigrationSet::new(vec![migration("1")]).unwrap();
    let decisions = [
        repair("1", Decision::Applied),
        repair("1", Decision::NotApplied),
        repair("7", Decision::Applied),
    ];
    let unfit = plan_repair(&set, &Ledger::default(), &decisions).unwrap_err();
    let codes: Vec<_> = unfit.iter().map(Unfit::code).collect();
    assert_eq!(codes, ["decided_twice", "unknown_version"]);
}

#[test]
fn the_digest_covers_every_row_and_the_ledger_that_it_was_made_with() {
    let table = TableName::default();
    let digest = |rows: &[&str], decision| {
        let set = MigrationSet::new(vec![migration("1")]).unwrap();
        let plan = plan_repair(&set, &ledger(rows), &[repair("1", decision)]).unwrap();
        let place = PlanPlace {
            environment: "production",
            database: "app",
            system: "7300000000000000001",
            table: &table,
        };
        plan.digest(&place)
    };
    let failed = digest(&["1 failed"], Decision::Applied);
    assert_eq!(failed, digest(&["1 failed"], Decision::Applied));
    assert_ne!(failed, digest(&["1 failed"], Decision::NotApplied));
    assert_ne!(failed, digest(&["1 failed", "1 failed"], Decision::Applied));
}
