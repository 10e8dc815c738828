//! `devflow db repair`: what a person decided about a version.

use super::{Desk, Proposal, Stopped, unless_interrupted};
use crate::human::line;
use crate::outcome::{Kind, Mode, Outcome, Trouble};
use crate::settings::{Asked, Change, Repair};
use devflow_runtime::{Migrator, RepairReport};

pub(super) async fn repair(settings: &Repair, desk: &mut Desk<'_, '_>) -> Result<Outcome, Stopped> {
    let migrator = desk.migrator();
    if settings.change.mode == Mode::DryRun {
        let plan = plan(settings, &migrator, desk).await?;
        return Ok(Outcome::of_repair(&plan, Mode::DryRun));
    }
    check_consent(&settings.change)?;
    let propose = async |migrator: &Migrator, desk: &mut Desk<'_, '_>| {
        let plan = plan(settings, migrator, desk).await?;
        let decisions = line::count(plan.corrections.len(), "decision");
        Ok(Proposal {
            shown: Outcome::of_repair(&plan, Mode::DryRun),
            digest: plan.digest,
            contents: None,
            what: Some(format!("Record {decisions} in the ledger")),
        })
    };
    let migrator = desk
        .pass(&settings.change, "repair", migrator, propose)
        .await?;
    let (url, interrupt) = (desk.database.url.expose(), desk.interrupt());
    let report = migrator.repair_until(url, &settings.repairs, desk.progress, interrupt);
    Ok(Outcome::of_repair(&report.await?, Mode::Apply))
}

/// A repair is what a person decided, and a job has nobody to ask: there, who wrote its command has to have said so.
fn check_consent(change: &Change) -> Result<(), Stopped> {
    let is_said = change.consent.yes || change.consent.digest.is_some();
    if change.database.asked != Asked::Platform || is_said {
        return Ok(());
    }
    let message = "a repair in a job has to be confirmed by whoever wrote its command";
    let trouble = Trouble::new(Kind::ApprovalMissing, "yes_required", message);
    Err(Stopped::Trouble(trouble.help(
        "see with --dry-run what it would record, then add --yes, or the digest with --approve",
    )))
}

async fn plan(
    settings: &Repair,
    migrator: &Migrator,
    desk: &mut Desk<'_, '_>,
) -> Result<RepairReport, Stopped> {
    let url = desk.database.url.expose();
    let plan = migrator.plan_repair(url, &settings.repairs, desk.progress);
    unless_interrupted(desk.signals, plan).await
}
