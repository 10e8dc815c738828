//! Bad migrations that the static checks would have let through: the ledger never has a gap, no migration is without
//! its row, no row without its migration, and nothing leaks from one migration to the next.

use crate::bad_migration::Fate::{self, Applied, Escaped, Lost, Refused};
use crate::bad_migration::{ABORTS, Case, ESCAPES, LEAKS};
use crate::gate::{GATE, Gate};
use crate::history::{
    applied, assert_agree, assert_sound, committed, empty, run, table, unchecked,
};
use crate::lent::run_over;
use devflow_runtime::{Error, ErrorKind, Report};
use std::panic::{AssertUnwindSafe, catch_unwind};
use support::{LedgerRow, TestDatabase};

/// Fails unless it finds the session as devflow gave it to the first migration.
const WITNESS: &str = "DO $$ DECLARE found text; BEGIN
    SELECT string_agg(what, ', ') INTO found FROM (
        SELECT name || ' is ' || setting AS what FROM pg_settings WHERE source = 'session' AND setting IS DISTINCT FROM reset_val AND name NOT IN
            ('client_encoding', 'idle_in_transaction_session_timeout', 'lock_timeout', 'statement_timeout', 'transaction_timeout',
             'transaction_isolation', 'transaction_read_only', 'default_transaction_read_only')
        UNION ALL SELECT 'encoding is ' || current_setting('client_encoding') WHERE current_setting('client_encoding') <> 'UTF8'
        UNION ALL SELECT 'timeout' WHERE current_setting('statement_timeout') <> '0' OR current_setting('lock_timeout') <> '5s'
        UNION ALL SELECT 'tenant' WHERE current_setting('app.tenant', true) <> ''
        UNION ALL SELECT 'user is ' || current_user WHERE current_user <> 'postgres' OR session_user <> 'postgres'
        UNION ALL SELECT 'cursor ' || name FROM pg_cursors WHERE is_holdable
        UNION ALL SELECT 'statement ' || name FROM pg_prepared_statements
        UNION ALL SELECT 'listens to ' || channel FROM pg_listening_channels() channel
        UNION ALL SELECT 'temporary ' || relname FROM pg_class WHERE relnamespace = pg_my_temp_schema()
    ) l;
    IF found IS NOT NULL THEN RAISE 'left behind: %', found; END IF; END $$;\n";

/// What a run goes over.
#[derive(Clone, Copy)]
pub(crate) enum Over {
    /// A connection of its own.
    Own,
    /// One that the caller has opened, where what start-up options set elsewhere is set again.
    Lent,
}

impl Over {
    fn run(self, files: &[String], database: &TestDatabase) -> Result<Report, Error> {
        match self {
            Self::Own => run(unchecked(files), &database.url()),
            Self::Lent => run_over(unchecked(files), &database.url()),
        }
    }

    fn witness(self) -> String {
        let expected = match self {
            Self::Own => "",
            Self::Lent => {
                "'application_name', 'client_connection_check_interval', 'idle_session_timeout',"
            }
        };
        WITNESS.replace("NOT IN\n            (", &format!("NOT IN ({expected}"))
    }
}

/// Five migrations; the third is the one in question, the fourth looks for what it left behind.
fn files(third: &str, over: Over) -> Vec<String> {
    vec![
        table(1),
        table(2),
        third
            .replace(
                "TABLE;",
                &format!("{};", table(3).trim_end().trim_end_matches(';')),
            )
            .replace("; TABLE", &format!("; {}", table(3))),
        format!("{}{}", over.witness(), table(4)),
        // Not qualified: a search path or a temporary table that was left behind would lead it astray.
        format!("{}ALTER TABLE m_1 ADD COLUMN seen integer;\n", table(5)),
    ]
}

/// Where the five migrations are applied.
#[derive(Clone, Copy)]
pub(crate) enum Before {
    /// No ledger: they are pipelined.
    Nothing,
    /// The first is applied: one is under way at a time.
    First,
}

/// Goes through all cases, and then names those that went wrong.
pub(crate) fn assert_fates(over: Over, before: Before, cases: &[Case]) {
    let database = TestDatabase::create();
    let mut wrong = Vec::new();
    for (about, third, fate) in cases {
        eprintln!("--- {about}");
        empty(&database);
        let case = AssertUnwindSafe(|| assert_case(&database, over, before, third, *fate));
        if catch_unwind(case).is_err() {
            wrong.push(about);
        }
    }
    assert!(wrong.is_empty(), "went wrong: {wrong:#?}");
}

fn assert_case(database: &TestDatabase, over: Over, before: Before, third: &str, fate: Fate) {
    let files = files(third, over);
    if let Before::First = before {
        run(unchecked(&files[..1]), &database.url()).unwrap();
    }
    let outcome = over.run(&files, database);
    assert_fate(database, over, fate, outcome, &files);
}

fn assert_fate(
    database: &TestDatabase,
    over: Over,
    fate: Fate,
    outcome: Result<Report, Error>,
    files: &[String],
) {
    match fate {
        Applied => {
            outcome.unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(applied(database).len(), files.len());
            assert_eq!(database.value("SELECT count(seen) FROM public.m_1"), "0");
            return assert_sound(database);
        }
        Refused(sqlstate) => assert_refused(database, sqlstate, &outcome.unwrap_err()),
        Escaped => return assert_escaped(database, &outcome.unwrap_err(), files),
        Lost => assert_lost(&outcome),
    }
    assert_sound(database);
    assert_goes_on(database, over, files);
}

