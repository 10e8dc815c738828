//! What `revert` can come to.

use super::{applied, at, effects, failure, file, path, plan};
use crate::outcome::*;

fn one_reverted() -> Work {
    Work {
        already_applied: Some(14),
        done: vec![applied("20260202000000_items.down.sql", 3.1)],
        ..Work::default()
    }
}

pub(super) fn revert() -> Outcome {
    at(Body::Revert(one_reverted()))
}

pub(super) fn nothing() -> Outcome {
    at(Body::Revert(Work {
        already_applied: Some(14),
        ..Work::default()
    }))
}

pub(super) fn dry_run() -> Outcome {
    let steps = vec![
        file("20260202000000_items.down.sql"),
        file("20260201000000_orders.down.sql"),
    ];
    at(Body::Revert(Work {
        mode: Mode::DryRun,
        already_applied: Some(14),
        pending: steps.clone(),
        plan: Some(Plan {
            steps,
            effects: effects(&["DROP TABLE items;\n", "DROP TABLE orders CASCADE;\n"]),
            ..plan()
        }),
        ..Work::default()
    }))
}

pub(super) fn failed() -> Outcome {
    let failure = Failure {
        file: file("20260201000000_orders.down.sql"),
        recorded: false,
        ..failure()
    };
    at(Body::Revert(Work {
        pending: vec![failure.file.clone()],
        failure: Some(Box::new(failure)),
        ..one_reverted()
    }))
    .troubled(
        Trouble::new(Kind::MigrationFailed, "migration_failed", "failed")
            .help("correct the file and run again: it goes on from here"),
    )
}

pub(super) fn refused() -> Outcome {
    let mut outcome = at(Body::Revert(Work::default()));
    outcome.findings = vec![Finding {
        code: "no_down_file",
        refused: true,
        version: "20260201000000".to_owned(),
        path: Some(path("20260201000000_orders.sql")),
        message: "supabase/migrations/20260201000000_orders.sql is applied and has no down file"
            .to_owned(),
        help: Some("write the down file beside it, or undo it with a new migration".to_owned()),
    }];
    outcome.troubled(Trouble::new(
        Kind::Refused,
        "refused",
        "nothing was reverted: a finding stops the run",
    ))
}
