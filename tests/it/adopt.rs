//! A project that changes its ledger: what the one has, the other takes over, and nothing runs again.

use crate::history::{committed, migrator, run, table, tables};
use crate::supabase_ledger::{CLI, assert_in_step, events, native, push, recorded, status};
use devflow_runtime::{Migrator, State};
use support::{Command, Project, TestDatabase, on_background};

fn adopt(migrator: Migrator, database: &TestDatabase) -> Vec<String> {
    let url = database.url();
    let done = on_background(async move { migrator.adopt(&url, &mut ()).await });
    committed(&done.unwrap_or_else(|error| panic!("{error}")))
}

/// All is applied or baselined, and nothing is found.
fn assert_settled(migrator: Migrator, database: &TestDatabase, count: usize) {
    let status = status(migrator, &database.url()).unwrap();
    assert_eq!(status.plan.findings(), []);
    let settled = |state| matches!(state, State::Applied | State::Baselined);
    assert!(status.entries.iter().all(|entry| settled(entry.state)));
    assert_eq!(status.entries.len(), count);
}

#[test]
fn changing_the_ledger_there_and_back_runs_nothing_again() {
    let project = tables(Project::new(), 2);
    let database = TestDatabase::create();
    run(migrator(&project), &database.url()).unwrap();

    let project = tables(project, 3);
    assert_eq!(adopt(native(&project), &database), ["1", "2"]);
    assert_eq!(recorded(&database), ["1", "2"]);
    let report = run(native(&project), &database.url()).unwrap();
    assert_eq!(committed(&report), ["3"]);
    assert_settled(native(&project), &database, 3);
    assert_in_step(&database);

    let project = tables(project, 5);
    push(&database, 4);
    assert_eq!(adopt(migrator(&project), &database), ["3", "4"]);
    let report = run(migrator(&project), &database.url()).unwrap();
    assert_eq!(committed(&report), ["5"]);
    assert_settled(migrator(&project), &database, 5);

    assert_eq!(adopt(native(&project), &database), ["5"]);
    assert_settled(native(&project), &database, 5);
    assert_in_step(&database);
    assert!(adopt(native(&project), &database).is_empty());
    assert!(adopt(migrator(&project), &database).is_empty());
}

fn devflow(project: &Project, database: &TestDatabase, arguments: &[&str]) -> Command {
    let command = project.devflow(&["db", "adopt"]).args(arguments);
    command.env("DATABASE_URL", &database.url())
}

#[test]
fn what_was_applied_otherwise_is_not_taken_over() {
    let project = tables(Project::new(), 2);
    let database = TestDatabase::create();
    database.execute(CLI);
    push(&database, 1);
    push(&database, 2);
    let dry = devflow(&project, &database, &["--dry-run", "--json"]);
    let digest = dry.run().expect(0).json()["plan"]["digest"].clone();

    project.write(
        "migrations/2_table.sql",
        "CREATE TABLE other (id integer);\n",
    );
    let refused = devflow(&project, &database, &["--json"]).run().expect(4);
    let refused = refused.json();
    let finding = &refused["findings"][0];
    assert_eq!(finding["code"], "applied_otherwise", "{refused:#}");
    assert_eq!(finding["path"], "migrations/2_table.sql");
    assert!(!database.has("public.schema_migrations"));
    let digest = digest.as_str().unwrap();
    let approved = ["--approve", digest, "--json"];
    let changed = devflow(&project, &database, &approved).run().expect(7);
    assert_eq!(changed.json()["error"]["code"], "plan_changed");

    project.write("migrations/2_table.sql", table(2));
    let done = devflow(&project, &database, &approved).run().expect(0);
    let adopted = done.json()["adopted"].clone();
    assert_eq!(adopted.as_array().map(Vec::len), Some(2), "{adopted:#}");
    assert_eq!(database.events(), ["1 baselined", "2 baselined"]);
}

#[test]
fn where_there_is_no_other_history_there_is_nothing_to_take_over() {
    let project = tables(Project::new(), 1);
    let database = TestDatabase::create();
    let said = devflow(&project, &database, &[]).run().expect(0);
    let none = "there is no supabase_migrations.schema_migrations";
    assert!(said.stderr.contains(none), "{said:?}");
    assert!(!database.has("public.schema_migrations"));
}

/// Anybody may have put a ledger in that place, to keep a migration from running.
#[test]
fn a_history_of_somebody_who_is_not_trusted_is_not_taken_over() {
    let project = tables(Project::new(), 1);
    let database = TestDatabase::create();
    run(migrator(&project), &database.url()).unwrap();
    let stranger = database.role("stranger", "");
    database.execute(&format!(
        "GRANT CREATE ON SCHEMA public TO {stranger}; ALTER TABLE public.schema_migrations OWNER TO {stranger}"
    ));
    let url = database.url();
    let migrator = native(&project);
    let error = on_background(async move { migrator.adopt(&url, &mut ()).await }).unwrap_err();
    assert!(error.to_string().contains(&stranger), "{error}");
    assert!(events(&database).is_empty());
}
