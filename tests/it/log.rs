//! `devflow db log`: the ledger, newest row first.

use support::{Command, Project, TestDatabase};

const BROKEN: &str = "SELECT 1;\nSELECT 1 / 0;\n";

struct Scene {
    project: Project,
    database: TestDatabase,
}

impl Scene {
    /// Two applied migrations, and one that failed.
    fn new() -> Self {
        let scene = Self {
            project: Project::new()
                .migration("1_a.sql", "CREATE TABLE a (b int);\n")
                .migration("2_b.sql", "CREATE TABLE b (b int);\n")
                .migration("3_c.sql", BROKEN),
            database: TestDatabase::create(),
        };
        let _failed = scene.devflow(&["db", "migrate"]).run().expect(1);
        scene
    }

    fn devflow(&self, arguments: &[&str]) -> Command {
        let command = self.project.devflow(arguments);
        command.env("DATABASE_URL", &self.database.url())
    }
}

#[test]
fn the_newest_row_comes_first_and_tells_its_error() {
    let scene = Scene::new();
    let document = scene
        .devflow(&["db", "log", "--json"])
        .run()
        .expect(0)
        .json();
    let rows = document["rows"].as_array().unwrap();
    let events: Vec<_> = rows
        .iter()
        .map(|row| format!("{} {}", row["version"], row["event"]))
        .collect();
    assert_eq!(
        events,
        [r#""3" "failed""#, r#""2" "applied""#, r#""1" "applied""#]
    );
    assert_eq!(rows[0]["error"]["sqlstate"], "22012");
    assert_eq!(rows[0]["error"]["line"], 2);
    assert_eq!(rows[0]["run"]["id"], rows[2]["run"]["id"]);
    assert_eq!(document["has_more"], false);
    let text = scene.devflow(&["db", "log"]).run().expect(0).stdout;
    assert!(text.contains("✗ failed   3"), "{text}");
    assert!(text.contains("3_c.sql:2:1: division by zero\n"), "{text}");
}

#[test]
fn a_limit_says_that_there_is_more() {
    let scene = Scene::new();
    let arguments = ["db", "log", "--limit", "2"];
    let document = scene.devflow(&arguments).args(&["--json"]).run().json();
    assert_eq!(document["rows"].as_array().unwrap().len(), 2);
    assert_eq!(document["has_more"], true);
    let text = scene.devflow(&arguments).run().expect(0).stdout;
    assert!(text.ends_with("--limit shows more\n"), "{text}");
    let none = scene.devflow(&["db", "log", "--limit", "0", "--json"]);
    assert!(none.run().expect_error(2, "usage").contains("--limit"));
}

#[test]
fn a_role_that_may_only_select_reads_it_whatever_the_files_are() {
    let scene = Scene::new();
    let reader = scene.database.role("reader", "");
    scene
        .database
        .execute(&format!("GRANT SELECT ON schema_migrations TO {reader}"));
    scene.project.write("migrations/4_d.sql", "COMMIT;\n");
    let before = scene.database.ledger().len();
    let log = scene.project.devflow(&["db", "log"]);
    let log = log.env("DATABASE_URL", &scene.database.url_as(&reader));
    assert!(log.run().expect(0).stdout.contains("✓ applied  2"));
    assert_eq!(scene.database.ledger().len(), before);
    let fresh = TestDatabase::create();
    let log = scene.project.devflow(&["db", "log"]);
    let text = log.env("DATABASE_URL", &fresh.url()).run().expect(0).stdout;
    assert!(text.contains("Nothing was ever applied here"), "{text}");
    assert!(!fresh.has("schema_migrations"));
}

#[test]
fn a_row_that_somebody_else_wrote_steers_nothing() {
    let scene = Scene::new();
    scene.database.execute(
        "INSERT INTO schema_migrations (version, seq, event, name, run, error, at) VALUES \
         (E'x\\n::error::x', 1, E'\\x1b[31mgone', E'##[error]9_x.sql', '[\"\\u001b\"]', \
          '{\"message\": \"::stop-commands::x\", \"line\": -1}', 'infinity')",
    );
    for format in [&["--json"][..], &[]] {
        let log = scene.devflow(&["db", "log", "--ci"]).args(format);
        let said = log.env("GITHUB_ACTIONS", "true").run().expect(0);
        assert!(said.stdout.contains("gone"), "{said:?}");
    }
}
