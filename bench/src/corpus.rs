//! The migrations that every tool applies, generated, in each tool's own files.

use crate::fault::{Fault, Result};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// A set of migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Corpus {
    /// 100 migrations of three statements.
    C100,
    /// 1,000 migrations of three statements.
    C1000,
    /// The first migration of both alone, to begin a ledger with.
    First,
    /// One file of 20,000 INSERTs, 2 MB.
    Inserts,
    /// One file of 50 MB.
    Large,
    /// As many small migrations: one table, and a row each.
    Many(usize),
    /// One file of as many INSERTs, about a hundred bytes each.
    File(usize),
    /// 300 migrations as a service gathers them: 60 tables, and what became of them.
    History,
}

/// One migration, before a tool gives it a file name.
pub(crate) struct Migration {
    number: usize,
    name: String,
    sql: String,
}

impl Corpus {
    pub(crate) const ALL: [Self; 5] = [
        Self::C100,
        Self::C1000,
        Self::First,
        Self::Inserts,
        Self::Large,
    ];

    /// The name of its folder.
    pub(crate) fn name(self) -> String {
        match self {
            Self::C100 => "c100".to_owned(),
            Self::C1000 => "c1000".to_owned(),
            Self::First => "first".to_owned(),
            Self::Inserts => "inserts".to_owned(),
            Self::Large => "large".to_owned(),
            Self::Many(migrations) => format!("many-{migrations}"),
            Self::File(statements) => format!("file-{statements}"),
            Self::History => "history".to_owned(),
        }
    }

    /// Its folder, at the place that the embedding programs name.
    pub(crate) fn folder(self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("target/corpora")
            .join(self.name())
    }

    /// How many migrations it has.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::C100 => 100,
            Self::C1000 => 1_000,
            Self::Many(migrations) => migrations,
            Self::History => 300,
            Self::First | Self::Inserts | Self::Large | Self::File(_) => 1,
        }
    }

    /// Writes its files, unless they are there: a file that is as it was does not make Cargo build again.
    pub(crate) fn generate(self) -> Result<()> {
        let folder = self.folder();
        let mut migrations = self.migrations().into_iter();
        migrations.try_for_each(|migration| migration.write(&folder))?;
        Self::settle_in(&folder)
    }

    /// Writes the settings that tools want to find in their folder.
    pub(crate) fn settle_in(folder: &Path) -> Result<()> {
        write(&folder.join("devflow.yml"), CONFIG)?;
        write(&folder.join("diesel.toml"), "")
    }

    /// How many bytes of SQL it has.
    pub(crate) fn bytes(self) -> usize {
        self.migrations()
            .iter()
            .map(|migration| migration.sql.len())
            .sum()
    }

    fn migrations(self) -> Vec<Migration> {
        match self {
            Self::C100 | Self::C1000 | Self::First => (1..=self.len()).map(table).collect(),
            Self::Inserts => vec![inserts("load_rows", 20_000, 1)],
            Self::Large => vec![inserts("load_everything", 5_300, 100)],
            Self::Many(migrations) => (1..=migrations).map(row).collect(),
            Self::History => (1..=self.len()).map(change).collect(),
            Self::File(statements) => vec![inserts("load_rows", statements, 1)],
        }
    }
}

const CONFIG: &str = "\
version: \"1\"
database:
  migrations: { directory: migrations }
  environments:
    local: { url_env: DATABASE_URL }
";

/// A table, an index and a comment: what an ordinary migration is made of.
fn table(number: usize) -> Migration {
    let sql = format!(
        "-- The orders of region {number}.
CREATE TABLE region_{number}_orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL,
    reference text NOT NULL UNIQUE,
    state text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'paid', 'sent')),
    amount numeric(12, 2) NOT NULL CHECK (amount >= 0),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX region_{number}_orders_by_customer ON region_{number}_orders (customer_id, created_at);
COMMENT ON TABLE region_{number}_orders IS 'What customers of region {number} ordered';
"
    );
    Migration {
        number,
        name: format!("create_region_{number}_orders"),
        sql,
    }
}

