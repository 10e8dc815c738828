//! The migrations that a program has: sorted, each version once.

use crate::migration::Migration;
use crate::version::Version;
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;

/// A sorted set of migrations in which each version occurs once; the only input to planning.
#[derive(Debug, Clone, Default)]
pub struct MigrationSet {
    migrations: Vec<Arc<Migration>>,
}

/// Two files have one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicateVersion {
    /// The version, canonical.
    pub version: Version,
    /// The paths of both files.
    pub paths: [String; 2],
}

impl MigrationSet {
    /// Sorts the migrations by version.
    ///
    /// # Errors
    /// Every [`DuplicateVersion`], when two files have one version.
    pub fn new(migrations: Vec<Migration>) -> Result<Self, Vec<DuplicateVersion>> {
        let mut migrations: Vec<_> = migrations.into_iter().map(Arc::new).collect();
        migrations.sort_by(|a, b| a.version.cmp(&b.version).then_with(|| a.path.cmp(&b.path)));
        let duplicates: Vec<_> = migrations
            .windows(2)
            .filter(|pair| pair[0].version == pair[1].version)
            .map(|pair| DuplicateVersion {
                version: pair[0].version.clone(),
                paths: [pair[0].path().to_owned(), pair[1].path().to_owned()],
            })
            .collect();
        if duplicates.is_empty() {
            Ok(Self { migrations })
        } else {
            Err(duplicates)
        }
    }

    /// The same migrations without their down files.
    #[must_use]
    pub fn without_down_files(mut self) -> Self {
        for migration in &mut self.migrations {
            Arc::make_mut(migration).down = None;
        }
        self
    }

    /// The migrations, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Migration>> + ExactSizeIterator {
        self.migrations.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.migrations.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.migrations.is_empty()
    }

    /// The migration of this version.
    #[must_use]
    pub fn get(&self, version: &Version) -> Option<&Arc<Migration>> {
        let index = self
            .migrations
            .binary_search_by(|migration| migration.version.cmp(version));
        index.ok().map(|index| &self.migrations[index])
    }

    /// The newest migration.
    #[must_use]
    pub fn newest(&self) -> Option<&Arc<Migration>> {
        self.migrations.last()
    }

    /// The digest that a ledger has in which exactly this set is applied, in lower-case hex.
    ///
    /// It covers `<version> applied <checksum>` lines, joined by LF and ordered by the version's bytes, and is computed
    /// by the server over its rows as well: equal digests mean that nothing is pending and nothing has drifted.
    #[must_use]
    pub fn applied_digest(&self) -> String {
        let mut lines: Vec<_> = self
            .migrations
            .iter()
            .map(|migration| (migration.version.as_str(), migration.checksum))
            .collect();
        lines.sort_unstable_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
        let mut hasher = Sha256::new();
        for (index, (version, checksum)) in lines.iter().enumerate() {
            if index > 0 {
                hasher.update(b"\n");
            }
            hasher.update(version);
            hasher.update(b" applied ");
            hasher.update(checksum.to_hex());
        }
        crate::checksum::Checksum::from_bytes(hasher.finalize().into()).to_string()
    }
}

impl fmt::Display for DuplicateVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} and {} have the same version {}",
            self.paths[0], self.paths[1], self.version
        )
    }
}

impl std::error::Error for DuplicateVersion {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::Checksum;

    fn migration(path: &'static str, text: &'static str) -> Migration {
        Migration::unchecked(path.to_owned(), text.to_owned()).unwrap()
    }

    fn set(files: &[(&'static str, &'static str)]) -> MigrationSet {
        let migration = |(path, text): &(&'static str, &'static str)| migration(path, text);
        MigrationSet::new(files.iter().map(migration).collect()).unwrap()
    }

    #[test]
    fn versions_are_sorted_as_numbers_and_found() {
        let set = set(&[("10_c.sql", ""), ("2_b.sql", ""), ("1.5_a.sql", "")]);
        let order: Vec<_> = set.iter().map(|migration| migration.file()).collect();
        assert_eq!(order, ["1.5_a.sql", "2_b.sql", "10_c.sql"]);
        let found = set.get(&Version::parse("0010").unwrap()).unwrap();
        assert_eq!(found.file(), "10_c.sql");
        assert!(set.get(&Version::parse("3").unwrap()).is_none());
        assert_eq!(set.newest().unwrap().file(), "10_c.sql");
    }

    #[test]
    fn one_version_in_two_files_is_refused_with_both_names() {
        let files = ["1_a.sql", "0001_b.sql", "2_c.sql", "2_d.sql", "3_e.sql"];
        let migrations = files.map(|path| migration(path, "")).into();
        let duplicates: Vec<_> = MigrationSet::new(migrations)
            .unwrap_err()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            duplicates,
            [
                "0001_b.sql and 1_a.sql have the same version 1",
                "2_c.sql and 2_d.sql have the same version 2",
            ]
        );
    }

    #[test]
    fn the_digest_of_an_applied_set_stays_the_same_for_ever() {
        let files = [("2_b.sql", "select 2;"), ("0010_c.sql", "select 10;")];
        assert_eq!(
            set(&files).applied_digest(),
            "c9b98938b708b6803628dfe25d81f07c047977708571d81f5b0e31732747fad7"
        );
        assert_eq!(
            set(&[]).applied_digest(),
            Checksum::of("").to_string(),
            "no lines at all"
        );
    }

    #[test]
    fn the_digest_of_an_applied_set_covers_versions_and_texts() {
        let digest = |files: &[(&'static str, &'static str)]| set(files).applied_digest();
        let one = digest(&[("1_a.sql", "a")]);
        assert_eq!(one, digest(&[("0001_renamed.sql", "a")]));
        assert_ne!(one, digest(&[("1_a.sql", "b")]));
        assert_ne!(one, digest(&[("2_a.sql", "a")]));
        assert_ne!(one, digest(&[("1_a.sql", "a"), ("2_a.sql", "a")]));
    }
}
