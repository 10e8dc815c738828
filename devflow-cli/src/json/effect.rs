//! What statements do, in JSON.

use devflow_migrations as migrations;
use serde::Serialize;

/// What one statement does, as far as its text says.
#[derive(Serialize)]
pub(super) struct Effect<'a> {
    statement: usize,
    line: u32,
    count: usize,
    verb: &'static str,
    kind: Option<&'a str>,
    names: &'a [String],
    details: &'a [String],
    locks: Vec<Lock<'a>>,
    destroys_data: bool,
}

#[derive(Serialize)]
struct Lock<'a> {
    on: &'static str,
    name: &'a str,
    mode: &'static str,
    blocks: &'static str,
    work: &'static str,
    new: bool,
}

impl<'a> Effect<'a> {
    pub(super) fn of(effect: &'a migrations::Effect) -> Self {
        Self {
            statement: effect.statement,
            line: effect.line,
            count: effect.count,
            verb: effect.verb.as_str(),
            kind: effect.kind.as_deref(),
            names: &effect.names,
            details: &effect.details,
            locks: effect.locks.iter().map(Lock::of).collect(),
            destroys_data: effect.destroys,
        }
    }
}

impl<'a> Lock<'a> {
    fn of(lock: &'a migrations::Lock) -> Self {
        Self {
            on: lock.on.as_str(),
            name: lock.on.name(),
            mode: lock.mode.as_str(),
            blocks: lock.mode.blocks().as_str(),
            work: lock.toll.as_str(),
            new: lock.is_new,
        }
    }
}
