//! The planning rules as a table.

use super::*;
use crate::checksum::Checksum;
use crate::event::LedgerEvent;
use crate::ledger::LedgerRow;
use crate::ledger::tests::row;
use crate::settings::LedgerKind;
use crate::tables::Tables;
use crate::text::{Span, Text};
use std::borrow::Cow;

/// The strict policies.
pub(super) const STRICT: Policy = Policy {
    out_of_order: OutOfOrder::Refuse,
    ahead: Ahead::Refuse,
    missing: Missing::Refuse,
};

/// The lenient ones.
pub(super) const LENIENT: Policy = Policy {
    out_of_order: OutOfOrder::Allow,
    ahead: Ahead::Warn,
    missing: Missing::Warn,
};

/// A migration `<version>_m.sql` of two statements; its text is its version's.
pub(crate) fn migration(version: &str) -> Migration {
    let text = format!("select {version}; select 2;");
    let path = format!("migrations/{version}_m.sql");
    Migration {
        statements: Cow::Borrowed(&[Span { start: 0, end: 8 }, Span { start: 10, end: 18 }]),
        ..Migration::unchecked(path, text).unwrap()
    }
}

/// A migration outside a transaction, read as a file is.
#[cfg(feature = "check")]
pub(crate) fn outside(version: &str, text: &str) -> Migration {
    let text = format!("-- devflow: no-transaction\n{text}");
    let own = Version::parse(version).unwrap();
    let checked = crate::check::check(&text, &own, LedgerKind::Devflow)
        .unwrap_or_else(|faults| panic!("{faults:?}"));
    Migration {
        checksum: Checksum::of(&text),
        text: Text::from_bytes(text.into_bytes()).unwrap(),
        mode: checked.mode,
        statements: Cow::Owned(checked.statements),
        actions: checked.actions,
        ..migration(version)
    }
}

/// A set of the migrations whose versions are listed.
fn set(versions: &str) -> MigrationSet {
    MigrationSet::new(versions.split_whitespace().map(migration).collect()).unwrap()
}

/// A ledger of `version event` rows, in the order of their ids, written by runs of [`migration`].
///
/// A third word is the number of complete statements, `edited` for another checksum, `renamed` for another name,
/// `=version` for that version's checksum, or `>=version` for the builds that it works with.
pub(crate) fn ledger(rows: &[&str]) -> Ledger {
    let mut ledger: Vec<LedgerRow> = Vec::new();
    for spec in rows {
        let words: Vec<_> = spec.split(' ').collect();
        let id = ledger.len() as i64 + 1;
        let earlier = ledger.iter().filter(|row| row.version == words[0]).count();
        let mut row = row(id, words[0], earlier as i32 + 1, words[1]);
        row.name = Some(format!("{}_m.sql", words[0]));
        row.checksum = Version::parse(words[0])
            .ok()
            .map(|_| migration(words[0]).checksum.to_string());
        match words.get(2) {
            None => {}
            Some(&"edited") => row.checksum = Some(Checksum::of("before").to_string()),
            Some(&"renamed") => row.name = Some(format!("{}_before.sql", words[0])),
            Some(word) => match (word.strip_prefix('='), word.strip_prefix(">=")) {
                (Some(twin), _) => row.checksum = Some(migration(twin).checksum.to_string()),
                (_, Some(oldest)) => row.compatible_with = Some(Version::parse(oldest).unwrap()),
                _ => row.statement = Some(word.parse().unwrap()),
            },
        }
        ledger.push(row);
    }
    Ledger::from_rows(ledger)
}

/// What the plan says in a few words: `applied N`, the steps as `version#seq`, the withheld, the findings.
pub(super) fn outcome(plan: &Plan) -> String {
    let mut words = vec![format!("applied {}", plan.applied())];
    let step = |step: &Step| format!("{}#{}", step.migration.version(), step.seq);
    words.extend(plan.steps().iter().map(step));
    let withheld = |migration: &Arc<Migration>| format!("withheld {}", migration.version());
    words.extend(plan.withheld().iter().map(withheld));
    words.extend(plan.findings().iter().map(|finding| {
        let mark = match finding.severity {
            Severity::Refused => "!",
            Severity::Warning => "?",
        };
        format!("{mark}{} {}", finding.code(), finding.version)
    }));
    words.join(", ")
}

