//! The other history that a database may have: the Supabase CLI's table beside devflow's ledger, or devflow's own ledger
//! beside that table.

use super::form::Form;
use super::shape::plain_table_guard;
use super::{COLUMNS, COMMENT, LOCAL_SETTINGS, LedgerTable, Whose};
use crate::literal::text;
use crate::session::Session;
use devflow_migrations::{LedgerKind, Version};
use std::collections::BTreeSet;

/// The versions that the other history has as applied; none where another tool has put a table of its own in that place.
///
/// # Errors
/// What the server says against reading it, where it is a history.
pub(crate) async fn applied_elsewhere(
    session: &mut Session,
    table: &LedgerTable,
) -> Result<BTreeSet<Version>, String> {
    let form = other(table);
    let other = form.quoted();
    let query = match table.kind {
        LedgerKind::Devflow => format!("SELECT version::text FROM {other}"),
        LedgerKind::Supabase => format!(
            "SELECT version FROM (SELECT DISTINCT ON (version) version, event FROM {other} ORDER BY version, seq DESC) last \
             WHERE event IN ('applied', 'baselined', 'repaired') AND obj_description({}::regclass, 'pg_class') = {}",
            text(&other),
            text(COMMENT)
        ),
    };
    let message = format!("{LOCAL_SETTINGS} {}; {query}", plain_table_guard(&form));
    let answer = session.ask(&message).await;
    match answer.error {
        None => {
            let versions = answer.rows.iter().filter_map(|row| row.get("version"));
            Ok(versions
                .filter_map(|text| Version::parse(text).ok())
                .collect())
        }
        // A view, or a table without these columns: no history that we know.
        Some(refusal) if ["42704", "42703", "42P01"].contains(&refusal.sqlstate()) => {
            Ok(BTreeSet::new())
        }
        Some(refusal) => Err(refusal.into_error("read it").to_string()),
    }
}

fn other(table: &LedgerTable) -> Form<'_> {
    match table.kind {
        LedgerKind::Devflow => Form::recorded(&table.other),
        LedgerKind::Supabase => Form {
            name: &table.other,
            whose: Whose::Devflow,
            columns: &COLUMNS,
            key: &["version", "seq"],
        },
    }
}
