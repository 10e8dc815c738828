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
        Body::Migrate(migrate) => {
            applied = Some(migrate.applied.len());
            pending = outcome.place.is_some().then_some(migrate.pending.len());
            digest = migrate.plan.as_ref();
            failed = migrate
                .failure
                .as_ref()
                .map(|failure| &failure.file.version);
        }
        Body::Status(status) => {
            pending = status.plan.as_ref().map(|plan| plan.steps.len());
            digest = status.plan.as_ref();
        }
        _ => {}
    }
    let count = |number: Option<usize>| number.map(|number| number.to_string());
    let values = [
        ("applied", count(applied)),
        ("pending", count(pending)),
        ("plan_digest", digest.map(|plan| plan.digest.clone())),
        ("failed_version", failed.cloned()),
    ];
    let output = |(name, value): (&str, Option<String>)| {
        format!("{name}<<{token}\n{}\n{token}\n", value.unwrap_or_default())
    };
    values.into_iter().map(output).collect()
}
