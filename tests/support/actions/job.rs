//! A job: its steps in order, until one fails.

use super::document::{Job, Step};
use super::{Actions, step};
use crate::command::Outcome;
use std::collections::BTreeMap;
use std::path::Path;

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every step succeeded.
    Success,
    /// A step failed.
    Failure,
    /// It did not begin.
    Skipped,
}

/// What came of a job.
#[derive(Debug)]
pub struct JobRun {
    /// Its name in the workflow.
    pub name: String,
    /// How it ended.
    pub verdict: Verdict,
    /// The steps that ran a shell.
    pub steps: Vec<StepRun>,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
}

/// What came of a step.
#[derive(Debug)]
pub struct StepRun {
    /// Its name.
    pub name: String,
    /// How its shell ended.
    pub outcome: Outcome,
    /// What it wrote into the job's summary.
    pub summary: String,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
}

impl JobRun {
    pub(super) fn skipped(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            verdict: Verdict::Skipped,
            steps: Vec::new(),
            outputs: BTreeMap::new(),
        }
    }

    pub(super) fn succeeded(&self) -> bool {
        self.verdict == Verdict::Success
    }

    /// A step that ran.
    ///
    /// # Panics
    /// When there is none of this name.
    #[must_use]
    pub fn step(&self, name: &str) -> &StepRun {
        let step = self.steps.iter().find(|step| step.name == name);
        step.unwrap_or_else(|| panic!("{} ran no step {name}", self.name))
    }
}

/// Runs a job on a machine of its own: a fresh checkout, a fresh temporary folder.
pub(super) fn run(name: &str, job: &Job, actions: &Actions) -> JobRun {
    let mut context = actions.context.clone();
    let variables = actions.workflow.env.iter().chain(&job.env);
    let variables = variables.map(|(name, value)| (name.clone(), context.fill(value)));
    let mut place = step::Place::new(&actions.checkout, variables.collect());
    let mut steps = Vec::new();
    for step in &job.steps {
        if actions.artifacts.serve(step, &place) {
            continue;
        }
        if is_provided(step, actions.installed.as_deref(), &mut place) {
            continue;
        }
        let outcome = step::run(step, &mut place, &mut context);
        steps.push(StepRun {
            name: step.name.clone().expect("a step that runs has a name"),
            outcome,
            summary: place.take_summary(),
            outputs: place.take_outputs(),
        });
        if steps.last().is_some_and(|step| step.outcome.code != 0) {
            break;
        }
    }
    let failed = steps.last().is_some_and(|step| step.outcome.code != 0);
    let outputs = job.outputs.iter();
    JobRun {
        name: name.to_owned(),
        verdict: if failed {
            Verdict::Failure
        } else {
            Verdict::Success
        },
        steps,
        outputs: outputs
            .map(|(name, value)| (name.clone(), context.fill(value)))
            .collect(),
    }
}

/// Whether a step's work is done already: the checkout is there, and perhaps devflow.
fn is_provided(step: &Step, installed: Option<&Path>, place: &mut step::Place) -> bool {
    if let Some(uses) = &step.uses {
        assert!(
            uses.starts_with("actions/checkout@") && step.run.is_none(),
            "this action is not known here: {uses}"
        );
        return true;
    }
    match installed {
        Some(folder) if step.name.as_deref() == Some("Install devflow") => {
            place.put_on_path(folder);
            true
        }
        _ => false,
    }
}
