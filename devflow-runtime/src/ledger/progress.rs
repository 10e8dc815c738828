//! What a row's `detail` says of the statements of a file outside a transaction.

use devflow_migrations::{Fingerprint, Progress};
use serde_json::{Value, json};

/// As JSON.
pub(crate) fn progress_json(progress: &Progress) -> Value {
    let mut json = json!({ "completed": progress.completed.to_string() });
    if let Some(in_flight) = &progress.in_flight {
        json["in_flight"] = json!(in_flight.to_string());
    }
    if !progress.statements.is_empty() {
        let statements = progress.statements.iter().map(ToString::to_string);
        json["statements"] = statements.collect();
    }
    json
}

/// Reads it back; `None` for a detail that says nothing of statements.
pub(super) fn read(detail: &str) -> Option<Progress> {
    // Most rows have another detail, or none.
    let json: Value = serde_json::from_str(detail).ok()?;
    let fingerprint = |json: &Value| json.as_str().map(Fingerprint::read);
    let statements = json.get("statements").and_then(Value::as_array);
    Some(Progress {
        completed: fingerprint(json.get("completed")?)?,
        in_flight: json.get("in_flight").and_then(fingerprint),
        statements: statements
            .into_iter()
            .flatten()
            .filter_map(fingerprint)
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back() {
        let one = Fingerprint::read("0123456789abcdef");
        let progress = Progress {
            completed: one.clone(),
            in_flight: Some(one.clone()),
            statements: vec![one.clone(), one.clone()],
        };
        assert_eq!(read(&progress_json(&progress).to_string()), Some(progress));
        let bare = Progress {
            completed: one,
            in_flight: None,
            statements: Vec::new(),
        };
        assert_eq!(read(&progress_json(&bare).to_string()), Some(bare));
        assert_eq!(read(r#"{"repair": "by hand"}"#), None);
        assert_eq!(read("[]"), None);
    }
}
