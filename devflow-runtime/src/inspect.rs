//! The verbs that write nothing: what would be done, and what is.

use crate::attempt::Attempt;
use crate::error::Result;
use crate::ledger;
use crate::lock;
use crate::report::{PlanReport, State, Status, StatusEntry};
use crate::session::Session;
use devflow_migrations::{
    FindingKind, Ledger, LedgerEvent, LedgerRow, Migration, Plan, Version, VersionHistory,
};
use std::collections::BTreeSet;

impl Attempt<'_> {
    /// What a run would do; `make` plans for its verb.
    pub(crate) async fn plan(
        mut self,
        make: impl FnOnce(&Self, &Ledger) -> Plan,
    ) -> Result<PlanReport> {
        self.check_request()?;
        let mut session = self.open().await?;
        let result = self.inspect(&mut session, make).await;
        let result = match result {
            Ok((_, report)) => self.compare(&mut session, report).await,
            Err(error) => Err(error),
        };
        session.close().await;
        result
    }

    /// Every version's state.
    pub(crate) async fn status(mut self) -> Result<Status> {
        self.check_request()?;
        let mut session = self.open().await?;
        let result = self.inspect(&mut session, Self::plan_with).await;
        session.close().await;
        let (ledger, report) = result?;
        Ok(Status {
            entries: self.entries(&ledger, &report.plan),
            run: report.run,
            place: report.place,
            plan: report.plan,
            digest: report.digest,
            ledger_exists: report.ledger_exists,
            remarks: report.remarks,
        })
    }

    /// A session for a verb that takes no lock, and so does not wait for those that do.
    pub(crate) async fn open(&mut self) -> Result<Session> {
        let mut connector = self.connector()?;
        connector.patience = connector.budget;
        self.connect(&connector).await
    }

    pub(crate) async fn inspect(
        &mut self,
        session: &mut Session,
        make: impl FnOnce(&Self, &Ledger) -> Plan,
    ) -> Result<(Ledger, PlanReport)> {
        let (ledger, exists) = self.look_and_read(session).await?;
        let mut plan = make(self, &ledger);
        self.check_fit(&plan)?;
        self.refuse_recorded(session, &mut plan).await;
        // Without an answer there is only a warning less.
        if !exists
            && !plan.steps().is_empty()
            && let Ok(facts) = ledger::take_facts(session, &self.table).await
        {
            self.remark_other_tools(&facts);
        }
        self.remark_on_holder(session, &plan).await;
        self.remark_on_guard(session, &ledger).await;
        let contents = self.contents(session, &plan).await;
        let report = self.plan_report(plan, contents, exists);
        Ok((ledger, report))
    }

    /// A file that looks half done may be under way at this moment.
    async fn remark_on_holder(&mut self, session: &mut Session, plan: &Plan) {
        if !plan
            .findings()
            .iter()
            .any(|finding| finding.code() == "half_done")
        {
            return;
        }
        if let Some(holder) = lock::holder(session, &self.table).await {
            self.teller.remark(format!(
                "a run is under way: devflow's lock is held by {holder}"
            ));
        }
    }

    pub(crate) fn entries(&self, ledger: &Ledger, plan: &Plan) -> Vec<StatusEntry> {
        let files = self
            .migrator
            .set
            .iter()
            .map(|migration| migration.version());
        let recorded = ledger.iter().map(|(version, _)| version);
        let versions: BTreeSet<_> = files.chain(recorded).collect();
        let entry = |version: &Version| {
            let migration = self.migrator.set.get(version).map(|migration| &**migration);
            entry(version, migration, ledger.get(version), plan)
        };
        versions.into_iter().filter_map(entry).collect()
    }
}

/// One version's state; `None` for one that neither a file nor the database has any more.
fn entry(
    version: &Version,
    migration: Option<&Migration>,
    history: Option<&VersionHistory>,
    plan: &Plan,
) -> Option<StatusEntry> {
    let state = state(version, migration.is_some(), history, plan)?;
    // A pending version's last event is history: what it says is not about the file as it is now.
    let row = history
        .and_then(VersionHistory::last)
        .filter(|_| state != State::Pending);
    let recorded =
        |field: fn(&LedgerRow) -> &Option<String>| row.and_then(|row| field(row).clone());
    let checksum = migration.map(|migration| migration.checksum().to_string());
    Some(StatusEntry {
        version: version.clone(),
        path: migration
            .map(|migration| migration.path().to_owned())
            .or_else(|| recorded(|row| &row.name)),
        state,
        checksum: checksum.or_else(|| recorded(|row| &row.checksum)),
        // What has not been taken over yet has no time.
        at: row.map(|row| row.at.clone()).filter(|at| !at.is_empty()),
        execution_ms: row.and_then(|row| row.execution_ms),
        by: row.and_then(|row| row.run.as_deref()).and_then(by),
        error: row.and_then(|row| row.error.as_deref()).and_then(message),
    })
}

fn state(
    version: &Version,
    has_file: bool,
    history: Option<&VersionHistory>,
    plan: &Plan,
) -> Option<State> {
    let mut found = plan
        .findings()
        .iter()
        .filter(|finding| finding.version == version.as_str());
    let told = found.find_map(|finding| match finding.kind {
        FindingKind::Modified { .. } => Some(State::Modified),
        FindingKind::Missing { .. } => Some(State::Missing),
        FindingKind::Ahead { .. } => Some(State::Ahead),
        FindingKind::OutOfOrder { .. } => Some(State::OutOfOrder),
        FindingKind::HalfDone { .. } => Some(State::HalfDone),
        _ => None,
    });
    told.or(match history.map(VersionHistory::event) {
        Some(LedgerEvent::Applied | LedgerEvent::Repaired) => Some(State::Applied),
        Some(LedgerEvent::Baselined) => Some(State::Baselined),
        Some(LedgerEvent::Failed) if has_file => Some(State::Failed),
        _ if has_file => Some(State::Pending),
        _ => None,
    })
}

/// The actor where one was claimed, else the application and host.
pub(crate) fn by(run: &str) -> Option<String> {
    claim(run, "actor").or_else(|| match (claim(run, "application"), claim(run, "host")) {
        (Some(application), Some(host)) => Some(format!("{application}@{host}")),
        (application, host) => application.or(host),
    })
}

/// One of the texts that a run says of itself.
pub(crate) fn claim(run: &str, key: &str) -> Option<String> {
    let run: serde_json::Value = serde_json::from_str(run).ok()?;
    run.get(key)?.as_str().map(str::to_owned)
}

/// The server's words in a recorded error.
pub(crate) fn message(error: &str) -> Option<String> {
    let error: serde_json::Value = serde_json::from_str(error).ok()?;
    error.get("message")?.as_str().map(str::to_owned)
}
