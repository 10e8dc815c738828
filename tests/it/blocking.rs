//! Programs without a Tokio runtime, and calls that wait inside one.

use devflow_runtime::{MigrationSet, Migrator, Settings, TableName};
use support::{Project, TestDatabase};

fn migrator() -> Migrator {
    let project = Project::new().migration("1_a.sql", "CREATE TABLE a (b int);\n");
    let set = MigrationSet::read(&project.path().join("migrations"), "migrations");
    Migrator::with_set(set.unwrap(), TableName::default(), Settings::default())
}

#[test]
fn a_program_without_a_runtime_migrates() {
    let database = TestDatabase::create();
    let report = migrator().run_blocking(&database.url()).unwrap();
    assert_eq!(report.steps.len(), 1);
    assert_eq!(database.events(), ["1 applied"]);
    let again = migrator().run_blocking_on(&database.url().parse().unwrap());
    assert!(again.unwrap().steps.is_empty());
    let error = migrator().run_blocking("postgress://nowhere").unwrap_err();
    assert!(!error.code().is_empty());
}

#[tokio::test]
async fn a_blocking_run_inside_a_runtime_does_not_panic() {
    let database = TestDatabase::create();
    let report = migrator().run_blocking(&database.url()).unwrap();
    assert_eq!(report.steps.len(), 1);
    assert_eq!(database.events(), ["1 applied"]);
}
