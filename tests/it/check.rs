//! `devflow db check`: files and their order, found in the pull request. No test here has a database.

use std::path::Path;
use support::{Command, Project};

/// A repository with two merged migrations, on a branch called `main`.
struct Repository(Project);

impl Repository {
    fn new() -> Self {
        let repository = Self(
            Project::new()
                .file("db/devflow.yml", "version: \"1\"\n")
                .file("db/migrations/1_a.sql", "CREATE TABLE a (b int);\n")
                .file("db/migrations/3_c.sql", "CREATE TABLE c (b int);\n"),
        );
        repository.git("init -q -b main");
        repository.commit();
        repository
    }

    fn git(&self, words: &str) {
        let words: Vec<_> = words.split(' ').collect();
        let command = self.0.command(Path::new("git")).args(&words);
        let author = ["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"];
        let command = author.iter().fold(command, |it, name| it.env(name, "ann"));
        let mail = ["GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"];
        let command = mail
            .iter()
            .fold(command, |it, name| it.env(name, "ann@example.org"));
        let _done = command.run().expect(0);
    }

    fn commit(&self) {
        self.git("add -A");
        self.git("commit -q -m x");
    }

    fn write(&self, name: &str, sql: &str) {
        self.0.write(&format!("db/migrations/{name}"), sql);
    }

    fn check(&self, arguments: &[&str]) -> Command {
        let config = ["--config", "db/devflow.yml"];
        self.0
            .devflow(&["db", "check"])
            .args(&config)
            .args(arguments)
    }
}

#[test]
fn files_are_checked_without_git_or_database() {
    let project = Project::new().migration("1_a.sql", "SELECT 1;\n");
    let said = project
        .devflow(&["db", "check"])
        .env("PATH", "")
        .run()
        .expect(0);
    assert!(
        said.stdout.contains("1 migration read and checked"),
        "{said:?}"
    );
    project.write("migrations/2_b.sql", "COMMIT;\n");
    let said = project.devflow(&["db", "check"]).run().expect(2);
    assert!(said.stderr.contains("migrations/2_b.sql:1:1"), "{said:?}");
}

#[test]
fn what_a_deploy_would_stop_at_is_found_in_the_pull_request() {
    let repository = Repository::new();
    repository.git("checkout -q -b feature");
    repository.write("4_d.sql", "SELECT 4;\n");
    let good = repository
        .check(&["--base", "main", "--json"])
        .run()
        .expect(0)
        .json();
    assert_eq!(good["new"][0]["file"], "4_d.sql");
    assert_eq!(good["base"]["name"], "main");
    repository.commit();

    // The base moves on: it takes version 4 too, and a newer one.
    repository.git("checkout -q main");
    repository.write("4_e.sql", "SELECT 4;\n");
    repository.write("5_f.sql", "SELECT 5;\n");
    repository.commit();
    repository.git("checkout -q feature");
    repository.write("2_b.sql", "SELECT 2;\n");
    repository.write("1_a.sql", "CREATE TABLE a (b text);\n");
    repository.0.remove("db/migrations/3_c.sql");

    let runner = [("GITHUB_ACTIONS", "true"), ("GITHUB_WORKSPACE", ".")];
    let check = repository.check(&["--base", "main", "--ci", "--json"]);
    let workspace = repository.0.path().to_string_lossy().into_owned();
    let check = check
        .env(runner[0].0, runner[0].1)
        .env(runner[1].0, &workspace);
    let said = check.run().expect(4);
    let document = said.json();
    let findings = document["findings"].as_array().unwrap();
    let codes: Vec<_> = findings
        .iter()
        .map(|it| it["code"].as_str().unwrap())
        .collect();
    assert_eq!(
        codes,
        ["modified", "out_of_order", "missing", "duplicate_version"]
    );
    assert_eq!(document["error"]["code"], "refused");
    let annotation = "::error file=db/migrations/1_a.sql,title=devflow%3A modified::";
    assert!(said.stderr.contains(annotation), "{said:?}");
    let text = repository.check(&["--base", "main"]).run().expect(4).stderr;
    let first = "error: 4 findings stop a deploy once this branch is merged into main\n";
    assert!(text.starts_with(first), "{text}");
    assert!(
        text.contains("migrations/2_b.sql is new and older than 5_f.sql"),
        "{text}"
    );
}

#[test]
fn line_ends_and_the_index_of_a_hook_make_no_difference() {
    let repository = Repository::new();
    repository.write("1_a.sql", "CREATE TABLE a (b int);\r\n");
    let check = repository.check(&["--base", "main"]);
    // As in a hook that git runs at the root of the repository.
    let check = check
        .env("GIT_DIR", ".git")
        .env("GIT_INDEX_FILE", ".git/index");
    let said = check.run().expect(0);
    assert!(
        said.stdout.contains("0 migrations are new to main"),
        "{said:?}"
    );
}

#[test]
fn a_base_that_cannot_be_compared_with_is_an_error_that_says_what_to_do() {
    let repository = Repository::new();
    let refused = |base: &str, code: &str| {
        let argument = format!("--base={base}");
        let check = repository.check(&[&argument, "--json"]);
        check.run().expect_error(2, code)
    };
    assert!(refused("origin/main", "unknown_base").contains("git fetch origin main"));
    for option in ["--output=x", "-h", "--help", "", "main:db"] {
        let _said = refused(option, "unknown_base");
    }
    let without = repository
        .check(&["--base", "main", "--json"])
        .env("PATH", "");
    let _said = without.run().expect_error(2, "git_missing");
    let nowhere = Project::new().migration("1_a.sql", "SELECT 1;\n");
    let nowhere = nowhere
        .devflow(&["db", "check", "--base", "main", "--json"])
        .spawn();
    let _said = nowhere.wait().expect_error(2, "no_repository");

    repository.write("4_d.sql", "SELECT 4;\n");
    repository.commit();
    let clone = Project::new();
    let source = format!("file://{}", repository.0.path().display());
    let git = clone.command(Path::new("git"));
    let _cloned = git
        .args(&["clone", "-q", "--depth", "1", &source, "c"])
        .run()
        .expect(0);
    let check = [
        "db",
        "check",
        "--config",
        "c/db/devflow.yml",
        "--base",
        "origin/other",
        "--json",
    ];
    let said = clone.devflow(&check).run().expect_error(2, "shallow_clone");
    assert!(said.contains("fetch-depth: 0"), "{said}");
}
