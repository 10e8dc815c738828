//! What a GitHub Actions runner shows of an outcome besides the log: annotations, a job summary, step outputs.

mod annotation;
mod effect;
mod markdown;
mod outputs;
mod summary;

use crate::fence::token;
use crate::human::line;
use crate::look::Attendance;
use crate::outcome::Outcome;
use crate::style::fit;
use crate::surroundings::Surroundings;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The runner whose job we are, where `--ci` was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Runner {
    /// Where the job's summary is gathered.
    summary: Option<PathBuf>,
    /// Where the step's outputs are gathered.
    outputs: Option<PathBuf>,
    /// The checkout, to which an annotation's path is relative.
    workspace: Option<PathBuf>,
    directory: PathBuf,
}

impl Runner {
    pub(crate) fn of(attendance: Attendance, surroundings: &Surroundings) -> Option<Self> {
        let path = |name| surroundings.text(name).map(PathBuf::from);
        let is_ours = attendance == Attendance::Job && surroundings.in_github_actions();
        is_ours.then(|| Self {
            summary: path("GITHUB_STEP_SUMMARY"),
            outputs: path("GITHUB_OUTPUT"),
            workspace: path("GITHUB_WORKSPACE"),
            directory: surroundings.directory.clone(),
        })
    }

    /// Tells the runner how the command ended. What cannot be written is said on `err` and changes nothing else: the
    /// database has what it has.
    pub(crate) fn tell(&self, outcome: &Outcome, err: &mut dyn Write) {
        let annotations = annotation::annotations(outcome, &|path| self.path(outcome, path));
        let mut said = annotations;
        let parts = [
            (&self.summary, "summary", summary::summary(outcome)),
            (
                &self.outputs,
                "outputs",
                outputs::outputs(outcome, &token()),
            ),
        ];
        for (file, what, text) in parts {
            if let Some(file) = file
                && let Err(error) = append(file, &text)
            {
                let text = format!("the job's {what} could not be written: {error}");
                said += &fit(line::remark(&text), false);
            }
        }
        // Nobody is left to be told that stderr cannot be written.
        let _ = err.write_all(said.as_bytes()).and_then(|()| err.flush());
    }

    /// A path as the runner knows it: relative to the checkout.
    fn path(&self, outcome: &Outcome, path: &str) -> String {
        let folder = outcome.folder.as_ref().unwrap_or(&self.directory);
        let whole = folder.join(path);
        let within = |workspace: &PathBuf| whole.strip_prefix(workspace).ok().map(Path::to_owned);
        let shown = self.workspace.as_ref().and_then(within);
        match shown {
            Some(shown) => shown.display().to_string().replace('\\', "/"),
            None => path.to_owned(),
        }
    }
}

/// All that a runner is told, as one text.
#[cfg(test)]
pub(crate) fn told(outcome: &Outcome) -> String {
    let annotations = annotation::annotations(outcome, &|path| format!("service/{path}"));
    let summary = summary::summary(outcome);
    let outputs = outputs::outputs(outcome, "token");
    format!("--- annotations\n{annotations}--- outputs\n{outputs}--- summary\n{summary}")
}

fn append(file: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(file)?;
    file.write_all(text.as_bytes())
}
