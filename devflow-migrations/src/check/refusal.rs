//! Statements that devflow refuses for what they do to the session or ask of the client.

use super::fault::Fault;
use super::kind::{Kind, drops_session_locks};
use super::statement::Statement;

/// The fault of a statement that no migration may hold, however it runs.
pub(crate) fn refused(kind: Kind, statement: Statement) -> Option<Fault> {
    let offset = statement.span.start;
    match kind {
        Kind::DiscardAll => Some(
            Fault::new(
                offset,
                "drops_lock",
                "DISCARD ALL drops the lock that keeps other runs out",
            )
            .help("take it out; devflow cleans the session after each migration"),
        ),
        Kind::CopyFromStdin => Some(
            Fault::new(
                offset,
                "copy_stdin",
                "COPY … FROM stdin needs a client that sends rows, and a migration has none",
            )
            .help("write the rows as INSERT, or COPY them from a file or program of the server"),
        ),
        Kind::CopyToStdout => Some(
            Fault::new(
                offset,
                "copy_stdout",
                "COPY … TO stdout needs a client that takes rows, and a migration has none",
            )
            .help("take it out, or COPY to a file or program of the server"),
        ),
        _ => None,
    }
}

/// The faults of statements that, outside a transaction, would let other runs in.
pub(crate) fn lock_droppers<'a>(
    text: &'a str,
    statements: &'a [Statement],
) -> impl Iterator<Item = Fault> + 'a {
    let drops = |s: &&Statement| drops_session_locks(&text[s.span.range()]);
    statements.iter().filter(drops).map(|statement| {
        Fault::new(
            statement.span.start,
            "drops_lock",
            "pg_advisory_unlock_all() outside a transaction drops the lock that keeps other runs out",
        )
        .help("unlock by key, with pg_advisory_unlock(key)")
    })
}
