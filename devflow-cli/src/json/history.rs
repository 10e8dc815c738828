//! The ledger's rows in JSON.

use super::effect::Effect;
use super::milliseconds;
use crate::outcome;
use serde::Serialize;
use serde_json::Value;

#[derive(Serialize)]
pub(super) struct Row<'a> {
    id: i64,
    version: &'a str,
    seq: i32,
    event: &'a str,
    name: Option<&'a str>,
    checksum: Option<&'a str>,
    statement: Option<i32>,
    execution_ms: Option<f64>,
    at: &'a str,
    by: Option<&'a str>,
    error: Option<&'a Value>,
    run: Option<&'a Value>,
    detail: Option<&'a Value>,
}

#[derive(Serialize)]
pub(super) struct Statement<'a> {
    line: u32,
    column: u32,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<Effect<'a>>,
}

impl<'a> Row<'a> {
    pub(super) fn of(row: &'a outcome::Row) -> Self {
        Self {
            id: row.id,
            version: &row.version,
            seq: row.seq,
            event: &row.event,
            name: row.name.as_deref(),
            checksum: row.checksum.as_deref(),
            statement: row.statement,
            execution_ms: row.execution_ms.map(milliseconds),
            at: &row.at,
            by: row.by.as_deref(),
            error: row.error.as_ref(),
            run: row.run.as_ref(),
            detail: row.detail.as_ref(),
        }
    }
}

impl<'a> Statement<'a> {
    pub(super) fn of(statement: &'a outcome::Statement) -> Self {
        Self {
            line: statement.line,
            column: statement.column,
            text: &statement.text,
            effect: statement.effect.as_ref().map(Effect::of),
        }
    }
}
