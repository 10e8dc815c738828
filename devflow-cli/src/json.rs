//! Outcomes for programs: one document, always with the same keys for one command.
//!
//! The shape is published in docs/schema/output.schema.json. Adding a key is fine; changing or removing one raises
//! [`SCHEMA`]. DETAIL and CONTEXT of the server are left out: they can hold row data.

mod effect;
mod error;
mod history;
mod inert;
mod migration;
mod repair;
mod wait;

use crate::exit;
use crate::outcome::{self, Body, Mode, Outcome, Work};
use error::{Error, Finding};
use history::{Row, Statement};
pub(crate) use inert::inert;
use migration::{Applied, Entry, Failure, File, Plan, Step};
use repair::Correction;
use serde::Serialize;
use std::collections::BTreeMap;

/// The version of the shape.
const SCHEMA: u32 = 1;

/// The document and its newline.
pub(crate) fn document(outcome: &Outcome) -> String {
    // Strings, numbers, lists and string keys always serialize.
    let text = serde_json::to_string_pretty(&Document::of(outcome)).unwrap_or_default();
    inert(&text) + "\n"
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    devflow: &'static str,
    command: Option<&'static str>,
    ok: bool,
    exit_code: u8,
    environment: Option<&'a str>,
    database: Option<Database<'a>>,
    run: Option<&'a str>,
    #[serde(flatten)]
    body: Content<'a>,
    findings: Vec<Finding<'a>>,
    remarks: Vec<&'a str>,
    elapsed_ms: f64,
    error: Option<Error<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    None {},
    Init {
        files: Vec<Written<'a>>,
    },
    New {
        migration: Option<File<'a>>,
    },
    Migrate {
        dry_run: bool,
        already_applied: Option<usize>,
        applied: Vec<Applied<'a>>,
        unconfirmed: &'a [String],
        pending: Vec<File<'a>>,
        failure: Option<Box<Failure<'a>>>,
        plan: Option<Plan<'a>>,
        supabase: Option<Supabase<'a>>,
    },
    Status {
        ledger_exists: Option<bool>,
        counts: BTreeMap<&'static str, usize>,
        migrations: Vec<Entry<'a>>,
        plan: Option<Plan<'a>>,
    },
    Baseline {
        dry_run: bool,
        baselined: Vec<File<'a>>,
        pending: Vec<File<'a>>,
        plan: Option<Plan<'a>>,
    },
    Adopt {
        dry_run: bool,
        adopted: Vec<File<'a>>,
        pending: Vec<File<'a>>,
        plan: Option<Plan<'a>>,
    },
    Revert {
        dry_run: bool,
        reverted: Vec<Applied<'a>>,
        unconfirmed: &'a [String],
        pending: Vec<File<'a>>,
        failure: Option<Box<Failure<'a>>>,
        plan: Option<Plan<'a>>,
    },
    Repair {
        dry_run: bool,
        repairs: Vec<Correction<'a>>,
        digest: Option<&'a str>,
    },
    Show {
        ledger_exists: Option<bool>,
        migration: Option<File<'a>>,
        state: Option<&'static str>,
        statements: Vec<Statement<'a>>,
        rows: Vec<Row<'a>>,
    },
    Check {
        files: Option<usize>,
        new: Vec<Step<'a>>,
        base: Option<Base<'a>>,
    },
    Config {
        settings: Vec<Setting<'a>>,
    },
    Log {
        ledger_exists: Option<bool>,
        rows: Vec<Row<'a>>,
        has_more: bool,
    },
}

#[derive(Serialize)]
struct Database<'a> {
    server: &'a str,
    name: &'a str,
    role: &'a str,
    server_version: &'a str,
    tracking_schema: &'a str,
    tracking_table: &'a str,
}

#[derive(Serialize)]
struct Supabase<'a> {
    path: &'a str,
    version: &'a str,
}

#[derive(Serialize)]
struct Setting<'a> {
    key: &'static str,
    value: Option<&'a str>,
    origin: &'static str,
    at: Option<&'a str>,
}

#[derive(Serialize)]
struct Base<'a> {
    name: &'a str,
    commit: &'a str,
    merge_base: &'a str,
}

#[derive(Serialize)]
struct Written<'a> {
    path: &'a str,
    action: &'static str,
    line: Option<&'a str>,
}

impl<'a> Document<'a> {
    fn of(outcome: &'a Outcome) -> Self {
        let exit_code = exit::code(outcome);
        Self {
            schema: SCHEMA,
            devflow: env!("CARGO_PKG_VERSION"),
            command: outcome.body.command(),
            ok: exit_code == 0,
            exit_code,
            environment: outcome.environment.as_deref(),
            database: outcome.place.as_ref().map(Database::of),
            run: outcome.run.as_deref(),
            body: Content::of(&outcome.body),
            findings: outcome.findings.iter().map(Finding::of).collect(),
            remarks: outcome.remarks.iter().map(|remark| &*remark.text).collect(),
            elapsed_ms: milliseconds(outcome.elapsed_ms),
            error: outcome
                .trouble
                .as_ref()
                .map(|trouble| Error::of(outcome, trouble)),
        }
    }
}

