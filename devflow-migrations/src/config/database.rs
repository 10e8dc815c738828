//! The `database` section.

use super::document::{Node, Value};
use super::fault::{Fault, Faults};
use super::section::{Keys, Limit, Section};
use super::{Approval, Environment, Format, MigrationsConfig};
use crate::settings::{
    Ahead, InvalidTableName, LedgerKind, Missing, OutOfOrder, Pooler, Settings, TableName,
};
use std::borrow::Cow;
use std::path::Path;

pub(super) const DATABASE_KEYS: &[&str] = &["migrations", "environments"];

pub(super) const MIGRATIONS_KEYS: &[&str] = &[
    "directory",
    "format",
    "use_supabase_cli",
    "supabase_cli",
    "ledger",
    "tracking_table",
    "tracking_schema",
    "tracking_readers",
    "out_of_order",
    "ahead",
    "missing",
    "pooler",
    "lock_wait",
    "lock_timeout",
    "lock_retry_budget",
    "statement_timeout",
    "connect_timeout",
    "connect_budget",
];

pub(super) const ENVIRONMENT_KEYS: &[&str] = &["url_env", "direct_url_env", "require_approval"];

/// The last two folders of the directory, where the Supabase CLI looks for the files.
const SUPABASE_DIRECTORY: &str = "supabase/migrations";

/// The `database` section, read.
pub(super) struct Database<'a> {
    pub(super) migrations: MigrationsConfig,
    pub(super) environments: Vec<(String, Environment)>,
    /// Where the file spells the directory.
    pub(super) directory: Option<&'a Node>,
}

pub(super) fn read<'a>(node: Option<&'a Node>, faults: &mut Faults) -> Database<'a> {
    let database = Section::read("database", node, Keys::Only(DATABASE_KEYS), faults);
    let migrations = Section::read(
        "database.migrations",
        database.get("migrations"),
        Keys::Only(MIGRATIONS_KEYS),
        faults,
    );
    let environments = Section::read(
        "database.environments",
        database.get("environments"),
        Keys::Any,
        faults,
    );
    Database {
        migrations: read_migrations(&migrations, faults),
        environments: environments
            .entries()
            .filter_map(|(name, node)| read_environment(name, node, faults))
            .collect(),
        directory: migrations.get("directory"),
    }
}

fn read_migrations(section: &Section<'_>, faults: &mut Faults) -> MigrationsConfig {
    let format = read_format(section, faults);
    let ledger = read_ledger(section, format, faults);
    MigrationsConfig {
        directory: read_directory(section, format, faults),
        format,
        ledger,
        supabase_cli: read_cli(section, faults),
        table: read_table(section, faults),
        settings: read_settings(section, faults),
        unused_keys: unused_keys(section, format, ledger),
    }
}

