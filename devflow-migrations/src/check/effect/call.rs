//! The functions that an expression calls, and what may be expected of them.

use super::node::Node;
use squawk_syntax::{SyntaxKind, SyntaxNode};

/// Functions of PostgreSQL's that give one value for a whole statement: a default of theirs is stored once and rewrites
/// nothing.
const STABLE: [&str; 14] = [
    "now",
    "transaction_timestamp",
    "statement_timestamp",
    "current_setting",
    "timezone",
    "date_trunc",
    "lower",
    "upper",
    "to_tsvector",
    "jsonb_build_object",
    "json_build_object",
    "jsonb_build_array",
    "make_interval",
    "array_length",
];

/// Functions of PostgreSQL's that only compute.
const READING: [&str; 30] = [
    "count",
    "sum",
    "min",
    "max",
    "avg",
    "array_agg",
    "string_agg",
    "jsonb_agg",
    "json_agg",
    "bool_or",
    "bool_and",
    "unnest",
    "generate_series",
    "length",
    "concat",
    "format",
    "abs",
    "round",
    "floor",
    "ceil",
    "row_number",
    "rank",
    "to_char",
    "to_regclass",
    "to_jsonb",
    "version",
    "quote_ident",
    "md5",
    "gen_random_uuid",
    "row_to_json",
];

/// The functions that are called anywhere below this node, each once, without `pg_catalog`.
pub(super) fn calls(node: &SyntaxNode) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let calls = node
        .descendants()
        .filter(|node| node.kind() == SyntaxKind::CALL_EXPR);
    for name in calls.filter_map(|call| call.first_child()?.name()) {
        let name = name.strip_prefix("pg_catalog.").unwrap_or(&name).to_owned();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Whether its value may differ from row to row.
pub(super) fn is_volatile(expression: &SyntaxNode) -> bool {
    calls(expression)
        .iter()
        .any(|name| !STABLE.contains(&name.as_str()))
}

/// Whether calling it changes nothing.
pub(super) fn only_reads(name: &str) -> bool {
    READING.contains(&name) || STABLE.contains(&name)
}
