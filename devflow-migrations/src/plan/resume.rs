//! Where a half-done file is taken up again, or why it cannot be.

use crate::action::ActionKind;
use crate::event::LedgerEvent;
use crate::finding::Obstacle;
use crate::ledger::{LedgerRow, VersionHistory};
use crate::migration::Migration;
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
    if migration.mode().is_atomic() {
        return Err(Obstacle::InTransaction);
    }
    if !migration.has_text() {
        return Err(Obstacle::NoText);
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

#[cfg(test)]
#[cfg(feature = "check")]
mod tests {
    use crate::finding::FindingKind;
    use crate::ledger::Ledger;
    use crate::ledger::tests::row;
    use crate::migration::Migration;
    use crate::plan::tests::{LENIENT, STRICT, outside};
    use crate::plan::{Plan, plan, plan_adopt, plan_baseline};
    use crate::set::MigrationSet;
    use crate::settings::TableName;
    use crate::text::Text;
    use crate::unit::Progress;
    use crate::version::Version;
    use std::borrow::Cow;

    /// A history of `2_m.sql` outside a transaction: the rows that a run of `text` writes, up to `event` with so many of its
    /// statements complete and, with `in_flight`, the next unit announced.
    fn half_done_ledger(text: &str, event: &str, done: usize, in_flight: bool) -> Ledger {
        let ran = outside("2", text);
        let progress = |done: usize, in_flight: bool| {
            let units = ran.units();
            let next = units.iter().find(|unit| unit.statements.start == done);
            Progress {
                completed: ran.fingerprint(0..done),
                in_flight: next
                    .filter(|_| in_flight)
                    .map(|unit| ran.fingerprint(unit.statements.clone())),
                statements: if done == 0 {
                    ran.fingerprints()
                } else {
                    Vec::new()
                },
            }
        };
        let mut rows = vec![row(1, "2", 1, "started"), row(2, "2", 2, event)];
        rows[0].statement = Some(0);
        rows[0].progress = Some(progress(0, false));
        rows[1].statement = i32::try_from(done).ok();
        rows[1].detail = Some("{}".to_owned());
        rows[1].progress = Some(progress(done, in_flight));
        Ledger::from_rows(rows)
    }

    #[test]
    fn a_half_done_file_is_taken_up_where_it_is_certain() {
        const RAN: &str =
            "select 1; create index concurrently i on t (a); do $$begin commit; end$$";
        let edited = |from, to| RAN.replace(from, to);
        for (now, event, done, in_flight, expected) in [
            (RAN.to_owned(), "progress", 1, false, "2#3 after 1"),
            (RAN.to_owned(), "progress", 1, true, "2#3 after 1, looks"),
            (RAN.to_owned(), "failed", 1, true, "2#3 after 1, looks"),
            (RAN.to_owned(), "failed", 1, false, "2#3 after 1"),
            (
                edited("select 1", "select 2"),
                "failed",
                1,
                false,
                "Changed 2:1",
            ),
            (
                edited("index concurrently i", "index concurrently j"),
                "progress",
                1,
                true,
                "Replaced 2:11",
            ),
            (
                edited("index concurrently i", "index concurrently j"),
                "progress",
                1,
                false,
                "2#3 after 1",
            ),
            (
                edited("index concurrently i", "index concurrently j"),
                "failed",
                1,
                true,
                "2#3 after 1, looks",
            ),
            (
                edited("create index concurrently i on t (a);", ""),
                "failed",
                2,
                false,
                "Changed 2:12",
            ),
            ("select 1".to_owned(), "progress", 2, false, "Changed 2:9"),
            (RAN.to_owned(), "progress", 2, true, "Unknown 2:49"),
            (RAN.to_owned(), "failed", 2, true, "Partial 2:49"),
            (
                edited("commit", "null"),
                "failed",
                2,
                true,
                "2#3 after 2, looks",
            ),
            (RAN.to_owned(), "progress", 3, false, "2#3 after 3"),
        ] {
            let ledger = half_done_ledger(RAN, event, done, in_flight);
            let set = MigrationSet::new(vec![outside("2", &now)]).unwrap();
            let found = taken_up(&plan(&set, &ledger, STRICT, None));
            assert_eq!(found, expected, "{now}, {event} {done} {in_flight}");
        }
    }

    #[test]
    fn what_a_run_would_go_on_with_is_not_recorded_as_if_it_had_been_there_all_along() {
        let text = "select 1; vacuum";
        let ledger = half_done_ledger(text, "progress", 1, false);
        let set = MigrationSet::new(vec![outside("2", text)]).unwrap();
        let version = Version::parse("2").unwrap();
        let elsewhere = Ledger::from_rows(vec![row(1, "2", 1, "applied")]);
        let plans = [
            plan_baseline(&set, &ledger, LENIENT, &version),
            plan_adopt(&set, &ledger, LENIENT, &TableName::supabase(), &elsewhere),
        ];
        for plan in plans {
            let codes: Vec<_> = plan.refused().map(|finding| finding.code()).collect();
            assert_eq!(codes, ["half_done"], "{:?}", plan.verb());
        }
    }

    /// As a binary's manifest lists it: where a run would go on cannot be told.
    #[test]
    fn without_its_text_a_half_done_file_stops_the_plan() {
        let text = "select 1; vacuum";
        let ledger = half_done_ledger(text, "progress", 1, false);
        let listed = Migration {
            text: Text::from_static(""),
            statements: Cow::Borrowed(&[]),
            ..outside("2", text)
        };
        let set = MigrationSet::new(vec![listed]).unwrap();
        let plan = plan(&set, &ledger, LENIENT, None);
        assert_eq!(taken_up(&plan), "NoText");
        let said = plan.findings()[0].to_string();
        assert!(said.contains("1 statements are complete"), "{said}");
    }

    #[test]
    fn what_a_session_held_is_gone_with_it() {
        let text = "create temp table x (); insert into x default values";
        let ledger = half_done_ledger(text, "progress", 1, false);
        let set = MigrationSet::new(vec![outside("2", text)]).unwrap();
        assert_eq!(taken_up(&plan(&set, &ledger, LENIENT, None)), "Session 2:1");
    }

    /// The step and where it is taken up, or the obstacle and its place.
    fn taken_up(plan: &Plan) -> String {
        let FindingKind::HalfDone { obstacle, .. } = &plan.findings()[0].kind else {
            panic!("{:?}", plan.findings());
        };
        assert_eq!(plan.refused().count(), usize::from(obstacle.is_some()));
        if let Some(obstacle) = obstacle {
            let words = format!("{obstacle:?}").replace("(Position { line: ", " ");
            return words.replace(", column: ", ":").replace(" })", "");
        }
        let step = &plan.steps()[0];
        let resume = step.resume.as_ref().unwrap();
        let looks = if resume.in_flight.is_some() {
            ", looks"
        } else {
            ""
        };
        format!("2#{} after {}{looks}", step.seq, resume.completed)
    }
}
