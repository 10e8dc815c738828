//! devflow and the Supabase CLI on one table, each by itself and in turns.

use devflow_migrations::MigrationSet;
use devflow_runtime::{Error, LedgerKind, Migrator, Report, Settings, State, TableName};
use serde_json::Value;
use std::fs;
use support::{Project, SupabaseCli, TestDatabase, on_background};

const FILES: [(&str, &str); 4] = [
    (
        "20240101000000_a.sql",
        "-- a; table\ncreate table a (t text);\ninsert into a values ('it''s;'), (E'\\\\n');\n",
    ),
    (
        "20240102000000_b_c.sql",
        "create index concurrently on a (t);\n",
    ),
    ("20240103000000_d.sql", "create table d ();\n"),
    (
        "20240104000000_e.sql",
        "begin;\ncreate table e ();\ncommit;\n",
    ),
];

/// The first so many of the files.
fn project(count: usize) -> Project {
    let project = Project::new();
    for (name, sql) in &FILES[..count] {
        project.write(&format!("supabase/migrations/{name}"), sql);
    }
    project
}

fn native(project: &Project) -> Migrator {
    let directory = project.path().join("supabase/migrations");
    let kind = LedgerKind::Supabase;
    let set = MigrationSet::read_for(&directory, "supabase/migrations", kind).unwrap();
    Migrator::with_set(set, TableName::default(), Settings::default()).ledger(kind)
}

fn run(count: usize, database: &TestDatabase) -> Result<Report, Error> {
    let (migrator, url) = (native(&project(count)), database.url());
    on_background(async move { migrator.run(&url).await })
}

fn states(count: usize, database: &TestDatabase) -> Vec<State> {
    let (migrator, url) = (native(&project(count)), database.url());
    let status = on_background(async move { migrator.status(&url, &mut ()).await }).unwrap();
    status.entries.iter().map(|entry| entry.state).collect()
}

/// What the CLI says that it applied.
fn push(cli: SupabaseCli, count: usize, database: &TestDatabase) -> Vec<String> {
    let url = format!("{}?sslmode=disable", database.url());
    let said = cli.push(&project(count), &url).run().expect(0).stdout;
    let said: Value = serde_json::from_str(&said).unwrap();
    let applied = said["migrations"].as_array().unwrap().iter();
    applied
        .map(|name| name.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_cli_and_devflow_take_turns_and_apply_nothing_twice() {
    for cli in SupabaseCli::ALL {
        let database = TestDatabase::create();
        assert_eq!(run(2, &database).unwrap().steps.len(), 2);
        assert_eq!(push(cli, 3, &database), ["20240103000000_d.sql"], "{cli:?}");
        assert_eq!(
            states(3, &database),
            [State::Applied, State::Applied, State::Baselined]
        );
        assert_eq!(run(4, &database).unwrap().steps.len(), 1);
        assert_eq!(push(cli, 4, &database), [""; 0], "{cli:?}");
        let likeness =
            "SELECT detail ->> 'supabase' FROM devflow.supabase_ledger WHERE event = 'baselined'";
        assert_eq!(database.value(likeness), "same", "{cli:?}");
    }
}

#[test]
fn what_devflow_recorded_the_cli_fetches_and_repairs() {
    let database = TestDatabase::create();
    assert_eq!(run(4, &database).unwrap().steps.len(), 4);
    let target = format!("--remote={}?sslmode=disable", database.url());
    let elsewhere = project(0);
    elsewhere.write("supabase/migrations/.keep", "");
    let migration = |project: &Project, arguments: &[&str]| {
        let cli = SupabaseCli::Current.command(project);
        let arguments = [&["migration"], arguments, &[&target, "--yes"]].concat();
        let _done = cli.args(&arguments).run().expect(0);
    };
    migration(&elsewhere, &["fetch"]);
    for (name, sql) in FILES {
        let path = elsewhere.path().join("supabase/migrations").join(name);
        let fetched = fs::read_to_string(path).unwrap();
        assert_eq!(fetched.trim(), sql.trim(), "{name}");
    }
    let all = project(4);
    migration(&all, &["repair", "--status", "reverted", "20240104000000"]);
    assert_eq!(states(4, &database)[3], State::Pending);
    migration(&all, &["repair", "--status", "applied", "20240104000000"]);
    assert_eq!(states(4, &database)[3], State::Applied);
    let sums = "SELECT count(DISTINCT checksum) FROM devflow.supabase_ledger";
    run(4, &database).unwrap();
    assert_eq!(database.value(sums), "4");
}
