//! The guides: their migrations run in the order that the page has them, their code is the example's, and their commands rename
//! what other tools left.

use std::fs;
use std::path::Path;
use support::{Command, Project, TestDatabase};

fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn guide(name: &str) -> String {
    fs::read_to_string(workspace().join("docs/guides").join(name)).unwrap()
}

/// The code blocks of one language.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let opening = format!("\n```{language}\n");
    let rest = page.split(opening.as_str()).skip(1);
    rest.map(|rest| rest.split_once("```").unwrap().0).collect()
}

/// A migration of the page: its first line is its path.
fn file(block: &str) -> (&str, &str) {
    let (path, sql) = block.split_once('\n').unwrap();
    (path.strip_prefix("-- migrations/").unwrap(), sql)
}

fn migrate(project: &Project, database: &TestDatabase) {
    let migrate = project.devflow(&["db", "migrate", "--ci"]);
    let _done = migrate.env("DATABASE_URL", &database.url()).run().expect(0);
}

#[test]
fn a_column_is_renamed_without_losing_a_row_or_demanding_one_that_old_code_does_not_write() {
    let (project, database) = (Project::new(), TestDatabase::create());
    let page = guide("zero-downtime.md");
    let files = blocks(&page, "sql");
    assert_eq!(files.len(), 8);
    for (number, block) in files.into_iter().enumerate() {
        let (path, sql) = file(block);
        project.write(&format!("migrations/{path}"), sql);
        migrate(&project, &database);
        match number {
            // The code before the first step.
            0 | 1 => database.execute("INSERT INTO users (name) VALUES ('Ada')"),
            // The code that writes both.
            2..=6 => database.execute("INSERT INTO users (name, full_name) VALUES ('Ada', 'Ada')"),
            _ => database.execute("INSERT INTO users (full_name) VALUES ('Ada')"),
        }
    }
    let all = "SELECT count(*) FILTER (WHERE full_name = 'Ada') || ' of ' || count(*) FROM users";
    assert_eq!(database.value(all), "8 of 8");
}

#[test]
fn the_code_of_the_service_guide_is_the_examples() {
    let sources = ["main.rs", "probes.rs"].map(|file| {
        fs::read_to_string(workspace().join("examples/service/src").join(file)).unwrap()
    });
    let page = guide("axum-service.md");
    let shown = blocks(&page, "rust");
    assert!(shown.len() > 4);
    for block in shown {
        let is_there = sources.iter().any(|source| source.contains(block));
        assert!(is_there, "{block}");
    }
}

#[test]
fn the_code_of_the_recipes_is_the_one_that_is_tested() {
    let folder = workspace().join("examples/recipes/src");
    let files = fs::read_dir(folder).unwrap();
    let sources: Vec<_> = files
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    let page = fs::read_to_string(workspace().join("docs/recipes.md")).unwrap();
    let shown = blocks(&page, "rust");
    // The static, a function for each driver, and one more for sqlx.
    assert_eq!(shown.len(), sources.len() + 1);
    for block in shown {
        let is_there = sources.iter().any(|source| source.contains(block));
        assert!(is_there, "{block}");
    }
}

#[test]
fn files_of_other_tools_are_renamed_to_what_devflow_reads() {
    let page = guide("moving.md");
    let commands = blocks(&page, "sh");
    let [refinery, diesel] = commands[..] else {
        panic!("{commands:?}");
    };
    let project = Project::new();
    for (path, sql) in [
        ("V1__create_users.sql", "create table users (id int);\n"),
        ("V2__add__name.sql", "alter table users add name text;\n"),
        (
            "2024-01-31-090507_add_tags/up.sql",
            "create table tags (id int);\n",
        ),
        ("2024-01-31-090507_add_tags/down.sql", "drop table tags;\n"),
    ] {
        project.write(&format!("migrations/{path}"), sql);
    }
    let folder = project.path().join("migrations");
    for script in [refinery, diesel] {
        let shell = Command::new(Path::new("/bin/sh"), &folder);
        let _renamed = shell.args(&["-c", script]).run().expect(0);
    }
    let database = TestDatabase::create();
    migrate(&project, &database);
    let applied = database.ledger().into_iter().map(|row| row.name.unwrap());
    let expected = [
        "1_create_users.sql",
        "2_add__name.sql",
        "20240131090507_add_tags.up.sql",
    ];
    assert_eq!(applied.collect::<Vec<_>>(), expected);
    assert!(folder.join("20240131090507_add_tags.down.sql").is_file());
}
