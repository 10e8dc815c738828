//! The outcomes that are rendered.

mod check;
mod config;
mod history;
mod migrate;
mod repair;
mod revert;

use crate::outcome::*;
use devflow_runtime::State;
use migrate::*;
pub(super) use migrate::{dry_run, migrate, migrate_failed};

const CHECKSUM: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Every outcome with its name.
pub(super) fn all() -> Vec<(&'static str, Outcome)> {
    vec![
        ("migrate", migrate()),
        ("migrate_nothing_to_do", nothing_to_do()),
        ("migrate_to_a_target", to_a_target()),
        ("migrate_failed", migrate_failed()),
        ("migrate_failed_outside_a_transaction", failed_outside()),
        ("migrate_refused", refused()),
        ("migrate_half_done", half_done()),
        ("migrate_lock_timeout", lock_timeout()),
        ("migrate_cannot_connect", cannot_connect()),
        ("migrate_interrupted", interrupted()),
        ("migrate_unconfirmed", unconfirmed()),
        ("migrate_plan_changed", plan_changed()),
        ("migrate_approval_required", approval_required()),
        ("migrate_usage_error", usage_error()),
        ("migrate_bad_files", bad_files()),
        ("migrate_dry_run", dry_run()),
        ("status", status()),
        ("status_new_database", status_new_database()),
        ("status_check", status_check()),
        ("baseline", baseline()),
        ("baseline_dry_run", baseline_dry_run()),
        ("adopt", adopt()),
        ("adopt_dry_run", adopt_dry_run()),
        ("revert", revert::revert()),
        ("revert_nothing", revert::nothing()),
        ("revert_dry_run", revert::dry_run()),
        ("revert_failed", revert::failed()),
        ("revert_refused", revert::refused()),
        ("repair", repair::repair()),
        ("repair_dry_run", repair::dry_run()),
        ("repair_unfit", repair::unfit()),
        ("config", config::config()),
        ("check", check::check()),
        ("check_refused", check::check_refused()),
        ("show", history::show()),
        ("show_without_rows", history::show_without_rows()),
        ("log", history::log()),
        ("new", new()),
        ("init", init()),
        ("unknown_command", unknown_command()),
    ]
}

fn path(file: &str) -> String {
    format!("supabase/migrations/{file}")
}

fn file(file: &str) -> File {
    File {
        version: file.split('_').next().unwrap().to_owned(),
        path: path(file),
        mode: Some("transaction"),
        checksum: Some(CHECKSUM.to_owned()),
    }
}

fn applied(name: &str, execution_ms: f64) -> Applied {
    Applied {
        file: file(name),
        execution_ms,
        statements: 2,
        notices: Vec::new(),
    }
}

fn place() -> Place {
    Place {
        server: "db.example.org:5432".to_owned(),
        database: "shop".to_owned(),
        role: "deploy".to_owned(),
        server_version: "18.1 (Debian 18.1-1)".to_owned(),
        schema: "public".to_owned(),
        table: "schema_migrations".to_owned(),
    }
}

fn at(body: Body) -> Outcome {
    Outcome {
        environment: Some("staging".to_owned()),
        run: Some("3f2a9c41d07be685".to_owned()),
        place: Some(place()),
        elapsed_ms: 1_412.6,
        ..Outcome::new(body)
    }
}

fn stopped(trouble: Trouble) -> Outcome {
    Outcome {
        environment: Some("staging".to_owned()),
        elapsed_ms: 3.2,
        ..Outcome::new(Body::Migrate(Work::default())).troubled(trouble)
    }
}

fn entry(file: &str, state: State) -> Entry {
    let path = path(file);
    Entry {
        version: file.split('_').next().unwrap().to_owned(),
        path: Some(path),
        state,
        checksum: Some(CHECKSUM.to_owned()),
        at: None,
        execution_ms: None,
        by: None,
        error: None,
    }
}

fn run(entry: Entry, execution_ms: f64, by: &str) -> Entry {
    Entry {
        at: Some("2026-01-31T09:05:07.123456Z".to_owned()),
        execution_ms: Some(execution_ms),
        by: Some(by.to_owned()),
        ..entry
    }
}

