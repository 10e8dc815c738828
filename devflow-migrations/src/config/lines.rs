//! The line of each key that a devflow.yml spells out.

use super::document::{Document, Node, Value};
use super::{Config, file};
use crate::problem::SourceError;
use std::collections::BTreeMap;

impl Config {
    /// The line of each key that the file spells out, by the key's whole path: `database.migrations.directory`.
    ///
    /// # Errors
    /// When the file cannot be read again.
    pub fn lines(&self) -> Result<BTreeMap<String, u32>, SourceError> {
        let text = file::read(&self.path, &self.shown)?;
        let document = Document::new(self.shown.clone(), text);
        let mut lines = BTreeMap::new();
        gather(&document, &document.parse()?, "", &mut lines);
        Ok(lines)
    }

    /// The file's path as users know it.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }
}

fn gather(document: &Document, node: &Node, path: &str, lines: &mut BTreeMap<String, u32>) {
    let Value::Map(entries) = &node.value else {
        return;
    };
    for (key, value) in entries {
        let Some(word) = key.text() else {
            continue;
        };
        let path = match path {
            "" => word.to_owned(),
            path => format!("{path}.{word}"),
        };
        if let (Some(position), _) = document.place(key) {
            lines.insert(path.clone(), position.line);
        }
        gather(document, value, &path, lines);
    }
}
