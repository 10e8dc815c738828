//! A step's outputs.

use crate::outcome::{Body, Outcome};

/// `applied`, `pending`, `plan_digest` and `failed_version`, each between delimiters that nobody can guess. A count or
/// a digest that the command did not come to is empty.
pub(super) fn outputs(outcome: &Outcome, token: &str) -> String {
    let mut applied = None;
    let mut pending = None;
    let mut digest = None;
    let mut failed = None;
    match &outcome.body {
        body @ (Body::Migrate(work)
        | Body::Baseline(work)
        | Body::Adopt(work)
        | Body::Revert(work)) => {
            applied = matches!(body, Body::Migrate(_)).then_some(work.done.len());
            pending = outcome.place.is_some().then_some(work.pending.len());
            digest = work.plan.as_ref().map(|plan| &plan.digest);
            failed = work.failure.as_ref().map(|failure| &failure.file.version);
        }
        Body::Status(status) => {
            pending = status.plan.as_ref().map(|plan| plan.steps.len());
            digest = status.plan.as_ref().map(|plan| &plan.digest);
        }
        Body::Repair(repair) => digest = repair.digest.as_ref(),
        Body::None | Body::Text(_) | Body::Init(_) | Body::New(_) => {}
        Body::Show(_) | Body::Log(_) | Body::Check(_) | Body::Config(_) => {}
    }
    let count = |number: Option<usize>| number.map(|number| number.to_string());
    let values = [
        ("applied", count(applied)),
        ("pending", count(pending)),
        ("plan_digest", digest.cloned()),
        ("failed_version", failed.cloned()),
    ];
    let output = |(name, value): (&str, Option<String>)| {
        format!("{name}<<{token}\n{}\n{token}\n", value.unwrap_or_default())
    };
    values.into_iter().map(output).collect()
}
