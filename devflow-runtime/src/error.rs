//! Why a run did not do what it was asked.

use crate::report::{PlanReport, Report, StepFailure};
use devflow_migrations::{Difference, Finding};
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// Why a run did not do what it was asked, and what it had done by then.
///
/// `{:?}` is for people too, because it is what a `main` that returns the error prints: the message, its causes and the next
/// step. `{:#?}` shows every field. A clone is cheap: several may be told why a run failed.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: ErrorKind,
    code: &'static str,
    message: String,
    help: Option<String>,
    findings: Vec<Finding>,
    failure: Option<StepFailure>,
    report: Option<Report>,
    plan: Option<PlanReport>,
    differences: Vec<Difference>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// The kinds of error, as a caller has to tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The call itself: a URL that cannot be read, a target that does not exist, a setting that is not built yet.
    Usage,
    /// Pending files cannot be run as they are; nothing was done. [`source`](std::error::Error::source) is the
    /// [`SourceError`](crate::SourceError) that has every problem.
    Source,
    /// No connection: name look-up, TCP, TLS, authentication, or the server does not take us.
    Connect,
    /// The role may not do what the run needs.
    Permission,
    /// The server is read-only and migrations are pending.
    ReadOnly,
    /// The connection was lost before anything ran.
    Disconnected,
    /// devflow's own lock was not obtained in time.
    LockTimeout,
    /// A finding that the policies refuse, a half-done file among them, or a decision that does not fit; nothing was done.
    Refused,
    /// The ledger is damaged, another tool's, filtered, or not trusted.
    Ledger,
    /// A migration failed; it was rolled back and recorded.
    MigrationFailed,
    /// The run broke after it had begun to apply; the report says what is known.
    Broken,
    /// The plan is not the one that was approved; nothing was applied.
    PlanChanged,
    /// The database was last migrated under another environment, which requires approvals; nothing was applied.
    ApprovalMissing,
    /// The run was interrupted; what had not been committed was rolled back.
    Interrupted,
}

/// What every error result of this crate is.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn new(kind: ErrorKind, code: &'static str, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            code,
            message: message.into(),
            help: None,
            findings: Vec::new(),
            failure: None,
            report: None,
            plan: None,
            differences: Vec::new(),
            source: None,
        }))
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.inner().help = Some(help.into());
        self
    }

    pub(crate) fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.inner().source = Some(Arc::from(source.into()));
        self
    }

    pub(crate) fn with_findings(mut self, findings: Vec<Finding>) -> Self {
        self.inner().findings = findings;
        self
    }

    pub(crate) fn with_failure(mut self, failure: StepFailure) -> Self {
        self.inner().failure = Some(failure);
        self
    }

    pub(crate) fn with_report(mut self, report: Report) -> Self {
        self.inner().report = Some(report);
        self
    }

    pub(crate) fn with_plan(mut self, plan: PlanReport) -> Self {
        self.inner().plan = Some(plan);
        self
    }

    pub(crate) fn with_differences(mut self, differences: Vec<Difference>) -> Self {
        self.inner().differences = differences;
        self
    }

    /// To add to it while nobody else has it.
    fn inner(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.0)
    }

    /// The kind, for a caller to branch on.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// A stable code, such as `lock_timeout`; the same in text and in JSON.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// The next step, where there is one to name.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// What was found, refused findings and warnings, when a finding stopped the run.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.0.findings
    }

    /// The migration that failed.
    #[must_use]
    pub fn failure(&self) -> Option<&StepFailure> {
        self.0.failure.as_ref()
    }

    /// What the run had done by then; `None` when it stopped before it began to apply.
    #[must_use]
    pub fn report(&self) -> Option<&Report> {
        self.0.report.as_ref()
    }

    /// The plan that was found, when it is not the approved one.
    #[must_use]
    pub fn plan(&self) -> Option<&PlanReport> {
        self.0.plan.as_ref()
    }

    /// In what that plan is not the approved one, where all of the approved one was handed over.
    #[must_use]
    pub fn differences(&self) -> &[Difference] {
        &self.0.differences
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return fmt::Debug::fmt(&self.0, f);
        }
        write!(f, "{self}")?;
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, "\n  caused by: {error}")?;
            cause = error.source();
        }
        self.hint()
            .map_or(Ok(()), |help| write!(f, "\n  help: {help}"))
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_ref()
            .map(|source| &**source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_main_that_returns_the_error_prints_what_a_person_needs() {
        let error = Error::new(ErrorKind::Connect, "cannot_connect", "no connection")
            .caused_by("it is dark")
            .help("switch it on");
        let shown = "no connection\n  caused by: it is dark\n  help: switch it on";
        assert_eq!(format!("{error:?}"), shown);
        assert!(format!("{error:#?}").contains("kind: Connect"));
    }
}
