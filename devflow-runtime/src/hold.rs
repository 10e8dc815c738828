//! Holding the lock, for the verbs that a person calls: baseline, repair, revert.

use crate::attempt::Attempt;
use crate::connect::Connector;
use crate::error::{Error, ErrorKind, Result};
use crate::ledger::{Found, Look};
use crate::lock::{self, Hold, Waited, Watch};
use crate::session::Session;
use devflow_migrations::Ledger;

impl Attempt<'_> {
    /// Takes the lock once nothing stands in the way of writing; says whether there is a ledger.
    pub(crate) async fn hold(
        &mut self,
        connector: &Connector<'_>,
        session: &mut Session,
    ) -> Result<(Hold, bool)> {
        let Look { facts, found, .. } = self.look(session).await?;
        let shapes = match found {
            Found::Unusable(error) => return Err(error),
            Found::Nothing => Vec::new(),
            Found::Ledger { shapes, .. } => shapes,
        };
        let work = "the ledger is to be written";
        if let Some(error) = self.obstacle(&facts, &shapes, work) {
            return Err(error);
        }
        let watch = match self.table.standing.own {
            true => Watch::Nothing,
            false => Watch::Table,
        };
        match self.acquire(connector, session, &watch).await? {
            Waited::Locked(hold) => Ok((hold, !shapes.is_empty())),
            Waited::LookAgain => Err(created_by_another()),
        }
    }

    /// The ledger as it is now, and whether there is one.
    pub(crate) async fn look_and_read(&mut self, session: &mut Session) -> Result<(Ledger, bool)> {
        let exists = self.has_ledger(session).await?;
        Ok((self.read(session, exists).await?, exists))
    }

    /// Looks; whether there is a ledger to read.
    pub(crate) async fn has_ledger(&mut self, session: &mut Session) -> Result<bool> {
        let Look { facts, found, .. } = self.look(session).await?;
        match found {
            Found::Unusable(error) => Err(error),
            Found::Nothing => Ok(false),
            Found::Ledger { shapes, .. } => {
                self.remark_distrust(&shapes, &facts);
                Ok(true)
            }
        }
    }

    /// Stops here when the run was told to.
    pub(crate) fn check_interrupt(&self) -> Result<()> {
        match self.interrupt.is_fired() {
            true => Err(lock::interrupted()),
            false => Ok(()),
        }
    }
}

pub(crate) fn created_by_another() -> Error {
    let message = "another run created the ledger at this moment";
    Error::new(ErrorKind::Broken, "ledger_moving", message)
        .help("look at `devflow db status`, and run again")
}
