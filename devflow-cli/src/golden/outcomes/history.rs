//! Outcomes of `devflow db show` and `devflow db log`.

use super::{CHECKSUM, at, effects, file, modified};
use crate::outcome::*;
use devflow_migrations::Effect;
use devflow_runtime::State;
use serde_json::json;

fn row(id: i64, event: &str, name: &str) -> Row {
    Row {
        id,
        version: name.split('_').next().unwrap().to_owned(),
        seq: 1,
        event: event.to_owned(),
        name: Some(name.to_owned()),
        checksum: Some(CHECKSUM.to_owned()),
        statement: None,
        execution_ms: Some(12.4),
        at: "2026-01-31T09:05:07.123456Z".to_owned(),
        by: Some("octocat".to_owned()),
        message: None,
        error: None,
        run: Some(json!({
            "id": "3f2a9c41d07be685",
            "devflow": "0.1.0",
            "host": "runner-1",
            "actor": "octocat",
            "ci_run_url": "https://github.example/acme/shop/actions/runs/7",
            "environment": "staging",
        })),
        detail: None,
    }
}

fn failed(id: i64) -> Row {
    let message = "column \"naem\" does not exist";
    Row {
        execution_ms: None,
        message: Some(message.to_owned()),
        error: Some(json!({
            "sqlstate": "42703",
            "message": message,
            "file": "supabase/migrations/20260131090507_users.sql",
            "line": 3,
            "column": 8,
        })),
        ..row(id, "failed", "20260131090507_users.sql")
    }
}

fn applied(id: i64) -> Row {
    Row {
        seq: 2,
        ..row(id, "applied", "20260131090507_users.sql")
    }
}

pub(super) fn log() -> Outcome {
    at(Body::Log(Log {
        ledger_exists: Some(true),
        rows: vec![
            row(4, "started", "20260201000000_orders.sql"),
            applied(3),
            failed(2),
            row(1, "baselined", "20251231000000_start.sql"),
        ],
        has_more: true,
    }))
}

pub(super) fn show() -> Outcome {
    let table = "CREATE TABLE users (\n  id bigint PRIMARY KEY\n)";
    let comment = format!("COMMENT ON TABLE users IS '{}'", "x".repeat(100));
    let read = effects(&[&format!("\n{table};\n\n{comment};\n")]).concat();
    let statement = |(effect, text): (Effect, &str)| Statement {
        line: effect.line,
        column: 1,
        text: text.to_owned(),
        effect: Some(effect),
    };
    let mut outcome = at(Body::Show(Show {
        ledger_exists: Some(true),
        file: Some(file("20260131090507_users.sql")),
        state: Some(State::Modified),
        statements: read
            .into_iter()
            .zip([table, &*comment])
            .map(statement)
            .collect(),
        rows: vec![failed(2), applied(3)],
    }));
    outcome.findings = vec![modified()];
    outcome
}

pub(super) fn show_without_rows() -> Outcome {
    at(Body::Show(Show {
        ledger_exists: Some(false),
        file: Some(File {
            mode: Some("no-transaction"),
            ..file("20260201000000_orders.sql")
        }),
        state: Some(State::Pending),
        statements: Vec::new(),
        rows: Vec::new(),
    }))
}
