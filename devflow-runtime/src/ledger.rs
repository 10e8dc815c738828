//! Our table: every statement about it.
//!
//! The only statements that touch its rows are SELECT and INSERT.

mod append;
mod create;
mod elsewhere;
mod form;
mod glance;
mod look;
mod meddling;
mod progress;
mod record;
mod recorded;
mod shape;

pub(crate) use append::append;
pub(crate) use create::{Creation, create};
pub(crate) use elsewhere::applied_elsewhere;
pub(crate) use form::{Standing, Whose};
pub(crate) use look::{Facts, Found, Look, look, newest, read, system_identifier, take_facts};
pub(crate) use meddling::{MEDDLED, is_overtaken, taken, untouched};
pub(crate) use progress::progress_json;
pub(crate) use record::{After, Beside, Record, SINCE_BEGIN, record_loss};
pub(crate) use recorded::{MEDDLED_BESIDE, is_recorded, read_both, versions};
pub(crate) use shape::Shape;

use crate::charset::Charset;
use crate::literal::identifier;
use devflow_migrations::{LedgerKind, TableName};
use sha2::{Digest, Sha256};

/// The ledger's table, quoted, and the key of the lock that guards it.
#[derive(Debug, Clone)]
pub(crate) struct LedgerTable {
    pub(crate) kind: LedgerKind,
    /// The table of devflow's rows.
    pub(crate) name: TableName,
    /// The table that people know: the one that says what is in the database.
    pub(crate) shown: TableName,
    /// `"schema"."table"`.
    pub(crate) quoted: String,
    pub(crate) key: LockKey,
    /// The table of the other history that the database may have.
    pub(crate) other: TableName,
    /// What its database can hold, once a connection has said so.
    pub(crate) charset: Charset,
    /// Which tables there are, as far as the run knows.
    pub(crate) standing: Standing,
}

/// The advisory lock's key: the first 8 bytes, big-endian and signed, of SHA-256 of `devflow/1:` + schema + NUL + table.
///
/// Old and new binaries must agree on it for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LockKey(pub(crate) i64);

/// The key of `detail` under which an applied migration keeps with which builds it works.
const COMPATIBLE_WITH: &str = "compatible_with";

/// What every ledger message begins with: names mean PostgreSQL's own, a filtered table is an error and not empty,
/// somebody's lock on the table is not waited for in silence, and a session that a pooler lends us speaks our encoding.
pub(crate) const LOCAL_SETTINGS: &str = "SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL row_security = off; \
     SET LOCAL lock_timeout = '5s'; SET LOCAL client_encoding = 'UTF8';";

/// Whatever the role or the database limits, this transaction may take its time. `lock_timeout` is set besides.
pub(crate) fn unhurried(server_major: u32) -> &'static str {
    match server_major {
        17.. => {
            "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL transaction_timeout = 0;"
        }
        _ => "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;",
    }
}

/// The comment by which a table is known to be a ledger.
pub(crate) const COMMENT: &str = "devflow ledger 1";

/// The columns, in order: name, type, and what else belongs to it.
pub(crate) const COLUMNS: [(&str, &str, &str); 12] = [
    ("id", "bigint", "GENERATED ALWAYS AS IDENTITY UNIQUE"),
    ("version", "text", "COLLATE \"C\" NOT NULL"),
    ("seq", "integer", "NOT NULL"),
    ("event", "text", "NOT NULL"),
    ("name", "text", ""),
    ("checksum", "text", ""),
    ("statement", "integer", ""),
    ("execution_ms", "double precision", ""),
    ("error", "jsonb", ""),
    ("run", "jsonb", ""),
    ("detail", "jsonb", ""),
    ("at", "timestamptz", "NOT NULL"),
];

impl LedgerTable {
    /// `own` is where devflow's own ledger is, or would be.
    pub(crate) fn new(kind: LedgerKind, own: &TableName) -> Self {
        let (name, shown, other) = match kind {
            LedgerKind::Devflow => (own.clone(), own.clone(), TableName::supabase()),
            LedgerKind::Supabase => (
                TableName::beside_supabase(),
                TableName::supabase(),
                own.clone(),
            ),
        };
        Self {
            kind,
            quoted: quoted(&name),
            key: LockKey::of(&shown),
            name,
            shown,
            other,
            charset: Charset::default(),
            standing: Standing::default(),
        }
    }
}

/// `"schema"."table"`.
fn quoted(name: &TableName) -> String {
    format!("{}.{}", identifier(name.schema()), identifier(name.table()))
}

impl LockKey {
    fn of(name: &TableName) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(format!("devflow/1:{}\0{}", name.schema(), name.table()));
        let digest: [u8; 32] = hasher.finalize().into();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        Self(i64::from_be_bytes(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_keys_never_change() {
        let key = |kind| LedgerTable::new(kind, &TableName::default()).key;
        assert_eq!(key(LedgerKind::Devflow), LockKey(6_145_315_754_382_216_349));
        assert_eq!(
            key(LedgerKind::Supabase),
            LockKey(5_244_045_953_312_699_820)
        );
    }
}
