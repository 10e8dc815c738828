//! `devflow db adopt`: a database whose migrations another history has recorded.

use super::{Desk, Proposal, Stopped, dry_run, unless_interrupted};
use crate::outcome::{Mode, Outcome};
use crate::settings::Adopt;
use devflow_runtime::{Migrator, PlanReport};

pub(super) async fn adopt(settings: &Adopt, desk: &mut Desk<'_, '_>) -> Result<Outcome, Stopped> {
    let migrator = desk.migrator();
    if settings.change.mode == Mode::DryRun {
        let plan = plan(&migrator, desk).await?;
        return Ok(dry_run(&settings.change, &plan));
    }
    let propose = async |migrator: &Migrator, desk: &mut Desk<'_, '_>| {
        let plan = plan(migrator, desk).await?;
        let what =
            |migrations: &str| format!("Record {migrations} as applied without running them");
        Ok(Proposal::of(&plan, what))
    };
    let migrator = desk
        .pass(&settings.change, "adopt", migrator, propose)
        .await?;
    let (url, interrupt) = (desk.database.url.expose(), desk.interrupt());
    let report = migrator.adopt_until(url, desk.progress, interrupt);
    Ok(Outcome::of_adopt(&report.await?, desk.set))
}

async fn plan(migrator: &Migrator, desk: &mut Desk<'_, '_>) -> Result<PlanReport, Stopped> {
    let url = desk.database.url.expose();
    unless_interrupted(desk.signals, migrator.plan_adopt(url, desk.progress)).await
}
