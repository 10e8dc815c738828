//! What kind of statement a statement is, as far as transactions care.

use super::token::{TokenKind, Tokens};

/// What a statement means to the transaction around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `BEGIN` or `START TRANSACTION`.
    Begin {
        modes: bool,
    },
    /// `COMMIT` or `END`.
    Commit {
        chain: bool,
    },
    /// `ROLLBACK` or `ABORT`, of the whole transaction.
    Rollback {
        chain: bool,
    },
    PrepareTransaction,
    /// PostgreSQL refuses it in a transaction block.
    Alone(&'static str),
    /// Refused in a transaction block unless the subscription has lost its slot.
    DropSubscription,
    /// `ALTER SUBSCRIPTION … SET (slot_name = NONE)`.
    ReleaseSlot,
    /// `SET`, `RESET` or `SHOW`: works in a transaction block and outside.
    Setting,
    DiscardAll,
    CopyFromStdin,
    CopyToStdout,
    /// Anything else.
    Plain,
}

/// The first words of the statements that are not [`Kind::Plain`].
const FIRST_WORDS: [&str; 18] = [
    "ABORT", "ALTER", "BEGIN", "CLUSTER", "COMMIT", "COPY", "CREATE", "DISCARD", "DROP", "END",
    "PREPARE", "REINDEX", "RESET", "ROLLBACK", "SET", "SHOW", "START", "VACUUM",
];

impl Kind {
    /// Looks at one statement, given without its semicolon.
    pub(crate) fn of(statement: &str) -> Self {
        if !FIRST_WORDS.iter().any(|word| begins_with(statement, word)) {
            return Self::Plain;
        }
        let upper = statement.to_ascii_uppercase();
        let words: Vec<_> = Tokens::new(statement)
            .filter(|token| !token.is_comment())
            .map(|token| &upper[token.span.range()])
            .collect();
        Self::of_words(&words)
    }

    /// The kind of a `COPY` that needs a client's data stream; `None` for everything else.
    pub(crate) fn copy(statement: &str) -> Option<Self> {
        if !begins_with(statement, "COPY") {
            return None;
        }
        match Self::of(statement) {
            kind @ (Self::CopyFromStdin | Self::CopyToStdout) => Some(kind),
            _ => None,
        }
    }

    fn of_words(words: &[&str]) -> Self {
        match words {
            ["BEGIN", rest @ ..] | ["START", "TRANSACTION", rest @ ..] => Self::Begin {
                modes: !without_noise(rest).is_empty(),
            },
            ["COMMIT", "PREPARED", ..] => Self::Alone("COMMIT PREPARED"),
            ["ROLLBACK", "PREPARED", ..] => Self::Alone("ROLLBACK PREPARED"),
            ["COMMIT" | "END", rest @ ..] => Self::Commit {
                chain: chains(rest),
            },
            ["ROLLBACK", rest @ ..] if without_noise(rest).first() == Some(&"TO") => Self::Plain,
            ["ROLLBACK" | "ABORT", rest @ ..] => Self::Rollback {
                chain: chains(rest),
            },
            ["PREPARE", "TRANSACTION", "AS" | "(", ..] => Self::Plain,
            ["PREPARE", "TRANSACTION", ..] => Self::PrepareTransaction,
            ["SET" | "RESET" | "SHOW", ..] => Self::Setting,
            ["DISCARD", "ALL"] => Self::DiscardAll,
            ["COPY", rest @ ..] => copy(rest),
            _ => outside_only(words),
        }
    }
}

/// Whether it begins so, in whatever case.
pub(super) fn begins_with(statement: &str, word: &str) -> bool {
    let first = statement.get(..word.len());
    first.is_some_and(|first| first.eq_ignore_ascii_case(word))
}

fn without_noise<'a, 'w>(words: &'a [&'w str]) -> &'a [&'w str] {
    match words {
        ["WORK" | "TRANSACTION", rest @ ..] => rest,
        _ => words,
    }
}

fn chains(words: &[&str]) -> bool {
    without_noise(words) == ["AND", "CHAIN"]
}

/// `COPY … FROM stdin` and `TO stdout`; the server takes either word on either side.
fn copy(words: &[&str]) -> Kind {
    let mut depth = 0_usize;
    for pair in words.windows(2) {
        match pair {
            ["(", _] => depth += 1,
            [")", _] => depth = depth.saturating_sub(1),
            ["FROM", "STDIN" | "STDOUT"] if depth == 0 => return Kind::CopyFromStdin,
            ["TO", "STDIN" | "STDOUT"] if depth == 0 => return Kind::CopyToStdout,
            _ => {}
        }
    }
    Kind::Plain
}

