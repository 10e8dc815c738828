//! The runtime's results, turned into outcomes.

mod error;

use super::{
    Applied, Body, Correction, Difference, Entry, Failure, File, Finding, Kind, Mode, Notice,
    Outcome, Place, Plan, Remark, Repair, Snippet, Standing, Status, Trouble, Work,
};
use devflow_migrations::{Effect, EffectReader};
use devflow_runtime as runtime;
use devflow_runtime::{Migration, MigrationSet, Severity, Verb, Version};

impl Outcome {
    /// What a run of `migrate` came to.
    pub(crate) fn of_run(report: &runtime::Report, set: &MigrationSet) -> Self {
        let mut outcome = Self::new(Body::Migrate(Work::of(report, set)));
        outcome.take(report);
        outcome
    }

    /// What a dry run shows.
    pub(crate) fn of_plan(report: &runtime::PlanReport) -> Self {
        let work = Work {
            mode: Mode::DryRun,
            already_applied: Some(report.plan.applied()),
            pending: pending(&report.plan),
            plan: Some(Plan::with_effects(&report.plan, &report.digest)),
            ..Work::default()
        };
        let body = match report.plan.verb() {
            Verb::Migrate => Body::Migrate(work),
            Verb::Baseline => Body::Baseline(work),
            Verb::Adopt => Body::Adopt(work),
            Verb::Revert => Body::Revert(work),
        };
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

    pub(super) fn remarked(mut self, texts: &[String]) -> Self {
        self.remarks = remarks(texts);
        self
    }

    /// What `baseline` recorded.
    pub(crate) fn of_baseline(report: &runtime::Report, set: &MigrationSet) -> Self {
        let mut outcome = Self::new(Body::Baseline(Work::of(report, set)));
        outcome.take(report);
        outcome
    }

    /// What `adopt` recorded.
    pub(crate) fn of_adopt(report: &runtime::Report, set: &MigrationSet) -> Self {
        let mut outcome = Self::new(Body::Adopt(Work::of(report, set)));
        outcome.take(report);
        outcome
    }

    /// What `revert` undid.
    pub(crate) fn of_revert(report: &runtime::Report, set: &MigrationSet) -> Self {
        let mut outcome = Self::new(Body::Revert(Work::of(report, set)));
        outcome.take(report);
        outcome
    }

    /// What `repair` recorded, or would.
    pub(crate) fn of_repair(report: &runtime::RepairReport, mode: Mode) -> Self {
        let mut outcome = Self::new(Body::Repair(Repair {
            mode,
            corrections: report.corrections.iter().map(Correction::of).collect(),
            digest: Some(report.digest.to_string()),
        }));
        outcome.run = Some(report.run.clone());
        outcome.place = Some(Place::of(&report.place));
        outcome.remarked(&report.remarks)
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
        if let Some(work) = outcome.body.work_mut() {
            work.take_error(error, set);
        }
        outcome.findings.extend(findings(error.findings()));
        let mut trouble = Trouble::of(error);
        if let Some(stop) = stop(outcome.refused().count(), "the run") {
            // The findings say the rest, each with its own help.
            trouble.message = format!("nothing was {}: {stop}", outcome.body.participle());
            trouble.help = None;
        }
        outcome.differences = error.differences().iter().map(Difference::of).collect();
        if !outcome.differences.is_empty() {
            let done = outcome.body.participle();
            trouble.message = format!("the plan is not the approved one; nothing was {done}");
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

impl Work {
    fn of(report: &runtime::Report, set: &MigrationSet) -> Self {
        Self {
            mode: Mode::Apply,
            already_applied: Some(report.already_applied),
            done: report
                .steps
                .iter()
                .map(|step| Applied::of(step, set))
                .collect(),
            unconfirmed: report.unconfirmed.iter().map(Version::to_string).collect(),
            pending: by_version(&report.pending, set),
            failure: None,
            plan: None,
            supabase: None,
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
    let what = match outcome.body {
        Body::Revert(_) | Body::Baseline(_) | Body::Adopt(_) => "it",
        _ => "any run",
    };
    let message = stop(outcome.refused().count(), what)?;
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

pub(super) fn findings(found: &[runtime::Finding]) -> Vec<Finding> {
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
            effects: Vec::new(),
        }
    }

    /// The same with what each statement does, where they are run.
    fn with_effects(plan: &runtime::Plan, digest: &runtime::PlanDigest) -> Self {
        let mut reader = EffectReader::default();
        let mut read = |step: &runtime::Step| Effect::together(reader.read(&step.migration));
        Self {
            effects: match plan.verb() {
                Verb::Baseline | Verb::Adopt => Vec::new(),
                Verb::Migrate | Verb::Revert => plan.steps().iter().map(&mut read).collect(),
            },
            ..Self::of(plan, digest)
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
            checksum: of_path(set, version, path).map(|file| file.checksum().to_string()),
        }
    }
}

/// The file itself or its down file.
fn of_path<'a>(set: &'a MigrationSet, version: &Version, path: &str) -> Option<&'a Migration> {
    let migration = set.get(version)?;
    let mut files = std::iter::once(migration).chain(migration.down());
    files.find(|file| file.path() == path).map(|file| &**file)
}

impl Correction {
    fn of(correction: &runtime::Correction) -> Self {
        Self {
            version: correction.version.to_string(),
            path: correction.path.clone(),
            decision: correction.decision.as_str(),
            before: correction.before.as_ref().map(Standing::of),
            after: Standing::of(&correction.after),
        }
    }
}

impl Standing {
    fn of(standing: &runtime::Standing) -> Self {
        Self {
            event: standing.event.as_str(),
            file: standing.name.clone(),
            checksum: standing.checksum.clone(),
            statements: standing.statement,
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
    pub(super) fn of(position: Option<runtime::Position>, line: Option<&String>) -> Option<Self> {
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
