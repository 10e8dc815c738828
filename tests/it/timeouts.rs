//! Time limits: those of the role and the database, and those that a file asks for itself.

use crate::history::{committed, migrator, run, table};
use devflow_runtime::{Migrator, Settings, TableName};
use std::time::Duration;
use support::{Project, TestDatabase};

/// A role that may migrate, and whose sessions are ended by anything that takes a moment.
fn hasty_role(database: &TestDatabase) -> String {
    let role = database.role("hasty", "");
    let name = database.name();
    database.execute(&format!(
        "GRANT CREATE ON SCHEMA public TO {role}; ALTER ROLE {role} SET statement_timeout = '100ms'; \
         ALTER ROLE {role} IN DATABASE {name} SET lock_timeout = '70ms'; ALTER ROLE {role} SET lock_timeout = '60ms'; \
         ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '80ms'; ALTER ROLE {role} SET work_mem = '1MB'"
    ));
    if database.value("SELECT current_setting('server_version_num')::int >= 170000") == "t" {
        database.execute(&format!(
            "ALTER ROLE {role} SET transaction_timeout = '90ms'"
        ));
    }
    role
}

#[test]
fn limits_of_the_role_and_the_database_do_not_end_a_migration_and_are_said() {
    let database = TestDatabase::create();
    let role = hasty_role(&database);
    let slow = "SELECT pg_sleep(0.3);\n";
    let outside = format!(
        "-- devflow: no-transaction\n{}{slow}BEGIN; {slow} {slow} COMMIT;",
        table(2)
    );
    let project = Project::new()
        .migration("1_inside.sql", &format!("{}{slow}", table(1)))
        .migration("2_outside.sql", &outside)
        .migration("3_index.sql", "CREATE INDEX CONCURRENTLY i ON m_2 (id);\n");
    let url = database.url_as(&role);
    let report = run(migrator(&project), &url).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(committed(&report), ["1", "2", "3"]);
    let expected = [
        format!(
            "idle_in_transaction_session_timeout is 80ms for the database {}; migrations run with no limit, devflow's own",
            database.name()
        ),
        format!(
            "lock_timeout is 70ms for the role {role} in the database {}; migrations run with 5000 ms, devflow's own",
            database.name()
        ),
        format!(
            "statement_timeout is 100ms for the role {role}; migrations run with no limit, devflow's own"
        ),
    ];
    for remark in expected {
        assert!(
            report.remarks.contains(&remark),
            "{remark}: {:?}",
            report.remarks
        );
    }
    assert!(
        !report
            .remarks
            .iter()
            .any(|remark| remark.contains("work_mem"))
    );
    let again = run(migrator(&project), &url).unwrap();
    assert_eq!(again.remarks, [""; 0], "there was nothing to do");
}

#[test]
fn a_file_that_says_so_runs_under_its_own_limit() {
    let settings = Settings {
        statement_timeout: Some(Duration::from_millis(150)),
        ..Settings::default()
    };
    for directive in ["", ", no-transaction"] {
        let database = TestDatabase::create();
        let file = |limit: &str| {
            let text = format!(
                "-- devflow: statement-timeout={limit}{directive}\nSELECT pg_sleep(0.4);\n"
            );
            let project = Project::new().migration("1_slow.sql", &text);
            let set = migrator(&project).set().clone();
            Migrator::with_set(set, TableName::default(), settings.clone())
        };
        let error = run(file("100ms"), &database.url()).unwrap_err();
        let failure = error.failure().unwrap();
        assert_eq!(failure.sqlstate.as_deref(), Some("57014"), "{error}");
        assert!(
            failure.hint.as_ref().unwrap().contains("statement-timeout"),
            "{failure:?}"
        );
        let report = run(file("1m"), &database.url()).unwrap();
        assert_eq!(committed(&report), ["1"], "{directive}");
    }
}
