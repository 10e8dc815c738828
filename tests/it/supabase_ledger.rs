//! The Supabase CLI's table as the ledger: whoever applied a migration, it is applied once, and devflow's own ledger beside
//! that table says the same. What the CLI does is done here by its statements.

use crate::history::{committed, migrator, run, table, tables};
use devflow_runtime::{
    Decision, Error, ErrorKind, LedgerKind, Migration, MigrationSet, Migrator, Repair, Report,
    Settings, State, Status, TableName, Version,
};
use std::collections::BTreeSet;
use std::time::Duration;
use support::{LedgerRow, Project, Proxy, TestDatabase, on_background};

/// How the CLI makes its table.
pub(crate) const CLI: &str = "CREATE SCHEMA IF NOT EXISTS supabase_migrations; \
    CREATE TABLE IF NOT EXISTS supabase_migrations.schema_migrations (version text NOT NULL PRIMARY KEY); \
    ALTER TABLE supabase_migrations.schema_migrations ADD COLUMN IF NOT EXISTS statements text[]; \
    ALTER TABLE supabase_migrations.schema_migrations ADD COLUMN IF NOT EXISTS name text;";

/// A migrator whose ledger is the CLI's table.
pub(crate) fn native(project: &Project) -> Migrator {
    let directory = project.path().join("migrations");
    let set = MigrationSet::read_for(&directory, "migrations", LedgerKind::Supabase);
    let set = set.unwrap_or_else(|error| panic!("{error:?}"));
    Migrator::with_set(set, TableName::default(), Settings::default())
        .ledger(LedgerKind::Supabase)
        .inspected_by(Migration::problems)
}

/// The statement by which the CLI records the n-th of `tables`.
pub(crate) fn record(number: usize) -> String {
    let statement = table(number);
    let statement = statement.trim().trim_end_matches(';');
    format!(
        "INSERT INTO supabase_migrations.schema_migrations(version, name, statements) \
         VALUES ('{number}', 'table', ARRAY['{statement}'])"
    )
}

/// The CLI applies the n-th of `tables`.
pub(crate) fn push(database: &TestDatabase, number: usize) {
    database.execute(&format!(
        "BEGIN; {} {}; COMMIT",
        table(number),
        record(number)
    ));
}

/// devflow's own rows, in brief.
pub(crate) fn events(database: &TestDatabase) -> Vec<String> {
    let rows = rows(database);
    rows.iter().map(LedgerRow::summary).collect()
}

fn rows(database: &TestDatabase) -> Vec<LedgerRow> {
    database.ledger_in("devflow.supabase_ledger")
}

/// The versions in the CLI's table.
pub(crate) fn recorded(database: &TestDatabase) -> Vec<String> {
    match database.has("supabase_migrations.schema_migrations") {
        true => database
            .column("SELECT version FROM supabase_migrations.schema_migrations ORDER BY version"),
        false => Vec::new(),
    }
}

/// Both tables say that exactly those migrations are applied whose tables are there.
pub(crate) fn assert_in_step(database: &TestDatabase) {
    let mut applied = BTreeSet::new();
    for row in rows(database) {
        match row.event.as_str() {
            "applied" | "baselined" | "repaired" => drop(applied.insert(row.version)),
            "reverted" => drop(applied.remove(&row.version)),
            _ => {}
        }
    }
    let recorded: BTreeSet<_> = recorded(database).into_iter().collect();
    assert_eq!(applied, recorded, "devflow's ledger, and the CLI's table");
    let made = "SELECT substr(tablename, 3) FROM pg_tables WHERE tablename ~ '^m_[0-9]+$'";
    let made: BTreeSet<_> = database.column(made).into_iter().collect();
    assert_eq!(applied, made, "the ledger, and what was made");
}

pub(crate) fn status(migrator: Migrator, url: &str) -> Result<Status, Error> {
    let url = url.to_owned();
    on_background(async move { migrator.status(&url, &mut ()).await })
}

/// Each version's state.
fn states(status: &Status) -> Vec<(String, State)> {
    let entries = status.entries.iter();
    entries
        .map(|entry| (entry.version.to_string(), entry.state))
        .collect()
}

