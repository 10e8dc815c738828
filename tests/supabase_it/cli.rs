//! What the Supabase CLI does by itself, where devflow counts on it.

use support::{Project, SupabaseCli, TestDatabase};

/// A project with these files in `supabase/migrations`.
fn project(files: &[(&str, &str)]) -> Project {
    let project = Project::new();
    for (name, sql) in files {
        project.write(&format!("supabase/migrations/{name}"), sql);
    }
    project
}

#[test]
fn both_generations_are_the_versions_that_they_are_taken_for() {
    for cli in SupabaseCli::ALL {
        let said = cli.command(&Project::new()).args(&["--version"]).run();
        assert_eq!(said.expect(0).stdout.trim(), cli.version());
    }
}

#[test]
fn both_generations_record_a_version_a_name_and_the_statements() {
    for cli in SupabaseCli::ALL {
        let database = TestDatabase::create();
        let project = project(&[(
            "20240101000000_a.sql",
            "create table a (i int);\nselect 1;\n",
        )]);
        let url = format!("{}?sslmode=disable", database.url());
        let _done = cli.push(&project, &url).run().expect(0);
        let rows = database.rows(
            "SELECT version, name, statements::text FROM supabase_migrations.schema_migrations",
        );
        let row = [
            "20240101000000",
            "a",
            r#"{"create table a (i int)","select 1"}"#,
        ];
        assert_eq!(rows, [row.map(str::to_owned)], "{cli:?}");
    }
}

/// So that devflow has to look at the table after each run.
#[test]
fn a_file_that_stays_in_its_transaction_is_told_as_done_and_is_not() {
    for cli in SupabaseCli::ALL {
        let database = TestDatabase::create();
        let project = project(&[("20240101000000_a.sql", "begin;\ncreate table a (i int);\n")]);
        let url = format!("{}?sslmode=disable", database.url());
        let said = cli.push(&project, &url).run().expect(0).stdout;
        assert!(said.contains("20240101000000_a.sql"), "{said}");
        assert!(!database.has("a"), "{cli:?}");
    }
}
