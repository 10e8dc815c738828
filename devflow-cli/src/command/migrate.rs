//! `devflow db migrate`: applies what is pending, or shows it.

use super::{Desk, Proposal, Stopped, unless_interrupted};
use crate::outcome::{Mode, Outcome};
use crate::settings::Migrate;
use devflow_runtime::{Migrator, PlanReport};

pub(super) async fn migrate(
    settings: &Migrate,
    desk: &mut Desk<'_, '_>,
) -> Result<Outcome, Stopped> {
    let mut migrator = desk.migrator();
    if let Some(target) = &settings.target {
        migrator = migrator.target(target.clone());
    }
    if settings.change.mode == Mode::DryRun {
        return Ok(Outcome::of_plan(&plan(&migrator, desk).await?));
    }
    let propose = async |migrator: &Migrator, desk: &mut Desk<'_, '_>| {
        let plan = plan(migrator, desk).await?;
        Ok(Proposal::of(&plan, |migrations| {
            format!("Apply {migrations}")
        }))
    };
    let migrator = desk
        .pass(&settings.change, "migrate", migrator, propose)
        .await?;
    let (url, interrupt) = (desk.database.url.expose(), desk.interrupt());
    let report = migrator.run_until(url, desk.progress, interrupt);
    Ok(Outcome::of_run(&report.await?, desk.set))
}

async fn plan(migrator: &Migrator, desk: &mut Desk<'_, '_>) -> Result<PlanReport, Stopped> {
    let plan = migrator.plan(desk.database.url.expose(), desk.progress);
    unless_interrupted(desk.signals, plan).await
}