fn repair(migrator: Migrator, database: &TestDatabase, version: &str, decision: Decision) {
    let url = database.url();
    let version = Version::parse(version).unwrap();
    let repairs = [Repair { version, decision }];
    let done = on_background(async move { migrator.repair(&url, &repairs, &mut ()).await });
    done.unwrap_or_else(|error| panic!("{error}"));
}

fn baseline(migrator: Migrator, database: &TestDatabase, version: &str) -> Report {
    let (url, version) = (database.url(), Version::parse(version).unwrap());
    let done = on_background(async move { migrator.baseline(&url, &version, &mut ()).await });
    done.unwrap_or_else(|error| panic!("{error}"))
}

const SHAPE: &str = "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull, ', ' ORDER BY attnum) \
     || ' ' || (SELECT string_agg(conname, ', ' ORDER BY conname) FROM pg_constraint WHERE contype = 'p' AND conrelid = attrelid) \
     FROM pg_attribute WHERE attrelid = 'supabase_migrations.schema_migrations'::regclass AND attnum > 0 GROUP BY attrelid";

#[test]
fn a_run_leaves_the_table_that_the_cli_would() {
    let odd = "CREATE TABLE \"m;3\" (t text);\n-- it's \\ \"quoted\", é 🦀\nINSERT INTO \"m;3\" VALUES (E'a\\\\b\\n'), ('x{,}');\n";
    let project = Project::new()
        .migration("001_table.sql", &table(1))
        .migration("002_odd_one.sql", odd)
        .migration("003_nothing.sql", "");
    let (ours, theirs) = (TestDatabase::create(), TestDatabase::create());
    let report = run(native(&project), &ours.url()).unwrap();
    assert_eq!(committed(&report), ["1", "2", "3"]);
    let shown = report.place.table.to_string();
    assert_eq!(shown, "supabase_migrations.schema_migrations");
    theirs.execute(CLI);
    assert_eq!(ours.value(SHAPE), theirs.value(SHAPE));
    let kept = "SELECT version, name, cardinality(statements), statements[1] FROM supabase_migrations.schema_migrations ORDER BY version";
    let expected = [
        ["001", "table", "1", "CREATE TABLE public.m_1 (id integer)"],
        ["002", "odd_one", "2", "CREATE TABLE \"m;3\" (t text)"],
        ["003", "nothing", "0", "NULL"],
    ];
    assert_eq!(ours.rows(kept), expected);
    let second =
        "SELECT statements[2] FROM supabase_migrations.schema_migrations WHERE version = '002'";
    let (_, comment_and_all) = odd.split_once(";\n").unwrap();
    assert!(
        comment_and_all
            .trim_end()
            .trim_end_matches(';')
            .ends_with(&ours.value(second))
    );
    assert_eq!(events(&ours), ["1 applied", "2 applied", "3 applied"]);
    let grants = "SELECT count(*) FROM pg_class c, aclexplode(c.relacl) a \
                  WHERE c.oid = 'devflow.supabase_ledger'::regclass AND a.grantee <> c.relowner";
    assert_eq!(ours.value(grants), "0");
}

#[test]
fn a_start_with_nothing_pending_is_one_message() {
    let project = tables(Project::new(), 3);
    let database = TestDatabase::create();
    run(native(&project), &database.url()).unwrap();
    let proxy = Proxy::start(database.server().address(), Duration::ZERO);
    let report = run(native(&project), &database.url_through(&proxy)).unwrap();
    let counts = proxy.counts();
    assert_eq!((counts.messages, counts.round_trips), (1, 1));
    assert_eq!(report.already_applied, 3);
}

