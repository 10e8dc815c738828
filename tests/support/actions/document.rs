//! Workflows and actions as they are written, as far as this repository's are.

use serde::Deserialize;
use serde_yaml::{Mapping, Value};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A workflow: variables, and jobs in the file's order.
#[derive(Debug)]
pub(super) struct Workflow {
    pub(super) env: BTreeMap<String, String>,
    pub(super) jobs: Vec<(String, Job)>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(rename = "name")]
    _name: String,
    #[serde(rename = "on")]
    _on: Value,
    #[serde(rename = "permissions")]
    _permissions: Value,
    #[serde(rename = "concurrency")]
    _concurrency: Option<Value>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    jobs: Mapping,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Job {
    needs: Option<String>,
    #[serde(rename = "if")]
    pub(super) condition: Option<String>,
    #[serde(rename = "runs-on")]
    _runs_on: String,
    pub(super) environment: Option<String>,
    #[serde(rename = "timeout-minutes")]
    _timeout_minutes: Option<u32>,
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) outputs: BTreeMap<String, String>,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Step {
    pub(super) name: Option<String>,
    pub(super) id: Option<String>,
    pub(super) uses: Option<String>,
    pub(super) run: Option<String>,
    pub(super) shell: Option<String>,
    pub(super) working_directory: Option<String>,
    #[serde(default)]
    pub(super) with: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Action {
    #[serde(rename = "name")]
    _name: String,
    #[serde(rename = "description")]
    _description: String,
    pub(super) inputs: BTreeMap<String, Input>,
    pub(super) outputs: BTreeMap<String, Output>,
    pub(super) runs: Runs,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    #[serde(rename = "description")]
    _description: String,
    pub(super) default: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Output {
    #[serde(rename = "description")]
    _description: String,
    pub(super) value: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Runs {
    #[serde(rename = "using")]
    _using: Composite,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Composite {
    Composite,
}

impl Workflow {
    pub(super) fn read(file: &Path) -> Self {
        let Written { env, jobs, .. } = parse(file);
        let job = |(name, job): (Value, Value)| {
            let name = name.as_str().expect("a job has a name").to_owned();
            let job = serde_yaml::from_value(job)
                .unwrap_or_else(|error| panic!("{}: job {name}: {error}", file.display()));
            (name, job)
        };
        Self {
            env,
            jobs: jobs.into_iter().map(job).collect(),
        }
    }
}

impl Action {
    pub(super) fn read(file: &Path) -> Self {
        parse(file)
    }
}

impl Job {
    pub(super) fn needs(&self) -> impl Iterator<Item = &String> {
        self.needs.iter()
    }
}

fn parse<T: for<'a> Deserialize<'a>>(file: &Path) -> T {
    let text = fs::read_to_string(file).expect("the file can be read");
    serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
