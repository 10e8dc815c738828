//! A ledger, and a database around it, that somebody has tampered with: noticed and named, nothing silently wrong.

use crate::history::{
    applied, assert_agree, assert_sound, committed, empty, run, table, unchecked,
};
use devflow_runtime::{Error, ErrorKind};
use support::{Command, Project, TestDatabase};

fn devflow(project: &Project, database: &TestDatabase, arguments: &[&str]) -> Command {
    let command = project.devflow(&["db"]).args(arguments).args(&["--json"]);
    command.env("DATABASE_URL", &database.url())
}

/// Applies a second migration to a database that has the first, and then tries a third.
fn third_after(database: &TestDatabase, second: &str) -> Result<(), Error> {
    empty(database);
    let files = [table(1), format!("{}{second};\n", table(2)), table(3)];
    run(unchecked(&files[..1]), &database.url()).unwrap();
    run(unchecked(&files[..2]), &database.url()).unwrap();
    run(unchecked(&files), &database.url()).map(drop)
}

#[test]
fn what_a_migration_made_of_the_ledgers_table_stops_the_next_run() {
    let database = TestDatabase::create();
    for (second, code) in [
        (
            "ALTER TABLE schema_migrations DROP CONSTRAINT schema_migrations_pkey",
            "ledger_damaged",
        ),
        (
            "ALTER TABLE schema_migrations SET UNLOGGED",
            "ledger_damaged",
        ),
        (
            "ALTER TABLE schema_migrations ALTER COLUMN run TYPE text",
            "ledger_damaged",
        ),
        (
            "COMMENT ON TABLE schema_migrations IS 'mine'",
            "ledger_foreign",
        ),
        (
            "ALTER TABLE schema_migrations OWNER TO pg_monitor",
            "ledger_untrusted",
        ),
        (
            "ALTER TABLE schema_migrations ALTER COLUMN event SET DEFAULT 'applied'",
            "ledger_untrusted",
        ),
    ] {
        let error = third_after(&database, second).expect_err(second);
        assert_eq!(
            (error.kind(), error.code()),
            (ErrorKind::Ledger, code),
            "{second}: {error}"
        );
        assert!(!database.has("m_3"), "{second}");
    }
}

#[test]
fn rows_that_were_taken_away_are_noticed() {
    let database = TestDatabase::create();
    let files = [table(1), table(2)];
    let broken = [table(1), "SELECT 1 / 0;\n".to_owned()];
    run(unchecked(&broken), &database.url()).unwrap_err();
    run(unchecked(&files), &database.url()).unwrap();
    database.execute("DELETE FROM schema_migrations WHERE event = 'failed'");
    let project = Project::new()
        .migration("1_file.sql", &files[0])
        .migration("2_file.sql", &files[1]);
    // A start with nothing pending looks at each version's last row only; whoever looks closer sees the gap.
    let _start = devflow(&project, &database, &["migrate"]).run().expect(0);
    for verb in [&["status"][..], &["migrate", "--dry-run"], &["revert"]] {
        let document = devflow(&project, &database, verb).run().expect(4).json();
        let finding = &document["findings"][0];
        assert_eq!(finding["code"], "ledger_damaged");
        let said = finding["message"].as_str().unwrap();
        assert!(said.contains("seq is 2 where 1 was expected"), "{said}");
    }
    // All rows of a version: it is pending again, and what it makes is there already.
    database.execute("DELETE FROM schema_migrations WHERE version = '2'");
    let failed = run(unchecked(&files), &database.url()).unwrap_err();
    assert_eq!(failed.failure().unwrap().sqlstate.as_deref(), Some("42P07"));
    assert_eq!(applied(&database), ["1"]);
}

#[test]
fn a_ledger_whose_trigger_is_switched_off_or_always_on_is_not_written() {
    let database = TestDatabase::create();
    for switch in ["DISABLE", "ENABLE REPLICA", "ENABLE ALWAYS"] {
        empty(&database);
        run(unchecked(&[table(1)]), &database.url()).unwrap();
        database.execute(&format!(
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; \
             CREATE TRIGGER t BEFORE INSERT ON schema_migrations FOR EACH ROW EXECUTE FUNCTION f(); \
             ALTER TABLE schema_migrations {switch} TRIGGER t"
        ));
        let error = run(unchecked(&[table(1), table(2)]), &database.url()).unwrap_err();
        assert_eq!(error.code(), "ledger_untrusted", "{switch}");
        assert_agree(&database);
    }
}

#[test]
fn a_file_outside_a_transaction_that_makes_the_ledger_swallow_rows_is_not_reported_as_applied() {
    let swallow = "-- devflow: no-transaction\n\
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';\n\
        CREATE TRIGGER swallow BEFORE INSERT ON schema_migrations FOR EACH ROW EXECUTE FUNCTION f();\n";
    let project = Project::new().migration("1_swallow.sql", swallow);
    let database = TestDatabase::create();
    let said = devflow(&project, &database, &["migrate", "--ci"]).run();
    let said = said.expect_error(4, "ledger_untrusted");
    assert!(said.contains("did not take a row"), "{said}");
    assert!(!database.events().contains(&"1 applied".to_owned()));
    let next = devflow(&project, &database, &["migrate", "--ci"]).run();
    let next = next.expect(4).json();
    assert_eq!(next["findings"][0]["code"], "half_done", "{next:#}");
}

