//! What stands where the ledger should be, and whether to trust it.

use super::look::column;
use super::{COLUMNS, COMMENT, LedgerTable};
use crate::error::{Error, ErrorKind};
use crate::literal::text;
use tokio_postgres::SimpleQueryRow;
use tokio_postgres::error::{DbError, SqlState};

/// What speaks against trusting a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Shape {
    pub(crate) kind: String,
    pub(crate) comment: Option<String>,
    pub(crate) owner: String,
    pub(crate) owner_trusted: bool,
    /// Names of triggers, rules and defaults on our columns that we did not make.
    pub(crate) foreign: Option<String>,
    pub(crate) row_security: bool,
    pub(crate) may_insert: bool,
    pub(crate) columns: Vec<String>,
    /// Our columns that are not there, each with its type.
    pub(crate) lacking: Option<String>,
}

/// Facts about the table, by catalog alone: they can be had without any right on it.
pub(super) fn shape_query(table: &LedgerTable) -> String {
    let known: Vec<_> = COLUMNS.iter().map(|(name, ..)| text(name)).collect();
    let typed = COLUMNS.iter();
    let typed: Vec<_> = typed
        .map(|(name, kind, _)| format!("({}, {})", text(name), text(kind)))
        .collect();
    format!(
        "(WITH RECURSIVE mine(oid) AS (SELECT oid FROM pg_roles WHERE rolname = current_user \
           UNION SELECT m.roleid FROM pg_auth_members m JOIN mine ON m.member = mine.oid) \
         SELECT c.oid AS table_oid, c.relkind::text || c.relpersistence::text AS kind, \
           obj_description(c.oid, 'pg_class') AS comment, r.rolname AS owner, \
           (r.rolsuper OR c.relowner IN (SELECT oid FROM mine) \
             OR c.relowner = (SELECT datdba FROM pg_database WHERE datname = current_database())) AS owner_trusted, \
           concat_ws(', ', \
             (SELECT string_agg('trigger ' || tgname, ', ' ORDER BY tgname) FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal), \
             (SELECT string_agg('rule ' || rulename, ', ' ORDER BY rulename) FROM pg_rewrite WHERE ev_class = c.oid), \
             (SELECT string_agg('default of ' || a.attname, ', ' ORDER BY a.attnum) FROM pg_attrdef d \
               JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum \
               WHERE d.adrelid = c.oid AND a.attname IN ({known}))) AS foreign_parts, \
           c.relrowsecurity AS row_security, has_table_privilege(c.oid, 'INSERT') AS may_insert, \
           (SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute \
             WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS columns, \
           (SELECT string_agg(name || ' ' || type, ', ') FROM (VALUES {typed}) ours(name, type) WHERE NOT EXISTS \
             (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = name AND atttypid = type::regtype)) AS lacking \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner \
         WHERE n.nspname = {schema} AND c.relname = {name})",
        known = known.join(", "),
        typed = typed.join(", "),
        schema = text(table.name.schema()),
        name = text(table.name.table()),
    )
}

impl Shape {
    pub(super) fn of(row: &SimpleQueryRow) -> Self {
        let optional = |name| row.try_get(name).ok().flatten().map(str::to_owned);
        Self {
            kind: column(row, "kind").to_owned(),
            comment: optional("comment"),
            owner: column(row, "owner").to_owned(),
            owner_trusted: column(row, "owner_trusted") == "t",
            foreign: optional("foreign_parts").filter(|parts| !parts.is_empty()),
            row_security: column(row, "row_security") == "t",
            may_insert: column(row, "may_insert") == "t",
            columns: column(row, "columns")
                .split(' ')
                .map(str::to_owned)
                .collect(),
            lacking: optional("lacking"),
        }
    }

