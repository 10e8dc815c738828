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

/// So that devflow says yes itself, after its own question.
#[test]
fn only_the_older_generation_applies_without_a_yes() {
    for (cli, code) in [(SupabaseCli::Current, 1), (SupabaseCli::Previous, 0)] {
        let database = TestDatabase::create();
        let project = project(&[("20240101000000_a.sql", "create table a (i int);\n")]);
        let target = match cli {
            SupabaseCli::Current => "--remote",
            SupabaseCli::Previous => "--db-url",
        };
        let target = format!("{target}={}?sslmode=disable", database.url());
        let arguments = ["--output-format", "json", "db", "push", &target];
        let said = cli.command(&project).args(&arguments).run().expect(code);
        assert_eq!(said.stdout.contains("ConsentRequired"), code == 1);
        assert_eq!(database.has("a"), code == 0, "{cli:?}");
    }
}

/// So that devflow counts the files itself, and compares them with what was recorded of them.
#[test]
fn a_wrong_folder_and_a_changed_file_are_taken_for_up_to_date() {
    for cli in SupabaseCli::ALL {
        let database = TestDatabase::create();
        let url = format!("{}?sslmode=disable", database.url());
        let files = project(&[("20240101000000_a.sql", "create table a (i int);\n")]);
        let up_to_date = |project: &Project| {
            let said = cli.push(project, &url).run().expect(0).stdout;
            assert!(said.contains("\"upToDate\":true"), "{cli:?}: {said}");
        };
        up_to_date(&Project::new());
        let _done = cli.push(&files, &url).run().expect(0);
        files.write("supabase/migrations/20240101000000_a.sql", "select 1;\n");
        up_to_date(&files);
    }
}
