//! What a statement of a file outside a transaction does, and to what.

use super::kind::Kind;
use super::token::{TokenKind, Tokens};
use crate::action::{Action, ActionKind};

/// A statement's tokens without comments, as they are written and in capitals.
struct Words<'t> {
    written: Vec<&'t str>,
    upper: Vec<String>,
}

/// Looks at one statement, given without its semicolon.
pub(crate) fn action(statement: &str) -> Action {
    let kind = match Kind::of(statement) {
        Kind::Begin { .. } if is_read_only(statement) => ActionKind::BeginReadOnly,
        Kind::Begin { .. } => ActionKind::Begin,
        Kind::Commit { chain: true } | Kind::Rollback { chain: true } => ActionKind::Chain,
        Kind::Commit { chain: false } => ActionKind::Commit,
        Kind::Rollback { chain: false } => ActionKind::Rollback,
        Kind::PrepareTransaction => ActionKind::PrepareTransaction,
        Kind::Setting if is_read_only(statement) => ActionKind::SetReadOnly,
        Kind::Setting => ActionKind::Setting,
        Kind::Alone(_) => return alone(&Words::of(statement)),
        // A subscription's drop is sent as if it had no slot: the server says when it has one.
        Kind::DropSubscription
        | Kind::ReleaseSlot
        | Kind::DiscardAll
        | Kind::CopyFromStdin
        | Kind::CopyToStdout
        | Kind::Plain => in_block(statement),
    };
    Action::of(kind)
}

/// `BEGIN … READ ONLY`, `SET TRANSACTION READ ONLY`.
fn is_read_only(statement: &str) -> bool {
    let Words { upper, .. } = Words::of(statement);
    let is_transaction =
        upper[0] != "SET" || upper.get(1).is_some_and(|word| word == "TRANSACTION");
    is_transaction && upper.windows(2).any(|pair| pair == ["READ", "ONLY"])
}

/// What may run in a transaction block. Only a procedure or a DO can end the block; PostgreSQL refuses it there, so that a
/// DO whose text says nothing of the sort is plain.
fn in_block(statement: &str) -> ActionKind {
    const ENDS: [&str; 4] = ["COMMIT", "ROLLBACK", "CALL", "EXECUTE"];
    let upper = statement.to_ascii_uppercase();
    let first = upper.split(|c: char| !c.is_ascii_alphabetic()).next();
    match first {
        Some("CALL") => ActionKind::Procedural,
        Some("DO") if ENDS.iter().any(|word| upper.contains(word)) => ActionKind::Procedural,
        Some("PREPARE" | "LISTEN" | "DECLARE" | "LOAD") => ActionKind::Session,
        Some("SELECT") if sets_config(statement) => ActionKind::Setting,
        _ if leaves_something(statement) => ActionKind::Session,
        _ => ActionKind::Plain,
    }
}

/// `SELECT set_config('…', '…', false)`, as dumps begin.
fn sets_config(statement: &str) -> bool {
    let Words { upper, .. } = Words::of(statement);
    let words: Vec<_> = upper.iter().map(String::as_str).collect();
    let call = match words.as_slice() {
        ["SELECT", "PG_CATALOG", ".", call @ ..] | ["SELECT", call @ ..] => call,
        _ => return false,
    };
    matches!(call, ["SET_CONFIG", "(", _, ",", _, ",", "FALSE", ")"])
}

/// Whether it makes a temporary object or calls a function that leaves something in the session.
fn leaves_something(statement: &str) -> bool {
    const LEAVES: [&str; 3] = ["TEMP", "TEMPORARY", "SET_CONFIG"];
    let words = Tokens::new(statement).filter(|token| token.kind == TokenKind::Word);
    words
        .map(|token| statement[token.span.range()].to_ascii_uppercase())
        .any(|word| LEAVES.contains(&word.as_str()) || is_session_lock(&word))
}

fn is_session_lock(word: &str) -> bool {
    ["PG_ADVISORY_LOCK", "PG_TRY_ADVISORY_LOCK"]
        .iter()
        .any(|function| word.starts_with(function))
}

