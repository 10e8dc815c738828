//! A migration that fails: what came before it stays, it is rolled back and recorded with its place, and the run after
//! the correction goes on from there.

use crate::history::{
    Heard, applied, assert_sound, committed, migrator, run, run_with, table, tables,
};
use devflow_runtime::{ErrorKind, StepFailure};
use serde_json::json;
use support::{Project, TestDatabase};

#[test]
fn the_third_of_five_fails_and_the_rerun_applies_three_to_five() {
    let database = TestDatabase::create();
    let third = format!("{}\nSELECT nothing FROM m_2;\n", table(3));
    let project = tables(Project::new(), 5).migration("3_table.sql", &third);
    let migrate = || {
        project
            .devflow(&["db", "migrate", "--ci", "--json"])
            .env("DATABASE_URL", &database.url())
    };
    let document = migrate().run().expect(1).json();
    let told = document.to_string();
    for fact in [
        "42703",
        "\"line\":3",
        "\"column\":8",
        "migrations/3_table.sql",
    ] {
        assert!(told.contains(fact), "{fact}: {told}");
    }
    assert_eq!(database.events(), ["1 applied", "2 applied", "3 failed"]);
    let error = &database.ledger()[2].error;
    assert_eq!(
        *error,
        json!({ "sqlstate": "42703", "message": "column \"nothing\" does not exist",
            "file": "migrations/3_table.sql", "line": 3, "column": 8 })
    );
    assert_sound(&database);
    let human = project
        .devflow(&["db", "migrate", "--ci"])
        .env("DATABASE_URL", &database.url());
    let human = human.run().expect(1);
    let said = format!("{}{}", human.stdout, human.stderr);
    for fact in [
        "migrations/3_table.sql:3:8",
        "42703",
        "SELECT nothing FROM m_2;",
        "^",
    ] {
        assert!(said.contains(fact), "{fact}: {said}");
    }
    project.write("migrations/3_table.sql", table(3));
    let _report = migrate().run().expect(0).json();
    assert_eq!(
        database.events(),
        [
            "1 applied",
            "2 applied",
            "3 failed",
            "3 failed",
            "3 applied",
            "4 applied",
            "5 applied"
        ]
    );
    assert_sound(&database);
}

/// What is in the file, where the error is, its SQLSTATE, and the line that is shown.
struct Case {
    file: Vec<u8>,
    place: (u32, u32),
    sqlstate: &'static str,
    line: &'static str,
}

fn case(file: &str, place: (u32, u32), sqlstate: &'static str, line: &'static str) -> Case {
    Case {
        file: file.into(),
        place,
        sqlstate,
        line,
    }
}

fn cases() -> Vec<Case> {
    vec![
        case("SELECT nothing;", (1, 8), "42703", "SELECT nothing;"),
        case(
            "-- é\nSELECT 'é', '😀', nothing;",
            (2, 18),
            "42703",
            "SELECT 'é', '😀', nothing;",
        ),
        case(
            "SELECT '😀';\n\nSELECT 1;\n  SELECT 2 WHERE nothing;\n",
            (4, 18),
            "42703",
            "  SELECT 2 WHERE nothing;",
        ),
        case(
            "SELECT 1;\nSELECT 2; SELECT 1 / 0;\n",
            (2, 11),
            "22012",
            "SELECT 2; SELECT 1 / 0;",
        ),
        case(
            "CREATE TABLE a (b int UNIQUE);\nINSERT INTO a VALUES (1);\n-- twice\nINSERT INTO a VALUES (1);\n",
            (4, 1),
            "23505",
            "INSERT INTO a VALUES (1);",
        ),
        case(
            "CREATE TABLE a ();\n\n\tCREATE TABLE a ();\n",
            (3, 2),
            "42P07",
            "\tCREATE TABLE a ();",
        ),
        case(
            "SELECT 1;\nDO $$\nBEGIN\n    PERFORM 1;\n    PERFORM 1 / 0;\nEND\n$$;\n",
            (5, 5),
            "22012",
            "    PERFORM 1 / 0;",
        ),
        case(
            "DO LANGUAGE plpgsql $é$ BEGIN\n  RAISE 'no ''é''';\nEND $é$;",
            (2, 3),
            "P0001",
            "  RAISE 'no ''é''';",
        ),
        case(
            "-- é\nDO '\nBEGIN\n  PERFORM nothing();\nEND';\n",
            (4, 3),
            "42883",
            "  PERFORM nothing();",
        ),
        case(
            "SELECT 1;\nCREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\n  SELECT nothing\n$$;\n",
            (3, 10),
            "42703",
            "  SELECT nothing",
        ),
        case(
            "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\n  RETURN 1 / 0;\nEND $$;\n\nSELECT f();\n",
            (6, 1),
            "22012",
            "SELECT f();",
        ),
        case(
            "\u{feff}SELECT 1;\r\nSELECT 'é', nothing;\r\n",
            (2, 13),
            "42703",
            "SELECT 'é', nothing;",
        ),
        case(
            "BEGIN;\nSELECT nothing;\nCOMMIT;\n",
            (2, 8),
            "42703",
            "SELECT nothing;",
        ),
        case(
            "/* a */ SELECT 1; -- b\n/* c */ SELECT 1 / 0; -- d\n",
            (2, 9),
            "22012",
            "/* c */ SELECT 1 / 0; -- d",
        ),
    ]
}

