//! `devflow db baseline`: a database that has its schema already.

use super::{Desk, Proposal, Stopped, dry_run, unless_interrupted};
use crate::outcome::{Mode, Outcome};
use crate::settings::Baseline;
use devflow_runtime::{Migrator, PlanReport};

pub(super) async fn baseline(
    settings: &Baseline,
    desk: &mut Desk<'_, '_>,
) -> Result<Outcome, Stopped> {
    let migrator = desk.migrator();
    if settings.change.mode == Mode::DryRun {
        let plan = plan(settings, &migrator, desk).await?;
        return Ok(dry_run(&settings.change, &plan));
    }
    let propose = async |migrator: &Migrator, desk: &mut Desk<'_, '_>| {
        let plan = plan(settings, migrator, desk).await?;
        let what =
            |migrations: &str| format!("Record {migrations} as applied without running them");
        Ok(Proposal::of(&plan, what))
    };
    let migrator = desk
        .pass(&settings.change, "baseline", migrator, propose)
        .await?;
    let (url, interrupt) = (desk.database.url.expose(), desk.interrupt());
    let report = migrator.baseline_until(url, &settings.version, desk.progress, interrupt);
    Ok(Outcome::of_baseline(&report.await?, desk.set))
}

async fn plan(
    settings: &Baseline,
    migrator: &Migrator,
    desk: &mut Desk<'_, '_>,
) -> Result<PlanReport, Stopped> {
    let url = desk.database.url.expose();
    let plan = migrator.plan_baseline(url, &settings.version, desk.progress);
    unless_interrupted(desk.signals, plan).await
}
