//! The `.env` beside devflow.yml.

use support::{Command, Project, TestDatabase};

const CONFIG: &str = "version: \"1\"\ndatabase:\n  environments:\n    \
    local: { url_env: DATABASE_URL }\n    staging: { url_env: DATABASE_URL }\n";

struct Scene {
    project: Project,
    database: TestDatabase,
}

impl Scene {
    fn new() -> Self {
        let database = TestDatabase::create();
        let dotenv = format!("# local\nexport DATABASE_URL='{}'\n", database.url());
        let project = Project::new()
            .file("devflow.yml", CONFIG)
            .file(".env", dotenv)
            .migration("1_a.sql", "CREATE TABLE a (b int);\n");
        Self { project, database }
    }

    fn status(&self, arguments: &[&str]) -> Command {
        self.project
            .devflow(&["db", "status", "--json"])
            .args(arguments)
    }
}

#[test]
fn it_is_read_for_local_only_and_said() {
    let scene = Scene::new();
    let document = scene.status(&[]).run().expect(0).json();
    assert_eq!(document["database"]["name"], scene.database.name());
    assert_eq!(document["remarks"][0], "DATABASE_URL is taken from .env:2");
    for arguments in [["--env", "staging"], ["--env=local", "--ci"]] {
        let _said = scene
            .status(&arguments)
            .run()
            .expect_error(2, "url_not_set");
    }
}

#[test]
fn it_overrides_nothing() {
    let scene = Scene::new();
    let other = TestDatabase::create();
    let status = scene.status(&[]).env("DATABASE_URL", &other.url());
    let document = status.run().expect(0).json();
    assert_eq!(document["database"]["name"], other.name());
    assert_eq!(document["remarks"].as_array().unwrap().len(), 0);
    let empty = scene.status(&[]).env("DATABASE_URL", "");
    assert!(
        empty
            .run()
            .expect_error(2, "url_not_set")
            .contains("is empty")
    );
}

#[test]
fn what_cannot_be_read_is_named_by_its_line_and_not_shown() {
    let scene = Scene::new();
    scene
        .project
        .write(".env", "A=1\nDATABASE_URL=\"postgres://ann:hunter2@h/db\n");
    let said = scene.status(&[]).secret("hunter2").run();
    assert!(said.expect_error(2, "dotenv_malformed").contains(".env:2"));
    scene
        .project
        .write(".env", "DATABASE_URL=postgres//ann:hunter2@h/db\n");
    let said = scene.status(&[]).secret("hunter2").run();
    let _help = said.expect_error(2, "invalid_url");
}