/// What PostgreSQL refuses in a transaction block.
fn alone(words: &Words<'_>) -> Action {
    let upper: Vec<_> = words.upper.iter().map(String::as_str).collect();
    let named = |kind, places: &[Option<usize>]| words.action(kind, places);
    match upper.as_slice() {
        ["CREATE", "INDEX" | "UNIQUE", ..] => create_index(words, &upper),
        ["DROP", "INDEX", _, "IF", "EXISTS", ..] => named(ActionKind::DropIndex, &[Some(5)]),
        ["DROP", "INDEX", ..] => named(ActionKind::DropIndex, &[Some(3)]),
        ["REINDEX", ..] => reindex(words, &upper),
        ["ALTER", "TABLE", ..] => detach(words, &upper),
        ["DROP", "DATABASE", "IF", "EXISTS", ..] => named(ActionKind::Database, &[Some(4)]),
        ["CREATE" | "DROP", "DATABASE", ..] => named(ActionKind::Database, &[Some(2)]),
        ["DROP", "TABLESPACE", "IF", "EXISTS", ..] => named(ActionKind::Tablespace, &[Some(4)]),
        ["CREATE" | "DROP", "TABLESPACE", ..] => named(ActionKind::Tablespace, &[Some(2)]),
        ["VACUUM" | "CLUSTER", ..] | ["ALTER", "SYSTEM" | "DATABASE", ..] => {
            Action::of(ActionKind::Repeatable)
        }
        _ => Action::of(ActionKind::Opaque),
    }
}

fn create_index(words: &Words<'_>, upper: &[&str]) -> Action {
    let after = place_of(upper, 0, "CONCURRENTLY").map_or(0, |place| place + 1);
    let name = match upper.get(after..) {
        Some(["IF", "NOT", "EXISTS", ..]) => Some(after + 3),
        Some(["ON", ..]) => None,
        _ => Some(after),
    };
    let on = match name {
        Some(name) => name + 1,
        None => after,
    };
    let table = match upper.get(on..) {
        Some(["ON", "ONLY", ..]) => on + 2,
        Some(["ON", ..]) => on + 1,
        _ => return Action::of(ActionKind::Opaque),
    };
    match name {
        Some(_) => words.action(ActionKind::CreateIndex, &[Some(table), name]),
        None => words.action(ActionKind::CreateIndex, &[Some(table)]),
    }
}

fn reindex(words: &Words<'_>, upper: &[&str]) -> Action {
    let what = match upper.get(1) {
        Some(&"(") => place_of(upper, 1, ")").map_or(upper.len(), |place| place + 1),
        _ => 1,
    };
    let concurrently = upper.contains(&"CONCURRENTLY");
    let name = match upper.get(what + 1) {
        Some(&"CONCURRENTLY") => what + 2,
        _ => what + 1,
    };
    match upper.get(what) {
        Some(&("INDEX" | "TABLE")) => words.action(ActionKind::Reindex, &[Some(name)]),
        Some(_) if concurrently => Action::of(ActionKind::ReindexMany),
        _ => Action::of(ActionKind::Repeatable),
    }
}

fn detach(words: &Words<'_>, upper: &[&str]) -> Action {
    let parent = match &upper[2..] {
        ["IF", "EXISTS", "ONLY", ..] => 5,
        ["IF", "EXISTS", ..] => 4,
        ["ONLY", ..] => 3,
        _ => 2,
    };
    let partition = place_of(upper, parent, "PARTITION").map(|place| place + 1);
    words.action(ActionKind::Detach, &[Some(parent), partition])
}

fn place_of(upper: &[&str], from: usize, word: &str) -> Option<usize> {
    let found = upper.iter().skip(from).position(|found| *found == word);
    found.map(|place| from + place)
}

impl<'t> Words<'t> {
    fn of(statement: &'t str) -> Self {
        let tokens = Tokens::new(statement).filter(|token| !token.is_comment());
        let written: Vec<_> = tokens.map(|token| &statement[token.span.range()]).collect();
        let upper = written
            .iter()
            .map(|word| word.to_ascii_uppercase())
            .collect();
        Self { written, upper }
    }

