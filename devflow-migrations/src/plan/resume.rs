//! Where a half-done file is taken up again, or why it cannot be.

use crate::action::ActionKind;
use crate::event::LedgerEvent;
use crate::finding::Obstacle;
use crate::ledger::{LedgerRow, VersionHistory};
use crate::migration::{Migration, Mode};
use crate::unit::{Conduct, Progress, Unit};

/// Where a half-done file outside a transaction is taken up again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// The version's last event: started, progress or failed.
    pub after: LedgerEvent,
    /// How many of its statements are complete.
    pub completed: usize,
    /// What the ledger recorded before the statement that may have been under way, as JSON; a run looks what became of it.
    pub in_flight: Option<String>,
}

/// Where a file that is half done is taken up; `None` when it is not half done.
///
/// # Errors
/// What a person has to decide.
pub(super) fn resume(
    migration: &Migration,
    history: &VersionHistory,
) -> Result<Option<Resume>, Obstacle> {
    let Some(row) = history.last().filter(|_| history.is_half_done()) else {
        return Ok(None);
    };
    let (Some(progress), Some(completed)) = (&row.progress, completed(row)) else {
        return Err(Obstacle::NotRecorded);
    };
    if migration.mode() != Mode::NoTransaction {
        return Err(Obstacle::InTransaction);
    }
    check_completed(migration, history, progress, completed)?;
    if let Some(unit) = unit_at(migration, completed) {
        check_in_flight(migration, history.event(), progress, &unit)?;
    }
    let in_flight = progress.in_flight.as_ref().and(row.detail.clone());
    Ok(Some(Resume {
        after: history.event(),
        completed,
        in_flight,
    }))
}

fn completed(row: &LedgerRow) -> Option<usize> {
    usize::try_from(row.statement?).ok()
}

fn unit_at(migration: &Migration, statement: usize) -> Option<Unit> {
    let units = migration.units();
    units
        .into_iter()
        .find(|unit| unit.statements.start == statement)
}

/// What is complete must be what the file still says, and must not have died with its session.
fn check_completed(
    migration: &Migration,
    history: &VersionHistory,
    progress: &Progress,
    completed: usize,
) -> Result<(), Obstacle> {
    let is_there = completed <= migration.statements().len();
    if !is_there || migration.fingerprint(0..completed) != progress.completed {
        let before = history.fingerprints();
        let now = migration.fingerprints();
        let same = now
            .iter()
            .zip(before)
            .take(completed)
            .take_while(|(now, before)| now == before);
        return Err(Obstacle::Changed(migration.place(same.count())));
    }
    let leaves = |index: &usize| migration.action(*index).kind == ActionKind::Session;
    match (0..completed).find(leaves) {
        Some(index) => Err(Obstacle::Session(migration.place(index))),
        None => Ok(()),
    }
}

/// After a failure the person who comes again may have corrected the statement; what was cut off must be as it was.
fn check_in_flight(
    migration: &Migration,
    event: LedgerEvent,
    progress: &Progress,
    unit: &Unit,
) -> Result<(), Obstacle> {
    let Some(in_flight) = &progress.in_flight else {
        return Ok(());
    };
    let place = migration.place(unit.statements.start);
    let is_same = migration.fingerprint(unit.statements.clone()) == *in_flight;
    let failed = event == LedgerEvent::Failed;
    match (is_same, unit.conduct) {
        (true, Conduct::Procedural) if failed => Err(Obstacle::Partial(place)),
        (true, Conduct::Procedural | Conduct::Opaque | Conduct::Whole) => {
            Err(Obstacle::Unknown(place))
        }
        (false, _) if !failed => Err(Obstacle::Replaced(place)),
        _ => Ok(()),
    }
}
