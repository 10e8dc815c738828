//! Making the ledger, under the lock.

use super::{COLUMNS, COMMENT, LOCAL_SETTINGS, LedgerTable, unhurried};
use crate::error::{Error, ErrorKind, Result};
use crate::literal::{identifier, text};
use crate::session::Session;

/// Whether the ledger was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Creation {
    Done,
    /// Another session created the schema or a table of that name at this moment: look again.
    Raced,
}

/// Unique violations in the catalogs, duplicate schema, table and object: `IF NOT EXISTS` is not free of races.
const RACED: [&str; 4] = ["23505", "42P06", "42P07", "42710"];

/// Creates the schema, where it is missing, and the table, and takes away every right but the owner's before anybody
/// can use one: a database's default privileges may have granted INSERT and DELETE on it.
///
/// The lock is held and no transaction is open. A failure leaves nothing.
///
/// # Errors
/// Kind `Permission` when the role may not create it, `Broken` when a reader is not a role.
pub(crate) async fn create(
    session: &mut Session,
    table: &LedgerTable,
    has_schema: bool,
    readers: &[impl AsRef<str>],
) -> Result<Creation> {
    let unhurried = unhurried(session.major_version());
    let create = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {LOCAL_SETTINGS} {unhurried} {}",
        create_statements(table, has_schema)
    );
    let answer = session.ask(&create).await;
    if let Some(refusal) = answer.error {
        session.ask("ROLLBACK").await.accept("roll back")?;
        if RACED.contains(&refusal.sqlstate()) {
            return Ok(Creation::Raced);
        }
        let error = refusal.into_error(&format!("create the ledger {}", table.name));
        return Err(may_not_create(error, table));
    }
    let granted = answer
        .rows
        .iter()
        .filter_map(|row| Some((row.get("object")?, row.get("grantee")?)));
    let rights = close_and_commit(table, has_schema, granted, readers);
    let answer = session.ask(&rights).await;
    if let Err(error) = answer.accept("give the ledger its rights") {
        session.ask("ROLLBACK").await.accept("roll back")?;
        return Err(error.help("every role in tracking_readers must exist"));
    }
    Ok(Creation::Done)
}

fn create_statements(table: &LedgerTable, has_schema: bool) -> String {
    // Even with IF NOT EXISTS it asks for CREATE on the database, which a role may lack that may create tables.
    let schema = match has_schema {
        true => String::new(),
        false => format!(
            "CREATE SCHEMA IF NOT EXISTS {};",
            identifier(table.name.schema())
        ),
    };
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
        table = table.quoted,
        columns = columns.join(", "),
        comment = text(COMMENT),
        regclass = text(&table.quoted),
    )
}

fn close_and_commit<'a>(
    table: &LedgerTable,
    has_schema: bool,
    granted: impl Iterator<Item = (&'a str, &'a str)>,
    readers: &[impl AsRef<str>],
) -> String {
    let mut statements = String::new();
    for (object, grantee) in granted {
        statements.push_str(&format!("REVOKE ALL ON {object} FROM {grantee}; "));
    }
    for reader in readers {
        let reader = identifier(reader.as_ref());
        // A schema that we have just made is nobody else's to look into yet.
        if !has_schema {
            let schema = identifier(table.name.schema());
            statements.push_str(&format!("GRANT USAGE ON SCHEMA {schema} TO {reader}; "));
        }
        statements.push_str(&format!(
            "GRANT SELECT ON TABLE {} TO {reader}; ",
            table.quoted
        ));
    }
    statements + "COMMIT"
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
