//! A mapping of the file, and the values of its keys by type.

use super::document::{Node, Value, quoted};
use super::fault::{Fault, Faults};
use super::nearest::nearest;
use crate::duration;
use std::time::Duration;

/// A mapping's entries by key.
pub(super) struct Section<'a> {
    name: &'static str,
    entries: Vec<(&'a str, &'a Node)>,
}

/// Which keys a mapping may have.
#[derive(Clone, Copy)]
pub(super) enum Keys {
    /// These; any other is a mistake.
    Only(&'static [&'static str]),
    /// Any: they are names, or other tools' business.
    Any,
}

/// What a duration may be besides a duration.
#[derive(Clone, Copy)]
pub(super) enum Limit {
    /// `none` turns it off; zero would be ambiguous.
    OrNone,
    /// Zero is fine: do not wait at all.
    OrZero,
    /// It has to be longer than zero.
    Positive,
}

impl<'a> Section<'a> {
    /// Reads a mapping; nothing at all is one without entries.
    pub(super) fn read(
        name: &'static str,
        node: Option<&'a Node>,
        keys: Keys,
        faults: &mut Faults,
    ) -> Self {
        let mut section = Self {
            name,
            entries: Vec::new(),
        };
        match node.map(|node| (node, &node.value)) {
            None | Some((_, Value::Null)) => {}
            Some((_, Value::Map(entries))) => {
                for (key, value) in entries {
                    section.add(key, value, keys, faults);
                }
            }
            Some((node, _)) => faults.invalid(name, node, "a mapping of keys to values"),
        }
        section
    }

    fn add(&mut self, key: &'a Node, value: &'a Node, keys: Keys, faults: &mut Faults) {
        let Some(word) = key.text() else {
            let message = format!("a key{} is {}; expected text", self.place(), key.describe());
            let fault = Fault::new("config_invalid_value", key, message);
            return faults.push(fault.help("put the key in quotes"));
        };
        if self.get(word).is_some() {
            let message = format!("{} is given twice{}", quoted(word), self.place());
            return faults.push(Fault::new("config_duplicate_key", key, message));
        }
        match keys {
            Keys::Only(known) if !known.contains(&word) => self.unknown(key, word, known, faults),
            Keys::Only(_) | Keys::Any => self.entries.push((word, value)),
        }
    }

    fn unknown(&self, key: &Node, word: &str, known: &[&str], faults: &mut Faults) {
        let message = format!("unknown key {}{}", quoted(word), self.place());
        let help = match nearest(word, known.iter().copied()) {
            Some(known) => format!("did you mean `{known}`?"),
            None => format!("the keys here are {}", known.join(", ")),
        };
        let fault = Fault::new("config_unknown_key", key, message);
        faults.push(fault.help(help).shown(word.chars().count()));
    }

    fn place(&self) -> String {
        match self.name {
            "" => String::new(),
            name => format!(" under `{name}`"),
        }
    }

    /// The value of this key.
    pub(super) fn get(&self, key: &str) -> Option<&'a Node> {
        let entry = self.entries.iter().find(|(word, _)| *word == key);
        entry.map(|(_, node)| *node)
    }

    /// The entries, in the file's order.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a str, &'a Node)> {
        self.entries.iter().copied()
    }

    /// A text.
    pub(super) fn text(&self, key: &str, faults: &mut Faults) -> Option<&'a str> {
        let node = self.get(key)?;
        if node.text().is_none() {
            faults.invalid(key, node, "text");
        }
        node.text()
    }

    /// True or false.
    pub(super) fn flag(&self, key: &str, faults: &mut Faults) -> Option<bool> {
        let node = self.get(key)?;
        if let Value::Bool(flag) = node.value {
            return Some(flag);
        }
        faults.invalid(key, node, "true or false");
        None
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(
        &self,
        key: &str,
        all: &[T],
        word: fn(T) -> &'static str,
        faults: &mut Faults,
    ) -> Option<T> {
        let node = self.get(key)?;
        let found = all
            .iter()
            .find(|choice| node.text() == Some(word(**choice)));
        if found.is_none() {
            let words: Vec<_> = all.iter().map(|choice| word(*choice)).collect();
            faults.invalid(key, node, &words.join(" or "));
        }
        found.copied()
    }

    /// A duration.
    pub(super) fn duration(
        &self,
        key: &str,
        limit: Limit,
        faults: &mut Faults,
    ) -> Option<Duration> {
        let node = self.get(key)?;
        let duration = read_duration(node, limit);
        if let Err(problem) = duration {
            let or_none = match limit {
                Limit::OrNone => ", or none",
                Limit::OrZero | Limit::Positive => "",
            };
            let expected = duration::EXPECTED;
            let found = node.describe();
            let message = format!("`{key}` is {found}, which {problem}; {expected}{or_none}");
            faults.push(Fault::new("config_invalid_value", node, message));
        }
        duration.ok()
    }
}

fn read_duration(node: &Node, limit: Limit) -> Result<Duration, &'static str> {
    let text = node.text().ok_or("is not a duration")?;
    match limit {
        Limit::OrNone => duration::parse_limit(text),
        Limit::OrZero => duration::parse(text),
        Limit::Positive => match duration::parse(text)? {
            Duration::ZERO => Err("leaves no time at all"),
            duration => Ok(duration),
        },
    }
}
