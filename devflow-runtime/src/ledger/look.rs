//! Looking at the ledger: one message, one row, no lock, nothing written.

use super::{COLUMNS, COMMENT, LOCAL_SETTINGS, LedgerTable};
use crate::error::{Error, ErrorKind, Result};
use crate::literal::text;
use crate::session::{Answer, Refusal, Session};
use devflow_migrations::{Ledger, LedgerRow};
use tokio_postgres::SimpleQueryRow;
use tokio_postgres::error::{DbError, SqlState};

/// What the first message found.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) facts: Facts,
    pub(crate) found: Found,
}

/// What stands where the ledger should be.
#[derive(Debug)]
pub(crate) enum Found {
    /// A ledger; the digest is of the last event of each version.
    Ledger { digest: String, shape: Shape },
    /// Nothing.
    Nothing,
    /// Something that is not a ledger, or that we may not read.
    Unusable(Error),
}

/// What a session is, and where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Facts {
    pub(crate) marker: Option<String>,
    pub(crate) database: String,
    pub(crate) role: String,
    pub(crate) pid: i32,
    pub(crate) in_recovery: bool,
    pub(crate) read_only: bool,
    pub(crate) encrypted: bool,
    /// Whether the database holds a table of somebody's.
    pub(crate) in_use: bool,
}

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
}

/// Facts about the session; one SELECT list.
fn facts_columns() -> &'static str {
    "current_setting('devflow.session', true) AS marker, current_database() AS database, current_user AS role, \
     pg_backend_pid() AS pid, pg_is_in_recovery() AS in_recovery, current_setting('transaction_read_only') AS read_only, \
     coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS encrypted"
}

/// Facts about the table, by catalog alone: they can be had without any right on it.
fn shape_query(table: &LedgerTable) -> String {
    let known: Vec<_> = COLUMNS.iter().map(|(name, _)| text(name)).collect();
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
             WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS columns \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner \
         WHERE n.nspname = {schema} AND c.relname = {name})",
        known = known.join(", "),
        schema = text(table.name.schema()),
        name = text(table.name.table()),
    )
}

/// The last event of each version, hashed where it lies: see `MigrationSet::applied_digest`.
fn digest_query(table: &LedgerTable) -> String {
    format!(
        "(SELECT encode(sha256(convert_to(coalesce(string_agg(version || ' ' \
           || CASE WHEN event IN ('applied', 'baselined', 'repaired') THEN 'applied' ELSE event END \
           || ' ' || coalesce(checksum, ''), chr(10) ORDER BY version COLLATE \"C\"), ''), 'UTF8')), 'hex') AS digest \
         FROM (SELECT DISTINCT ON (version) version, event, checksum FROM {} ORDER BY version, seq DESC) last)",
        table.quoted
    )
}

/// Asks for everything that a start with nothing pending needs, in one round trip.
///
/// # Errors
/// When the connection is lost, or the server refuses even the facts.
pub(crate) async fn look(session: &mut Session, table: &LedgerTable) -> Result<Look> {
    let query = format!(
        "{LOCAL_SETTINGS} SELECT {facts}, shape.*, ledger.digest FROM {shape} shape, {digest} ledger",
        facts = facts_columns(),
        shape = shape_query(table),
        digest = digest_query(table),
    );
    let answer = session.ask(&query).await;
    match (answer.error, answer.rows.first()) {
        (None, Some(row)) => {
            let digest = column(row, "digest").to_owned();
            let (facts, shape) = (Facts::of(row), Shape::of(row));
            let found = match shape.complaint(table) {
                Some(error) => Found::Unusable(error),
                None => Found::Ledger { digest, shape },
            };
            Ok(Look { facts, found })
        }
        (Some(Refusal::Lost(lost)), _) => Err(lost.before_anything_ran()),
        (Some(Refusal::Server(error)), _) => explain(session, table, Some(&error)).await,
        (None, None) => explain(session, table, None).await,
    }
}

/// The digest could not be had: the catalogs say what stands there instead.
async fn explain(
    session: &mut Session,
    table: &LedgerTable,
    error: Option<&DbError>,
) -> Result<Look> {
    let (facts, shape) = take_facts(session, table).await?;
    let found = match shape {
        None => Found::Nothing,
        Some(shape) => Found::Unusable(match (shape.complaint(table), error) {
            (Some(complaint), _) => complaint,
            (None, Some(error)) => unreadable(table, &shape, error),
            (None, None) => Error::new(
                ErrorKind::Broken,
                "ledger_moving",
                format!("{} appeared while it was looked at", table.name),
            )
            .help("run again"),
        }),
    };
    Ok(Look { facts, found })
}

