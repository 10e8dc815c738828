//! `devflow init` and `devflow db new`, and what comes after them.

use std::fs;
use support::{Outcome, Project, TestDatabase, cargo};

fn files(outcome: &Outcome) -> Vec<String> {
    let document = outcome.json();
    let files = document["files"].as_array().unwrap().iter();
    files
        .map(|file| {
            let text = |key: &str| file[key].as_str().unwrap();
            format!("{} {}", text("action"), text("path"))
        })
        .collect()
}

fn init(project: &Project) -> Outcome {
    project.devflow(&["init", "--json"]).run().expect(0)
}

/// Everything in the project, by path.
fn contents(project: &Project) -> Vec<(String, String)> {
    let names = [
        "devflow.yml",
        ".gitattributes",
        "build.rs",
        "migrations/.gitkeep",
    ];
    let is_there = |name: &&str| project.path().join(name).exists();
    let there = names.into_iter().filter(is_there);
    there
        .map(|name| (name.to_owned(), project.read(name)))
        .collect()
}

#[test]
fn an_empty_folder_becomes_a_project_that_migrates() {
    let project = Project::new();
    let database = TestDatabase::create();
    let written = [
        "created devflow.yml",
        "created migrations",
        "created .gitattributes",
    ];
    assert_eq!(files(&init(&project)), written);
    let before = contents(&project);
    let kept = written.map(|line| line.replace("created", "kept"));
    assert_eq!(files(&init(&project)), kept);
    assert_eq!(contents(&project), before);

    let new = |name: &str| {
        let outcome = project.devflow(&["db", "new", name]).run().expect(0);
        outcome.stdout.trim_end().to_owned()
    };
    let (first, second) = (new("Create users"), new("add e-mail"));
    assert!(first < second, "{first} {second}");
    assert!(first.ends_with("_create_users.sql"), "{first}");
    assert!(second.ends_with("_add_e_mail.sql"), "{second}");
    project.write(&first, "CREATE TABLE users (name text);\n");
    project.write(&second, "ALTER TABLE users ADD mail text;\n");
    let migrate = project.devflow(&["db", "migrate", "--json"]);
    let done = migrate.env("DATABASE_URL", &database.url()).run();
    let done = done.expect(0).json();
    assert_eq!(done["environment"], "local");
    assert_eq!(done["applied"][1]["path"], second);
    assert!(database.has("users"));
}

#[test]
fn a_new_migration_is_valid_as_it_is() {
    let project = Project::new();
    let database = TestDatabase::create();
    let _files = init(&project);
    let new = project
        .devflow(&["db", "new", "nothing yet", "--json"])
        .run();
    let new = new.expect(0).json();
    let version = new["migration"]["version"].as_str().unwrap();
    assert_eq!(version.len(), 14, "{version}");
    let migrate = project.devflow(&["db", "migrate"]);
    let _done = migrate.env("DATABASE_URL", &database.url()).run().expect(0);
    assert_eq!(database.events(), [format!("{version} applied")]);
}

#[test]
fn a_cargo_package_gets_its_build_script() {
    let project = Project::new()
        .file(
            "Cargo.toml",
            "[package]\nname = \"app\"\nedition = \"2024\"\n",
        )
        .file("src/main.rs", "fn main() {}\n");
    let written = [
        "created devflow.yml",
        "created migrations",
        "created .gitattributes",
        "created build.rs",
    ];
    assert_eq!(files(&init(&project)), written);
    let before = contents(&project);
    assert_eq!(
        files(&init(&project)),
        written.map(|line| line.replace("created", "kept"))
    );
    assert_eq!(contents(&project), before);
    // The build script is one that Cargo takes.
    let _built = cargo(project.path(), &["check", "--quiet", "--offline"]);
}

#[test]
fn what_is_there_is_extended_or_left_to_its_owner() {
    let project = Project::new()
        .file("Cargo.toml", "")
        .file("build.rs", "fn main() {}\n")
        .file(".gitattributes", "*.png binary")
        .file(
            "devflow.yml",
            "version: \"1\"\ndatabase: { migrations: { directory: db/sql } }\n",
        );
    let written = [
        "kept devflow.yml",
        "created db/sql",
        "extended .gitattributes",
        "to_do build.rs",
    ];
    let first = init(&project);
    assert_eq!(files(&first), written);
    assert_eq!(
        first.json()["files"][3]["line"],
        "println!(\"cargo::rerun-if-changed=db/sql\");"
    );
    assert_eq!(project.read("build.rs"), "fn main() {}\n");
    assert_eq!(
        project.read(".gitattributes"),
        "*.png binary\n*.sql text eol=lf\n"
    );
    let again = [
        "kept devflow.yml",
        "kept db/sql",
        "kept .gitattributes",
        "to_do build.rs",
    ];
    assert_eq!(files(&init(&project)), again);
    let new = project.devflow(&["db", "new", "first"]).run().expect(0);
    assert!(new.stdout.starts_with("db/sql/"), "{new:?}");
}

#[test]
fn init_from_a_folder_below_keeps_the_project_that_is_there() {
    let project = Project::new();
    let _files = init(&project);
    fs::create_dir(project.path().join("src")).unwrap();
    let below = project.command("/bin/sh".as_ref());
    let devflow = support::program(support::Program::Devflow);
    let line = format!("cd src && {} init", devflow.display());
    let outcome = below.args(&["-c", &line]).run().expect(0);
    assert!(
        outcome.stdout.contains("kept     devflow.yml"),
        "{outcome:?}"
    );
    assert!(!project.path().join("src/devflow.yml").exists());
}
