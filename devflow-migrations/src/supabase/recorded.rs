//! One row of the Supabase CLI's table, and how it compares with a file.

use super::elements;
use crate::checksum::Checksum;
use crate::migration::Migration;
use crate::set::MigrationSet;
use sha2::{Digest, Sha256};
use std::fmt;

/// One row of the Supabase CLI's table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    /// The version as the row spells it.
    pub version: String,
    /// What the file's name says besides the version.
    pub name: Option<String>,
    /// The file's statements, as the CLI split them.
    pub statements: Option<Vec<String>>,
}

/// How the statements in a row of the Supabase CLI's table compare with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Likeness {
    /// They are the file's.
    Same,
    /// They cannot be compared: there are none, or they were written by something that does not split as the CLI does.
    Unknown,
    /// They are not the file's.
    Differs,
    /// The row is gone.
    Gone,
}

impl Recorded {
    /// How its statements compare with a file's.
    #[must_use]
    pub fn likeness(&self, migration: &Migration) -> Likeness {
        let Some(statements) = &self.statements else {
            return Likeness::Unknown;
        };
        let text = migration.text().as_str();
        let statements: Vec<_> = statements.iter().map(|one| lines_ended(one)).collect();
        let statements = &statements;
        if *statements == elements(migration) || is_whole(statements, text) {
            Likeness::Same
        } else if is_unsplit(statements) || bare(statements) == bare(&[text]) {
            Likeness::Unknown
        } else {
            Likeness::Differs
        }
    }

    /// The file's name.
    #[must_use]
    pub fn file(&self) -> Option<String> {
        let name = self.name.as_ref().filter(|name| !name.is_empty())?;
        Some(format!("{}_{name}.sql", self.version))
    }

    /// The checksum of the file that the CLI would make of its statements.
    pub(super) fn checksum(&self) -> Option<Checksum> {
        let text = format!("{};\n", self.statements.as_ref()?.join(";\n"));
        Some(Checksum::of(&text))
    }
}

/// The CLI keeps the ends of lines as the file has them.
fn lines_ended(statement: &str) -> String {
    statement.replace("\r\n", "\n")
}

/// Some of those who write to the table put the whole file into one element.
fn is_whole(statements: &[String], text: &str) -> bool {
    matches!(statements, [one] if one.trim() == text.trim())
}

/// One element with a semicolon in its middle may be a file that nobody has split, as much as one statement.
fn is_unsplit(statements: &[String]) -> bool {
    let middle = |one: &String| one.trim_end().trim_end_matches(';').contains(';');
    matches!(statements, [one] if middle(one))
}

/// What is left of texts without what the CLI's generations treat differently: space, semicolons and a mark of order.
fn bare(texts: &[impl AsRef<str>]) -> String {
    let is_kept = |c: &char| !c.is_whitespace() && *c != ';' && *c != '\u{feff}';
    let texts = texts.iter().flat_map(|text| text.as_ref().chars());
    texts.filter(is_kept).collect()
}

impl Likeness {
    /// The word in the ledger.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Unknown => "unknown",
            Self::Differs => "differs",
            Self::Gone => "gone",
        }
    }
}

impl fmt::Display for Likeness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Migration {
    /// Its version as the Supabase CLI spells it: the digits of the file's name.
    #[must_use]
    pub fn recorded_version(&self) -> &str {
        let file = self.file();
        file.split_once('_').map_or(file, |(version, _)| version)
    }

    /// Its name as the Supabase CLI spells it: all between the version and `.sql`.
    #[must_use]
    pub fn recorded_name(&self) -> &str {
        let label = self.file().split_once('_').map_or("", |(_, label)| label);
        label.strip_suffix(".sql").unwrap_or(label)
    }
}

impl MigrationSet {
    /// The digest that the Supabase CLI's table has when exactly this set is in it, in lower-case hex.
    ///
    /// It covers the versions, joined by LF and ordered by their bytes, and is computed by the server as well.
    #[must_use]
    pub fn recorded_digest(&self) -> String {
        let mut versions: Vec<_> = self
            .iter()
            .map(|migration| migration.recorded_version())
            .collect();
        versions.sort_unstable();
        let digest: [u8; 32] = Sha256::digest(versions.join("\n")).into();
        Checksum::from_bytes(digest).to_string()
    }
}

/// Why the Supabase CLI would not read a set as devflow does, if it would not: its versions are digits, which it orders as
/// text. One sentence, lower case, no full stop.
#[must_use]
pub fn misfit(set: &MigrationSet) -> Option<String> {
    let dotted = |version: &str| version.contains('.');
    let files = || set.iter().map(|migration| &**migration);
    if let Some(file) = files().find(|file| dotted(file.recorded_version())) {
        return Some(format!(
            "{} has a version in groups, which the Supabase CLI does not know",
            file.path()
        ));
    }
    let pairs = files().zip(files().skip(1));
    let mut swapped =
        pairs.filter(|(older, newer)| older.recorded_version() > newer.recorded_version());
    let (older, newer) = swapped.next()?;
    Some(format!(
        "the Supabase CLI orders versions as text, in which {} comes after {}",
        older.path(),
        newer.path()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::migration;

    /// How these statements compare with a file that says `select 1; select 2;`.
    #[track_caller]
    fn expect(statements: &[&str], likeness: Likeness) {
        let statements = statements.iter().map(|&one| one.to_owned()).collect();
        let recorded = Recorded {
            version: "1".to_owned(),
            name: Some("m".to_owned()),
            statements: Some(statements),
        };
        assert_eq!(recorded.likeness(&migration("1")), likeness);
    }

    #[test]
    fn statements_are_the_files_or_are_not_or_cannot_be_compared() {
        expect(&["select 1", "select 2"], Likeness::Same);
        expect(&[" select 1; select 2;\r\n"], Likeness::Same);
        expect(&["select 1;", "select\n2;"], Likeness::Unknown);
        expect(&["select 1; select 3"], Likeness::Unknown);
        expect(&["select 1", "select 3"], Likeness::Differs);
        expect(&["select 1"], Likeness::Differs);
        expect(&[], Likeness::Differs);
        let likeness = Recorded::default().likeness(&migration("1"));
        assert_eq!(likeness, Likeness::Unknown);
    }

    #[test]
    fn a_files_name_is_split_and_put_together_as_the_cli_does() {
        let mut file = migration("1");
        file.path = "migrations/001_a_b.up.sql".into();
        assert_eq!(file.recorded_version(), "001");
        assert_eq!(file.recorded_name(), "a_b.up");
        let recorded = Recorded {
            version: "001".to_owned(),
            name: Some("a_b.up".to_owned()),
            statements: None,
        };
        assert_eq!(recorded.file().as_deref(), Some(file.file()));
    }

    #[test]
    fn a_set_that_the_cli_orders_otherwise_does_not_fit() {
        let misfit = |versions: &[&str]| {
            let migrations = versions.iter().map(|version| migration(version));
            misfit(&MigrationSet::new(migrations.collect()).unwrap()).is_some()
        };
        assert!(!misfit(&["1", "2", "20240101120000"]));
        assert!(misfit(&["2", "10"]));
        assert!(misfit(&["1.93"]));
    }
}
