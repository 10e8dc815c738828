//! The Supabase CLI's table and devflow's ledger beside it when something is in the way, dies, or writes at the same moment:
//! both say the same afterwards.

use crate::gate::{GATE, Gate, session};
use crate::history::{assert_free, committed, run, run_with, table, tables};
use crate::supabase_ledger::{CLI, assert_in_step, events, native, push, record, recorded, status};
use devflow_runtime::ErrorKind;
use std::thread;
use std::time::Duration;
use support::{Cut, Project, Proxy, TestDatabase};

/// Nothing is there any more, for the next case.
fn empty(database: &TestDatabase) {
    database.execute(
        "DROP SCHEMA IF EXISTS devflow, supabase_migrations CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public",
    );
}

/// The messages before this one read only.
const FIRST_WRITING: usize = 10;

/// What the CLI has applied is taken over, and a file outside a transaction and one in a transaction are applied.
#[test]
fn a_run_survives_a_cut_at_every_message_with_both_tables_in_step() {
    let outside = format!(
        "-- devflow: no-transaction\n{}CREATE INDEX CONCURRENTLY i ON m_1 (id);\n",
        table(2)
    );
    let project = tables(Project::new(), 3).migration("2_table.sql", &outside);
    let database = TestDatabase::create();
    let proxy = Proxy::start(database.server().address(), Duration::ZERO);
    for cut in (FIRST_WRITING..).map(Cut::After) {
        empty(&database);
        database.execute(CLI);
        push(&database, 1);
        proxy.cut(cut);
        let _outcome = run(native(&project), &database.url_through(&proxy));
        let was_cut = !proxy.will_cut();
        assert_free(&database);
        let applied = events(&database);
        let applied = applied.iter().filter(|event| event.ends_with(" applied"));
        assert_eq!(applied.count(), recorded(&database).len() - 1, "{cut:?}");
        run(native(&project), &database.url()).unwrap_or_else(|error| panic!("{cut:?}: {error}"));
        assert_eq!(recorded(&database), ["1", "2", "3"], "{cut:?}");
        assert_in_step(&database);
        if !was_cut {
            return;
        }
    }
}

/// devflow's lock does not keep the CLI away: its row is what the loser runs into.
#[test]
fn a_push_at_the_same_moment_wins_and_the_run_goes_on_behind_it() {
    let gated = [format!("{GATE}{}", table(2)), GATE.to_owned()];
    for second in gated {
        let project = tables(Project::new(), 3).migration("2_table.sql", &second);
        let database = TestDatabase::create();
        database.execute(CLI);
        push(&database, 1);
        let gate = Gate::shut(&database);
        let (migrator, url) = (native(&project), database.url());
        let running = thread::spawn(move || run(migrator, &url));
        gate.wait_until_reached(&database);
        database.execute(&format!(
            "{} INSERT INTO supabase_migrations.schema_migrations (version) VALUES ('2')",
            table(2)
        ));
        drop(gate);
        let report = running.join().unwrap().unwrap();
        assert_eq!(committed(&report), ["3"]);
        let mut found = events(&database);
        found.retain(|event| event != "2 failed");
        assert_eq!(found, ["1 baselined", "2 baselined", "3 applied"]);
        assert_in_step(&database);
    }
}

#[test]
fn five_runs_at_once_apply_everything_once_and_agree() {
    let project = tables(Project::new(), 5);
    let database = TestDatabase::create();
    database.execute(CLI);
    push(&database, 1);
    let runs: Vec<_> = (0..5)
        .map(|_| {
            let (migrator, url) = (native(&project), database.url());
            thread::spawn(move || run(migrator, &url))
        })
        .collect();
    let reports = runs.into_iter().map(|run| run.join().unwrap().unwrap());
    let done: usize = reports.map(|report| committed(&report).len()).sum();
    assert_eq!(done, 4);
    assert_in_step(&database);
}

