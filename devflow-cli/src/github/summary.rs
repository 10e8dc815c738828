//! A job's summary.

use super::effect;
use super::markdown::{block, code, plain};
use crate::outcome::{
    Applied, Body, Check, Correction, Difference, Failure, File, Finding, Mode, Outcome, Place,
    Problem, Repair, Snippet, Standing, Status, Trouble, Work,
};
use crate::{duration, exit};

/// How many rows a table shows; the log and the JSON have all of them.
const ROWS: usize = 100;

/// Markdown: where, what came of it, what failed, what is pending, and the plan's digest.
pub(super) fn summary(outcome: &Outcome) -> String {
    let command = outcome.body.command().unwrap_or_default();
    let mut text = format!("### devflow {command}{}\n\n", environment(outcome));
    text += &verdict(outcome);
    text.extend(
        outcome
            .trouble
            .as_ref()
            .map(|trouble| failed(outcome, trouble)),
    );
    text += &findings(outcome);
    text += &match &outcome.body {
        Body::Migrate(work) | Body::Baseline(work) | Body::Adopt(work) | Body::Revert(work) => {
            worked(&outcome.body, work)
        }
        Body::Status(status) => state(status),
        Body::Repair(repair) => repaired(repair),
        Body::Check(Check { new, effects, .. }) => effect::files("New", new, effects, ROWS)
            .map_or_else(
                || list("New", new.iter()),
                |text| text + &beyond(0, new.len()),
            ),
        Body::None | Body::Text(_) | Body::Init(_) | Body::New(_) => String::new(),
        Body::Show(_) | Body::Log(_) | Body::Config(_) => String::new(),
    };
    for remark in &outcome.remarks {
        text += &format!("> {}\n\n", plain(&remark.text));
    }
    text
}

fn environment(outcome: &Outcome) -> String {
    let name = outcome.environment.as_deref();
    name.map_or_else(String::new, |name| format!(" · {}", code(name)))
}

fn verdict(outcome: &Outcome) -> String {
    let code_of = exit::code(outcome);
    let word = match code_of {
        0 => "✅ done".to_owned(),
        3 => "🟡 migrations are pending (exit 3)".to_owned(),
        _ => format!("❌ exit {code_of}"),
    };
    let mut parts = vec![format!("**{word}**")];
    parts.extend(outcome.place.as_ref().map(place));
    parts.extend(outcome.run.as_ref().map(|run| format!("run {}", code(run))));
    parts.push(duration::of_ms(outcome.elapsed_ms));
    format!("{}\n\n", parts.join(" · "))
}

fn place(place: &Place) -> String {
    let version = place.server_version.split(' ').next().unwrap_or_default();
    format!(
        "{} on {} · PostgreSQL {}",
        code(&place.database),
        code(&place.server),
        plain(version)
    )
}

fn failed(outcome: &Outcome, trouble: &Trouble) -> String {
    let failure = outcome.body.work().and_then(|work| work.failure.as_deref());
    let mut text = match failure {
        Some(failure) => of_failure(failure),
        None => format!("{}\n\n", plain(&trouble.message)),
    };
    text += &differences(&outcome.differences);
    text.extend(trouble.problems.iter().map(problem));
    text.extend(trouble.help.as_ref().map(|help| helped(help)));
    text
}

/// What is not as it was approved.
fn differences(all: &[Difference]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let line = |difference: &Difference| format!("- ❌ {}\n", plain(&difference.message));
    let lines: String = all.iter().take(ROWS).map(line).collect();
    lines + &more(all.len()) + "\n"
}

fn of_failure(failure: &Failure) -> String {
    let state = failure.sqlstate.as_ref();
    let state = state.map_or_else(String::new, |state| format!(" (SQLSTATE {})", code(state)));
    let at = at(&failure.file.path, failure.snippet.as_ref());
    let mut text = format!("{at}: {}{state}\n\n", plain(&failure.message));
    text.extend(failure.snippet.as_ref().and_then(shown));
    text.extend(failure.hint.as_ref().map(|hint| helped(hint)));
    text
}

fn problem(problem: &Problem) -> String {
    let at = at(&problem.path, problem.snippet.as_ref());
    let mut text = format!("{at}: {}\n\n", plain(&problem.message));
    text.extend(problem.snippet.as_ref().and_then(shown));
    text.extend(problem.help.as_ref().map(|help| helped(help)));
    text
}

