//! devflow.yml, the one source of truth for the CLI and for `embed_migrations!()`.

mod database;
mod directory;
mod document;
mod fault;
mod file;
mod find;
mod lines;
#[cfg(test)]
mod malformed;
mod nearest;
#[cfg(test)]
mod places;
#[cfg(test)]
mod schema;
mod section;
#[cfg(test)]
mod tests;

pub use nearest::nearest;

use crate::problem::SourceError;
use crate::settings::{LedgerKind, Settings, TableName};
use crate::text::Position;
use document::{Document, Node};
use fault::{Fault, Faults};
use section::{Keys, Section};
use std::path::{Path, PathBuf};

/// The name of the file.
const FILE_NAME: &str = "devflow.yml";

/// A devflow.yml, read and checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file.
    pub path: PathBuf,
    /// The folder that it is in, which everything in it is relative to.
    pub folder: PathBuf,
    /// `project.name`.
    pub project: Option<String>,
    /// `database.migrations`.
    pub migrations: MigrationsConfig,
    /// `database.environments`, in the order of the file.
    pub environments: Vec<(String, Environment)>,
    /// The file's path as users know it.
    shown: String,
    /// Where the file spells the directory, and that line.
    directory_at: Option<Place>,
}

/// A place in the file, and its line where that may be shown.
type Place = (Option<Position>, Option<String>);

/// `database.migrations`: the files, the ledger and the policies.
#[derive(Debug, Clone)]
pub struct MigrationsConfig {
    /// The directory as written; see [`Config::migrations_directory`].
    pub directory: String,
    /// Who applies the files.
    pub format: Format,
    /// Where applied migrations are recorded.
    pub ledger: LedgerKind,
    /// The Supabase CLI, relative to the file's folder.
    pub supabase_cli: Option<String>,
    /// devflow's own ledger.
    pub table: TableName,
    /// The policies that the file spells out.
    pub settings: Settings,
    /// Keys that the file spells out and that this format does not use.
    pub unused_keys: Vec<&'static str>,
}

/// Who applies the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// devflow.
    #[default]
    Sql,
    /// The Supabase CLI.
    Supabase,
}

/// A database that migrations are applied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// The environment variable that holds the URL.
    pub url_env: String,
    /// The environment variable that holds a URL past the pooler.
    pub direct_url_env: Option<String>,
    /// Whether a run needs an approval.
    pub require_approval: Approval,
}

/// Whether a run needs an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Approval {
    /// No.
    #[default]
    No,
    /// A person's, or the CI platform's.
    Yes,
    /// One that names the plan's digest.
    Plan,
}

impl Config {
    /// Finds and reads the devflow.yml of `start` or of the nearest folder above it.
    ///
    /// The search ends at the repository's root, a file-system boundary, the home directory and below a shared temporary
    /// folder.
    ///
    /// # Errors
    /// Everything that is wrong with the file that was found.
    pub fn find(start: &Path, home: Option<&Path>) -> Result<Option<Self>, SourceError> {
        match find::find(start, home)? {
            Some(found) => Self::read_as(&found.path, found.shown).map(Some),
            None => Ok(None),
        }
    }

    /// Reads a devflow.yml.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(path: &Path) -> Result<Self, SourceError> {
        Self::read_as(path, path.display().to_string())
    }

    fn read_as(path: &Path, shown: String) -> Result<Self, SourceError> {
        let text = file::read(path, &shown)?;
        Self::parse(path, &Document::new(shown, text))
    }

    fn parse(path: &Path, document: &Document) -> Result<Self, SourceError> {
        let root = document.parse()?;
        let mut faults = Faults::default();
        let sections = Section::read("", Some(&root), Keys::Any, &mut faults);
        check_version(&sections, &root, &mut faults);
        let project = Section::read("project", sections.get("project"), Keys::Any, &mut faults);
        let project = project.text("name", &mut faults);
        let database = database::read(sections.get("database"), &mut faults);
        faults.check(document)?;
        Ok(Self {
            path: path.to_owned(),
            folder: folder_of(path),
            project: project.map(str::to_owned),
            migrations: database.migrations,
            environments: database.environments,
            shown: document.path().to_owned(),
            directory_at: database.directory.map(|node| document.place(node)),
        })
    }

    /// The environment of this name.
    #[must_use]
    pub fn environment(&self, name: &str) -> Option<&Environment> {
        let entry = self.environments.iter().find(|(known, _)| known == name);
        entry.map(|(_, environment)| environment)
    }
}

fn check_version(sections: &Section<'_>, root: &Node, faults: &mut Faults) {
    match sections.get("version") {
        Some(node) if node.text() == Some("1") => {}
        Some(node) => faults.invalid("version", node, "\"1\", in quotes"),
        None => {
            let fault = Fault::new(
                "config_missing_key",
                root,
                "`version` is missing".to_owned(),
            );
            faults.push(fault.help("begin the file with `version: \"1\"`"));
        }
    }
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

impl Format {
    /// Its word in devflow.yml.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sql => "sql",
            Self::Supabase => "supabase",
        }
    }
}
