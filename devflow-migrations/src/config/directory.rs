//! Where the migrations are.

use super::{Config, FILE_NAME, document};
use crate::problem::{Problem, SourceError};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

impl Config {
    /// The migrations directory, with every link resolved: the folder of devflow.yml, or a directory in it.
    ///
    /// # Errors
    /// It does not exist, is not a directory, or leads out of the folder.
    pub fn migrations_directory(&self) -> Result<PathBuf, SourceError> {
        let directory = Path::new(&self.migrations.directory);
        if leads_out(directory) {
            return Err(self.outside());
        }
        let unusable = |error: io::Error| self.unusable(&error);
        let folder = fs::canonicalize(&self.folder).map_err(unusable)?;
        let resolved = fs::canonicalize(folder.join(directory)).map_err(unusable)?;
        if !resolved.starts_with(&folder) {
            return Err(self.outside());
        }
        if !fs::metadata(&resolved).map_err(unusable)?.is_dir() {
            return Err(self.unusable(&io::ErrorKind::NotADirectory.into()));
        }
        Ok(resolved)
    }

    fn outside(&self) -> SourceError {
        self.directory_problem(
            "directory_outside",
            &format!("is not in the folder of {FILE_NAME}"),
            "name a directory in that folder, relative to it",
        )
    }

    fn unusable(&self, error: &io::Error) -> SourceError {
        match error.kind() {
            io::ErrorKind::NotFound => self.directory_problem(
                "directory_missing",
                "does not exist",
                "create it, or set `database.migrations.directory`",
            ),
            _ => self.directory_problem(
                "directory_unreadable",
                &format!("cannot be read: {error}"),
                "check the path and its permissions",
            ),
        }
    }

    fn directory_problem(&self, code: &'static str, what: &str, help: &str) -> SourceError {
        let directory = document::quoted(&self.migrations.directory);
        let (position, line) = self.directory_at.clone().unwrap_or_default();
        SourceError::from(Problem {
            code,
            path: self.shown.clone(),
            position,
            message: format!("the migrations directory {directory} {what}"),
            line,
            help: Some(help.to_owned()),
        })
    }
}

/// Whether the path is absolute, or goes further up than down.
fn leads_out(directory: &Path) -> bool {
    let mut depth = 0_usize;
    for part in directory.components() {
        match part {
            Component::Prefix(_) | Component::RootDir => return true,
            Component::CurDir => {}
            Component::Normal(_) => depth += 1,
            Component::ParentDir => match depth.checked_sub(1) {
                Some(above) => depth = above,
                None => return true,
            },
        }
    }
    false
}
