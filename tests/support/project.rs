//! A folder with a project in it, made for one test.

use crate::command::Command;
use crate::programs::{Program, program};
use crate::supabase::SupabaseCli;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A temporary project: files, and commands that run in it. It is removed when the value is dropped.
#[derive(Debug)]
pub struct Project {
    home: TempDir,
    folder: PathBuf,
}

impl Project {
    /// An empty project.
    ///
    /// # Panics
    /// When no temporary folder can be made.
    #[must_use]
    pub fn new() -> Self {
        let home = tempfile::Builder::new()
            .prefix("devflow-project-")
            .tempdir()
            .expect("a temporary folder can be made");
        let folder = home.path().join("project");
        fs::create_dir(&folder).expect("a folder can be made");
        Self { home, folder }
    }

    /// Writes a file, with the folders that it needs.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(path, content);
        self
    }

    /// Writes everything that a folder of this repository holds.
    ///
    /// # Panics
    /// When it cannot be read or written.
    #[must_use]
    pub fn copy_of(self, folder: &str) -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .join(folder);
        copy(&source, &self.folder);
        self
    }

    /// Writes `migrations/<name>`.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn migration(self, name: &str, sql: &str) -> Self {
        self.file(&format!("migrations/{name}"), sql)
    }

    /// Installs a Supabase CLI, as `npm install supabase` does.
    ///
    /// # Panics
    /// When it cannot be had.
    #[must_use]
    pub fn with_supabase(self, cli: SupabaseCli) -> Self {
        let folder = self.folder.join("node_modules/.bin");
        fs::create_dir_all(&folder).expect("the folder can be made");
        std::os::unix::fs::symlink(cli.program(), folder.join("supabase"))
            .expect("a link can be made");
        self
    }

    /// Writes a file, as [`Project::file`] does, in the middle of a test.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let file = self.folder.join(path);
        let folder = file.parent().expect("a file is in a folder");
        fs::create_dir_all(folder).expect("the folder can be made");
        fs::write(&file, content).expect("the file can be written");
    }

    /// Removes a file.
    ///
    /// # Panics
    /// When there is none.
    pub fn remove(&self, path: &str) {
        fs::remove_file(self.folder.join(path)).expect("the file is there");
    }

    /// Reads a file.
    ///
    /// # Panics
    /// When there is none, or it is not UTF-8.
    #[must_use]
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.folder.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The project's folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// The CLI, to be run in the project.
    #[must_use]
    pub fn devflow(&self, arguments: &[&str]) -> Command {
        self.command(&program(Program::Devflow)).args(arguments)
    }

    /// Any program, to be run in the project.
    #[must_use]
    pub fn command(&self, program: &Path) -> Command {
        Command::new(program, &self.folder).env("HOME", &self.home.path().to_string_lossy())
    }
}

/// Copies a folder and everything in it.
pub(crate) fn copy(source: &Path, destination: &Path) {
    fs::create_dir_all(destination).expect("the folder can be made");
    for entry in fs::read_dir(source).expect("the folder is there") {
        let path = entry.expect("the folder can be read").path();
        let copied = destination.join(path.file_name().expect("an entry has a name"));
        if path.is_dir() {
            copy(&path, &copied);
        } else {
            fs::copy(&path, &copied).expect("the file can be copied");
        }
    }
}

impl Default for Project {
    fn default() -> Self {
        Self::new()
    }
}