    /// An action on the names at these places; without one of them nobody can look at what it did.
    fn action(&self, kind: ActionKind, places: &[Option<usize>]) -> Action {
        let names = places.iter().map(|place| self.name((*place)?));
        match names.collect() {
            Some(names) => Action { kind, names },
            None => Action::of(ActionKind::Opaque),
        }
    }

    /// The name, qualified or not, that begins here. The server's functions take no `U&"…"`.
    fn name(&self, place: usize) -> Option<String> {
        let mut name = (*self.written.get(place)?).to_owned();
        let mut rest = self.written[place + 1..].chunks_exact(2);
        while let Some([".", part]) = rest.next() {
            name.push('.');
            name.push_str(part);
        }
        let is_name = |c: char| c.is_alphanumeric() || "_\"".contains(c);
        let is_unicode = name.to_ascii_uppercase().contains("U&\"");
        (name.starts_with(is_name) && !is_unicode).then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn describe(statement: &str) -> String {
        let Action { kind, names } = action(statement);
        format!("{kind:?} {}", names.join(" "))
            .trim_end()
            .to_owned()
    }

    #[test]
    fn a_statement_says_what_it_does_and_to_what() {
        for (statement, expected) in [
            ("create index concurrently i on t (a)", "CreateIndex t i"),
            (
                "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"I x\" ON ONLY s . /* c */ \"T\" USING gin (a)",
                "CreateIndex s.\"T\" \"I x\"",
            ),
            ("create index concurrently on s.t(a)", "CreateIndex s.t"),
            ("create index concurrently i on u&\"t\" (a)", "Opaque"),
            (
                "drop index concurrently if exists s.i cascade",
                "DropIndex s.i",
            ),
            ("drop index concurrently i", "DropIndex i"),
            ("reindex (verbose, concurrently) index s.i", "Reindex s.i"),
            ("reindex table concurrently t", "Reindex t"),
            ("reindex schema concurrently s", "ReindexMany"),
            ("reindex system", "Repeatable"),
            ("reindex database", "Repeatable"),
            ("reindex table t", "Plain"),
            (
                "alter table if exists only p detach partition s.c concurrently",
                "Detach p s.c",
            ),
            ("alter table p detach partition c finalize", "Plain"),
            ("create database \"D\" owner o", "Database \"D\""),
            ("drop database if exists d", "Database d"),
            ("create tablespace x location '/x'", "Tablespace x"),
            ("drop tablespace if exists x", "Tablespace x"),
            ("alter database d set tablespace x", "Repeatable"),
            ("alter system reset all", "Repeatable"),
            ("vacuum (full) t", "Repeatable"),
            (
                "create subscription s connection 'x' publication p",
                "Opaque",
            ),
            ("drop subscription s", "Plain"),
            ("commit prepared 'x'", "Opaque"),
            ("set role r", "Setting"),
            ("begin", "Begin"),
            ("begin isolation level serializable", "Begin"),
            (
                "begin isolation level serializable, read only",
                "BeginReadOnly",
            ),
            ("set transaction read only", "SetReadOnly"),
            ("set x = read, only", "Setting"),
            (
                "select pg_catalog.set_config('search_path', '', false)",
                "Setting",
            ),
            ("end", "Commit"),
            ("rollback and chain", "Chain"),
            ("abort", "Rollback"),
            ("prepare transaction 'x'", "PrepareTransaction"),
            ("call p()", "Procedural"),
            ("do $$begin perform 1; commit; end$$", "Procedural"),
            ("do $$begin raise notice 'x'; end$$", "Plain"),
            ("create temp table x ()", "Session"),
            ("select set_config('a.b', c, false) from t", "Session"),
            ("prepare p as select 1", "Session"),
            ("insert into t values ('temp')", "Plain"),
            ("", "Plain"),
        ] {
            assert_eq!(describe(statement), expected, "{statement}");
        }
    }
}
