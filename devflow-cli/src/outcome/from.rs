//! The runtime's results, turned into outcomes.

use super::{
    Applied, Baseline, Body, Entry, Failure, File, Finding, Kind, Migrate, MigrateMode, Notice,
    Outcome, Place, Plan, Problem, Remark, Snippet, Status, Trouble,
};
use devflow_migrations::SourceError;
use devflow_runtime as runtime;
use devflow_runtime::{ErrorKind, Migration, MigrationSet, Severity, Version};
use std::error::Error as _;

impl Outcome {
    /// What a run of `migrate` came to.
    pub(crate) fn of_run(report: &runtime::Report, set: &MigrationSet) -> Self {
        let mut outcome = Self::new(Body::Migrate(Migrate::of(report, set)));
        outcome.take(report);
        outcome
    }

    /// What a dry run shows.
    pub(crate) fn of_plan(report: &runtime::PlanReport) -> Self {
        let body = Body::Migrate(Migrate {
            mode: MigrateMode::DryRun,
            already_applied: Some(report.plan.applied()),
            pending: pending(&report.plan),
            plan: Some(Plan::of(&report.plan, &report.digest)),
            ..Migrate::default()
        });
        let outcome = Self::of_look(body, &report.run, &report.place, &report.plan);
        outcome.remarked(&report.remarks)
    }

    /// What `status` shows.
    pub(crate) fn of_status(report: &runtime::Status) -> Self {
        let body = Body::Status(Status {
            entries: report.entries.iter().map(Entry::of).collect(),
            ledger_exists: Some(report.ledger_exists),
            plan: Some(Plan::of(&report.plan, &report.digest)),
        });
        let outcome = Self::of_look(body, &report.run, &report.place, &report.plan);
        outcome.remarked(&report.remarks)
    }

    /// What was seen without a lock; trouble when a run would be refused.
    fn of_look(body: Body, run: &str, place: &runtime::Place, plan: &runtime::Plan) -> Self {
        let mut outcome = Self::new(body);
        outcome.run = Some(run.to_owned());
        outcome.place = Some(Place::of(place));
        outcome.findings = findings(plan.findings());
        outcome.trouble = refusal(&outcome);
        outcome
    }

    fn remarked(mut self, texts: &[String]) -> Self {
        self.remarks = remarks(texts);
        self
    }

    /// What `baseline` recorded.
    pub(crate) fn of_baseline(report: &runtime::Report, set: &MigrationSet) -> Self {
        let mut outcome = Self::new(Body::Baseline(Baseline {
            baselined: report.steps.iter().map(|step| by_path(step, set)).collect(),
            pending: by_version(&report.pending, set),
        }));
        outcome.take(report);
        outcome
    }

    /// What is known of a run that ended in an error; `body` is the command's empty one.
    pub(crate) fn of_error(error: &runtime::Error, body: Body, set: &MigrationSet) -> Self {
        let mut outcome = Self::new(body);
        if let Some(report) = error.report() {
            outcome.take(report);
        }
        if let Some(plan) = error.plan() {
            outcome.place.get_or_insert_with(|| Place::of(&plan.place));
            outcome.run.get_or_insert_with(|| plan.run.clone());
        }
        if let Body::Migrate(migrate) = &mut outcome.body {
            migrate.take_error(error, set);
        }
        outcome.findings.extend(findings(error.findings()));
        let mut trouble = Trouble::of(error);
        if let Some(stop) = stop(outcome.refused().count(), "the run") {
            // The findings say the rest, each with its own help.
            trouble.message = format!("nothing was applied: {stop}");
            trouble.help = None;
        }
        outcome.troubled(trouble)
    }

    fn take(&mut self, report: &runtime::Report) {
        self.run = Some(report.run.clone());
        self.place = Some(Place::of(&report.place));
        self.findings = findings(&report.warnings);
        self.remarks = remarks(&report.remarks);
        self.elapsed_ms = report.elapsed.as_secs_f64() * 1000.0;
    }
}

