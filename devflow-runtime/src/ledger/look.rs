//! Looking at the ledger: one message, one row, no lock, nothing written.

use super::form::{Form, Standing};
use super::shape::{Shape, plain_table_guard, shape_query, unreadable};
use super::{LOCAL_SETTINGS, LedgerTable};
use super::{glance, recorded};
use crate::error::{Error, ErrorKind, Result};
use crate::literal::text;
use crate::session::{Answer, Refusal, Row, Session};
use devflow_migrations::{Ledger, LedgerKind, LedgerRow, Version};
use serde_json::Value;
use tokio_postgres::error::DbError;

/// What the first message found.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) facts: Facts,
    pub(crate) found: Found,
    /// Which tables there are.
    pub(crate) standing: Standing,
}

/// What stands where the ledger should be.
#[derive(Debug)]
pub(crate) enum Found {
    /// A ledger; the digest is of the last event of each version, followed by that of the Supabase CLI's versions where
    /// its table counts. It is empty where a part of the ledger is still missing.
    Ledger { digest: String, shapes: Vec<Shape> },
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
    /// Whether the database holds a table besides the ledger.
    pub(crate) in_use: bool,
    /// The tables in which other tools keep what they have applied, where there are any.
    pub(crate) others: Option<String>,
    /// Whether the ledger's schema exists.
    pub(crate) has_schema: bool,
    /// Whether that of the table exists which people know.
    pub(crate) has_shown_schema: bool,
}

/// Facts about the session; one SELECT list.
const FACTS: &str = "current_setting('devflow.session', true) AS marker, current_database() AS database, current_user AS role, \
     pg_backend_pid() AS pid, pg_is_in_recovery() AS in_recovery, current_setting('transaction_read_only') AS read_only, \
     coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS encrypted";

/// Facts about the session, and whether there is another history.
fn facts(table: &LedgerTable) -> String {
    format!("{FACTS}, {} AS has_other", other_query(table))
}

/// Whether there is another history; an expression.
pub(super) fn other_query(table: &LedgerTable) -> String {
    format!(
        "EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = {} AND c.relname = {})",
        text(table.other.schema()),
        text(table.other.table())
    )
}

/// The last event of each version, hashed where it lies: see `MigrationSet::applied_digest`.
pub(super) fn digest_query(table: &LedgerTable) -> String {
    format!(
        "(SELECT encode(sha256(convert_to(coalesce(string_agg(version || ' ' \
           || CASE WHEN event IN ('applied', 'baselined', 'repaired') THEN 'applied' ELSE event END \
           || ' ' || coalesce(checksum, ''), chr(10) ORDER BY version COLLATE \"C\"), ''), 'UTF8')), 'hex') AS digest \
         FROM (SELECT DISTINCT ON (version) version, event, checksum FROM {} ORDER BY version, seq DESC) last)",
        table.quoted
    )
}

/// How often a look that was overtaken by the ledger's creation is repeated.
const GLANCES: usize = 5;

/// Asks for everything that a start with nothing pending needs, in one round trip.
///
/// # Errors
/// When the connection is lost, or the server refuses even the facts.
pub(crate) async fn look(session: &mut Session, table: &LedgerTable) -> Result<Look> {
    for _ in 0..GLANCES {
        if let Some(look) = glance(session, table).await? {
            return Ok(look);
        }
    }
    Err(Error::new(
        ErrorKind::Broken,
        "ledger_moving",
        format!("{} came and went while it was looked at", table.name),
    )
    .help("run again"))
}

/// `None` when the ledger appeared between two messages.
async fn glance(session: &mut Session, table: &LedgerTable) -> Result<Option<Look>> {
    let forms = table.forms();
    let answer = session.ask(&glance::query(table, &forms)).await;
    match answer.error {
        None => match glance::seen(&answer.rows, &forms) {
            Some(look) => Ok(Some(look)),
            None => look_closer(session, table, &forms).await,
        },
        Some(Refusal::Server(error)) if glance::is_otherwise(&error) => {
            look_closer(session, table, &forms).await
        }
        Some(refusal) => {
            let nothing = ABSENT.contains(&refusal.sqlstate());
            let nothing = nothing
                .then(|| glance::seen_nothing(&answer.rows))
                .flatten();
            match nothing {
                Some(look) => Ok(Some(look)),
                None => without_digest(session, table, refusal).await,
            }
        }
    }
}

