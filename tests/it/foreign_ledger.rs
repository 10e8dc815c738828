//! A table under the ledger's name that is not, or not only, what devflow made: never taken for "nothing is applied".

use support::{Command, Project, TestDatabase};

fn project() -> Project {
    Project::new()
        .file("devflow.yml", "version: \"1\"\ndatabase: {}\n")
        .migration("1_a.sql", "CREATE TABLE a ();")
}

fn devflow(project: &Project, arguments: &[&str], url: &str) -> Command {
    let command = project.devflow(arguments).args(&["--ci", "--json"]);
    command.env("DATABASE_URL", url)
}

const MIGRATE: &[&str] = &["db", "migrate"];
const STATUS: &[&str] = &["db", "status"];
const CHECK: &[&str] = &["db", "status", "--check"];
const DRY_RUN: &[&str] = &["db", "migrate", "--dry-run"];
const BASELINE: &[&str] = &["db", "baseline", "1"];
const ALL: [&[&str]; 5] = [MIGRATE, STATUS, CHECK, DRY_RUN, BASELINE];

/// A database with the first migration applied.
fn migrated(project: &Project) -> TestDatabase {
    let database = TestDatabase::create();
    let _outcome = devflow(project, MIGRATE, &database.url()).run().expect(0);
    database
}

/// Asserts that every verb exits with 4 and this code, and says this; nothing is applied.
fn assert_refused(database: &TestDatabase, code: &str, said: &str) {
    let project = project().migration("2_b.sql", "CREATE TABLE b ();");
    for arguments in ALL {
        let outcome = devflow(&project, arguments, &database.url()).run();
        let found = outcome.expect_error(4, code);
        assert!(
            found.contains(said),
            "{arguments:?} says {found}\nwithout {said}"
        );
    }
    assert!(!database.has("b"));
    assert_eq!(database.advisory_locks(), 0);
}

/// The shapes that tools give the table in which they keep what they applied.
const OTHERS: [(&str, &str); 10] = [
    (
        "sqlx's",
        "version bigint PRIMARY KEY, description text NOT NULL, installed_on timestamptz NOT NULL DEFAULT now(), \
         success boolean NOT NULL, checksum bytea NOT NULL, execution_time bigint NOT NULL",
    ),
    (
        "refinery's",
        "version int4 PRIMARY KEY, name varchar(255), applied_on varchar(255), checksum varchar(255)",
    ),
    (
        "diesel's",
        "version varchar(50) PRIMARY KEY NOT NULL, run_on timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP",
    ),
    (
        "Flyway's",
        "installed_rank int PRIMARY KEY, version varchar(50), description varchar(200) NOT NULL, type varchar(20) NOT NULL, \
         script varchar(1000) NOT NULL, checksum int, installed_by varchar(100) NOT NULL, \
         installed_on timestamp NOT NULL DEFAULT now(), execution_time int NOT NULL, success boolean NOT NULL",
    ),
    (
        "golang-migrate's",
        "version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL",
    ),
    ("Rails' or dbmate's", "version varchar(128) PRIMARY KEY"),
    (
        "the Supabase CLI's",
        "version text PRIMARY KEY, statements text[], name text",
    ),
    (
        "goose's",
        "id serial PRIMARY KEY, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp DEFAULT now()",
    ),
    (
        "Ecto's",
        "version bigint PRIMARY KEY, inserted_at timestamp(0)",
    ),
    ("another tool's", "hash bytea, at timestamptz"),
];

