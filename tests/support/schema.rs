//! JSON held against the published schemas.

use jsonschema::{Retrieve, Uri};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Asserts that a document fits `docs/schema/<schema>`.
///
/// # Panics
/// When it does not; the message names every place.
pub fn validate(schema: &str, document: &Value) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs/schema")
        .join(schema);
    let text =
        fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let schema: Value = serde_json::from_str(&text).expect("a schema is JSON");
    let errors = violations(&schema, document);
    assert!(errors.is_empty(), "{}\nin {document:#}", errors.join("\n"));
}

/// Every place at which a document breaks a schema.
pub(crate) fn violations(schema: &Value, document: &Value) -> Vec<String> {
    let validator = jsonschema::options()
        .with_retriever(Nowhere)
        .should_validate_formats(true)
        .build(schema)
        .expect("the schema is a JSON Schema");
    let errors = validator.iter_errors(document);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// Schemas refer to themselves only.
struct Nowhere;

impl Retrieve for Nowhere {
    fn retrieve(
        &self,
        uri: &Uri<String>,
    ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err(format!("a schema refers to {uri}, which is outside of it").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_the_place_that_breaks_the_schema() {
        let schema = json!({ "properties": { "a": { "type": "integer" } }, "required": ["b"] });
        let found = violations(&schema, &json!({ "a": "x" }));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found.iter().any(|line| line.starts_with("/a: ")),
            "{found:?}"
        );
        assert!(violations(&schema, &json!({ "a": 1, "b": 2 })).is_empty());
    }
}