impl<'a> Content<'a> {
    fn of(body: &'a Body) -> Self {
        match body {
            Body::None | Body::Text(_) => Self::None {},
            Body::Init(init) => Self::Init {
                files: init.files.iter().map(Written::of).collect(),
            },
            Body::New(new) => Self::New {
                migration: new.migration.as_ref().map(File::of),
            },
            Body::Migrate(migrate) => Self::Migrate {
                dry_run: migrate.mode == Mode::DryRun,
                already_applied: migrate.already_applied,
                applied: migrate.done.iter().map(Applied::of).collect(),
                unconfirmed: &migrate.unconfirmed,
                pending: migrate.pending.iter().map(File::of).collect(),
                failure: failure(migrate),
                plan: migrate.plan.as_ref().map(Plan::of),
                supabase: migrate.supabase.as_ref().map(Supabase::of),
            },
            Body::Status(status) => Self::Status {
                ledger_exists: status.ledger_exists,
                counts: counts(&status.entries),
                migrations: status.entries.iter().map(Entry::of).collect(),
                plan: status.plan.as_ref().map(Plan::of),
            },
            Body::Baseline(baseline) => Self::Baseline {
                dry_run: baseline.mode == Mode::DryRun,
                baselined: baseline
                    .done
                    .iter()
                    .map(|done| File::of(&done.file))
                    .collect(),
                pending: baseline.pending.iter().map(File::of).collect(),
                plan: baseline.plan.as_ref().map(Plan::of),
            },
            Body::Adopt(adopt) => Self::Adopt {
                dry_run: adopt.mode == Mode::DryRun,
                adopted: adopt.done.iter().map(|done| File::of(&done.file)).collect(),
                pending: adopt.pending.iter().map(File::of).collect(),
                plan: adopt.plan.as_ref().map(Plan::of),
            },
            Body::Revert(revert) => Self::Revert {
                dry_run: revert.mode == Mode::DryRun,
                reverted: revert.done.iter().map(Applied::of).collect(),
                unconfirmed: &revert.unconfirmed,
                pending: revert.pending.iter().map(File::of).collect(),
                failure: failure(revert),
                plan: revert.plan.as_ref().map(Plan::of),
            },
            Body::Repair(repair) => Self::Repair {
                dry_run: repair.mode == Mode::DryRun,
                repairs: repair.corrections.iter().map(Correction::of).collect(),
                digest: repair.digest.as_deref(),
            },
            Body::Show(show) => Self::Show {
                ledger_exists: show.ledger_exists,
                migration: show.file.as_ref().map(File::of),
                state: show.state.map(devflow_runtime::State::as_str),
                statements: show.statements.iter().map(Statement::of).collect(),
                rows: show.rows.iter().map(Row::of).collect(),
            },
            Body::Check(check) => Self::Check {
                files: check.files,
                new: Step::all(&check.new, &check.effects),
                base: check.base.as_ref().map(Base::of),
            },
            Body::Config(configuration) => Self::Config {
                settings: configuration.settings.iter().map(Setting::of).collect(),
            },
            Body::Log(log) => Self::Log {
                ledger_exists: log.ledger_exists,
                rows: log.rows.iter().map(Row::of).collect(),
                has_more: log.has_more,
            },
        }
    }
}

fn failure(work: &Work) -> Option<Box<Failure<'_>>> {
    let failure = work.failure.as_deref();
    failure.map(|failure| Box::new(Failure::of(failure)))
}

/// How many migrations are in each state that occurs.
fn counts(entries: &[outcome::Entry]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for entry in entries {
        *counts.entry(entry.state.as_str()).or_insert(0) += 1;
    }
    counts
}

/// Microseconds are as fine as any clock of ours.
fn milliseconds(ms: f64) -> f64 {
    (ms * 1000.0).round() / 1000.0
}

impl<'a> Database<'a> {
    fn of(place: &'a outcome::Place) -> Self {
        Self {
            server: &place.server,
            name: &place.database,
            role: &place.role,
            server_version: &place.server_version,
            tracking_schema: &place.schema,
            tracking_table: &place.table,
        }
    }
}

impl<'a> Supabase<'a> {
    fn of(supabase: &'a outcome::Supabase) -> Self {
        Self {
            path: &supabase.path,
            version: &supabase.version,
        }
    }
}

impl<'a> Setting<'a> {
    fn of(setting: &'a outcome::Setting) -> Self {
        Self {
            key: setting.key,
            value: setting.value.as_deref(),
            origin: setting.origin.as_str(),
            at: setting.origin.at(),
        }
    }
}

impl<'a> Base<'a> {
    fn of(base: &'a outcome::Compared) -> Self {
        Self {
            name: &base.name,
            commit: &base.commit,
            merge_base: &base.merge_base,
        }
    }
}

impl<'a> Written<'a> {
    fn of(written: &'a outcome::Written) -> Self {
        Self {
            path: &written.path,
            action: written.action.as_str(),
            line: written.line.as_deref(),
        }
    }
}
