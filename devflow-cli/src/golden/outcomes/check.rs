//! Outcomes of `devflow db check`.

use super::{effects, file, path};
use crate::outcome::*;

pub(super) fn check() -> Outcome {
    Outcome::new(Body::Check(Check {
        files: Some(14),
        ..Check::default()
    }))
}

pub(super) fn check_refused() -> Outcome {
    let mut outcome = Outcome::new(Body::Check(Check {
        files: Some(14),
        new: vec![file("20260130000000_late.sql")],
        effects: effects(&["ALTER TABLE users ALTER email SET NOT NULL;\n"]),
        base: Some(Compared {
            name: "origin/main".to_owned(),
            commit: "8a9c1f0e2d3b4c5a697887766554433221100ffe".to_owned(),
            merge_base: "1f0e2d3b4c5a697887766554433221100ffe8a9c".to_owned(),
        }),
    }));
    outcome.findings = vec![Finding {
        code: "out_of_order",
        refused: true,
        version: "20260130000000".to_owned(),
        path: Some(path("20260130000000_late.sql")),
        message: "supabase/migrations/20260130000000_late.sql is new and older than 20260131090507_users.sql, which is on origin/main".to_owned(),
        help: Some("give the file a newer version, or allow late files with `out_of_order: allow`".to_owned()),
    }];
    outcome.troubled(Trouble::new(
        Kind::Refused,
        "refused",
        "1 finding stops a deploy once this branch is merged into origin/main",
    ))
}
