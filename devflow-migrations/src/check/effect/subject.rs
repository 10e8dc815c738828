//! What a statement does, to what, and what exactly.

use super::alteration;
use super::node::{Node, is_modifier, object_kind};
use super::rows::{query, writing};
use crate::effect::EffectVerb;
use squawk_syntax::{SyntaxKind, SyntaxNode};

/// What a statement does, as people would say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) verb: EffectVerb,
    pub(super) kind: Option<String>,
    pub(super) names: Vec<String>,
    pub(super) details: Vec<String>,
}

impl Subject {
    pub(super) fn of(statement: &SyntaxNode) -> Self {
        use EffectVerb as V;
        use SyntaxKind as S;
        match statement.kind() {
            S::INSERT | S::UPDATE | S::DELETE | S::MERGE | S::COPY => writing(statement),
            S::SELECT
            | S::COMPOUND_SELECT
            | S::PAREN_SELECT
            | S::VALUES
            | S::TABLE
            | S::SHOW
            | S::EXPLAIN => query(statement),
            S::SELECT_INTO => Self::table(V::Creates, created(statement)),
            S::CREATE_EXTENSION => {
                with_detail(Self::object(V::Creates, statement), "runs its script")
            }
            S::IMPORT_FOREIGN_SCHEMA => Self::plain(V::Creates, statement),
            S::ALTER_EXTENSION => with_detail(alter(statement), "runs its script"),
            S::TRUNCATE => truncate(statement),
            S::LOCK => lock(statement),
            S::COMMENT_ON | S::SECURITY_LABEL => described(statement),
            S::GRANT => rights(V::Grants, statement),
            S::REVOKE => rights(V::Revokes, statement),
            S::REINDEX | S::REFRESH | S::CLUSTER | S::VACUUM | S::ANALYZE | S::CHECKPOINT => {
                Self::plain(V::Maintains, statement)
            }
            S::DO | S::CALL | S::EXECUTE | S::LOAD => code(statement),
            S::DROP_OWNED | S::REASSIGN => Self::plain(first_verb(statement), statement),
            _ => match first_verb(statement) {
                V::Creates => create(statement),
                V::Alters => alter(statement),
                V::Drops => drop(statement),
                verb => Self::plain(verb, statement),
            },
        }
    }

    /// The statement's own words say it best.
    pub(super) fn plain(verb: EffectVerb, statement: &SyntaxNode) -> Self {
        Self {
            verb,
            kind: None,
            names: Vec::new(),
            details: vec![statement.words()],
        }
    }

    pub(super) fn table(verb: EffectVerb, name: Option<String>) -> Self {
        Self {
            verb,
            kind: Some("table".to_owned()),
            names: name.into_iter().collect(),
            details: Vec::new(),
        }
    }

    fn object(verb: EffectVerb, statement: &SyntaxNode) -> Self {
        Self {
            verb,
            kind: object_kind(statement),
            names: named(statement),
            details: Vec::new(),
        }
    }
}

fn with_detail(mut subject: Subject, detail: &str) -> Subject {
    subject.details.push(detail.to_owned());
    subject
}

fn first_verb(statement: &SyntaxNode) -> EffectVerb {
    use SyntaxKind as S;
    let first = statement.first_token().map(|token| token.kind());
    match first {
        Some(S::CREATE_KW) => EffectVerb::Creates,
        Some(S::ALTER_KW | S::REASSIGN_KW) => EffectVerb::Alters,
        Some(S::DROP_KW) => EffectVerb::Drops,
        _ => EffectVerb::Session,
    }
}

/// The names of what a statement is about: the first child that is no modifier, and those of its kind behind commas.
fn named(statement: &SyntaxNode) -> Vec<String> {
    use SyntaxKind as S;
    let mut nodes = statement
        .children()
        .filter(|node| !is_modifier(node.kind()));
    let Some(first) = nodes.next() else {
        return Vec::new();
    };
    if statement.kind() == S::CREATE_INDEX && first.kind() != S::INDEX {
        return Vec::new();
    }
    let name = |node: &SyntaxNode| node.name().unwrap_or_else(|| node.words());
    match first.kind() {
        S::FUNCTION_SIG_LIST | S::OP_SIG_LIST => first.children().map(|it| it.words()).collect(),
        kind => {
            let others = nodes.filter(|node| node.kind() == kind);
            std::iter::once(name(&first))
                .chain(others.map(|node| name(&node)))
                .collect()
        }
    }
}

/// Behind ON: what a trigger, a policy or a rule belongs to.
fn is_place(kind: SyntaxKind) -> bool {
    matches!(
        kind,
        SyntaxKind::ON_RELATION | SyntaxKind::ON_TABLE | SyntaxKind::RULE_ON
    )
}

/// The table that a statement makes.
pub(super) fn created(statement: &SyntaxNode) -> Option<String> {
    let mut nodes = statement.descendants();
    nodes
        .find(|node| node.kind() == SyntaxKind::TABLE_NAME)?
        .name()
}

/// What a trigger, a policy, a rule or an index is on.
pub(super) fn target(statement: &SyntaxNode) -> Option<String> {
    let is_target =
        |node: &SyntaxNode| is_place(node.kind()) || node.kind() == SyntaxKind::TABLE_RELATION_NAME;
    statement.children().find(is_target)?.relation()
}

