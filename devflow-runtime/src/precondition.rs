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
        if !self.migrator.is_whole {
            return Err(damaged("its migrations do not fit each other any more"));
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

    /// What a run that has work to do needs, checked before the lock. Refused findings come first: they would stop the
    /// run all the same.
    pub(crate) fn check_writable(
        &self,
        session: &Session,
        facts: &Facts,
        shape: Option<&Shape>,
        glance: &Plan,
    ) -> Result<()> {
        let pending = format!("{} migrations are pending", glance.steps().len());
        match self.obstacle(session, facts, shape, &pending) {
            None => Ok(()),
            Some(_) if glance.refused().next().is_some() => Err(refused(glance)),
            Some(error) => Err(error),
        }
    }

    /// What keeps a run from writing; `work` says what there is to do.
    pub(crate) fn obstacle(
        &self,
        session: &Session,
        facts: &Facts,
        shape: Option<&Shape>,
        work: &str,
    ) -> Option<Error> {
        let is_ours = session.has_marker && facts.marker.as_deref() == Some(&self.run.id);
        if facts.in_recovery || facts.read_only {
            Some(self.read_only(facts, work))
        } else if is_ours {
            shape.and_then(|shape| shape.distrust(&self.table, &facts.role))
        } else {
            Some(behind_pooler(
                self.migrator.settings.pooler.unwrap_or_default(),
            ))
        }
    }

    fn read_only(&self, facts: &Facts, work: &str) -> Error {
        let why = if facts.in_recovery {
            "a standby"
        } else {
            "read-only"
        };
        let message = format!("{} is {why}, and {work}", self.place.server);
        Error::new(ErrorKind::ReadOnly, "read_only", message)
            .help("connect to the primary, for example with target_session_attrs=read-write")
    }
}

pub(crate) fn check_intact(steps: &[Step]) -> Result<()> {
    match steps.iter().find(|step| !step.migration.is_intact()) {
        None => Ok(()),
        Some(step) => {
            let path = step.migration.path();
            Err(damaged(&format!(
                "{path} is not the text that was embedded"
            )))
        }
    }
}

fn damaged(what: &str) -> Error {
    let message = format!("this binary is damaged: {what}");
    Error::new(ErrorKind::Usage, "binary_damaged", message).help("build it again")
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
