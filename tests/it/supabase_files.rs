//! What files of a Supabase project hold: of an applied one nothing keeps devflow from going on, of a pending one it is
//! checked before anything is written.

use crate::history::{committed, run, table, tables};
use crate::supabase_ledger::{CLI, events, native, push, recorded, status};
use devflow_migrations::SourceError;
use devflow_runtime::{Error, ErrorKind, State};
use std::error::Error as _;
use support::{Project, TestDatabase};

/// Files that the CLI takes, in one way or another, and devflow does not.
const ODD: [&str; 6] = [
    "create table x (i int);\ncommit;\ninsert into x values (1);\n",
    "create table y (i int);\ncreate index concurrently on y (i);\n",
    "begin;\ncreate table z (i int);\n",
    "discard all;\n",
    "selct 1;\n",
    "select 1;\n-- devflow: no-transaction\n",
];

/// The first one is number 2.
fn odd(project: Project) -> Project {
    let files = ODD.iter().enumerate();
    files.fold(project, |project, (index, sql)| {
        project.migration(&format!("{}_odd.sql", index + 2), sql)
    })
}

fn codes(error: &Error) -> Vec<(&'static str, u32)> {
    let source = error.source().unwrap();
    let problems = source.downcast_ref::<SourceError>().unwrap().problems();
    let places = problems
        .iter()
        .map(|it| (it.code, it.position.unwrap().line));
    places.collect()
}

#[test]
fn what_an_applied_file_holds_keeps_nobody_from_going_on() {
    let database = TestDatabase::create();
    database.execute(CLI);
    push(&database, 1);
    for (index, sql) in ODD.iter().enumerate() {
        database.execute(&format!(
            "INSERT INTO supabase_migrations.schema_migrations VALUES ('{}', ARRAY[$sql${}$sql$], 'odd')",
            index + 2,
            sql.trim_end().trim_end_matches(';'),
        ));
    }
    let project = odd(tables(Project::new(), 1)).migration("8_table.sql", &table(8));
    let seen = status(native(&project), &database.url()).unwrap();
    let states: Vec<_> = seen.entries.iter().map(|entry| entry.state).collect();
    assert_eq!(states[..7], [State::Baselined; 7]);
    assert_eq!(states[7], State::Pending);
    assert_eq!(seen.plan.findings(), []);
    let report = run(native(&project), &database.url()).unwrap();
    assert_eq!(committed(&report), ["8"]);
}

#[test]
fn what_a_pending_file_holds_is_checked_before_anything_is_written() {
    let project = odd(tables(Project::new(), 1));
    let database = TestDatabase::create();
    let expected = [
        ("not_in_transaction", 2),
        ("open_transaction", 1),
        ("drops_lock", 1),
        ("syntax_error", 1),
        ("directive_misplaced", 2),
    ];
    let error = run(native(&project), &database.url()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source, "{error:?}");
    assert_eq!(codes(&error), expected);
    let seen = status(native(&project), &database.url()).unwrap_err();
    assert_eq!(codes(&seen), expected);
    assert!(recorded(&database).is_empty() && !database.has("devflow.supabase_ledger"));
}

#[test]
fn a_file_that_commits_by_itself_runs_piece_by_piece_and_is_warned_of() {
    let failing = "create table x (i int);\ncommit;\ninsert into x values (1);\nselect 1 / 0;\n";
    let project = Project::new().migration("1_own.sql", failing);
    let database = TestDatabase::create();
    let seen = status(native(&project), &database.url()).unwrap();
    let warned: Vec<_> = seen.plan.findings().iter().map(|it| it.code()).collect();
    assert_eq!(warned, ["supabase_not_atomic"]);
    let error = run(native(&project), &database.url()).unwrap_err();
    assert_eq!(error.failure().unwrap().completed, Some(3));
    assert!(recorded(&database).is_empty());
    let project = Project::new().migration("1_own.sql", &failing.replace("/ 0", "/ 1"));
    let report = run(native(&project), &database.url()).unwrap();
    assert_eq!(committed(&report), ["1"]);
    assert_eq!(database.value("SELECT count(*) FROM x"), "1");
    assert_eq!(recorded(&database), ["1"]);
    assert_eq!(events(&database).last().unwrap(), "1 applied");
}