fn create(statement: &SyntaxNode) -> Subject {
    let mut subject = Subject::object(EffectVerb::Creates, statement);
    if let Some(table) = target(statement) {
        subject.details.push(format!("on {table}"));
    }
    if let Some(parent) = statement.child(SyntaxKind::PARTITION_OF) {
        subject.details.push(parent.words());
    }
    subject
}

fn alter(statement: &SyntaxNode) -> Subject {
    use SyntaxKind as S;
    let mut subject = Subject::object(EffectVerb::Alters, statement);
    let is_action = |node: &SyntaxNode| !is_modifier(node.kind()) && !is_place(node.kind());
    let actions: Vec<_> = statement.children().filter(is_action).skip(1).collect();
    let renames = |node: &SyntaxNode| {
        node.first_token()
            .is_some_and(|it| it.kind() == S::RENAME_KW)
    };
    if actions.iter().any(renames) {
        subject.verb = EffectVerb::Renames;
    }
    let details = actions.iter().map(alteration::said);
    subject.details = match subject.verb {
        EffectVerb::Renames => details.map(without_verb).collect(),
        _ => details.collect(),
    };
    subject
}

fn drop(statement: &SyntaxNode) -> Subject {
    let mut subject = Subject::object(EffectVerb::Drops, statement);
    if let Some(table) = target(statement) {
        subject.details.push(format!("on {table}"));
    }
    if statement.has(SyntaxKind::CASCADE) {
        subject
            .details
            .push("and everything that depends on it".to_owned());
    }
    subject
}

fn truncate(statement: &SyntaxNode) -> Subject {
    let mut subject = Subject::table(EffectVerb::Truncates, None);
    let tables = statement.descendants();
    let tables = tables.filter(|node| node.kind() == SyntaxKind::TABLE_RELATION_NAME);
    subject.names = tables.filter_map(|table| table.relation()).collect();
    if statement.has(SyntaxKind::CASCADE) {
        subject
            .details
            .push("and every table that refers to it".to_owned());
    }
    subject
}

fn lock(statement: &SyntaxNode) -> Subject {
    let mut subject = Subject::table(EffectVerb::Locks, None);
    let tables = statement.descendants();
    let tables = tables.filter(|node| node.kind() == SyntaxKind::RELATION_NAME_REF);
    subject.names = tables.filter_map(|table| table.name()).collect();
    subject
}

fn described(statement: &SyntaxNode) -> Subject {
    let Some(object) = statement.first_child() else {
        return Subject::plain(EffectVerb::Describes, statement);
    };
    let place = object.child(SyntaxKind::TABLE_NAME_REF);
    let place = place.filter(|_| object.kind() != SyntaxKind::OBJECT_TABLE);
    let on = place.and_then(|table| Some(format!("on {}", table.name()?)));
    Subject {
        verb: EffectVerb::Describes,
        kind: kind_of_described(&object),
        names: named(&object),
        details: on.into_iter().collect(),
    }
}

/// `OBJECT_…` begins with the kind's own words.
fn kind_of_described(object: &SyntaxNode) -> Option<String> {
    let name = object.first_child()?.text_range().start();
    let elements = object.children_with_tokens();
    let words: Vec<_> = elements
        .filter_map(|element| element.into_token())
        .filter(|token| token.kind().is_keyword() && token.text_range().start() < name)
        .map(|token| token.text().to_lowercase())
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// `GRANT select ON t TO r`: the words behind the verb.
fn rights(verb: EffectVerb, statement: &SyntaxNode) -> Subject {
    let mut subject = Subject::plain(verb, statement);
    subject.details = subject.details.into_iter().map(without_verb).collect();
    subject
}

fn without_verb(detail: String) -> String {
    detail
        .split_once(' ')
        .map_or(String::new(), |(_, rest)| rest.to_owned())
}

fn code(statement: &SyntaxNode) -> Subject {
    let called = statement
        .first_child()
        .filter(|_| statement.kind() != SyntaxKind::DO);
    let kind = statement
        .first_token()
        .map(|token| token.text().to_lowercase());
    Subject {
        verb: EffectVerb::RunsCode,
        kind: kind.map(|word| {
            if word == "do" {
                "do block".to_owned()
            } else {
                word
            }
        }),
        names: called.map(|called| called.words()).into_iter().collect(),
        details: vec![UNREADABLE.to_owned()],
    }
}

/// What is said of code whose effect its text does not show.
pub(super) const UNREADABLE: &str = "code that devflow cannot read";

/// Whether a statement takes away what was there, whatever its lock.
pub(super) fn destroys(statement: &SyntaxNode) -> bool {
    use SyntaxKind as S;
    let cascades = statement.has(S::CASCADE);
    match statement.kind() {
        S::DROP_TABLE | S::DROP_DATABASE | S::DROP_OWNED | S::TRUNCATE => true,
        S::DROP_SCHEMA | S::DROP_TYPE | S::DROP_DOMAIN | S::DROP_EXTENSION => cascades,
        S::ALTER_TABLE => statement
            .children()
            .any(|action| alteration::destroys(&action)),
        // They run later, if at all.
        S::CREATE_FUNCTION | S::CREATE_PROCEDURE | S::CREATE_RULE | S::PREPARE => false,
        S::ALTER_TYPE => statement
            .descendants()
            .any(|it| it.kind() == S::DROP_ATTRIBUTE),
        _ => statement.descendants().any(|part| {
            part.kind() == S::DELETE && !part.has(S::WHERE_CLAUSE) && !part.has(S::WHERE_CURRENT_OF)
        }),
    }
}
