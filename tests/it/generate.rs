//! Completion scripts and man pages.

use std::fs;
use support::Project;

#[test]
fn every_shell_has_its_script() {
    let project = Project::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = project.devflow(&["completions", shell]);
        // A runner's fence would be no part of a script.
        let script = script.env("GITHUB_ACTIONS", "true").run().expect(0).stdout;
        assert!(
            script.contains("migrate") && script.contains("url-env"),
            "{shell}"
        );
        assert!(!script.contains("stop-commands"), "{shell}");
    }
    let unknown = project.devflow(&["completions", "bsh"]).run().expect(2);
    assert!(unknown.stderr.contains("bash"), "{unknown:?}");
}

#[test]
fn every_command_has_its_man_page() {
    let project = Project::new();
    let page = project.devflow(&["man"]).run().expect(0).stdout;
    assert!(page.contains(".TH devflow 1"), "{page}");
    let written = project
        .devflow(&["man", "--out", "man"])
        .run()
        .expect(0)
        .stdout;
    let names: Vec<_> = written
        .lines()
        .filter_map(|line| line.rsplit('/').next())
        .collect();
    for name in [
        "devflow.1",
        "devflow-db.1",
        "devflow-db-migrate.1",
        "devflow-man.1",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
    let migrate = fs::read_to_string(project.path().join("man/devflow-db-migrate.1")).unwrap();
    assert!(migrate.contains("dry\\-run"), "{migrate}");
    let file = project.file("taken", "");
    let refused = file.devflow(&["man", "--out", "taken"]).run().expect(2);
    assert!(refused.stderr.contains("cannot be written"), "{refused:?}");
}

#[test]
fn a_slip_of_the_pen_is_understood() {
    let project = Project::new();
    let said = project.devflow(&["db", "migarte"]).run().expect(2).stderr;
    assert!(said.contains("'migrate'"), "{said}");
}
