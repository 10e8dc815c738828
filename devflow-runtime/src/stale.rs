//! A build for debugging beside the directory that it was built from.

use crate::attempt::Attempt;
use devflow_migrations::{
    Checksum, Direction, FileName, Finding, FindingKind, MigrationSet, Plan, Text,
};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

impl Attempt<'_> {
    /// Says when the binary does not embed the files as they are: stable Rust does not see a new one without a build
    /// script. A release knows no directory, and one that is not there any more says nothing.
    pub(crate) fn remark_stale(&mut self) {
        let Some(directory) = self.migrator.sources else {
            return;
        };
        let Ok(files) = files(Path::new(directory)) else {
            return;
        };
        if let Some(difference) = difference(&self.migrator.set, &files) {
            self.teller.remark(format!(
                "this binary is stale: {difference}; build it again. For Cargo to see new files, build.rs has to say \
                 `println!(\"cargo::rerun-if-changed={}\");`",
                shown(&self.migrator.set, directory)
            ));
        }
    }

    /// Says when the database has a migration that this build lacks: on a developer's machine that is a build, or a
    /// checkout, which is behind. What becomes of the run is the policies' affair.
    pub(crate) fn remark_behind(&mut self, plan: &Plan) {
        if self.migrator.sources.is_none() {
            return;
        }
        let is_lacked = |finding: &&Finding| {
            let kind = &finding.kind;
            matches!(
                kind,
                FindingKind::Ahead { .. } | FindingKind::Missing { .. }
            )
        };
        if let Some(finding) = plan.findings().iter().find(is_lacked) {
            self.teller.remark(format!(
                "this binary is stale: the database has migration {}, which it lacks; take the file from whoever applied it \
                 (a newer commit, another branch), and build again",
                finding.version
            ));
        }
    }
}

/// The directory as users know it, or its last name where no migration tells.
fn shown<'a>(set: &'a MigrationSet, directory: &'a str) -> &'a str {
    let path = set
        .iter()
        .next()
        .and_then(|first| first.path().rsplit_once('/'));
    let last = directory.rsplit('/').next().unwrap_or(directory);
    path.map_or(last, |(directory, _)| directory)
}

/// The up files, by their names.
fn files(directory: &Path) -> io::Result<BTreeMap<String, Checksum>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let file = path.file_name().and_then(|file| file.to_str());
        let Some((file, Some(Ok(name)))) = file.map(|file| (file, FileName::parse(file))) else {
            continue;
        };
        // What is no text does not compile, and the compiler says why.
        if name.direction == Direction::Up
            && let Ok(text) = Text::from_bytes(fs::read(&path)?)
        {
            files.insert(file.to_owned(), Checksum::of(text.as_str()));
        }
    }
    Ok(files)
}

/// The first of what differs.
fn difference(set: &MigrationSet, files: &BTreeMap<String, Checksum>) -> Option<String> {
    let embedded: BTreeMap<_, _> = set
        .iter()
        .map(|migration| (migration.file(), migration))
        .collect();
    let new = files
        .keys()
        .find(|file| !embedded.contains_key(file.as_str()));
    if let Some(file) = new {
        return Some(format!("{file} is not in it"));
    }
    embedded
        .into_iter()
        .find_map(|(file, migration)| match files.get(file) {
            None => Some(format!("it has {file}, which is gone")),
            Some(checksum) if *checksum != migration.checksum() => {
                Some(format!("{file} has been changed since"))
            }
            Some(_) => None,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use devflow_migrations::Migration;

    fn set(texts: &[(&str, &str)]) -> MigrationSet {
        let migration = |(file, text): &(&str, &str)| {
            Migration::unchecked(format!("m/{file}"), (*text).to_owned()).unwrap()
        };
        MigrationSet::new(texts.iter().map(migration).collect()).unwrap()
    }

    #[test]
    fn what_the_directory_says_otherwise_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| fs::write(directory.path().join(file), text).unwrap();
        write("1_a.up.sql", "\u{feff}select 1;\r\n");
        write("1_a.down.sql", "select 2;");
        write("README.md", "no migration");
        assert_eq!(shown(&set(&[("1_a.sql", "")]), "/tmp/x"), "m");
        assert_eq!(shown(&set(&[]), "/tmp/x"), "x");
        let said =
            |texts: &[(&str, &str)]| difference(&set(texts), &files(directory.path()).unwrap());
        assert_eq!(said(&[("1_a.up.sql", "select 1;\n")]), None);
        assert_eq!(said(&[]).unwrap(), "1_a.up.sql is not in it");
        let changed = said(&[("1_a.up.sql", "select 3;")]).unwrap();
        assert_eq!(changed, "1_a.up.sql has been changed since");
        let gone = said(&[("1_a.up.sql", "select 1;\n"), ("2_b.sql", "")]).unwrap();
        assert_eq!(gone, "it has 2_b.sql, which is gone");
    }
}
