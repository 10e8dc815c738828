//! One file outside a transaction: started, statement by statement with its progress, applied or failed.

use crate::event::Event;
use crate::execute::{Executor, Stop};
use crate::failure::{Part, describe, interrupted, skipped_over_invalid, unlocked};
use crate::ledger::{LOCAL_SETTINGS, LedgerTable, Record};
use crate::literal::text;
use crate::report::{Notice, StepFailure};
use crate::session::Refusal;
use devflow_migrations::{LedgerEvent, Migration, Step};

impl Executor<'_, '_> {
    /// Runs a file outside a transaction. Its `started` row is durable before its first statement is sent, so that
    /// after a crash the ledger says that it began and which of its statements are known complete.
    pub(crate) async fn statements(&mut self, steps: &[Step], index: usize) -> Result<(), Stop> {
        let step = &steps[index];
        let migration = &*step.migration;
        let mut journal = Journal::new(migration, step.seq, self.framing.run);
        let started = journal.next(LedgerEvent::Started);
        self.write("", &started).await?;
        let mut notices = Vec::new();
        for (number, span) in migration.statements().iter().enumerate() {
            if self.interrupt.is_fired() {
                let failure = interrupted(migration, notices);
                return Err(self.give_up(&mut journal, failure).await);
            }
            if self.hold.lost().is_some() {
                let failure = unlocked(migration, notices);
                return Err(self.give_up(&mut journal, failure).await);
            }
            let statement = &migration.text().as_str()[span.range()];
            let answer = self.carry_out(statement).await;
            let skipped = self.invalid_index(statement, &answer.notices).await;
            notices.extend(answer.notices);
            if let Some(refusal) = answer.error {
                return Err(self.refuse(&mut journal, number, &refusal, notices).await);
            }
            if let Some(index) = skipped {
                let failure = skipped_over_invalid(migration, *span, &index, notices);
                return Err(self.give_up(&mut journal, failure).await);
            }
            journal.completed(statement, number + 1);
            self.teller.tell(&Event::StatementDone {
                migration,
                number: number + 1,
            });
            if journal.owes_progress() {
                let progress = journal.next(LedgerEvent::Progress);
                self.write("", &progress).await?;
            }
        }
        let execution_ms = self.complete(&mut journal).await?;
        self.finished(steps, index, execution_ms, notices);
        Ok(())
    }

    /// The INVALID index over which `IF NOT EXISTS` skipped: the server says that all is well, and the index enforces
    /// and speeds up nothing.
    async fn invalid_index(&mut self, statement: &str, notices: &[Notice]) -> Option<String> {
        let skipped = notices.iter().any(|notice| notice.sqlstate == "42P07");
        if !skipped || !statement.to_ascii_uppercase().contains("CONCURRENTLY") {
            return None;
        }
        let query = format!(
            "{LOCAL_SETTINGS} SELECT format('%I.%I', n.nspname, c.relname), c.relname FROM pg_index i \
             JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT i.indisvalid"
        );
        let answer = self.session.ask(&query).await;
        let is_named = |name: &str| {
            let quoted = format!("\"{name}\"");
            notices
                .iter()
                .any(|notice| notice.message.contains(&quoted))
        };
        let found = answer
            .rows
            .iter()
            .find(|row| row.get(1).is_some_and(is_named));
        found.and_then(|row| row.get(0)).map(str::to_owned)
    }

    /// Cleans the session and writes `applied` in one transaction; the server's own time is since `started`.
    async fn complete(&mut self, journal: &mut Journal<'_>) -> Result<f64, Stop> {
        let since = journal.since_started(self.framing.table);
        let record = Record {
            execution_ms: Some(since),
            ..journal.next(LedgerEvent::Applied)
        };
        self.write(self.framing.hygiene(), &record).await
    }

    /// A statement failed: what came before it stays.
    async fn refuse(
        &mut self,
        journal: &mut Journal<'_>,
        number: usize,
        refusal: &Refusal,
        notices: Vec<Notice>,
    ) -> Stop {
        if let Some(lost) = refusal.ends_session() {
            return Stop::Lost(lost);
        }
        let migration = journal.migration;
        let span = migration.statements()[number];
        let mut failure = describe(
            migration,
            Part::File {
                from: span.start,
                guarded: false,
            },
            0,
            refusal,
            notices,
        );
        failure.explain_leftover(&migration.text().as_str()[span.range()]);
        self.give_up(journal, failure).await
    }

    /// Rolls back a block that the file left open, and records how far it came.
    async fn give_up(&mut self, journal: &mut Journal<'_>, mut failure: StepFailure) -> Stop {
        let interrupted = self.interrupt.is_fired();
        self.session.quiet().await;
        failure.completed = Some(journal.durable);
        if let Err(stop) = self.roll_back().await {
            return stop;
        }
        let error = Some(failure.ledger_json());
        let record = Record {
            error,
            ..journal.next(LedgerEvent::Failed)
        };
        match self.write(self.framing.hygiene(), &record).await {
            Ok(_) => failure.recorded = true,
            Err(Stop::Unwritten(error)) => self
                .teller
                .remark(format!("the failure is not in the ledger: {error}")),
            Err(stop) => return stop,
        }
        self.failed(failure, interrupted)
    }
}

/// What the ledger will say about the file, row by row.
struct Journal<'a> {
    migration: &'a Migration,
    run: &'a str,
    first_seq: i32,
    seq: i32,
    /// How many statements are complete and committed.
    durable: usize,
    /// The last `durable` that the ledger knows.
    known: usize,
    /// Whether the file is inside a BEGIN … COMMIT of its own.
    in_block: bool,
}

impl<'a> Journal<'a> {
    fn new(migration: &'a Migration, seq: i32, run: &'a str) -> Self {
        Self {
            migration,
            run,
            first_seq: seq,
            seq,
            durable: 0,
            known: 0,
            in_block: false,
        }
    }

    fn next(&mut self, event: LedgerEvent) -> Record<'a> {
        let record = Record {
            statement: Some(self.durable),
            ..Record::of(self.migration, self.seq, event, self.run)
        };
        self.seq += 1;
        self.known = self.durable;
        record
    }

    fn completed(&mut self, statement: &str, number: usize) {
        match block_edge(statement) {
            Some(Edge::Begin) => self.in_block = true,
            Some(Edge::End) => self.in_block = false,
            None => {}
        }
        if !self.in_block {
            self.durable = number;
        }
    }

    /// A row for the last statement would say what `applied` says at once.
    fn owes_progress(&self) -> bool {
        self.durable > self.known && self.durable < self.migration.statements().len()
    }

    fn since_started(&self, table: &LedgerTable) -> String {
        format!(
            "(SELECT extract(epoch FROM clock_timestamp() - at) * 1000 FROM {} WHERE version = {} AND seq = {})",
            table.quoted,
            text(self.migration.version().as_str()),
            self.first_seq
        )
    }
}

/// Where a file's own transaction begins or ends.
enum Edge {
    Begin,
    End,
}

/// A statement's text begins with its first word.
fn block_edge(statement: &str) -> Option<Edge> {
    let mut words = statement
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let first = words.next()?.to_ascii_uppercase();
    let mut goes_back_to_savepoint = || words.any(|word| word.eq_ignore_ascii_case("TO"));
    match first.as_str() {
        "BEGIN" | "START" => Some(Edge::Begin),
        "COMMIT" | "END" | "ABORT" => Some(Edge::End),
        "ROLLBACK" if !goes_back_to_savepoint() => Some(Edge::End),
        _ => None,
    }
}