/// The statements that PostgreSQL refuses in a transaction block.
fn outside_only(words: &[&str]) -> Kind {
    let name = match words {
        ["VACUUM", ..] => "VACUUM",
        ["CLUSTER"] | ["CLUSTER", "VERBOSE"] | ["CLUSTER", "(", .., ")"] => {
            "CLUSTER without a table"
        }
        ["CREATE", "INDEX", "CONCURRENTLY", ..]
        | ["CREATE", "UNIQUE", "INDEX", "CONCURRENTLY", ..] => "CREATE INDEX CONCURRENTLY",
        ["DROP", "INDEX", "CONCURRENTLY", ..] => "DROP INDEX CONCURRENTLY",
        ["REINDEX", rest @ ..] => return reindex(rest),
        ["CREATE", "DATABASE", ..] => "CREATE DATABASE",
        ["DROP", "DATABASE", ..] => "DROP DATABASE",
        ["CREATE", "TABLESPACE", ..] => "CREATE TABLESPACE",
        ["DROP", "TABLESPACE", ..] => "DROP TABLESPACE",
        ["ALTER", "DATABASE", _, "SET", "TABLESPACE", ..] => "ALTER DATABASE … SET TABLESPACE",
        ["ALTER", "SYSTEM", ..] => "ALTER SYSTEM",
        ["ALTER", "TABLE", rest @ .., "CONCURRENTLY"] if detaches(rest) => {
            "DETACH PARTITION … CONCURRENTLY"
        }
        ["CREATE" | "ALTER" | "DROP", "SUBSCRIPTION", ..] => return subscription(words),
        _ => return Kind::Plain,
    };
    Kind::Alone(name)
}

fn reindex(words: &[&str]) -> Kind {
    let (options, target) = match words {
        ["(", rest @ ..] => match rest.iter().position(|word| *word == ")") {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => (rest, &[] as &[&str]),
        },
        _ => (&[] as &[&str], words),
    };
    let concurrently = options
        .split(|word| *word == ",")
        .any(|option| match option {
            ["CONCURRENTLY"] => true,
            ["CONCURRENTLY", value @ ..] => !is_off(value),
            _ => false,
        });
    match target {
        ["DATABASE", ..] => Kind::Alone("REINDEX DATABASE"),
        ["SYSTEM", ..] => Kind::Alone("REINDEX SYSTEM"),
        ["SCHEMA", ..] => Kind::Alone("REINDEX SCHEMA"),
        [_, "CONCURRENTLY", _, ..] => Kind::Alone("REINDEX CONCURRENTLY"),
        _ if concurrently => Kind::Alone("REINDEX CONCURRENTLY"),
        _ => Kind::Plain,
    }
}

fn detaches(words: &[&str]) -> bool {
    words.windows(2).any(|pair| pair == ["DETACH", "PARTITION"])
}

fn subscription(words: &[&str]) -> Kind {
    match words {
        ["DROP", ..] => Kind::DropSubscription,
        ["CREATE", ..] if turns_off(words, "CONNECT") || turns_off(words, "CREATE_SLOT") => {
            Kind::Plain
        }
        ["CREATE", ..] => Kind::Alone("CREATE SUBSCRIPTION with a slot"),
        ["ALTER", _, _, "REFRESH", "PUBLICATION", ..] => {
            Kind::Alone("ALTER SUBSCRIPTION … REFRESH")
        }
        ["ALTER", _, _, "SET" | "ADD" | "DROP", "PUBLICATION", ..]
            if !turns_off(words, "REFRESH") =>
        {
            Kind::Alone("ALTER SUBSCRIPTION with a refresh")
        }
        _ if words
            .windows(3)
            .any(|option| option == ["SLOT_NAME", "=", "NONE"]) =>
        {
            Kind::ReleaseSlot
        }
        _ => Kind::Plain,
    }
}

fn turns_off(words: &[&str], option: &str) -> bool {
    words
        .windows(3)
        .any(|window| window[0] == option && is_off(&window[1..]))
}

fn is_off(value: &[&str]) -> bool {
    let value = match value {
        ["=", value @ ..] => value,
        _ => value,
    };
    matches!(value, ["FALSE" | "OFF" | "0" | "'FALSE'" | "'OFF'"])
}

