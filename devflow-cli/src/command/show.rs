//! `devflow db show`: one version's file and its rows in the ledger.

use super::{Desk, Stopped, unless_interrupted};
use crate::outcome::Outcome;
use crate::settings::Show;

pub(super) async fn show(settings: &Show, desk: &mut Desk<'_, '_>) -> Result<Outcome, Stopped> {
    let migrator = desk.migrator();
    let url = desk.database.url.expose();
    let history = migrator.history(url, &settings.version, desk.progress);
    let history = unless_interrupted(desk.signals, history).await?;
    let migration = desk.set.get(&settings.version);
    Ok(Outcome::of_history(
        &history,
        migration.map(|found| &**found),
    ))
}