impl Migrate {
    fn of(report: &runtime::Report, set: &MigrationSet) -> Self {
        Self {
            mode: MigrateMode::Apply,
            already_applied: Some(report.already_applied),
            applied: report
                .steps
                .iter()
                .map(|step| Applied::of(step, set))
                .collect(),
            unconfirmed: report.unconfirmed.iter().map(Version::to_string).collect(),
            pending: by_version(&report.pending, set),
            failure: None,
            plan: None,
        }
    }

    fn take_error(&mut self, error: &runtime::Error, set: &MigrationSet) {
        if let Some(report) = error.report() {
            *self = Self {
                mode: self.mode,
                ..Self::of(report, set)
            };
        }
        let failure = error.failure();
        self.failure = failure.map(|failure| Box::new(Failure::of(failure, set)));
        if let Some(plan) = error.plan() {
            self.plan = Some(Plan::of(&plan.plan, &plan.digest));
            self.pending = pending(&plan.plan);
        }
    }
}

/// The trouble of a look that found what a run would refuse.
fn refusal(outcome: &Outcome) -> Option<Trouble> {
    let message = stop(outcome.refused().count(), "any run")?;
    Some(Trouble::new(Kind::Refused, "refused", message))
}

/// How many findings stop what.
fn stop(findings: usize, what: &str) -> Option<String> {
    match findings {
        0 => None,
        1 => Some(format!("a finding stops {what}")),
        count => Some(format!("{count} findings stop {what}")),
    }
}

/// Steps, and what lies beyond the target.
fn pending(plan: &runtime::Plan) -> Vec<File> {
    let steps = plan.steps().iter().map(|step| &step.migration);
    steps
        .chain(plan.withheld())
        .map(|migration| File::of(migration))
        .collect()
}

fn by_version(versions: &[Version], set: &MigrationSet) -> Vec<File> {
    versions
        .iter()
        .filter_map(|version| set.get(version))
        .map(|migration| File::of(migration))
        .collect()
}

fn by_path(step: &runtime::StepReport, set: &MigrationSet) -> File {
    File::known(&step.version, &step.path, step.mode, set)
}

fn findings(found: &[runtime::Finding]) -> Vec<Finding> {
    found.iter().map(Finding::of).collect()
}

fn remarks(texts: &[String]) -> Vec<Remark> {
    texts.iter().map(Remark::new).collect()
}

impl Remark {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            told: false,
        }
    }
}

impl Plan {
    pub(crate) fn of(plan: &runtime::Plan, digest: &runtime::PlanDigest) -> Self {
        Self {
            digest: digest.to_string(),
            steps: plan
                .steps()
                .iter()
                .map(|step| File::of(&step.migration))
                .collect(),
        }
    }
}

impl File {
    pub(crate) fn of(migration: &Migration) -> Self {
        Self {
            version: migration.version().to_string(),
            path: migration.path().to_owned(),
            mode: Some(migration.mode().as_str()),
            checksum: Some(migration.checksum().to_string()),
        }
    }

    fn known(version: &Version, path: &str, mode: runtime::Mode, set: &MigrationSet) -> Self {
        Self {
            version: version.to_string(),
            path: path.to_owned(),
            mode: Some(mode.as_str()),
            checksum: set
                .get(version)
                .map(|migration| migration.checksum().to_string()),
        }
    }
}

impl Applied {
    pub(crate) fn of(step: &runtime::StepReport, set: &MigrationSet) -> Self {
        Self {
            file: by_path(step, set),
            execution_ms: step.execution_ms,
            statements: step.statements,
            notices: step.notices.iter().map(Notice::of).collect(),
        }
    }
}

impl Notice {
    pub(crate) fn of(notice: &runtime::Notice) -> Self {
        Self {
            severity: notice.severity.clone(),
            sqlstate: notice.sqlstate.clone(),
            message: notice.message.clone(),
            hint: notice.hint.clone(),
        }
    }
}

impl Failure {
    fn of(failure: &runtime::StepFailure, set: &MigrationSet) -> Self {
        Self {
            file: File::known(&failure.version, &failure.path, failure.mode, set),
            sqlstate: failure.sqlstate.clone(),
            message: failure.message.clone(),
            detail: failure.detail.clone(),
            hint: failure.hint.clone(),
            context: failure.context.clone(),
            waited_for: failure.waited_for.clone(),
            snippet: Snippet::of(failure.position, failure.line.as_ref()),
            statement: failure.statement,
            completed: failure.completed,
            recorded: failure.recorded,
            notices: failure.notices.iter().map(Notice::of).collect(),
        }
    }
}

