//! What `--verbose` says besides.

use crate::style::{QUIET, paint};
use crate::{duration, visible};
use devflow_runtime::{Event, Place, Plan};
use std::time::Instant;

/// The clocks by which `--verbose` tells times.
#[derive(Debug)]
pub(super) struct Detail {
    began: Instant,
    /// When the statement under way began.
    since: Instant,
}

impl Detail {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            began: now,
            since: now,
        }
    }

    /// The line about an event that says nothing otherwise.
    pub(super) fn of(&mut self, event: &Event<'_>) -> Option<String> {
        let text = match event {
            Event::Connected(place) => connected(place),
            Event::Planned(plan) => planned(plan),
            Event::StepStarted { .. } => {
                self.since = Instant::now();
                return None;
            }
            Event::StatementDone { migration, number } => {
                let took = duration::of(self.since.elapsed());
                self.since = Instant::now();
                let (file, total) = (migration.file(), migration.statements().len());
                format!("{file}: statement {number} of {total} took {took}")
            }
            Event::StepFinished { step, .. } => {
                let took = duration::of_ms(step.execution_ms);
                let statements = crate::human::line::count(step.statements, "statement");
                format!("{}: {statements} took the server {took}", step.path)
            }
            _ => return None,
        };
        let at = duration::of(self.began.elapsed());
        let at = paint(QUIET, format!("{at:>8}"));
        Some(format!("{at} {}\n", visible::line(&text)))
    }
}

fn connected(place: &Place) -> String {
    let tls = match place.encrypted {
        true => "encrypted",
        false => "not encrypted",
    };
    format!(
        "connected to {} on {} as {}: PostgreSQL {}, server process {}, {tls}; ledger {}",
        place.database, place.server, place.role, place.server_version, place.pid, place.table
    )
}

fn planned(plan: &Plan) -> String {
    format!(
        "planned: {} pending, {} applied before, {} beyond the target",
        plan.steps().len(),
        plan.applied(),
        plan.withheld().len()
    )
}
