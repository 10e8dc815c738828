//! What stands where the ledger should be, and whether to trust it.

use super::form::{Form, Whose};
use super::look::column;
use super::{COMMENT, quoted};
use crate::error::{Error, ErrorKind};
use crate::literal::text;
use crate::session::Row;
use devflow_migrations::TableName;
use tokio_postgres::error::{DbError, SqlState};

/// What speaks against trusting a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Shape {
    pub(crate) table: TableName,
    pub(crate) whose: Whose,
    pub(crate) kind: String,
    pub(crate) comment: Option<String>,
    pub(crate) owner: String,
    pub(crate) owner_trusted: bool,
    /// Names of triggers, rules and defaults on our columns that we did not make.
    pub(crate) foreign: Option<String>,
    pub(crate) row_security: bool,
    pub(crate) may_read: bool,
    pub(crate) may_insert: bool,
    /// The names of its columns, where the comment is not a ledger's.
    pub(crate) columns: Vec<String>,
    /// Whether its key is unique: what keeps two runners from writing the same row.
    pub(crate) keyed: bool,
    /// Our columns that are not there, each with its type.
    pub(crate) lacking: Option<String>,
}

/// `pg_class` has it for an ordinary table that is logged.
const ORDINARY: &str = "rp";

/// Raises unless the name is free or belongs to an ordinary table with PostgreSQL's own types: a view of that name would
/// run its owner's functions with our rights. Its row, if it returns one, is not the look's.
pub(super) fn plain_table_guard(form: &Form<'_>) -> String {
    format!(
        "SELECT set_config('devflow: not a ledger', '', true) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = {schema} AND c.relname = {name} AND (c.relkind <> 'r' OR EXISTS (SELECT FROM pg_attribute a \
           JOIN pg_type t ON t.oid = a.atttypid WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
           AND a.attname IN ({known}) AND t.typnamespace <> 'pg_catalog'::regnamespace))",
        known = listed(form.columns.iter().map(|(name, ..)| *name)),
        schema = text(form.name.schema()),
        name = text(form.name.table()),
    )
}

fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.map(text).collect::<Vec<_>>().join(", ")
}

/// Facts about the table, by catalog alone: they can be had without any right on it.
pub(super) fn shape_query(form: &Form<'_>) -> String {
    let typed = form.columns.iter();
    let typed: Vec<_> = typed
        .map(|(name, kind, _)| format!("({}, {})", text(name), text(kind)))
        .collect();
    format!(
        "(WITH RECURSIVE mine(oid) AS (SELECT oid FROM pg_roles WHERE rolname = current_user \
           UNION SELECT m.roleid FROM pg_auth_members m JOIN mine ON m.member = mine.oid) \
         SELECT c.oid AS oid, c.relkind::text || c.relpersistence::text AS kind, \
           obj_description(c.oid, 'pg_class') AS comment, r.rolname AS owner, \
           (r.rolsuper OR c.relowner IN (SELECT oid FROM mine) \
             OR c.relowner = (SELECT datdba FROM pg_database WHERE datname = current_database())) AS trusted, \
           concat_ws(', ', \
             (SELECT string_agg('trigger ' || tgname, ', ' ORDER BY tgname) FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal), \
             (SELECT string_agg('rule ' || rulename, ', ' ORDER BY rulename) FROM pg_rewrite WHERE ev_class = c.oid), \
             (SELECT string_agg('default of ' || a.attname, ', ' ORDER BY a.attnum) FROM pg_attrdef d \
               JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum \
               WHERE d.adrelid = c.oid AND a.attname IN ({known}))) AS alien, \
           c.relrowsecurity AS row_security, has_table_privilege(c.oid, 'INSERT') AS may_insert, \
           has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS may_read, \
           CASE WHEN obj_description(c.oid, 'pg_class') IS DISTINCT FROM {comment} THEN \
             (SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute \
               WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) END AS columns, \
           EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indnkeyatts = {width} \
             AND i.indpred IS NULL AND i.indexprs IS NULL AND {width} = (SELECT count(*) FROM pg_attribute a \
               WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey::int2[]) AND a.attname IN ({key}))) AS keyed, \
           (SELECT string_agg(name || ' ' || type, ', ') FROM (VALUES {typed}) ours(name, type) WHERE NOT EXISTS \
             (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = name AND atttypid = type::regtype)) AS lacking \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner \
         WHERE n.nspname = {schema} AND c.relname = {name})",
        known = listed(form.columns.iter().map(|(name, ..)| *name)),
        comment = text(COMMENT),
        typed = typed.join(", "),
        width = form.key.len(),
        key = listed(form.key.iter().copied()),
        schema = text(form.name.schema()),
        name = text(form.name.table()),
    )
}

impl Shape {
    pub(super) fn of(row: &Row, form: &Form<'_>) -> Self {
        let optional = |name| row.get(name).map(str::to_owned);
        Self {
            table: form.name.clone(),
            whose: form.whose,
            kind: column(row, "kind").to_owned(),
            comment: optional("comment"),
            owner: column(row, "owner").to_owned(),
            owner_trusted: column(row, "trusted") == "t",
            foreign: optional("alien").filter(|parts| !parts.is_empty()),
            row_security: column(row, "row_security") == "t",
            may_read: column(row, "may_read") == "t",
            may_insert: column(row, "may_insert") == "t",
            columns: column(row, "columns")
                .split(' ')
                .map(str::to_owned)
                .collect(),
            keyed: column(row, "keyed") == "t",
            lacking: optional("lacking"),
        }
    }