/// A copy of a service that starts while another run is under way has nothing to wait for.
#[test]
fn a_start_with_nothing_pending_does_not_wait_to_take_over_what_the_cli_applied() {
    let project = tables(Project::new(), 1);
    let database = TestDatabase::create();
    database.execute(CLI);
    push(&database, 1);
    let lock = session(&database, "SELECT pg_advisory_lock(5244045953312699820)");
    let report = run(native(&project), &database.url()).unwrap();
    assert_eq!(report.already_applied, 1);
    assert!(events(&database).is_empty());
    drop(lock);
    assert_free(&database);
    run(native(&project), &database.url()).unwrap();
    assert_eq!(events(&database), ["1 baselined"]);
}

/// What a migration must not do to the table that says what is applied.
const MEDDLING: [&str; 6] = [
    "INSERT INTO supabase_migrations.schema_migrations VALUES ('2')",
    "INSERT INTO supabase_migrations.schema_migrations VALUES ('0')",
    "UPDATE supabase_migrations.schema_migrations SET name = 'other'",
    "DELETE FROM supabase_migrations.schema_migrations WHERE version = '1'",
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; \
     CREATE TRIGGER t BEFORE INSERT ON supabase_migrations.schema_migrations FOR EACH ROW EXECUTE FUNCTION f()",
    "CREATE RULE r AS ON INSERT TO supabase_migrations.schema_migrations DO INSTEAD NOTHING",
];

#[test]
fn a_migration_that_writes_to_the_clis_table_is_rolled_back() {
    let database = TestDatabase::create();
    let project = tables(Project::new(), 3);
    for meddling in MEDDLING {
        empty(&database);
        run(native(&tables(Project::new(), 1)), &database.url()).unwrap();
        project.write(
            "migrations/2_table.sql",
            format!("{}{meddling};\n", table(2)),
        );
        let error = run(native(&project), &database.url()).unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::MigrationFailed,
            "{meddling}: {error}"
        );
        let said = error.to_string();
        assert!(
            said.contains("supabase_migrations.schema_migrations"),
            "{meddling}: {said}"
        );
        assert_eq!(events(&database), ["1 applied", "2 failed"], "{meddling}");
        assert_in_step(&database);
    }
    project.write("migrations/2_table.sql", table(2));
    run(native(&project), &database.url()).unwrap();
    assert_in_step(&database);
}

/// A run of a file outside a transaction began, and the CLI applied the file.
#[test]
fn what_the_cli_finished_of_a_half_done_file_is_applied() {
    let database = TestDatabase::create();
    let broken = "-- devflow: no-transaction\nCREATE TABLE m_2 (id integer);\nSELECT 1/0;\n";
    let project = tables(Project::new(), 2).migration("2_table.sql", broken);
    let error = run(native(&project), &database.url()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MigrationFailed);
    let last = |events: Vec<String>| events.last().cloned().unwrap();
    assert_eq!(last(events(&database)), "2 failed");
    database
        .execute("INSERT INTO supabase_migrations.schema_migrations VALUES ('2', NULL, 'table')");
    let report = run(native(&project), &database.url()).unwrap();
    assert_eq!(report.already_applied, 2);
    assert_eq!(last(events(&database)), "2 applied");
    assert_in_step(&database);
}

#[test]
fn an_old_table_is_completed_and_one_with_more_columns_is_left_as_it_is() {
    let project = tables(Project::new(), 2);
    for extra in [
        "(version text NOT NULL PRIMARY KEY)",
        "(version text COLLATE \"und-x-icu\" NOT NULL PRIMARY KEY, statements text[], name text, created_by text, \
          idempotency_key text UNIQUE, rollback text[])",
    ] {
        let database = TestDatabase::create();
        database.execute(&format!(
            "CREATE SCHEMA supabase_migrations; CREATE TABLE supabase_migrations.schema_migrations {extra}; \
             {} INSERT INTO supabase_migrations.schema_migrations (version) VALUES ('1')",
            table(1)
        ));
        status(native(&project), &database.url()).unwrap();
        assert_eq!(
            committed(&run(native(&project), &database.url()).unwrap()),
            ["2"]
        );
        assert_in_step(&database);
        let kept =
            "SELECT statements[1] FROM supabase_migrations.schema_migrations WHERE version = '2'";
        assert_eq!(database.value(kept), table(2).trim().trim_end_matches(';'));
    }
}

