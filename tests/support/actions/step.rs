//! A step: a script for a shell, and the files by which it talks to the runner.

use super::document::Step;
use super::expression::Context;
use crate::command::{Command, Outcome};
use crate::project::copy;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The machine that a job has to itself.
#[derive(Debug)]
pub(super) struct Place {
    folder: TempDir,
    variables: BTreeMap<String, String>,
    path: Vec<PathBuf>,
    outputs: BTreeMap<String, String>,
}

const SUMMARY: &str = "GITHUB_STEP_SUMMARY";
const OUTPUT: &str = "GITHUB_OUTPUT";
const PATH: &str = "GITHUB_PATH";

impl Place {
    /// A copy of a checkout, and these variables.
    pub(super) fn new(checkout: &Path, variables: BTreeMap<String, String>) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("devflow-runner-")
            .tempdir()
            .expect("a temporary folder can be made");
        let mut place = Self {
            folder,
            variables,
            path: Vec::new(),
            outputs: BTreeMap::new(),
        };
        copy(checkout, &place.at("workspace"));
        fs::create_dir(place.at("temp")).expect("a folder can be made");
        for (name, value) in [
            ("CI", "true"),
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_ACTOR", "ann"),
            ("GITHUB_REPOSITORY", "ann/shop"),
            ("GITHUB_RUN_ID", "17"),
        ] {
            place.set(name, value);
        }
        let server = "GITHUB_SERVER_URL".to_owned();
        let hub = || "https://github.example".to_owned();
        place.variables.entry(server).or_insert_with(hub);
        for (name, file) in [
            ("GITHUB_WORKSPACE", "workspace"),
            ("RUNNER_TEMP", "temp"),
            ("HOME", "temp"),
            (SUMMARY, "summary"),
            (OUTPUT, "output"),
            (PATH, "path"),
        ] {
            place.set(name, &place.at(file).to_string_lossy());
        }
        place
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    pub(super) fn put_on_path(&mut self, folder: &Path) {
        self.path.insert(0, folder.to_owned());
    }

    pub(super) fn take_outputs(&mut self) -> BTreeMap<String, String> {
        std::mem::take(&mut self.outputs)
    }

    pub(super) fn take_summary(&mut self) -> String {
        self.take("summary")
    }

    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What a step wrote into one of the runner's files; each step finds them empty.
    fn take(&self, file: &str) -> String {
        let text = fs::read_to_string(self.at(file)).unwrap_or_default();
        let _none = fs::remove_file(self.at(file));
        text
    }

    fn search_path(&self) -> String {
        let inherited = std::env::var_os("PATH").expect("there is a PATH");
        let folders = self.path.iter().cloned();
        let folders = folders.chain(std::env::split_paths(&inherited));
        let joined = std::env::join_paths(folders).expect("folders can be joined");
        joined.into_string().expect("the PATH is UTF-8")
    }
}

/// Runs a step as the runner does, and takes up what it tells the runner.
pub(super) fn run(step: &Step, place: &mut Place, context: &mut Context) -> Outcome {
    let script = place.at("script");
    let text = step.run.as_ref().expect("a step runs a script");
    assert!(
        !text.contains("${{"),
        "a script takes values from variables only: {text}"
    );
    fs::write(&script, text).expect("the script can be written");
    let outcome = shell(step, text, &script, place, context).run();
    for folder in place.take("path").lines() {
        place.put_on_path(Path::new(folder));
    }
    place.outputs = outputs(&place.take("output"));
    if let Some(id) = &step.id {
        for (name, value) in &place.outputs {
            context.set(&format!("steps.{id}.outputs.{name}"), value);
        }
    }
    outcome
}

fn shell(step: &Step, text: &str, script: &Path, place: &Place, context: &Context) -> Command {
    let folder = step.working_directory.as_deref().unwrap_or_default();
    let folder = place.at("workspace").join(context.fill(folder));
    let flags: &[&str] = match step.shell.as_deref() {
        None => &["-e"],
        Some("bash") => &["--noprofile", "--norc", "-eo", "pipefail"],
        Some(other) => panic!("this shell is not known here: {other}"),
    };
    let mut command = Command::new("/bin/bash".as_ref(), &folder)
        .args(flags)
        .args(&[&script.to_string_lossy()])
        .env("PATH", &place.search_path());
    for (name, value) in &place.variables {
        command = command.env(name, value);
    }
    for (name, value) in &step.env {
        command = command.env(name, &context.fill(value));
    }
    if text.starts_with("devflow ") {
        command = command.for_devflow(text.contains(" --json"));
    }
    command
}

/// `name<<token`, lines, `token`.
fn outputs(text: &str) -> BTreeMap<String, String> {
    let mut lines = text.lines();
    let mut outputs = BTreeMap::new();
    while let Some(line) = lines.next() {
        let (name, token) = line.split_once("<<").expect("an output has a delimiter");
        let value: Vec<_> = lines.by_ref().take_while(|line| *line != token).collect();
        outputs.insert(name.to_owned(), value.join("\n"));
    }
    outputs
}
