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
        let target = format!("{}={}?sslmode=disable", cli.target(), database.url());
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

/// So that devflow names its target always.
#[test]
fn without_a_target_it_takes_another_database_than_the_one_that_is_meant() {
    for (cli, taken) in [
        (SupabaseCli::Current, "127.0.0.1:54322"),
        (SupabaseCli::Previous, "link"),
    ] {
        let project = project(&[("20240101000000_a.sql", "select 1;\n")]);
        let arguments = ["--output-format", "json", "db", "push", "--yes"];
        let said = cli.command(&project).args(&arguments).run().expect(1);
        let said = format!("{}{}", said.stdout, said.stderr);
        assert!(said.contains(taken), "{cli:?}: {said}");
    }
}

/// So that devflow has exit codes of its own.
#[test]
fn its_exit_code_is_0_with_something_pending_and_1_whatever_is_wrong() {
    for cli in SupabaseCli::ALL {
        let database = TestDatabase::create();
        let url = format!("{}?sslmode=disable", database.url());
        let good = ("20240102000000_a.sql", "create table a (i int);\n");
        let files = project(&[good]);
        let _pending = cli.push(&files, &url).args(&["--dry-run"]).run().expect(0);
        assert!(!database.has("a"), "{cli:?}");
        let _applied = cli.push(&files, &url).run().expect(0);
        files.write("supabase/migrations/20240103000000_b.sql", "select nope;\n");
        let refused = |code: &str| {
            let said = cli.push(&files, &url).run().expect(1).stdout;
            assert!(said.contains(code), "{cli:?}: {said}");
        };
        refused("ApplyError");
        files.write("supabase/migrations/20240101000000_c.sql", "select 1;\n");
        refused("MissingRemoteError");
        let nowhere = format!("{}_not_there?sslmode=disable", database.url());
        let said = cli.push(&files, &nowhere).run().expect(1).stdout;
        assert!(said.contains("DbConnectError"), "{cli:?}: {said}");
    }
}
