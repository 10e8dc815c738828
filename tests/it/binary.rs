//! `--binary`: a service's executable compared with its directory and its database, without running it.

use devflow_migrations::Manifest;
use devflow_runtime::{ErrorKind, LedgerKind, MigrationSet, Migrator, Settings, TableName};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use support::{Command, Program, Project, TestDatabase, on_background, program};

/// The example service's folder, and beside it the service itself without its symbols.
fn shipped() -> Project {
    let project = Project::new().copy_of("examples/service");
    let service = project.path().join("image");
    fs::copy(program(Program::ExampleService), &service).unwrap();
    let _stripped = project
        .command(Path::new("strip"))
        .args(&["image"])
        .run()
        .expect(0);
    project
}

fn devflow(project: &Project, database: &TestDatabase, arguments: &[&str]) -> Command {
    let command = project.devflow(&["db"]).args(arguments);
    command.env("DATABASE_URL", &database.url())
}

/// What the command says, without what differs from run to run and what says where the files were taken from.
fn said(command: Command, exit: i32) -> Value {
    let mut document = command.args(&["--json"]).run().expect(exit).json();
    for key in ["run", "elapsed_ms", "remarks"] {
        document[key] = Value::Null;
    }
    // A list does not say what the statements do.
    for step in document["plan"]["steps"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        step["effects"] = Value::Null;
    }
    document
}

fn embedded(directory: &Path, shown: &str) -> Vec<u8> {
    let set = MigrationSet::read(directory, shown).unwrap();
    Manifest::bytes(&set, shown, &TableName::default(), LedgerKind::Devflow)
}

#[test]
fn a_stripped_service_lists_exactly_its_directory() {
    let project = shipped();
    let image = fs::read(project.path().join("image")).unwrap();
    let manifest = embedded(&project.path().join("migrations"), "migrations");
    let copies = image.windows(manifest.len());
    assert!(copies.clone().any(|window| window == manifest));

    let check = || project.devflow(&["db", "check", "--binary", "image"]);
    let fresh = check().run().expect(0);
    assert!(
        fresh
            .stderr
            .contains("image lists 4 migrations of migrations"),
        "{fresh:?}"
    );

    let first = fs::read_dir(project.path().join("migrations")).unwrap();
    let mut names: Vec<_> = first
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    project.write(&format!("migrations/{}", names[0]), "SELECT 1;\n");
    project.remove(&format!("migrations/{}", names[1]));
    let renamed = names[2].replace(".sql", "_again.sql");
    let text = fs::read(project.path().join("migrations").join(&names[2])).unwrap();
    project.remove(&format!("migrations/{}", names[2]));
    project.write(&format!("migrations/{renamed}"), text);
    project.write("migrations/0009_new.sql", "SELECT 9;\n");
    let stale = check().args(&["--json"]).run().expect(4).json();
    assert_eq!(stale["error"]["code"], "binary_stale");
    let findings = stale["findings"].as_array().unwrap();
    let codes: Vec<_> = findings
        .iter()
        .map(|it| it["code"].as_str().unwrap())
        .collect();
    let otherwise = "embedded_otherwise";
    assert_eq!(
        codes,
        [otherwise, "embedded_alone", otherwise, "not_embedded"]
    );
}

#[test]
fn a_binary_has_the_plan_and_the_status_of_its_directory() {
    let (project, database) = (shipped(), TestDatabase::create());
    let binary = ["--binary", "image"];
    let dry_run = ["migrate", "--dry-run", "--ci"];
    let status = ["status"];
    for target in ["2", "4"] {
        for command in [&dry_run[..], &status] {
            let by_directory = said(devflow(&project, &database, command), 0);
            let by_binary = said(devflow(&project, &database, command).args(&binary), 0);
            assert_eq!(by_binary, by_directory);
        }
        let migrate = ["migrate", "--ci", "--target", target];
        let _applied = devflow(&project, &database, &migrate).run().expect(0);
    }

    // The approval of what a binary shows is one of what the directory applies; and a job may have no checkout.
    let (project, database) = (shipped(), TestDatabase::create());
    fs::rename(
        project.path().join("migrations"),
        project.path().join("away"),
    )
    .unwrap();
    let shown = said(devflow(&project, &database, &dry_run).args(&binary), 0);
    fs::rename(
        project.path().join("away"),
        project.path().join("migrations"),
    )
    .unwrap();
    let digest = shown["plan"]["digest"].as_str().unwrap();
    let approved = devflow(
        &project,
        &database,
        &["migrate", "--ci", "--approve", digest],
    );
    let _applied = approved.run().expect(0);
    assert_eq!(database.events().len(), 4);
}