#[track_caller]
fn expect(files: &str, rows: &[&str], policy: Policy, target: Option<&str>, expected: &str) {
    let target = target.map(|target| Version::parse(target).unwrap());
    let plan = plan(&set(files), &ledger(rows), policy, target.as_ref());
    let found = outcome(&plan);
    assert_eq!(found, expected, "files {files:?}, ledger {rows:?}");
    let refused = expected.contains('!');
    assert_eq!(plan.refused().next().is_some(), refused);
    assert_eq!(plan.into_clean().is_err(), refused, "{found}");
}

#[track_caller]
fn strict(files: &str, rows: &[&str], expected: &str) {
    expect(files, rows, STRICT, None, expected);
}

#[test]
fn what_is_not_in_the_database_is_pending_oldest_first() {
    strict("", &[], "applied 0");
    strict("10 9 1.10 1.9", &[], "applied 0, 1.9#1, 1.10#1, 9#1, 10#1");
    strict("1 2 3", &["1 applied"], "applied 1, 2#1, 3#1");
    strict("1 2", &["1 baselined", "2 applied"], "applied 2");
    strict("1", &["1 applied edited", "1 repaired"], "applied 1");
}

#[test]
fn a_failed_or_reverted_migration_is_pending_at_its_next_seq() {
    strict("1 2", &["1 applied", "2 failed"], "applied 1, 2#2");
    strict("1", &["1 failed", "1 failed"], "applied 0, 1#3");
    strict("1", &["1 failed 0"], "applied 0, 1#2");
    strict("1", &["1 applied", "1 reverted"], "applied 0, 1#3");
    strict("1", &["1 failed edited"], "applied 0, 1#2");
    strict("1", &["1 started 1", "1 reverted"], "applied 0, 1#3");
    strict("1", &["1 failed 1", "1 reverted"], "applied 0, 1#3");
}

#[test]
fn nothing_beyond_the_target_is_a_step() {
    let target = |target, rows: &[&str], expected| {
        expect("1 2 3", rows, STRICT, Some(target), expected);
    };
    target("2", &[], "applied 0, 1#1, 2#1, withheld 3");
    target("2", &["1 applied", "2 applied"], "applied 2, withheld 3");
    target("3", &["1 applied"], "applied 1, 2#1, 3#1");
    target("0", &[], "applied 0, withheld 1, withheld 2, withheld 3");
    target(
        "1",
        &["3 applied"],
        "applied 1, 1#1, withheld 2, !out_of_order 1",
    );
    target(
        "1",
        &["1 applied", "2 applied edited"],
        "applied 2, withheld 3, !modified 2",
    );
    target(
        "1",
        &["1 applied", "3 started"],
        "applied 1, withheld 2, !half_done 3",
    );
}

#[test]
fn a_late_file_is_refused_or_applied() {
    let rows = ["1 applied", "3 applied"];
    expect(
        "1 2 3",
        &rows,
        STRICT,
        None,
        "applied 2, 2#1, !out_of_order 2",
    );
    expect(
        "1 2 3",
        &rows,
        LENIENT,
        None,
        "applied 2, 2#1, ?out_of_order 2",
    );
    strict("2 3", &["3 failed"], "applied 0, 2#1, 3#2");
    strict("2 3", &["3 applied", "3 reverted"], "applied 0, 2#1, 3#3");
    strict("9 10", &["10 applied"], "applied 1, 9#1, !out_of_order 9");
}

#[test]
fn an_edited_file_is_refused_under_every_policy() {
    for policy in [STRICT, LENIENT] {
        expect(
            "1",
            &["1 applied edited"],
            policy,
            None,
            "applied 1, !modified 1",
        );
        expect(
            "1",
            &["1 baselined edited"],
            policy,
            None,
            "applied 1, !modified 1",
        );
        expect(
            "1",
            &["1 applied", "1 repaired edited"],
            policy,
            None,
            "applied 1, !modified 1",
        );
    }
}