#[test]
fn another_tools_table_is_left_alone_and_its_tool_named() {
    let database = TestDatabase::create();
    for (tool, columns) in OTHERS {
        database.execute(&format!(
            "DROP TABLE IF EXISTS schema_migrations; CREATE TABLE schema_migrations ({columns})"
        ));
        let before = database.column(
            "SELECT to_jsonb(c) FROM pg_attribute c WHERE attrelid = 'schema_migrations'::regclass",
        );
        for arguments in [MIGRATE, STATUS] {
            let outcome = devflow(&project(), arguments, &database.url()).run();
            let said = outcome.expect_error(4, "ledger_foreign");
            assert!(
                said.contains(&format!("it looks like {tool} table")),
                "{said}"
            );
            assert!(
                said.contains("tracking_table") && said.contains("devflow db baseline"),
                "{said}"
            );
        }
        let after = database.column(
            "SELECT to_jsonb(c) FROM pg_attribute c WHERE attrelid = 'schema_migrations'::regclass",
        );
        assert_eq!(before, after, "{tool}");
        assert!(!database.has("a"));
    }
    assert_refused(&database, "ledger_foreign", "is not a devflow ledger");
}

#[test]
fn another_tools_table_can_stay_beside_the_ledger() {
    let database = TestDatabase::create();
    database.execute(
        "CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY); CREATE TABLE a ()",
    );
    let config =
        "version: \"1\"\ndatabase:\n  migrations: { tracking_table: devflow_migrations }\n";
    let project = project()
        .file("devflow.yml", config)
        .migration("2_b.sql", "CREATE TABLE b ();");
    let _outcome = devflow(&project, BASELINE, &database.url()).run().expect(0);
    let _outcome = devflow(&project, MIGRATE, &database.url()).run().expect(0);
    let events = "SELECT version || ' ' || event FROM devflow_migrations ORDER BY id";
    assert_eq!(database.column(events), ["1 baselined", "2 applied"]);
}

#[test]
fn rows_that_no_run_writes_are_damage() {
    let insert = |version: &str, seq: i32, event: &str| {
        format!(
            "INSERT INTO schema_migrations (version, seq, event, at) VALUES ('{version}', {seq}, '{event}', now())"
        )
    };
    for (row, said) in [
        (insert("1", 3, "reverted"), "seq is 3 where 2 was expected"),
        (insert("1", 2, "applied"), "applied cannot follow applied"),
        (insert("1", 2, "failed"), "failed cannot follow applied"),
        (insert("2", 1, "reverted"), "reverted cannot follow nothing"),
        (insert("2", 1, "dirty"), "\"dirty\" is not an event"),
        (insert("2", 0, "applied"), "seq is 0 where 1 was expected"),
        (
            insert("latest", 1, "applied"),
            "\"latest\" is not a version",
        ),
    ] {
        let project = project().migration("2_b.sql", "CREATE TABLE b ();");
        let database = TestDatabase::create();
        let first = devflow(
            &project,
            &["db", "migrate", "--target", "1"],
            &database.url(),
        );
        let _outcome = first.run().expect(0);
        database.execute(&row);
        for arguments in [MIGRATE, STATUS, CHECK, DRY_RUN] {
            let outcome = devflow(&project, arguments, &database.url()).run();
            let document = outcome.json();
            assert_eq!(outcome.code, 4, "{row} {arguments:?} {document:#}");
            let damages = document["findings"].as_array().unwrap().iter();
            let damages = damages.filter(|finding| finding["code"] == "ledger_damaged");
            let found: Vec<_> = damages
                .map(|finding| finding["message"].to_string())
                .collect();
            let said = said.replace('"', "\\\"");
            assert!(
                found.iter().any(|found| found.contains(&said)),
                "{row}: {found:?}"
            );
        }
        assert!(!database.has("b"), "{row}");
    }
}

#[test]
fn a_ledger_that_lacks_a_column_is_damaged() {
    let database = migrated(&project());
    database.execute("ALTER TABLE schema_migrations DROP COLUMN checksum");
    assert_refused(&database, "ledger_damaged", "it lacks checksum text");
}

#[test]
fn a_ledger_whose_columns_are_of_another_type_is_damaged() {
    let database = migrated(&project());
    database.execute("ALTER TABLE schema_migrations ALTER COLUMN at TYPE text");
    assert_refused(&database, "ledger_damaged", "it lacks at timestamptz");
}

