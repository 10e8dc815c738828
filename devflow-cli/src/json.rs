//! Outcomes for programs: one document, always with the same keys for one command.
//!
//! The shape is published in docs/schema/output.schema.json. Adding a key is fine; changing or removing one raises
//! [`SCHEMA`]. DETAIL and CONTEXT of the server are left out: they can hold row data.

use crate::exit;
use crate::outcome::{self, Body, MigrateMode, Outcome, Snippet, file_of, name_of};
use crate::visible;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The version of the shape.
const SCHEMA: u32 = 1;

/// The document and its newline.
pub(crate) fn document(outcome: &Outcome) -> String {
    // Strings, numbers, lists and string keys always serialize.
    let text = serde_json::to_string_pretty(&Document::of(outcome)).unwrap_or_default();
    inert(&text) + "\n"
}

/// Escapes what could steer a terminal or a CI runner; outside strings JSON has none of these characters.
fn inert(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    let mut hashes = 0;
    for character in json.chars() {
        let opens_command = character == '[' && hashes >= 2;
        hashes = if character == '#' { hashes + 1 } else { 0 };
        if opens_command || (character != '\n' && visible::is_hidden(character)) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(character);
        }
    }
    shown
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
        migration: Option<Created<'a>>,
    },
    Migrate {
        dry_run: bool,
        already_applied: Option<usize>,
        applied: Vec<Applied<'a>>,
        unconfirmed: &'a [String],
        pending: Vec<File<'a>>,
        failure: Option<Box<Failure<'a>>>,
        plan: Option<Plan<'a>>,
    },
    Status {
        ledger_exists: Option<bool>,
        counts: BTreeMap<&'static str, usize>,
        migrations: Vec<Entry<'a>>,
        plan: Option<Plan<'a>>,
    },
    Baseline {
        baselined: Vec<File<'a>>,
        pending: Vec<File<'a>>,
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
struct Written<'a> {
    path: &'a str,
    action: &'static str,
    line: Option<&'a str>,
}

#[derive(Serialize)]
struct Created<'a> {
    version: &'a str,
    name: &'a str,
    file: &'a str,
    path: &'a str,
}

#[derive(Serialize)]
struct File<'a> {
    version: &'a str,
    name: &'a str,
    file: &'a str,
    path: &'a str,
    mode: Option<&'static str>,
    checksum: Option<&'a str>,
}

#[derive(Serialize)]
struct Applied<'a> {
    #[serde(flatten)]
    file: File<'a>,
    execution_ms: f64,
    statements: usize,
    notices: Vec<Notice<'a>>,
}

#[derive(Serialize)]
struct Notice<'a> {
    severity: &'a str,
    sqlstate: &'a str,
    message: &'a str,
    hint: Option<&'a str>,
}

#[derive(Serialize)]
struct Failure<'a> {
    #[serde(flatten)]
    file: File<'a>,
    line: Option<u32>,
    column: Option<u32>,
    snippet: Option<&'a str>,
    sqlstate: Option<&'a str>,
    message: &'a str,
    hint: Option<&'a str>,
    statement: Option<usize>,
    statements_completed: Option<usize>,
    recorded: bool,
    notices: Vec<Notice<'a>>,
}

#[derive(Serialize)]
struct Plan<'a> {
    digest: &'a str,
    steps: Vec<File<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    version: &'a str,
    name: Option<&'a str>,
    file: Option<&'a str>,
    path: Option<&'a str>,
    state: &'static str,
    checksum: Option<&'a str>,
    at: Option<&'a str>,
    execution_ms: Option<f64>,
    by: Option<&'a str>,
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct Finding<'a> {
    code: &'static str,
    severity: &'static str,
    version: &'a str,
    path: Option<&'a str>,
    message: &'a str,
    help: Option<&'a str>,
}

#[derive(Serialize)]
struct Error<'a> {
    kind: &'static str,
    code: &'static str,
    message: &'a str,
    causes: &'a [String],
    help: Option<&'a str>,
    problems: Vec<Problem<'a>>,
}

#[derive(Serialize)]
struct Problem<'a> {
    code: &'static str,
    path: &'a str,
    line: Option<u32>,
    column: Option<u32>,
    snippet: Option<&'a str>,
    message: &'a str,
    help: Option<&'a str>,
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
            error: outcome.trouble.as_ref().map(Error::of),
        }
    }
}

