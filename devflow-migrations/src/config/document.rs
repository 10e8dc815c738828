//! The YAML of a devflow.yml as a tree of numbered nodes, and the place of each.

use super::Place;
use crate::problem::{Problem, SourceError};
use crate::text::{Position, Text};
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::cell::Cell;
use std::fmt;

/// A devflow.yml that is UTF-8.
pub(super) struct Document {
    path: String,
    text: Text,
}

/// A value or a key, numbered in the order of the file.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) number: u32,
    pub(super) value: Value,
}

/// What a node holds.
#[derive(Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

/// The sections that are ours. Others belong to other tools: they are not even read.
const SECTIONS: [&str; 3] = ["version", "project", "database"];

/// More nodes than any configuration has; aliases that multiply would fill the memory.
const MAX_NODES: u32 = 10_000;

/// More brackets inside each other than any file has, even when some are only text.
const MAX_DEPTH: usize = 1_000;

/// A longer line of the file is not worth showing.
const MAX_SHOWN: usize = 200;

impl Document {
    pub(super) fn new(path: String, text: Text) -> Self {
        Self { path, text }
    }

    /// Reads the sections that are ours.
    pub(super) fn parse(&self) -> Result<Node, SourceError> {
        if is_too_deep(self.text.as_str()) {
            return Err(self.malformed("it is nested too deeply".to_owned(), None));
        }
        self.read(None).map_err(|error| {
            let position = position(&error);
            let mut message = error.to_string();
            if let Some(Position { line, column }) = position {
                message = message.replacen(&format!(" at line {line} column {column}"), "", 1);
            }
            self.malformed(message, position)
        })
    }

    /// The path as users know it.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The place of a node, and its line.
    pub(super) fn place(&self, node: &Node) -> Place {
        self.place_of(node.number, usize::MAX)
    }

    /// The place of the node with this number, and its line up to so many characters behind its beginning.
    ///
    /// The YAML parser tells places with its errors only. So the file is read once more, and that node refused.
    pub(super) fn place_of(&self, number: u32, shown: usize) -> Place {
        let refusal = self.read(Some(number)).err();
        let position = refusal.as_ref().and_then(position);
        (
            position,
            position.and_then(|position| self.line(position, shown)),
        )
    }

    /// The line, unless it is too long to show or may hold a secret.
    fn line(&self, position: Position, shown: usize) -> Option<String> {
        let line = self.text.line(position.line);
        let end = (position.column as usize - 1).saturating_add(shown);
        let cut = line.char_indices().nth(end).map(|(end, _)| &line[..end]);
        let line = cut.unwrap_or(line);
        let lower = line.to_ascii_lowercase();
        let secret = lower.contains("://") || lower.contains("password");
        if secret || line.trim().is_empty() || line.chars().count() > MAX_SHOWN {
            return None;
        }
        let dots = if cut.is_some() { "…" } else { "" };
        Some(line.chars().map(visible).chain(dots.chars()).collect())
    }

    fn read(&self, refused: Option<u32>) -> Result<Node, serde_yaml::Error> {
        let reading = Reading {
            count: Cell::new(0),
            refused,
        };
        let deserializer = serde_yaml::Deserializer::from_str(self.text.as_str());
        NodeSeed {
            reading: &reading,
            is_root: true,
        }
        .deserialize(deserializer)
    }

    fn malformed(&self, message: String, position: Option<Position>) -> SourceError {
        SourceError::from(Problem {
            code: "config_malformed",
            path: self.path.clone(),
            position,
            message: format!("this is not YAML that devflow can read: {message}"),
            line: position.and_then(|position| self.line(position, usize::MAX)),
            help: None,
        })
    }
}

/// Whether brackets open inside each other beyond all need: the YAML parser's time grows with the square of that.
fn is_too_deep(text: &str) -> bool {
    let mut depth = 0_usize;
    text.bytes().any(|byte| {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > MAX_DEPTH
    })
}

fn position(error: &serde_yaml::Error) -> Option<Position> {
    let location = error.location()?;
    Some(Position {
        line: u32::try_from(location.line()).ok()?,
        column: u32::try_from(location.column()).ok()?,
    })
}

/// A control character would move the caret, or the terminal.
fn visible(character: char) -> char {
    match character {
        '\t' => ' ',
        character if character.is_control() => char::REPLACEMENT_CHARACTER,
        character => character,
    }
}

/// One pass over the file.
struct Reading {
    count: Cell<u32>,
    refused: Option<u32>,
}

#[derive(Clone, Copy)]
struct NodeSeed<'a> {
    reading: &'a Reading,
    is_root: bool,
}

struct NodeVisitor<'a> {
    reading: &'a Reading,
    is_root: bool,
    number: u32,
}

/// Fails on whatever it meets, so that the error tells its place.
struct Refusal;

impl<'de> Visitor<'de> for Refusal {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {MAX_NODES} values")
    }
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_> {
    type Value = Node;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        let number = self.reading.count.get();
        self.reading.count.set(number + 1);
        if number >= MAX_NODES || self.reading.refused == Some(number) {
            return deserializer.deserialize_any(Refusal);
        }
        deserializer.deserialize_any(NodeVisitor {
            reading: self.reading,
            is_root: self.is_root,
            number,
        })
    }
}

impl NodeVisitor<'_> {
    fn node<E>(&self, value: Value) -> Result<Node, E> {
        let number = self.number;
        Ok(Node { number, value })
    }

    fn child(&self) -> NodeSeed<'_> {
        NodeSeed {
            reading: self.reading,
            is_root: false,
        }
    }
}

impl<'de> Visitor<'de> for NodeVisitor<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value without a tag")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        self.node(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        self.node(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        self.node(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        self.node(Value::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        self.node(Value::Number(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Node, E> {
        self.node(Value::Number(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Node, E> {
        self.node(Value::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        self.node(Value::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        self.node(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.child())? {
            list.push(item);
        }
        self.node(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key_seed(self.child())? {
            if self.is_root && !key.text().is_some_and(|key| SECTIONS.contains(&key)) {
                entries.next_value::<IgnoredAny>()?;
            } else {
                map.push((key, entries.next_value_seed(self.child())?));
            }
        }
        self.node(Value::Map(map))
    }
}

impl Node {
    /// The number of the whole file's node.
    pub(super) const ROOT: u32 = 0;

    /// The text, where it holds one.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What was found, for a message.
    pub(super) fn describe(&self) -> String {
        match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Number(number) => format!("the number {number}"),
            Value::Text(text) => quoted(text),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
        }
    }
}

/// A text of the file in a message: short, on one line.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
