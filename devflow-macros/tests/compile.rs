//! The macro in real compiler runs: what a user sees of a bad migration, and that a change is noticed.
//!
//! Each test writes a package and lets cargo check it, offline, with the versions of this workspace. The packages share one
//! target directory, so that their dependencies are compiled once.

#![expect(
    clippy::unwrap_used,
    reason = "clippy knows the functions that only tests call by their attribute"
)]

use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

struct Package(TempDir);

struct Outcome {
    compiled: bool,
    stderr: String,
}

impl Package {
    /// A package whose program is `static MIGRATIONS: Migrations = embed_migrations!(…);`.
    fn new(arguments: &str, files: &[(&str, &str)]) -> Self {
        let package = Self(tempfile::tempdir().unwrap());
        let name = package.0.path().file_name().unwrap().to_str().unwrap();
        let name = name.trim_start_matches('.').to_lowercase();
        // The macro's output names the runtime; of it, only the types of devflow-migrations take part here.
        let manifest = format!(
            "[package]\nname = \"case-{name}\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
             devflow-macros = {{ path = {macros:?} }}\n\
             devflow-runtime = {{ path = {migrations:?}, package = \"devflow-migrations\" }}\n",
            macros = format!("{WORKSPACE}/devflow-macros"),
            migrations = format!("{WORKSPACE}/devflow-migrations"),
        );
        let program = format!(
            "pub static MIGRATIONS: devflow_runtime::Migrations =\n    devflow_macros::embed_migrations!({arguments});\n"
        );
        package.write("Cargo.toml", &manifest);
        package.write("src/lib.rs", &program);
        package.write(".git/HEAD", "");
        fs::copy(
            format!("{WORKSPACE}/Cargo.lock"),
            package.0.path().join("Cargo.lock"),
        )
        .unwrap();
        for (path, text) in files {
            package.write(path, text);
        }
        package
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn check(&self) -> Outcome {
        let output = Command::new(env!("CARGO"))
            .args(["check", "--offline", "--quiet", "--color=never"])
            .current_dir(self.0.path())
            .env(
                "CARGO_TARGET_DIR",
                Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile"),
            )
            .output()
            .unwrap();
        Outcome {
            compiled: output.status.success(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What the compiler says of a program that it refuses.
    fn refused(&self) -> String {
        let Outcome { compiled, stderr } = self.check();
        assert!(!compiled, "{stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
        stderr
    }
}

fn assert_has(stderr: &str, parts: &[&str]) {
    for part in parts {
        assert!(stderr.contains(part), "{part:?} is not in:\n{stderr}");
    }
}

#[test]
fn every_bad_migration_is_an_error_at_the_literal_with_its_place_and_line() {
    let package = Package::new(
        "\"db\"",
        &[
            ("db/1_a.sql", "select 'é';\n  rollback;\n"),
            ("db/2_b.sql", "create tabel t (a int);\n"),
            ("db/02_c.sql", "select 1;\n"),
            ("db/3_d.sql", "-- devflow: no-transction\nvacuum;\n"),
        ],
    );
    let stderr = package.refused();
    assert_has(
        &stderr,
        &[
            "error: db/1_a.sql:2:3: ROLLBACK in a file",
            "    rollback;\n",
            "    ^\n",
            "error: db/2_b.sql:1:1: syntax error: expected command, found CREATE\n",
            "error: db/2_b.sql: db/02_c.sql has the same version 2",
            "error: db/3_d.sql:1:1: `no-transction` is no directive",
            "help: did you mean `no-transaction`?",
            "--> src/lib.rs:2:39",
            "could not compile",
        ],
    );
    assert_eq!(stderr.matches("error: db/").count(), 4, "{stderr}");
    assert!(!stderr.contains("mismatched types"), "{stderr}");
}

#[test]
fn a_missing_devflow_yml_is_an_error_that_says_what_to_do() {
    let package = Package::new("", &[("migrations/1_a.sql", "select 1;")]);
    assert_has(
        &package.refused(),
        &[
            "no devflow.yml here or above",
            "devflow init",
            "embed_migrations!(\"migrations\")",
        ],
    );
}

#[test]
fn a_bad_devflow_yml_is_an_error_with_its_place() {
    let config =
        "version: \"1\"\ndatabase:\n  migrations:\n    directory: db\n    tracking_tabel: t\n";
    let package = Package::new("", &[("devflow.yml", config), ("db/1_a.sql", "")]);
    assert_has(
        &package.refused(),
        &["devflow.yml:5:5", "tracking_tabel", "tracking_table"],
    );
}

#[test]
fn bad_arguments_are_errors_at_their_place() {
    assert_has(
        &Package::new("\"db\", up", &[]).refused(),
        &[
            "expected `table = \"schema.table\"` or `down`",
            "src/lib.rs:2:45",
        ],
    );
    assert_has(
        &Package::new("\"none\"", &[]).refused(),
        &[
            "none: the migrations directory is not there",
            "src/lib.rs:2:39",
        ],
    );
}

#[test]
fn a_changed_file_is_read_again() {
    let package = Package::new(
        "\"db\", table = \"app.ledger\", down",
        &[
            ("db/1_a.up.sql", "BEGIN;\nselect 'é \\ \" 🦀';\nCOMMIT;\n"),
            ("db/1_a.down.sql", "select 2;\n"),
            ("db/2_b.sql", "vacuum;\n"),
        ],
    );
    let first = package.check();
    assert!(first.compiled, "{}", first.stderr);
    package.write("db/1_a.down.sql", "select 2;\ncommit;\n");
    assert_has(&package.refused(), &["db/1_a.down.sql:2:1: COMMIT"]);
}

#[test]
fn a_changed_devflow_yml_is_read_again() {
    let config = |directory: &str| {
        format!(
            "version: \"1\"\ndatabase:\n  migrations:\n    directory: {directory}\n    lock_wait: 2m\n"
        )
    };
    let package = Package::new(
        "",
        &[("devflow.yml", &config("db")), ("db/1_a.sql", "select 1;")],
    );
    let first = package.check();
    assert!(first.compiled, "{}", first.stderr);
    package.write("devflow.yml", &config("elsewhere"));
    assert_has(&package.refused(), &["devflow.yml:4:", "elsewhere"]);
}
