//! A start with nothing pending: one message after the log-in, no DDL, no lock.

use crate::history::{migrator, run, tables};
use devflow_runtime::{Migrator, Report};
use std::time::Duration;
use support::{Project, Proxy, TestDatabase};

/// Starts with nothing pending through a proxy, and holds what went through to what was promised.
fn assert_costs_one_message(database: &TestDatabase, migrator: Migrator, url: &str) -> Report {
    let proxy = Proxy::start(database.server().address(), Duration::from_millis(1));
    let logged = database.statements().len();
    let through = url::Url::parse(url).map(|mut url| {
        url.set_port(Some(proxy.port())).unwrap();
        url.to_string()
    });
    let report = run(migrator, &through.unwrap()).unwrap();
    let counts = proxy.counts();
    assert_eq!(
        (counts.connections, counts.messages, counts.round_trips),
        (1, 1, 1)
    );
    let read = counts.bytes_to_client;
    assert!(read < 1024, "{read} bytes read, the log-in included");
    let sent = database.statements().split_off(logged);
    assert_eq!(sent.len(), 1, "{sent:?}");
    for word in [
        "CREATE",
        "ALTER",
        "INSERT INTO",
        "LOCK TABLE",
        "advisory",
        "FOR UPDATE",
    ] {
        assert!(!sent[0].contains(word), "{word}: {}", sent[0]);
    }
    report
}

fn assert_nothing_pending(steps: usize) {
    let project = tables(Project::new(), steps);
    let database = TestDatabase::create();
    let report = run(migrator(&project), &database.url()).unwrap();
    assert_eq!(report.steps.len(), steps);
    let report = assert_costs_one_message(&database, migrator(&project), &database.url());
    assert_eq!(report.already_applied, steps);
    assert!(report.steps.is_empty() && report.pending.is_empty());
}

#[test]
fn a_start_with_nothing_pending_is_one_message() {
    assert_nothing_pending(3);
}

#[test]
fn a_start_with_nothing_pending_of_a_thousand_is_one_message_as_small() {
    assert_nothing_pending(1000);
}

#[test]
fn a_start_with_nothing_pending_needs_select_only() {
    let project = tables(Project::new(), 3);
    let database = TestDatabase::create();
    run(migrator(&project), &database.url()).unwrap();
    let reader = database.role("reader", "");
    database.execute(&format!("GRANT SELECT ON schema_migrations TO {reader}"));
    let report = assert_costs_one_message(&database, migrator(&project), &database.url_as(&reader));
    assert_eq!(report.already_applied, 3);
}
