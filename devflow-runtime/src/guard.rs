//! A database that was migrated under an environment that requires approval is not changed under one that does not.

use crate::attempt::Attempt;
use crate::error::{Error, ErrorKind, Result};
use crate::inspect::by;
use crate::session::Session;
use devflow_migrations::{Ledger, LedgerRow};
use serde_json::Value;

/// What stands for a system identifier that could not be asked for.
const UNKNOWN: &str = "unknown";

/// What the rows of a run say whose environment requires an approval.
const REQUIRED: &str = "approval_required";

/// The claims about a database in the rows of a run under an environment that requires approval.
#[derive(Debug)]
struct Guard<'l> {
    row: &'l LedgerRow,
    run: Value,
}

impl Attempt<'_> {
    /// Every environment's URL may be called alike, and the wrong secret is one click away. Whoever does not say what
    /// the environment requires, such as a service that starts, is not asked.
    ///
    /// What this run's rows say of its own environment is settled here too.
    pub(crate) async fn check_guard(
        &mut self,
        session: &mut Session,
        ledger: &Ledger,
    ) -> Result<()> {
        match self.migrator.approval_required {
            None => Ok(()),
            Some(true) => {
                let system = self.system(session).await;
                self.run.claim(REQUIRED, true);
                self.run.claim("system", system);
                self.run.claim("database", self.place.database.as_str());
                self.run.json = self.table.charset.hold(&self.run.json);
                Ok(())
            }
            Some(false) => match self.guard(session, ledger).await {
                Some(guard) => Err(guard.refusal(&self.migrator.environment)),
                None => Ok(()),
            },
        }
    }

    /// Says to whoever only looks what a run would be refused for.
    pub(crate) async fn remark_on_guard(&mut self, session: &mut Session, ledger: &Ledger) {
        if self.migrator.approval_required == Some(false)
            && let Some(guard) = self.guard(session, ledger).await
        {
            let refusal = guard.refusal(&self.migrator.environment);
            self.teller
                .remark(format!("a run would be refused: {refusal}"));
        }
    }

    /// The newest claim that is about this very database. A copy under another name, or on another server, is free.
    async fn guard<'l>(&mut self, session: &mut Session, ledger: &'l Ledger) -> Option<Guard<'l>> {
        let mut guards = Guard::all(ledger);
        guards.retain(|guard| guard.word("database") == Some(&self.place.database));
        if guards.is_empty() {
            return None;
        }
        let system = self.system(session).await;
        // Where either side could not ask, nothing says that it is another server.
        guards.retain(|guard| {
            let claimed = guard.word("system").unwrap_or(UNKNOWN);
            claimed == system || claimed == UNKNOWN || system == UNKNOWN
        });
        let newest = guards.into_iter().max_by_key(|guard| guard.row.id);
        // The same environment without the requirement was changed on purpose, where everybody can read it.
        newest.filter(|guard| guard.word("environment") != Some(&self.migrator.environment))
    }
}

impl<'l> Guard<'l> {
    fn all(ledger: &'l Ledger) -> Vec<Self> {
        let rows = ledger.iter().flat_map(|(_, history)| history.rows());
        let guards = rows.filter_map(|(_, row)| {
            // Most rows say nothing of it, and need not be parsed.
            let text = row.run.as_deref().filter(|run| run.contains(REQUIRED))?;
            let run: Value = serde_json::from_str(text).ok()?;
            (run.get(REQUIRED) == Some(&Value::Bool(true))).then_some(Self { row, run })
        });
        guards.collect()
    }

    fn word(&self, key: &str) -> Option<&str> {
        self.run.get(key)?.as_str()
    }

    fn refusal(&self, environment: &str) -> Error {
        let guarded = self.word("environment").unwrap_or_default();
        let by = self.row.run.as_deref().and_then(by);
        let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
        let present = match environment {
            "" => "this run has no environment".to_owned(),
            name => format!("this run is for `{name}`, which requires none"),
        };
        let message = format!(
            "this database was last migrated under the environment `{guarded}`, which requires an approval ({at}{by}), and {present}",
            at = self.row.at
        );
        Error::new(ErrorKind::ApprovalMissing, "environment_guarded", message).help(format!(
            "check which URL this run was given; to change this database, run with `--env {guarded}`. If it needs no approvals any more, \
             set `require_approval: false` on `{guarded}` in devflow.yml; a copy that keeps its server's files is told apart by another name"
        ))
    }
}