/// Migrations are recorded in one place only, and devflow calls the Supabase CLI only where it is to apply the files.
fn unused_keys(section: &Section<'_>, format: Format, ledger: LedgerKind) -> Vec<&'static str> {
    let cli = matches!(format, Format::Sql).then_some("supabase_cli");
    let table = ["tracking_table", "tracking_schema"].into_iter();
    let table = table.filter(|_| ledger == LedgerKind::Supabase);
    table
        .chain(cli)
        .filter(|key| section.get(key).is_some())
        .collect()
}

/// The Supabase CLI looks for the files in one place.
fn read_directory(section: &Section<'_>, format: Format, faults: &mut Faults) -> String {
    let default = match format {
        Format::Sql => "migrations",
        Format::Supabase => SUPABASE_DIRECTORY,
    };
    let directory = section.text("directory", faults).unwrap_or(default);
    if let Some(node) = section.get("directory") {
        let expected = match format {
            Format::Sql => "the path of a directory",
            Format::Supabase => {
                "a path that ends in supabase/migrations, where the Supabase CLI looks"
            }
        };
        let fits = match format {
            Format::Sql => !directory.is_empty(),
            Format::Supabase => Path::new(directory).ends_with(SUPABASE_DIRECTORY),
        };
        if !fits {
            faults.invalid("directory", node, expected);
        }
    }
    directory.to_owned()
}

/// What the Supabase CLI applies is in its own table.
fn read_ledger(section: &Section<'_>, format: Format, faults: &mut Faults) -> LedgerKind {
    let all = [LedgerKind::Devflow, LedgerKind::Supabase];
    let ledger = section.choice("ledger", &all, LedgerKind::as_str, faults);
    match (format, ledger, section.get("ledger")) {
        (Format::Supabase, Some(LedgerKind::Devflow), Some(node)) => {
            let message = "`ledger: devflow` contradicts `format: supabase`".to_owned();
            let fault = Fault::new("config_invalid_value", node, message);
            faults.push(fault.help(
                "the Supabase CLI records what it applies in its own table: leave `ledger` out, or set `format: sql`",
            ));
            LedgerKind::Supabase
        }
        (Format::Supabase, ..) => LedgerKind::Supabase,
        (Format::Sql, ledger, _) => ledger.unwrap_or_default(),
    }
}

fn read_cli(section: &Section<'_>, faults: &mut Faults) -> Option<String> {
    let path = section.text("supabase_cli", faults)?;
    if let (Some(node), "") = (section.get("supabase_cli"), path) {
        faults.invalid("supabase_cli", node, "the path of the Supabase CLI");
    }
    Some(path.to_owned())
}

/// `format` and `use_supabase_cli` are one switch, and must not say two things.
fn read_format(section: &Section<'_>, faults: &mut Faults) -> Format {
    let all = [Format::Sql, Format::Supabase];
    let format = section.choice("format", &all, Format::as_str, faults);
    let switch = section.flag("use_supabase_cli", faults);
    let switched = switch.map(|on| if on { Format::Supabase } else { Format::Sql });
    if let (Some(format), Some(switched), Some(node)) =
        (format, switched, section.get("use_supabase_cli"))
        && format != switched
    {
        let message = format!(
            "`use_supabase_cli` contradicts `format: {}`",
            format.as_str()
        );
        let fault = Fault::new("config_invalid_value", node, message);
        faults.push(fault.help("they are the same switch: keep one of them"));
    }
    format.or(switched).unwrap_or_default()
}

fn read_table(section: &Section<'_>, faults: &mut Faults) -> TableName {
    let default = TableName::default();
    let schema = section
        .text("tracking_schema", faults)
        .unwrap_or(default.schema());
    let table = section
        .text("tracking_table", faults)
        .unwrap_or(default.table());
    let mut check = |key: &str, result: Result<TableName, InvalidTableName>| {
        if let (Err(error), Some(node)) = (result, section.get(key)) {
            let message = format!("`{key}` cannot be {}: {error}", node.describe());
            faults.push(Fault::new("config_invalid_value", node, message));
        }
    };
    let named = |schema: &str, table: &str| TableName::new(schema.to_owned(), table.to_owned());
    check("tracking_schema", named(schema, default.table()));
    check("tracking_table", named(default.schema(), table));
    named(schema, table).unwrap_or_default()
}

fn read_settings(section: &Section<'_>, faults: &mut Faults) -> Settings {
    let out_of_order = [OutOfOrder::Refuse, OutOfOrder::Allow];
    let ahead = [Ahead::Refuse, Ahead::Warn, Ahead::CompatibleOnly];
    let missing = [Missing::Refuse, Missing::Warn];
    let pooler = [Pooler::Warn, Pooler::Refuse];
    Settings {
        out_of_order: section.choice("out_of_order", &out_of_order, OutOfOrder::as_str, faults),
        ahead: section.choice("ahead", &ahead, Ahead::as_str, faults),
        missing: section.choice("missing", &missing, Missing::as_str, faults),
        pooler: section.choice("pooler", &pooler, Pooler::as_str, faults),
        lock_wait: section.duration("lock_wait", Limit::OrZero, faults),
        lock_timeout: section.duration("lock_timeout", Limit::OrNone, faults),
        lock_retry_budget: section.duration("lock_retry_budget", Limit::OrZero, faults),
        statement_timeout: section.duration("statement_timeout", Limit::OrNone, faults),
        connect_timeout: section.duration("connect_timeout", Limit::Positive, faults),
        connect_budget: section.duration("connect_budget", Limit::OrZero, faults),
        tracking_readers: read_readers(section, faults),
    }
}

fn read_readers(section: &Section<'_>, faults: &mut Faults) -> Vec<Cow<'static, str>> {
    let Some(node) = section.get("tracking_readers") else {
        return Vec::new();
    };
    let Value::List(items) = &node.value else {
        faults.invalid("tracking_readers", node, "a list of roles");
        return Vec::new();
    };
    let mut readers = Vec::new();
    for item in items {
        match item
            .text()
            .filter(|role| (1..=63).contains(&role.len()) && !role.contains('\0'))
        {
            Some(role) => readers.push(Cow::Owned(role.to_owned())),
            None => faults.invalid("tracking_readers", item, "roles of 1 to 63 bytes"),
        }
    }
    readers
}

fn read_environment(name: &str, node: &Node, faults: &mut Faults) -> Option<(String, Environment)> {
    let keys = Keys::Only(ENVIRONMENT_KEYS);
    let section = Section::read("database.environments", Some(node), keys, faults);
    if name.trim().is_empty() || name.chars().any(char::is_control) {
        let message = "an environment has no name that can be printed".to_owned();
        faults.push(Fault::new("config_invalid_value", node, message));
    }
    if section.get("url_env").is_none() {
        let message = format!("the environment {name:?} has no `url_env`");
        let fault = Fault::new("config_missing_key", node, message);
        faults.push(
            fault.help("name the environment variable that holds its URL: `url_env: DATABASE_URL`"),
        );
    }
    let require_approval = read_approval(&section, faults);
    let direct_url_env = read_variable(&section, "direct_url_env", faults);
    let environment = Environment {
        url_env: read_variable(&section, "url_env", faults)?,
        direct_url_env,
        require_approval,
    };
    Some((name.to_owned(), environment))
}

fn read_approval(section: &Section<'_>, faults: &mut Faults) -> Approval {
    let Some(node) = section.get("require_approval") else {
        return Approval::default();
    };
    match &node.value {
        Value::Bool(false) => Approval::No,
        Value::Bool(true) => Approval::Yes,
        Value::Text(text) if text == "plan" => Approval::Plan,
        _ => {
            faults.invalid("require_approval", node, "true, false or plan");
            Approval::default()
        }
    }
}

/// The name of an environment variable. A value that is not one may be the URL itself, and is never shown.
fn read_variable(section: &Section<'_>, key: &str, faults: &mut Faults) -> Option<String> {
    let node = section.get(key)?;
    match node.text().filter(|name| is_variable(name)) {
        Some(name) => Some(name.to_owned()),
        None => {
            let message = format!(
                "`{key}` is not the name of an environment variable; the value is not shown, for it may be a secret"
            );
            let fault = Fault::new("config_invalid_value", node, message);
            faults.push(
                fault
                    .shown(0)
                    .help("keep the URL in a variable, and name the variable here"),
            );
            None
        }
    }
}

fn is_variable(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(is_letter) && name.chars().all(|c| is_letter(c) || c.is_ascii_digit())
}
