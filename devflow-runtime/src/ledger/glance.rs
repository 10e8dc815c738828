//! A glance at the ledger, which is all that a start with nothing pending costs: whether everything is as devflow makes
//! it, asked of few of the server's catalogs and answered in few bytes. Where something is otherwise, no row is read, and
//! a closer look says what it is.

use super::form::{Form, Standing, Whose};
use super::look::{Facts, Found, Look, digest_query, other_query};
use super::shape::Shape;
use super::{COMMENT, LOCAL_SETTINGS, LedgerTable, recorded};
use crate::literal::text;
use crate::session::Row;
use devflow_migrations::LedgerKind;
use tokio_postgres::error::DbError;

/// What the server answers when something is otherwise.
const CLOSER: &str = "devflow: look closer";

/// A table's owner, whether the owner is trusted if that is known, and whether the role may write to the table.
type Owned = (String, Option<bool>, bool);

/// The session's marker, database, role and process; whether it is in recovery, `transaction_read_only`, whether it is
/// encrypted; whether there is another history.
type Said = (
    Option<String>,
    String,
    String,
    i32,
    bool,
    String,
    bool,
    bool,
);

/// One message. A statement for each table comes before the one that reads them, and so do the facts, which are had even
/// where there is no table.
pub(super) fn query(table: &LedgerTable, forms: &[Form<'_>]) -> String {
    let owned: String = forms.iter().map(owned_query).collect();
    let (digest, recorded) = match table.kind {
        LedgerKind::Devflow => ("ledger.digest", String::new()),
        LedgerKind::Supabase => (
            "ledger.digest || ' ' || recorded.digest",
            format!(", {} recorded", recorded::DIGEST),
        ),
    };
    format!(
        "{LOCAL_SETTINGS} {owned}SELECT json_build_array(current_setting('devflow.session', true), current_database(), \
           current_user, pg_backend_pid(), pg_is_in_recovery(), current_setting('transaction_read_only'), \
           coalesce((SELECT ssl FROM pg_stat_get_activity(pg_backend_pid())), false), {other}) AS said; \
         SELECT {digest} AS seen FROM {ledger} ledger{recorded}",
        other = other_query(table),
        ledger = digest_query(table),
    )
}

/// Raises unless the table is an ordinary one, with its columns of PostgreSQL's own types and without defaults, its key
/// and its comment, and without triggers and rules; no row where there is none.
///
/// Superusers belong to the role 10, which is the first of them, as to every role; so what a superuser belongs to says
/// nothing about trust.
fn owned_query(form: &Form<'_>) -> String {
    let column = |column: fn(&(&'static str, &'static str, &'static str)) -> &'static str| {
        form.columns
            .iter()
            .map(column)
            .collect::<Vec<_>>()
            .join(",")
    };
    let comment = match form.whose {
        Whose::Supabase => String::new(),
        Whose::Devflow => format!(
            "AND (SELECT description FROM pg_description \
               WHERE objoid = c.oid AND classoid = 'pg_class'::regclass AND objsubid = 0) = {} ",
            text(COMMENT)
        ),
    };
    format!(
        "SELECT CASE WHEN c.relkind = 'r' AND c.relpersistence = 'p' AND NOT c.relhastriggers AND NOT c.relhasrules \
           AND (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.atthasdef \
             AND a.atttypid = ('{{{types}}}'::regtype[])[array_position('{{{names}}}'::name[], a.attname)]) = {count} \
           AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid \
             AND i.indnkeyatts = {width} AND i.indkey::text = '{key}' AND i.indpred IS NULL) {comment}\
         THEN json_build_array(pg_get_userbyid(c.relowner), \
           CASE WHEN pg_get_userbyid(c.relowner) = current_user OR pg_has_role(c.relowner, 10::oid, 'MEMBER') \
               OR c.relowner = (SELECT datdba FROM pg_database WHERE datname = current_database()) THEN true \
             WHEN NOT pg_has_role(10::oid, 'MEMBER') THEN pg_has_role(c.relowner, 'MEMBER') END, \
           has_table_privilege(c.oid, 'INSERT'))::text \
         ELSE set_config('{CLOSER}', '', true) END AS owned FROM pg_class c WHERE c.oid = to_regclass({name}); ",
        types = column(|(_, kind, _)| kind),
        names = column(|(name, ..)| name),
        count = form.columns.len(),
        width = form.key.len(),
        key = form.key_numbers(),
        name = text(&form.quoted()),
    )
}

/// What the rows say; `None` where that needs a closer look.
pub(super) fn seen(rows: &[Row], forms: &[Form<'_>]) -> Option<Look> {
    let (digest, rows) = rows.split_last()?;
    let (said, owned) = rows.split_last()?;
    let shapes = forms.iter().zip(owned).map(|(form, row)| {
        let (owner, owner_trusted, may_insert): Owned = serde_json::from_str(row.get(0)?).ok()?;
        Some(Shape::whole(form, owner, owner_trusted?, may_insert))
    });
    let digest = digest.get(0)?.to_owned();
    let shapes: Vec<_> = shapes.collect::<Option<_>>()?;
    let (facts, other) = facts(said)?;
    Some(Look {
        facts,
        standing: Standing::of(&shapes, other),
        found: Found::Ledger { digest, shapes },
    })
}

/// What the rows say that came before a refusal because there is no table; `None` where there is one of several.
pub(super) fn seen_nothing(rows: &[Row]) -> Option<Look> {
    let [said] = rows else { return None };
    let (facts, other) = facts(said)?;
    Some(Look {
        facts,
        standing: Standing::of(&[], other),
        found: Found::Nothing,
    })
}

fn facts(said: &Row) -> Option<(Facts, bool)> {
    let (marker, database, role, pid, in_recovery, read_only, encrypted, other): Said =
        serde_json::from_str(said.get(0)?).ok()?;
    let facts = Facts {
        marker,
        database,
        role,
        pid,
        in_recovery,
        read_only: read_only == "on",
        encrypted,
        ..Facts::default()
    };
    Some((facts, other))
}

/// Whether the server said that something is otherwise.
pub(super) fn is_otherwise(error: &DbError) -> bool {
    error.message().contains(CLOSER)
}
