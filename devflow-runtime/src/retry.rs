//! Trying a step again that lost a wait for a lock.

use crate::run::jittered;
use devflow_migrations::Limits;
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

/// The pause before the first retry; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// An attempt that had run this long is not repeated unless the file says so: its work was real, and so was what others
/// waited for it.
const LONG_ATTEMPT: Duration = Duration::from_secs(30);

/// Lock timeouts, deadlocks and serialization failures: the same step may succeed a moment later.
const TRANSIENT: [&str; 3] = ["55P03", "40P01", "40001"];

/// The retries of the step that is under way.
#[derive(Debug)]
pub(crate) struct Retries {
    budget: Duration,
    attempt_began: Instant,
    step: Option<RetriedStep>,
}

#[derive(Debug)]
struct RetriedStep {
    index: usize,
    first_refused: Instant,
    refused: u32,
}

impl Retries {
    pub(crate) fn new(budget: Duration) -> Self {
        Self {
            budget,
            attempt_began: Instant::now(),
            step: None,
        }
    }

    /// An attempt at a step begins.
    pub(crate) fn begin(&mut self) {
        self.attempt_began = Instant::now();
    }

    /// How long to wait before this step is sent again; `None` when it is not to be.
    pub(crate) fn pause_after(
        &mut self,
        index: usize,
        limits: Limits,
        sqlstate: &str,
    ) -> Option<Duration> {
        let was_long = self.attempt_began.elapsed() > LONG_ATTEMPT;
        if !TRANSIENT.contains(&sqlstate) || (was_long && !limits.retries) {
            return None;
        }
        let fresh = RetriedStep {
            index,
            first_refused: Instant::now(),
            refused: 0,
        };
        let step = match self.step.take() {
            Some(step) if step.index == index => self.step.insert(step),
            _ => self.step.insert(fresh),
        };
        let pause = jittered(FIRST_PAUSE * 2_u32.pow(step.refused.min(5)));
        let pause = pause.clamp(FIRST_PAUSE, LONGEST_PAUSE);
        if step.first_refused.elapsed() + pause > self.budget {
            return None;
        }
        step.refused += 1;
        Some(pause)
    }

    /// How often this step has been refused and sent again.
    pub(crate) fn refused(&self, index: usize) -> u32 {
        self.step
            .as_ref()
            .filter(|step| step.index == index)
            .map_or(0, |step| step.refused)
    }

    /// The ledger's `detail` for a step that was sent more than once.
    pub(crate) fn detail(&self, index: usize) -> Option<String> {
        match self.refused(index) {
            0 => None,
            refused => Some(json!({ "attempts": refused + 1 }).to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause_after(retries: &mut Retries, index: usize, sqlstate: &str) -> Option<Duration> {
        retries.pause_after(index, Limits::default(), sqlstate)
    }

    #[test]
    fn only_lost_waits_are_retried_and_only_within_the_budget() {
        let mut retries = Retries::new(Duration::from_secs(10));
        assert_eq!(pause_after(&mut retries, 0, "42P01"), None);
        let first = pause_after(&mut retries, 0, "55P03").unwrap();
        assert!((1000..1500).contains(&first.as_millis()), "{first:?}");
        assert_eq!(retries.detail(0).unwrap(), r#"{"attempts":2}"#);
        assert_eq!(retries.detail(1), None);
        let mut spent = Retries::new(Duration::ZERO);
        assert_eq!(pause_after(&mut spent, 0, "40P01"), None);
        assert_eq!(spent.detail(0), None, "it was sent once");
    }

    #[test]
    fn pauses_grow_and_another_step_begins_anew() {
        let mut retries = Retries::new(Duration::from_secs(1000));
        let pauses: Vec<_> = (0..8)
            .filter_map(|_| pause_after(&mut retries, 0, "55P03"))
            .collect();
        assert!(
            pauses[4] > pauses[0] && pauses[7] <= LONGEST_PAUSE,
            "{pauses:?}"
        );
        pause_after(&mut retries, 1, "40001").unwrap();
        assert_eq!(retries.refused(1), 1);
    }
}
