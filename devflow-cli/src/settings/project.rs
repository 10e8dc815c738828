//! The devflow.yml that a command goes by, or the defaults where there is none.

use super::layer::CONFIG;
use crate::args::ProjectArguments;
use crate::outcome::{Origin, Trouble};
use crate::surroundings::Surroundings;
use devflow_migrations::Config;
use devflow_runtime::{LedgerKind, Settings, TableName};
use std::path::{Path, PathBuf};

/// The directory that is read where no devflow.yml names one.
const DEFAULT_DIRECTORY: &str = "migrations";

/// The devflow.yml that a command goes by, or the defaults where there is none.
pub(super) struct Project {
    pub(super) config: Option<Config>,
    /// What named the file.
    pub(super) origin: Origin,
    folder: PathBuf,
}

impl Project {
    pub(super) fn load(
        arguments: &ProjectArguments,
        surroundings: &Surroundings,
    ) -> Result<Self, Trouble> {
        let folder = &surroundings.directory;
        let flag = arguments.config.as_deref().map(Path::as_os_str);
        let (config, origin) = match CONFIG.choose(flag, surroundings) {
            Some(named) => (Some(Config::read(&folder.join(named.value))?), named.origin),
            None => (
                Config::find(folder, surroundings.home.as_deref())?,
                Origin::Search,
            ),
        };
        Ok(Self {
            config,
            origin,
            folder: folder.clone(),
        })
    }

    /// The directory of the migrations, which has to be there.
    pub(super) fn directory(&self) -> Result<PathBuf, Trouble> {
        match &self.config {
            Some(config) => Ok(config.migrations_directory()?),
            None => Ok(self.folder.join(DEFAULT_DIRECTORY)),
        }
    }

    /// The directory that a new migration is written to, which need not be there yet.
    pub(super) fn new_directory(&self) -> Result<PathBuf, Trouble> {
        match &self.config {
            Some(config) => new_directory(config),
            None => Ok(self.folder.join(DEFAULT_DIRECTORY)),
        }
    }

    /// The directory as users know it.
    pub(super) fn shown(&self) -> &str {
        self.config.as_ref().map_or(DEFAULT_DIRECTORY, |config| {
            config.migrations.directory.trim_end_matches('/')
        })
    }

    /// The folder that migrations' paths are relative to.
    pub(super) fn folder(&self) -> &Path {
        let config = self.config.as_ref();
        config.map_or(&self.folder, |config| &config.folder)
    }

    /// The ledger's table.
    pub(super) fn table(&self) -> TableName {
        let config = self.config.as_ref();
        config.map_or_else(TableName::default, |config| config.migrations.table.clone())
    }

    /// Whose table the ledger is.
    pub(super) fn ledger(&self) -> LedgerKind {
        let config = self.config.as_ref();
        config.map_or_else(LedgerKind::default, |config| config.migrations.ledger)
    }

    /// The policies that the file spells out.
    pub(super) fn policies(&self) -> Settings {
        let config = self.config.as_ref();
        config
            .map(|config| config.migrations.settings.clone())
            .unwrap_or_default()
    }

    /// The file as users know it.
    pub(super) fn file(&self) -> String {
        let path = self.config.as_ref().map(|config| config.path.as_path());
        let path = path.unwrap_or(Path::new("devflow.yml"));
        let path = path.strip_prefix(&self.folder).unwrap_or(path);
        path.display().to_string()
    }
}

/// The directory of the migrations, which need not be there yet, but may not lead out of the project.
pub(crate) fn new_directory(config: &Config) -> Result<PathBuf, Trouble> {
    match config.migrations_directory() {
        Ok(directory) => Ok(directory),
        Err(error)
            if error
                .problems()
                .iter()
                .all(|problem| problem.code == "directory_missing") =>
        {
            Ok(config.folder.join(&config.migrations.directory))
        }
        Err(error) => Err(error.into()),
    }
}
