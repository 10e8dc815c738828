//! One history, embedded in a service and read from a directory by the CLI: they cannot disagree.

use std::path::{Path, PathBuf};
use support::{Command, Program, Project, TestDatabase, program};

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/service")
}

fn devflow(arguments: &[&str], database: &TestDatabase) -> Command {
    let devflow = Command::new(&program(Program::Devflow), &example()).args(arguments);
    devflow
        .args(&["--json"])
        .env("DATABASE_URL", &database.url())
}

fn migrate_as_the_service(database: &TestDatabase) {
    let service = Command::new(&program(Program::ExampleService), Path::new("/"));
    let service = service
        .args(&["migrate"])
        .env("DATABASE_URL", &database.url());
    let _outcome = service.run().expect(0);
}

/// Versions, names and checksums.
fn recorded(database: &TestDatabase) -> Vec<[Option<String>; 3]> {
    let rows = database.ledger().into_iter();
    rows.map(|row| [Some(row.version), row.name, row.checksum])
        .collect()
}

#[test]
fn the_service_and_the_cli_record_the_same_and_make_the_same_schema() {
    let (by_service, by_cli) = (TestDatabase::create(), TestDatabase::create());
    migrate_as_the_service(&by_service);
    let _outcome = devflow(&["db", "migrate", "--ci"], &by_cli).run().expect(0);
    assert_eq!(recorded(&by_service), recorded(&by_cli));
    assert_eq!(by_service.schema_dump(), by_cli.schema_dump());
}

#[test]
fn what_one_has_applied_is_done_for_the_other() {
    let (by_service, by_cli) = (TestDatabase::create(), TestDatabase::create());
    migrate_as_the_service(&by_service);
    let document = devflow(&["db", "migrate", "--ci"], &by_service)
        .run()
        .expect(0)
        .json();
    assert_eq!(document["already_applied"], 4);
    assert_eq!(document["applied"].as_array().unwrap().len(), 0);
    assert_eq!(document["findings"].as_array().unwrap().len(), 0);
    let _outcome = devflow(&["db", "migrate", "--ci"], &by_cli).run().expect(0);
    migrate_as_the_service(&by_cli);
    assert_eq!(by_cli.events().len(), 4);
}

/// git may have written CR LF on one machine and LF on the other, and an editor a BOM.
#[test]
fn line_endings_and_a_byte_order_mark_are_no_difference() {
    let database = TestDatabase::create();
    migrate_as_the_service(&database);
    let project = Project::new();
    for entry in std::fs::read_dir(example().join("migrations")).unwrap() {
        let entry = entry.unwrap();
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let name = entry.file_name().into_string().unwrap();
        let text = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        project.write(&format!("migrations/{name}"), text);
    }
    let migrate = project.devflow(&["db", "migrate", "--ci", "--json"]);
    let document = migrate
        .env("DATABASE_URL", &database.url())
        .run()
        .expect(0)
        .json();
    assert_eq!(document["already_applied"], 4);
    assert_eq!(document["findings"].as_array().unwrap().len(), 0);
}
