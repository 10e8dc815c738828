//! What became of a statement that runs by itself, told by comparing with what was before it.

use super::before::{self, Before};
use crate::execute::{Executor, Stop};
use crate::ledger::LOCAL_SETTINGS;
use crate::run::jittered;
use crate::session::{Answer, Refusal, Row};
use devflow_migrations::ActionKind;
use std::time::Duration;

/// How often to look whether another session has ended its work on an index.
const POLL: Duration = Duration::from_millis(250);

/// What became of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It took effect.
    Complete,
    /// It did not, and nothing of it is left.
    Nothing,
}

/// Why that could not be told, or not be cleaned up.
pub(super) enum Trouble {
    Refused(Box<Refusal>),
    /// In words: what was found instead.
    Unclear(String),
    Interrupted,
}

/// An index that was not there before.
struct Leftover {
    oid: String,
    /// Qualified and quoted.
    name: String,
    is_valid: bool,
    /// A rebuild's old index, whose place the new one has taken.
    is_replaced: bool,
    /// Another session that works on its table.
    busy: Option<String>,
    /// As a statement.
    definition: String,
}

impl Executor<'_, '_> {
    /// Tells what became of a statement, and removes what one that did not come to its end left behind. It can be repeated.
    pub(super) async fn settle_statement(&mut self, before: &Before) -> Result<Fate, Trouble> {
        self.wait_for_orphan(before).await?;
        match before.kind {
            ActionKind::CreateIndex => self.settle_build(before).await,
            ActionKind::Reindex | ActionKind::ReindexMany => self.settle_rebuild(before).await,
            ActionKind::Detach => self.settle_detach(before).await,
            ActionKind::DropIndex => {
                let exists = before
                    .object()
                    .map(|oid| format!("(SELECT oid FROM pg_class WHERE oid = {oid})"));
                self.settle_existence(before, exists).await
            }
            ActionKind::Database => {
                let exists = before.names.first().map(|name| before::database(name));
                self.settle_existence(before, exists).await
            }
            ActionKind::Tablespace => {
                let exists = before.names.first().map(|name| before::tablespace(name));
                self.settle_existence(before, exists).await
            }
            _ => Ok(Fate::Nothing),
        }
    }

    /// Waits until no other session of devflow's has, or waits for, a lock by which it changes what is to be looked at. Behind
    /// a pooler a run that was killed leaves one behind: its lock was held beside it, and the server hears of its end late.
    async fn wait_for_orphan(&mut self, before: &Before) -> Result<(), Trouble> {
        let objects: Vec<_> = before.objects.iter().flatten().collect();
        let objects: Vec<_> = objects.iter().map(ToString::to_string).collect();
        let query = format!(
            "SELECT l.pid FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid \
             WHERE l.locktype = 'relation' AND l.pid <> pg_backend_pid() AND a.application_name LIKE 'devflow %' \
             AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
             AND l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock') AND l.relation IN \
             (SELECT unnest('{{{0}}}'::oid[]) UNION SELECT indrelid FROM pg_index WHERE indexrelid = ANY ('{{{0}}}'::oid[])) LIMIT 1",
            objects.join(",")
        );
        while let Some(row) = self.find(&query).await?.rows.last() {
            self.teller.remark(format!(
                "process {} of an earlier run is still at work: waiting for it to end",
                row.get(0).unwrap_or_default()
            ));
            self.pause().await?;
        }
        Ok(())
    }

    async fn pause(&mut self) -> Result<(), Trouble> {
        self.interrupt.sleep(jittered(POLL)).await;
        match self.interrupt.is_fired() {
            true => Err(Trouble::Interrupted),
            false => Ok(()),
        }
    }

