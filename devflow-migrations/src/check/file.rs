//! One `.sql` file of a migrations directory.

use super::fault::Fault;
use super::{Checked, check, read};
use crate::checksum::Checksum;
use crate::migration::Migration;
use crate::name::FileName;
use crate::problem::Problem;
use crate::settings::LedgerKind;
use crate::text::{EncodingProblem, Text};
use crate::unread::Unread;
use crate::version::Version;
use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 256 * 1024 * 1024;

const NAME_HELP: &str = "rename it to `<version>_<name>.sql`, such as `20240131090507_create_users.sql`, or move it elsewhere";

/// A file whose name fits.
#[derive(Debug)]
pub(crate) struct MigrationFile {
    pub(crate) name: FileName,
    /// Its path as users know it.
    pub(crate) shown: String,
    path: PathBuf,
}

impl MigrationFile {
    /// Looks at a name; `None` when the file is none of ours.
    pub(crate) fn named(path: PathBuf, directory: &str) -> Option<Result<Self, Problem>> {
        let file = path.file_name()?;
        let lossy = file.to_string_lossy();
        if lossy.starts_with('.') || !lossy.to_ascii_lowercase().ends_with(".sql") {
            return None;
        }
        let shown = format!("{}/{lossy}", directory.trim_end_matches('/'));
        let refused = |message: &str| problem("file_name", &shown, message, Some(NAME_HELP));
        let name = match file.to_str().map(FileName::parse) {
            None => return Some(Err(refused("the file's name is not UTF-8"))),
            Some(None) => return Some(Err(refused("the ending is not `.sql` in lower case"))),
            Some(Some(Err(error))) => return Some(Err(refused(&error.to_string()))),
            Some(Some(Ok(name))) => name,
        };
        Some(Ok(Self { name, shown, path }))
    }

    /// Reads the file. What it holds is checked, too, unless the Supabase CLI may have applied it: then it has to be
    /// readable as it is.
    pub(crate) fn read(&self, ledger: LedgerKind) -> Result<Migration, Vec<Problem>> {
        let bytes = self.bytes().map_err(|problem| vec![*problem])?;
        let text = Text::from_bytes(bytes).map_err(|error| vec![self.not_a_text(error)])?;
        let checked = checked(text.as_str(), &self.name.version, ledger).map_err(|faults| {
            let problems = faults
                .into_iter()
                .map(|fault| fault.problem(&self.shown, &text));
            problems.collect::<Vec<_>>()
        })?;
        Ok(holding(checked, self.migration(text)))
    }

    /// Reads the file without looking at what it holds.
    pub(crate) fn read_later(&self, ledger: LedgerKind) -> Result<Migration, Vec<Problem>> {
        let bytes = self.bytes().map_err(|problem| vec![*problem])?;
        let text = Text::from_bytes(bytes).map_err(|error| vec![self.not_a_text(error)])?;
        Ok(Migration {
            unread: Some(Unread::new(match ledger {
                LedgerKind::Devflow => |migration| seen(migration, LedgerKind::Devflow),
                LedgerKind::Supabase => |migration| seen(migration, LedgerKind::Supabase),
            })),
            ..self.migration(text)
        })
    }

    fn migration(&self, text: Text) -> Migration {
        let checksum = Checksum::of(text.as_str());
        let path = Cow::Owned(self.shown.clone());
        Migration::blank(self.name.version.clone(), path, text, checksum)
    }

    /// The file's bytes; symbolic links are followed, for Kubernetes makes ConfigMaps of them.
    fn bytes(&self) -> Result<Vec<u8>, Box<Problem>> {
        let metadata =
            fs::metadata(&self.path).map_err(|error| Box::new(self.unreadable(&error)))?;
        if !metadata.is_file() {
            let found = if metadata.is_dir() {
                "a directory"
            } else {
                "neither a file nor a directory"
            };
            let message = format!("expected a regular file, found {found}");
            let problem = problem("not_a_file", &self.shown, &message, Some(NAME_HELP));
            return Err(Box::new(problem));
        }
        if metadata.len() > LARGEST {
            return Err(Box::new(self.too_large()));
        }
        let mut bytes = Vec::new();
        // One byte more than is allowed, for a file can grow and some never end.
        let read =
            File::open(&self.path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
        match read {
            Err(error) => Err(Box::new(self.unreadable(&error))),
            Ok(_) if bytes.len() as u64 > LARGEST => Err(Box::new(self.too_large())),
            Ok(_) => Ok(bytes),
        }
    }

    fn unreadable(&self, error: &io::Error) -> Problem {
        match fs::read_link(&self.path) {
            Ok(target) if error.kind() == io::ErrorKind::NotFound => {
                let message = format!(
                    "the symbolic link leads to {}, which is not there",
                    target.display()
                );
                problem("broken_link", &self.shown, &message, None)
            }
            _ => problem(
                "file_unreadable",
                &self.shown,
                &format!("cannot read the file: {error}"),
                None,
            ),
        }
    }

    fn too_large(&self) -> Problem {
        problem(
            "file_too_large",
            &self.shown,
            "the file has more than 256 MiB",
            Some("split it, or load data by COPY from a file of the server"),
        )
    }

    fn not_a_text(&self, error: EncodingProblem) -> Problem {
        let code = match error {
            EncodingProblem::Utf16 => "utf16",
            EncodingProblem::NotUtf8 { .. } => "not_utf8",
            EncodingProblem::Nul { .. } => "nul_byte",
        };
        let message = error.to_string();
        problem(code, &self.shown, &message, Some("save the file as UTF-8"))
    }
}

fn checked(text: &str, version: &Version, ledger: LedgerKind) -> Result<Checked, Vec<Fault>> {
    match ledger {
        LedgerKind::Devflow => check(text, version, ledger),
        LedgerKind::Supabase => Ok(read(text, version, ledger)),
    }
}

/// What a text holds, without the text.
fn seen(migration: &Migration, ledger: LedgerKind) -> Migration {
    let read = read(migration.text.as_str(), &migration.version, ledger);
    let unread = Migration::blank(
        migration.version.clone(),
        migration.path.clone(),
        Text::from_static(""),
        migration.checksum,
    );
    holding(read, unread)
}

/// A migration with what its text holds.
fn holding(checked: Checked, migration: Migration) -> Migration {
    Migration {
        mode: checked.mode,
        wrapper: checked.wrapper,
        statements: Cow::Owned(checked.statements),
        actions: checked.actions,
        limits: checked.limits,
        tables: checked.tables,
        compatible_with: checked.compatible_with,
        ..migration
    }
}

fn problem(code: &'static str, path: &str, message: &str, help: Option<&str>) -> Problem {
    Problem {
        code,
        path: path.to_owned(),
        position: None,
        message: message.to_owned(),
        line: None,
        help: help.map(str::to_owned),
    }
}