#[test]
fn a_ledger_that_a_crash_would_empty_is_damaged() {
    let database = migrated(&project());
    database.execute("ALTER TABLE schema_migrations SET UNLOGGED");
    assert_refused(&database, "ledger_damaged", "not an ordinary logged table");
}

#[test]
fn a_view_in_the_ledgers_place_is_no_ledger() {
    let database = migrated(&project());
    database.execute(
        "ALTER TABLE schema_migrations RENAME TO elsewhere; \
         CREATE VIEW schema_migrations AS SELECT * FROM elsewhere; \
         COMMENT ON VIEW schema_migrations IS 'devflow ledger 1'",
    );
    assert_refused(&database, "ledger_damaged", "not an ordinary logged table");
}

#[test]
fn a_ledger_without_its_comment_is_not_taken_for_one() {
    let database = migrated(&project());
    database.execute("COMMENT ON TABLE schema_migrations IS NULL");
    assert_refused(&database, "ledger_foreign", "lacks the comment");
}

/// What row-level security hides would be pending again.
#[test]
fn a_filtered_ledger_is_never_read_as_empty() {
    let project = project().migration("2_b.sql", "CREATE TABLE b ();");
    let database = TestDatabase::create();
    let role = database.role("migrator", "");
    database.execute(&format!("GRANT CREATE ON SCHEMA public TO {role}"));
    let url = database.url_as(&role);
    let _outcome = devflow(&project, MIGRATE, &url).run().expect(0);
    database.execute(
        "ALTER TABLE schema_migrations ENABLE ROW LEVEL SECURITY; \
         CREATE POLICY few ON schema_migrations USING (version = '1')",
    );
    // Its owner sees all rows until the filter is forced upon it too.
    let _outcome = devflow(&project, MIGRATE, &url).run().expect(0);
    database.execute("ALTER TABLE schema_migrations FORCE ROW LEVEL SECURITY");
    for arguments in ALL {
        let said = devflow(&project, arguments, &url).run();
        let said = said.expect_error(4, "ledger_filtered");
        assert!(said.contains("row-level security"), "{said}");
    }
    let reader = database.role("reader", "");
    database.execute(&format!(
        "ALTER TABLE schema_migrations NO FORCE ROW LEVEL SECURITY; GRANT SELECT ON schema_migrations TO {reader}"
    ));
    for arguments in [STATUS, DRY_RUN, MIGRATE] {
        let outcome = devflow(&project, arguments, &database.url_as(&reader)).run();
        let _said = outcome.expect_error(4, "ledger_filtered");
    }
    assert_eq!(database.events(), ["1 applied", "2 applied"]);
}

/// Asserts that only a run that would write is refused, and that the others warn.
fn assert_distrusted(project: &Project, url: &str, said: &str) {
    for arguments in [STATUS, DRY_RUN, MIGRATE] {
        let document = devflow(project, arguments, url).run().expect(0).json();
        let remarks = document["remarks"].to_string();
        assert!(
            remarks.contains(&said.replace('"', "\\\"")),
            "{arguments:?} {remarks}"
        );
    }
    project.write("migrations/2_b.sql", "CREATE TABLE b ();");
    for arguments in [STATUS, DRY_RUN] {
        let document = devflow(project, arguments, url).run().expect(0).json();
        assert!(
            document["remarks"]
                .to_string()
                .contains(&said.replace('"', "\\\""))
        );
    }
    let found = devflow(project, MIGRATE, url).run();
    let found = found.expect_error(4, "ledger_untrusted");
    assert!(found.contains(said), "{found}");
    let found = devflow(project, &["db", "baseline", "2"], url).run();
    let _found = found.expect_error(4, "ledger_untrusted");
}