    /// What is created or dropped as a whole is complete when it is there and was not, or was there and is not.
    async fn settle_existence(
        &mut self,
        before: &Before,
        oid: Option<String>,
    ) -> Result<Fate, Trouble> {
        let Some(oid) = oid else {
            return Ok(Fate::Nothing);
        };
        let answer = self.find(&format!("SELECT {oid} IS NOT NULL")).await?;
        let exists = answer.rows.last().and_then(|row| row.get(0)) == Some("t");
        Ok(match exists == before.object().is_some() {
            true => Fate::Nothing,
            false => Fate::Complete,
        })
    }

    /// A build that came to its end left a valid index; any other an INVALID one, which is dropped.
    async fn settle_build(&mut self, before: &Before) -> Result<Fate, Trouble> {
        loop {
            let found = self.quiet_leftovers(before).await?;
            match found.as_slice() {
                [] => return Ok(Fate::Nothing),
                [one] if one.is_valid => {
                    // Whoever built it: only its table and its name say that it is the one.
                    self.teller.remark(format!(
                        "{} is there and valid: {}",
                        one.name, one.definition
                    ));
                    return Ok(Fate::Complete);
                }
                _ if found.iter().all(|index| index.is_valid) => {
                    let names: Vec<_> = found.iter().map(|index| index.name.as_str()).collect();
                    return Err(Trouble::Unclear(format!(
                        "{} are new on its table, and which of them it built is not known",
                        names.join(" and ")
                    )));
                }
                _ => self.drop_invalid(&found).await?,
            }
        }
    }

    /// A rebuild that had swapped its indexes is complete; the others of its leftovers are the new ones, unfinished.
    async fn settle_rebuild(&mut self, before: &Before) -> Result<Fate, Trouble> {
        let mut found = self.quiet_leftovers(before).await?;
        let only_replaced = !found.is_empty() && found.iter().all(|index| index.is_replaced);
        let is_complete = before.object().is_some() && only_replaced;
        while !found.is_empty() {
            self.drop_invalid(&found).await?;
            found = self.quiet_leftovers(before).await?;
        }
        Ok(if is_complete {
            Fate::Complete
        } else {
            Fate::Nothing
        })
    }

    async fn settle_detach(&mut self, before: &Before) -> Result<Fate, Trouble> {
        let [Some(parent), Some(partition)] = before.objects[..] else {
            return Ok(Fate::Nothing);
        };
        let query = format!(
            "SELECT inhdetachpending, format('ALTER TABLE %s DETACH PARTITION %s FINALIZE', \
             inhparent::regclass, inhrelid::regclass) \
             FROM pg_inherits WHERE inhparent = {parent} AND inhrelid = {partition}"
        );
        let answer = self.find(&query).await?;
        let Some(row) = answer.rows.last() else {
            return Ok(Fate::Complete);
        };
        if row.get(0) != Some("t") {
            return Ok(Fate::Nothing);
        }
        self.change(row.get(1).unwrap_or_default()).await?;
        self.teller.remark(format!(
            "finished detaching {}, which an earlier run began",
            before.names.last().map_or("the partition", String::as_str)
        ));
        Ok(Fate::Complete)
    }

    /// The new indexes, once nobody works on those that are INVALID: until then they may yet become valid.
    async fn quiet_leftovers(&mut self, before: &Before) -> Result<Vec<Leftover>, Trouble> {
        loop {
            let found = self.leftovers(before).await?;
            let mut invalid = found.iter().filter(|index| !index.is_valid);
            let Some((index, who)) =
                invalid.find_map(|index| index.busy.as_ref().map(|who| (index, who)))
            else {
                return Ok(found);
            };
            self.teller.remark(format!(
                "{} is INVALID, and {who} is at work on its table: waiting for it to end",
                index.name
            ));
            self.pause().await?;
        }
    }

    async fn leftovers(&mut self, before: &Before) -> Result<Vec<Leftover>, Trouble> {
        let query = format!(
            "SELECT i.indexrelid, format('%I.%I', n.nspname, c.relname), i.indisvalid, c.relname ~ '_ccold[0-9]*$', \
               (SELECT format('process %s', l.pid) FROM pg_locks l WHERE l.locktype = 'relation' AND l.granted \
                AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
                AND l.relation = i.indrelid AND l.pid <> pg_backend_pid() AND l.mode IN \
                ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock') LIMIT 1), \
               pg_get_indexdef(i.indexrelid) \
             FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE i.indexrelid <> ALL ({}) AND {}",
            before.known(),
            belongs(before)
        );
        let answer = self.find(&query).await?;
        Ok(answer.rows.iter().map(Leftover::of).collect())
    }

