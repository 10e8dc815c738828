//! What devflow.yml can spell out about a run: the ledger's table and the policies.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// The ledger's schema and table, as written; always quoted in SQL.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TableName {
    schema: Cow<'static, str>,
    table: Cow<'static, str>,
}

/// Which table says what is in a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LedgerKind {
    /// devflow's own.
    #[default]
    Devflow,
    /// The Supabase CLI's, with a ledger of devflow's beside it for what that one does not hold.
    Supabase,
}

/// Why a name cannot be a tracking schema or table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidTableName {
    /// It is empty.
    Empty,
    /// It has more than 63 bytes, which PostgreSQL would cut off.
    TooLong {
        /// How many bytes it has.
        bytes: usize,
    },
    /// It contains a NUL character.
    Nul,
    /// The schema is `information_schema` or begins with `pg_`: it is the system's.
    SystemSchema,
}

/// What devflow.yml spelled out; `None` is the default, and a `Migrator` setter overrides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// What to do with a pending migration that is older than the newest applied one.
    pub out_of_order: Option<OutOfOrder>,
    /// What to do with an applied migration that is newer than every file.
    pub ahead: Option<Ahead>,
    /// What to do with an applied migration whose file is gone.
    pub missing: Option<Missing>,
    /// What to do behind a transaction pooler.
    pub pooler: Option<Pooler>,
    /// How long to wait for devflow's own lock.
    pub lock_wait: Option<Duration>,
    /// How long a step may wait for each database lock; zero means no limit.
    pub lock_timeout: Option<Duration>,
    /// How long to go on retrying a step that lost a wait for a lock.
    pub lock_retry_budget: Option<Duration>,
    /// How long one statement may run; zero means no limit.
    pub statement_timeout: Option<Duration>,
    /// How long one attempt to connect may take: name look-up, TCP, TLS and authentication together.
    pub connect_timeout: Option<Duration>,
    /// How long to go on trying to connect to a server that refuses, starts up or has too many clients.
    pub connect_budget: Option<Duration>,
    /// Roles that may read the ledger.
    pub tracking_readers: Vec<Cow<'static, str>>,
}

impl Settings {
    /// What `lock_wait` is where nothing sets it.
    pub const LOCK_WAIT: Duration = Duration::from_secs(10 * 60);
    /// What `lock_timeout` is where nothing sets it.
    pub const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
    /// What `lock_retry_budget` is where nothing sets it.
    pub const LOCK_RETRY_BUDGET: Duration = Duration::from_secs(5 * 60);
    /// What `connect_timeout` is where nothing sets it.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
    /// What `connect_budget` is where nothing sets it.
    pub const CONNECT_BUDGET: Duration = Duration::from_secs(10);
}

/// The policy for a pending migration that is older than the newest applied one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OutOfOrder {
    /// Apply nothing.
    #[default]
    Refuse,
    /// Apply it.
    Allow,
}

/// The policy for an applied migration that is newer than every file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ahead {
    /// Apply nothing.
    #[default]
    Refuse,
    /// Say so and go on, so that an image that was rolled back still starts.
    Warn,
    /// Go on only when each such migration said that it is compatible.
    CompatibleOnly,
}

/// The policy for an applied migration whose file is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Missing {
    /// Apply nothing.
    #[default]
    Refuse,
    /// Say so and go on.
    Warn,
}

/// The policy for a connection that goes through a transaction pooler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pooler {
    /// Say so and go on without session state.
    #[default]
    Warn,
    /// Stop.
    Refuse,
}

impl TableName {
    /// Checks both names: 1 to 63 bytes, no NUL, and not one of the system's schemas.
    ///
    /// # Errors
    /// [`InvalidTableName`] for the first name that does not fit.
    pub fn new(
        schema: impl Into<Cow<'static, str>>,
        table: impl Into<Cow<'static, str>>,
    ) -> Result<Self, InvalidTableName> {
        let name = Self {
            schema: schema.into(),
            table: table.into(),
        };
        check_identifier(&name.schema)?;
        check_identifier(&name.table)?;
        if name.schema.starts_with("pg_") || name.schema == "information_schema" {
            return Err(InvalidTableName::SystemSchema);
        }
        Ok(name)
    }

    pub(crate) const fn from_static(schema: &'static str, table: &'static str) -> Self {
        Self {
            schema: Cow::Borrowed(schema),
            table: Cow::Borrowed(table),
        }
    }

    /// The Supabase CLI's table, which the CLI itself gives no other name.
    #[must_use]
    pub const fn supabase() -> Self {
        Self::from_static("supabase_migrations", "schema_migrations")
    }

    /// devflow's ledger beside the Supabase CLI's table.
    #[must_use]
    pub const fn beside_supabase() -> Self {
        Self::from_static("devflow", "supabase_ledger")
    }

    /// The schema, unquoted.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// The table, unquoted.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }
}

fn check_identifier(name: &str) -> Result<(), InvalidTableName> {
    match name.len() {
        0 => Err(InvalidTableName::Empty),
        1..=63 if name.contains('\0') => Err(InvalidTableName::Nul),
        1..=63 => Ok(()),
        bytes => Err(InvalidTableName::TooLong { bytes }),
    }
}

impl Default for TableName {
    fn default() -> Self {
        Self::from_static("public", "schema_migrations")
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

impl fmt::Display for InvalidTableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the name is empty"),
            Self::TooLong { bytes } => write!(f, "the name has {bytes} bytes; PostgreSQL keeps 63"),
            Self::Nul => f.write_str("the name contains a NUL character"),
            Self::SystemSchema => f.write_str("the schema belongs to PostgreSQL itself"),
        }
    }
}

impl std::error::Error for InvalidTableName {}

impl LedgerKind {
    /// Its word in devflow.yml.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Devflow => "devflow",
            Self::Supabase => "supabase",
        }
    }
}

impl OutOfOrder {
    /// Its word in devflow.yml.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Allow => "allow",
        }
    }
}

impl Ahead {
    /// Its word in devflow.yml.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Warn => "warn",
            Self::CompatibleOnly => "compatible_only",
        }
    }
}

impl Missing {
    /// Its word in devflow.yml.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Warn => "warn",
        }
    }
}

impl Pooler {
    /// Its word in devflow.yml.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Refuse => "refuse",
        }
    }
}
