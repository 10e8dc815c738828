//! What the Supabase CLI writes to stdout.

use super::redaction::Redaction;
use serde::Deserialize;

/// The document at the end of its stdout.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Answer {
    /// The files that it applied, or would apply, by their own names.
    pub(super) migrations: Vec<String>,
    #[serde(rename = "error")]
    pub(super) refusal: Option<Refusal>,
}

/// Why it did nothing, or did not do all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) suggestion: Option<String>,
}

impl Answer {
    /// The last object in the text, whatever stands before it; `None` where there is none.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut starts: Vec<_> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
        starts.insert(0, 0);
        let objects = starts
            .iter()
            .rev()
            .filter(|start| text[**start..].starts_with('{'));
        objects
            .map(|start| &text[*start..])
            .find_map(|text| serde_json::from_str(text).ok())
    }
}

impl Refusal {
    /// The same without the password. A text as JSON spells it cannot be searched for one, nor may one that is as short
    /// as a quotation mark change what is JSON.
    pub(super) fn redacted(self, redaction: &Redaction) -> Self {
        Self {
            message: redaction.of_text(&self.message),
            suggestion: self.suggestion.map(|text| redaction.of_text(&text)),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_object_counts() {
        let done =
            Answer::read("notice\n{\"migrations\":[]}\n{\"migrations\":[\"1_a.sql\"],\"new\":1}\n");
        assert_eq!(done.unwrap().migrations, ["1_a.sql"]);
        let pretty = Answer::read("{\n  \"error\": {\"code\": \"X\", \"message\": \"y\"}\n}\n");
        assert_eq!(pretty.unwrap().refusal.unwrap().code, "X");
    }

    #[test]
    fn what_is_no_object_is_no_answer() {
        for text in [
            "",
            "Finished supabase db push.\n",
            "[1]\n",
            "{\"migrations\": 1}\n",
            "{",
        ] {
            assert_eq!(Answer::read(text), None, "{text}");
        }
    }
}
