//! Outcomes for people.

mod config;
mod effect;
mod failure;
mod history;
pub(crate) mod line;
mod repair;
mod status;
mod table;

use crate::duration;
use crate::look::Look;
use crate::outcome::{Action, Body, Check, File, Init, Mode, Outcome, Place, Plan, Repair, Work};
use crate::style::{CAREFUL, GOOD, QUIET, STRONG, WAITING, paint};
use crate::visible;
use devflow_migrations::Effect;
pub(crate) use failure::trouble;

/// What stdout says.
pub(crate) fn report(outcome: &Outcome, look: Look) -> String {
    let width = look.width;
    match &outcome.body {
        // A text of ours is shown as it is.
        Body::None | Body::Text(_) => String::new(),
        Body::Init(init) => written(init),
        Body::New(new) => new.migration.as_ref().map_or_else(String::new, |file| {
            format!("{}\n", visible::line(&file.path))
        }),
        Body::Migrate(work) | Body::Baseline(work) | Body::Adopt(work) | Body::Revert(work) => {
            match (work.mode, &work.plan) {
                (Mode::DryRun, Some(plan)) => dry_run(outcome, work, plan, look),
                (Mode::DryRun, None) => String::new(),
                (Mode::Apply, _) => worked(outcome, work),
            }
        }
        Body::Repair(repair) => repaired(outcome, repair),
        Body::Status(status) if outcome.place.is_some() => {
            header_of(outcome) + &status::status(status, width)
        }
        Body::Status(_) => String::new(),
        Body::Check(check) => checked(outcome, check, look),
        Body::Config(configuration) => config::settings(&configuration.settings),
        Body::Show(_) | Body::Log(_) if outcome.place.is_none() => String::new(),
        Body::Show(show) => header_of(outcome) + &history::show(show, &outcome.findings, look),
        Body::Log(log) => header_of(outcome) + &history::log(log, width),
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

/// What would be done, as it is shown before a person is asked.
pub(crate) fn proposal(outcome: &Outcome, look: Look) -> String {
    let header = header_of(outcome) + &warnings(outcome);
    match &outcome.body {
        Body::Repair(repair) => header + &repair::corrections(&repair.corrections),
        body => match body.work().and_then(|work| work.plan.as_ref()) {
            Some(plan) => header + &planned(&plan.steps, &plan.effects, mark(body), look),
            None => String::new(),
        },
    }
}

/// What stands before each file of a plan.
fn mark(body: &Body) -> &'static str {
    match body {
        Body::Revert(_) => "-",
        _ => "+",
    }
}

/// Differences that the policies let pass.
pub(crate) fn warnings(outcome: &Outcome) -> String {
    let warnings = outcome.findings.iter().filter(|finding| !finding.refused);
    warnings
        .map(|finding| {
            let message = visible::line(&finding.message);
            let help = finding.help.as_ref().map_or_else(String::new, |help| {
                format!("  {} {}\n", paint(WAITING, "help:"), visible::line(help))
            });
            format!("{} {message}\n{help}", paint(CAREFUL, "warning:"))
        })
        .collect()
}

fn header_of(outcome: &Outcome) -> String {
    header(outcome.environment.as_deref(), outcome.place.as_ref())
}

fn worked(outcome: &Outcome, work: &Work) -> String {
    match (&outcome.body, &outcome.trouble) {
        (Body::Baseline(_) | Body::Adopt(_), Some(_)) => String::new(),
        (Body::Baseline(_) | Body::Adopt(_), None) => baselined(outcome, work),
        _ => migrated(outcome, work),
    }
}

fn migrated(outcome: &Outcome, work: &Work) -> String {
    let mut text = String::new();
    if outcome.place.is_none() || (outcome.trouble.is_some() && work.done.is_empty()) {
        return text;
    }
    if !outcome.watched {
        text += &header_of(outcome);
        let names = work.done.iter().map(|done| line::width(done.file.file()));
        let widest = names.max().unwrap_or(0);
        for done in &work.done {
            text += &line::applied(done, widest);
            text.extend(done.notices.iter().map(line::notice));
        }
    }
    if outcome.trouble.is_none() {
        text += &match &outcome.body {
            Body::Revert(_) => total_reverted(outcome, work),
            _ => total(outcome, work),
        };
    }
    text
}

fn total(outcome: &Outcome, work: &Work) -> String {
    let before = work.already_applied.unwrap_or(0);
    let took = duration::of_ms(outcome.elapsed_ms);
    let held = match work.pending.len() {
        0 => String::new(),
        count => format!("; {} beyond the target", line::count(count, "migration")),
    };
    match work.done.len() {
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

fn total_reverted(outcome: &Outcome, work: &Work) -> String {
    let took = duration::of_ms(outcome.elapsed_ms);
    let count = work.done.len();
    let left = line::are(work.already_applied.unwrap_or(0).saturating_sub(count));
    match count {
        0 => {
            let (mark, took) = (paint(GOOD, "✓"), paint(QUIET, format!("({took})")));
            format!("{mark} Nothing to revert: {left} applied {took}\n")
        }
        count => {
            let done = format!("{} reverted", line::count(count, "migration"));
            format!("{} in {took}; {left} applied\n", paint(GOOD, done))
        }
    }
}

fn dry_run(outcome: &Outcome, work: &Work, plan: &Plan, look: Look) -> String {
    let mut text = header_of(outcome);
    let participle = outcome.body.participle();
    let before = work.already_applied.unwrap_or(0);
    if plan.steps.is_empty() {
        text += &format!(
            "Nothing would be {participle}: {} applied already\n",
            line::are(before)
        );
    } else {
        text += &planned(&plan.steps, &plan.effects, mark(&outcome.body), look);
        let steps = line::count(plan.steps.len(), "migration");
        text += &format!(
            "{} would be {participle}, {before} before\n",
            paint(STRONG, steps)
        );
    }
    let beyond = work.pending.len().saturating_sub(plan.steps.len());
    if beyond > 0 {
        let rest = match outcome.body {
            Body::Adopt(_) => "pending in both ledgers",
            _ => "beyond the target",
        };
        text += &format!("{} {rest}\n", line::count(beyond, "migration"));
    }
    text += &format!("{} {}\n", paint(QUIET, "plan"), plan.digest);
    text
}

fn repaired(outcome: &Outcome, repair: &Repair) -> String {
    if outcome.trouble.is_some() {
        return String::new();
    }
    let decisions = line::count(repair.corrections.len(), "decision");
    let (style, would) = match repair.mode {
        Mode::DryRun => (STRONG, " would be"),
        Mode::Apply => (GOOD, ""),
    };
    let total = paint(style, format!("{decisions}{would} recorded"));
    let digest = match (repair.mode, &repair.digest) {
        (Mode::DryRun, Some(digest)) => format!("{} {digest}\n", paint(QUIET, "plan")),
        _ => String::new(),
    };
    let table = repair::corrections(&repair.corrections);
    format!("{}{table}{total}\n{digest}", header_of(outcome))
}

/// Files, each with what it does, where that is known.
fn planned(files: &[File], effects: &[Vec<Effect>], mark: &str, look: Look) -> String {
    let mut text = String::new();
    for (index, file) in files.iter().enumerate() {
        text += &listed(file, mark);
        let effects = effects.get(index);
        text.extend(effects.map(|effects| effect::effects(effects, look)));
    }
    text
}

/// One file of a plan.
fn listed(step: &File, mark: &str) -> String {
    let apart = match step.mode {
        Some("no-transaction") => paint(CAREFUL, "  outside a transaction"),
        _ => String::new(),
    };
    let file = visible::line(step.file());
    format!("  {} {file}{apart}\n", paint(WAITING, mark))
}

fn baselined(outcome: &Outcome, baseline: &Work) -> String {
    let mut text = header_of(outcome);
    for done in &baseline.done {
        let file = visible::line(done.file.file());
        text += &format!("  {} {file}\n", paint(GOOD, "✓"));
    }
    let pending = line::are(baseline.pending.len());
    text + &match baseline.done.len() {
        0 => format!("Nothing to record: it is in the ledger already; {pending} pending\n"),
        count => {
            let count = line::count(count, "migration");
            let done = paint(GOOD, format!("{count} recorded as applied"));
            format!("{done} without being run; {pending} pending\n")
        }
    }
}

fn checked(outcome: &Outcome, check: &Check, look: Look) -> String {
    let (Some(files), None) = (check.files, &outcome.trouble) else {
        return String::new();
    };
    let new = match (&check.base, check.new.len()) {
        (None, _) => String::new(),
        (Some(base), count) => {
            format!(
                "; {} new to {}",
                line::are(count),
                visible::line(&base.name)
            )
        }
    };
    let mark = paint(GOOD, "✓");
    let does = planned(&check.new, &check.effects, "+", look);
    format!(
        "{does}{mark} {} read and checked{new}\n",
        line::count(files, "migration")
    )
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
