//! What `embed_migrations!()` emits: a set of migrations as constants.

use crate::entry;
use crate::fields::Fields;
use crate::migration::Migration;
use crate::set::MigrationSet;
use crate::settings::{Ahead, LedgerKind, Missing, OutOfOrder, Pooler, Settings, TableName};
use std::borrow::Cow;
use std::hint::black_box;
use std::time::Duration;

/// The marker, format, length and sum by which a manifest is found among a binary's bytes; its fields stand behind them.
pub(crate) const HEAD_LENGTH: usize = 32 + 4 + 4 + 32;

/// The fields of a manifest.
pub(crate) mod field {
    #[cfg(feature = "check")]
    pub(crate) const DEVFLOW: u8 = 1;
    pub(crate) const DIRECTORY: u8 = 2;
    #[cfg(feature = "check")]
    pub(crate) const SCHEMA: u8 = 3;
    #[cfg(feature = "check")]
    pub(crate) const TABLE: u8 = 4;
    #[cfg(feature = "check")]
    pub(crate) const SET_DIGEST: u8 = 5;
    pub(crate) const MIGRATION: u8 = 6;
    #[cfg(feature = "check")]
    pub(crate) const LEDGER: u8 = 7;
}

/// Migrations embedded into a binary at compile time by `embed_migrations!()`.
#[derive(Debug)]
pub struct Migrations {
    schema: &'static str,
    table: &'static str,
    settings: EmbeddedSettings,
    count: usize,
    /// The files' texts, one behind the other.
    texts: &'static str,
    /// What is known of the files, for us and for those who look at the binary from outside. Each pointer would cost the
    /// compiler time, and the binary a relocation: there is one to all of it.
    manifest: &'static [u8],
}

/// [`Settings`] as constants; made by the macro only. Durations are milliseconds.
#[doc(hidden)]
#[derive(Debug)]
pub struct EmbeddedSettings {
    pub ledger: LedgerKind,
    pub out_of_order: Option<OutOfOrder>,
    pub ahead: Option<Ahead>,
    pub missing: Option<Missing>,
    pub pooler: Option<Pooler>,
    pub lock_wait: Option<u64>,
    pub lock_timeout: Option<u64>,
    pub lock_retry_budget: Option<u64>,
    pub statement_timeout: Option<u64>,
    pub connect_timeout: Option<u64>,
    pub connect_budget: Option<u64>,
    pub tracking_readers: &'static [&'static str],
    /// Where the files were when the compiler read them: of a build for debugging only, for a path is nobody's business.
    pub sources: Option<&'static str>,
}

impl Migrations {
    #[doc(hidden)]
    #[must_use]
    pub const fn new(
        schema: &'static str,
        table: &'static str,
        settings: EmbeddedSettings,
        count: usize,
        texts: &'static str,
        manifest: &'static [u8],
    ) -> Self {
        Self {
            schema,
            table,
            settings,
            count,
            texts,
            manifest,
        }
    }

    /// Where applied migrations are recorded.
    #[must_use]
    pub const fn ledger(&self) -> LedgerKind {
        self.settings.ledger
    }

    /// devflow's own ledger.
    #[must_use]
    pub fn table(&self) -> TableName {
        TableName::from_static(self.schema, self.table)
    }

