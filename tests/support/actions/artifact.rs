//! Files that one job leaves for another.

use super::document::Step;
use super::step::Place;
use std::fs;
use tempfile::TempDir;

/// What the jobs of a run have left so far.
#[derive(Debug)]
pub(super) struct Artifacts(TempDir);

impl Artifacts {
    pub(super) fn new() -> Self {
        Self(TempDir::with_prefix("devflow-artifacts-").expect("a temporary folder can be made"))
    }

    /// Keeps the file that a step names, or fetches what an earlier step kept; whether the step is one that does.
    pub(super) fn serve(&self, step: &Step, place: &Place) -> bool {
        let uses = step.uses.as_deref().unwrap_or_default();
        let given = |name: &str| step.with.get(name).expect("an artifact's step says this");
        if uses.starts_with("actions/upload-artifact@") {
            let path = given("path");
            let kept = self.0.path().join(given("name"));
            fs::create_dir_all(&kept).expect("a folder can be made");
            fs::copy(place.at("workspace").join(path), kept.join(path)).expect("a file was made");
            return true;
        }
        if uses.starts_with("actions/download-artifact@") {
            let kept = self.0.path().join(given("name"));
            crate::project::copy(&kept, &place.at("workspace"));
            return true;
        }
        false
    }
}
