//! `devflow db revert`: undoes migrations by their down files.

use super::{Desk, Proposal, Stopped, dry_run, unless_interrupted};
use crate::outcome::{Mode, Outcome};
use crate::settings::Revert;
use devflow_runtime::{Migrator, PlanReport};

pub(super) async fn revert(settings: &Revert, desk: &mut Desk<'_, '_>) -> Result<Outcome, Stopped> {
    let migrator = desk.migrator();
    if settings.change.mode == Mode::DryRun {
        let plan = plan(settings, &migrator, desk).await?;
        return Ok(dry_run(&settings.change, &plan));
    }
    let propose = async |migrator: &Migrator, desk: &mut Desk<'_, '_>| {
        let plan = plan(settings, migrator, desk).await?;
        Ok(Proposal::of(&plan, |migrations| {
            format!("Revert {migrations}")
        }))
    };
    let migrator = desk
        .pass(&settings.change, "revert", migrator, propose)
        .await?;
    let (url, interrupt) = (desk.database.url.expose(), desk.interrupt());
    let report = migrator.revert_until(url, settings.to.as_ref(), desk.progress, interrupt);
    Ok(Outcome::of_revert(&report.await?, desk.set))
}

async fn plan(
    settings: &Revert,
    migrator: &Migrator,
    desk: &mut Desk<'_, '_>,
) -> Result<PlanReport, Stopped> {
    let url = desk.database.url.expose();
    let plan = migrator.plan_revert(url, settings.to.as_ref(), desk.progress);
    unless_interrupted(desk.signals, plan).await
}
