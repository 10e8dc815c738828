//! Taking up a file whose last run did not come to its end.

use super::Course;
use super::journal::Announced;
use super::leftover::Fate;
use crate::execute::{Executor, Stop};
use devflow_migrations::{ActionKind, Conduct, Resume};

impl Executor<'_, '_> {
    /// Repeats the file's settings, and tells what became of the statement that may have been under way.
    pub(super) async fn take_up(
        &mut self,
        course: &mut Course<'_>,
        resume: &Resume,
    ) -> Result<(), Stop> {
        for statement in settings(course, resume.completed) {
            self.bare(course, statement..statement + 1, Conduct::Setting)
                .await?;
        }
        let announced = course.journal.announced.clone();
        if let Some(before) = announced.as_ref().and_then(Announced::before) {
            match self.settle_statement(&before).await {
                Ok(Fate::Complete) => self.skip_complete(course),
                Ok(Fate::Nothing) => {}
                Err(trouble) => {
                    return Err(self
                        .refuse_to_resume(course, resume.completed, trouble)
                        .await);
                }
            }
        }
        self.say_where(course);
        Ok(())
    }

    fn say_where(&mut self, course: &Course<'_>) {
        let migration = course.journal.migration;
        let (next, total) = (course.journal.completed + 1, migration.statements().len());
        if next <= total {
            let path = migration.path();
            self.teller
                .remark(format!("{path} goes on at statement {next} of {total}"));
        }
    }

    /// The statement under way had come to its end. Edited since, it is another one, which is to be run.
    fn skip_complete(&mut self, course: &mut Course<'_>) {
        let journal = &mut course.journal;
        let mut units = journal.units.iter();
        let unit = units.find(|unit| unit.statements.start == journal.completed);
        if let (Some(unit), Some(announced)) = (unit, &journal.announced)
            && announced.is(journal.migration, unit)
        {
            journal.completed = unit.statements.end;
        }
    }
}

/// The session's settings among the complete statements; those of a block that was rolled back went with it.
fn settings(course: &Course<'_>, completed: usize) -> Vec<usize> {
    let journal = &course.journal;
    let units = journal.units.iter();
    let kept = units
        .filter(|unit| unit.statements.end <= completed && unit.conduct != Conduct::Repeatable);
    let is_setting = |index: &usize| journal.migration.action(*index).kind == ActionKind::Setting;
    kept.flat_map(|unit| unit.statements.clone())
        .filter(is_setting)
        .collect()
}