#[test]
fn a_renamed_file_is_the_same_migration() {
    strict("1 2", &["1 applied renamed"], "applied 1, 2#1, ?renamed 1");
    strict("1", &["1 failed renamed"], "applied 0, 1#2");
}

#[test]
fn a_migration_without_its_file_is_missing_or_ahead() {
    let lenient = |files, rows: &[&str], expected| expect(files, rows, LENIENT, None, expected);
    strict("2", &["1 applied", "2 applied"], "applied 1, !missing 1");
    lenient("2", &["1 baselined", "2 applied"], "applied 1, ?missing 1");
    strict("1", &["1 applied", "2 applied"], "applied 1, !ahead 2");
    lenient("1", &["1 applied", "2 applied"], "applied 1, ?ahead 2");
    strict(
        "",
        &["1 applied", "2 baselined"],
        "applied 0, !ahead 1, !ahead 2",
    );
    lenient("", &["1 applied"], "applied 0, ?ahead 1");
    let compatible = Policy {
        ahead: Ahead::CompatibleOnly,
        ..STRICT
    };
    let compatible =
        |files, rows: &[&str], expected| expect(files, rows, compatible, None, expected);
    compatible("", &["1 applied >=0"], "applied 0, !ahead 1");
    compatible("1", &["1 applied", "2 applied"], "applied 1, !ahead 2");
    let both = ["1 applied", "2 applied >=1", "3 applied >=2"];
    compatible("1", &both, "applied 1, ?ahead 2, !ahead 3");
    compatible("1 2", &both, "applied 2, ?ahead 3");
    compatible("1", &["1 applied", "2 baselined"], "applied 1, !ahead 2");
    let again = ["1 applied", "2 applied >=1", "2 reverted", "2 applied"];
    compatible("1", &again, "applied 1, !ahead 2");
    let repaired = ["1 applied", "2 applied >=1", "2 repaired"];
    compatible("1", &repaired, "applied 1, ?ahead 2");
}

#[test]
fn a_database_that_is_ahead_is_told_with_both_versions() {
    let message = |rows: &[&str]| {
        let policy = Policy {
            ahead: Ahead::CompatibleOnly,
            ..STRICT
        };
        let plan = plan(&set("1 2"), &ledger(rows), policy, None);
        let finding = plan.findings().last().unwrap().clone();
        (finding.to_string(), finding.help())
    };
    let ahead = "the database is ahead: 3_m.sql is applied and newer than every migration here, of which 2 is the newest";
    let (said, help) = message(&["1 applied", "2 applied", "3 applied"]);
    assert_eq!(
        said,
        format!("{ahead}; it does not say that older builds work beside it")
    );
    assert!(help.unwrap().ends_with("`-- devflow: compatible-with 2`"));
    let (said, help) = message(&["1 applied", "2 applied", "3 applied >=2.5"]);
    assert_eq!(
        said,
        format!("{ahead}; builds that have 2.5 work beside it")
    );
    assert!(
        help.unwrap()
            .starts_with("use a build whose newest migration is 2.5 or later")
    );
    let (_, help) = message(&["1 applied", "2 applied", "3 applied >=2"]);
    assert_eq!(help, None);
}

#[test]
fn what_never_took_effect_needs_no_file() {
    strict("2", &["1 failed", "3 failed 0"], "applied 0, 2#1");
    strict("2", &["1 applied", "1 reverted"], "applied 0, 2#1");
}

#[test]
fn a_half_done_file_is_refused_under_every_policy() {
    for policy in [STRICT, LENIENT] {
        let half_done = |row| expect("1 2", &[row], policy, None, "applied 0, 2#1, !half_done 1");
        half_done("1 started");
        half_done("1 started 0");
        half_done("1 failed 1");
        expect("", &["1 started"], policy, None, "applied 0, !half_done 1");
        let rows = ["1 started 0", "1 progress 1"];
        expect("1", &rows, policy, None, "applied 0, !half_done 1");
    }
}

