//! The locks that a statement takes on what its text names.
//!
//! Modes are those of PostgreSQL's manual: page "Explicit Locking" (explicit-locking) and each statement's own.

use super::alteration;
use super::node::Node;
use super::subject::target;
use crate::effect::{Lock, LockMode, Locked, Toll};
use squawk_syntax::{SyntaxKind, SyntaxNode};
use std::cmp::Reverse;

/// The strongest lock on each thing that the statement names, the strongest first.
pub(super) fn locks(statement: &SyntaxNode) -> Vec<Lock> {
    let mut locks = Locks::default();
    locks.take_statement(statement);
    let queries = ctes(statement);
    for node in statement.descendants() {
        locks.take_part(&node, &queries);
    }
    locks.0.sort_by_key(|lock| Reverse(lock.mode));
    locks.0
}

#[derive(Default)]
struct Locks(Vec<Lock>);

impl Locks {
    fn add(&mut self, on: Option<Locked>, mode: LockMode, toll: Toll) {
        self.push(on, mode, toll, false);
    }

    fn table(&mut self, node: Option<SyntaxNode>, mode: LockMode, toll: Toll) {
        let name = node.and_then(|node| node.relation());
        self.add(name.map(Locked::Table), mode, toll);
    }

    fn push(&mut self, on: Option<Locked>, mode: LockMode, toll: Toll, is_referenced: bool) {
        let Some(on) = on else {
            return;
        };
        match self.0.iter_mut().find(|lock| lock.on == on) {
            Some(lock) => {
                lock.mode = lock.mode.max(mode);
                lock.toll = lock.toll.max(toll);
                lock.is_referenced &= is_referenced;
            }
            None => self.0.push(Lock {
                on,
                mode,
                toll,
                is_new: false,
                is_referenced,
            }),
        }
    }

    /// What a statement of this kind takes as a whole.
    fn take_statement(&mut self, statement: &SyntaxNode) {
        use LockMode as M;
        use SyntaxKind as S;
        let on = || target(statement).map(Locked::Table);
        match statement.kind() {
            S::ALTER_TABLE | S::ALTER_FOREIGN_TABLE => self.altered(statement, Locked::Table),
            S::ALTER_VIEW | S::ALTER_MATERIALIZED_VIEW => self.altered(statement, Locked::View),
            S::ALTER_INDEX => self.altered(statement, Locked::Index),
            S::DROP_TABLE | S::DROP_FOREIGN_TABLE => {
                self.each(statement, S::TABLE_NAME_REF, Locked::Table)
            }
            S::DROP_VIEW | S::DROP_MATERIALIZED_VIEW => {
                self.each(statement, S::VIEW_REF, Locked::View)
            }
            S::TRUNCATE => self.each(statement, S::TABLE_NAME_REF, Locked::Table),
            S::DROP_INDEX => self.dropped_index(statement),
            S::CREATE_INDEX if statement.has_token(S::CONCURRENTLY_KW) => {
                self.add(on(), M::ShareUpdateExclusive, Toll::Scan);
            }
            S::CREATE_INDEX => self.add(on(), M::Share, Toll::Scan),
            S::CREATE_TRIGGER => self.add(on(), M::ShareRowExclusive, Toll::None),
            S::CREATE_POLICY
            | S::ALTER_POLICY
            | S::DROP_POLICY
            | S::CREATE_RULE
            | S::ALTER_RULE
            | S::DROP_RULE
            | S::ALTER_TRIGGER
            | S::DROP_TRIGGER => self.add(on(), M::AccessExclusive, Toll::None),
            S::CREATE_STATISTICS => {
                let table = statement.child(S::FROM_TABLE);
                self.table(table, M::ShareUpdateExclusive, Toll::None);
            }
            S::CREATE_VIEW if statement.has(S::OR_REPLACE) => {
                let view = statement.child(S::VIEW).and_then(|view| view.name());
                self.add(view.map(Locked::View), M::AccessExclusive, Toll::None);
            }
            S::LOCK => self.locked(statement),
            S::COMMENT_ON | S::SECURITY_LABEL => self.described(statement),
            S::REFRESH => self.refreshed(statement),
            S::CLUSTER => self.table(Some(statement.clone()), M::AccessExclusive, Toll::Rewrite),
            S::VACUUM | S::ANALYZE => self.vacuumed(statement),
            S::REINDEX => self.reindexed(statement),
            _ => {}
        }
    }