pub(super) fn status() -> Outcome {
    let mut failed = run(
        entry("20260201000000_orders.sql", State::Failed),
        3.0,
        "octocat",
    );
    failed.error = Some("column \"naem\" does not exist".to_owned());
    let mut outcome = at(Body::Status(Status {
        entries: vec![
            run(
                entry("20251231000000_start.sql", State::Baselined),
                0.0,
                "ann",
            ),
            run(
                entry("20260131090507_users.sql", State::Modified),
                12.4,
                "deploy@web-1",
            ),
            run(
                entry(
                    "20260131090601_größe_der_日本語_tabelle_und_noch_viel_mehr.sql",
                    State::Applied,
                ),
                1_203.7,
                "deploy@a-host-with-a-rather-long-name",
            ),
            failed,
            entry("20260202000000_items.sql", State::Pending),
            run(
                entry("20270101000000_next.sql", State::Ahead),
                61_000.0,
                "\u{1b}[31mx",
            ),
        ],
        ledger_exists: Some(true),
        plan: Some(plan()),
    }));
    outcome.findings = vec![modified()];
    outcome.troubled(Trouble::new(
        Kind::Refused,
        "refused",
        "a finding stops any run",
    ))
}

fn status_new_database() -> Outcome {
    at(Body::Status(Status {
        entries: vec![
            entry("20260131090507_users.sql", State::Pending),
            entry("20260201000000_orders.sql", State::Pending),
        ],
        ledger_exists: Some(false),
        plan: Some(plan()),
    }))
}

fn status_check() -> Outcome {
    status_new_database().troubled(
        Trouble::new(Kind::Pending, "pending", "2 migrations are pending")
            .help("`devflow db migrate` applies what is pending"),
    )
}

fn baseline() -> Outcome {
    at(Body::Baseline(Work {
        done: vec![
            applied("20251231000000_start.sql", 0.0),
            applied("20260131090507_users.sql", 0.0),
        ],
        pending: vec![file("20260201000000_orders.sql")],
        ..Work::default()
    }))
}

fn baseline_dry_run() -> Outcome {
    at(Body::Baseline(Work {
        mode: Mode::DryRun,
        already_applied: Some(0),
        pending: plan().steps,
        plan: Some(plan()),
        ..Work::default()
    }))
}

fn adopt() -> Outcome {
    at(Body::Adopt(Work {
        done: vec![
            applied("20251231000000_start.sql", 0.0),
            applied("20260131090507_users.sql", 0.0),
        ],
        pending: vec![file("20260201000000_orders.sql")],
        ..Work::default()
    }))
}

fn adopt_dry_run() -> Outcome {
    let mut plan = plan();
    let pending = plan.steps.clone();
    plan.steps.truncate(1);
    at(Body::Adopt(Work {
        mode: Mode::DryRun,
        already_applied: Some(3),
        pending,
        plan: Some(plan),
        ..Work::default()
    }))
}

fn new() -> Outcome {
    let mut file = file("20260203101112_add_items.sql");
    file.mode = None;
    file.checksum = None;
    Outcome::new(Body::New(New {
        migration: Some(file),
    }))
}

fn init() -> Outcome {
    let written = |path: &str, action, line: Option<&str>| Written {
        path: path.to_owned(),
        action,
        line: line.map(str::to_owned),
    };
    let watch = "println!(\"cargo::rerun-if-changed=migrations\");";
    Outcome::new(Body::Init(Init {
        files: vec![
            written("devflow.yml", Action::Created, None),
            written("migrations", Action::Kept, None),
            written(
                ".gitattributes",
                Action::Extended,
                Some("*.sql text eol=lf"),
            ),
            written("build.rs", Action::ToDo, Some(watch)),
        ],
    }))
}

fn unknown_command() -> Outcome {
    Outcome::new(Body::None).troubled(Trouble::usage(
        "usage",
        "unrecognized subcommand 'frobnicate'",
    ))
}
