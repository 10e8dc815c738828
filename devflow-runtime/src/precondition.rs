//! What a run needs before it may go on, checked where it is first known.

use crate::account::refused;
use crate::attempt::Attempt;
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::{Facts, Shape};
use crate::session::Session;
use devflow_migrations::{Ahead, Plan, Pooler, Step, Version};

impl Attempt<'_> {
    /// What can be refused before a connection is opened.
    pub(crate) fn check_request(&self) -> Result<()> {
        if self.migrator.settings.ahead == Some(Ahead::CompatibleOnly) {
            return Err(Error::new(
                ErrorKind::Usage,
                "not_built_yet",
                "`ahead: compatible_only` is not built yet",
            )
            .help("use `ahead: refuse` or `ahead: warn`"));
        }
        match &self.migrator.target {
            Some(version) => self.check_version(version),
            None => Ok(()),
        }
    }

    pub(crate) fn check_version(&self, version: &Version) -> Result<()> {
        if self.migrator.set.get(version).is_some() {
            return Ok(());
        }
        let newest = match self.migrator.set.newest() {
            Some(newest) => format!("the newest is {}", newest.version()),
            None => "there are none at all".to_owned(),
        };
        Err(Error::new(
            ErrorKind::Usage,
            "unknown_version",
            format!("no migration has the version {version}; {newest}"),
        ))
    }

    pub(crate) fn remark_distrust(&mut self, shape: &Shape, facts: &Facts) {
        // A role that may only read is what `status` is for, and says nothing against the ledger.
        let distrust = shape.distrust(&self.table, &facts.role);
        if let Some(error) = distrust.filter(|error| error.kind() == ErrorKind::Ledger) {
            self.teller.remark(error.to_string());
        }
    }

    /// What a run that has work to do needs, checked before the lock.
    pub(crate) fn check_writable(
        &self,
        session: &Session,
        facts: &Facts,
        shape: Option<&Shape>,
        glance: &Plan,
    ) -> Result<()> {
        if facts.in_recovery || facts.read_only {
            if glance.refused().next().is_some() {
                return Err(refused(glance));
            }
            let why = if facts.in_recovery {
                "a standby"
            } else {
                "read-only"
            };
            return Err(Error::new(
                ErrorKind::ReadOnly,
                "read_only",
                format!(
                    "{} is {why}, and {} migrations are pending",
                    self.place.server,
                    glance.steps().len()
                ),
            )
            .help("connect to the primary, for example with target_session_attrs=read-write"));
        }
        if !session.has_marker || facts.marker.as_deref() != Some(&self.run.id) {
            return Err(behind_pooler(
                self.migrator.settings.pooler.unwrap_or_default(),
            ));
        }
        match shape.and_then(|shape| shape.distrust(&self.table, &facts.role)) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

pub(crate) fn check_intact(steps: &[Step]) -> Result<()> {
    match steps.iter().find(|step| !step.migration.is_intact()) {
        None => Ok(()),
        Some(step) => Err(Error::new(
            ErrorKind::Usage,
            "binary_damaged",
            format!(
                "{} is not the text that was embedded: this binary is damaged",
                step.migration.path()
            ),
        )
        .help("build it again")),
    }
}

fn behind_pooler(policy: Pooler) -> Error {
    let message = match policy {
        Pooler::Refuse => {
            "the connection goes through a transaction pooler, and `pooler: refuse` is set"
        }
        Pooler::Warn => {
            "the connection goes through a transaction pooler; migrating through one is not built yet"
        }
    };
    Error::new(ErrorKind::Usage, "behind_pooler", message)
        .help("name a variable with a URL past the pooler as the environment's direct_url_env")
}
