//! A stand-in for GitHub's runner: it runs a workflow's own shell steps, in the order that `needs` gives.
//!
//! It knows what this repository's workflows use, and refuses anything else instead of guessing at it.

mod artifact;
mod document;
mod expression;
mod job;
mod step;

pub use job::{JobRun, StepRun, Verdict};

use crate::command::Outcome;
use artifact::Artifacts;
use document::Workflow;
use expression::Context;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A workflow about to run on a checkout.
#[derive(Debug)]
pub struct Actions {
    workflow: Workflow,
    checkout: PathBuf,
    context: Context,
    installed: Option<PathBuf>,
    artifacts: Artifacts,
}

impl Actions {
    /// A workflow file of a checkout.
    ///
    /// # Panics
    /// When it is no workflow, or uses what is not known here.
    #[must_use]
    pub fn of(checkout: &Path, workflow: &str) -> Self {
        Self {
            workflow: Workflow::read(&checkout.join(workflow)),
            checkout: checkout.to_owned(),
            context: Context::default(),
            installed: None,
            artifacts: Artifacts::new(),
        }
    }

    /// Sets `inputs`, `secrets` or `vars`: `secrets.STAGING_DATABASE_URL`.
    #[must_use]
    pub fn given(mut self, name: &str, value: &str) -> Self {
        self.context.set(name, value);
        self
    }

    /// Puts a program's folder on the PATH where a step `Install devflow` would install it, instead of running the step.
    #[must_use]
    pub fn with_installed(mut self, program: &Path) -> Self {
        self.installed = program.parent().map(Path::to_owned);
        self
    }

    /// Runs every job. `gate` is called with the name of the environment before a job that has one begins, as the
    /// environment's reviewers are asked.
    ///
    /// # Panics
    /// When jobs need each other in a circle, or a step uses what is not known here.
    #[must_use]
    pub fn run(mut self, mut gate: impl FnMut(&str)) -> Vec<JobRun> {
        let mut done: Vec<JobRun> = Vec::new();
        while done.len() < self.workflow.jobs.len() {
            let is_done = |name: &String| done.iter().any(|job| job.name == *name);
            let mut jobs = self.workflow.jobs.iter();
            let (name, job) = jobs
                .find(|(name, job)| !is_done(name) && job.needs().all(is_done))
                .expect("a job can begin");
            let needed =
                |need: &String| done.iter().any(|job| job.name == *need && job.succeeded());
            let wanted = job
                .condition
                .as_ref()
                .is_none_or(|text| self.context.holds(text));
            let run = if job.needs().all(needed) && wanted {
                job.environment.iter().for_each(|name| gate(name));
                job::run(name, job, &self)
            } else {
                JobRun::skipped(name)
            };
            for (output, value) in &run.outputs {
                self.context
                    .set(&format!("needs.{name}.outputs.{output}"), value);
            }
            done.push(run);
        }
        done
    }
}

/// A composite action about to run on a checkout.
#[derive(Debug)]
pub struct CompositeAction {
    action: document::Action,
    folder: PathBuf,
    context: Context,
}

impl CompositeAction {
    /// The action in a folder.
    ///
    /// # Panics
    /// When it is no composite action, or uses what is not known here.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        let action = document::Action::read(&folder.join("action.yml"));
        let mut context = Context::default();
        for (name, input) in &action.inputs {
            context.set(&format!("inputs.{name}"), &input.default);
        }
        Self {
            action,
            folder: folder.to_owned(),
            context,
        }
    }

    /// Sets what the runner knows: `github.action_repository`.
    #[must_use]
    pub fn given(mut self, name: &str, value: &str) -> Self {
        self.context.set(name, value);
        self
    }

    /// Sets an input.
    ///
    /// # Panics
    /// When the action has none of this name.
    #[must_use]
    pub fn input(mut self, name: &str, value: &str) -> Self {
        assert!(self.action.inputs.contains_key(name), "no input {name}");
        self.context.set(&format!("inputs.{name}"), value);
        self
    }

    /// Runs its steps in a checkout, with further variables, until one fails; returns the last one's end and the
    /// action's outputs.
    ///
    /// # Panics
    /// When a step uses what is not known here.
    #[must_use]
    pub fn run(
        self,
        checkout: &Path,
        variables: &[(&str, &str)],
    ) -> (Outcome, BTreeMap<String, String>) {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut place = step::Place::new(checkout, variables.collect());
        place.set("GITHUB_ACTION_PATH", &self.folder.to_string_lossy());
        let mut context = self.context;
        let mut last = None;
        for step in &self.action.runs.steps {
            let run = step::run(step, &mut place, &mut context);
            let failed = run.code != 0;
            last = Some(run);
            if failed {
                break;
            }
        }
        let outputs = self.action.outputs.iter();
        let outputs = outputs.map(|(name, output)| (name.clone(), context.fill(&output.value)));
        (last.expect("an action has steps"), outputs.collect())
    }
}