#[test]
fn a_half_done_file_says_how_far_it_came() {
    let plan = plan(
        &set("1"),
        &ledger(&["1 started 0", "1 progress 1"]),
        STRICT,
        None,
    );
    assert_eq!(
        plan.findings()[0].kind,
        FindingKind::HalfDone {
            event: LedgerEvent::Progress,
            done: 1,
            statements: Some(2),
            at: "2026-01-31T09:05:07.000000Z".to_owned(),
            error: None,
            obstacle: Some(Obstacle::NotRecorded),
        }
    );
}

#[test]
fn a_damaged_ledger_is_refused_under_every_policy() {
    for policy in [STRICT, LENIENT] {
        let damaged = |row, expected| expect("1", &[row], policy, None, expected);
        damaged("x applied", "applied 0, 1#1, !ledger_damaged x");
        damaged("1 dirty", "applied 0, 1#1, !ledger_damaged 1");
        damaged("1 repaired", "applied 1, !ledger_damaged 1");
    }
}

#[test]
fn every_finding_is_told_at_once() {
    let rows = [
        "1 applied edited",
        "2 applied renamed",
        "3 applied",
        "5 started",
        "6 applied",
        "9 applied",
        "x applied",
    ];
    strict(
        "1 2 4 5 6 7",
        &rows,
        "applied 3, 4#1, 7#1, !ledger_damaged x, !modified 1, ?renamed 2, !missing 3, \
         !out_of_order 4, !half_done 5, !out_of_order 7, !ahead 9",
    );
    let lenient = "applied 3, 4#1, 7#1, !ledger_damaged x, !modified 1, ?renamed 2, ?missing 3, \
         ?out_of_order 4, !half_done 5, ?out_of_order 7, ?ahead 9";
    expect("1 2 4 5 6 7", &rows, LENIENT, None, lenient);
}

/// The file that the plan names as the missing migration's new name.
fn twin_of_missing(files: &str, rows: &[&str]) -> Option<String> {
    let plan = plan(&set(files), &ledger(rows), STRICT, None);
    plan.findings()
        .iter()
        .find_map(|finding| match &finding.kind {
            FindingKind::Missing { twin, .. } => Some(twin.clone()),
            _ => None,
        })?
}

#[test]
fn a_missing_file_is_recognised_under_its_new_version() {
    let renumbered = ["1 applied =3", "2 applied"];
    assert_eq!(
        twin_of_missing("2 3", &renumbered).as_deref(),
        Some("migrations/3_m.sql")
    );
    assert_eq!(twin_of_missing("2", &["1 applied", "2 applied"]), None);
}

#[test]
fn an_applied_file_is_nobodys_new_name() {
    let same_text = ["1 applied =2", "2 applied"];
    assert_eq!(twin_of_missing("2", &same_text), None);
}

fn locking(version: &str, tables: &'static str) -> Migration {
    Migration {
        tables: Tables::of(tables.to_owned()),
        ..migration(version)
    }
}

#[test]
fn several_strong_locks_are_warned_of_where_the_tables_exist_already() {
    let files = vec![
        migration("1"),
        locking("2", "+d\n!a\n!d\n"),
        locking("3", "!a\n!b\n"),
        locking("4", "!d\n!b\n"),
    ];
    let set = MigrationSet::new(files).unwrap();
    let found = |ledger| {
        let plan = plan(&set, &ledger, STRICT, None);
        let findings = plan.findings().iter();
        findings.map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        found(ledger(&["1 applied"])),
        [
            "migrations/3_m.sql locks 2 tables that exist already (a, b): while it waits for one of them, whoever uses \
             those before it waits too"
        ]
    );
    assert_eq!(found(Ledger::default()), [""; 0]);
}

#[test]
fn a_pending_file_without_a_statement_is_warned_of_until_it_is_applied() {
    let unwritten = Migration {
        statements: Cow::Borrowed(&[]),
        ..migration("2")
    };
    let set = MigrationSet::new(vec![migration("1"), unwritten]).unwrap();
    let found = |rows: &[&str]| {
        let plan = plan(&set, &ledger(rows), STRICT, None);
        let findings = plan.findings().iter();
        findings.map(Finding::code).collect::<Vec<_>>()
    };
    assert_eq!(found(&["1 applied"]), ["no_statements"]);
    assert_eq!(found(&["1 applied", "2 applied"]), [""; 0]);
}
