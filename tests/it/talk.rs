//! `--quiet` and `--verbose`: how much is said on stderr. What stdout says is the same.

use support::{Outcome, Project, TestDatabase};

const MIXED: &str =
    "-- devflow: no-transaction\nCREATE TABLE b (c int);\nCREATE INDEX CONCURRENTLY ON b (c);\n";

/// Applies two files to a fresh database, then one that fails.
fn migrate(talk: &[&str]) -> [Outcome; 2] {
    let database = TestDatabase::create();
    let project = Project::new()
        .migration("1_a.sql", "CREATE TABLE a (b int);\n")
        .migration("2_b.sql", MIXED);
    let run = |code| {
        let command = project.devflow(&["db", "migrate"]).args(talk);
        command
            .env("DATABASE_URL", &database.url())
            .run()
            .expect(code)
    };
    let applied = run(0);
    project.write("migrations/3_c.sql", "SELECT nothing;\n");
    [applied, run(1)]
}

#[test]
fn quiet_says_errors_only_and_leaves_stdout_as_it_is() {
    let [applied, failed] = migrate(&["--quiet"]);
    assert_eq!(applied.stderr, "");
    assert!(
        applied.stdout.contains("2 migrations applied"),
        "{applied:?}"
    );
    assert!(
        failed.stderr.starts_with("error: migrations/3_c.sql:1:8"),
        "{failed:?}"
    );
    let [ordinary, _] = migrate(&[]);
    assert!(
        ordinary.stderr.contains("note: no devflow.yml"),
        "{ordinary:?}"
    );
    assert!(
        ordinary.stderr.contains("applying 1/2 1_a.sql"),
        "{ordinary:?}"
    );
}

#[test]
fn verbose_says_where_it_is_and_how_long_each_statement_takes() {
    let [applied, _] = migrate(&["-v"]);
    for said in [
        " connected to t_",
        "; ledger public.schema_migrations\n",
        " planned: 2 pending, 0 applied before",
        " 2_b.sql: statement 2 of 2 took ",
        " migrations/1_a.sql: 1 statement took the server ",
    ] {
        assert!(applied.stderr.contains(said), "{said}: {applied:?}");
    }
    let project = Project::new();
    let both = project.devflow(&["-q", "-v", "db", "status", "--json"]);
    let _said = both.run().expect_error(2, "usage");
}