/// Files with manifests of made-up sets, for what no single service has.
#[test]
fn what_cannot_be_compared_is_refused_with_the_next_step() {
    let project = Project::new()
        .file(
            "devflow.yml",
            "version: \"1\"\ndatabase:\n  migrations: { directory: db/a }\n",
        )
        .file("db/a/1_a.sql", "SELECT 1;\n")
        .file("db/b/1_b.sql", "SELECT 2;\n");
    let database = TestDatabase::create();
    let sets: Vec<PathBuf> = ["db/a", "db/b"].map(|it| project.path().join(it)).into();
    let [a, b] = [embedded(&sets[0], "db/a"), embedded(&sets[1], "db/b")];
    project.write("both", [&b[..], &a].concat());
    let chosen = said(
        devflow(&project, &database, &["status", "--binary", "both"]),
        0,
    );
    assert_eq!(chosen["migrations"][0]["file"], "1_a.sql");

    let other = MigrationSet::read(&sets[1], "db/a").unwrap();
    let other = Manifest::bytes(&other, "db/a", &TableName::default(), LedgerKind::Devflow);
    let elsewhere = TableName::new("ops", "ledger").unwrap();
    let elsewhere = Manifest::bytes(
        &MigrationSet::default(),
        "db/a",
        &elsewhere,
        LedgerKind::Devflow,
    );
    project.write("stale-half", [&a[..], &other].concat());
    project.write("neither", [&b[..], &elsewhere].concat());
    project.write("elsewhere", &elsewhere);
    project.write("cut", &a[..a.len() - 1]);
    for (binary, code, words) in [
        ("stale-half", "binary_ambiguous", "2 different sets of db/a"),
        ("neither", "binary_ambiguous", "none of db/a"),
        ("elsewhere", "binary_table", "ops.ledger"),
        ("cut", "manifest_damaged", "cut off"),
        ("devflow.yml", "manifest_missing", "no executable"),
        ("nowhere", "binary_unreadable", "is not there"),
    ] {
        let status = devflow(
            &project,
            &database,
            &["status", "--json", "--binary", binary],
        );
        let refused = status.run().expect(2).json().to_string();
        assert!(
            refused.contains(code) && refused.contains(words),
            "{refused}"
        );
    }
    let migrate = devflow(
        &project,
        &database,
        &["migrate", "--json", "--binary", "both"],
    );
    let refused = migrate.run().expect_error(2, "binary_without_text");
    assert!(refused.contains("--dry-run"), "{refused}");
    assert!(!database.has("schema_migrations"));
}

#[test]
fn what_a_binary_lists_is_never_executed() {
    let project = Project::new().migration("1_a.sql", "CREATE TABLE a ();\n");
    let database = TestDatabase::create();
    let image = project.path().join("image");
    fs::write(
        &image,
        embedded(&project.path().join("migrations"), "migrations"),
    )
    .unwrap();
    let manifest = Manifest::read(&image, "image").unwrap().remove(0);
    let (set, table) = (manifest.set().clone(), manifest.table().clone());
    let migrator = Migrator::with_set(set, table, Settings::default());
    let url = database.url();
    let refused = on_background(async move { migrator.run(&url).await }).unwrap_err();
    assert_eq!(
        (refused.kind(), refused.code()),
        (ErrorKind::Usage, "no_text")
    );
    assert!(!database.has("schema_migrations"));
    assert!(!database.has("a"));
}
