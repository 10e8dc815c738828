//! One action of `ALTER TABLE`: how strong a lock it needs, what it does to the rows, and how to say it.
//!
//! Modes and tolls are those of PostgreSQL's manual, page "ALTER TABLE" (sql-altertable).

use super::call::is_volatile;
use super::node::Node;
use crate::effect::{LockMode, Toll};
use squawk_syntax::{SyntaxKind, SyntaxNode};

/// The lock that an action takes on its table.
pub(super) fn mode(action: &SyntaxNode) -> LockMode {
    use SyntaxKind as S;
    match action.kind() {
        S::VALIDATE_CONSTRAINT
        | S::CLUSTER_ON
        | S::SET_WITHOUT_CLUSTER
        | S::ATTACH_PARTITION
        | S::INDEX_RENAME_TO
        | S::ATTACH_INDEX_PARTITION => LockMode::ShareUpdateExclusive,
        S::SET_OPTIONS | S::RESET_OPTIONS if is_of_view(action) => LockMode::AccessExclusive,
        S::SET_OPTIONS | S::RESET_OPTIONS => of_options(action),
        S::DETACH_PARTITION
            if action.has(S::DETACH_CONCURRENTLY) || action.has(S::DETACH_FINALIZE) =>
        {
            LockMode::ShareUpdateExclusive
        }
        S::ENABLE_TRIGGER
        | S::ENABLE_ALWAYS_TRIGGER
        | S::ENABLE_REPLICA_TRIGGER
        | S::DISABLE_TRIGGER => LockMode::ShareRowExclusive,
        S::ADD_CONSTRAINT if action.has(S::FOREIGN_KEY_CONSTRAINT) => LockMode::ShareRowExclusive,
        S::ALTER_COLUMN if is_about_statistics(action) => LockMode::ShareUpdateExclusive,
        _ => LockMode::AccessExclusive,
    }
}

/// The options of a view, which has no storage, change what it means.
fn is_of_view(action: &SyntaxNode) -> bool {
    let statement = action.parent();
    statement.is_some_and(|statement| statement.kind() == SyntaxKind::ALTER_VIEW)
}

/// Storage parameters are changed beside readers and writers, but for those that change what an index or a catalog means.
fn of_options(action: &SyntaxNode) -> LockMode {
    const STRONG: [&str; 5] = [
        "user_catalog_table",
        "fastupdate",
        "gin_pending_list_limit",
        "buffering",
        "pages_per_range",
    ];
    let text = action.words();
    match STRONG.iter().any(|option| text.contains(option)) {
        true => LockMode::AccessExclusive,
        false => LockMode::ShareUpdateExclusive,
    }
}

fn is_about_statistics(action: &SyntaxNode) -> bool {
    [
        SyntaxKind::SET_STATISTICS,
        SyntaxKind::SET_OPTIONS,
        SyntaxKind::RESET_OPTIONS,
    ]
    .iter()
    .any(|kind| action.has(*kind))
}

/// What an action may do to the rows of its table.
pub(super) fn toll(action: &SyntaxNode) -> Toll {
    use SyntaxKind as S;
    match action.kind() {
        S::ADD_COLUMN => of_column(action),
        S::ADD_CONSTRAINT => of_constraints(action, true),
        S::VALIDATE_CONSTRAINT | S::ATTACH_PARTITION => Toll::Scan,
        S::SET_LOGGED | S::SET_UNLOGGED | S::SET_ACCESS_METHOD | S::SET_TABLESPACE => Toll::Rewrite,
        S::ALTER_COLUMN if action.has(S::SET_TYPE) || action.has(S::SET_EXPRESSION) => {
            Toll::Rewrite
        }
        S::ALTER_COLUMN if action.has(S::SET_NOT_NULL) => Toll::Scan,
        _ => Toll::None,
    }
}

fn of_column(action: &SyntaxNode) -> Toll {
    use SyntaxKind as S;
    let default = action.child(S::DEFAULT_CONSTRAINT);
    let generated = action.child(S::GENERATED_CONSTRAINT);
    let is_computed = generated.is_some_and(|generated| {
        let mut below = generated.descendants();
        below.any(|node| matches!(node.kind(), S::STORED | S::GENERATED_IDENTITY))
    });
    if is_computed || is_serial(action) || default.as_ref().is_some_and(is_volatile) {
        return Toll::Rewrite;
    }
    match default {
        None if action.has(S::NOT_NULL_CONSTRAINT) => Toll::Scan,
        default => of_constraints(action, default.is_some()),
    }
}

fn is_serial(column: &SyntaxNode) -> bool {
    let kind = column.child(SyntaxKind::PATH_TYPE).map(|kind| kind.words());
    kind.is_some_and(|kind| kind.contains("serial"))
}

/// What its constraints need: an index, or every row looked at. With `NOT VALID` none is, and no row without a value
/// refers to anything.
fn of_constraints(action: &SyntaxNode, has_values: bool) -> Toll {
    use SyntaxKind as S;
    let scans = action.children().any(|constraint| match constraint.kind() {
        S::CHECK_CONSTRAINT | S::FOREIGN_KEY_CONSTRAINT => !constraint.has(S::NOT_VALID),
        S::REFERENCES_CONSTRAINT => has_values && !constraint.has(S::NOT_VALID),
        S::NOT_NULL_CONSTRAINT => {
            action.kind() == S::ADD_CONSTRAINT && !constraint.has(S::NOT_VALID)
        }
        S::UNIQUE_CONSTRAINT => !constraint.has(S::USING_INDEX_NAME),
        S::PRIMARY_KEY_CONSTRAINT | S::EXCLUDE_CONSTRAINT => true,
        _ => false,
    });
    if scans { Toll::Scan } else { Toll::None }
}

/// Whether an action takes rows' values away.
pub(super) fn destroys(action: &SyntaxNode) -> bool {
    action.kind() == SyntaxKind::DROP_COLUMN
}

/// `adds column email text`, `column c: sets not null`.
pub(super) fn said(action: &SyntaxNode) -> String {
    if action.kind() != SyntaxKind::ALTER_COLUMN {
        return conjugated(&action.words());
    }
    let column = action.child(SyntaxKind::COLUMN_NAME_REF);
    let column = column.map_or_else(String::new, |column| column.words());
    let option = action.children().last();
    let option = option.map_or_else(String::new, |option| option.words());
    let option = match option
        .strip_prefix("set data type")
        .or(option.strip_prefix("type"))
    {
        Some(kind) => format!("type becomes{kind}"),
        None => conjugated(&option),
    };
    format!("column {column}: {option}")
}

/// The imperative of SQL as a statement about it.
fn conjugated(text: &str) -> String {
    const VERBS: [(&str, &str); 18] = [
        ("add", "adds"),
        ("alter", "alters"),
        ("attach", "attaches"),
        ("cluster", "clusters"),
        ("detach", "detaches"),
        ("disable", "disables"),
        ("drop", "drops"),
        ("enable", "enables"),
        ("force", "forces"),
        ("grant", "grants"),
        ("inherit", "inherits"),
        ("refresh", "refreshes"),
        ("rename", "renames"),
        ("reset", "resets"),
        ("restart", "restarts"),
        ("revoke", "revokes"),
        ("set", "sets"),
        ("validate", "validates"),
    ];
    let (first, rest) = text.split_at(text.find(' ').unwrap_or(text.len()));
    let verb = VERBS.iter().find(|(verb, _)| *verb == first);
    match verb {
        Some((_, verb)) => format!("{verb}{rest}"),
        None => text.to_owned(),
    }
}
