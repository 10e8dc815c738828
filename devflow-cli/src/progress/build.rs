//! How often a line is said about an index that is being built.

use devflow_runtime::IndexBuild;
use std::time::{Duration, Instant};

/// A build may take hours, and nobody reads a line of each five seconds of them.
const SAY_AGAIN: Duration = Duration::from_secs(60);

/// What was said last, and when.
#[derive(Debug, Default)]
pub(super) struct Build(Option<(Instant, IndexBuild)>);

impl Build {
    /// Whether to say it: in each new phase of each index, and every minute.
    pub(super) fn is_news(&mut self, build: &IndexBuild) -> bool {
        let is_old = self.0.as_ref().is_some_and(|(at, said)| {
            let same = (&said.index, &said.phase) == (&build.index, &build.phase);
            same && at.elapsed() < SAY_AGAIN
        });
        if !is_old {
            self.0 = Some((Instant::now(), build.clone()));
        }
        !is_old
    }
}