/// Names of PostgreSQL's own that something else stands in front of.
const ASTRAY: &str = "CREATE SCHEMA evil;
    CREATE FUNCTION evil.raise() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'led astray'; END $$;
    CREATE FUNCTION evil.current_setting(text, boolean) RETURNS text LANGUAGE sql AS 'SELECT evil.raise()';
    CREATE FUNCTION evil.current_setting(text) RETURNS text LANGUAGE sql AS 'SELECT evil.raise()';
    CREATE FUNCTION evil.set_config(text, text, boolean) RETURNS text LANGUAGE sql AS 'SELECT evil.raise()';
    CREATE FUNCTION evil.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT evil.raise()::timestamptz';
    CREATE FUNCTION evil.pg_try_advisory_lock(bigint) RETURNS boolean LANGUAGE sql AS 'SELECT evil.raise()::boolean';
    CREATE FUNCTION evil.pg_advisory_unlock(bigint) RETURNS boolean LANGUAGE sql AS 'SELECT evil.raise()::boolean';
    CREATE FUNCTION evil.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT evil.raise()::bytea';
    CREATE FUNCTION evil.equal(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'led astray'; END $$;
    CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.equal);
    CREATE TABLE evil.pg_class (oid oid);
    CREATE TABLE evil.schema_migrations (version text);";

#[test]
fn a_search_path_that_leads_astray_leads_nobody_of_ours() {
    let database = TestDatabase::create();
    database.execute(ASTRAY);
    database.execute(&format!(
        "ALTER DATABASE {} SET search_path = evil, pg_catalog, public",
        database.name()
    ));
    let files = [table(1), table(2), "SELECT 1 / 0;\n".to_owned(), table(3)];
    let first = run(unchecked(&files[..1]), &database.url()).unwrap();
    assert_eq!(committed(&first), ["1"]);
    let failed = run(unchecked(&files[..3]), &database.url()).unwrap_err();
    let failure = failed.failure().unwrap();
    assert_eq!(failure.sqlstate.as_deref(), Some("22012"), "{failed}");
    assert!(failure.recorded);
    let again = run(unchecked(&files[..2]), &database.url()).unwrap();
    assert_eq!(again.already_applied, 2);
    // The test's own questions would be led astray.
    database.execute(&format!(
        "ALTER DATABASE {} RESET search_path",
        database.name()
    ));
    assert_sound(&database);
}

/// An event trigger that lets nobody change the schema.
const FROZEN: &str = "CREATE FUNCTION frozen() RETURNS event_trigger LANGUAGE plpgsql AS \
    $$ BEGIN RAISE 'the schema is frozen'; END $$; \
    CREATE EVENT TRIGGER frozen ON ddl_command_start EXECUTE FUNCTION frozen();";

#[test]
fn an_event_trigger_that_refuses_ddl_is_named() {
    let database = TestDatabase::create();
    database.execute(FROZEN);
    let error = run(unchecked(&[table(1)]), &database.url()).unwrap_err();
    assert!(error.to_string().contains("create the ledger"), "{error}");
    assert!(
        error.to_string().contains("the schema is frozen"),
        "{error}"
    );
    assert!(error.hint().is_some());
    assert!(!database.has("schema_migrations") && !database.has("m_1"));

    let database = TestDatabase::create();
    run(unchecked(&[table(1)]), &database.url()).unwrap();
    database.execute(FROZEN);
    let files = [table(1), "SELECT 2;\n".to_owned(), table(3)];
    let error = run(unchecked(&files), &database.url()).unwrap_err();
    let failure = error.failure().unwrap();
    assert_eq!(
        (failure.message.as_str(), failure.recorded),
        ("the schema is frozen", true)
    );
    assert_eq!(database.events(), ["1 applied", "2 applied", "3 failed"]);
}

#[test]
fn a_database_in_another_encoding_holds_every_name_and_message() {
    let first = "1_größe_🦀.sql";
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let database = TestDatabase::encoded(encoding);
        let project = Project::new()
            .migration(first, "CREATE TABLE m_1 (id int);\n")
            .migration("2_schlüssel.sql", "DO $$ BEGIN RAISE 'ungültig'; END $$;\n");
        let failed = devflow(&project, &database, &["migrate"])
            .run()
            .expect(1)
            .json();
        assert_eq!(failed["failure"]["message"], "ungültig", "{encoding}");
        assert_eq!(failed["failure"]["recorded"], true, "{encoding}");
        let status = devflow(&project, &database, &["status"])
            .run()
            .expect(0)
            .json();
        assert_eq!(status["migrations"][1]["error"], "ungültig", "{encoding}");
        assert!(
            status["findings"].as_array().unwrap().is_empty(),
            "{status:#}"
        );
        project.write("migrations/2_schlüssel.sql", "CREATE TABLE m_2 (id int);\n");
        let _done = devflow(&project, &database, &["migrate"]).run().expect(0);
        assert_agree(&database);
        project.remove(&format!("migrations/{first}"));
        let gone = devflow(&project, &database, &["migrate"])
            .run()
            .expect(4)
            .json();
        let said = gone["findings"][0]["message"].as_str().unwrap();
        assert!(said.contains(first), "{encoding}: {said}");
        let settle = ["repair", "--not-applied", "1"];
        let _settled = devflow(&project, &database, &settle).run().expect(0);
    }
}