    /// What devflow.yml spelled out when the macro ran.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let settings = &self.settings;
        Settings {
            out_of_order: settings.out_of_order,
            ahead: settings.ahead,
            missing: settings.missing,
            pooler: settings.pooler,
            lock_wait: settings.lock_wait.map(Duration::from_millis),
            lock_timeout: settings.lock_timeout.map(Duration::from_millis),
            lock_retry_budget: settings.lock_retry_budget.map(Duration::from_millis),
            statement_timeout: settings.statement_timeout.map(Duration::from_millis),
            connect_timeout: settings.connect_timeout.map(Duration::from_millis),
            connect_budget: settings.connect_budget.map(Duration::from_millis),
            tracking_readers: settings
                .tracking_readers
                .iter()
                .copied()
                .map(Cow::Borrowed)
                .collect(),
        }
    }

    /// Where the files were when the compiler read them; known in a build with debug assertions only.
    #[must_use]
    pub const fn sources(&self) -> Option<&'static str> {
        self.settings.sources
    }

    /// How many files the macro embedded.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether the macro found an empty directory.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The set, without copying any text.
    ///
    /// The macro has checked names and versions. A binary that was damaged since then may yield fewer than
    /// [`len`](Self::len), and no run goes on with fewer.
    #[must_use]
    pub fn set(&self) -> MigrationSet {
        // An optimising linker would leave out what it can do without, and those outside look for all of it.
        let packed = black_box(self.manifest).get(HEAD_LENGTH..);
        let migrations = packed.and_then(|packed| self.unpack(packed));
        MigrationSet::new(migrations.unwrap_or_default()).unwrap_or_default()
    }

    fn unpack(&self, packed: &[u8]) -> Option<Vec<Migration>> {
        let fields = Fields::of(packed)?;
        let directory = fields.text(field::DIRECTORY)?;
        let mut texts = self.texts;
        let files = fields.all(field::MIGRATION);
        files
            .map(|packed| entry::embedded(packed, directory, &mut texts))
            .collect()
    }
}

#[cfg(all(test, feature = "check"))]
mod tests {
    use super::*;
    use crate::manifest::Manifest;
    use crate::settings::LedgerKind;
    use proptest::prelude::*;
    use std::fs;

    const SETTINGS: EmbeddedSettings = EmbeddedSettings {
        ledger: LedgerKind::Devflow,
        out_of_order: None,
        ahead: None,
        missing: None,
        pooler: None,
        lock_wait: None,
        lock_timeout: None,
        lock_retry_budget: None,
        statement_timeout: None,
        connect_timeout: None,
        connect_budget: None,
        tracking_readers: &[],
        sources: None,
    };

    fn embed(count: usize, texts: String, manifest: Vec<u8>) -> Migrations {
        Migrations::new(
            "public",
            "t",
            SETTINGS,
            count,
            texts.leak(),
            manifest.leak(),
        )
    }

    #[test]
    fn a_set_is_embedded_as_it_was_read() {
        let directory = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("1_a.up.sql", "begin;\ncreate table a (é int);\ncommit;"),
            (
                "1_a.down.sql",
                "-- devflow: retry, lock-timeout=7s, compatible-with 0\ndrop table a;",
            ),
            (
                "2_b.sql",
                "set work_mem = '1MB'; create index concurrently i on \"b c\" (d)",
            ),
            (
                "10_c.sql",
                "-- devflow: lock-timeout=none, statement-timeout=90ms\nalter table a add b int;",
            ),
            ("11_d.sql", ""),
        ] {
            fs::write(directory.path().join(file), text).unwrap();
        }
        let set = MigrationSet::read(directory.path(), "db/m").unwrap();
        let manifest = Manifest::bytes(&set, "db/m", &TableName::default(), LedgerKind::Devflow);
        let embedded = embed(set.len(), Manifest::texts(&set), manifest);
        assert_eq!(format!("{:?}", embedded.set()), format!("{set:?}"));
        assert_eq!(embedded.set().applied_digest(), set.applied_digest());
        assert!(embedded.set().iter().all(|it| it.is_intact()));
    }

    proptest! {
        #[test]
        fn a_damaged_set_is_none(at in 0_usize..400, bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let migration = crate::plan::tests::migration("1");
            let set = MigrationSet::new(vec![migration]).unwrap();
            let mut manifest = Manifest::bytes(&set, "m", &TableName::default(), LedgerKind::Devflow);
            let at = at.min(manifest.len());
            manifest.splice(at.., bytes);
            let texts = Manifest::texts(&set);
            let _ = embed(1, texts, manifest).set();
        }
    }
}
