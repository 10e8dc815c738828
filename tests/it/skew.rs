//! Two builds of the example service on one database, in both orders: whether the older one starts is said by the migrations that it
//! lacks.

use crate::service::{assert_serves, build_of, service};
use support::{Command, Outcome, Program, Project, Running, Signal, TestDatabase};

const RENAMED: &str = "alter table links rename title to heading;\n";

/// The next build's project, to which the migrations of a third one are added.
fn next_build() -> Project {
    Project::new().copy_of("tests/next_build")
}

fn next(database: &TestDatabase) -> Command {
    build_of(Program::NextService, database)
}

/// What a later build does before it serves.
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
    // The tests' programs are builds for debugging.
    let stale = "this binary is stale: the database has migration 5, which it lacks";
    assert_eq!(said.matches(stale).count(), 1, "{said}");
}

fn assert_refuses(database: &TestDatabase, newer: &str) {
    let said = service(database, &[]).run().expect(1).stderr;
    for words in [newer, "of which 4 is the newest"] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn a_build_that_is_rolled_back_starts_where_each_newer_migration_said_so() {
    let database = TestDatabase::create();
    let newer = next(&database).spawn();
    assert_serves(&newer);
    let kept = "SELECT detail ->> 'compatible_with' FROM schema_migrations WHERE version = '5'";
    assert_eq!(database.value(kept), "4");
    // The first copies of the older build are there before the last ones of the newer are gone.
    assert_starts(&database);
    let _stopped = stop(newer);
    assert_starts(&database);

    let third = next_build();
    third.write("migrations/0006_heading.sql", RENAMED);
    migrate(&third, &database);
    assert_refuses(&database, "0006_heading.sql");
}

#[test]
fn a_build_that_runs_goes_on_beside_the_next_one_and_can_be_started_again() {
    let database = TestDatabase::create();
    let older = service(&database, &[]).spawn();
    assert_serves(&older);
    let newer = next(&database).spawn();
    assert_serves(&newer);
    assert_eq!(database.events().last().unwrap(), "5 applied");
    assert_serves(&older);
    let _stopped = stop(older);
    assert_starts(&database);
    let _stopped = stop(newer);
}

#[test]
fn both_builds_at_once_apply_each_migration_once() {
    let database = TestDatabase::create();
    let copies: Vec<_> = [Program::ExampleService, Program::NextService]
        .into_iter()
        .cycle()
        .take(8)
        .map(|release| build_of(release, &database).spawn())
        .collect();
    for copy in copies {
        assert_serves(&copy);
        let _stopped = stop(copy);
    }
    let events = [
        "1 applied",
        "2 applied",
        "3 applied",
        "4 applied",
        "5 applied",
    ];
    assert_eq!(database.events(), events);
}

/// What nobody applied has said nothing.
#[test]
fn a_decision_about_the_text_keeps_what_was_said_and_a_baseline_says_nothing() {
    let (project, database) = (next_build(), TestDatabase::create());
    let notes = "migrations/0005_notes.sql";
    migrate(&project, &database);
    let text = std::fs::read_to_string(project.path().join(notes)).unwrap();
    project.write(notes, format!("{text}-- A remark.\n"));
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
