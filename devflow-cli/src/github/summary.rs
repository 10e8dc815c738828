//! A job's summary.

use super::markdown::{block, code, plain};
use crate::outcome::{
    Applied, Baseline, Body, Failure, File, Finding, Migrate, MigrateMode, Outcome, Place, Plan,
    Problem, Snippet, Status, Trouble,
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
        Body::Migrate(migrate) => migrated(migrate),
        Body::Status(status) => state(status),
        Body::Baseline(Baseline { baselined, .. }) => list("Recorded as applied", baselined),
        _ => String::new(),
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
    let failure = match &outcome.body {
        Body::Migrate(migrate) => migrate.failure.as_deref(),
        _ => None,
    };
    let mut text = match failure {
        Some(failure) => of_failure(failure),
        None => format!("{}\n\n", plain(&trouble.message)),
    };
    text.extend(trouble.problems.iter().map(problem));
    text.extend(trouble.help.as_ref().map(|help| helped(help)));
    text
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

fn migrated(migrate: &Migrate) -> String {
    let mut text = applied(&migrate.applied);
    let title = match migrate.mode {
        MigrateMode::DryRun => "Would be applied",
        MigrateMode::Apply => "Pending",
    };
    text += &list(title, &migrate.pending);
    if !migrate.unconfirmed.is_empty() {
        let versions: Vec<_> = migrate.unconfirmed.iter().map(|it| code(it)).collect();
        text += &format!(
            "Whether these were committed could not be confirmed: {}\n\n",
            versions.join(", ")
        );
    }
    text.extend(migrate.plan.as_ref().map(digest));
    text
}

fn applied(applied: &[Applied]) -> String {
    if applied.is_empty() {
        return String::new();
    }
    let mut text = "| applied | time |\n| --- | ---: |\n".to_owned();
    for step in applied.iter().take(ROWS) {
        let took = duration::of_ms(step.execution_ms);
        text += &format!("| {} | {took} |\n", code(step.file.file()));
    }
    text + &more(applied.len()) + "\n"
}

fn list(title: &str, files: &[File]) -> String {
    if files.is_empty() {
        return String::new();
    }
    let mut text = format!("{title} ({}):\n\n", files.len());
    for file in files.iter().take(ROWS) {
        text += &format!("- {}\n", code(file.file()));
    }
    text + &more(files.len()) + "\n"
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
        text += &list("Pending", &plan.steps);
        text += &digest(plan);
    }
    text
}

fn digest(plan: &Plan) -> String {
    format!("Plan {}\n\n", code(&plan.digest))
}
