//! What a run tells in the end.

use crate::attempt::Attempt;
use crate::error::{Error, ErrorKind};
use crate::lock;
use crate::report::{PlanReport, Report};
use devflow_migrations::{Finding, Plan, PlanContents, PlanDigest, Version};

impl Attempt<'_> {
    pub(crate) fn plan_report(
        &self,
        plan: Plan,
        contents: PlanContents,
        ledger_exists: bool,
    ) -> PlanReport {
        PlanReport {
            run: self.run.id.clone(),
            place: self.place.clone(),
            plan,
            digest: contents.digest(),
            contents,
            ledger_exists,
            remarks: self.teller.remarks.clone(),
        }
    }

    /// The report of a start with nothing to do, made without reading a row.
    pub(crate) fn report_all_applied(&self) -> Report {
        Report {
            already_applied: self.migrator.set.len().saturating_sub(self.done.len()),
            ..self.report(&Plan::default(), None)
        }
    }

    pub(crate) fn report(&self, plan: &Plan, digest: Option<PlanDigest>) -> Report {
        let is_step = |version| {
            plan.steps()
                .iter()
                .any(|step| step.migration.version() == version)
        };
        let earlier = self
            .done
            .iter()
            .filter(|step| !is_step(&step.version))
            .count();
        let is_done = |version: &Version| self.done.iter().any(|step| step.version == *version);
        let steps = plan.steps().iter().map(|step| step.migration.version());
        let withheld = plan.withheld().iter().map(|migration| migration.version());
        Report {
            run: self.run.id.clone(),
            place: self.place.clone(),
            already_applied: plan.applied().saturating_sub(earlier),
            steps: self.done.clone(),
            unconfirmed: Vec::new(),
            pending: steps
                .chain(withheld)
                .filter(|version| !is_done(version))
                .cloned()
                .collect(),
            warnings: standing(plan, is_done),
            remarks: self.teller.remarks.clone(),
            digest,
            elapsed: self.began.elapsed(),
        }
    }

    /// What earlier rounds of this run have committed is told with whatever ends it.
    pub(crate) fn with_earlier_rounds(&self, error: Error) -> Error {
        if self.done.is_empty() || error.report().is_some() {
            return error;
        }
        let error = match error.kind() {
            // It says that nothing ran, as it is in a first round.
            ErrorKind::Disconnected => {
                Error::new(ErrorKind::Broken, "connection_lost", error.to_string())
                    .help("what is listed is committed, and nothing else; run again to go on")
            }
            _ => error,
        };
        error.with_report(self.report(&Plan::default(), None))
    }

    /// A request that was cancelled because the run is to stop is not an error of its own.
    pub(crate) fn unless_interrupted(&self, error: Error) -> Error {
        let is_cancelled = matches!(error.kind(), ErrorKind::Broken | ErrorKind::Disconnected);
        match self.interrupt.is_fired() && is_cancelled && error.report().is_none() {
            true => lock::interrupted(),
            false => error,
        }
    }
}

/// The findings that are still true at the end: a file that was half done and is taken up is so no longer.
fn standing(plan: &Plan, is_done: impl Fn(&Version) -> bool) -> Vec<Finding> {
    let is_over = |finding: &&Finding| {
        let version = Version::parse(&finding.version);
        finding.code() == "half_done" && version.is_ok_and(|version| is_done(&version))
    };
    let findings = plan.findings().iter();
    findings
        .filter(|finding| !is_over(finding))
        .cloned()
        .collect()
}

/// The findings that stop a run, as an error.
pub(crate) fn refused(plan: &Plan) -> Error {
    let refused: Vec<_> = plan.refused().collect();
    let is_damaged = refused
        .iter()
        .any(|finding| finding.code() == "ledger_damaged");
    let (kind, code) = match is_damaged {
        true => (ErrorKind::Ledger, "ledger_damaged"),
        false => (ErrorKind::Refused, "refused"),
    };
    let first = refused.first().map(ToString::to_string).unwrap_or_default();
    let done = plan.verb().participle();
    let message = match refused.len() {
        1 => format!("nothing was {done}: {first}"),
        count => format!("nothing was {done}: {count} findings, the first of them: {first}"),
    };
    let help = refused.first().and_then(|finding| finding.help());
    let error = Error::new(kind, code, message).with_findings(plan.findings().to_vec());
    match help {
        Some(help) => error.help(help),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interrupt::Interrupt;
    use crate::migrator::Migrator;
    use crate::report::StepReport;
    use crate::session::Lost;
    use crate::target::Target;
    use devflow_migrations::{MigrationSet, Mode, Settings, TableName};

    #[test]
    fn a_connection_that_is_lost_in_a_later_round_does_not_deny_the_earlier_ones() {
        let set = MigrationSet::new(Vec::new()).unwrap();
        let migrator = Migrator::with_set(set, TableName::default(), Settings::default());
        let target = Target::parse("postgres://localhost/app").unwrap();
        let mut observer = ();
        let mut attempt = Attempt::new(&migrator, &target, Interrupt::default(), &mut observer);
        let lost = || Lost("reset".to_owned()).before_anything_ran();
        let first = attempt.with_earlier_rounds(lost());
        assert_eq!(first.kind(), ErrorKind::Disconnected);
        attempt.done.push(StepReport {
            version: Version::parse("1").unwrap(),
            path: "migrations/1_a.sql".to_owned(),
            mode: Mode::Transaction,
            execution_ms: 1.0,
            statements: 1,
            notices: Vec::new(),
        });
        let later = attempt.with_earlier_rounds(lost());
        assert_eq!(
            (later.kind(), later.code()),
            (ErrorKind::Broken, "connection_lost")
        );
        assert_eq!(later.report().unwrap().steps.len(), 1);
        assert!(!later.hint().unwrap().contains("nothing was applied"));
    }
}
