//! The example service beside a database that a newer build has migrated, and a newer build beside the service: which of the two comes
//! first makes no difference.

use crate::service::{assert_serves, service};
use support::{Command, Outcome, Project, Running, Signal, TestDatabase};

const NOTES: &str = "-- devflow: compatible-with 0004\nalter table links add notes text;\n";
const RENAMED: &str = "alter table links rename title to heading;\n";

/// The service's own project, to which the migrations of its next build are added.
fn next_build() -> Project {
    Project::new().copy_of("examples/service")
}

fn add(project: &Project, file: &str, sql: &str) {
    project.write(&format!("migrations/{file}"), sql);
}

/// What the next build does before it serves.
fn migrate(project: &Project, database: &TestDatabase) {
    let migrate = project.devflow(&["db", "migrate", "--ci"]);
    let _done = with(migrate, database).run().expect(0);
}

fn with(command: Command, database: &TestDatabase) -> Command {
    command.env("DATABASE_URL", &database.url())
}

fn stop(running: Running) -> Outcome {
    running.signal(Signal::TERM);
    running.wait().expect(0)
}

/// The service that is older than its database goes on.
fn assert_starts(database: &TestDatabase) {
    let older = service(database, &[]).spawn();
    assert_serves(&older);
    let said = stop(older).stderr;
    assert!(
        said.contains("WARN") && said.contains("builds that have 4 work beside it"),
        "{said}"
    );
}

fn assert_refuses(database: &TestDatabase, newer: &str) {
    let said = service(database, &[]).run().expect(1).stderr;
    for words in [newer, "of which 4 is the newest"] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn a_build_that_is_rolled_back_starts_where_each_newer_migration_said_so() {
    let (project, database) = (next_build(), TestDatabase::create());
    add(&project, "0005_notes.sql", NOTES);
    migrate(&project, &database);
    let kept = "SELECT detail ->> 'compatible_with' FROM schema_migrations WHERE version = '5'";
    assert_eq!(database.value(kept), "4");
    assert_starts(&database);

    add(&project, "0006_heading.sql", RENAMED);
    migrate(&project, &database);
    assert_refuses(&database, "0006_heading.sql");
}

#[test]
fn a_build_that_runs_goes_on_beside_the_next_one_and_can_be_started_again() {
    let (project, database) = (next_build(), TestDatabase::create());
    let older = service(&database, &[]).spawn();
    assert_serves(&older);
    add(&project, "0005_notes.sql", NOTES);
    migrate(&project, &database);
    assert_serves(&older);
    let _stopped = stop(older);
    assert_starts(&database);
}

/// What nobody applied has said nothing.
#[test]
fn a_decision_about_the_text_keeps_what_was_said_and_a_baseline_says_nothing() {
    let (project, database) = (next_build(), TestDatabase::create());
    add(&project, "0005_notes.sql", NOTES);
    migrate(&project, &database);
    add(
        &project,
        "0005_notes.sql",
        &format!("{NOTES}-- A remark.\n"),
    );
    let repair = ["db", "repair", "--checksum", "5", "--ci", "--yes"];
    let _done = with(project.devflow(&repair), &database).run().expect(0);
    assert_starts(&database);

    let taken_over = TestDatabase::create();
    let _done = service(&taken_over, &["migrate"]).run().expect(0);
    let baseline = ["db", "baseline", "5", "--ci", "--yes"];
    let _done = with(project.devflow(&baseline), &taken_over)
        .run()
        .expect(0);
    assert_refuses(&taken_over, "0005_notes.sql");
}
