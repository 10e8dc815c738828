//! The verbs that show the ledger's rows: the newest, or those of one version.

use crate::attempt::Attempt;
use crate::error::{Error, ErrorKind, Result};
use crate::inspect::{by, message};
use crate::ledger;
use crate::report::{History, LedgerEntry, Log};
use crate::session::Session;
use devflow_migrations::{Ledger, LedgerRow, Version, VersionHistory};

impl Attempt<'_> {
    /// The newest rows of the ledger.
    pub(crate) async fn log(mut self, limit: usize) -> Result<Log> {
        let mut session = self.open().await?;
        let result = self.newest(&mut session, limit).await;
        session.close().await;
        result
    }

    async fn newest(&mut self, session: &mut Session, limit: usize) -> Result<Log> {
        let ledger_exists = self.has_ledger(session).await?;
        // The Supabase CLI's table has no rows of this kind.
        let mut rows = match self.table.standing.own {
            true => ledger::newest(session, &self.table, limit.saturating_add(1)).await?,
            false => Vec::new(),
        };
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        Ok(Log {
            run: self.run.id.clone(),
            place: self.place.clone(),
            ledger_exists,
            rows: rows.into_iter().map(LedgerEntry::of).collect(),
            has_more,
            remarks: self.teller.remarks.clone(),
        })
    }

    /// What is known of one version.
    pub(crate) async fn history(mut self, version: &Version) -> Result<History> {
        let mut session = self.open().await?;
        let result = self.of_version(&mut session, version).await;
        session.close().await;
        result
    }

    async fn of_version(&mut self, session: &mut Session, version: &Version) -> Result<History> {
        let (ledger, ledger_exists) = self.look_and_read(session).await?;
        let plan = self.plan_with(&ledger);
        let rows = rows(&ledger, version);
        if ledger.get(version).is_none() && self.migrator.set.get(version).is_none() {
            return Err(unknown(version));
        }
        let mut entries = self.entries(&ledger, &plan).into_iter();
        let is_its = |found: &str| Version::parse(found).is_ok_and(|found| found == *version);
        let findings = plan.findings().iter();
        Ok(History {
            run: self.run.id.clone(),
            place: self.place.clone(),
            ledger_exists,
            entry: entries.find(|entry| entry.version == *version),
            findings: findings
                .filter(|finding| is_its(&finding.version))
                .cloned()
                .collect(),
            rows,
            remarks: self.teller.remarks.clone(),
        })
    }
}

fn rows(ledger: &Ledger, version: &Version) -> Vec<LedgerEntry> {
    let history = ledger.get(version).into_iter();
    let rows = history.flat_map(VersionHistory::rows);
    // What has not been taken over yet is no row.
    let rows = rows.filter(|(_, row)| row.id > 0);
    rows.map(|(_, row)| LedgerEntry::of(row.clone())).collect()
}

impl LedgerEntry {
    /// The row, with what its JSON says.
    #[must_use]
    pub fn of(row: LedgerRow) -> Self {
        Self {
            by: row.run.as_deref().and_then(by),
            message: row.error.as_deref().and_then(message),
            row,
        }
    }
}

fn unknown(version: &Version) -> Error {
    let message = format!("neither the files nor the ledger have a version {version}");
    Error::new(ErrorKind::Usage, "unknown_version", message)
        .help("`devflow db status` lists every version")
}
