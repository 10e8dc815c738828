//! `devflow db show`: one version's file and its rows in the ledger.

use support::{Command, Project, TestDatabase};

const TWO: &str = "-- Two tables.\nCREATE TABLE a (b int);\n\n  CREATE TABLE c\n    (d int);\n";

struct Scene {
    project: Project,
    database: TestDatabase,
}

impl Scene {
    fn new(sql: &str) -> Self {
        Self {
            project: Project::new().migration("0042_two.sql", sql),
            database: TestDatabase::create(),
        }
    }

    fn devflow(&self, arguments: &[&str]) -> Command {
        let command = self.project.devflow(arguments);
        command.env("DATABASE_URL", &self.database.url())
    }

    fn text(&self) -> String {
        self.devflow(&["db", "show", "42"]).run().expect(0).stdout
    }
}

#[test]
fn a_version_is_shown_from_its_file_to_its_last_row() {
    let scene = Scene::new(&TWO.replace("int);\n\n", "nothing);\n\n"));
    let text = scene.text();
    assert!(
        text.contains("+ pending migrations/0042_two.sql\n"),
        "{text}"
    );
    assert!(text.contains("Nothing was ever applied here"), "{text}");
    let _failed = scene.devflow(&["db", "migrate"]).run().expect(1);
    scene.project.write("migrations/0042_two.sql", TWO);
    let actor = [
        ("GITHUB_SERVER_URL", "https://github.example"),
        ("GITHUB_REPOSITORY", "acme/shop"),
        ("GITHUB_RUN_ID", "7"),
        ("GITHUB_ACTOR", "octocat"),
    ];
    let migrate = scene.devflow(&["db", "migrate", "--ci"]);
    let migrate = actor
        .iter()
        .fold(migrate, |it, (name, value)| it.env(name, value));
    let _applied = migrate.run().expect(0);

    let text = scene.text();
    assert!(
        text.contains("✓ applied migrations/0042_two.sql\n"),
        "{text}"
    );
    assert!(text.contains("     4:3 CREATE TABLE c (d int)\n"), "{text}");
    assert!(
        text.contains("0042_two.sql:2:"),
        "the place of the error: {text}"
    );
    assert!(text.contains("2: host"), "{text}");
    assert!(
        text.contains("https://github.example/acme/shop/actions/runs/7"),
        "{text}"
    );

    let shown = scene.devflow(&["db", "show", "0042_two.sql", "--json"]);
    let document = shown.run().expect(0).json();
    assert_eq!(document["state"], "applied");
    assert_eq!(document["migration"]["mode"], "transaction");
    assert_eq!(document["statements"][1]["line"], 4);
    assert_eq!(
        document["statements"][1]["text"],
        "CREATE TABLE c\n    (d int)"
    );
    let events = [0, 1].map(|row| document["rows"][row]["event"].clone());
    assert_eq!(events, ["failed", "applied"]);
    assert_eq!(document["rows"][1]["by"], "octocat");
}

#[test]
fn what_is_found_about_a_version_is_told_and_changes_no_exit_code() {
    let scene = Scene::new(TWO);
    let _applied = scene.devflow(&["db", "migrate"]).run().expect(0);
    scene
        .project
        .write("migrations/0042_two.sql", "SELECT 1;\n");
    let text = scene.text();
    assert!(
        text.contains("! modified migrations/0042_two.sql\n"),
        "{text}"
    );
    assert!(text.contains("was changed after it was applied"), "{text}");
    scene.project.remove("migrations/0042_two.sql");
    let document = scene
        .devflow(&["db", "show", "42", "--json"])
        .run()
        .expect(0)
        .json();
    assert_eq!(document["state"], "ahead");
    assert_eq!(document["migration"], serde_json::Value::Null);
    assert_eq!(document["rows"][0]["name"], "0042_two.sql");
}

#[test]
fn a_version_that_nobody_knows_is_an_error() {
    let scene = Scene::new(TWO);
    let shown = scene.devflow(&["db", "show", "43", "--json"]);
    let said = shown.run().expect_error(2, "unknown_version");
    assert!(
        said.contains("version 43") && said.contains("db status"),
        "{said}"
    );
}
