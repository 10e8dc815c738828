//! What each statement of a migration does, by reading its text.

mod alteration;
mod call;
mod locks;
mod node;
mod rows;
mod subject;

use super::stack::on_large_stack;
use super::statement::{Statement, split};
use super::syntax::{MOST, is_readable};
use crate::effect::{Effect, EffectVerb, Lock, LockMode, Locked};
use crate::migration::Migration;
use node::Node;
use squawk_syntax::ast::{AstNode, Stmt};
use squawk_syntax::{SourceFile, SyntaxKind, SyntaxNode};
use std::collections::BTreeSet;
use subject::{Subject, created};

/// Of a statement that is too large for the parser, so much is looked at, if it is one whose beginning says it all.
const BEGINNING: usize = 1024;

/// Reads migrations in the order in which they will run, and remembers what they make.
///
/// A table that the same run makes has no readers yet: locks on it keep nobody waiting.
#[derive(Debug, Clone, Default)]
pub struct EffectReader {
    made: BTreeSet<String>,
}

/// What one statement's text says, before it is known which tables are new.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub(super) effect: Effect,
    /// The table that it makes.
    pub(super) makes: Option<String>,
    /// Whether the table may have been there before.
    may_exist: bool,
    /// The new name of a table.
    pub(super) renamed: Option<String>,
}

/// What each statement of one migration does.
#[must_use]
pub fn effects(migration: &Migration) -> Vec<Effect> {
    EffectReader::default().read(migration)
}

impl EffectReader {
    /// What each statement of the next migration does. Where the parser fails by its own fault, nothing is known.
    pub fn read(&mut self, migration: &Migration) -> Vec<Effect> {
        let text = migration.text().as_str();
        let own = |statement: &Statement| {
            let spans = migration.statements();
            let found = spans.binary_search_by_key(&statement.span.start, |span| span.start);
            found.is_ok()
        };
        let statements: Vec<_> = split(text).statements.into_iter().filter(own).collect();
        let readings = on_large_stack("effects", || readings(text, &statements));
        let readings =
            readings.unwrap_or_else(|| statements.iter().map(|_| Reading::unread()).collect());
        let mut line = Lines::new(text);
        let numbered = readings.into_iter().zip(&statements).enumerate();
        numbered
            .map(|(index, (reading, statement))| {
                let mut effect = self.place(reading);
                effect.statement = index + 1;
                effect.line = line.of(statement.span.start);
                effect
            })
            .collect()
    }

    /// Marks what this run has made, and remembers what the statement makes.
    fn place(&mut self, reading: Reading) -> Effect {
        let mut effect = reading.effect;
        for lock in &mut effect.locks {
            lock.is_new = match &lock.on {
                Locked::Table(name) | Locked::View(name) | Locked::IndexesOf(name) => {
                    self.made.contains(name)
                }
                Locked::Index(_) | Locked::TableOf(_) => false,
            };
        }
        if is_about_new(&effect) {
            effect.destroys = false;
            self.made.extend(reading.renamed);
        }
        self.made
            .extend(reading.makes.filter(|_| !reading.may_exist));
        effect
    }
}

/// Whether everything that it writes to or changes was made by the same run.
fn is_about_new(effect: &Effect) -> bool {
    let changed = |lock: &&Lock| lock.mode >= LockMode::RowExclusive && !lock.is_referenced;
    let mut changed = effect.locks.iter().filter(changed).peekable();
    changed.peek().is_some() && changed.all(|lock| lock.is_new)
}

/// The lines of offsets that only grow.
struct Lines<'t> {
    text: &'t str,
    offset: usize,
    line: u32,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            offset: 0,
            line: 1,
        }
    }

    fn of(&mut self, offset: usize) -> u32 {
        let between = self.text.get(self.offset..offset).unwrap_or_default();
        let breaks = between.bytes().filter(|byte| *byte == b'\n').count();
        self.line = self
            .line
            .saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX));
        self.offset = offset;
        self.line
    }
}

fn readings(text: &str, statements: &[Statement]) -> Vec<Reading> {
    let start = statements
        .first()
        .map_or(0, |statement| statement.span.start);
    let read = |statement: &Statement| {
        let is_within = statement.end - start <= MOST;
        match is_within && is_readable(statement) {
            true => Reading::of(&text[statement.span.range()]),
            false => Reading::of_beginning(&text[statement.span.range()]),
        }
    };
    statements.iter().map(read).collect()
}

impl Reading {
    /// Reads one statement, given without its semicolon. Needs a large stack.
    pub(super) fn of(statement: &str) -> Self {
        let tree = SourceFile::parse(statement).syntax_node();
        let mut statements = tree.children().filter(|node| Stmt::can_cast(node.kind()));
        let is_whole = tree
            .descendants()
            .all(|node| node.kind() != SyntaxKind::ERROR);
        match (statements.next(), statements.next()) {
            (Some(node), None) if is_whole => Self::of_node(&node),
            _ => Self::unread(),
        }
    }

    /// `INSERT` and `COPY` name their table first; what follows is rows.
    fn of_beginning(statement: &str) -> Self {
        let mut end = BEGINNING.min(statement.len());
        while !statement.is_char_boundary(end) {
            end -= 1;
        }
        let tree = SourceFile::parse(&statement[..end]).syntax_node();
        match tree.first_child() {
            Some(node) if matches!(node.kind(), SyntaxKind::INSERT | SyntaxKind::COPY) => {
                Self::of_node(&node)
            }
            _ => Self::unread(),
        }
    }

    fn of_node(node: &SyntaxNode) -> Self {
        let Subject {
            verb,
            kind,
            names,
            details,
        } = Subject::of(node);
        let makes = makes(node);
        let mut locks = locks::locks(node);
        locks.retain(
            |lock| !matches!(&lock.on, Locked::Table(name) if makes.as_ref() == Some(name)),
        );
        Self {
            effect: Effect {
                verb,
                kind,
                names,
                details,
                locks,
                destroys: subject::destroys(node),
                ..Self::unread().effect
            },
            makes,
            may_exist: node.has(SyntaxKind::IF_NOT_EXISTS),
            renamed: renamed(node),
        }
    }

    fn unread() -> Self {
        let effect = Effect {
            statement: 0,
            line: 0,
            count: 1,
            verb: EffectVerb::Unread,
            kind: None,
            names: Vec::new(),
            details: vec!["a statement that devflow cannot read".to_owned()],
            locks: Vec::new(),
            destroys: false,
        };
        Self {
            effect,
            makes: None,
            may_exist: false,
            renamed: None,
        }
    }
}

/// The table or materialized view that a statement makes.
fn makes(statement: &SyntaxNode) -> Option<String> {
    use SyntaxKind as S;
    match statement.kind() {
        S::CREATE_TABLE | S::CREATE_TABLE_AS | S::CREATE_FOREIGN_TABLE | S::SELECT_INTO => {
            created(statement)
        }
        S::CREATE_MATERIALIZED_VIEW => statement.child(S::VIEW)?.name(),
        _ => None,
    }
}

fn renamed(statement: &SyntaxNode) -> Option<String> {
    statement.child(SyntaxKind::TABLE_RENAME_TO)?.relation()
}

#[cfg(test)]
mod tests;
