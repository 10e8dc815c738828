//! `devflow db baseline`: a database that has its schema already.

use super::{Desk, Stopped, migrations, unless_interrupted};
use crate::approve::{Gate, Purpose};
use crate::outcome::Outcome;
use crate::settings::Baseline;
use devflow_runtime::Actor;

pub(super) async fn baseline(
    settings: &Baseline,
    desk: &mut Desk<'_, '_>,
) -> Result<Outcome, Stopped> {
    let gate = Gate::of(desk.database, &settings.consent, Purpose::Baseline)?;
    let migrator = desk.migrator().actor(Actor {
        approval: gate.approval.map(str::to_owned),
        ..desk.database.actor.clone()
    });
    if gate.question.is_some() {
        ask(&gate, settings, desk).await?;
    }
    let report = migrator.baseline(desk.database.url.expose(), &settings.version, desk.progress);
    let report = unless_interrupted(desk.signals, report).await?;
    Ok(Outcome::of_baseline(&report, desk.set))
}

/// Shows what would be recorded and asks.
async fn ask(gate: &Gate, settings: &Baseline, desk: &mut Desk<'_, '_>) -> Result<(), Stopped> {
    let migrator = desk.migrator().target(settings.version.clone());
    let plan = desk.plan(&migrator).await?;
    let steps = plan.plan.steps().len();
    if let Some(question) = gate.question
        && steps > 0
    {
        let what = format!(
            "Record {} as applied without running them",
            migrations(steps)
        );
        desk.agree(&plan, question, &what).await?;
    }
    Ok(())
}