    /// Of a table that is as it is made.
    pub(super) fn whole(
        form: &Form<'_>,
        owner: String,
        owner_trusted: bool,
        may_insert: bool,
    ) -> Self {
        Self {
            table: form.name.clone(),
            whose: form.whose,
            kind: ORDINARY.to_owned(),
            owner,
            owner_trusted,
            may_read: true,
            may_insert,
            keyed: true,
            ..Self::default()
        }
    }

    /// Why this is not the table that it should be, if it is not.
    pub(super) fn complaint(&self) -> Option<Error> {
        match self.whose {
            Whose::Devflow => self.is_no_ledger(),
            Whose::Supabase => self.is_not_supabases(),
        }
    }

    fn is_no_ledger(&self) -> Option<Error> {
        let table = &self.table;
        let is_ours = self.comment.as_deref() == Some(COMMENT);
        let what = match &self.lacking {
            Some(columns) => Some(format!("it lacks {columns}")),
            None if self.kind != ORDINARY => Some("it is not an ordinary logged table".to_owned()),
            None if !self.keyed => Some("it lacks its primary key (version, seq)".to_owned()),
            None => None,
        };
        if is_ours && what.is_none() {
            return None;
        }
        if !is_ours && what.is_none() {
            return Some(uncommented(table));
        }
        if let (true, Some(what)) = (is_ours, what) {
            return Some(
                Error::new(
                    ErrorKind::Ledger,
                    "ledger_damaged",
                    format!("the ledger {table} is damaged: {what}"),
                )
                .help("somebody else changed the table; compare it with a backup before going on"),
            );
        }
        let owner = self.looks_like().unwrap_or("another tool's");
        Some(
            Error::new(
                ErrorKind::Ledger,
                "ledger_foreign",
                format!("{table} is not a devflow ledger: it looks like {owner} table"),
            )
            .help("set another tracking_table in devflow.yml, then record what is there already with `devflow db baseline VERSION`"),
        )
    }

    /// Of its columns the Supabase CLI itself adds those that are missing, but for the first.
    fn is_not_supabases(&self) -> Option<Error> {
        let what = if self.lacks("version") {
            "it has no column `version` of type text"
        } else if self.kind != ORDINARY {
            "it is not an ordinary logged table"
        } else if !self.keyed {
            "its versions are not unique"
        } else {
            return None;
        };
        let message = format!("{} is not the Supabase CLI's table: {what}", self.table);
        Some(
            Error::new(ErrorKind::Ledger, "ledger_foreign", message).help(
                "what is applied cannot be known without it: restore it, or say `ledger: devflow` in devflow.yml",
            ),
        )
    }

    /// Whether it has no column of this name and its type.
    pub(super) fn lacks(&self, column: &str) -> bool {
        let lacking = self.lacking.as_deref().unwrap_or_default();
        let names = lacking.split(", ").filter_map(|one| one.split(' ').next());
        names.into_iter().any(|name| name == column)
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
    pub(crate) fn distrust(&self, role: &str) -> Option<Error> {
        let (owner, name) = (&self.owner, &self.table);
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

/// A table with a ledger's columns and key, restored without its comment perhaps.
fn uncommented(table: &TableName) -> Error {
    let quoted = quoted(table);
    let message =
        format!("{table} has a ledger's columns and lacks the comment by which a ledger is known");
    Error::new(ErrorKind::Ledger, "ledger_foreign", message).help(format!(
        "if it is a ledger that was restored without comments: COMMENT ON TABLE {quoted} IS '{COMMENT}'"
    ))
}

/// Refusals that say nothing about the ledger itself.
fn not_now(name: &TableName, error: &DbError) -> Option<Error> {
    let (code, message, help) = match error.code().code() {
        "55P03" => (
            "ledger_locked",
            format!("another session holds a lock on the ledger {name}"),
            "find it with pg_locks and pg_stat_activity, let it end, and run again",
        ),
        "57014" => (
            "cancelled",
            format!(
                "the look at the ledger {name} was cancelled: {}",
                error.message()
            ),
            "run again; a statement_timeout on the role may be too short",
        ),
        _ => return None,
    };
    Some(Error::new(ErrorKind::Broken, code, message).help(help))
}

pub(super) fn unreadable(shape: &Shape, error: &DbError) -> Error {
    let name = &shape.table;
    if let Some(error) = not_now(name, error) {
        return error;
    }
    let denied = *error.code() == SqlState::INSUFFICIENT_PRIVILEGE;
    match (denied, shape.row_security) {
        (true, true) => Error::new(
            ErrorKind::Ledger,
            "ledger_filtered",
            format!("the ledger {name} is filtered by row-level security: what is applied cannot be known"),
        )
        .help(format!("ALTER TABLE {} DISABLE ROW LEVEL SECURITY, or run as its owner", quoted(name))),
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