    fn altered(&mut self, statement: &SyntaxNode, of: fn(String) -> Locked) {
        let Some(name) = statement.relation() else {
            return;
        };
        for action in statement
            .children()
            .skip_while(|it| it.relation().is_none())
            .skip(1)
        {
            let (mode, toll) = (alteration::mode(&action), alteration::toll(&action));
            // The rows of a partition that is attached are looked at, not its parent's.
            let toll = if action.kind() == SyntaxKind::ATTACH_PARTITION {
                Toll::None
            } else {
                toll
            };
            self.add(Some(of(name.clone())), mode, toll);
        }
    }

    fn each(&mut self, statement: &SyntaxNode, kind: SyntaxKind, of: fn(String) -> Locked) {
        let names = statement.descendants().filter(|node| node.kind() == kind);
        for name in names.filter_map(|node| node.name()) {
            self.add(Some(of(name)), LockMode::AccessExclusive, Toll::None);
        }
    }

    fn dropped_index(&mut self, statement: &SyntaxNode) {
        let mode = match statement.has_token(SyntaxKind::CONCURRENTLY_KW) {
            true => LockMode::ShareUpdateExclusive,
            false => LockMode::AccessExclusive,
        };
        let names = statement
            .children()
            .filter(|node| node.kind() == SyntaxKind::INDEX_REF);
        for name in names.filter_map(|node| node.name()) {
            self.add(Some(Locked::TableOf(name.clone())), mode, Toll::None);
            self.add(Some(Locked::Index(name)), mode, Toll::None);
        }
    }

    fn locked(&mut self, statement: &SyntaxNode) {
        let words = statement
            .child(SyntaxKind::LOCK_MODE_CLAUSE)
            .map(|it| it.words().to_uppercase());
        let words = words.unwrap_or_default();
        let named = words
            .strip_prefix("IN ")
            .and_then(|words| words.strip_suffix(" MODE"));
        let mode = LockMode::ALL
            .into_iter()
            .find(|mode| Some(mode.as_str()) == named);
        let mode = mode.unwrap_or(LockMode::AccessExclusive);
        let names = statement
            .descendants()
            .filter(|it| it.kind() == SyntaxKind::RELATION_NAME_REF);
        for name in names.filter_map(|node| node.name()) {
            self.add(Some(Locked::Table(name)), mode, Toll::None);
        }
    }

    fn described(&mut self, statement: &SyntaxNode) {
        use SyntaxKind as S;
        let Some(object) = statement.first_child() else {
            return;
        };
        let mode = LockMode::ShareUpdateExclusive;
        match object.kind() {
            S::OBJECT_TABLE | S::OBJECT_FOREIGN_TABLE => self.table(Some(object), mode, Toll::None),
            S::OBJECT_COLUMN => {
                let column = object.first_child().and_then(|it| it.name());
                let table = column.and_then(|it| Some(it.rsplit_once('.')?.0.to_owned()));
                self.add(table.map(Locked::Table), mode, Toll::None);
            }
            S::OBJECT_VIEW | S::OBJECT_MATERIALIZED_VIEW => {
                self.add(object.relation().map(Locked::View), mode, Toll::None);
            }
            S::OBJECT_INDEX => self.add(object.relation().map(Locked::Index), mode, Toll::None),
            S::OBJECT_CONSTRAINT | S::OBJECT_TRIGGER | S::OBJECT_POLICY | S::OBJECT_RULE => {
                let table = object.children().find(|it| it.relation().is_some());
                self.table(table, LockMode::AccessShare, Toll::None);
            }
            _ => {}
        }
    }

    fn refreshed(&mut self, statement: &SyntaxNode) {
        let mode = match statement.has_token(SyntaxKind::CONCURRENTLY_KW) {
            true => LockMode::Exclusive,
            false => LockMode::AccessExclusive,
        };
        self.add(statement.relation().map(Locked::View), mode, Toll::Rewrite);
    }

    fn vacuumed(&mut self, statement: &SyntaxNode) {
        use SyntaxKind as S;
        let is_full = |node: &SyntaxNode| node.has_token(S::FULL_KW);
        let (mode, toll) =
            match statement.kind() == S::VACUUM && statement.descendants().any(|it| is_full(&it)) {
                true => (LockMode::AccessExclusive, Toll::Rewrite),
                false => (LockMode::ShareUpdateExclusive, Toll::Scan),
            };
        let tables = statement
            .descendants()
            .filter(|it| it.kind() == S::TABLE_RELATION_NAME);
        for table in tables {
            self.table(Some(table), mode, toll);
        }
    }

