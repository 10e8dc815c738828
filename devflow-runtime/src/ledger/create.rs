//! Making the ledger, under the lock.

use super::form::Columns;
use super::{COLUMNS, COMMENT, Facts, LOCAL_SETTINGS, LedgerTable, recorded, unhurried};
use crate::error::{Error, ErrorKind, Result};
use crate::literal::{identifier, text};
use crate::session::Session;
use devflow_migrations::{LedgerKind, TableName};

/// Whether the ledger was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Creation {
    Done,
    /// Another session created the schema or a table of that name at this moment: look again.
    Raced,
}

/// Unique violations in the catalogs, duplicate schema, table and object: `IF NOT EXISTS` is not free of races.
const RACED: [&str; 4] = ["23505", "42P06", "42P07", "42710"];

/// Creates what is missing of the ledger: schema and table, with every right but the owner's taken away before anybody
/// can use one, for a database's default privileges may have granted INSERT and DELETE on it; and the Supabase CLI's
/// table where that one counts, as the CLI creates it.
///
/// The lock is held and no transaction is open. A failure leaves nothing.
///
/// # Errors
/// Kind `Permission` when the role may not create it, `Broken` when a reader is not a role.
pub(crate) async fn create(
    session: &mut Session,
    table: &LedgerTable,
    facts: &Facts,
    readers: &[impl AsRef<str>],
) -> Result<Creation> {
    let unhurried = unhurried(session.major_version());
    let create = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {LOCAL_SETTINGS} {unhurried} {}{}",
        create_recorded(table, facts),
        create_own(table, facts)
    );
    let answer = session.ask(&create).await;
    if let Some(refusal) = answer.error {
        session.ask("ROLLBACK").await.accept("roll back")?;
        if RACED.contains(&refusal.sqlstate()) {
            return Ok(Creation::Raced);
        }
        let error = refusal.into_error(&format!("create the ledger {}", table.shown));
        return Err(may_not_create(error, table));
    }
    let granted = answer
        .rows
        .iter()
        .filter_map(|row| Some((row.get("object")?, row.get("grantee")?)));
    let rights = close_and_commit(table, facts, granted, readers);
    let answer = session.ask(&rights).await;
    if let Err(error) = answer.accept("give the ledger its rights") {
        session.ask("ROLLBACK").await.accept("roll back")?;
        return Err(error.help("every role in tracking_readers must exist"));
    }
    Ok(Creation::Done)
}

/// Even with IF NOT EXISTS it asks for CREATE on the database, which a role may lack that may create tables.
fn create_schema(name: &TableName, is_there: bool) -> String {
    match is_there {
        true => String::new(),
        false => format!(
            "CREATE SCHEMA IF NOT EXISTS {}; ",
            identifier(name.schema())
        ),
    }
}

fn create_recorded(table: &LedgerTable, facts: &Facts) -> String {
    let is_whole = table.standing.recorded == Some(Columns::ALL);
    if table.kind == LedgerKind::Devflow || is_whole {
        return String::new();
    }
    create_schema(&table.shown, facts.has_shown_schema) + recorded::CREATE
}

fn create_own(table: &LedgerTable, facts: &Facts) -> String {
    if table.standing.own {
        return String::new();
    }
    let columns: Vec<_> = COLUMNS
        .iter()
        .map(|(name, kind, more)| format!("{name} {kind} {more}"))
        .collect();
    format!(
        "{schema} \
         CREATE TABLE {table} ({columns}, PRIMARY KEY (version, seq)); \
         COMMENT ON TABLE {table} IS {comment}; \
         SELECT DISTINCT CASE WHEN c.relkind = 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.oid::regclass AS object, \
           CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END AS grantee \
         FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee \
         WHERE c.oid IN ({regclass}::regclass, pg_get_serial_sequence({regclass}, 'id')::regclass) AND a.grantee <> c.relowner",
        schema = create_schema(&table.name, facts.has_schema),
        table = table.quoted,
        columns = columns.join(", "),
        comment = text(COMMENT),
        regclass = text(&table.quoted),
    )
}

fn close_and_commit<'a>(
    table: &LedgerTable,
    facts: &Facts,
    granted: impl Iterator<Item = (&'a str, &'a str)>,
    readers: &[impl AsRef<str>],
) -> String {
    let mut statements = String::new();
    for (object, grantee) in granted {
        statements.push_str(&format!("REVOKE ALL ON {object} FROM {grantee}; "));
    }
    for reader in readers {
        let reader = identifier(reader.as_ref());
        for (name, has_schema) in made(table, facts) {
            let schema = identifier(name.schema());
            // A schema that we have just made is nobody else's to look into yet.
            if !has_schema {
                statements.push_str(&format!("GRANT USAGE ON SCHEMA {schema} TO {reader}; "));
            }
            let name = identifier(name.table());
            statements.push_str(&format!(
                "GRANT SELECT ON TABLE {schema}.{name} TO {reader}; "
            ));
        }
    }
    statements + "COMMIT"
}

/// The tables that were missing, each with whether its schema was there.
fn made<'a>(table: &'a LedgerTable, facts: &Facts) -> Vec<(&'a TableName, bool)> {
    let mut made = Vec::new();
    if !table.standing.own {
        made.push((&table.name, facts.has_schema));
    }
    if table.kind == LedgerKind::Supabase && table.standing.recorded.is_none() {
        made.push((&table.shown, facts.has_shown_schema));
    }
    made
}

fn may_not_create(error: Error, table: &LedgerTable) -> Error {
    match error.kind() {
        ErrorKind::Permission => error.help(format!(
            "the role needs CREATE on the schema {} (or on the database, where the schema is missing)",
            identifier(table.name.schema())
        )),
        ErrorKind::Broken => error.help(
            "nothing was created; where it is not the server itself that refuses, it is an event trigger: see pg_event_trigger",
        ),
        _ => error,
    }
}