/// A table, or what is done to the newest one: a column, an index, some rows, a view.
fn change(number: usize) -> Migration {
    let newest = number - (number - 1) % 5;
    let table_of_it = format!("region_{newest}_orders");
    let (name, sql) = match number - newest {
        0 => return table(number),
        1 => (
            "note",
            format!("ALTER TABLE {table_of_it} ADD COLUMN note text;\n"),
        ),
        2 => (
            "index",
            format!("CREATE INDEX {table_of_it}_by_state ON {table_of_it} (state, created_at);\n"),
        ),
        3 => (
            "rows",
            format!(
                "INSERT INTO {table_of_it} (customer_id, reference, amount) \
                 SELECT n, 'order ' || n, n FROM generate_series(1, 20) AS n;\n"
            ),
        ),
        _ => (
            "view",
            format!(
                "CREATE VIEW {table_of_it}_states AS \
                 SELECT state, count(*) AS orders FROM {table_of_it} GROUP BY state;\n"
            ),
        ),
    };
    Migration {
        number,
        name: format!("{name}_of_region_{newest}_orders"),
        sql,
    }
}

/// A row for the table that the first of them creates.
fn row(number: usize) -> Migration {
    let sql = match number {
        1 => "CREATE TABLE seen (number int PRIMARY KEY);\n".to_owned(),
        _ => format!("INSERT INTO seen VALUES ({number});\n"),
    };
    Migration {
        number,
        name: format!("see_{number}"),
        sql,
    }
}

/// A table and as many INSERTs into it, each of as many rows of about a hundred bytes.
fn inserts(name: &str, statements: usize, rows: usize) -> Migration {
    let mut sql = "CREATE TABLE measurement (id int, place text, note text);\n".to_owned();
    for statement in 0..statements {
        sql.push_str("INSERT INTO measurement VALUES ");
        for row in 0..rows {
            let id = statement * rows + row;
            let comma = if row == 0 { "" } else { ",\n    " };
            let written = write!(
                sql,
                "{comma}({id}, 'place {}', 'what was measured there: {id:038}')",
                id % 997
            );
            debug_assert!(written.is_ok(), "a String takes everything");
        }
        sql.push_str(";\n");
    }
    Migration {
        number: 1,
        name: name.to_owned(),
        sql,
    }
}

impl Migration {
    pub(crate) fn new(number: usize, name: &str, sql: &str) -> Self {
        Self {
            number,
            name: name.to_owned(),
            sql: sql.to_owned(),
        }
    }

    /// Writes it below a folder, as each tool wants to find it.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let mut files = self.files().into_iter();
        files.try_for_each(|(file, text)| write(&folder.join(file), &text))
    }

    /// Takes all of that away again.
    pub(crate) fn remove(&self, folder: &Path) -> Result<()> {
        for (file, _) in self.files() {
            let path = folder.join(file);
            fs::remove_file(&path).map_err(|error| Fault::at(&path, error))?;
        }
        let own = folder.join(self.diesel());
        fs::remove_dir(&own).map_err(|error| Fault::at(&own, error))
    }

    /// The folder that diesel has for each migration.
    fn diesel(&self) -> String {
        format!("diesel/{:05}_{}", self.number, self.name)
    }

    fn files(&self) -> [(String, String); 5] {
        let Self { number, name, sql } = self;
        let (version, diesel) = (format!("{number:05}"), self.diesel());
        let dbmate = format!("-- migrate:up\n{sql}\n-- migrate:down\n");
        [
            (format!("migrations/{version}_{name}.sql"), sql.clone()),
            (format!("refinery/V{number}__{name}.sql"), sql.clone()),
            (format!("{diesel}/up.sql"), sql.clone()),
            (format!("{diesel}/down.sql"), "SELECT 1;\n".to_owned()),
            (format!("dbmate/{version}_{name}.sql"), dbmate),
        ]
    }
}

fn write(file: &Path, text: &str) -> Result<()> {
    if fs::read(file).is_ok_and(|found| found == text.as_bytes()) {
        return Ok(());
    }
    let folder = file.parent().unwrap_or(file);
    fs::create_dir_all(folder).map_err(|error| Fault::at(folder, error))?;
    fs::write(file, text).map_err(|error| Fault::at(file, error))
}
