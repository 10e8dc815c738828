//! A slow link: how often a run waits for an answer.

use crate::history::{assert_sound, empty_ledger, migrator, run, tables};
use std::time::Duration;
use support::{Counts, Project, Proxy, TestDatabase};

/// Applies a hundred migrations through a link with a delay, and counts.
fn migrate(database: &TestDatabase) -> Counts {
    let project = tables(Project::new(), 100);
    let migrator = migrator(&project);
    let proxy = Proxy::start(database.server().address(), Duration::from_millis(1));
    let report = run(migrator, &database.url_through(&proxy)).unwrap();
    let counts = proxy.counts();
    assert_eq!(counts.connections, 1);
    assert_eq!(report.steps.len(), 100);
    assert_sound(database);
    counts
}

#[test]
fn a_new_database_waits_for_few_answers() {
    let counts = migrate(&TestDatabase::create());
    let waits = counts.round_trips;
    assert!(waits < 20, "{waits} waits for 100 migrations");
}

#[test]
fn a_database_with_a_ledger_waits_once_for_each_migration() {
    let database = TestDatabase::create();
    empty_ledger(&database);
    let counts = migrate(&database);
    let waits = counts.round_trips;
    assert!(
        (100..=110).contains(&waits),
        "{waits} round trips for 100 migrations"
    );
}