#[test]
fn runs_of_both_kinds_take_turns_and_apply_nothing_twice() {
    let project = tables(Project::new(), 1);
    let database = TestDatabase::create();
    database.execute(CLI);
    push(&database, 1);
    let seen = status(native(&project), &database.url()).unwrap();
    assert_eq!(states(&seen), [("1".to_owned(), State::Baselined)]);
    let (url, reader) = (database.url(), native(&project));
    let log = on_background(async move { reader.log(&url, 9, &mut ()).await }).unwrap();
    assert!(log.ledger_exists && log.rows.is_empty());
    let (url, reader) = (database.url(), native(&project));
    let version = Version::parse("1").unwrap();
    let shown = on_background(async move { reader.history(&url, &version, &mut ()).await });
    let shown = shown.unwrap();
    assert_eq!(shown.entry.unwrap().state, State::Baselined);
    assert!(shown.rows.is_empty());
    assert!(
        !database.has("devflow.supabase_ledger"),
        "status writes nothing"
    );
    let report = run(native(&project), &database.url()).unwrap();
    assert_eq!((committed(&report).len(), report.already_applied), (0, 1));
    let project = tables(project, 2);
    assert_eq!(
        committed(&run(native(&project), &database.url()).unwrap()),
        ["2"]
    );
    push(&database, 3);
    let project = tables(project, 4);
    let (url, reader) = (database.url(), native(&project));
    let plan = on_background(async move { reader.plan(&url, &mut ()).await }).unwrap();
    let approved = native(&project).approve(plan.digest);
    assert_eq!(committed(&run(approved, &database.url()).unwrap()), ["4"]);
    assert_eq!(
        events(&database),
        ["1 baselined", "2 applied", "3 baselined", "4 applied"]
    );
    assert_eq!(rows(&database)[0].detail["supabase"], "same");
    assert_in_step(&database);
}

#[test]
fn a_file_that_is_not_what_the_cli_applied_is_told_from_one_that_cannot_be_compared() {
    let database = TestDatabase::create();
    database.execute(CLI);
    (1..=4).for_each(|number| push(&database, number));
    database.execute(
        "UPDATE supabase_migrations.schema_migrations SET statements = NULL WHERE version = '2'; \
         UPDATE supabase_migrations.schema_migrations SET statements = ARRAY['create table m_3 ()', 'select 1'] WHERE version = '3'; \
         UPDATE supabase_migrations.schema_migrations SET statements = ARRAY[' CREATE TABLE public.m_4 (id integer);'], \
           name = 'tafel' WHERE version = '4'",
    );
    let project = tables(Project::new(), 4);
    let error = run(native(&project), &database.url()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(
        error.to_string().contains("3_table.sql was changed"),
        "{error}"
    );
    assert!(events(&database).is_empty());
    repair(native(&project), &database, "3", Decision::Checksum);
    let kept =
        "SELECT statements[1] FROM supabase_migrations.schema_migrations WHERE version = '3'";
    assert_eq!(database.value(kept), "CREATE TABLE public.m_3 (id integer)");
    let told: Vec<_> = rows(&database)
        .iter()
        .map(|row| format!("{} {}", row.summary(), row.detail["supabase"]))
        .collect();
    assert_eq!(
        told,
        [
            "1 baselined \"same\"",
            "2 baselined \"unknown\"",
            "3 baselined \"differs\"",
            "4 baselined \"same\"",
            "3 repaired null"
        ]
    );
    let seen = status(native(&project), &database.url()).unwrap();
    let codes = seen.plan.findings().iter().map(|finding| finding.code());
    assert_eq!(codes.collect::<Vec<_>>(), ["renamed"]);
}

#[test]
fn what_the_cli_takes_back_is_pending_again_and_a_table_that_is_gone_is_not_an_empty_one() {
    let project = tables(Project::new(), 3);
    let database = TestDatabase::create();
    run(native(&project), &database.url()).unwrap();
    let take_back = |version: &str| {
        database.execute(&format!(
            "DELETE FROM supabase_migrations.schema_migrations WHERE version = '{version}'"
        ));
    };
    take_back("3");
    database.execute("DROP TABLE m_3");
    assert_eq!(
        committed(&run(native(&project), &database.url()).unwrap()),
        ["3"]
    );
    assert_eq!(events(&database)[3..], ["3 reverted", "3 applied"]);
    take_back("1");
    let error = run(native(&project), &database.url()).unwrap_err();
    assert!(error.to_string().contains("older than 3"), "{error}");
    database.execute("DROP SCHEMA supabase_migrations CASCADE");
    let error = run(native(&project), &database.url()).unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Ledger, "ledger_damaged")
    );
    assert!(status(native(&project), &database.url()).is_err());
}

