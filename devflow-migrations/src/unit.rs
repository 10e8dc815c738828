//! The pieces in which a file outside a transaction takes effect, and what the ledger keeps of them.

use crate::action::ActionKind;
use crate::checksum::Checksum;
use crate::migration::Migration;
use sha2::{Digest, Sha256};
use std::fmt;
use std::ops::Range;

/// One statement, or one `BEGIN … COMMIT` of the file's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its statements, by their index in the file.
    pub statements: Range<usize>,
    /// How it is run.
    pub conduct: Conduct,
}

/// How a unit is run, and what can be known of one that was under way when its run was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Conduct {
    /// A statement that commits together with its ledger row.
    Whole,
    /// A block of the file's own, into which the row is written before its COMMIT.
    Block,
    /// A setting of the session: nothing stays of it, and a run that takes up the file repeats it.
    Setting,
    /// Running it again does no harm.
    Repeatable,
    /// The database shows what became of it.
    Settled,
    /// Nobody can see whether it took effect; it fails as a whole.
    Opaque,
    /// It may commit more than once, so that even a failure may leave something.
    Procedural,
}

/// The first 16 hex digits of a SHA-256: enough to tell that a statement was edited.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fingerprint(String);

/// What a ledger row says of the statements of a file outside a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The fingerprint of the complete statements.
    pub completed: Fingerprint,
    /// The fingerprint of the next unit, where the ledger alone cannot say what became of it.
    pub in_flight: Option<Fingerprint>,
    /// In a run's first row: the fingerprints of the file's first statements, to name the one that was edited.
    pub statements: Vec<Fingerprint>,
}

/// How many statements have a fingerprint of their own in the ledger. All together they always have one.
const MOST_FINGERPRINTS: usize = 1000;

impl Migration {
    /// The units of a file outside a transaction, in order.
    #[must_use]
    pub fn units(&self) -> Vec<Unit> {
        let count = self.statements().len();
        let mut units = Vec::new();
        let mut next = 0;
        while next < count {
            let unit = self.unit(next..count);
            next = unit.statements.end;
            units.push(unit);
        }
        units
    }

    /// The unit that begins a range of statements.
    fn unit(&self, rest: Range<usize>) -> Unit {
        let first = self.action(rest.start).kind;
        if matches!(first, ActionKind::Begin | ActionKind::BeginReadOnly) {
            return self.block(rest);
        }
        Unit {
            statements: rest.start..rest.start + 1,
            conduct: Conduct::of(first),
        }
    }

    fn block(&self, rest: Range<usize>) -> Unit {
        let kinds = rest.clone().map(|index| self.action(index).kind);
        let length = kinds
            .clone()
            .position(ends_block)
            .map_or(rest.len(), |last| last + 1);
        let has = |wanted: &[ActionKind]| {
            kinds
                .clone()
                .take(length)
                .any(|kind| wanted.contains(&kind))
        };
        let conduct = if has(&[ActionKind::Chain, ActionKind::PrepareTransaction]) {
            Conduct::Procedural
        } else if has(&[
            ActionKind::BeginReadOnly,
            ActionKind::SetReadOnly,
            ActionKind::Rollback,
        ]) {
            Conduct::Repeatable
        } else {
            Conduct::Block
        };
        Unit {
            statements: rest.start..rest.start + length,
            conduct,
        }
    }

    /// The fingerprint of these statements, whatever stands between them.
    #[must_use]
    pub fn fingerprint(&self, statements: Range<usize>) -> Fingerprint {
        let mut hasher = Sha256::new();
        statements.for_each(|index| self.hash(&mut hasher, index));
        Fingerprint::of(hasher)
    }

    /// The fingerprints of the first 0, 1, 2 … statements together.
    #[must_use]
    pub fn prefixes(&self) -> Vec<Fingerprint> {
        let mut hasher = Sha256::new();
        let mut prefixes = vec![Fingerprint::of(hasher.clone())];
        for index in 0..self.statements().len() {
            self.hash(&mut hasher, index);
            prefixes.push(Fingerprint::of(hasher.clone()));
        }
        prefixes
    }

    fn hash(&self, hasher: &mut Sha256, statement: usize) {
        let span = self.statements().get(statement);
        let text = span.and_then(|span| self.text().as_str().get(span.range()));
        hasher.update(text.unwrap_or_default());
        hasher.update(";\n");
    }