    /// Why this is not a ledger of ours, if it is not.
    pub(super) fn complaint(&self, table: &LedgerTable) -> Option<Error> {
        let is_ours = self.comment.as_deref() == Some(COMMENT);
        if is_ours && self.lacking.is_none() && self.kind == "rp" {
            return None;
        }
        if is_ours {
            let what = match &self.lacking {
                None => "it is not an ordinary logged table".to_owned(),
                Some(columns) => format!("it lacks {columns}"),
            };
            return Some(
                Error::new(
                    ErrorKind::Ledger,
                    "ledger_damaged",
                    format!("the ledger {} is damaged: {what}", table.name),
                )
                .help("somebody else changed the table; compare it with a backup before going on"),
            );
        }
        let owner = self.looks_like().unwrap_or("another tool's");
        Some(
            Error::new(
                ErrorKind::Ledger,
                "ledger_foreign",
                format!("{} is not a devflow ledger: it looks like {owner} table", table.name),
            )
            .help("set another tracking_table in devflow.yml, then record what is there already with `devflow db baseline VERSION`"),
        )
    }

    /// Whose table this is, by its columns.
    fn looks_like(&self) -> Option<&'static str> {
        let has = |names: &[&str]| {
            names
                .iter()
                .all(|name| self.columns.iter().any(|column| column == name))
        };
        Some(match () {
            // Flyway's has all that sqlx's has, so it comes first.
            () if has(&["installed_rank", "version", "script", "checksum"]) => "Flyway's",
            () if has(&[
                "version",
                "description",
                "installed_on",
                "success",
                "checksum",
            ]) =>
            {
                "sqlx's"
            }
            () if has(&["version", "name", "applied_on", "checksum"]) => "refinery's",
            () if has(&["version", "run_on"]) => "diesel's",
            () if has(&["version", "dirty"]) => "golang-migrate's",
            () if has(&["version", "statements", "name"]) => "the Supabase CLI's",
            () if has(&["version_id", "is_applied"]) => "goose's",
            () if has(&["version", "inserted_at"]) => "Ecto's",
            () if self.columns == ["version"] => "Rails' or dbmate's",
            () => return None,
        })
    }

    /// Why a run that writes may not go on, if it may not.
    pub(crate) fn distrust(&self, table: &LedgerTable, role: &str) -> Option<Error> {
        let (owner, name) = (&self.owner, &table.name);
        let error = |code, message: String| Error::new(ErrorKind::Ledger, code, message);
        if let Some(foreign) = &self.foreign {
            let message = format!("the ledger {name} carries what devflow did not make: {foreign}");
            return Some(
                error("ledger_untrusted", message)
                    .help("they would run with our rights at every insert; remove them"),
            );
        }
        if !self.owner_trusted {
            let message = format!(
                "the ledger {name} belongs to {owner}, whom {role} does not trust: not itself, not a role it belongs to, not a superuser, not the database's owner"
            );
            return Some(error("ledger_untrusted", message).help(format!(
                "run as {owner} or as a member of it, or give the table to a role that may migrate"
            )));
        }
        if !self.may_insert {
            let message = format!("the role {role} may not write to the ledger {name}");
            return Some(
                Error::new(ErrorKind::Permission, "ledger_read_only", message)
                    .help(format!("run as {owner}, or grant the role INSERT on it")),
            );
        }
        None
    }
}

pub(super) fn unreadable(table: &LedgerTable, shape: &Shape, error: &DbError) -> Error {
    let name = &table.name;
    let denied = *error.code() == SqlState::INSUFFICIENT_PRIVILEGE;
    match (denied, shape.row_security) {
        (true, true) => Error::new(
            ErrorKind::Ledger,
            "ledger_filtered",
            format!("the ledger {name} is filtered by row-level security: what is applied cannot be known"),
        )
        .help(format!("ALTER TABLE {} DISABLE ROW LEVEL SECURITY, or run as its owner", table.quoted)),
        (true, false) => Error::new(
            ErrorKind::Permission,
            "ledger_unreadable",
            format!("the role may not read the ledger {name}: {}", error.message()),
        )
        .help("grant the role SELECT on it, or list the role in tracking_readers"),
        (false, _) => Error::new(
            ErrorKind::Ledger,
            "ledger_damaged",
            format!("the ledger {name} cannot be read: {} (SQLSTATE {})", error.message(), error.code().code()),
        )
        .help("somebody else changed the table; compare it with a backup before going on"),
    }
}
