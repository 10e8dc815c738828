//! Outcomes for people.

mod failure;
pub(crate) mod line;
mod status;
mod table;

use crate::duration;
use crate::outcome::{
    Action, Baseline, Body, File, Init, Migrate, MigrateMode, Outcome, Place, Plan,
};
use crate::style::{CAREFUL, GOOD, QUIET, STRONG, WAITING, paint};
use crate::visible;
pub(crate) use failure::trouble;

/// What stdout says.
pub(crate) fn report(outcome: &Outcome, width: Option<usize>) -> String {
    match &outcome.body {
        Body::None => String::new(),
        Body::Init(init) => written(init),
        Body::New(new) => new.migration.as_ref().map_or_else(String::new, |file| {
            format!("{}\n", visible::line(&file.path))
        }),
        Body::Migrate(migrate) => match (migrate.mode, &migrate.plan) {
            (MigrateMode::DryRun, Some(plan)) => dry_run(outcome, migrate, plan),
            (MigrateMode::DryRun, None) => String::new(),
            (MigrateMode::Apply, _) => migrated(outcome, migrate),
        },
        Body::Status(status) if outcome.place.is_some() => {
            header_of(outcome) + &status::status(status, width)
        }
        Body::Status(_) => String::new(),
        Body::Baseline(baseline) => baselined(outcome, baseline),
    }
}

/// Where it ran: environment, database, server.
pub(crate) fn header(environment: Option<&str>, place: Option<&Place>) -> String {
    let Some(place) = place else {
        return String::new();
    };
    let at = |text: &str| visible::line(text);
    let environment = environment.map_or_else(String::new, |name| {
        format!("{} · ", paint(STRONG, at(name)))
    });
    // Distributions add a build to the version: `15.18 (Debian 15.18-0+deb12u1)`.
    let version = place.server_version.split(' ').next().unwrap_or_default();
    let server = paint(
        QUIET,
        format!("PostgreSQL {}, as {}", at(version), at(&place.role)),
    );
    format!(
        "{environment}{} on {} · {server}\n",
        paint(STRONG, at(&place.database)),
        at(&place.server)
    )
}

/// The plan, as it is shown before a person is asked.
pub(crate) fn proposal(outcome: &Outcome) -> String {
    let Body::Migrate(Migrate {
        plan: Some(plan), ..
    }) = &outcome.body
    else {
        return String::new();
    };
    header_of(outcome) + &warnings(outcome) + &planned(&plan.steps)
}

/// Differences that the policies let pass.
pub(crate) fn warnings(outcome: &Outcome) -> String {
    let warnings = outcome.findings.iter().filter(|finding| !finding.refused);
    warnings
        .map(|finding| {
            let message = visible::line(&finding.message);
            format!("{} {message}\n", paint(CAREFUL, "warning:"))
        })
        .collect()
}

fn header_of(outcome: &Outcome) -> String {
    header(outcome.environment.as_deref(), outcome.place.as_ref())
}

fn migrated(outcome: &Outcome, migrate: &Migrate) -> String {
    let mut text = String::new();
    if outcome.place.is_none() || (outcome.trouble.is_some() && migrate.applied.is_empty()) {
        return text;
    }
    if !outcome.watched {
        text += &header_of(outcome);
        let names = migrate
            .applied
            .iter()
            .map(|applied| line::width(applied.file.file()));
        let widest = names.max().unwrap_or(0);
        for applied in &migrate.applied {
            text += &line::applied(applied, widest);
            text.extend(applied.notices.iter().map(line::notice));
        }
    }
    if outcome.trouble.is_none() {
        text += &total(outcome, migrate);
    }
    text
}

fn total(outcome: &Outcome, migrate: &Migrate) -> String {
    let before = migrate.already_applied.unwrap_or(0);
    let took = duration::of_ms(outcome.elapsed_ms);
    let held = match migrate.pending.len() {
        0 => String::new(),
        count => format!("; {} beyond the target", line::count(count, "migration")),
    };
    match migrate.applied.len() {
        0 => {
            let mark = paint(GOOD, "✓");
            format!(
                "{mark} Nothing to do: {} applied already{held} {}\n",
                line::are(before),
                paint(QUIET, format!("({took})"))
            )
        }
        count => {
            let done = paint(GOOD, format!("{} applied", line::count(count, "migration")));
            format!("{done} in {took}, {before} before{held}\n")
        }
    }
}

fn dry_run(outcome: &Outcome, migrate: &Migrate, plan: &Plan) -> String {
    let mut text = header_of(outcome);
    let before = migrate.already_applied.unwrap_or(0);
    if plan.steps.is_empty() {
        text += &format!(
            "Nothing would be applied: {} applied already\n",
            line::are(before)
        );
    } else {
        text += &planned(&plan.steps);
        let steps = line::count(plan.steps.len(), "migration");
        text += &format!(
            "{} would be applied, {before} before\n",
            paint(STRONG, steps)
        );
    }
    let beyond = migrate.pending.len().saturating_sub(plan.steps.len());
    if beyond > 0 {
        text += &format!("{} beyond the target\n", line::count(beyond, "migration"));
    }
    text += &format!("{} {}\n", paint(QUIET, "plan"), plan.digest);
    text
}

fn planned(steps: &[File]) -> String {
    let mut text = String::new();
    for step in steps {
        let apart = match step.mode {
            Some("no-transaction") => paint(CAREFUL, "  outside a transaction"),
            _ => String::new(),
        };
        text += &format!(
            "  {} {}{apart}\n",
            paint(WAITING, "+"),
            visible::line(step.file())
        );
    }
    text
}

fn baselined(outcome: &Outcome, baseline: &Baseline) -> String {
    if outcome.trouble.is_some() {
        return String::new();
    }
    let mut text = header_of(outcome);
    for file in &baseline.baselined {
        text += &format!("  {} {}\n", paint(GOOD, "✓"), visible::line(file.file()));
    }
    let pending = line::are(baseline.pending.len());
    text + &match baseline.baselined.len() {
        0 => format!("Nothing to record: it is in the ledger already; {pending} pending\n"),
        count => {
            let count = line::count(count, "migration");
            let done = paint(GOOD, format!("{count} recorded as applied"));
            format!("{done} without being run; {pending} pending\n")
        }
    }
}

fn written(init: &Init) -> String {
    let mut text = String::new();
    for file in &init.files {
        let (style, word) = match file.action {
            Action::Created => (GOOD, "created"),
            Action::Extended => (GOOD, "extended"),
            Action::Kept => (QUIET, "kept"),
            Action::ToDo => (CAREFUL, "to do"),
        };
        text += &format!(
            "{} {}",
            paint(style, format!("{word:<8}")),
            visible::line(&file.path)
        );
        text += &match (&file.line, file.action) {
            (Some(line), Action::ToDo) => {
                format!(": add {} to its main function\n", visible::line(line))
            }
            (Some(line), Action::Extended) => format!(": {}\n", visible::line(line)),
            _ => "\n".to_owned(),
        };
    }
    text
}
