//! Rows that no migration goes with: a baseline's and a repair's.

use super::{LOCAL_SETTINGS, LedgerTable, Record, unhurried};
use crate::error::{Error, ErrorKind, Result};
use crate::session::Session;
use crate::step::Durability;

/// Writes rows in one transaction, all or none, and durable when it returns. No interruption cuts it short.
///
/// The lock is held and no transaction is open, before and after.
///
/// # Errors
/// Kind `Broken` when another run has written at the same `seq`, or when the connection is lost and nobody knows.
pub(crate) async fn append(
    session: &mut Session,
    table: &LedgerTable,
    records: &[Record<'_>],
) -> Result<()> {
    let inserts = records
        .iter()
        .map(|record| format!("{}; {}", record.insert(table, None), record.beside(table)));
    let message = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {LOCAL_SETTINGS} {} {} {}COMMIT",
        unhurried(session.major_version()),
        Durability::Now.statement(),
        inserts.collect::<String>()
    );
    session.quiet().await;
    let Some(refusal) = session.ask(&message).await.error else {
        return Ok(());
    };
    if refusal.ends_session().is_none() {
        session.ask("ROLLBACK").await.accept("roll back")?;
    }
    match refusal.sqlstate() {
        "23505" => Err(moved()),
        _ => Err(perhaps_written(refusal.into_error("write to the ledger"))),
    }
}

fn moved() -> Error {
    let message = "another run wrote to the ledger at this moment; nothing was recorded";
    Error::new(ErrorKind::Broken, "ledger_moving", message)
        .help("look at `devflow db status`, and run again")
}

/// A connection that is lost in the middle may have committed.
fn perhaps_written(error: Error) -> Error {
    if error.kind() != ErrorKind::Disconnected {
        return error;
    }
    let message = format!("{error}; whether the ledger was written is not known");
    Error::new(ErrorKind::Broken, "connection_lost", message)
        .help("look with `devflow db status`; running it again is safe")
}
