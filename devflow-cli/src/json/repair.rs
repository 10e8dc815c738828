//! Decisions about versions in JSON.

use crate::outcome::{self, file_of, name_of};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Correction<'a> {
    version: &'a str,
    name: Option<&'a str>,
    file: Option<&'a str>,
    path: Option<&'a str>,
    decision: &'static str,
    before: Option<Standing<'a>>,
    after: Standing<'a>,
}

#[derive(Serialize)]
struct Standing<'a> {
    event: &'static str,
    file: Option<&'a str>,
    checksum: Option<&'a str>,
    statements_completed: Option<i32>,
}

impl<'a> Correction<'a> {
    pub(super) fn of(correction: &'a outcome::Correction) -> Self {
        let path = correction.path.as_deref();
        Self {
            version: &correction.version,
            name: path.map(name_of),
            file: path.map(file_of),
            path,
            decision: correction.decision,
            before: correction.before.as_ref().map(Standing::of),
            after: Standing::of(&correction.after),
        }
    }
}

impl<'a> Standing<'a> {
    fn of(standing: &'a outcome::Standing) -> Self {
        Self {
            event: standing.event,
            file: standing.file.as_deref(),
            checksum: standing.checksum.as_deref(),
            statements_completed: standing.statements,
        }
    }
}
