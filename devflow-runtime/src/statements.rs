//! One file outside a transaction: started, unit by unit with its progress, applied or failed.

mod before;
mod failing;
mod journal;
mod leftover;
mod resume;

use crate::event::Event;
use crate::execute::{Executor, Stop, milliseconds};
use crate::failure::{Part, interrupted, skipped_over_invalid, unlocked};
use crate::ledger::Record;
use crate::report::Notice;
use crate::session::{Answer, Refusal};
use devflow_migrations::{Conduct, LedgerEvent, Limits, Step, Unit};
use journal::Journal;
use std::ops::Range;

/// What precedes a statement that commits together with its row.
const BEGIN: &str = "BEGIN;";

/// A deferred constraint speaks here, while it can still be told from the row's own troubles.
const CONSTRAINTS: &str = "SET CONSTRAINTS ALL IMMEDIATE;";

/// What a statement says that wants no transaction block around it, or none that can be written in: it ran in ours
/// because its text did not tell, and was rolled back.
const WANTS_NO_BLOCK: [&str; 3] = ["25001", "25006", "2D000"];

/// A statement that was refused.
struct Refused {
    statement: usize,
    part: Part,
    refusal: Refusal,
}

/// A file under way.
struct Course<'a> {
    journal: Journal<'a>,
    notices: Vec<Notice>,
    /// What the server took, once the last row is written.
    execution_ms: Option<f64>,
}

impl Executor<'_, '_> {
    /// Runs a file outside a transaction, or what is left of it. Before a statement is sent whose fate its own row does
    /// not share, a durable row says so: after a crash the ledger says what is complete and what may be.
    pub(crate) async fn statements(&mut self, steps: &[Step], index: usize) -> Result<(), Stop> {
        let step = &steps[index];
        let mut course = Course {
            journal: Journal::new(step, self.framing.run),
            notices: Vec::new(),
            execution_ms: None,
        };
        self.set_limits(step.migration.limits()).await?;
        if let Some(resume) = &step.resume {
            Box::pin(self.take_up(&mut course, resume)).await?;
        }
        let first = course.journal.first(step.resume.as_ref());
        self.write_row(&mut course, first).await?;
        for unit in course.journal.units.clone() {
            if unit.statements.start >= course.journal.completed {
                self.unit(&mut course, &unit).await?;
            }
        }
        if course.execution_ms.is_none() {
            let last = course
                .journal
                .after(step.migration.statements().len(), self.framing.table);
            self.write_row(&mut course, last).await?;
        }
        let execution_ms = course.execution_ms.unwrap_or_default();
        self.finished(steps, index, execution_ms, course.notices);
        Ok(())
    }

    /// Until the session is cleaned behind the file.
    async fn set_limits(&mut self, limits: Limits) -> Result<(), Stop> {
        let answer = match self.framing.outside(limits) {
            nothing if nothing.is_empty() => return Ok(()),
            settings => self.ask(&settings).await,
        };
        match answer.error {
            None => Ok(()),
            Some(refusal) => Err(match refusal.ends_session() {
                Some(lost) => Stop::Lost(lost),
                None => Stop::Unwritten(refusal.into_error("set the file's limits")),
            }),
        }
    }

    async fn unit(&mut self, course: &mut Course<'_>, unit: &Unit) -> Result<(), Stop> {
        if self.interrupt.is_fired() {
            let failure = interrupted(
                course.journal.migration,
                std::mem::take(&mut course.notices),
            );
            return Err(self.give_up(course, failure).await);
        }
        if self.hold.lost().is_some() {
            let failure = unlocked(
                course.journal.migration,
                std::mem::take(&mut course.notices),
            );
            return Err(self.give_up(course, failure).await);
        }
        match unit.conduct {
            Conduct::Whole => self.whole(course, unit).await?,
            Conduct::Block => self.block(course, unit).await?,
            Conduct::Setting => {
                self.bare(course, unit.statements.clone(), unit.conduct)
                    .await?;
                course.journal.completed = unit.statements.end;
            }
            Conduct::Repeatable => {
                self.bare(course, unit.statements.clone(), unit.conduct)
                    .await?;
                self.write_after(course, unit).await?;
            }
            Conduct::Settled | Conduct::Opaque | Conduct::Procedural => {
                self.by_itself(course, unit).await?;
            }
        }
        for number in unit.statements.clone() {
            self.teller.tell(&Event::StatementDone {
                migration: course.journal.migration,
                number: number + 1,
            });
        }
        Ok(())
    }

    /// A statement that commits with its row, in one message: it took effect exactly when the ledger says so.
    async fn whole(&mut self, course: &mut Course<'_>, unit: &Unit) -> Result<(), Stop> {
        let statement = unit.statements.start;
        let row = course
            .journal
            .within(unit.statements.end, self.framing.table);
        let message = format!(
            "{BEGIN}{};{CONSTRAINTS}{}{} COMMIT",
            course.journal.text(statement),
            self.clean_up(&row),
            self.framing.row(&row)
        );
        let answer = self.send_in(course, &message).await;
        let Some(refusal) = answer.error else {
            course.wrote(&row, &answer);
            return Ok(());
        };
        if WANTS_NO_BLOCK.contains(&refusal.sqlstate()) && refusal.ends_session().is_none() {
            self.roll_back().await?;
            let conduct = match refusal.sqlstate() {
                "2D000" => Conduct::Procedural,
                _ => unit.conduct,
            };
            let unit = Unit {
                conduct,
                ..unit.clone()
            };
            return self.by_itself(course, &unit).await;
        }
        let part = match answer.completed {
            0 | 1 => Part::Statement {
                from: course.journal.start(statement),
                prefix: BEGIN.len(),
            },
            2 => Part::End,
            _ if is_of_the_file(&refusal) => Part::End,
            _ => return Err(self.unwritten(refusal).await),
        };
        let refused = Refused {
            statement,
            part,
            refusal,
        };
        Err(self.refuse(course, unit.conduct, refused).await)
    }