fn at(path: &str, snippet: Option<&Snippet>) -> String {
    let place = snippet.map_or_else(String::new, |at| format!(":{}:{}", at.line, at.column));
    code(&format!("{path}{place}"))
}

fn shown(snippet: &Snippet) -> Option<String> {
    let text = snippet.text.as_ref()?;
    Some(format!("{}\n", block("sql", text)))
}

fn helped(help: &str) -> String {
    format!("*{}*\n\n", plain(help))
}

fn findings(outcome: &Outcome) -> String {
    let finding = |finding: &Finding| {
        let mark = if finding.refused { "❌" } else { "⚠️" };
        let help = finding.help.as_ref();
        let help = help.map_or_else(String::new, |help| format!("<br>*{}*", plain(help)));
        format!("- {mark} {}{help}\n", plain(&finding.message))
    };
    let lines: String = outcome.findings.iter().map(finding).collect();
    match lines.is_empty() {
        true => lines,
        false => lines + "\n",
    }
}

fn worked(body: &Body, work: &Work) -> String {
    let participle = body.participle();
    let mut text = match body {
        Body::Baseline(_) | Body::Adopt(_) => list(
            "Recorded as applied",
            work.done.iter().map(|done| &done.file),
        ),
        _ => done(participle, &work.done),
    };
    let title = match work.mode {
        Mode::DryRun => format!("Would be {participle}"),
        Mode::Apply => "Pending".to_owned(),
    };
    let steps = match (work.mode, &work.plan) {
        (Mode::DryRun, Some(plan)) => effect::files(&title, &plan.steps, &plan.effects, ROWS),
        _ => None,
    };
    text += &match (steps, &work.plan) {
        (Some(steps), Some(plan)) => steps + &beyond(work.pending.len(), plan.steps.len()),
        _ => list(&title, work.pending.iter()),
    };
    if !work.unconfirmed.is_empty() {
        let versions: Vec<_> = work.unconfirmed.iter().map(|it| code(it)).collect();
        text += &format!(
            "Whether these were committed could not be confirmed: {}\n\n",
            versions.join(", ")
        );
    }
    text.extend(work.plan.as_ref().map(|plan| digest(&plan.digest)));
    text
}

/// Each decision with what the ledger says before and after.
fn repaired(repair: &Repair) -> String {
    let event = |standing: &Standing| code(standing.event);
    let row = |row: &Correction| {
        let before = row
            .before
            .as_ref()
            .map_or_else(|| "nothing".to_owned(), event);
        format!(
            "| {} | {before} | {} |\n",
            code(&row.version),
            event(&row.after)
        )
    };
    let mut text = "| version | before | after |\n| --- | --- | --- |\n".to_owned();
    text.extend(repair.corrections.iter().take(ROWS).map(row));
    text += &(more(repair.corrections.len()) + "\n");
    text.extend(repair.digest.as_ref().map(|text| digest(text)));
    text
}

fn done(participle: &str, applied: &[Applied]) -> String {
    if applied.is_empty() {
        return String::new();
    }
    let mut text = format!("| {participle} | time |\n| --- | ---: |\n");
    for step in applied.iter().take(ROWS) {
        let took = duration::of_ms(step.execution_ms);
        text += &format!("| {} | {took} |\n", code(step.file.file()));
    }
    text + &more(applied.len()) + "\n"
}

fn list<'a>(title: &str, files: impl ExactSizeIterator<Item = &'a File>) -> String {
    let count = files.len();
    if count == 0 {
        return String::new();
    }
    let mut text = format!("{title} ({count}):\n\n");
    for file in files.take(ROWS) {
        text += &format!("- {}\n", code(file.file()));
    }
    text + &more(count) + "\n"
}

/// What is left out of so many steps, and what lies beyond the target.
fn beyond(pending: usize, steps: usize) -> String {
    let more = match more(steps) {
        more if more.is_empty() => more,
        more => more + "\n",
    };
    match pending.saturating_sub(steps) {
        0 => more,
        count => format!("{more}{count} beyond the target\n\n"),
    }
}

fn more(count: usize) -> String {
    match count.checked_sub(ROWS) {
        None | Some(0) => String::new(),
        Some(more) => format!("\n… and {more} more\n"),
    }
}

fn state(status: &Status) -> String {
    let mut text = String::new();
    if let Some(plan) = &status.plan {
        text += &list("Pending", plan.steps.iter());
        text += &digest(&plan.digest);
    }
    text
}

fn digest(digest: &str) -> String {
    format!("Plan {}\n\n", code(digest))
}
