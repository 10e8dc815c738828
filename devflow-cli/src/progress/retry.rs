//! What is said while a server does not let us in.

use crate::look::Talk;
use crate::style::{CAREFUL, paint};
use crate::{duration, visible};
use std::time::{Duration, Instant};

/// How long the same reason is not said again.
const SILENCE: Duration = Duration::from_secs(5);

/// What was said last about a server that does not let us in.
#[derive(Debug, Default)]
pub(super) struct Retry {
    /// How long we wait for a server that is not there yet.
    pub(super) limit: Option<Duration>,
    last: Option<(String, Instant)>,
}

impl Retry {
    /// The line about an attempt that failed, unless there is nothing new in it.
    pub(super) fn text(&mut self, reason: &str, pause: Duration, talk: Talk) -> Option<String> {
        let is_due = match (talk, &self.last) {
            (Talk::Quiet, _) => false,
            (Talk::Verbose, _) | (_, None) => true,
            (Talk::Ordinary, Some((last, at))) => last != reason || at.elapsed() >= SILENCE,
        };
        if !is_due {
            return None;
        }
        self.last = Some((reason.to_owned(), Instant::now()));
        let next = match self.limit {
            Some(limit) => format!("waiting for it, at most {}", duration::of(limit)),
            None => format!("trying again in {}", duration::of(pause)),
        };
        let text = format!("{}; {next}", visible::line(reason));
        Some(format!("{}\n", paint(CAREFUL, text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_said_once_in_a_while() {
        let mut retry = Retry::default();
        let mut said = |reason, talk| retry.text(reason, SILENCE, talk).is_some();
        assert!(said("refused", Talk::Ordinary));
        assert!(!said("refused", Talk::Ordinary));
        assert!(said("starting", Talk::Ordinary));
        assert!(said("starting", Talk::Verbose));
        assert!(!said("full", Talk::Quiet));
    }
}