    /// A block of the file's own: the row is written in it, just before its COMMIT.
    async fn block(&mut self, course: &mut Course<'_>, unit: &Unit) -> Result<(), Stop> {
        let last = unit.statements.end - 1;
        self.bare(course, unit.statements.start..last, unit.conduct)
            .await?;
        let row = course
            .journal
            .within(unit.statements.end, self.framing.table);
        let message = format!(
            "{CONSTRAINTS}{}{} {}",
            self.clean_up(&row),
            self.framing.row(&row),
            course.journal.text(last)
        );
        let answer = self.send_in(course, &message).await;
        let Some(refusal) = answer.error else {
            course.wrote(&row, &answer);
            return Ok(());
        };
        if answer.completed > 0 && !is_of_the_file(&refusal) {
            return Err(self.unwritten(refusal).await);
        }
        let (statement, part) = (last, Part::End);
        let refused = Refused {
            statement,
            part,
            refusal,
        };
        Err(self.refuse(course, unit.conduct, refused).await)
    }

    /// What cannot share its row's fate: the row before it says that it may have been sent, and the one after it that it
    /// is complete.
    async fn by_itself(&mut self, course: &mut Course<'_>, unit: &Unit) -> Result<(), Stop> {
        let is_announced = |announced: &journal::Announced| {
            !course.journal.owes() && announced.is(course.journal.migration, unit)
        };
        if !course.journal.announced.as_ref().is_some_and(is_announced) {
            let row = course.journal.announcing(unit);
            self.write_row(course, row).await?;
        }
        self.bare(course, unit.statements.clone(), unit.conduct)
            .await?;
        self.check_index(course, unit).await?;
        self.write_after(course, unit).await
    }

    /// Sends statements one by one, each alone in its message.
    async fn bare(
        &mut self,
        course: &mut Course<'_>,
        statements: Range<usize>,
        conduct: Conduct,
    ) -> Result<(), Stop> {
        for statement in statements {
            let text = course.journal.text(statement);
            let answer = self.send_in(course, text).await;
            if let Some(refusal) = answer.error {
                let part = Part::Statement {
                    from: course.journal.start(statement),
                    prefix: 0,
                };
                let refused = Refused {
                    statement,
                    part,
                    refusal,
                };
                return Err(self.refuse(course, conduct, refused).await);
            }
        }
        Ok(())
    }

    /// A built index must be valid.
    async fn check_index(&mut self, course: &mut Course<'_>, unit: &Unit) -> Result<(), Stop> {
        let announced = course.journal.announced.as_ref();
        let Some(before) = announced.and_then(journal::Announced::before) else {
            return Ok(());
        };
        let Some(index) = self.skipped_index(&before).await? else {
            return Ok(());
        };
        let migration = course.journal.migration;
        let span = migration.statements()[unit.statements.start];
        let notices = std::mem::take(&mut course.notices);
        let failure = skipped_over_invalid(migration, span, &index, notices);
        Err(self.give_up(course, failure).await)
    }

    async fn write_after(&mut self, course: &mut Course<'_>, unit: &Unit) -> Result<(), Stop> {
        let row = course
            .journal
            .after(unit.statements.end, self.framing.table);
        self.write_row(course, row).await
    }

    async fn write_row(&mut self, course: &mut Course<'_>, row: Record<'_>) -> Result<(), Stop> {
        let answer = self.write(&self.clean_up(&row), &row).await?;
        course.wrote(&row, &answer);
        Ok(())
    }

    /// What is cleaned up in the transaction of a row: the session, when the file has come to an end.
    fn clean_up(&self, row: &Record<'_>) -> String {
        match row.event {
            LedgerEvent::Applied | LedgerEvent::Failed => self.framing.hygiene(),
            _ => String::new(),
        }
    }

    /// Sends one message and waits for its answer; of its rows the last is kept.
    async fn send_in(&mut self, course: &mut Course<'_>, sql: &str) -> Answer {
        let mut answer = self.carry_out(sql).await;
        course.notices.append(&mut answer.notices);
        answer
    }
}

/// Whether the row was refused for what came before it: the transaction was cancelled, or cannot be serialized.
fn is_of_the_file(refusal: &Refusal) -> bool {
    ["57014", "40001"].contains(&refusal.sqlstate())
}

impl Course<'_> {
    fn wrote(&mut self, row: &Record<'_>, answer: &Answer) {
        self.journal.wrote(row, answer);
        if row.event == LedgerEvent::Applied {
            self.execution_ms = Some(milliseconds(answer));
        }
    }
}
