//! `devflow db migrate`: applies what is pending, or shows it.

use super::{Desk, Stopped, migrations};
use crate::approve::{Gate, Purpose};
use crate::outcome::{MigrateMode, Outcome};
use crate::settings::Migrate;
use devflow_runtime::{Actor, Migrator, PlanDigest};

pub(super) async fn migrate(
    settings: &Migrate,
    desk: &mut Desk<'_, '_>,
) -> Result<Outcome, Stopped> {
    let mut migrator = desk.migrator();
    if let Some(target) = &settings.target {
        migrator = migrator.target(target.clone());
    }
    match settings.mode {
        MigrateMode::DryRun => dry_run(&migrator, desk).await,
        MigrateMode::Apply => apply(settings, migrator, desk).await,
    }
}

async fn dry_run(migrator: &Migrator, desk: &mut Desk<'_, '_>) -> Result<Outcome, Stopped> {
    let plan = desk.plan(migrator).await?;
    Ok(Outcome::of_plan(&plan))
}

async fn apply(
    settings: &Migrate,
    mut migrator: Migrator,
    desk: &mut Desk<'_, '_>,
) -> Result<Outcome, Stopped> {
    let mut gate = Gate::of(desk.database, &settings.consent, Purpose::Migrate)?;
    if gate.question.is_some() {
        gate.digest = Some(ask(&gate, &migrator, desk).await?);
    }
    if let Some(digest) = gate.digest {
        migrator = migrator.approve(digest);
    }
    migrator = migrator.actor(Actor {
        approval: gate.approval.map(str::to_owned),
        ..desk.database.actor.clone()
    });
    let signals = desk.signals.clone();
    let interrupt = async move {
        signals.first().await;
    };
    let url = desk.database.url.expose();
    let report = migrator.run_until(url, desk.progress, interrupt).await?;
    Ok(Outcome::of_run(&report, desk.set))
}

/// Plans and asks; the digest of what is to be applied. Nobody is asked about a plan that cannot run.
async fn ask(
    gate: &Gate,
    migrator: &Migrator,
    desk: &mut Desk<'_, '_>,
) -> Result<PlanDigest, Stopped> {
    let plan = desk.plan(migrator).await?;
    let digest = gate.digest.clone().unwrap_or_else(|| plan.digest.clone());
    let runs = plan.plan.refused().next().is_none() && digest == plan.digest;
    let steps = plan.plan.steps().len();
    if let Some(question) = gate.question
        && runs
        && steps > 0
    {
        let what = format!("Apply {}", migrations(steps));
        desk.agree(&plan, question, &what).await?;
    }
    Ok(digest)
}