    /// A fingerprint for each of the first statements.
    #[must_use]
    pub fn fingerprints(&self) -> Vec<Fingerprint> {
        let count = self.statements().len().min(MOST_FINGERPRINTS);
        (0..count)
            .map(|index| self.fingerprint(index..index + 1))
            .collect()
    }
}

fn ends_block(kind: ActionKind) -> bool {
    matches!(
        kind,
        ActionKind::Commit | ActionKind::Rollback | ActionKind::PrepareTransaction
    )
}

impl Conduct {
    /// How a single statement is run.
    fn of(kind: ActionKind) -> Self {
        match kind {
            ActionKind::Plain | ActionKind::Session => Self::Whole,
            ActionKind::Setting | ActionKind::SetReadOnly => Self::Setting,
            ActionKind::Procedural => Self::Procedural,
            ActionKind::Opaque | ActionKind::PrepareTransaction => Self::Opaque,
            // Outside a block, what would end one is a warning of the server's.
            ActionKind::Repeatable
            | ActionKind::Begin
            | ActionKind::BeginReadOnly
            | ActionKind::Commit
            | ActionKind::Rollback
            | ActionKind::Chain => Self::Repeatable,
            ActionKind::CreateIndex
            | ActionKind::DropIndex
            | ActionKind::Reindex
            | ActionKind::ReindexMany
            | ActionKind::Detach
            | ActionKind::Database
            | ActionKind::Tablespace => Self::Settled,
        }
    }

    /// Whether its row, written before it is sent, has to say that it may have been: it runs by itself.
    #[must_use]
    pub fn is_announced(self) -> bool {
        match self {
            Self::Settled | Self::Opaque | Self::Procedural => true,
            Self::Whole | Self::Block | Self::Setting | Self::Repeatable => false,
        }
    }
}

impl Fingerprint {
    const DIGITS: usize = 16;

    fn of(hasher: Sha256) -> Self {
        let mut digits = Checksum::from_bytes(hasher.finalize().into()).to_string();
        digits.truncate(Self::DIGITS);
        Self(digits)
    }

    /// Reads what the ledger has.
    #[must_use]
    pub fn read(digits: &str) -> Self {
        Self(digits.to_owned())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
#[cfg(feature = "check")]
mod tests {
    use super::*;
    use crate::plan::tests::outside;

    fn units(text: &str) -> String {
        let units = outside("1", text).units();
        let describe = |unit: &Unit| format!("{:?} {:?}", unit.conduct, unit.statements);
        units.iter().map(describe).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_block_is_one_unit() {
        for (text, expected) in [
            (
                "select 1; vacuum; set a = b",
                "Whole 0..1, Repeatable 1..2, Setting 2..3",
            ),
            (
                "begin; select 1; commit; select 2",
                "Block 0..3, Whole 3..4",
            ),
            ("begin; savepoint a; rollback to a; end", "Block 0..4"),
            (
                "begin isolation level serializable; call p(); commit",
                "Block 0..3",
            ),
            (
                "begin; select 1; rollback; select 2",
                "Repeatable 0..3, Whole 3..4",
            ),
            ("begin read only; select 1; commit", "Repeatable 0..3"),
            (
                "begin; set transaction read only; commit",
                "Repeatable 0..3",
            ),
            ("begin; commit and chain; commit", "Procedural 0..3"),
            (
                "begin; prepare transaction 'a'; commit prepared 'a'",
                "Procedural 0..2, Opaque 2..3",
            ),
            (
                "call p(); drop index concurrently i",
                "Procedural 0..1, Settled 1..2",
            ),
        ] {
            assert_eq!(units(text), expected, "{text}");
        }
    }

    #[test]
    fn a_fingerprint_covers_statements_and_not_what_stands_between_them() {
        let one = outside("1", "select 1;\n-- a\nselect 2;");
        let other = outside("1", "select 1;select 2; select 3");
        assert_eq!(one.fingerprint(0..2), other.fingerprint(0..2));
        assert_eq!(one.prefixes()[..], other.prefixes()[..3]);
        assert_eq!(one.prefixes()[2], one.fingerprint(0..2));
        assert_ne!(one.fingerprint(0..1), other.fingerprint(0..2));
        assert_eq!(one.fingerprint(0..0), other.fingerprint(0..0));
        assert_eq!(one.fingerprint(0..1).to_string().len(), 16);
    }
}