/// What stands in the table's place and is not it.
const OTHERS: [&str; 4] = [
    "CREATE VIEW supabase_migrations.schema_migrations AS SELECT pg_sleep(60)::text AS version",
    "CREATE TABLE supabase_migrations.schema_migrations (version bigint PRIMARY KEY, statements text[], name text)",
    "CREATE TABLE supabase_migrations.schema_migrations (version text, statements text[], name text)",
    "CREATE TABLE supabase_migrations.schema_migrations (id text PRIMARY KEY)",
];

#[test]
fn what_is_not_the_clis_table_is_neither_read_nor_written() {
    let project = tables(Project::new(), 1);
    let database = TestDatabase::create();
    for other in OTHERS {
        empty(&database);
        database.execute(&format!("CREATE SCHEMA supabase_migrations; {other}"));
        for error in [
            run(native(&project), &database.url()).unwrap_err(),
            status(native(&project), &database.url()).unwrap_err(),
        ] {
            assert_eq!(error.code(), "ledger_foreign", "{other}: {error}");
            assert_eq!(error.kind(), ErrorKind::Ledger);
        }
        assert!(!database.has("m_1") && !database.has("devflow.supabase_ledger"));
    }
    empty(&database);
    database.execute(&format!(
        "{CLI} CREATE RULE r AS ON INSERT TO supabase_migrations.schema_migrations DO ALSO NOTHING"
    ));
    let error = run(native(&project), &database.url()).unwrap_err();
    assert_eq!(error.code(), "ledger_untrusted", "{error}");
    assert!(error.to_string().contains("rule r"), "{error}");
}

#[test]
fn a_role_reads_what_it_may_and_is_told_what_it_may_not() {
    let project = tables(Project::new(), 1);
    let database = TestDatabase::create();
    database.execute(CLI);
    push(&database, 1);
    let role = database.role("reader", "");
    let url = database.url_as(&role);
    for verb in [
        status(native(&project), &url).map(drop),
        run(native(&project), &url).map(drop),
    ] {
        let error = verb.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Permission, "{error}");
        assert!(error.to_string().contains("supabase_migrations"), "{error}");
    }
    database.execute(&format!(
        "GRANT USAGE ON SCHEMA supabase_migrations TO {role}; GRANT SELECT ON supabase_migrations.schema_migrations TO {role}; \
         ALTER ROLE {role} SET default_transaction_read_only = on"
    ));
    status(native(&project), &url).unwrap();
    let report = run(native(&project), &url).unwrap();
    assert_eq!(report.already_applied, 1);
    database.execute(&format!("ALTER ROLE {role} RESET ALL"));
    run(native(&project), &url).unwrap();
    assert!(!database.has("devflow.supabase_ledger"));
    let pending = tables(project, 2);
    let error = run(native(&pending), &url).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Permission, "{error}");
    run(native(&pending), &database.url()).unwrap();
    let error = status(native(&pending), &url).unwrap_err();
    assert_eq!(error.code(), "ledger_unreadable", "{error}");
    assert!(
        error.to_string().contains("devflow.supabase_ledger"),
        "{error}"
    );
}

/// On Supabase nobody migrates as a superuser.
#[test]
fn a_role_that_may_create_schemas_does_without_being_a_superuser() {
    let project = tables(Project::new(), 2);
    let database = TestDatabase::create();
    let role = database.role("owner", "");
    database.execute(&format!(
        "GRANT CREATE ON DATABASE {} TO {role}; GRANT CREATE ON SCHEMA public TO {role}",
        database.name()
    ));
    let heard = crate::history::Heard::default();
    let report = run_with(native(&project), &database.url_as(&role), heard.clone()).unwrap();
    assert_eq!(committed(&report), ["1", "2"]);
    assert_in_step(&database);
    assert!(heard.lines().iter().all(|line| !line.contains("trust")));
}

#[test]
fn somebodys_lock_on_the_clis_table_is_an_error_and_not_a_silent_start() {
    let project = tables(Project::new(), 1);
    let database = TestDatabase::create();
    database.execute(CLI);
    let lock = session(
        &database,
        "BEGIN; LOCK TABLE supabase_migrations.schema_migrations",
    );
    let error = run(native(&project), &database.url()).unwrap_err();
    assert_eq!(error.code(), "ledger_locked", "{error}");
    drop(lock);
    run(native(&project), &database.url()).unwrap();
    database.execute(&record(2));
}
