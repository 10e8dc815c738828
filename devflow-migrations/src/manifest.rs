//! What a binary says of the migrations that are embedded in it, to those who look at it without running it.

mod image;
mod seal;

use crate::checksum::Checksum;
use crate::limits::Limits;
use crate::migration::{Migration, Mode};
use crate::name::FileName;
use crate::packed::{push, take};
use crate::set::MigrationSet;
use crate::settings::{LedgerKind, TableName};
use crate::tables::Tables;
use crate::text::Text;
use std::borrow::Cow;

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

/// The fields of a manifest. Those that a reader does not know are skipped, so that later ones can be added.
mod field {
    pub(super) const DEVFLOW: u8 = 1;
    pub(super) const DIRECTORY: u8 = 2;
    pub(super) const SCHEMA: u8 = 3;
    pub(super) const TABLE: u8 = 4;
    pub(super) const SET_DIGEST: u8 = 5;
    pub(super) const MIGRATION: u8 = 6;
    pub(super) const LEDGER: u8 = 7;
}

/// The fields of a migration.
mod of_migration {
    pub(super) const FILE: u8 = 1;
    pub(super) const CHECKSUM: u8 = 2;
    pub(super) const MODE: u8 = 3;
    pub(super) const TABLES: u8 = 4;
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
            add(&mut packed, field::MIGRATION, &pack(migration));
        }
        seal::seal(&packed)
    }

    /// Reads what is below the seal; `None` for what [`bytes`](Self::bytes) cannot have made.
    fn unpack(packed: &[u8]) -> Option<Self> {
        let fields = fields(packed)?;
        let directory = text(&fields, field::DIRECTORY)?;
        let migrations = fields
            .iter()
            .filter(|(field, _)| *field == field::MIGRATION)
            .map(|(_, packed)| unpack(packed, directory));
        let set = MigrationSet::new(migrations.collect::<Option<_>>()?).ok()?;
        let schema = text(&fields, field::SCHEMA)?.to_owned();
        let table = text(&fields, field::TABLE)?.to_owned();
        let ledger = text(&fields, field::LEDGER)?;
        let kinds = [LedgerKind::Devflow, LedgerKind::Supabase];
        let is_whole = text(&fields, field::SET_DIGEST)? == set.applied_digest();
        is_whole.then_some(Self {
            devflow: text(&fields, field::DEVFLOW)?.to_owned(),
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

fn pack(migration: &Migration) -> Vec<u8> {
    let mut packed = Vec::new();
    let file = migration.file().as_bytes();
    add(&mut packed, of_migration::FILE, file);
    let checksum = migration.checksum();
    add(&mut packed, of_migration::CHECKSUM, checksum.as_bytes());
    let mode = migration.mode().as_str();
    add(&mut packed, of_migration::MODE, mode.as_bytes());
    let tables = migration.tables().as_str();
    add(&mut packed, of_migration::TABLES, tables.as_bytes());
    packed
}

fn unpack(packed: &[u8], directory: &str) -> Option<Migration> {
    let fields = fields(packed)?;
    let file = text(&fields, of_migration::FILE)?;
    let checksum = value(&fields, of_migration::CHECKSUM)?;
    let mode = text(&fields, of_migration::MODE)?;
    let modes = [Mode::Transaction, Mode::NoTransaction];
    let tables = text(&fields, of_migration::TABLES)?;
    Some(Migration {
        version: FileName::parse(file)?.ok()?.version,
        path: Cow::Owned(format!("{directory}/{file}")),
        text: Text::from_static(""),
        checksum: Checksum::from_bytes(checksum.try_into().ok()?),
        mode: modes.into_iter().find(|it| it.as_str() == mode)?,
        wrapper: None,
        statements: Cow::Borrowed(&[]),
        actions: Vec::new(),
        limits: Limits::default(),
        tables: Tables::of(tables.to_owned()),
        down: None,
    })
}

fn add(packed: &mut Vec<u8>, field: u8, value: &[u8]) {
    packed.push(field);
    push(packed, value.len());
    packed.extend_from_slice(value);
}

fn fields(mut rest: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut fields = Vec::new();
    while let Some((field, after)) = rest.split_first() {
        let mut bytes = after.iter();
        let length = take(&mut bytes.by_ref().copied())?;
        let (value, others) = bytes.as_slice().split_at_checked(length)?;
        fields.push((*field, value));
        rest = others;
    }
    Some(fields)
}

fn value<'a>(fields: &[(u8, &'a [u8])], wanted: u8) -> Option<&'a [u8]> {
    let found = fields.iter().find(|(field, _)| *field == wanted)?;
    Some(found.1)
}

fn text<'a>(fields: &[(u8, &'a [u8])], wanted: u8) -> Option<&'a str> {
    std::str::from_utf8(value(fields, wanted)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{migration, outside};
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
