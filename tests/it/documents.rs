//! JSON documents of real runs beside the published examples: the same keys in the same places.

use serde_json::Value;
use std::fs;
use std::path::Path;
use support::{Command, Project, TestDatabase};

fn example(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema/examples");
    let text = fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Every place at which both have an object or a list has the same keys.
fn differences(example: &Value, real: &Value, place: &str) -> Vec<String> {
    match (example, real) {
        (Value::Object(example), Value::Object(real)) => {
            let keys = |object: &serde_json::Map<_, _>| object.keys().cloned().collect::<Vec<_>>();
            // Only states that occur are counted.
            if keys(example) != keys(real) && !place.ends_with(".counts") {
                let (expected, found) = (keys(example), keys(real));
                return vec![format!("{place}: expected {expected:?}, found {found:?}")];
            }
            let inner = example.iter().zip(real.values());
            inner
                .flat_map(|((key, example), real)| {
                    differences(example, real, &format!("{place}.{key}"))
                })
                .collect()
        }
        (Value::Array(example), Value::Array(real)) => {
            let firsts = example.first().zip(real.first());
            firsts.map_or_else(Vec::new, |(example, real)| {
                differences(example, real, &format!("{place}[]"))
            })
        }
        _ => Vec::new(),
    }
}

struct Scene {
    project: Project,
    database: TestDatabase,
}

impl Scene {
    fn new() -> Self {
        Self {
            project: Project::new()
                .migration(
                    "1_a.sql",
                    "CREATE TABLE a (b int);\nDO $$ BEGIN RAISE WARNING 'x'; END $$;\n",
                )
                .migration("2_b.sql", "CREATE INDEX CONCURRENTLY ON a (b);\n"),
            database: TestDatabase::create(),
        }
    }

    fn devflow(&self, arguments: &[&str]) -> Command {
        let command = self.project.devflow(arguments).args(&["--json"]);
        command.env("DATABASE_URL", &self.database.url())
    }

    fn assert_like(&self, name: &str, arguments: &[&str]) {
        let expected = example(name);
        let real = self.devflow(arguments).run().json();
        for key in ["schema", "command", "ok", "exit_code"] {
            assert_eq!(real[key], expected[key], "{name}: {key} in {real:#}");
        }
        assert_eq!(real["error"]["kind"], expected["error"]["kind"], "{name}");
        assert_eq!(real["error"]["code"], expected["error"]["code"], "{name}");
        let differences = differences(&expected, &real, name);
        assert!(differences.is_empty(), "{differences:#?}\nin {real:#}");
    }
}

#[test]
fn documents_of_runs_have_the_keys_of_their_examples() {
    let scene = Scene::new();
    let migrate = &["db", "migrate"];
    scene.assert_like("unknown_command", &["frobnicate"]);
    scene.assert_like("migrate_usage_error", &["db", "migrate", "--bogus"]);
    scene.assert_like("status_new_database", &["db", "status"]);
    scene.assert_like("migrate_dry_run", &["db", "migrate", "--dry-run"]);
    scene.assert_like("status_check", &["db", "status", "--check"]);
    scene.assert_like("migrate_to_a_target", &["db", "migrate", "--target", "1"]);
    scene.assert_like("migrate", migrate);
    scene.assert_like("migrate_nothing_to_do", migrate);
    scene
        .project
        .write("migrations/3_c.sql", "SELECT 1;\nSELECT nothing;\n");
    scene.assert_like("migrate_failed", migrate);
    scene.project.write("migrations/1_a.sql", "");
    scene.assert_like("migrate_refused", migrate);
    scene.assert_like("status", &["db", "status"]);
    scene.project.write("migrations/3_c.sql", "COMMIT;\n");
    scene.assert_like("migrate_bad_files", migrate);
}

#[test]
fn documents_of_files_have_the_keys_of_their_examples() {
    let scene = Scene::new();
    scene.assert_like("init", &["init"]);
    scene.assert_like("new", &["db", "new", "add users"]);
    scene.assert_like("baseline", &["db", "baseline", "1"]);
}

#[test]
fn documents_of_half_done_files_have_the_keys_of_their_examples() {
    let scene = Scene::new();
    let sql = "-- devflow: no-transaction\nCREATE TABLE c (a int);\nDO $$BEGIN COMMIT; PERFORM nothing; END$$;\n";
    scene.project.write("migrations/3_c.sql", sql);
    let migrate = &["db", "migrate"];
    scene.assert_like("migrate_failed_outside_a_transaction", migrate);
    scene.assert_like("migrate_half_done", migrate);
}

#[test]
fn documents_of_approvals_have_the_keys_of_their_examples() {
    let scene = Scene::new();
    let config = "version: \"1\"\ndatabase:\n  environments:\n    \
                  production: { url_env: DATABASE_URL, require_approval: plan }\n";
    scene.project.write("devflow.yml", config);
    scene.assert_like("migrate_approval_required", &["db", "migrate"]);
    let digest = "0".repeat(64);
    scene.assert_like(
        "migrate_plan_changed",
        &["db", "migrate", "--approve", &digest],
    );
}

/// That each document is one, and fits its schema, is checked by the support.
#[test]
fn every_command_prints_one_document_whether_it_succeeds_fails_or_is_misused() {
    let scene = Scene::new();
    let print = |arguments: &str, code| {
        let arguments: Vec<_> = arguments.split(' ').collect();
        scene.devflow(&arguments).run().expect(code).json()
    };
    let done = |arguments: &str, command: &str| {
        assert_eq!(print(arguments, 0)["command"], command, "{arguments}");
        let misused = print(&format!("{arguments} --bogus"), 2);
        assert_eq!(misused["error"]["code"], "usage", "{arguments}");
        assert_eq!(misused["command"], command, "{arguments}");
    };
    let failed = |arguments: &str, code, error: &str| {
        let document = print(arguments, code);
        assert_eq!(document["error"]["code"], error, "{arguments}");
    };
    for arguments in [
        "db show 1",
        "db log",
        "db repair --applied 1 --ci",
        "db revert --to 0",
    ] {
        let nowhere = scene.devflow(&arguments.split(' ').collect::<Vec<_>>());
        let nowhere = nowhere.env("DATABASE_URL", "").run();
        let _help = nowhere.expect_error(2, "url_not_set");
    }
    failed("db repair --applied 1 --yes", 4, "no_ledger");
    done("db baseline 1 --dry-run", "baseline");
    done("db migrate", "migrate");
    done("db status", "status");
    done("db check", "check");
    done("db show 1", "show");
    failed("db show 9", 2, "unknown_version");
    done("db log --limit 1", "log");
    failed("db log --limit x", 2, "usage");
    failed("db revert", 4, "refused");
    failed("db revert --approve 0", 2, "usage");
    scene
        .project
        .write("migrations/1_a.down.sql", "DROP TABLE a;\n");
    done("config", "config");
    failed("config --env nowhere", 2, "unknown_environment");
    scene.project.write("migrations/1_a.sql", "SELECT 1;\n");
    done("db repair --checksum 1 --dry-run", "repair");
    failed(
        "db repair --checksum 1 --applied 1 --yes",
        2,
        "decided_twice",
    );
    done("db repair --checksum 1 --yes", "repair");
    failed("db repair --checksum 1 --yes", 4, "checksum_unchanged");
    failed("db check --base nowhere", 2, "no_repository");
    failed("completions zsh", 2, "usage");
    failed("man", 2, "usage");
    done("init", "init");
    done("db new users", "new");
    failed("db new ../x", 2, "bad_name");
    scene.project.write("devflow.yml", "version: 1\n");
    failed("config", 2, "source");
    failed("db status", 2, "source");
}
