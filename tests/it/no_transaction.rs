//! Files outside a transaction: what the ledger says while they run, after they failed, and after a crash.

use crate::gate::{GATE, Gate, session, wait_until_asleep};
use crate::history::{assert_free, migrator, run, table, tables};
use devflow_runtime::{Error, ErrorKind};
use support::{LedgerRow, Project, Signal, TestDatabase, wait_until};

const ALONE: &str = "-- devflow: no-transaction\n";

fn project(second: &str) -> Project {
    let project = tables(Project::new(), 3);
    project.migration("2_table.sql", &format!("{ALONE}{second}"))
}

/// The second migration's rows: event, and how many statements are known complete.
fn journal(database: &TestDatabase) -> Vec<(String, Option<i32>)> {
    let rows = database
        .ledger()
        .into_iter()
        .filter(|row| row.version == "2");
    rows.map(
        |LedgerRow {
             event, statement, ..
         }| (event, statement),
    )
    .collect()
}

fn assert_journal(database: &TestDatabase, expected: &[(&str, i32)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(event, n)| ((*event).to_owned(), Some(*n)))
        .collect();
    assert_eq!(journal(database), expected);
}

/// The next run stops, and says what is known.
fn assert_stops_half_done(project: &Project, database: &TestDatabase) -> Error {
    let rows = database.ledger();
    let migrate = project.devflow(&["db", "migrate", "--ci", "--json"]);
    let outcome = migrate.env("DATABASE_URL", &database.url()).run().expect(4);
    let document = outcome.json().to_string();
    assert!(document.contains("half_done"), "{document}");
    let error = run(migrator(project), &database.url()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert_eq!(database.ledger(), rows, "a refused run writes nothing");
    assert!(!database.has("public.m_3"));
    error
}

/// `status` shows the second migration as half done, and as pending: a run goes on with it.
fn assert_can_be_taken_up(project: &Project, database: &TestDatabase) {
    let status = |arguments: &[&str], code| {
        let status = project
            .devflow(arguments)
            .env("DATABASE_URL", &database.url());
        status.run().expect(code).json().to_string()
    };
    let document = status(&["db", "status", "--json"], 0);
    assert!(document.contains("\"state\":\"half_done\""), "{document}");
    status(&["db", "status", "--json", "--check"], 3);
}

#[test]
fn each_statement_is_recorded_when_it_is_complete() {
    let sql = format!(
        "{}CREATE INDEX CONCURRENTLY i ON m_1 (id);\nVACUUM m_1;\n",
        table(2)
    );
    let project = project(&sql);
    let database = TestDatabase::create();
    let report = run(migrator(&project), &database.url()).unwrap();
    assert_journal(
        &database,
        &[
            ("started", 0),
            ("progress", 1),
            // Before the index, a row notes what is there; the statement before it may have had settings of its own.
            ("progress", 1),
            ("progress", 2),
            ("applied", 3),
        ],
    );
    assert_eq!(report.steps[1].statements, 3);
    assert!(report.steps[1].execution_ms > 0.0);
    assert!(database.has("public.i") && database.has("public.m_3"));
    assert_free(&database);
}

#[test]
fn a_failed_statement_is_corrected_and_the_next_run_goes_on_there() {
    let project = project(&format!("{}SELECT\n  1 / 0;\nSELECT 3;\n", table(2)));
    let database = TestDatabase::create();
    let error = run(migrator(&project), &database.url()).unwrap_err();
    let failure = error.failure().unwrap();
    assert_eq!(
        (failure.completed, failure.statement),
        (Some(1), Some(2)),
        "{error}"
    );
    assert_eq!(failure.sqlstate.as_deref(), Some("22012"));
    let place = failure.position.unwrap();
    assert_eq!((place.line, place.column), (3, 1));
    assert_journal(&database, &[("started", 0), ("progress", 1), ("failed", 1)]);
    assert!(database.has("public.m_2"));
    assert_free(&database);
    assert_can_be_taken_up(&project, &database);
    project.write(
        "migrations/2_table.sql",
        format!("{ALONE}{}SELECT 2;\nSELECT 3;\n", table(2)),
    );
    let report = run(migrator(&project), &database.url()).unwrap();
    assert_eq!(
        report.remarks,
        ["migrations/2_table.sql goes on at statement 2 of 3"]
    );
    assert!(report.warnings.is_empty(), "{report:?}");
    let rows = &journal(&database)[3..];
    let rows: Vec<_> = rows
        .iter()
        .map(|(event, n)| format!("{event} {}", n.unwrap()))
        .collect();
    assert_eq!(rows, ["started 1", "progress 2", "applied 3"]);
    assert!(database.has("public.m_3"));
}

#[test]
fn an_edit_of_what_is_complete_is_refused_and_names_its_place() {
    let project = project(&format!("{}SELECT 1 / 0;\n", table(2)));
    let database = TestDatabase::create();
    run(migrator(&project), &database.url()).unwrap_err();
    project.write(
        "migrations/2_table.sql",
        format!("{ALONE}CREATE TABLE public.m_2 (name text);\nSELECT 2;\n"),
    );
    let error = assert_stops_half_done(&project, &database);
    let text = format!("{error:?}");
    assert!(text.contains("migrations/2_table.sql:2:1"), "{text}");
    assert!(text.contains("devflow db repair --not-applied 2"), "{text}");
}

#[test]
fn a_failure_at_the_first_statement_leaves_nothing_and_can_be_run_again() {
    let project = project("VACUUM nothing;\n");
    let database = TestDatabase::create();
    let error = run(migrator(&project), &database.url()).unwrap_err();
    assert_eq!(error.failure().unwrap().sqlstate.as_deref(), Some("42P01"));
    assert_journal(&database, &[("started", 0), ("failed", 0)]);
    project.write("migrations/2_table.sql", format!("{ALONE}{}", table(2)));
    run(migrator(&project), &database.url()).unwrap();
    assert!(database.has("public.m_3"));
}

#[test]
fn a_run_told_to_end_in_the_middle_of_a_statement_records_it() {
    let project = project(&format!("{}SELECT pg_sleep(60);\n", table(2)));
    let database = TestDatabase::create();
    let migrate = project.devflow(&["db", "migrate", "--ci", "--json"]);
    let running = migrate.env("DATABASE_URL", &database.url()).spawn();
    wait_until_asleep(&database);
    running.signal(Signal::TERM);
    let _told = running.wait().expect(143).json();
    assert_free(&database);
    assert_journal(&database, &[("started", 0), ("progress", 1), ("failed", 1)]);
    project.write(
        "migrations/2_table.sql",
        format!("{ALONE}{}SELECT 2;\n", table(2)),
    );
    run(migrator(&project), &database.url()).unwrap();
    assert!(database.has("public.m_3"));
}

#[test]
fn a_block_of_its_own_counts_when_it_is_committed() {
    let sql = format!(
        "BEGIN;\n{}CREATE TABLE b ();\nCOMMIT;\nVACUUM m_1;\nSELECT 1;\n",
        table(2)
    );
    let project = project(&sql);
    let database = TestDatabase::create();
    run(migrator(&project), &database.url()).unwrap();
    assert_journal(
        &database,
        &[
            ("started", 0),
            ("progress", 4),
            ("progress", 5),
            ("applied", 6),
        ],
    );
}

#[test]
fn a_block_that_fails_is_rolled_back_whole() {
    let project = project(&format!(
        "SELECT 1;\nBEGIN;\n{}SELECT 1 / 0;\nCOMMIT;\n",
        table(2)
    ));
    let database = TestDatabase::create();
    let error = run(migrator(&project), &database.url()).unwrap_err();
    assert_eq!(error.failure().unwrap().completed, Some(1), "{error}");
    assert_journal(&database, &[("started", 0), ("progress", 1), ("failed", 1)]);
    assert!(!database.has("public.m_2"));
    assert_free(&database);
}

#[test]
fn a_setting_holds_for_the_next_statement_and_not_for_the_next_file() {
    let sql = format!(
        "SET maintenance_work_mem = '77MB';\nSET ROLE pg_read_all_stats;\nSELECT 1;\n\
         DO $$BEGIN ASSERT current_user = 'pg_read_all_stats'; END$$;\nVACUUM pg_class;\nRESET ROLE;\n{}\
         CREATE INDEX CONCURRENTLY i ON m_1 (id);\n\
         DO $$BEGIN ASSERT current_setting('maintenance_work_mem') = '77MB'; END$$;\nSET ROLE pg_monitor;\n",
        table(2)
    );
    let third = format!(
        "{}DO $$BEGIN ASSERT current_setting('maintenance_work_mem') <> '77MB'; ASSERT current_user = 'postgres'; END$$;\n",
        table(3)
    );
    let project = project(&sql).migration("3_table.sql", &third);
    let database = TestDatabase::create();
    run(migrator(&project), &database.url()).unwrap_or_else(|error| panic!("{error}"));
    assert!(database.has("public.m_3") && database.has("public.i"));
}

/// It waits for every transaction that is older, with no limit of devflow's on the wait.
#[test]
fn a_concurrent_index_waits_without_a_lock_timeout() {
    let project = project("CREATE INDEX CONCURRENTLY i ON m_1 (id);\n");
    let database = TestDatabase::create();
    run(
        migrator(&project).target(devflow_runtime::Version::parse("1").unwrap()),
        &database.url(),
    )
    .unwrap();
    let (migrator, url) = (migrator(&project), database.url());

    let writer = session(&database, "BEGIN; INSERT INTO m_1 VALUES (1)");
    let running = std::thread::spawn(move || run(migrator, &url));
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock' AND datname = current_database()";
    wait_until("the build waits for the writer", || {
        database.value(waits) == "1"
    });
    drop(writer);
    running.join().unwrap().unwrap();
    assert!(database.has("public.m_3"));
}

#[test]
fn a_unique_index_over_duplicates_leaves_nothing_and_the_file_goes_on_there() {
    let project = project(&format!(
        "{}INSERT INTO m_1 VALUES (1), (1);\nCREATE UNIQUE INDEX CONCURRENTLY i ON m_1 (id);\n",
        table(2)
    ));
    let database = TestDatabase::create();
    let error = run(migrator(&project), &database.url()).unwrap_err();
    let failure = error.failure().unwrap();
    assert_eq!(failure.sqlstate.as_deref(), Some("23505"), "{error}");
    assert_eq!(failure.position.unwrap().line, 4);
    assert!(!database.has("public.i"));
    assert_journal(
        &database,
        &[
            ("started", 0),
            ("progress", 1),
            ("progress", 2),
            ("progress", 2),
            ("failed", 2),
        ],
    );
    database.execute("DELETE FROM m_1 WHERE ctid = (SELECT min(ctid) FROM m_1)");
    run(migrator(&project), &database.url()).unwrap();
    assert_eq!(
        database.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass"),
        "t"
    );
    assert!(database.has("public.m_3"));
}

#[test]
fn a_block_that_may_commit_by_itself_stops_the_next_run_when_it_is_killed() {
    let project = project(&format!(
        "{}DO $$BEGIN INSERT INTO m_1 VALUES (1); COMMIT; PERFORM pg_sleep(60); END$$;\n",
        table(2)
    ));
    let database = TestDatabase::create();
    let migrate = project.devflow(&["db", "migrate", "--ci", "--json"]);
    let running = migrate.env("DATABASE_URL", &database.url()).spawn();
    wait_until_asleep(&database);
    running.signal(Signal::KILL);
    let _killed = running.wait().expect(137);
    assert_free(&database);
    assert_journal(
        &database,
        &[("started", 0), ("progress", 1), ("progress", 1)],
    );
    let text = format!("{:?}", assert_stops_half_done(&project, &database));
    assert!(
        text.contains("whether statement 2 at migrations/2_table.sql:3:1 took effect"),
        "{text}"
    );
}

/// Its text does not say that it commits, or that nothing can be written beside it: the server does.
#[test]
fn a_statement_that_wants_no_block_runs_without_one() {
    let project = project(&format!(
        "{}DO E'BEGIN INSERT INTO m_1 VALUES (1); COM\\x4dIT; INSERT INTO m_1 VALUES (2); END';\n\
         SET default_transaction_read_only = on;\nSELECT 1;\nRESET default_transaction_read_only;\n",
        table(2)
    ));
    let database = TestDatabase::create();
    run(migrator(&project), &database.url()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        database.value("SELECT string_agg(id::text, ' ') FROM m_1"),
        "1 2"
    );
}

#[test]
fn settings_are_repeated_for_the_statement_that_the_next_run_begins_with() {
    let sql = format!(
        "{}CREATE SCHEMA s;\nSET search_path = s;\nBEGIN;\nSET ROLE pg_monitor;\nROLLBACK;\nCREATE TABLE x ();\nSELECT 1 / 0;\n",
        table(2)
    );
    let project = project(&sql);
    let database = TestDatabase::create();
    run(migrator(&project), &database.url()).unwrap_err();
    assert!(database.has("s.x"));
    let corrected = sql.replace("SELECT 1 / 0", "CREATE TABLE y ()");
    project.write("migrations/2_table.sql", format!("{ALONE}{corrected}"));
    run(migrator(&project), &database.url()).unwrap();
    assert!(database.has("s.y"));
}

/// It may have committed before it failed, so that nobody runs it twice.
#[test]
fn a_statement_that_turns_out_to_commit_stops_the_next_run_when_it_fails() {
    let project =
        project("DO E'BEGIN INSERT INTO m_1 VALUES (1); COM\\x4dIT; PERFORM 1 / 0; END';\n");
    let database = TestDatabase::create();
    run(migrator(&project), &database.url()).unwrap_err();
    let text = format!("{:?}", assert_stops_half_done(&project, &database));
    assert!(
        text.contains("statement 1 at migrations/2_table.sql:2:1"),
        "{text}"
    );
    assert_eq!(database.value("SELECT count(*) FROM m_1"), "1");
}

/// The server refuses it at the row or at its COMMIT: that is the file's failure, not the ledger's.
#[test]
fn a_block_that_cannot_be_serialized_is_recorded_as_failed() {
    const COUNTS: &str =
        "BEGIN ISOLATION LEVEL SERIALIZABLE; INSERT INTO m_1 SELECT count(*) FROM m_1; ";
    let project = project(&format!("{COUNTS}\n{GATE}COMMIT;\n"));
    let database = TestDatabase::create();
    let target = devflow_runtime::Version::parse("1").unwrap();
    run(migrator(&project).target(target), &database.url()).unwrap();
    let gate = Gate::shut(&database);
    let (first, url) = (migrator(&project), database.url());
    let running = std::thread::spawn(move || run(first, &url));
    gate.wait_until_reached(&database);
    database.execute(&format!("{COUNTS} COMMIT"));
    drop(gate);
    let error = running.join().unwrap().unwrap_err();
    let failure = error.failure().unwrap_or_else(|| panic!("{error}"));
    assert_eq!(failure.sqlstate.as_deref(), Some("40001"), "{error}");
    assert_journal(&database, &[("started", 0), ("failed", 0)]);
    run(migrator(&project), &database.url()).unwrap();
    assert_eq!(database.value("SELECT sum(id) FROM m_1"), "1");
}

/// The look at the index's table must not fail in its place, as if the ledger had.
#[test]
fn a_concurrent_index_in_a_schema_that_its_role_may_not_use_fails_at_its_place() {
    let project = project(
        "CREATE SCHEMA s;\nCREATE TABLE s.t (x integer);\nSET ROLE pg_monitor;\nCREATE INDEX CONCURRENTLY i ON s.t (x);\n",
    );
    let database = TestDatabase::create();
    let error = run(migrator(&project), &database.url()).unwrap_err();
    let failure = error.failure().unwrap_or_else(|| panic!("{error}"));
    assert_eq!(failure.sqlstate.as_deref(), Some("42501"), "{error}");
    assert_eq!(failure.position.unwrap().line, 5);
}