#[test]
fn a_strangers_ledger_is_read_and_not_written() {
    let project = project();
    let database = migrated(&project);
    let (stranger, role) = (database.role("stranger", ""), database.role("migrator", ""));
    database.execute(&format!(
        "ALTER TABLE schema_migrations OWNER TO {stranger}; GRANT CREATE ON SCHEMA public TO {role}; \
         GRANT SELECT, INSERT ON schema_migrations TO {role}"
    ));
    assert_distrusted(
        &project,
        &database.url_as(&role),
        &format!("belongs to {stranger}"),
    );
    assert_eq!(database.events(), ["1 applied"]);
    // Whoever may act as the owner trusts it.
    database.execute(&format!("GRANT {stranger} TO {role}"));
    let _outcome = devflow(&project, MIGRATE, &database.url_as(&role))
        .run()
        .expect(0);
    assert_eq!(database.events(), ["1 applied", "2 applied"]);
}

#[test]
fn what_would_run_with_our_rights_is_refused() {
    let function =
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'";
    for (sql, said) in [
        (
            format!(
                "{function}; CREATE TRIGGER swallow BEFORE INSERT ON schema_migrations FOR EACH ROW EXECUTE FUNCTION f()"
            ),
            "trigger swallow",
        ),
        (
            "CREATE RULE nothing AS ON INSERT TO schema_migrations DO INSTEAD NOTHING".to_owned(),
            "rule nothing",
        ),
        (
            "ALTER TABLE schema_migrations ALTER COLUMN name SET DEFAULT current_user".to_owned(),
            "default of name",
        ),
    ] {
        let project = project();
        let database = migrated(&project);
        database.execute(&sql);
        assert_distrusted(&project, &database.url(), said);
        assert!(!database.has("b"), "{said}");
    }
}

/// A newer devflow may have added them.
#[test]
fn further_columns_are_tolerated() {
    let project = project();
    let database = migrated(&project);
    database.execute(
        "ALTER TABLE schema_migrations ADD COLUMN ticket text, ADD COLUMN weight int NOT NULL DEFAULT 1",
    );
    project.write("migrations/2_b.sql", "CREATE TABLE b ();");
    for arguments in [DRY_RUN, MIGRATE, MIGRATE, STATUS] {
        let document = devflow(&project, arguments, &database.url())
            .run()
            .expect(0)
            .json();
        assert_eq!(
            document["remarks"].as_array().unwrap().len(),
            0,
            "{document:#}"
        );
    }
    assert_eq!(database.events(), ["1 applied", "2 applied"]);
}

/// Exit code 4 says more than 3.
#[test]
fn a_refused_finding_wins_over_what_is_pending() {
    let project = project();
    let database = migrated(&project);
    project.write("migrations/1_a.sql", "CREATE TABLE a (b int);");
    project.write("migrations/2_b.sql", "CREATE TABLE b ();");
    for arguments in [STATUS, CHECK, DRY_RUN, MIGRATE] {
        let document = devflow(&project, arguments, &database.url())
            .run()
            .expect(4)
            .json();
        assert_eq!(document["findings"][0]["code"], "modified", "{document:#}");
    }
}

#[test]
fn what_another_tool_has_recorded_is_pointed_out_before_it_would_run_again() {
    let database = TestDatabase::create();
    database.execute(
        "CREATE SCHEMA app; CREATE TABLE app._sqlx_migrations (version bigint); CREATE TABLE refinery_schema_history ()",
    );
    let said = |arguments: &[&str]| {
        let outcome = devflow(&project(), arguments, &database.url()).run();
        outcome.expect(0).json()["remarks"].to_string()
    };
    let named = "app._sqlx_migrations, public.refinery_schema_history";
    for arguments in [STATUS, DRY_RUN, MIGRATE] {
        assert!(said(arguments).contains(named), "{arguments:?}");
    }
    // From now on the ledger says what is applied.
    for arguments in [STATUS, DRY_RUN, MIGRATE] {
        assert!(!said(arguments).contains("another tool"), "{arguments:?}");
    }
}