/// The same with all that can be known of the tables.
async fn look_closer(
    session: &mut Session,
    table: &LedgerTable,
    forms: &[Form<'_>],
) -> Result<Option<Look>> {
    let answer = session.ask(&closer_query(table, forms)).await;
    if let Some(refusal) = answer.error {
        return without_digest(session, table, refusal).await;
    }
    Ok(answer.rows.last().map(|row| {
        let digest = column(row, "digest").to_owned();
        // devflow's own shape comes last, beside the facts.
        let rows = answer.rows.iter().rev();
        let shapes = rows.zip(forms).map(|(row, form)| Shape::of(row, form));
        Look::of(row, shapes.collect(), digest)
    }))
}

/// The digest was refused: because of the table, or of what has nothing to do with it.
async fn without_digest(
    session: &mut Session,
    table: &LedgerTable,
    refusal: Refusal,
) -> Result<Option<Look>> {
    match refusal {
        Refusal::Server(error) if is_about_the_table(&error) => {
            explain(session, table, &error).await
        }
        refusal => Err(refusal.into_error("look at the ledger")),
    }
}

fn closer_query(table: &LedgerTable, forms: &[Form<'_>]) -> String {
    let guards: String = forms
        .iter()
        .map(|form| plain_table_guard(form) + "; ")
        .collect();
    let others: String = forms[1..]
        .iter()
        .map(|form| format!("SELECT * FROM {} shape; ", shape_query(form)))
        .collect();
    let (digest, recorded) = match table.kind {
        LedgerKind::Devflow => ("ledger.digest", String::new()),
        LedgerKind::Supabase => (
            "ledger.digest || ' ' || recorded.digest AS digest",
            format!(", {} recorded", recorded::DIGEST),
        ),
    };
    format!(
        "{LOCAL_SETTINGS} {guards}{others}SELECT {facts}, shape.*, {digest} FROM {shape} shape, {ledger} ledger{recorded}",
        facts = facts(table),
        shape = shape_query(&forms[0]),
        ledger = digest_query(table),
    )
}

impl Look {
    fn of(facts: &Row, shapes: Vec<Shape>, digest: String) -> Self {
        Self {
            facts: Facts::of(facts),
            standing: Standing::of(&shapes, column(facts, "has_other") == "t"),
            found: match shapes.iter().find_map(Shape::complaint) {
                Some(error) => Found::Unusable(error),
                None if shapes.is_empty() => Found::Nothing,
                None => Found::Ledger { digest, shapes },
            },
        }
    }
}

/// Classes 53, 57 and 58 speak of the server's state, or of somebody's wish that the statement ends.
fn is_about_the_table(error: &DbError) -> bool {
    let class = |class| error.code().code().starts_with(class);
    !["53", "57", "58"].into_iter().any(class)
}

/// The digest could not be had: the catalogs say what stands there instead.
async fn explain(
    session: &mut Session,
    table: &LedgerTable,
    error: &DbError,
) -> Result<Option<Look>> {
    let (facts, shapes) = take_shapes(session, table).await?;
    let mut look = Look::of(&facts, shapes, String::new());
    if let Found::Ledger { shapes, .. } = &look.found {
        let is_absent = ABSENT.contains(&error.code().code());
        let is_all_there = shapes.len() == table.forms().len();
        if is_absent && is_all_there {
            return Ok(None);
        }
        let says_no = |shape: &&Shape| !shape.may_read || shape.row_security;
        let shape = shapes.iter().find(says_no).or(shapes.last());
        if let Some(shape) = shape.filter(|_| !is_absent) {
            look.found = Found::Unusable(unreadable(shape, error));
        }
    }
    Ok(Some(look))
}

/// Undefined table, undefined schema.
const ABSENT: [&str; 2] = ["42P01", "3F000"];

/// The tables of sqlx, refinery, diesel, SeaORM, Prisma, Flyway and goose, as they are named unless somebody chose another name.
const OTHERS: &str = "{_sqlx_migrations,refinery_schema_history,__diesel_schema_migrations,seaql_migrations,\
     _prisma_migrations,flyway_schema_history,goose_db_version}";

/// Facts about the session and the database.
///
/// # Errors
/// When the connection is lost, or the server refuses.
pub(crate) async fn take_facts(session: &mut Session, table: &LedgerTable) -> Result<Facts> {
    let (row, _) = take_shapes(session, table).await?;
    Ok(Facts::of(&row))
}

/// The same, and the shapes of what stands where the tables of the history should be.
async fn take_shapes(session: &mut Session, table: &LedgerTable) -> Result<(Row, Vec<Shape>)> {
    let forms = table.forms();
    let shapes: String = forms
        .iter()
        .map(|form| {
            format!(
                "SELECT shape.* FROM (SELECT) one LEFT JOIN {} shape ON true; ",
                shape_query(form)
            )
        })
        .collect();
    let query = format!(
        "{LOCAL_SETTINGS} {shapes} SELECT {facts}, EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
           WHERE c.relkind IN ('r', 'p') AND (n.nspname, c.relname) NOT IN (({schema}, {name}), ({shown_schema}, {shown})) \
           AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
           AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')) AS in_use, \
         (SELECT string_agg(format('%I.%I', n.nspname, c.relname), ', ' ORDER BY n.nspname, c.relname) \
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
           WHERE c.relkind = 'r' AND c.relname = ANY ('{others}')) AS others, \
         EXISTS (SELECT FROM pg_namespace WHERE nspname = {schema}) AS has_schema, \
         EXISTS (SELECT FROM pg_namespace WHERE nspname = {shown_schema}) AS has_shown_schema",
        facts = facts(table),
        others = OTHERS,
        schema = text(table.name.schema()),
        name = text(table.name.table()),
        shown_schema = text(table.shown.schema()),
        shown = text(table.shown.table()),
    );
    let mut answer = session.ask(&query).await.accept("look at the database")?;
    let facts = answer
        .rows
        .pop()
        .ok_or_else(|| unexpected("the facts have no row"))?;
    let rows = answer.rows.iter().zip(&forms);
    let rows = rows.filter(|(row, _)| row.get("oid").is_some());
    let shapes = rows.map(|(row, form)| Shape::of(row, form)).collect();
    Ok((facts, shapes))
}

/// Reads every row.
///
/// # Errors
/// When the connection is lost, or the server refuses.
pub(crate) async fn read(session: &mut Session, table: &LedgerTable) -> Result<Ledger> {
    Ok(Ledger::from_rows(
        rows(session, table, "ORDER BY id").await?,
    ))
}

/// Reads the newest rows, newest first.
///
/// # Errors
/// When the connection is lost, or the server refuses.
pub(crate) async fn newest(
    session: &mut Session,
    table: &LedgerTable,
    count: usize,
) -> Result<Vec<LedgerRow>> {
    rows(session, table, &format!("ORDER BY id DESC LIMIT {count}")).await
}

async fn rows(session: &mut Session, table: &LedgerTable, order: &str) -> Result<Vec<LedgerRow>> {
    let query = format!("{} {order}", table.quoted);
    let rows = rows_of(session, table, "NULL", &query).await?;
    Ok(rows.into_iter().map(|(row, _)| row).collect())
}

/// Rows from a source that has a ledger's columns, each with another value beside it.
pub(super) async fn rows_of(
    session: &mut Session,
    table: &LedgerTable,
    beside: &str,
    source: &str,
) -> Result<Vec<(LedgerRow, Option<String>)>> {
    let query = format!(
        "{LOCAL_SETTINGS} SELECT id, version, seq, event, name, checksum, statement, execution_ms, error, run, detail, \
         to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS at, {beside} AS beside FROM {source}"
    );
    let answer = session.ask(&query).await.accept("read the ledger")?;
    let restored = |row: &Row| {
        let beside = row.get("beside").map(str::to_owned);
        (table.charset.restore(ledger_row(row)), beside)
    };
    Ok(answer.rows.iter().map(restored).collect())
}

/// The server's system identifier, or `unknown` where the role may not ask.
pub(crate) async fn system_identifier(session: &mut Session) -> String {
    let query = "SELECT system_identifier FROM pg_catalog.pg_control_system()";
    let answer = session.ask(query).await;
    let found = answer.rows.first().and_then(|row| row.get(0));
    found.unwrap_or("unknown").to_owned()
}

fn ledger_row(row: &Row) -> LedgerRow {
    let optional = |name| row.get(name).map(str::to_owned);
    let detail = optional("detail");
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
        progress: detail.as_deref().and_then(super::progress::read),
        compatible_with: detail.as_deref().and_then(compatible_with),
        detail,
        at: column(row, "at").to_owned(),
    }
}

/// The newest migration that a build must have at least to work beside this one.
fn compatible_with(detail: &str) -> Option<Version> {
    // Most rows have another detail, or none.
    let json: Value = serde_json::from_str(detail).ok()?;
    Version::parse(json.get(super::COMPATIBLE_WITH)?.as_str()?).ok()
}

pub(super) fn column<'a>(row: &'a Row, name: &str) -> &'a str {
    row.get(name).unwrap_or_default()
}

impl Facts {
    fn of(row: &Row) -> Self {
        let is = |name, word| column(row, name) == word;
        Self {
            marker: row.get("marker").map(str::to_owned),
            database: column(row, "database").to_owned(),
            role: column(row, "role").to_owned(),
            pid: column(row, "pid").parse().unwrap_or_default(),
            in_recovery: is("in_recovery", "t"),
            read_only: is("read_only", "on"),
            encrypted: is("encrypted", "t"),
            has_schema: is("has_schema", "t"),
            has_shown_schema: is("has_shown_schema", "t"),
            in_use: is("in_use", "t"),
            others: row.get("others").map(str::to_owned),
        }
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
