//! What each statement of a file outside a transaction does, as far as a run that was cut off has to know.

#[cfg(feature = "check")]
use crate::packed::push;
use crate::packed::take;

/// What a statement does, and to what.
///
/// It is found when the file is read, because a service has no SQL lexer; names are as the file writes them, without
/// white space and comments, for the server to resolve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// What it does.
    pub kind: ActionKind,
    /// To what, in the order that the kind says.
    pub names: Vec<String>,
}

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActionKind {
    /// It may run in a transaction block, and ends none.
    Plain,
    /// As `Plain`, and it leaves something in the session that later statements may need: a temporary table, a prepared
    /// statement, a session's advisory lock.
    Session,
    /// `SET`, `RESET` or `SHOW`, or `SELECT set_config(…)`.
    Setting,
    /// `BEGIN` or `START TRANSACTION`.
    Begin,
    /// The same with `READ ONLY`.
    BeginReadOnly,
    /// `SET TRANSACTION READ ONLY`.
    SetReadOnly,
    /// `COMMIT` or `END`.
    Commit,
    /// `ROLLBACK` or `ABORT`, of the whole transaction.
    Rollback,
    /// `COMMIT` or `ROLLBACK … AND CHAIN`.
    Chain,
    /// `PREPARE TRANSACTION`.
    PrepareTransaction,
    /// `CALL`, and `DO` where it may commit or call.
    Procedural,
    /// Running it again does no harm: `VACUUM`, `ALTER SYSTEM`, `REINDEX DATABASE`.
    Repeatable,
    /// PostgreSQL refuses it in a transaction block, and nobody can see afterwards whether it took effect.
    Opaque,
    /// `CREATE INDEX CONCURRENTLY`: the table, then the index where it has a name.
    CreateIndex,
    /// `DROP INDEX CONCURRENTLY`: the index.
    DropIndex,
    /// `REINDEX INDEX` or `TABLE CONCURRENTLY`: the index or table.
    Reindex,
    /// `REINDEX SCHEMA`, `DATABASE` or `SYSTEM CONCURRENTLY`.
    ReindexMany,
    /// `DETACH PARTITION … CONCURRENTLY`: the parent, then the partition.
    Detach,
    /// `CREATE DATABASE` or `DROP DATABASE`: the database.
    Database,
    /// `CREATE TABLESPACE` or `DROP TABLESPACE`: the tablespace.
    Tablespace,
}

impl ActionKind {
    /// Every kind; a kind is packed as its place here.
    const ALL: [Self; 20] = [
        Self::Plain,
        Self::Session,
        Self::Setting,
        Self::Begin,
        Self::BeginReadOnly,
        Self::SetReadOnly,
        Self::Commit,
        Self::Rollback,
        Self::Chain,
        Self::PrepareTransaction,
        Self::Procedural,
        Self::Repeatable,
        Self::Opaque,
        Self::CreateIndex,
        Self::DropIndex,
        Self::Reindex,
        Self::ReindexMany,
        Self::Detach,
        Self::Database,
        Self::Tablespace,
    ];
}

impl Action {
    /// What every statement is of which nothing else is known.
    pub const PLAIN: Self = Self {
        kind: ActionKind::Plain,
        names: Vec::new(),
    };

    /// An action without names.
    #[must_use]
    pub fn of(kind: ActionKind) -> Self {
        Self {
            kind,
            ..Self::PLAIN
        }
    }

    /// Packs a file's actions: for each that is not plain how many plain ones precede it, its kind and its names.
    #[cfg(feature = "check")]
    pub(crate) fn pack(actions: &[Self]) -> Vec<u8> {
        let mut packed = Vec::new();
        let mut plain = 0;
        for action in actions {
            if *action == Self::PLAIN {
                plain += 1;
                continue;
            }
            push(&mut packed, std::mem::take(&mut plain));
            push(&mut packed, action.kind as usize);
            push(&mut packed, action.names.len());
            for name in &action.names {
                push(&mut packed, name.len());
                packed.extend_from_slice(name.as_bytes());
            }
        }
        packed
    }

    /// Unpacks what `pack` made of so many statements, without the plain ones at the end; stops at what it
    /// cannot have made.
    pub(crate) fn unpack(packed: &[u8], statements: usize) -> Vec<Self> {
        let mut bytes = packed.iter().copied();
        let mut actions = Vec::new();
        while let Some((plain, action)) = take(&mut bytes).zip(Self::take(&mut bytes)) {
            if plain >= statements.saturating_sub(actions.len()) {
                break;
            }
            actions.resize(actions.len() + plain, Self::PLAIN);
            actions.push(action);
        }
        actions
    }

    fn take(bytes: &mut impl Iterator<Item = u8>) -> Option<Self> {
        let kind = *ActionKind::ALL.get(take(bytes)?)?;
        let count = take(bytes)?;
        let names = (0..count)
            .map(|_| take_name(bytes))
            .collect::<Option<_>>()?;
        Some(Self { kind, names })
    }
}

fn take_name(bytes: &mut impl Iterator<Item = u8>) -> Option<String> {
    let length = take(bytes)?;
    let name: Vec<_> = bytes.by_ref().take(length).collect();
    String::from_utf8(name)
        .ok()
        .filter(|name| name.len() == length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_kind_is_packed_as_its_place() {
        for (place, kind) in ActionKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place);
        }
    }

    #[test]
    fn actions_are_unpacked_as_they_were() {
        let index = Action {
            kind: ActionKind::CreateIndex,
            names: vec!["public.t".to_owned(), "\"é i\"".to_owned()],
        };
        let actions = [
            Action::PLAIN,
            Action::PLAIN,
            index,
            Action::of(ActionKind::Setting),
        ];
        assert_eq!(Action::unpack(&Action::pack(&actions), 4), actions);
        assert_eq!(Action::pack(&[Action::PLAIN]), [0_u8; 0]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_unpacked(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = Action::unpack(&bytes, 9);
        }
    }
}