#[test]
fn two_spellings_of_one_version_are_damage_and_versions_that_sort_otherwise_are_refused() {
    let project = tables(Project::new(), 1);
    let database = TestDatabase::create();
    database.execute(CLI);
    database.execute("INSERT INTO supabase_migrations.schema_migrations VALUES ('1'), ('001')");
    let error = run(native(&project), &database.url()).unwrap_err();
    assert_eq!(error.code(), "ledger_damaged");
    assert!(error.to_string().contains("are one version"), "{error}");
    let project = tables(Project::new(), 10);
    let error = run(native(&project), &database.url()).unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Usage, "supabase_versions")
    );
}

#[test]
fn a_persons_decisions_are_in_both_tables() {
    let project = tables(Project::new(), 3)
        .migration("4_m.up.sql", &table(4))
        .migration("4_m.down.sql", "DROP TABLE m_4;\n");
    let database = TestDatabase::create();
    database.execute(&format!("{} {} {CLI}", table(1), table(2)));
    database.execute(&record(1));
    let report = baseline(native(&project), &database, "2");
    assert_eq!(committed(&report), ["2"]);
    assert_eq!(events(&database), ["1 baselined", "2 baselined"]);
    assert_in_step(&database);
    database.execute(&table(3));
    repair(native(&project), &database, "3", Decision::Applied);
    assert_in_step(&database);
    run(native(&project), &database.url()).unwrap();
    let (url, again) = (database.url(), native(&project));
    let undone = on_background(async move { again.revert(&url, None, &mut ()).await }).unwrap();
    assert_eq!(committed(&undone), ["4"]);
    assert_in_step(&database);
    database.execute("DROP TABLE m_3");
    repair(native(&project), &database, "3", Decision::NotApplied);
    assert_eq!(recorded(&database), ["1", "2"]);
    assert_in_step(&database);
}

#[test]
fn a_version_that_the_other_history_has_is_refused() {
    let project = tables(Project::new(), 2);
    let database = TestDatabase::create();
    run(migrator(&project), &database.url()).unwrap();
    let error = run(native(&project), &database.url()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(
        error
            .to_string()
            .contains("public.schema_migrations has it as applied"),
        "{error}"
    );
    assert!(!database.has("supabase_migrations.schema_migrations"));
    let seen = status(native(&project), &database.url()).unwrap();
    let codes: Vec<_> = seen.plan.refused().map(|finding| finding.code()).collect();
    assert_eq!(codes, ["recorded_elsewhere", "recorded_elsewhere"]);

    let database = TestDatabase::create();
    database.execute(CLI);
    push(&database, 1);
    let error = run(migrator(&project), &database.url()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("supabase_migrations.schema_migrations has"),
        "{error}"
    );
    assert!(!database.has("m_2") && !database.has("public.schema_migrations"));
}

/// A table in that place that is somebody else's is no history.
#[test]
fn another_tools_table_does_not_stand_in_the_way() {
    let project = tables(Project::new(), 1);
    let database = TestDatabase::create();
    database.execute(
        "CREATE TABLE public.schema_migrations (version varchar(128) PRIMARY KEY); \
         INSERT INTO public.schema_migrations VALUES ('1')",
    );
    assert_eq!(
        committed(&run(native(&project), &database.url()).unwrap()),
        ["1"]
    );
    let own = TableName::new("ops", "ledger").unwrap();
    let set = native(&project).set().clone();
    let ours = || Migrator::with_set(set.clone(), own.clone(), Settings::default());
    let database = TestDatabase::create();
    database.execute(
        "CREATE SCHEMA supabase_migrations; \
         CREATE VIEW supabase_migrations.schema_migrations AS SELECT '1'::text AS version",
    );
    assert_eq!(committed(&run(ours(), &database.url()).unwrap()), ["1"]);
}

#[test]
fn no_message_is_spent_on_another_history_where_there_is_none() {
    let project = tables(Project::new(), 1);
    let messages = |database: &TestDatabase, migrator: Migrator| {
        let proxy = Proxy::start(database.server().address(), Duration::ZERO);
        run(migrator, &database.url_through(&proxy)).unwrap();
        proxy.counts().messages
    };
    let (alone, beside) = (TestDatabase::create(), TestDatabase::create());
    beside.execute(CLI);
    let (alone, beside) = (
        messages(&alone, migrator(&project)),
        messages(&beside, migrator(&project)),
    );
    assert_eq!(beside, alone + 2, "one before the lock and one under it");
}