impl Snippet {
    fn of(position: Option<runtime::Position>, line: Option<&String>) -> Option<Self> {
        position.map(|position| Self {
            line: position.line,
            column: position.column,
            text: line.cloned(),
        })
    }
}

impl Entry {
    fn of(entry: &runtime::StatusEntry) -> Self {
        Self {
            version: entry.version.to_string(),
            path: entry.path.clone(),
            state: entry.state,
            checksum: entry.checksum.clone(),
            at: entry.at.clone(),
            execution_ms: entry.execution_ms,
            by: entry.by.clone(),
            error: entry.error.clone(),
        }
    }
}

impl Place {
    pub(crate) fn of(place: &runtime::Place) -> Self {
        Self {
            server: place.server.clone(),
            database: place.database.clone(),
            role: place.role.clone(),
            server_version: place.server_version.clone(),
            schema: place.table.schema().to_owned(),
            table: place.table.table().to_owned(),
        }
    }
}

impl Finding {
    fn of(finding: &runtime::Finding) -> Self {
        Self {
            code: finding.code(),
            refused: finding.severity == Severity::Refused,
            version: finding.version.clone(),
            path: finding.path.clone(),
            message: finding.to_string(),
            help: finding.help(),
        }
    }
}

impl Trouble {
    fn of(error: &runtime::Error) -> Self {
        let mut trouble = Self::new(Kind::of(error.kind()), error.code(), error.to_string());
        trouble.help = error.hint().map(str::to_owned);
        let mut cause = error.source();
        while let Some(error) = cause {
            trouble.causes.push(error.to_string());
            cause = error.source();
        }
        trouble
    }
}

impl Kind {
    /// A kind of a newer runtime is something that broke.
    fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Usage => Self::Usage,
            ErrorKind::Connect => Self::Connect,
            ErrorKind::Permission => Self::Permission,
            ErrorKind::ReadOnly => Self::ReadOnly,
            ErrorKind::Disconnected => Self::Disconnected,
            ErrorKind::LockTimeout => Self::LockTimeout,
            ErrorKind::Refused => Self::Refused,
            ErrorKind::Ledger => Self::Ledger,
            ErrorKind::MigrationFailed => Self::MigrationFailed,
            ErrorKind::PlanChanged => Self::PlanChanged,
            // The command knows which signal it was.
            ErrorKind::Interrupted => Self::Interrupted(super::Signal::Interrupt),
            ErrorKind::Broken | _ => Self::Broken,
        }
    }
}

impl From<SourceError> for Trouble {
    fn from(error: SourceError) -> Self {
        let problems: Vec<_> = error.problems().iter().map(Problem::of).collect();
        let message = match problems.len() {
            1 => "a file has a problem; nothing was touched".to_owned(),
            count => format!("the files have {count} problems; nothing was touched"),
        };
        Self {
            problems,
            ..Self::new(Kind::Source, "source", message)
        }
    }
}

impl Problem {
    fn of(problem: &devflow_migrations::Problem) -> Self {
        Self {
            code: problem.code,
            path: problem.path.clone(),
            snippet: Snippet::of(problem.position, problem.line.as_ref()),
            message: problem.message.clone(),
            help: problem.help.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit;

    #[test]
    fn every_kind_of_error_has_its_exit_code() {
        let table = [
            (ErrorKind::Usage, 2),
            (ErrorKind::Connect, 6),
            (ErrorKind::Permission, 6),
            (ErrorKind::ReadOnly, 6),
            (ErrorKind::Disconnected, 6),
            (ErrorKind::LockTimeout, 5),
            (ErrorKind::Refused, 4),
            (ErrorKind::Ledger, 4),
            (ErrorKind::MigrationFailed, 1),
            (ErrorKind::Broken, 1),
            (ErrorKind::PlanChanged, 7),
            (ErrorKind::Interrupted, 130),
        ];
        for (kind, code) in table {
            assert_eq!(exit::of(Kind::of(kind)), code, "{kind:?}");
        }
    }
}
