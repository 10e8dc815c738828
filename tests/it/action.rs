//! The action: it installs the release that it vouches for, and runs one command of it.

use devflow_runtime::Checksum;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use support::{CompositeAction, Outcome, Program, Project, TestDatabase, program};
use tempfile::TempDir;

const VERSION: &str = "0.1.0";

/// The action in a folder of its own, a host with one release of it, and a checkout whose project lies in `shop`.
struct Hub {
    folder: TempDir,
    checkout: Project,
    database: TestDatabase,
}

impl Hub {
    fn new() -> Self {
        let folder = TempDir::with_prefix("devflow-action-").unwrap();
        let hub = Self {
            folder,
            checkout: Project::new()
                .file("shop/devflow.yml", "version: \"1\"\ndatabase:\n  environments:\n    staging: { url_env: DATABASE_URL }\n")
                .file("shop/migrations/1_a.sql", "CREATE TABLE a ();\n"),
            database: TestDatabase::create(),
        };
        let action = Path::new(env!("CARGO_MANIFEST_DIR")).join("../action.yml");
        fs::create_dir(hub.at("action")).unwrap();
        fs::copy(action, hub.at("action/action.yml")).unwrap();
        let releases = format!("ann/devflow/releases/download/v{VERSION}");
        fs::create_dir_all(hub.at(&releases)).unwrap();
        fs::write(hub.at(&releases).join(file()), released()).unwrap();
        hub
    }

    fn at(&self, path: &str) -> std::path::PathBuf {
        self.folder.path().join(path)
    }

    /// Says in releases.sha256 which hash the release has.
    fn vouch_for(self, hash: &str) -> Self {
        let line = format!("# The released commands.\n{hash}  {}\n", file());
        fs::write(self.at("action/releases.sha256"), line).unwrap();
        self
    }

    fn run(&self, inputs: &[(&str, &str)]) -> (Outcome, BTreeMap<String, String>) {
        let action = CompositeAction::of(&self.at("action"));
        let action = action.given("github.action_repository", "ann/devflow");
        let inputs = [&[("working-directory", "shop"), ("env", "staging")], inputs].concat();
        let action = inputs
            .iter()
            .fold(action, |action, (name, value)| action.input(name, value));
        let host = format!("file://{}", self.folder.path().display());
        let url = self.database.url();
        let variables = [("DATABASE_URL", url.as_str()), ("GITHUB_SERVER_URL", &host)];
        action.run(self.checkout.path(), &variables)
    }
}

/// The name of the released file for this machine.
fn file() -> String {
    let (system, machine) = (std::env::consts::OS, std::env::consts::ARCH);
    let system = match system {
        "macos" => "apple-darwin",
        _ => "unknown-linux-gnu",
    };
    format!("devflow-{VERSION}-{machine}-{system}")
}

/// The released file: the command, without the size of a debug build.
fn released() -> String {
    let devflow = program(Program::Devflow);
    format!("#!/bin/sh\nexec '{}' \"$@\"\n", devflow.display())
}

#[test]
fn the_action_installs_its_release_and_passes_on_what_the_command_tells() {
    let hub = Hub::new().vouch_for(&Checksum::of(&released()).to_string());
    let (outcome, planned) = hub.run(&[("command", "dry-run"), ("version", VERSION)]);
    let outcome = outcome.expect(0);
    assert!(outcome.stdout.contains("1_a.sql"), "{outcome:?}");
    assert_eq!(
        (planned["applied"].as_str(), planned["pending"].as_str()),
        ("0", "1")
    );

    let (outcome, _) = hub.run(&[("command", "check")]);
    let _pending = outcome.expect(3);
    let wrong = "0".repeat(64);
    let (outcome, _) = hub.run(&[("plan", &wrong)]);
    let _refused = outcome.expect(7);
    let (outcome, _) = hub.run(&[("plan", "no plan.json")]);
    let unread = outcome.expect(2);
    assert!(unread.stderr.contains("no plan.json"), "{unread:?}");
    let (outcome, done) = hub.run(&[("plan", &planned["plan_digest"]), ("config", "devflow.yml")]);
    let _applied = outcome.expect(0);
    assert_eq!(
        (done["applied"].as_str(), done["pending"].as_str()),
        ("1", "0")
    );
    assert_eq!(hub.database.events(), ["1 applied"]);

    // What stands in an input stays a word.
    let written = hub.at("written");
    let word = format!(
        "\"; touch {0}; $(touch {0}) `touch {0}` '",
        written.display()
    );
    for input in ["command", "env", "config", "plan"] {
        let (outcome, _) = hub.run(&[(input, &word)]);
        let _usage = outcome.expect(2);
        assert!(!written.exists(), "{input}");
    }
}

#[test]
fn the_action_installs_nothing_else() {
    let hub = Hub::new().vouch_for(&"0".repeat(64));
    let refused = |inputs: &[(&str, &str)], why: &str| {
        let (outcome, outputs) = hub.run(inputs);
        let outcome = outcome.expect(2);
        assert!(outcome.stdout.contains(why), "{outcome:?}");
        assert_eq!(outputs["applied"], "");
    };
    refused(&[], "its SHA-256 is another");
    refused(&[("version", "9.9.9")], "does not know release 9.9.9");
    refused(&[("version", "latest\n::error::x")], "is no version");
    fs::write(hub.at("action/releases.sha256"), "# None yet.\n").unwrap();
    refused(&[], "knows no release");
    assert!(!hub.database.has("schema_migrations"));
}
