//! `devflow db log`: the ledger, newest row first.

use super::{Desk, Stopped, unless_interrupted};
use crate::outcome::Outcome;
use crate::settings::Log;

pub(super) async fn log(settings: &Log, desk: &mut Desk<'_, '_>) -> Result<Outcome, Stopped> {
    let migrator = desk.migrator();
    let url = desk.database.url.expose();
    let log = migrator.log(url, settings.limit, desk.progress);
    let log = unless_interrupted(desk.signals, log).await?;
    Ok(Outcome::of_log(&log))
}
