//! The Supabase CLI's table: what devflow reads there, and the statements by which it writes as the CLI does.

use super::look::{column, rows_of};
use super::{COLUMNS, LOCAL_SETTINGS, LedgerTable};
use crate::error::{Error, ErrorKind, Result};
use crate::literal::text;
use crate::session::Session;
use devflow_migrations::supabase::{Recorded, elements};
use devflow_migrations::{Ledger, LedgerKind, Migration, MigrationSet, Version};
use std::collections::BTreeSet;

/// The table, as the CLI itself writes it.
const TABLE: &str = "supabase_migrations.schema_migrations";

/// What the server answers when a migration wrote to the CLI's table.
pub(crate) const MEDDLED_BESIDE: &str = "devflow: the Supabase CLI's table was changed";

/// An SQL expression: the digest of the versions; see `MigrationSet::recorded_digest`.
pub(super) const DIGEST: &str = "(SELECT encode(sha256(convert_to(coalesce(string_agg(version::text COLLATE \"C\", chr(10) \
       ORDER BY version::text COLLATE \"C\"), ''), 'UTF8')), 'hex') AS digest \
     FROM supabase_migrations.schema_migrations)";

/// Makes the table or completes it, in the CLI's own words. The schema is there.
pub(super) const CREATE: &str = "CREATE TABLE IF NOT EXISTS supabase_migrations.schema_migrations (version text NOT NULL PRIMARY KEY); \
     ALTER TABLE supabase_migrations.schema_migrations ADD COLUMN IF NOT EXISTS statements text[]; \
     ALTER TABLE supabase_migrations.schema_migrations ADD COLUMN IF NOT EXISTS name text;";

/// A version as devflow knows it, of the CLI's spelling.
const CANONICAL: &str =
    "coalesce(nullif(ltrim(version::text COLLATE \"C\", '0'), ''), '0') COLLATE \"C\"";

/// Reads both tables as one, at one moment.
///
/// # Errors
/// When the connection is lost, or the server refuses; kind `Ledger` when the CLI's table is gone and devflow's own says
/// that something is applied.
pub(crate) async fn read_both(
    session: &mut Session,
    table: &LedgerTable,
    set: &MigrationSet,
) -> Result<Ledger> {
    let (mut rows, mut recorded) = (Vec::new(), Vec::new());
    for (row, version) in rows_of(session, table, "recorded", &both(table)).await? {
        match version {
            None => rows.push(row),
            Some(version) => recorded.push(Recorded {
                version,
                ..Recorded::default()
            }),
        }
    }
    let ledger = Ledger::from_rows(rows);
    if table.standing.recorded.is_none() && ledger.newest_applied().is_some() {
        return Err(gone(table));
    }
    let unheard: Vec<_> = ledger.unheard(&recorded).map(text).collect();
    if !unheard.is_empty() {
        let known = read_recorded(session, table, &unheard.join(", ")).await?;
        for row in &mut recorded {
            if let Some(whole) = known.iter().find(|known| known.version == row.version) {
                row.clone_from(whole);
            }
        }
    }
    Ok(ledger.reconciled(set, &recorded))
}

/// What both tables hold, as far as they are there: the CLI's rows have nothing but a version, beside the ledger's columns.
fn both(table: &LedgerTable) -> String {
    let listed = |column: fn(&(&str, &str, &str)) -> String| {
        let columns: Vec<_> = COLUMNS.iter().map(column).collect();
        columns.join(", ")
    };
    let columns = listed(|(name, ..)| (*name).to_owned());
    let nothing = listed(|(name, kind, _)| format!("NULL::{kind} AS {name}"));
    let own = format!(
        "SELECT {columns}, NULL::text AS recorded FROM {}",
        table.quoted
    );
    let recorded = format!("SELECT {nothing}, version::text AS recorded FROM {TABLE}");
    let own = table.standing.own.then_some(own);
    let recorded = table.standing.recorded.map(|_| recorded);
    let halves: Vec<_> = own.into_iter().chain(recorded).collect();
    format!("({}) both_tables ORDER BY id", halves.join(" UNION ALL "))
}

/// Reads the versions of the CLI's table, as it spells them. The table is there.
///
/// # Errors
/// When the connection is lost, or the server refuses.
pub(crate) async fn versions(session: &mut Session) -> Result<BTreeSet<String>> {
    let query = format!("{LOCAL_SETTINGS} SELECT version::text FROM {TABLE}");
    let answer = session.ask(&query).await;
    let answer = answer.accept("read the Supabase CLI's table")?;
    let versions = answer.rows.iter().filter_map(|row| row.get(0));
    Ok(versions.map(str::to_owned).collect())
}

