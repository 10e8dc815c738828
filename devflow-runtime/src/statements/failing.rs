//! What is said and recorded when a file outside a transaction does not come to its end.

use super::journal::Announced;
use super::leftover::Trouble;
use super::{Course, Refused};
use crate::execute::{Executor, Stop};
use crate::failure::{Part, describe};
use crate::report::StepFailure;
use devflow_migrations::{ActionKind, Conduct};

impl Executor<'_, '_> {
    /// A statement failed: what came before it stays, and what it left behind is removed where that can be done.
    pub(super) async fn refuse(
        &mut self,
        course: &mut Course<'_>,
        conduct: Conduct,
        refused: Refused,
    ) -> Stop {
        if let Some(lost) = refused.refusal.ends_session() {
            return Stop::Lost(lost);
        }
        let migration = course.journal.migration;
        let notices = std::mem::take(&mut course.notices);
        let mut failure = describe(migration, refused.part, 0, &refused.refusal, notices);
        failure.statement = Some(refused.statement + 1);
        if failure.position.is_none() {
            failure.place(migration, refused.statement);
        }
        match conduct {
            Conduct::Settled => self.clear_up(course, &mut failure).await,
            Conduct::Procedural => {
                course.journal.in_doubt = true;
                failure.hint.get_or_insert_with(|| {
                    "it may have committed something before it failed: as long as it is not edited, the next run stops at it".to_owned()
                });
            }
            _ => {}
        }
        self.give_up(course, failure).await
    }

    /// Drops what a failed build left behind, which costs every write and may enforce already; whoever is told to stop
    /// leaves that to the next run.
    async fn clear_up(&mut self, course: &mut Course<'_>, failure: &mut StepFailure) {
        let announced = course.journal.announced.as_ref();
        let Some(before) = announced.and_then(Announced::before) else {
            return;
        };
        course.journal.in_doubt = match before.kind {
            ActionKind::CreateIndex | ActionKind::Reindex | ActionKind::ReindexMany => {
                let is_told_to_stop = self.interrupt.is_fired();
                is_told_to_stop || Box::pin(self.settle_statement(&before)).await.is_err()
            }
            ActionKind::Detach => true,
            _ => false,
        };
        if course.journal.in_doubt && failure.hint.is_none() {
            failure.hint = Some(
                "what it left behind is cleared up by the next run, which goes on at this statement".to_owned(),
            );
        }
    }

    /// Before anything is sent, what became of the statement under way could not be told or cleared up.
    pub(super) async fn refuse_to_resume(
        &mut self,
        course: &mut Course<'_>,
        statement: usize,
        trouble: Trouble,
    ) -> Stop {
        let migration = course.journal.migration;
        let notices = std::mem::take(&mut course.notices);
        let mut failure = match trouble {
            Trouble::Refused(refusal) => match refusal.ends_session() {
                Some(lost) => return Stop::Lost(lost),
                None => describe(migration, Part::Begin, 0, &refusal, notices),
            },
            Trouble::Unclear(what) => StepFailure {
                message: what,
                hint: Some("drop those that are not its own, or settle the version with `devflow db repair`".to_owned()),
                ..crate::failure::blank(migration, notices)
            },
            Trouble::Interrupted => crate::failure::interrupted(migration, notices),
        };
        failure.place(migration, statement);
        self.give_up(course, failure).await
    }

    /// Rolls back a block that the file left open, and records how far it came.
    pub(super) async fn give_up(
        &mut self,
        course: &mut Course<'_>,
        mut failure: StepFailure,
    ) -> Stop {
        let interrupted = self.interrupt.is_fired();
        self.session.quiet().await;
        failure.completed = Some(course.journal.completed);
        if let Err(stop) = self.roll_back().await {
            return stop;
        }
        let row = course.journal.failed(failure.ledger_json());
        match self.write(&self.clean_up(&row), &row).await {
            Ok(_) => failure.recorded = true,
            Err(Stop::Unwritten(error)) => self
                .teller
                .remark(format!("the failure is not in the ledger: {error}")),
            Err(stop) => return stop,
        }
        self.failed(failure, interrupted)
    }
}
