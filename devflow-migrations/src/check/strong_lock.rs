//! Which tables a file makes, and which it locks so strongly that others have to wait.

use super::directive::Directives;
use super::effect::Reading;
use super::kind::begins_with;
use super::stack::on_large_stack;
use super::statement::Statement;
use super::syntax::is_readable;
use crate::effect::{Blocked, Lock, Locked};
use crate::tables::Tables;

/// The first words of the statements that make or lock a table as a whole.
const FIRST_WORDS: [&str; 7] = [
    "ALTER", "CLUSTER", "CREATE", "DROP", "LOCK", "REINDEX", "TRUNCATE",
];

/// Looks at every statement; a file that says `strong-locks` knows what it locks.
pub(crate) fn tables(text: &str, statements: &[Statement], directives: &Directives) -> Tables {
    let candidates = statements
        .iter()
        .filter(|statement| is_readable(statement) && may_lock(&text[statement.span.range()]));
    let candidates: Vec<_> = candidates.map(|it| &text[it.span.range()]).collect();
    if candidates.is_empty() {
        return Tables::default();
    }
    let look = || {
        let mut tables = Tables::default();
        for reading in candidates.into_iter().map(Reading::of) {
            add(&mut tables, &reading, directives);
        }
        tables
    };
    on_large_stack("strong locks", look).unwrap_or_default()
}

fn add(tables: &mut Tables, reading: &Reading, directives: &Directives) {
    let made = reading.makes.iter().chain(&reading.renamed);
    made.for_each(|table| tables.make(table));
    if !directives.strong_locks {
        let strong = reading.effect.locks.iter().filter_map(strong);
        strong.for_each(|table| tables.lock(table));
    }
}

/// The table that a lock keeps others from. Where only a foreign key leads to it, no other file could hold the lock.
fn strong(lock: &Lock) -> Option<&str> {
    match &lock.on {
        Locked::Table(table) if lock.mode.blocks() > Blocked::Ddl && !lock.is_referenced => {
            Some(table)
        }
        _ => None,
    }
}

fn may_lock(statement: &str) -> bool {
    FIRST_WORDS.iter().any(|word| begins_with(statement, word))
}

#[cfg(test)]
mod tests {
    use crate::check::check;
    use crate::settings::LedgerKind;
    use crate::version::Version;

    fn look(text: &str) -> String {
        let checked = check(text, &Version::parse("9").unwrap(), LedgerKind::Devflow)
            .unwrap_or_else(|faults| panic!("{text}: {faults:?}"));
        checked
            .tables
            .as_str()
            .replace('\n', " ")
            .trim_end()
            .to_owned()
    }

    #[test]
    fn tables_that_are_made_and_locked() {
        for (text, expected) in [
            ("create table a (id int)", "+a"),
            (
                "create unlogged table if not exists public.\"A b\" (id int)",
                "+A b",
            ),
            ("create temp table x as select 1", "+x"),
            ("alter table a rename to b", "+b !a"),
            ("alter table if exists only S.A add column c int", "!s.a"),
            ("alter table a validate constraint c", ""),
            (
                "alter table a alter column c set statistics 100, set (fillfactor = 70)",
                "",
            ),
            (
                "alter table a validate constraint c, add d numeric(1, 2)",
                "!a",
            ),
            ("create unique index on only a (b)", "!a"),
            (
                "create index if not exists i on s.a using btree (b)",
                "!s.a",
            ),
            (
                "create or replace trigger t before update of c on a execute function f()",
                "!a",
            ),
            ("drop policy if exists p on a", "!a"),
            ("drop table if exists a, public.b cascade", "!a !b"),
            ("truncate a, only b", "!a !b"),
            ("lock table a, b in share row exclusive mode", "!a !b"),
            ("lock a", "!a"),
            ("lock a in row exclusive mode", ""),
            ("cluster a using i", "!a"),
            ("reindex table a", "!a"),
            (
                "drop index i; create view v as select 1; insert into a values (1)",
                "",
            ),
            ("alter table a add b int; alter table a add c int", "!a"),
            (
                "-- devflow: strong-locks\nalter table a add b int; create table c ()",
                "+c",
            ),
            ("create index concurrently i on a (b)", ""),
        ] {
            assert_eq!(look(text), expected, "{text}");
        }
    }
}
