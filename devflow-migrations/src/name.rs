//! The file-name grammar.

use crate::version::{InvalidVersion, Version};
use std::fmt;

/// What a migration file's name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName {
    /// The digits before the first underscore, canonical.
    pub version: Version,
    /// What stands between the first underscore and the ending.
    pub label: String,
    /// Which way the file goes.
    pub direction: Direction,
}

/// Which way a file goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// `<version>_<name>.sql` or `<version>_<name>.up.sql`.
    Up,
    /// `<version>_<name>.down.sql`: undoes the up file of the same version and name.
    Down,
}

/// Why a `.sql` file's name is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidName {
    /// The name does not begin with digits.
    NoVersion,
    /// Nothing, or no underscore, stands between the version and the ending.
    NoLabel,
    /// The digits before the underscore are not a version.
    Version(InvalidVersion),
}

impl FileName {
    /// Parses a file's name; `None` when it does not end in `.sql` and so is none of ours.
    ///
    /// # Errors
    /// [`InvalidName`] when the name ends in `.sql` and does not fit `<version>_<name>.sql`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Result<Self, InvalidName>> {
        let stem = name.strip_suffix(".sql")?;
        Some(Self::parse_stem(stem))
    }

    fn parse_stem(stem: &str) -> Result<Self, InvalidName> {
        if !stem.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(InvalidName::NoVersion);
        }
        let (version, label) = stem.split_once('_').ok_or(InvalidName::NoLabel)?;
        let version = Version::parse(version).map_err(InvalidName::Version)?;
        let (label, direction) = match (label.strip_suffix(".up"), label.strip_suffix(".down")) {
            (Some(label), _) => (label, Direction::Up),
            (None, Some(label)) => (label, Direction::Down),
            (None, None) => (label, Direction::Up),
        };
        if label.is_empty() {
            return Err(InvalidName::NoLabel);
        }
        Ok(Self {
            version,
            label: label.to_owned(),
            direction,
        })
    }
}

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoVersion => f.write_str("the name does not begin with a version"),
            Self::NoLabel => f.write_str("the version is not followed by an underscore and a name"),
            Self::Version(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for InvalidName {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(name: &str) -> (String, String, Direction) {
        let name = FileName::parse(name).unwrap().unwrap();
        (name.version.to_string(), name.label, name.direction)
    }

    #[test]
    fn reads_version_label_and_direction() {
        let up = |version: &str, label: &str| (version.to_owned(), label.to_owned(), Direction::Up);
        assert_eq!(parsed("20240101120000_x.sql"), up("20240101120000", "x"));
        assert_eq!(parsed("0042_x.sql"), up("42", "x"));
        assert_eq!(parsed("1.93.1_x.sql"), up("1.93.1", "x"));
        assert_eq!(parsed("2024_01_x.sql"), up("2024", "01_x"));
        assert_eq!(parsed("1_a.b c.sql"), up("1", "a.b c"));
        assert_eq!(parsed("1_a.up.sql"), up("1", "a"));
        assert_eq!(parsed("1_a.down.sql").2, Direction::Down);
    }

    #[test]
    fn refuses_sql_files_that_do_not_fit() {
        let refused = |name: &str| FileName::parse(name).unwrap().unwrap_err();
        assert_eq!(refused("init.sql"), InvalidName::NoVersion);
        assert_eq!(refused("V1__init.sql"), InvalidName::NoVersion);
        assert_eq!(refused("1.sql"), InvalidName::NoLabel);
        assert_eq!(refused("1_.sql"), InvalidName::NoLabel);
        assert_eq!(refused("1_.up.sql"), InvalidName::NoLabel);
        assert_eq!(
            refused("1-a_b.sql"),
            InvalidName::Version(InvalidVersion::Malformed)
        );
        assert_eq!(FileName::parse("README.md"), None);
    }
}
