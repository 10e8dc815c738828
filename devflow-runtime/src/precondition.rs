//! What a run needs before it may go on, checked where it is first known.

use crate::account::refused;
use crate::attempt::Attempt;
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::{Facts, Shape};
use crate::lock::Link;
use devflow_migrations::supabase::misfit;
use devflow_migrations::{LedgerKind, Plan, Pooler, SourceError, Step, Verb, Version};

impl Attempt<'_> {
    /// What can be refused before a connection is opened.
    pub(crate) fn check_request(&self) -> Result<()> {
        if self.table.kind == LedgerKind::Supabase
            && let Some(why) = misfit(&self.migrator.set)
        {
            return Err(Error::new(ErrorKind::Usage, "supabase_versions", why)
                .help("give all files versions of 14 digits, as `devflow new` does"));
        }
        if !self.migrator.is_whole {
            return Err(damaged("its migrations do not fit each other any more"));
        }
        match &self.migrator.target {
            Some(version) => self.check_version(version),
            None => Ok(()),
        }
    }

    /// What is to be executed has to be fit for it, and for who executes it. A text is looked at once in a run.
    pub(crate) fn check_fit(&mut self, plan: &Plan) -> Result<()> {
        let executes = matches!(plan.verb(), Verb::Migrate | Verb::Revert);
        let mut problems = Vec::new();
        if let Some(inspect) = self.migrator.inspection.filter(|_| executes) {
            for Step { migration, .. } in plan.steps() {
                if self.fit.insert(migration.checksum()) {
                    problems.extend(inspect(migration, self.table.kind));
                }
            }
        }
        SourceError::check(problems).map_err(unfit)?;
        self.check_hands(plan)
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
        )
        .help("`devflow db status` lists every version"))
    }

    pub(crate) fn remark_distrust(&mut self, shapes: &[Shape], facts: &Facts) {
        for shape in shapes {
            // A role that may only read is what `status` is for, and says nothing against the ledger.
            let distrust = shape.distrust(&facts.role);
            if let Some(error) = distrust.filter(|error| error.kind() == ErrorKind::Ledger) {
                self.teller.remark(error.to_string());
            }
        }
    }

    /// A database that another tool has migrated may need a baseline: what would fail there is no harm, but data that a file
    /// inserts would be there twice.
    pub(crate) fn remark_other_tools(&mut self, facts: &Facts) {
        if let Some(tables) = &facts.others {
            self.teller.remark(format!(
                "another tool keeps in {tables} what it has applied here; where the same files are pending now, they would run \
                 again: record what it has with `devflow db baseline VERSION`"
            ));
        }
    }

    /// What a run that has work to do needs, checked before the lock. Refused findings come first: they would stop the
    /// run all the same.
    pub(crate) fn check_writable(
        &mut self,
        facts: &Facts,
        shapes: &[Shape],
        glance: &Plan,
    ) -> Result<()> {
        let pending = format!("{} migrations are pending", glance.steps().len());
        match self.obstacle(facts, shapes, &pending) {
            None => Ok(()),
            Some(_) if glance.refused().next().is_some() => Err(refused(glance)),
            Some(error) => Err(error),
        }
    }

    /// What keeps a run from writing; `work` says what there is to do.
    pub(crate) fn obstacle(
        &mut self,
        facts: &Facts,
        shapes: &[Shape],
        work: &str,
    ) -> Option<Error> {
        let policy = self.migrator.settings.pooler.unwrap_or_default();
        if facts.in_recovery || facts.read_only {
            Some(self.read_only(facts, work))
        } else if self.link == Link::Pooled && policy == Pooler::Refuse {
            Some(behind_pooler())
        } else {
            self.remark_on_pooler();
            shapes.iter().find_map(|shape| shape.distrust(&facts.role))
        }
    }

    fn remark_on_pooler(&mut self) {
        if self.link == Link::Pooled {
            let remark = "the connection goes through a pooler, so the run takes two, one of them for devflow's lock; \
                 a URL past the pooler, which the environment names as direct_url_env, needs only one";
            self.teller.remark(remark.to_owned());
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

fn unfit(problems: SourceError) -> Error {
    let message = match problems.problems().len() {
        1 => "a file has a problem; nothing was touched".to_owned(),
        count => format!("the files have {count} problems; nothing was touched"),
    };
    Error::new(ErrorKind::Source, "source", message).caused_by(problems)
}

pub(crate) fn check_intact(steps: &[Step]) -> Result<()> {
    match steps.iter().find(|step| !step.migration.is_intact()) {
        None => Ok(()),
        Some(step) if !step.migration.has_text() => Err(without_text(step.migration.path())),
        Some(step) => {
            let path = step.migration.path();
            Err(damaged(&format!(
                "{path} is not the text that was embedded"
            )))
        }
    }
}

/// The set was read from a binary's manifest.
fn without_text(path: &str) -> Error {
    let message =
        format!("nothing was applied: {path} is listed in a binary, and its SQL is not here");
    Error::new(ErrorKind::Usage, "no_text", message)
        .help("apply it with the service that embeds it, or from its directory")
}

fn damaged(what: &str) -> Error {
    let message = format!("this binary is damaged: {what}");
    Error::new(ErrorKind::Usage, "binary_damaged", message).help("build it again")
}

fn behind_pooler() -> Error {
    let message = "the connection goes through a pooler, and `pooler: refuse` is set";
    Error::new(ErrorKind::Usage, "behind_pooler", message)
        .help("name a variable with a URL past the pooler as the environment's direct_url_env")
}

/// Behind a pooler each statement of a file outside a transaction may run on another of its sessions: what such a file
/// sets would be missing where it is needed, and left to strangers.
pub(crate) fn check_pooled(steps: &[Step], link: Link) -> Result<()> {
    let needs_session = |step: &&Step| step.migration.needs_own_session();
    match steps.iter().find(needs_session) {
        Some(step) if link == Link::Pooled => Err(needs_direct(step.migration.path())),
        _ => Ok(()),
    }
}

fn needs_direct(path: &str) -> Error {
    let message = format!(
        "nothing was applied: {path} runs outside a transaction and needs a session of its own, and the connection goes through a pooler"
    );
    Error::new(ErrorKind::Usage, "needs_own_session", message).help(
        "name a variable with a URL past the pooler as the environment's direct_url_env, or take the statements that set \
         or lock something for the session, and its own BEGIN … COMMIT, out of the file",
    )
}
