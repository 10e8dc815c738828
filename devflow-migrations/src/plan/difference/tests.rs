use super::super::tests::ledger;
use super::*;

fn step(version: &str, checksum: &str) -> PlannedStep {
    PlannedStep {
        version: version.to_owned(),
        file: format!("{version}_m.sql"),
        checksum: checksum.to_owned(),
        mode: "transaction".to_owned(),
        resumed_after: None,
    }
}

fn approved() -> PlanContents {
    PlanContents {
        environment: "production".to_owned(),
        last_id: 1,
        steps: vec![step("2", "b"), step("3", "c")],
        ..PlanContents::default()
    }
}

/// The differences after an edit, with these rows in the ledger.
fn after(edit: impl FnOnce(&mut PlanContents), rows: &[&str]) -> Vec<String> {
    let mut found = approved();
    edit(&mut found);
    let differences = approved().differences(&found, &ledger(rows));
    let told = |difference: &Difference| format!("{}: {difference}", difference.code());
    differences.iter().map(told).collect()
}

#[test]
fn the_same_plan_has_none() {
    assert_eq!(after(|_| {}, &["1 applied"]), [""; 0]);
}

#[test]
fn each_difference_is_named() {
    let one = |edit: fn(&mut PlanContents), expected: &str| {
        let found = after(edit, &["1 applied"]);
        assert_eq!(found, [expected]);
    };
    one(
        |plan| plan.environment = String::new(),
        "setting: environment: approved for production, found none",
    );
    one(
        |plan| plan.steps[0].checksum = "x".to_owned(),
        "edited: 2_m.sql was edited: its checksum was b, and is x",
    );
    one(
        |plan| plan.steps[1] = step("1.5", "c"),
        "renamed: 3_m.sql is called 1.5_m.sql now",
    );
    one(
        |plan| plan.steps[0].file = "2_n.sql".to_owned(),
        "renamed: 2_m.sql is called 2_n.sql now",
    );
    one(
        |plan| plan.steps[0].resumed_after = Some(2),
        "mode: 2_m.sql was approved transaction, and would run transaction from behind statement 2",
    );
    one(
        |plan| plan.steps.push(step("4", "d")),
        "added: 4_m.sql was not part of it",
    );
    one(
        |plan| drop(plan.steps.remove(0)),
        "removed: 2_m.sql is not to be applied any more",
    );
    one(
        |plan| plan.last_id = 0,
        "ledger_lost_rows: the ledger's newest row was 1, and is 0: this is another ledger, or an older copy of it",
    );
}

#[test]
fn what_another_runner_did_in_between_is_named_once() {
    let edit = |plan: &mut PlanContents| {
        plan.steps.remove(0);
        plan.last_id = 3;
    };
    let found = after(edit, &["1 applied", "2 applied", "9 applied"]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].starts_with("done: 2_m.sql was applied in between, at "),
        "{found:?}"
    );
    assert!(
        found[1].starts_with("recorded: version 9 was applied in between, at "),
        "{found:?}"
    );
}
