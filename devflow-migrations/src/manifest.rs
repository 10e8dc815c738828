//! What a binary says of the migrations that are embedded in it, to those who look at it without running it.

mod image;
mod seal;

use crate::entry;
use crate::fields::{Fields, add};
use crate::migrations::field;
use crate::set::MigrationSet;
use crate::settings::{LedgerKind, TableName};

/// The list of an embedded set: names, checksums and modes, but no SQL.
///
/// `embed_migrations!()` writes it into the binary, so that CI can compare an image with a database and with the plan that
/// was reviewed. Its set can be planned and never be run, for no text of it fits its checksum.
#[derive(Debug, Clone)]
pub struct Manifest {
    devflow: String,
    directory: String,
    table: TableName,
    ledger: LedgerKind,
    set: MigrationSet,
}

impl Manifest {
    /// The bytes that a binary carries of a set; `directory` is as users know it, `table` and `kind` are its ledger's.
    #[must_use]
    pub fn bytes(
        set: &MigrationSet,
        directory: &str,
        table: &TableName,
        kind: LedgerKind,
    ) -> Vec<u8> {
        let mut packed = Vec::new();
        let devflow = env!("CARGO_PKG_VERSION");
        add(&mut packed, field::DEVFLOW, devflow.as_bytes());
        add(&mut packed, field::DIRECTORY, directory.as_bytes());
        add(&mut packed, field::SCHEMA, table.schema().as_bytes());
        add(&mut packed, field::TABLE, table.table().as_bytes());
        add(&mut packed, field::LEDGER, kind.as_str().as_bytes());
        let digest = set.applied_digest();
        add(&mut packed, field::SET_DIGEST, digest.as_bytes());
        for migration in set.iter() {
            add(&mut packed, field::MIGRATION, &entry::pack(migration));
        }
        seal::seal(&packed)
    }

    /// The texts of a set and of its down files, one behind the other, in the order of its manifest.
    #[must_use]
    pub fn texts(set: &MigrationSet) -> String {
        let files = set
            .iter()
            .flat_map(|up| std::iter::once(up).chain(up.down()));
        files.map(|file| file.text().as_str()).collect()
    }

    /// Reads what is below the seal; `None` for what [`bytes`](Self::bytes) cannot have made.
    fn unpack(packed: &[u8]) -> Option<Self> {
        let fields = Fields::of(packed)?;
        let directory = fields.text(field::DIRECTORY)?;
        let migrations = fields.all(field::MIGRATION);
        let migrations = migrations.map(|packed| entry::listed(packed, directory));
        let set = MigrationSet::new(migrations.collect::<Option<_>>()?).ok()?;
        let schema = fields.text(field::SCHEMA)?.to_owned();
        let table = fields.text(field::TABLE)?.to_owned();
        let ledger = fields.text(field::LEDGER)?;
        let kinds = [LedgerKind::Devflow, LedgerKind::Supabase];
        let is_whole = fields.text(field::SET_DIGEST)? == set.applied_digest();
        is_whole.then_some(Self {
            devflow: fields.text(field::DEVFLOW)?.to_owned(),
            directory: directory.to_owned(),
            table: TableName::new(schema, table).ok()?,
            ledger: kinds.into_iter().find(|it| it.as_str() == ledger)?,
            set,
        })
    }

    /// The version of devflow that embedded the set.
    #[must_use]
    pub fn devflow(&self) -> &str {
        &self.devflow
    }

    /// The directory that the set was read from, as its users know it.
    #[must_use]
    pub fn directory(&self) -> &str {
        &self.directory
    }

    /// The ledger's table.
    #[must_use]
    pub fn table(&self) -> &TableName {
        &self.table
    }

    /// Whose table the ledger is.
    #[must_use]
    pub fn ledger(&self) -> LedgerKind {
        self.ledger
    }

    /// The migrations, without their texts.
    #[must_use]
    pub fn set(&self) -> &MigrationSet {
        &self.set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::Migration;
    use crate::plan::tests::{migration, outside};
    use crate::tables::Tables;
    use proptest::prelude::*;
    use std::io::Cursor;

    fn set() -> MigrationSet {
        let locking = Migration {
            tables: Tables::of("+a\n!b\n!é\n".to_owned()),
            ..migration("10")
        };
        let outside = outside("2.5", "vacuum");
        MigrationSet::new(vec![locking, outside, migration("1")]).unwrap()
    }

    fn table() -> TableName {
        TableName::new("app", "ledger").unwrap()
    }

    /// What a reader and the planner see of a set.
    fn listed(set: &MigrationSet) -> Vec<String> {
        let one = |it: &std::sync::Arc<Migration>| {
            let (version, path, checksum) = (it.version(), it.path(), it.checksum());
            format!(
                "{version} {path} {checksum} {:?} {:?}",
                it.mode(),
                it.tables()
            )
        };
        set.iter().map(one).collect()
    }

    fn found(bytes: &[u8]) -> Vec<Manifest> {
        Manifest::search(&mut Cursor::new(bytes), "./service").unwrap()
    }

    #[test]
    fn a_manifest_lists_the_set_and_holds_no_text() {
        let bytes = Manifest::bytes(&set(), "migrations", &table(), LedgerKind::Supabase);
        let [manifest] = &found(&bytes)[..] else {
            panic!("{bytes:?}");
        };
        assert_eq!(manifest.devflow(), env!("CARGO_PKG_VERSION"));
        assert_eq!(manifest.directory(), "migrations");
        assert_eq!(*manifest.table(), table());
        assert_eq!(manifest.ledger(), LedgerKind::Supabase);
        assert_eq!(listed(manifest.set()), listed(&set()));
        assert_eq!(manifest.set().applied_digest(), set().applied_digest());
        for migration in manifest.set().iter() {
            assert!(!migration.has_text() && !migration.is_intact());
        }
        assert!(!bytes.windows(6).any(|window| window == b"select"));
    }

    #[test]
    fn an_empty_set_has_a_manifest_too() {
        let bytes = Manifest::bytes(
            &MigrationSet::default(),
            "db",
            &TableName::default(),
            LedgerKind::Devflow,
        );
        assert!(found(&bytes)[0].set().is_empty());
    }

    #[test]
    fn fields_of_later_versions_are_skipped() {
        let bytes = Manifest::bytes(&set(), "migrations", &table(), LedgerKind::Supabase);
        let mut packed = seal::unsealed(&bytes).to_vec();
        add(&mut packed, 200, b"anything");
        let manifest = &found(&seal::seal(&packed))[0];
        assert_eq!(listed(manifest.set()), listed(&set()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_unpacked(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Manifest::unpack(&bytes);
        }
    }
}
