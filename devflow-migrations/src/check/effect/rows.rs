//! What a statement does to rows.

use super::call::{calls, only_reads};
use super::node::Node;
use super::subject::{Subject, UNREADABLE};
use crate::effect::EffectVerb;
use squawk_syntax::{SyntaxKind, SyntaxNode};

/// What a statement writes; where it only copies out, it is a query.
pub(super) fn writing(statement: &SyntaxNode) -> Subject {
    use SyntaxKind as S;
    if statement.has(S::COPY_TO) {
        return query(statement);
    }
    let mut subject = Subject::table(EffectVerb::Writes, written(statement));
    let word = match statement.kind() {
        S::INSERT => "inserts",
        S::UPDATE => "updates",
        S::DELETE => "deletes",
        S::MERGE => "merges",
        _ => "copies",
    };
    let has_condition = statement.has(S::WHERE_CLAUSE) || statement.has(S::WHERE_CURRENT_OF);
    let is_limited = has_condition || !matches!(statement.kind(), S::UPDATE | S::DELETE);
    subject.details.push(match is_limited {
        true => format!("{word} rows"),
        false => format!("{word} every row"),
    });
    subject
}

/// The table that a statement writes to.
fn written(statement: &SyntaxNode) -> Option<String> {
    use SyntaxKind as S;
    let is_target = |node: &SyntaxNode| {
        matches!(
            node.kind(),
            S::RELATION_NAME_REF | S::RELATION_NAME | S::TABLE_RELATION_NAME | S::COPY_TABLE
        )
    };
    statement.children().find(is_target)?.relation()
}

/// A query reads, unless one of its parts writes or it calls what nobody knows.
pub(super) fn query(statement: &SyntaxNode) -> Subject {
    use SyntaxKind as S;
    let writes =
        |node: &SyntaxNode| matches!(node.kind(), S::INSERT | S::UPDATE | S::DELETE | S::MERGE);
    if let Some(part) = statement.descendants().find(writes) {
        return writing(&part);
    }
    let unknown = |name: &String| !only_reads(name);
    let unknown: Vec<_> = calls(statement).into_iter().filter(unknown).collect();
    match unknown.as_slice() {
        [] => Subject::plain(EffectVerb::Reads, statement),
        [only] if only == "set_config" => Subject::plain(EffectVerb::Session, statement),
        _ => Subject {
            verb: EffectVerb::RunsCode,
            kind: Some("function".to_owned()),
            names: unknown,
            details: vec![UNREADABLE.to_owned()],
        },
    }
}
