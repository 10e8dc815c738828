//! What `embed_migrations!()` emits: a set of migrations as constants.

use crate::action::Action;
use crate::checksum::Checksum;
use crate::limits::Limits;
use crate::migration::{Migration, Mode, Wrapper};
use crate::name::FileName;
use crate::set::MigrationSet;
use crate::settings::{Ahead, LedgerKind, Missing, OutOfOrder, Pooler, Settings, TableName};
use crate::tables::Tables;
use crate::text::{Span, Text};
use std::borrow::Cow;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

/// Migrations embedded into a binary at compile time by `embed_migrations!()`.
#[derive(Debug)]
pub struct Migrations {
    schema: &'static str,
    table: &'static str,
    settings: EmbeddedSettings,
    files: &'static [EmbeddedFile],
    /// The list of the files, for those who look at the binary from outside.
    manifest: &'static [u8],
}

/// One embedded file; made by the macro only.
#[doc(hidden)]
#[derive(Debug)]
pub struct EmbeddedFile {
    pub path: &'static str,
    pub text: &'static str,
    pub checksum: [u8; 32],
    pub mode: Mode,
    pub wrapper: Option<Wrapper>,
    /// The spans of the statements, packed.
    pub statements: &'static [u8],
    /// What they do, packed.
    pub actions: &'static [u8],
    pub limits: Limits,
    pub tables: Tables,
    pub down: Option<&'static EmbeddedFile>,
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
}

impl Migrations {
    #[doc(hidden)]
    #[must_use]
    pub const fn new(
        schema: &'static str,
        table: &'static str,
        settings: EmbeddedSettings,
        files: &'static [EmbeddedFile],
        manifest: &'static [u8],
    ) -> Self {
        Self {
            schema,
            table,
            settings,
            files,
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

    /// How many files the macro embedded.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether the macro found an empty directory.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The set, without copying any text.
    ///
    /// The macro has checked names and versions. A binary that was damaged since then may yield fewer than
    /// [`len`](Self::len), and no run goes on with fewer.
    #[must_use]
    pub fn set(&self) -> MigrationSet {
        // Nothing else in a program reads the manifest, and what nobody reads an optimising linker leaves out.
        black_box(self.manifest);
        let migrations = self
            .files
            .iter()
            .filter_map(EmbeddedFile::migration)
            .collect();
        MigrationSet::new(migrations).unwrap_or_default()
    }
}

impl EmbeddedFile {
    fn migration(&self) -> Option<Migration> {
        let file = self.path.rsplit('/').next()?;
        let statements = Span::unpack(self.statements);
        Some(Migration {
            version: FileName::parse(file)?.ok()?.version,
            path: Cow::Borrowed(self.path),
            text: Text::from_static(self.text),
            checksum: Checksum::from_bytes(self.checksum),
            mode: self.mode,
            wrapper: self.wrapper,
            actions: Action::unpack(self.actions, statements.len()),
            statements: Cow::Owned(statements),
            limits: self.limits,
            tables: self.tables.clone(),
            down: self.down.and_then(EmbeddedFile::migration).map(Arc::new),
        })
    }
}