    async fn drop_invalid(&mut self, found: &[Leftover]) -> Result<(), Trouble> {
        for index in found.iter().filter(|index| !index.is_valid) {
            let Leftover { name, oid, .. } = index;
            // It waits for every transaction that uses the table.
            self.teller.remark(format!(
                "dropping {name}, which a build that did not come to its end left INVALID"
            ));
            tracing::debug!(oid, "dropping an INVALID index");
            self.change(&format!("DROP INDEX CONCURRENTLY {name}"))
                .await?;
        }
        Ok(())
    }

    /// Asks the catalogs, whose names mean PostgreSQL's own here.
    async fn find(&mut self, query: &str) -> Result<Answer, Trouble> {
        let answer = self.ask(&format!("{LOCAL_SETTINGS} {query}")).await;
        self.accepted(answer)
    }

    async fn change(&mut self, statement: &str) -> Result<(), Trouble> {
        let answer = self.carry_out(statement).await;
        self.accepted(answer).map(drop)
    }

    fn accepted(&self, mut answer: Answer) -> Result<Answer, Trouble> {
        match answer.error.take() {
            None => Ok(answer),
            Some(refusal) => Err(Trouble::Refused(Box::new(refusal))),
        }
    }

    /// The INVALID index of the name that a build was given, when it succeeded all the same: IF NOT EXISTS skipped over
    /// what somebody else's build left behind, which enforces and speeds up nothing.
    pub(super) async fn skipped_index(&mut self, before: &Before) -> Result<Option<String>, Stop> {
        let (ActionKind::CreateIndex, Some(table), Some(name)) =
            (before.kind, before.object(), before.names.get(1))
        else {
            return Ok(None);
        };
        let query = format!(
            "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
             JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT i.indisvalid AND c.relname = {} \
             AND n.oid = (SELECT relnamespace FROM pg_class WHERE oid = {table})",
            before::first_part(name)
        );
        match self.find(&query).await {
            Ok(answer) => Ok(answer
                .rows
                .last()
                .and_then(|row| row.get(0))
                .map(str::to_owned)),
            Err(Trouble::Refused(refusal)) => Err(self.unwritten(*refusal).await),
            Err(Trouble::Unclear(_) | Trouble::Interrupted) => Ok(None),
        }
    }
}

/// A condition on the indexes that a statement may have left: those of its table by its name, or by the names that the
/// server gives.
fn belongs(before: &Before) -> String {
    let table = before.object();
    match (before.kind, before.names.get(1)) {
        (ActionKind::CreateIndex, Some(name)) => format!(
            "i.indrelid = {} AND c.relname = {}",
            table.unwrap_or(0),
            before::first_part(name)
        ),
        (ActionKind::CreateIndex, None) => format!(
            "i.indrelid = {} AND c.relname ~ '_idx[0-9]*$'",
            table.unwrap_or(0)
        ),
        _ => {
            let of_table = |table| {
                format!(
                    " AND (i.indrelid = {table} OR i.indrelid = (SELECT reltoastrelid FROM pg_class WHERE oid = {table}))"
                )
            };
            format!(
                "NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$'{}",
                table.map(of_table).unwrap_or_default()
            )
        }
    }
}

impl Leftover {
    fn of(row: &Row) -> Self {
        let column = |index| row.get(index).unwrap_or_default();
        Self {
            oid: column(0).to_owned(),
            name: column(1).to_owned(),
            is_valid: column(2) == "t",
            is_replaced: column(3) == "t",
            busy: row.get(4).map(str::to_owned),
            definition: column(5).to_owned(),
        }
    }
}
