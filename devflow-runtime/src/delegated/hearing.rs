//! What a delegate is heard to say while it works.

use crate::delegate::Said;
use crate::event::Event;
use crate::tell::Teller;
use devflow_migrations::Step;
use std::collections::BTreeMap;
use tokio::time::Instant;

/// Tells what a delegate says, and remembers when it began with each file.
pub(super) struct Hearing<'h, 'a> {
    teller: &'h mut Teller<'a>,
    steps: &'h [Step],
    times: &'h mut Times,
}

/// When each file was begun, by this machine's clock, in the order of the plan.
#[derive(Debug, Default)]
pub(super) struct Times {
    began: BTreeMap<usize, Instant>,
    ended: Option<Instant>,
}

impl<'h, 'a> Hearing<'h, 'a> {
    pub(super) fn new(teller: &'h mut Teller<'a>, steps: &'h [Step], times: &'h mut Times) -> Self {
        times.began.clear();
        Self {
            teller,
            steps,
            times,
        }
    }

    pub(super) fn hear(&mut self, said: Said<'_>) {
        match said {
            Said::Line(line) => self.teller.tell(&Event::Relayed(line)),
            Said::Began(file) => self.begin(file),
        }
    }

    fn begin(&mut self, file: &str) {
        let named = |step: &Step| step.migration.file() == file;
        let Some(index) = self.steps.iter().position(named) else {
            return;
        };
        self.times.began.insert(index, Instant::now());
        self.teller.tell(&Event::StepStarted {
            migration: &self.steps[index].migration,
            number: index + 1,
            total: self.steps.len(),
        });
    }
}

impl Times {
    /// The work is over.
    pub(super) fn end(&mut self) {
        self.ended = Some(Instant::now());
    }

    /// How long a file took, in milliseconds, up to the beginning of the next.
    pub(super) fn took_ms(&self, index: usize) -> f64 {
        let next = self.began.range(index + 1..).next().map(|(_, time)| *time);
        let span = |began: &Instant| next.or(self.ended).map(|end| end.duration_since(*began));
        let span = self.began.get(&index).and_then(span);
        span.map_or(0.0, |span| span.as_secs_f64() * 1000.0)
    }

    /// Whether a file was begun.
    pub(super) fn has_begun(&self, index: usize) -> bool {
        self.began.contains_key(&index)
    }

    /// The last file that was begun.
    pub(super) fn under_way(&self) -> Option<usize> {
        self.began.last_key_value().map(|(index, _)| *index)
    }
}