/// Reads rows of the CLI's table, by their versions, with all that they say.
///
/// # Errors
/// When the connection is lost, or the server refuses.
async fn read_recorded(
    session: &mut Session,
    table: &LedgerTable,
    versions: &str,
) -> Result<Vec<Recorded>> {
    let Some(columns) = table.standing.recorded else {
        return Ok(Vec::new());
    };
    let or_null = |is_there, expression| if is_there { expression } else { "NULL" };
    let query = format!(
        "{LOCAL_SETTINGS} SELECT version::text AS version, {} AS name, {} AS statements FROM {TABLE} \
         WHERE version::text COLLATE \"C\" IN ({versions})",
        or_null(columns.name, "name::text"),
        or_null(columns.statements, "to_json(statements)::text"),
    );
    let answer = session.ask(&query).await;
    let answer = answer.accept("read the Supabase CLI's table")?;
    let recorded = |row| Recorded {
        version: column(row, "version").to_owned(),
        name: row.get("name").map(str::to_owned),
        statements: row
            .get("statements")
            .and_then(|json| serde_json::from_str(json).ok()),
    };
    Ok(answer.rows.iter().map(recorded).collect())
}

fn gone(table: &LedgerTable) -> Error {
    let (shown, own) = (&table.shown, &table.name);
    let message = format!("{shown} is gone, and {own} says that migrations are applied");
    Error::new(ErrorKind::Ledger, "ledger_damaged", message).help(format!(
        "restore it from a backup; where the database has none of them any more, drop {own} as well"
    ))
}

/// An SQL expression: whether the CLI's table has this version.
pub(crate) fn is_recorded(table: &LedgerTable, version: &Version) -> String {
    match table.kind {
        LedgerKind::Devflow => "false".to_owned(),
        LedgerKind::Supabase => format!("EXISTS ({})", row_of(version)),
    }
}

fn row_of(version: &Version) -> String {
    format!(
        "SELECT FROM {TABLE} WHERE {CANONICAL} = {}",
        text(version.as_str())
    )
}

/// The CLI's row of a migration, as the CLI writes it: a runner that wrote it first is an error.
pub(super) fn insert(migration: &Migration) -> String {
    format!(
        "INSERT INTO {TABLE}(version, name, statements) VALUES({}, {}, {}::text[])",
        text(migration.recorded_version()),
        text(migration.recorded_name()),
        text(&array(&elements(migration))),
    )
}

/// The same, as the CLI repairs.
pub(super) fn replace(migration: &Migration) -> String {
    insert(migration)
        + " ON CONFLICT (version) DO UPDATE SET name = EXCLUDED.name, statements = EXCLUDED.statements"
}

/// Removes the CLI's row.
pub(super) fn remove(version: &Version) -> String {
    format!(
        "DELETE FROM {TABLE} WHERE {CANONICAL} = {}",
        text(version.as_str())
    )
}

/// A statement that raises unless the CLI's table has the version, or has it no more, as `is_there` says; or when it
/// carries what could make it otherwise.
pub(super) fn guard(version: &Version, is_there: bool) -> String {
    let otherwise = if is_there { "NOT EXISTS" } else { "EXISTS" };
    raise(&format!(
        "c.relhastriggers AND EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal) \
         OR c.relhasrules AND EXISTS (SELECT FROM pg_rewrite WHERE ev_class = c.oid) OR {otherwise} ({})",
        row_of(version)
    ))
}

/// A statement that raises when the transaction has written to the CLI's table besides the one row that goes with a
/// migration: changed or removed rows, which the server counts, or added one of its own.
pub(super) fn only_one_row() -> String {
    raise(&format!(
        "pg_stat_get_xact_tuples_updated(c.oid) + pg_stat_get_xact_tuples_deleted(c.oid) > 0 \
         OR 1 < (SELECT count(*) FROM {TABLE} WHERE xmin = pg_current_xact_id()::xid)"
    ))
}

fn raise(condition: &str) -> String {
    format!(
        "SELECT set_config({}, '', true) FROM pg_class c WHERE c.oid = '{TABLE}'::regclass AND ({condition});",
        text(MEDDLED_BESIDE)
    )
}

/// An array's literal, not yet a string's.
fn array(elements: &[&str]) -> String {
    let quoted = |element: &&str| {
        let escaped = element.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{escaped}\"")
    };
    let quoted: Vec<_> = elements.iter().map(quoted).collect();
    format!("{{{}}}", quoted.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use devflow_migrations::TableName;

    #[test]
    fn the_table_is_the_one_that_the_lock_is_about() {
        assert_eq!(TableName::supabase().to_string(), TABLE);
    }

    #[test]
    fn elements_are_quoted() {
        assert_eq!(array(&[]), "{}");
        assert_eq!(array(&["a", "", "NULL"]), r#"{"a","","NULL"}"#);
        assert_eq!(array(&[r#"a"b\c, {d}"#]), r#"{"a\"b\\c, {d}"}"#);
    }
}