    fn reindexed(&mut self, statement: &SyntaxNode) {
        use SyntaxKind as S;
        let concurrent = statement
            .descendants()
            .any(|it| it.has_token(S::CONCURRENTLY_KW));
        let (table, index) = match concurrent {
            true => (
                LockMode::ShareUpdateExclusive,
                LockMode::ShareUpdateExclusive,
            ),
            false => (LockMode::Share, LockMode::AccessExclusive),
        };
        let Some(name) = statement.relation() else {
            return;
        };
        let is_index = statement.has(S::REINDEX_TARGET_INDEX);
        let (on, indexes) = match is_index {
            true => (Locked::TableOf(name.clone()), Locked::Index(name)),
            false => (Locked::Table(name.clone()), Locked::IndexesOf(name)),
        };
        self.add(Some(indexes), index, Toll::Rewrite);
        self.add(Some(on), table, Toll::Scan);
    }

    /// What a part of a statement takes, wherever it stands.
    fn take_part(&mut self, node: &SyntaxNode, queries: &[String]) {
        use LockMode as M;
        use SyntaxKind as S;
        let referred = || node.relation().map(Locked::Table);
        match node.kind() {
            S::INSERT => self.table(
                node.child(S::RELATION_NAME_REF),
                M::RowExclusive,
                Toll::None,
            ),
            S::UPDATE | S::DELETE => {
                self.table(node.child(S::RELATION_NAME), M::RowExclusive, Toll::None)
            }
            S::MERGE => self.table(
                node.child(S::TABLE_RELATION_NAME),
                M::RowExclusive,
                Toll::None,
            ),
            S::COPY => {
                let mode = if node.has(S::COPY_FROM) {
                    M::RowExclusive
                } else {
                    M::AccessShare
                };
                self.table(node.child(S::COPY_TABLE), mode, Toll::None);
            }
            S::RELATION_FROM_ITEM | S::TABLE => {
                let name = node.relation().filter(|name| !queries.contains(name));
                let mode = if is_for_update(node) {
                    M::RowShare
                } else {
                    M::AccessShare
                };
                self.add(name.map(Locked::Table), mode, Toll::None);
            }
            S::REFERENCES_CONSTRAINT | S::FOREIGN_KEY_CONSTRAINT => {
                let is_checked = has_values(node) && !node.has(S::NOT_VALID);
                let toll = if is_checked { Toll::Scan } else { Toll::None };
                self.push(referred(), M::ShareRowExclusive, toll, true);
            }
            S::PARTITION_OF => self.add(referred(), M::AccessExclusive, Toll::None),
            S::ATTACH_PARTITION => self.add(referred(), M::AccessExclusive, Toll::Scan),
            S::DETACH_PARTITION => self.add(referred(), M::AccessExclusive, Toll::None),
            S::INHERITS => {
                for parent in node.children() {
                    self.table(Some(parent), M::ShareUpdateExclusive, Toll::None);
                }
            }
            S::INHERIT_TABLE | S::PUBLICATION_OBJECT_TABLE => {
                self.add(referred(), M::ShareUpdateExclusive, Toll::None);
            }
            S::LIKE_CLAUSE | S::NO_INHERIT_TABLE => {
                self.add(referred(), M::AccessShare, Toll::None)
            }
            _ => {}
        }
    }
}

/// Whether rows that were there before may refer to something by this foreign key.
fn has_values(foreign_key: &SyntaxNode) -> bool {
    use SyntaxKind as S;
    foreign_key
        .parent()
        .is_some_and(|action| match action.kind() {
            S::ADD_COLUMN => action.has(S::DEFAULT_CONSTRAINT),
            kind => kind == S::ADD_CONSTRAINT,
        })
}

/// Whether the rows of what stands in this FROM are locked as well: by its own query, or by one whose FROM has that in it.
fn is_for_update(item: &SyntaxNode) -> bool {
    use SyntaxKind as S;
    let in_from = |node: &SyntaxNode| {
        !matches!(
            node.kind(),
            S::WITH_TABLE | S::WHERE_CLAUSE | S::TARGET_LIST
        )
    };
    let mut around = item.ancestors().take_while(in_from);
    around.any(|node| node.kind() == S::SELECT && node.has(S::LOCKING_CLAUSE))
}

/// The names that a statement gives to its own queries.
fn ctes(statement: &SyntaxNode) -> Vec<String> {
    let names = statement
        .descendants()
        .filter(|node| node.kind() == SyntaxKind::CTE_NAME);
    names.filter_map(|name| name.name()).collect()
}