/// Facts about the session, and the shape of what stands where the ledger should be.
///
/// # Errors
/// When the connection is lost, or the server refuses.
pub(crate) async fn take_facts(
    session: &mut Session,
    table: &LedgerTable,
) -> Result<(Facts, Option<Shape>)> {
    let query = format!(
        "{LOCAL_SETTINGS} SELECT {facts}, EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
           WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
           AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')) AS in_use, \
         shape.* FROM (SELECT) one LEFT JOIN {shape} shape ON true",
        facts = facts_columns(),
        shape = shape_query(table),
    );
    let answer = session.ask(&query).await.accept("look at the database")?;
    let row = answer
        .rows
        .first()
        .ok_or_else(|| unexpected("the facts have no row"))?;
    let shape = row
        .try_get("table_oid")
        .ok()
        .flatten()
        .map(|_| Shape::of(row));
    Ok((Facts::of(row), shape))
}

/// Reads every row.
///
/// # Errors
/// When the connection is lost, or the server refuses.
pub(crate) async fn read(session: &mut Session, table: &LedgerTable) -> Result<Ledger> {
    let query = format!(
        "{LOCAL_SETTINGS} SELECT id, version, seq, event, name, checksum, statement, execution_ms, error, run, detail, \
         to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS at FROM {} ORDER BY id",
        table.quoted
    );
    let answer = session.ask(&query).await.accept("read the ledger")?;
    Ok(Ledger::from_rows(
        answer.rows.iter().map(ledger_row).collect(),
    ))
}

/// The server's system identifier, or `unknown` where the role may not ask.
pub(crate) async fn system_identifier(session: &mut Session) -> String {
    let query = "SELECT system_identifier FROM pg_catalog.pg_control_system()";
    let answer = session.ask(query).await;
    let found = answer.rows.first().and_then(|row| row.get(0));
    found.unwrap_or("unknown").to_owned()
}

fn ledger_row(row: &SimpleQueryRow) -> LedgerRow {
    let optional = |name| row.try_get(name).ok().flatten().map(str::to_owned);
    LedgerRow {
        id: column(row, "id").parse().unwrap_or_default(),
        version: column(row, "version").to_owned(),
        seq: column(row, "seq").parse().unwrap_or_default(),
        event: column(row, "event").to_owned(),
        name: optional("name"),
        checksum: optional("checksum"),
        statement: optional("statement").and_then(|text| text.parse().ok()),
        execution_ms: optional("execution_ms").and_then(|text| text.parse().ok()),
        error: optional("error"),
        run: optional("run"),
        detail: optional("detail"),
        at: column(row, "at").to_owned(),
    }
}

fn column<'a>(row: &'a SimpleQueryRow, name: &str) -> &'a str {
    row.try_get(name).ok().flatten().unwrap_or_default()
}

impl Facts {
    fn of(row: &SimpleQueryRow) -> Self {
        let is = |name, word| column(row, name) == word;
        Self {
            marker: row.try_get("marker").ok().flatten().map(str::to_owned),
            database: column(row, "database").to_owned(),
            role: column(row, "role").to_owned(),
            pid: column(row, "pid").parse().unwrap_or_default(),
            in_recovery: is("in_recovery", "t"),
            read_only: is("read_only", "on"),
            encrypted: is("encrypted", "t"),
            in_use: row.try_get("in_use").ok().flatten() == Some("t"),
        }
    }
}

impl Shape {
    fn of(row: &SimpleQueryRow) -> Self {
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
        }
    }

    /// Why this is not a ledger of ours, if it is not.
    fn complaint(&self, table: &LedgerTable) -> Option<Error> {
        let has = |name: &str| self.columns.iter().any(|column| column == name);
        let missing: Vec<_> = COLUMNS
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| !has(name))
            .collect();
        let is_ours = self.comment.as_deref() == Some(COMMENT);
        if is_ours && missing.is_empty() && self.kind == "rp" {
            return None;
        }
        if is_ours {
            let what = match missing.is_empty() {
                true => "it is not an ordinary logged table".to_owned(),
                false => format!("it lacks {}", missing.join(", ")),
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
            () if has(&["installed_rank", "version", "script", "checksum"]) => "Flyway's",
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

fn unreadable(table: &LedgerTable, shape: &Shape, error: &DbError) -> Error {
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

fn unexpected(what: &str) -> Error {
    Error::new(
        ErrorKind::Broken,
        "unexpected_answer",
        format!("the server answered otherwise than asked: {what}"),
    )
}

impl Answer {
    /// The answer, unless it is a refusal.
    ///
    /// # Errors
    /// The server's refusal as an error of ours, kind `Permission` for 42501, else `Broken`.
    pub(crate) fn accept(self, what: &str) -> Result<Self> {
        match self.error {
            None => Ok(self),
            Some(refusal) => Err(refusal.into_error(what)),
        }
    }
}
