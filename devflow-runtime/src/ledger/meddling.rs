//! Whether anybody but the run itself wrote to the ledger, or means to.

use super::{After, Beside, LedgerTable, Record, recorded};
use crate::literal::text;
use devflow_migrations::LedgerKind;

/// What the server answers when a migration wrote to the ledger.
pub(crate) const MEDDLED: &str = "devflow: the ledger was changed";

/// A statement that raises unless `record`, which has just been inserted, is there as it was written. A trigger or a rule
/// that a migration put on the ledger could swallow it.
pub(crate) fn taken(table: &LedgerTable, record: &Record<'_>) -> String {
    guard(table, &not_taken(table, record))
}

/// A statement that raises as [`taken`] does, and also when the transaction has written to the ledger besides: changed or
/// removed rows, which the server counts, or added one of its own.
pub(crate) fn untouched(
    table: &LedgerTable,
    record: &Record<'_>,
    after: Option<After<'_>>,
) -> String {
    let not_taken = not_taken(table, record);
    let newer = newer(table, after);
    let own = guard(
        table,
        &format!(
            "{not_taken} OR 1 <> (SELECT count(*) {newer}) \
             OR pg_stat_get_xact_tuples_updated(c.oid) + pg_stat_get_xact_tuples_deleted(c.oid) > 0"
        ),
    );
    match (table.kind, record.beside) {
        (LedgerKind::Supabase, Beside::Add(_)) => format!("{own}; {}", recorded::only_one_row()),
        _ => own,
    }
}

/// An SQL expression: whether the ledger has a row that is newer than the one which ours was to follow.
pub(crate) fn is_overtaken(table: &LedgerTable, after: Option<After<'_>>) -> String {
    format!("EXISTS (SELECT {})", newer(table, after))
}

fn guard(table: &LedgerTable, condition: &str) -> String {
    format!(
        "SELECT set_config('{MEDDLED}', '', true) FROM pg_class c WHERE c.oid = {}::regclass AND ({condition})",
        text(&table.quoted)
    )
}

fn not_taken(table: &LedgerTable, record: &Record<'_>) -> String {
    format!(
        "c.relhastriggers AND EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal) \
         OR c.relhasrules AND EXISTS (SELECT FROM pg_rewrite WHERE ev_class = c.oid) \
         OR NOT EXISTS (SELECT FROM {} WHERE version = {} AND seq = {} AND event = {})",
        table.quoted,
        text(record.version.as_str()),
        record.seq,
        text(record.event.as_str()),
    )
}

/// The two newest rows tell as much as all of them, and cost the same in a ledger of any length.
fn newer(table: &LedgerTable, after: Option<After<'_>>) -> String {
    let table = &table.quoted;
    let last = after.map_or_else(
        || "0".to_owned(),
        |after| {
            format!(
                "(SELECT p.id FROM {table} p WHERE {} ORDER BY p.seq LIMIT 1)",
                after.condition()
            )
        },
    );
    format!(
        "FROM (SELECT id FROM {table} ORDER BY id DESC LIMIT 2) newest WHERE newest.id > {last}"
    )
}
