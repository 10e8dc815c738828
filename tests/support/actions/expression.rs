//! `${{ … }}`: names, and a name compared with a text.

use std::collections::BTreeMap;

/// What names stand for: `secrets.X`, `needs.build.outputs.y`.
#[derive(Debug, Clone, Default)]
pub(super) struct Context {
    values: BTreeMap<String, String>,
}

/// The contexts in which a name that was not given is empty, as it is for GitHub.
const KNOWN: [&str; 7] = [
    "github.", "inputs.", "needs.", "runner.", "secrets.", "steps.", "vars.",
];

impl Context {
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.values.insert(name.to_owned(), value.to_owned());
    }

    /// A text with its expressions filled in.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut parts = text.split("${{");
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (expression, rest) = part.split_once("}}").expect("an expression ends");
            filled += self.value(expression.trim());
            filled += rest;
        }
        filled
    }

    /// Whether a condition is met.
    pub(super) fn holds(&self, condition: &str) -> bool {
        let compare = |operator| condition.split_once(operator);
        match (compare(" == "), compare(" != ")) {
            (Some((name, text)), None) => self.value(name) == literal(text),
            (None, Some((name, text))) => self.value(name) != literal(text),
            _ => panic!("this condition is not known here: {condition}"),
        }
    }

    fn value(&self, name: &str) -> &str {
        let is_name = name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        let is_known = KNOWN.iter().any(|context| name.starts_with(context));
        assert!(
            is_name && is_known,
            "this expression is not known here: {name}"
        );
        self.values.get(name).map_or("", String::as_str)
    }
}

fn literal(text: &str) -> &str {
    let text = text
        .strip_prefix('\'')
        .and_then(|text| text.strip_suffix('\''));
    text.expect("a text stands in quotes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_in_and_anything_else_is_refused() {
        let mut context = Context::default();
        context.set("inputs.a", "1");
        assert_eq!(context.fill("x ${{ inputs.a }}${{ vars.none }} y"), "x 1 y");
        assert!(context.holds("inputs.a == '1'") && context.holds("inputs.b != '1'"));
        for refused in [
            "${{ env.a }}",
            "${{ inputs.a && inputs.b }}",
            "${{ hashFiles('a') }}",
        ] {
            let fill = std::panic::catch_unwind(|| Context::default().fill(refused));
            assert!(fill.is_err(), "{refused}");
        }
    }
}
