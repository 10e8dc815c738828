//! A slow link: how often a run waits for an answer.

use crate::history::{assert_sound, empty_ledger, migrator, run, tables};
use std::time::{Duration, Instant};
use support::{Counts, Project, Proxy, TestDatabase};

/// Applies a hundred migrations through a link with this delay each way.
fn migrate(database: &TestDatabase, delay: Duration) -> (Duration, Counts) {
    let project = tables(Project::new(), 100);
    let migrator = migrator(&project);
    let proxy = Proxy::start(database.server().address(), delay);
    let began = Instant::now();
    let report = run(migrator, &database.url_through(&proxy)).unwrap();
    let (elapsed, counts) = (began.elapsed(), proxy.counts());
    println!("{delay:?} each way: {elapsed:?}, {counts:?}");
    assert_eq!(counts.connections, 1);
    assert_eq!(report.steps.len(), 100);
    assert_sound(database);
    (elapsed, counts)
}

/// With a delay that is long beside the server's work, what a run takes longer is what it waited for: a wait for each
/// migration would be a hundred.
#[test]
fn a_new_database_waits_for_few_answers() {
    const DELAY: Duration = Duration::from_millis(50);
    let (_short, _counts) = migrate(&TestDatabase::create(), Duration::from_millis(5));
    let (without, _counts) = migrate(&TestDatabase::create(), Duration::ZERO);
    let (with, _counts) = migrate(&TestDatabase::create(), DELAY);
    let waits = with.saturating_sub(without).as_secs_f64() / (2 * DELAY).as_secs_f64();
    assert!(waits < 20.0, "about {waits} waits for 100 migrations");
}

#[test]
fn a_database_with_a_ledger_waits_once_for_each_migration() {
    let database = TestDatabase::create();
    empty_ledger(&database);
    let (_elapsed, counts) = migrate(&database, Duration::from_millis(5));
    let waits = counts.round_trips;
    assert!(
        (100..=110).contains(&waits),
        "{waits} round trips for 100 migrations"
    );
}
