//! Telling the observer and the log what happens.

use crate::event::{Event, Observer};
use crate::span::Spans;
use devflow_migrations::{Finding, Plan, Severity};

/// Tells the observer, and `tracing`, what happens.
pub(crate) struct Teller<'a> {
    observer: &'a mut dyn Observer,
    /// What there is to say besides the steps; goes into the report as well.
    pub(crate) remarks: Vec<String>,
    pub(crate) spans: Spans,
}

impl<'a> Teller<'a> {
    pub(crate) fn new(observer: &'a mut dyn Observer) -> Self {
        Self {
            observer,
            remarks: Vec::new(),
            spans: Spans::none(),
        }
    }

    pub(crate) fn tell(&mut self, event: &Event<'_>) {
        match event {
            Event::Connected(place) => self.spans.connected(place),
            Event::StepStarted { migration, .. } => self.spans.sent(migration),
            Event::Retrying {
                migration, attempt, ..
            } => self.spans.retried(migration, *attempt),
            _ => {}
        }
        self.spans.of(event.version()).in_scope(|| log(event));
        match event {
            Event::StepCommitted { step, .. } | Event::StepFinished { step, .. } => {
                self.spans.committed(step);
            }
            Event::StepFailed(failure) => self.spans.end(Some(failure)),
            _ => {}
        }
        self.observer.event(event);
    }

    /// Logs the differences that the policies let pass.
    pub(crate) fn warn(&self, plan: &Plan) {
        let passed = |finding: &&Finding| finding.severity == Severity::Warning;
        for finding in plan.findings().iter().filter(passed) {
            // Names in the ledger are what others wrote.
            tracing::warn!("{}", finding.to_string().escape_debug());
        }
    }

    /// Says something that a person should know, once.
    pub(crate) fn remark(&mut self, remark: String) {
        if !self.remarks.contains(&remark) {
            self.tell(&Event::Remark(&remark));
            self.remarks.push(remark);
        }
    }
}

fn log(event: &Event<'_>) {
    match event {
        Event::Connected(place) => {
            tracing::debug!(server = %place.server, database = %place.database, "connected");
        }
        Event::ConnectRetry { reason, pause } => {
            tracing::warn!(pause_ms = pause.as_millis(), "{reason}; trying again");
        }
        Event::Waiting {
            holder,
            waited,
            limit,
        } => {
            let holder = holder.map_or_else(|| "unknown".to_owned(), ToString::to_string);
            tracing::info!(
                %holder,
                waited_s = waited.as_secs(),
                limit_s = limit.as_secs(),
                "waiting for another runner's migrations"
            );
        }
        Event::Planned(plan) => tracing::debug!(pending = plan.steps().len(), "planned"),
        Event::StepStarted {
            migration,
            number,
            total,
        } => {
            tracing::info!(version = %migration.version(), file = migration.path(), number, total, "applying");
        }
        Event::Blocked {
            migration,
            wait,
            waited,
        } => tracing::warn!(
            version = %migration.version(),
            waited_s = waited.as_secs(),
            "waits for {wait}"
        ),
        Event::Unblocked { migration } => {
            tracing::info!(version = %migration.version(), "goes on");
        }
        Event::IndexBuild {
            migration,
            build,
            waited,
        } => tracing::info!(
            version = %migration.version(),
            waited_s = waited.as_secs(),
            "{build}"
        ),
        Event::Unanswered {
            migration,
            waited,
            reason,
        } => tracing::warn!(
            version = %migration.version(),
            waited_s = waited.as_secs(),
            "no answer, and no second connection: {reason}"
        ),
        Event::Retrying {
            migration,
            reason,
            waited_for,
            attempt,
            pause,
        } => tracing::warn!(
            version = %migration.version(),
            attempt,
            waited_for = waited_for.map(ToString::to_string),
            pause_ms = pause.as_millis(),
            "{reason:?}; trying again"
        ),
        Event::StatementDone { migration, number } => {
            tracing::info!(version = %migration.version(), statement = number, "statement done");
        }
        Event::Notice { migration, notice } => tracing::info!(
            version = %migration.version(),
            severity = notice.severity,
            sqlstate = notice.sqlstate,
            "{:?}",
            notice.message
        ),
        Event::StepCommitted { step, .. } => {
            tracing::debug!(version = %step.version, "committed");
        }
        Event::StepFinished {
            step,
            number,
            total,
        } => {
            tracing::info!(version = %step.version, execution_ms = step.execution_ms, number, total, "applied");
        }
        Event::StepFailed(failure) => {
            tracing::error!(version = %failure.version, file = failure.path, sqlstate = failure.sqlstate, "{:?}", failure.message);
        }
        Event::Relayed(line) => tracing::info!("{line:?}"),
        Event::Remark(remark) => tracing::warn!("{remark}"),
    }
}
