//! Files that the Supabase CLI does not apply in one transaction with their row: what the ledger says of them before.
//!
//! They commit by themselves, piece by piece. When a run is killed in the middle of one, nothing in the CLI's table says so,
//! and the CLI would run it again from its beginning: the row that was written before is what the next run stops at.

use super::hearing::Times;
use crate::attempt::Attempt;
use crate::error::Result;
use crate::ledger::{self, Beside, Record, progress_json};
use crate::session::Session;
use devflow_migrations::supabase::elements;
use devflow_migrations::{LedgerEvent, Migration, Plan, Progress, Step};
use serde_json::{Value, json};

/// Whether the CLI commits pieces of it by themselves.
pub(super) fn is_opened(step: &Step) -> bool {
    !step.migration.mode().is_atomic() || step.migration.wrapper().is_some()
}

/// The `seq` of the row by which a step ends.
pub(super) fn last_seq(step: &Step) -> i32 {
    step.seq + i32::from(is_opened(step))
}

impl Attempt<'_> {
    /// Records that these files begin.
    pub(super) async fn open_steps(
        &mut self,
        session: &mut Session,
        plan: &Plan,
        engine: &Value,
    ) -> Result<()> {
        let steps = plan.steps().iter().filter(|step| is_opened(step));
        let (event, run) = (LedgerEvent::Started, &self.run.json);
        let records: Vec<_> = steps
            .map(|step| Record {
                statement: Some(0),
                detail: Some(engine.to_string()),
                ..Record::of(&step.migration, step.seq, event, run)
            })
            .collect();
        match records.is_empty() {
            true => Ok(()),
            false => ledger::append(session, &self.table, &records).await,
        }
    }

    /// Takes back what was recorded of the files that the CLI did not come to.
    pub(super) async fn close_steps(
        &mut self,
        session: &mut Session,
        plan: &Plan,
        times: &Times,
        engine: &Value,
    ) {
        let steps = plan.steps().iter().enumerate();
        let steps = steps.filter(|(index, step)| {
            is_opened(step) && !times.has_begun(*index) && !self.has_done(step)
        });
        let mut detail = engine.clone();
        detail["begun"] = json!(false);
        let (event, run) = (LedgerEvent::Reverted, &self.run.json);
        let records: Vec<_> = steps
            .map(|(_, step)| Record {
                detail: Some(detail.to_string()),
                beside: Beside::Nothing,
                ..Record::of(&step.migration, last_seq(step), event, run)
            })
            .collect();
        if records.is_empty() {
            return;
        }
        if let Err(error) = ledger::append(session, &self.table, &records).await {
            let remark = format!("the ledger has files as begun that were not: {error}");
            self.teller.remark(remark);
        }
    }
}

/// The statement that one of the CLI's elements is, if it is one; counted from 0.
pub(super) fn statement_of(migration: &Migration, element: usize) -> Option<usize> {
    let elements = elements(migration);
    let element = elements.get(element)?;
    let start = element.as_ptr() as usize - migration.text().as_str().as_ptr() as usize;
    let within = start..start + element.len();
    let mut spans = migration.statements().iter();
    spans.position(|span| within.contains(&span.start))
}

/// How many statements are committed when the CLI failed at this element of a file that commits by itself: all when it was
/// the row of the CLI's table that was refused.
pub(super) fn committed(migration: &Migration, element: usize) -> usize {
    let count = migration.statements().len();
    let Some(statement) = statement_of(migration, element) else {
        return if element >= elements(migration).len() {
            count
        } else {
            0
        };
    };
    if migration.mode().is_atomic() {
        return 0;
    }
    let units = migration.units();
    let unit = units
        .iter()
        .find(|unit| unit.statements.contains(&statement));
    unit.map_or(0, |unit| unit.statements.start)
}

/// What a `failed` row says of such a file, for devflow itself to go on there.
pub(super) fn progress(migration: &Migration, completed: usize) -> Value {
    progress_json(&Progress {
        completed: migration.fingerprint(0..completed),
        in_flight: None,
        statements: migration.fingerprints(),
    })
}
