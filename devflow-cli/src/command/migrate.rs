//! `devflow db migrate`: applies what is pending, or shows it.

use super::{Desk, Proposal, Stopped, dry_run, unless_interrupted};
use crate::outcome::{self, Mode, Outcome};
use crate::settings::Migrate;
use crate::supabase::Supabase;
use devflow_runtime::{Migrator, PlanReport};

pub(super) async fn migrate(
    settings: &Migrate,
    desk: &mut Desk<'_, '_>,
) -> Result<Outcome, Stopped> {
    let mut supabase = supabase(desk).await?;
    let mut migrator = desk.migrator();
    if let Some(target) = &settings.target {
        migrator = migrator.target(target.clone());
    }
    if settings.change.mode == Mode::DryRun {
        let plan = plan(&migrator, supabase.as_mut(), desk).await?;
        return Ok(dry_run(&settings.change, &plan));
    }
    let propose = async |migrator: &Migrator, desk: &mut Desk<'_, '_>| {
        let plan = plan(migrator, supabase.as_mut(), desk).await?;
        Ok(Proposal::of(&plan, |migrations| {
            format!("Apply {migrations}")
        }))
    };
    let migrator = desk
        .pass(&settings.change, "migrate", migrator, propose)
        .await?;
    let (url, interrupt) = (desk.database.url.expose(), desk.interrupt());
    let report = match &mut supabase {
        None => migrator.run_until(url, desk.progress, interrupt).await,
        Some(supabase) => {
            let run = migrator.run_delegated_until(url, supabase, desk.progress, interrupt);
            run.await
        }
    };
    Ok(Outcome::of_run(&report?, desk.set))
}

/// The Supabase CLI, where it is to apply the files.
async fn supabase(desk: &mut Desk<'_, '_>) -> Result<Option<Supabase>, Stopped> {
    let Some(wanted) = &desk.database.supabase else {
        return Ok(None);
    };
    let supabase = Supabase::find(desk.database, wanted, desk.set).await?;
    desk.supabase = Some(outcome::Supabase {
        path: supabase.path.display().to_string(),
        version: supabase.version.clone(),
    });
    Ok(Some(supabase))
}

async fn plan(
    migrator: &Migrator,
    supabase: Option<&mut Supabase>,
    desk: &mut Desk<'_, '_>,
) -> Result<PlanReport, Stopped> {
    let url = desk.database.url.expose();
    match supabase {
        None => unless_interrupted(desk.signals, migrator.plan(url, desk.progress)).await,
        Some(supabase) => {
            let plan = migrator.plan_delegated(url, supabase, desk.progress);
            unless_interrupted(desk.signals, plan).await
        }
    }
}
