//! What `repair` can come to.

use super::{CHECKSUM, DIGEST, at, path};
use crate::outcome::*;

fn standing(event: &'static str, file: &str) -> Standing {
    Standing {
        event,
        file: Some(file.to_owned()),
        checksum: Some(CHECKSUM.to_owned()),
        statements: None,
    }
}

fn correction(file: &str, decision: &'static str, events: [&'static str; 2]) -> Correction {
    Correction {
        version: file.split('_').next().unwrap().to_owned(),
        path: Some(path(file)),
        decision,
        before: Some(standing(events[0], file)),
        after: standing(events[1], file),
    }
}

/// A half-done file that a person completed, one that is gone, one that was edited, and one that the ledger never saw.
fn corrections() -> Vec<Correction> {
    let mut completed = correction("20260131_index.sql", "applied", ["progress", "applied"]);
    completed.before.as_mut().unwrap().statements = Some(2);
    let mut gone = correction("20260201_größe.sql", "not_applied", ["applied", "reverted"]);
    gone.path = None;
    let mut edited = correction("20260202_items.sql", "checksum", ["applied", "repaired"]);
    edited.before.as_mut().unwrap().checksum = Some(DIGEST.to_owned());
    let mut unheard = correction("20260203_tags.sql", "applied", ["applied", "applied"]);
    unheard.before = None;
    vec![completed, gone, edited, unheard]
}

pub(super) fn repair() -> Outcome {
    at(Body::Repair(Repair {
        mode: Mode::Apply,
        corrections: corrections(),
        digest: Some(DIGEST.to_owned()),
    }))
}

pub(super) fn dry_run() -> Outcome {
    at(Body::Repair(Repair {
        mode: Mode::DryRun,
        corrections: corrections(),
        digest: Some(DIGEST.to_owned()),
    }))
}

pub(super) fn unfit() -> Outcome {
    let message = "nothing was recorded: version 20260131 is in the database already: the ledger has it as applied";
    Outcome {
        run: None,
        place: None,
        ..at(Body::Repair(Repair::default()))
    }
    .troubled(Trouble::new(Kind::Refused, "already_applied", message).help(
        "there is nothing to record: --not-applied takes it back, --checksum accepts a changed file",
    ))
}
