//! `devflow db status`: every version's state.

use super::{Desk, Stopped, migrations, unless_interrupted};
use crate::outcome::{Kind, Outcome, Trouble};
use crate::settings::{Status, WhenPending};

pub(super) async fn status(settings: &Status, desk: &mut Desk<'_, '_>) -> Result<Outcome, Stopped> {
    let migrator = desk.migrator();
    let status = migrator.status(desk.database.url.expose(), desk.progress);
    let status = unless_interrupted(desk.signals, status).await?;
    let mut outcome = Outcome::of_status(&status);
    let pending = status.plan.steps().len() + status.plan.withheld().len();
    if settings.pending == WhenPending::Trouble && pending > 0 && outcome.trouble.is_none() {
        let verb = if pending == 1 { "is" } else { "are" };
        let message = format!("{} {verb} pending", migrations(pending));
        outcome.trouble = Some(
            Trouble::new(Kind::Pending, "pending", message)
                .help("`devflow db migrate` applies what is pending"),
        );
    }
    Ok(outcome)
}