impl<'a> Content<'a> {
    fn of(body: &'a Body) -> Self {
        match body {
            Body::None => Self::None {},
            Body::Init(init) => Self::Init {
                files: init.files.iter().map(Written::of).collect(),
            },
            Body::New(new) => Self::New {
                migration: new.migration.as_ref().map(Created::of),
            },
            Body::Migrate(migrate) => Self::Migrate {
                dry_run: migrate.mode == MigrateMode::DryRun,
                already_applied: migrate.already_applied,
                applied: migrate.applied.iter().map(Applied::of).collect(),
                unconfirmed: &migrate.unconfirmed,
                pending: migrate.pending.iter().map(File::of).collect(),
                failure: migrate
                    .failure
                    .as_ref()
                    .map(|failure| Box::new(Failure::of(failure))),
                plan: migrate.plan.as_ref().map(Plan::of),
            },
            Body::Status(status) => Self::Status {
                ledger_exists: status.ledger_exists,
                counts: counts(&status.entries),
                migrations: status.entries.iter().map(Entry::of).collect(),
                plan: status.plan.as_ref().map(Plan::of),
            },
            Body::Baseline(baseline) => Self::Baseline {
                baselined: baseline.baselined.iter().map(File::of).collect(),
                pending: baseline.pending.iter().map(File::of).collect(),
            },
        }
    }
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

impl<'a> Written<'a> {
    fn of(written: &'a outcome::Written) -> Self {
        Self {
            path: &written.path,
            action: written.action.as_str(),
            line: written.line.as_deref(),
        }
    }
}

impl<'a> Created<'a> {
    fn of(file: &'a outcome::File) -> Self {
        Self {
            version: &file.version,
            name: file.name(),
            file: file.file(),
            path: &file.path,
        }
    }
}

impl<'a> File<'a> {
    fn of(file: &'a outcome::File) -> Self {
        Self {
            version: &file.version,
            name: file.name(),
            file: file.file(),
            path: &file.path,
            mode: file.mode,
            checksum: file.checksum.as_deref(),
        }
    }
}

impl<'a> Applied<'a> {
    fn of(applied: &'a outcome::Applied) -> Self {
        Self {
            file: File::of(&applied.file),
            execution_ms: milliseconds(applied.execution_ms),
            statements: applied.statements,
            notices: applied.notices.iter().map(Notice::of).collect(),
        }
    }
}

impl<'a> Notice<'a> {
    fn of(notice: &'a outcome::Notice) -> Self {
        Self {
            severity: &notice.severity,
            sqlstate: &notice.sqlstate,
            message: &notice.message,
            hint: notice.hint.as_deref(),
        }
    }
}

impl<'a> Failure<'a> {
    fn of(failure: &'a outcome::Failure) -> Self {
        let (line, column, snippet) = place(failure.snippet.as_ref());
        Self {
            file: File::of(&failure.file),
            line,
            column,
            snippet,
            sqlstate: failure.sqlstate.as_deref(),
            message: &failure.message,
            hint: failure.hint.as_deref(),
            statement: failure.statement,
            statements_completed: failure.completed,
            recorded: failure.recorded,
            notices: failure.notices.iter().map(Notice::of).collect(),
        }
    }
}

fn place(snippet: Option<&Snippet>) -> (Option<u32>, Option<u32>, Option<&str>) {
    (
        snippet.map(|snippet| snippet.line),
        snippet.map(|snippet| snippet.column),
        snippet.and_then(|snippet| snippet.text.as_deref()),
    )
}

impl<'a> Plan<'a> {
    fn of(plan: &'a outcome::Plan) -> Self {
        Self {
            digest: &plan.digest,
            steps: plan.steps.iter().map(File::of).collect(),
        }
    }
}

impl<'a> Entry<'a> {
    fn of(entry: &'a outcome::Entry) -> Self {
        let path = entry.path.as_deref();
        Self {
            version: &entry.version,
            name: path.map(name_of),
            file: path.map(file_of),
            path,
            state: entry.state.as_str(),
            checksum: entry.checksum.as_deref(),
            at: entry.at.as_deref(),
            execution_ms: entry.execution_ms.map(milliseconds),
            by: entry.by.as_deref(),
            error: entry.error.as_deref(),
        }
    }
}

impl<'a> Finding<'a> {
    fn of(finding: &'a outcome::Finding) -> Self {
        Self {
            code: finding.code,
            severity: if finding.refused {
                "refused"
            } else {
                "warning"
            },
            version: &finding.version,
            path: finding.path.as_deref(),
            message: &finding.message,
            help: finding.help.as_deref(),
        }
    }
}

impl<'a> Error<'a> {
    fn of(trouble: &'a outcome::Trouble) -> Self {
        Self {
            kind: trouble.kind.as_str(),
            code: trouble.code,
            message: &trouble.message,
            causes: &trouble.causes,
            help: trouble.help.as_deref(),
            problems: trouble.problems.iter().map(Problem::of).collect(),
        }
    }
}

impl<'a> Problem<'a> {
    fn of(problem: &'a outcome::Problem) -> Self {
        let (line, column, snippet) = place(problem.snippet.as_ref());
        Self {
            code: problem.code,
            path: &problem.path,
            line,
            column,
            snippet,
            message: &problem.message,
            help: problem.help.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::inert;

    #[test]
    fn nothing_in_a_string_steers_a_terminal_or_a_runner() {
        let text = "a ##[error]x ###[y] \u{9b}31m \u{202e} é";
        let json = serde_json::to_string(text).unwrap();
        let shown = inert(&json);
        assert!(!shown.contains("##[") && !shown.chars().any(crate::visible::is_hidden));
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
    }
}