/// A file that is sent in groups: the error is far behind the first of them.
fn large() -> Case {
    let mut file = String::from("CREATE TABLE big (t text);\n");
    let filler = "é".repeat(500);
    for _ in 0..4600 {
        file.push_str(&format!("INSERT INTO big VALUES ('{filler}');\n"));
    }
    file.push_str("-- the end\nINSERT INTO big VALUES ('é', nothing);\n");
    case(
        &file,
        (4603, 30),
        "42703",
        "INSERT INTO big VALUES ('é', nothing);",
    )
}

fn fail(file: &[u8]) -> StepFailure {
    let database = TestDatabase::create();
    let project = Project::new().file("migrations/1_file.sql", file);
    let error = run(migrator(&project), &database.url()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MigrationFailed, "{error}");
    assert_eq!(database.events(), ["1 failed"]);
    let failure = error.failure().unwrap().clone();
    let recorded = &database.ledger()[0].error;
    let position = failure
        .position
        .unwrap_or_else(|| panic!("no position: {error}"));
    assert_eq!(recorded["line"], position.line, "{recorded}");
    assert_eq!(recorded["column"], position.column, "{recorded}");
    assert_eq!(recorded["sqlstate"], *failure.sqlstate.as_ref().unwrap());
    failure
}

#[test]
fn an_error_is_shown_where_it_is_in_the_file() {
    for case in cases() {
        let failure = fail(&case.file);
        let position = failure.position.unwrap();
        let file = String::from_utf8_lossy(&case.file);
        assert_eq!((position.line, position.column), case.place, "{file}");
        assert_eq!(failure.sqlstate.as_deref(), Some(case.sqlstate), "{file}");
        assert_eq!(failure.line.as_deref(), Some(case.line), "{file}");
    }
}

#[test]
fn an_error_is_shown_where_it_is_in_a_file_that_is_sent_in_groups() {
    let case = large();
    assert!(case.file.len() > 4 << 20);
    let failure = fail(&case.file);
    let position = failure.position.unwrap();
    assert_eq!((position.line, position.column), case.place);
    assert_eq!(failure.line.as_deref(), Some(case.line));
    assert_eq!(failure.statement, Some(4602));
}

#[test]
fn the_second_statement_of_many_without_a_position_is_named() {
    let failure = fail(b"SELECT 1;\n\nSELECT 1 / 0;\nSELECT 2;\n");
    assert_eq!(failure.statement, Some(2));
}

#[test]
fn what_the_server_says_is_tied_to_its_migration() {
    for ledger in [false, true] {
        let database = TestDatabase::create();
        let say = |n: usize| {
            format!(
                "{}DO $$BEGIN RAISE NOTICE 'number {n}'; RAISE WARNING 'é {n}'; END$$;",
                table(n)
            )
        };
        let project = (1..=8).fold(Project::new(), |project, n| {
            project.migration(&format!("{n}_say.sql"), &say(n))
        });
        let project = project.migration(
            "9_fail.sql",
            "DO $$BEGIN RAISE NOTICE 'last words'; RAISE 'no'; END$$;",
        );
        if ledger {
            run(
                migrator(&project).target(devflow_runtime::Version::parse("1").unwrap()),
                &database.url(),
            )
            .unwrap();
        }
        let heard = Heard::default();
        let error = run_with(migrator(&project), &database.url(), heard.clone()).unwrap_err();
        let report = error.report().unwrap();
        let first = if ledger { 2 } else { 1 };
        assert_eq!(
            committed(report),
            (first..=8).map(|n| n.to_string()).collect::<Vec<_>>()
        );
        let lines = heard.lines();
        for (step, n) in report.steps.iter().zip(first..) {
            let said: Vec<_> = step
                .notices
                .iter()
                .map(|notice| notice.message.as_str())
                .collect();
            assert_eq!(said, [format!("number {n}"), format!("é {n}")]);
            let line = format!("migrations/{n}_say.sql: WARNING é {n}");
            assert!(lines.contains(&line), "{line}: {lines:?}");
        }
        let last = &error.failure().unwrap().notices;
        assert_eq!(last.len(), 1, "{last:?}");
        assert_eq!(last[0].message, "last words");
        assert_eq!(applied(&database).len(), 8);
    }
}
