//! Where the macro takes its migrations from.

use crate::arguments::Explicit;
use devflow_migrations::{
    Config, Format, LedgerKind, MigrationSet, Problem, Settings, SourceError, TableName,
};
use std::path::{Path, PathBuf};

/// Everything that is embedded.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) set: MigrationSet,
    /// The directory that the files are in.
    pub(crate) directory: PathBuf,
    /// The directory as users know it.
    pub(crate) shown: String,
    /// The devflow.yml that decided, if one did.
    pub(crate) config: Option<PathBuf>,
    pub(crate) ledger: LedgerKind,
    pub(crate) table: TableName,
    pub(crate) settings: Settings,
}

impl Source {
    /// Reads the directory that the macro names.
    pub(crate) fn explicit(explicit: &Explicit, package: &Path) -> Result<Self, SourceError> {
        let directory = package.join(&explicit.directory);
        let shown = shown(&explicit.directory);
        Ok(Self {
            set: MigrationSet::read(&directory, &shown)?,
            directory,
            shown,
            config: None,
            ledger: LedgerKind::Devflow,
            table: explicit.table.clone(),
            settings: Settings::default(),
        })
    }

    /// Reads the directory that devflow.yml names.
    pub(crate) fn configured(package: &Path, home: Option<&Path>) -> Result<Self, SourceError> {
        let Some(config) = Config::find(package, home)? else {
            return Err(missing(package).into());
        };
        SourceError::check(unsupported(&config))?;
        let directory = config.migrations_directory()?;
        let shown = shown(&config.migrations.directory);
        let ledger = config.migrations.ledger;
        let set = MigrationSet::read_for(&directory, &shown, ledger)?;
        set.check(ledger)?;
        Ok(Self {
            set,
            directory,
            shown,
            config: Some(config.path),
            ledger,
            table: config.migrations.table,
            settings: config.migrations.settings,
        })
    }
}

/// A directory that was written as `./db/` is `db`.
fn shown(written: &str) -> String {
    let written = written.strip_prefix("./").unwrap_or(written);
    written.trim_end_matches('/').to_owned()
}

fn missing(package: &Path) -> Problem {
    Problem {
        code: "config_missing",
        path: package.display().to_string(),
        position: None,
        message: "no devflow.yml here or above, and embed_migrations!() takes the directory and the ledger's table from it"
            .to_owned(),
        line: None,
        help: Some(
            "create one with `devflow init` (in a container build, copy it too), or name the directory: \
             embed_migrations!(\"migrations\")"
                .to_owned(),
        ),
    }
}

/// What the command can do and an embedded set cannot.
fn unsupported(config: &Config) -> Vec<Problem> {
    let problem = |message: &str, help: &str| Problem {
        code: "not_embeddable",
        path: config.path.display().to_string(),
        position: None,
        message: message.to_owned(),
        line: None,
        help: Some(help.to_owned()),
    };
    let supabase = (config.migrations.format == Format::Supabase).then(|| {
        problem(
            "migrations of `format: supabase` cannot be embedded, for a service has no Supabase CLI",
            "set `format: sql` and `ledger: supabase`, with which devflow itself applies the files and the Supabase CLI's table stays true; or leave the macro out and run `devflow db migrate` before the service",
        )
    });
    supabase.into_iter().collect()
}