/// Pipelined, all of it may have been committed by then, which a fresh look finds out.
fn assert_lost(outcome: &Result<Report, Error>) {
    let report = match outcome {
        Ok(report) => {
            let lost = |remark: &String| remark.contains("the connection was lost");
            assert!(report.remarks.iter().any(lost), "{:?}", report.remarks);
            report
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Broken, "{error}");
            error.report().unwrap()
        }
    };
    assert!(!committed(report).is_empty());
}

fn third(database: &TestDatabase) -> LedgerRow {
    let mut rows = database.ledger().into_iter();
    rows.rfind(|row| row.version == "3")
        .expect("a row of the third")
}

fn assert_refused(database: &TestDatabase, sqlstate: &str, error: &Error) {
    assert_eq!(error.kind(), ErrorKind::MigrationFailed, "{error}");
    let failure = error.failure().unwrap();
    assert_eq!(failure.version.to_string(), "3", "{error}");
    assert_eq!(
        failure.sqlstate.as_deref().unwrap_or(""),
        sqlstate,
        "{error}"
    );
    assert!(failure.recorded, "{error}");
    assert_eq!(applied(database), ["1", "2"]);
    let row = third(database);
    assert_eq!(
        (row.event.as_str(), row.statement),
        ("failed", None),
        "{error}"
    );
}

/// The table of the third may be there; the ledger says that nobody knows, and the next run does not go past it.
fn assert_escaped(database: &TestDatabase, error: &Error, files: &[String]) {
    assert_eq!(error.kind(), ErrorKind::MigrationFailed, "{error}");
    assert_eq!(applied(database), ["1", "2"]);
    let row = third(database);
    assert_eq!(row.event, "failed");
    assert!(
        row.statement.is_some_and(|statement| statement > 0),
        "{error}: {row:?}"
    );
    assert!(!database.has("public.m_4") && !database.has("public.m_5"));
    let next = run(unchecked(files), &database.url()).unwrap_err();
    assert_eq!(next.kind(), ErrorKind::Refused, "{next}");
    assert_eq!(applied(database), ["1", "2"]);
}

/// After the third was corrected, where it has to be, the rest is applied.
fn assert_goes_on(database: &TestDatabase, over: Over, files: &[String]) {
    let mut files = files.to_vec();
    if applied(database).len() < 3 {
        files[2] = table(3);
    }
    let outcome = over.run(&files, database);
    outcome.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(applied(database).len(), files.len());
    assert_agree(database);
}

#[test]
fn nothing_leaks_from_one_pipelined_migration_to_the_next() {
    assert_fates(Over::Own, Before::Nothing, LEAKS);
}

#[test]
fn nothing_leaks_from_one_migration_to_the_next() {
    assert_fates(Over::Own, Before::First, LEAKS);
}

#[test]
fn a_bad_pipelined_migration_is_rolled_back_and_nothing_after_it_applied() {
    assert_fates(Over::Own, Before::Nothing, ABORTS);
}

#[test]
fn a_bad_migration_is_rolled_back_and_nothing_after_it_applied() {
    assert_fates(Over::Own, Before::First, ABORTS);
}

#[test]
fn a_pipelined_migration_that_ends_its_transaction_stops_everything() {
    assert_fates(Over::Own, Before::Nothing, ESCAPES);
}

#[test]
fn a_migration_that_ends_its_transaction_stops_everything() {
    assert_fates(Over::Own, Before::First, ESCAPES);
}

/// Holds the third migration up at a gate and lets another session write meanwhile.
fn assert_loses_to_another(before: Before, third: &str, meanwhile: &str) {
    let database = TestDatabase::create();
    let files = files(&format!("{GATE}{third}"), Over::Own);
    if let Before::First = before {
        run(unchecked(&files[..1]), &database.url()).unwrap();
    }
    let gate = Gate::shut(&database);
    let (migrator, url) = (unchecked(&files), database.url());
    let run = std::thread::spawn(move || run(migrator, &url));
    gate.wait_until_reached(&database);
    // The first two may be committed asynchronously; the other session sees them all the same.
    database.execute(&format!(
        "{meanwhile}; INSERT INTO schema_migrations (version, seq, event, name, checksum, at) \
         VALUES ('3', 1, 'applied', '3_file.sql', '{}', now())",
        devflow_runtime::Checksum::of(&files[2]),
    ));
    drop(gate);
    let report = run.join().unwrap().unwrap();
    assert!(!committed(&report).contains(&"3".to_owned()));
    assert_eq!(applied(&database).len(), 5);
    assert_eq!(
        database.value("SELECT count(*) FROM schema_migrations WHERE version = '3'"),
        "1"
    );
    assert_agree(&database);
    assert_sound(&database);
}

#[test]
fn the_loser_of_a_race_for_a_table_plans_again() {
    for before in [Before::Nothing, Before::First] {
        assert_loses_to_another(before, "CREATE TABLE m_3 ()", "CREATE TABLE m_3 ()");
    }
}

#[test]
fn the_loser_of_a_race_for_the_ledger_plans_again_and_takes_effect_nowhere() {
    for before in [Before::Nothing, Before::First] {
        let change = "INSERT INTO m_1 VALUES (3)";
        assert_loses_to_another(before, change, &format!("CREATE TABLE m_3 (); {change}"));
    }
}
