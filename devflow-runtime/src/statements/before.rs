//! What a statement will change, as it was before: the ledger keeps it, so that a later run can see what became of it.

use crate::literal::text;
use devflow_migrations::{Action, ActionKind};
use serde_json::{Value, json};

/// What the database held before a statement was sent whose effect can be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Before {
    pub(super) kind: ActionKind,
    /// What the statement names, as the file writes it.
    pub(super) names: Vec<String>,
    /// What that is, by oid: `None` for what was not there.
    ///
    /// A built index is told by its table, a rebuilt one by its table too, unless that is partitioned: then the leftovers
    /// may lie on any table.
    pub(super) objects: Vec<Option<u32>>,
    /// The indexes that were there: of the table where one is built, the INVALID ones where they are rebuilt.
    pub(super) indexes: Vec<u32>,
}

/// The words in the ledger.
const WORDS: [(ActionKind, &str); 7] = [
    (ActionKind::CreateIndex, "create_index"),
    (ActionKind::DropIndex, "drop_index"),
    (ActionKind::Reindex, "reindex"),
    (ActionKind::ReindexMany, "reindex_many"),
    (ActionKind::Detach, "detach"),
    (ActionKind::Database, "database"),
    (ActionKind::Tablespace, "tablespace"),
];

/// An SQL expression that looks at what an action will change; `None` for an action that nobody can look at.
///
/// It runs with the migration's own settings, so that names mean what they will mean to its statement.
pub(super) fn query(action: &Action) -> Option<String> {
    let (_, word) = WORDS.iter().find(|(kind, _)| *kind == action.kind)?;
    let head = json!({ "kind": word, "names": action.names }).to_string();
    Some(format!(
        "SELECT {}::pg_catalog.jsonb || pg_catalog.jsonb_build_object('objects', pg_catalog.jsonb_build_array({}), \
         'indexes', (SELECT pg_catalog.jsonb_object_agg(i.indexrelid, i.indisvalid) FROM pg_catalog.pg_index i WHERE {}))",
        text(&head),
        objects(action).join(", "),
        indexes(action),
    ))
}

/// Expressions for the oids of what the action names.
fn objects(action: &Action) -> Vec<String> {
    let names: Vec<_> = action.names.iter().map(String::as_str).collect();
    match (action.kind, names.as_slice()) {
        (ActionKind::CreateIndex, [table, ..]) => vec![relation(table)],
        (ActionKind::DropIndex, [index]) => vec![relation(index)],
        (ActionKind::Reindex, [name]) => vec![format!(
            "(SELECT c.oid::bigint FROM pg_catalog.pg_class c WHERE c.relkind <> 'p' AND c.oid = coalesce( \
             (SELECT i.indrelid FROM pg_catalog.pg_index i WHERE i.indexrelid = {0}), {0}::oid))",
            relation(name)
        )],
        (ActionKind::Detach, [parent, partition]) => vec![
            relation(parent),
            format!(
                "(SELECT h.inhrelid::bigint FROM pg_catalog.pg_inherits h WHERE h.inhparent = {} AND h.inhrelid = {})",
                relation(parent),
                relation(partition)
            ),
        ],
        (ActionKind::Database, [name]) => vec![database(name)],
        (ActionKind::Tablespace, [name]) => vec![tablespace(name)],
        _ => Vec::new(),
    }
}

fn indexes(action: &Action) -> String {
    match (action.kind, action.names.first()) {
        (ActionKind::CreateIndex, Some(table)) => format!("i.indrelid = {}", relation(table)),
        (ActionKind::Reindex | ActionKind::ReindexMany, _) => "NOT i.indisvalid".to_owned(),
        _ => "false".to_owned(),
    }
}

/// Nothing where the role may not look into the schema, which would be an error: the statement itself will say so.
fn relation(name: &str) -> String {
    format!(
        "(SELECT pg_catalog.to_regclass({name})::oid::bigint WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_namespace n \
         WHERE (pg_catalog.parse_ident({name}))[2] IS NOT NULL AND n.nspname = {schema} \
         AND NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE')))",
        name = text(name),
        schema = first_part(name),
    )
}

/// The oid of the database of this name.
pub(super) fn database(name: &str) -> String {
    let name = first_part(name);
    format!("(SELECT d.oid::bigint FROM pg_catalog.pg_database d WHERE d.datname = {name})")
}

/// The oid of the tablespace of this name.
pub(super) fn tablespace(name: &str) -> String {
    let name = first_part(name);
    format!("(SELECT s.oid::bigint FROM pg_catalog.pg_tablespace s WHERE s.spcname = {name})")
}

/// A name, or its schema, as the catalogs have it: without quotes, folded and cut to the server's length.
pub(super) fn first_part(name: &str) -> String {
    format!(
        "(pg_catalog.parse_ident({}))[1]::pg_catalog.name",
        text(name)
    )
}

impl Before {
    /// Reads what the ledger has.
    pub(super) fn read(json: &Value) -> Option<Self> {
        let word = json.get("kind")?.as_str()?;
        let (kind, _) = WORDS.into_iter().find(|(_, known)| *known == word)?;
        let names = json.get("names")?.as_array()?;
        let objects = json.get("objects")?.as_array()?.iter();
        // No index is NULL, not an empty object.
        let indexes = json.get("indexes")?.as_object().into_iter().flatten();
        Some(Self {
            kind,
            names: names
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            objects: objects
                .map(|oid| oid.as_u64().and_then(|oid| u32::try_from(oid).ok()))
                .collect(),
            indexes: indexes.filter_map(|(oid, _)| oid.parse().ok()).collect(),
        })
    }

    /// The first of its objects, where it was there.
    pub(super) fn object(&self) -> Option<u32> {
        self.objects.first().copied().flatten()
    }

    /// The known indexes as an array literal.
    pub(super) fn known(&self) -> String {
        let oids: Vec<_> = self.indexes.iter().map(u32::to_string).collect();
        format!("'{{{}}}'::oid[]", oids.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_answers_is_read() {
        let json = json!({
            "kind": "create_index", "names": ["t", "i"], "objects": [16384, null], "indexes": { "16390": true, "16391": false },
        });
        let before = Before::read(&json).unwrap();
        assert_eq!(before.object(), Some(16384));
        assert_eq!(before.known(), "'{16390,16391}'::oid[]");
        let json =
            json!({ "kind": "database", "names": ["d"], "objects": [null], "indexes": null });
        assert_eq!(Before::read(&json).unwrap().objects, [None]);
        assert_eq!(Before::read(&json!({ "kind": "else" })), None);
    }

    #[test]
    fn only_what_can_be_seen_is_looked_at() {
        assert_eq!(query(&Action::of(ActionKind::Opaque)), None);
        assert_eq!(query(&Action::of(ActionKind::Plain)), None);
        assert!(query(&Action::of(ActionKind::ReindexMany)).is_some());
    }
}
