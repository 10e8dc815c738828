//! Histories that others wrote, taken from published packages when the test runs.

use support::{Project, TestDatabase, published_files};

/// A published history, and what it expects to find.
struct History {
    package: &'static str,
    version: &'static str,
    migrations: usize,
    /// Statements that make the database what the package's own runner would have made it.
    before: &'static str,
}

fn assert_applies_as_psql_does(history: &History) {
    let files = published_files(history.package, history.version, "migrations");
    assert_eq!(files.len(), history.migrations);
    let project = Project::new();
    for (name, sql) in &files {
        project.write(&format!("migrations/{name}"), sql);
    }
    let (by_psql, by_devflow) = (TestDatabase::create(), TestDatabase::create());
    by_psql.execute(history.before);
    by_devflow.execute(history.before);
    for (name, _) in &files {
        let file = project.path().join("migrations").join(name);
        let output = by_psql.psql(&["-1", "-f", &file.to_string_lossy()]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "psql refuses {name}: {said}");
    }
    let migrate = project.devflow(&["db", "migrate", "--ci", "--json"]);
    let outcome = migrate.env("DATABASE_URL", &by_devflow.url()).run();
    let _report = outcome.expect(0).json();
    assert_eq!(by_devflow.events().len(), files.len());
    assert_eq!(by_devflow.schema_dump(), by_psql.schema_dump());
}

#[test]
fn the_history_of_a_shell_history_server_applies_as_psql_applies_it() {
    assert_applies_as_psql_does(&History {
        package: "atuin-server-postgres",
        version: "18.20.1",
        migrations: 20,
        before: "",
    });
}

#[test]
fn the_history_of_a_job_queue_applies_as_psql_applies_it() {
    assert_applies_as_psql_does(&History {
        package: "apalis-postgres",
        version: "1.0.0",
        migrations: 23,
        before: "",
    });
}

/// Its first migration copies the shape of the table that sqlx keeps, and sets the search path.
#[test]
fn the_history_of_a_workflow_engine_applies_as_psql_applies_it() {
    assert_applies_as_psql_does(&History {
        package: "underway",
        version: "0.2.0",
        migrations: 6,
        before: "CREATE TABLE public._sqlx_migrations (version bigint PRIMARY KEY, description text NOT NULL)",
    });
}