/// Whether a statement calls, outside any string, the function that drops every session lock.
pub(crate) fn drops_session_locks(statement: &str) -> bool {
    Tokens::new(statement).any(|token| {
        token.kind == TokenKind::Word
            && statement[token.span.range()].eq_ignore_ascii_case("pg_advisory_unlock_all")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transaction_control_is_told_apart() {
        let table = [
            ("begin", Kind::Begin { modes: false }),
            ("BEGIN /* x */ WORK", Kind::Begin { modes: false }),
            ("start transaction", Kind::Begin { modes: false }),
            (
                "begin isolation level serializable",
                Kind::Begin { modes: true },
            ),
            ("start transaction read only", Kind::Begin { modes: true }),
            ("commit", Kind::Commit { chain: false }),
            ("end transaction", Kind::Commit { chain: false }),
            ("commit work and no chain", Kind::Commit { chain: false }),
            ("commit and chain", Kind::Commit { chain: true }),
            ("rollback", Kind::Rollback { chain: false }),
            ("abort work and chain", Kind::Rollback { chain: true }),
            ("rollback to a", Kind::Plain),
            ("rollback work to savepoint a", Kind::Plain),
            ("savepoint a", Kind::Plain),
            ("release a", Kind::Plain),
            ("prepare transaction 'a'", Kind::PrepareTransaction),
            ("prepare transaction as select 1", Kind::Plain),
            ("prepare commit as select 1", Kind::Plain),
            ("commit prepared 'a'", Kind::Alone("COMMIT PREPARED")),
            ("rollback prepared 'a'", Kind::Alone("ROLLBACK PREPARED")),
            ("set search_path = a", Kind::Setting),
            ("discard all", Kind::DiscardAll),
            ("discard temp", Kind::Plain),
            ("\"commit\"", Kind::Plain),
            ("commits", Kind::Plain),
        ];
        for (statement, kind) in table {
            assert_eq!(Kind::of(statement), kind, "{statement}");
        }
    }

    #[test]
    fn knows_what_postgresql_refuses_in_a_transaction_block() {
        for statement in [
            "create index concurrently i on t (a)",
            "create unique index concurrently if not exists i on t (a)",
            "drop index concurrently if exists i",
            "reindex table concurrently t",
            "reindex (concurrently) index i",
            "reindex (verbose, concurrently true) index i",
            "reindex database d",
            "reindex (verbose) schema s",
            "reindex system",
            "vacuum",
            "vacuum (analyze) t",
            "cluster",
            "cluster verbose",
            "cluster (verbose)",
            "create database d",
            "drop database if exists d",
            "create tablespace s location '/x'",
            "drop tablespace s",
            "alter database d set tablespace s",
            "alter system set work_mem = '1MB'",
            "alter table t detach partition p concurrently",
            "create subscription s connection 'x' publication p",
            "create subscription s connection 'x' publication p with (connect = true)",
            "alter subscription s refresh publication",
            "alter subscription s set publication p",
        ] {
            let kind = Kind::of(statement);
            assert!(matches!(kind, Kind::Alone(_)), "{statement}: {kind:?}");
        }
    }

    #[test]
    fn knows_what_postgresql_takes_in_a_transaction_block() {
        for statement in [
            "create index concurrently_i on t (a)",
            "create index i on concurrently (a)",
            "drop index i",
            "reindex table t",
            "reindex table concurrently",
            "reindex (concurrently off) index i",
            "cluster t using i",
            "cluster (verbose) t",
            "alter database d set work_mem = '1MB'",
            "alter table t detach partition p",
            "alter table t rename to concurrently",
            "refresh materialized view concurrently v",
            "alter type e add value 'x'",
            "create subscription s connection 'x' publication p with (connect = false)",
            "create subscription s connection 'x' publication p with (create_slot = off, slot_name = none)",
            "alter subscription s set publication p with (refresh = false)",
            "alter subscription s disable",
            "comment on table t is 'vacuum'",
            "copy t from '/x/stdin'",
            "copy t from program 'cat stdin'",
            "copy (select 1 from stdin) to '/x'",
            "create function f() returns int begin atomic select 1; end",
        ] {
            assert_eq!(Kind::of(statement), Kind::Plain, "{statement}");
        }
    }

    #[test]
    fn knows_a_copy_that_needs_a_client() {
        for (statement, kind) in [
            ("copy t from stdin", Kind::CopyFromStdin),
            (
                "COPY t (a, b) FROM STDIN WITH (FORMAT csv)",
                Kind::CopyFromStdin,
            ),
            ("copy (select 1) to stdout", Kind::CopyToStdout),
            ("copy t to stdin", Kind::CopyToStdout),
        ] {
            assert_eq!(Kind::of(statement), kind, "{statement}");
        }
    }

    #[test]
    fn finds_the_call_that_drops_every_lock() {
        assert!(drops_session_locks(
            "select pg_catalog.PG_advisory_unlock_all()"
        ));
        assert!(!drops_session_locks("select 'pg_advisory_unlock_all()'"));
    }
}
