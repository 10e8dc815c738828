//! The migrations of this branch beside those of the branch that it will be merged into. Pure.

use crate::outcome::Finding;
use devflow_migrations::{Direction, FileName};
use devflow_runtime::{Checksum, Migration, MigrationSet, Missing, OutOfOrder, Version};
use std::collections::BTreeMap;

/// A migration of another branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Merged {
    /// The file's name.
    pub(crate) name: String,
    /// `None` where its text could not be had.
    pub(crate) checksum: Option<Checksum>,
}

/// A branch's migrations, by version.
pub(crate) type Branch = BTreeMap<Version, Merged>;

/// The branch that ours will be merged into.
#[derive(Debug)]
pub(crate) struct Base<'a> {
    /// What it is called.
    pub(crate) name: &'a str,
    /// What it has now.
    pub(crate) tip: Branch,
    /// What both had when ours left it.
    pub(crate) fork: Branch,
    pub(crate) out_of_order: OutOfOrder,
    pub(crate) missing: Missing,
}

/// The version of a migration's file name; `None` for a file of another kind.
pub(crate) fn version_of(name: &str) -> Option<Version> {
    let parsed = FileName::parse(name)?.ok()?;
    (parsed.direction == Direction::Up).then_some(parsed.version)
}

impl Base<'_> {
    /// The migrations that the base has not.
    pub(crate) fn additions<'a>(&self, set: &'a MigrationSet) -> Vec<&'a Migration> {
        let is_new = |it: &&Migration| {
            !self.fork.contains_key(it.version()) && !self.tip.contains_key(it.version())
        };
        set.iter().map(|it| &**it).filter(is_new).collect()
    }

    /// Everything that a deploy of the merged branch would stop at, oldest version first.
    pub(crate) fn findings(&self, set: &MigrationSet) -> Vec<Finding> {
        let files = set.iter();
        let mut findings: Vec<_> = files
            .filter_map(|it| Some((it.version(), self.finding(it)?)))
            .collect();
        let gone = self.fork.iter();
        findings.extend(
            gone.filter(|(version, _)| set.get(version).is_none())
                .filter(|(version, _)| self.tip.contains_key(version))
                .map(|(version, merged)| (version, self.gone(version, merged))),
        );
        findings.sort_by(|a, b| a.0.cmp(b.0));
        findings.into_iter().map(|(_, finding)| finding).collect()
    }

    fn finding(&self, migration: &Migration) -> Option<Finding> {
        let version = migration.version();
        match (self.fork.get(version), self.tip.get(version)) {
            (Some(fork), tip) => self.merged(migration, fork, tip),
            (None, Some(tip)) => self.twice(migration, tip),
            (None, None) => self.late(migration),
        }
    }

    /// A migration that both branches had: it must be as it was, or as the base has it now.
    fn merged(
        &self,
        migration: &Migration,
        fork: &Merged,
        tip: Option<&Merged>,
    ) -> Option<Finding> {
        let (path, base) = (migration.path(), self.name);
        let known = [Some(fork), tip].into_iter().flatten();
        if known
            .clone()
            .any(|it| it.name == migration.file() && it.is(migration))
        {
            return None;
        }
        if known.clone().any(|it| it.is(migration)) {
            let message = format!("{path} is {} on {base}; its text is the same", fork.name);
            return Some(finding("renamed", Weight::Warning, migration, message));
        }
        let message = format!("{path} is on {base} already, and was changed here");
        Some(
            finding("modified", Weight::Refused, migration, message)
                .with_help("restore it, and put the change into a new migration"),
        )
    }

    /// A version that both branches have taken since they parted.
    fn twice(&self, migration: &Migration, tip: &Merged) -> Option<Finding> {
        if tip.is(migration) && tip.name == migration.file() {
            return None;
        }
        let (path, version) = (migration.path(), migration.version());
        let message = format!(
            "{path} has the version {version}, which {} has on {}",
            tip.name, self.name
        );
        Some(
            finding("duplicate_version", Weight::Refused, migration, message)
                .with_help("give the file a newer version"),
        )
    }

    /// A new migration that is older than what the base has.
    fn late(&self, migration: &Migration) -> Option<Finding> {
        let (newest, merged) = self.tip.last_key_value()?;
        if newest <= migration.version() {
            return None;
        }
        let weight = match self.out_of_order {
            OutOfOrder::Refuse => Weight::Refused,
            OutOfOrder::Allow => Weight::Warning,
        };
        let message = format!(
            "{} is new and older than {}, which is on {}",
            migration.path(),
            merged.name,
            self.name
        );
        Some(
            finding("out_of_order", weight, migration, message).with_help(
                "give the file a newer version, or allow late files with `out_of_order: allow`",
            ),
        )
    }

    fn gone(&self, version: &Version, merged: &Merged) -> Finding {
        Finding {
            code: "missing",
            refused: self.missing == Missing::Refuse,
            version: version.to_string(),
            path: None,
            message: format!(
                "{} is on {}, and its file is gone here",
                merged.name, self.name
            ),
            help: Some("restore the file, or allow this with `missing: warn`".to_owned()),
        }
    }
}

impl Merged {
    /// Whether it is the same text; one that could not be had is taken for it.
    fn is(&self, migration: &Migration) -> bool {
        self.checksum.is_none_or(|it| it == migration.checksum())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    Refused,
    Warning,
}

fn finding(code: &'static str, weight: Weight, migration: &Migration, message: String) -> Finding {
    Finding {
        code,
        refused: weight == Weight::Refused,
        version: migration.version().to_string(),
        path: Some(migration.path().to_owned()),
        message,
        help: None,
    }
}

impl Finding {
    fn with_help(self, help: &str) -> Self {
        Self {
            help: Some(help.to_owned()),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// `1_a=x` is the file `1_a.sql` with the comment `x`.
    fn files(spelled: &str) -> impl Iterator<Item = (String, String)> {
        let words = spelled.split_whitespace();
        words.map(|word| {
            let (name, text) = word.split_once('=').unwrap();
            (format!("{name}.sql"), format!("-- {text}\n"))
        })
    }

    fn branch(spelled: &str) -> Branch {
        let merged = |(name, text): (String, String)| {
            let checksum = Some(Checksum::of(&text));
            (version_of(&name).unwrap(), Merged { name, checksum })
        };
        files(spelled).map(merged).collect()
    }

    fn set(spelled: &str) -> MigrationSet {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files(spelled) {
            fs::write(folder.path().join(name), text).unwrap();
        }
        MigrationSet::read(folder.path(), "m").unwrap()
    }

    /// The codes of the findings, warnings in brackets.
    fn found(fork: &str, tip: &str, ours: &str) -> Vec<String> {
        let base = Base {
            name: "origin/main",
            tip: branch(tip),
            fork: branch(fork),
            out_of_order: OutOfOrder::Refuse,
            missing: Missing::Refuse,
        };
        let told = |finding: &Finding| match finding.refused {
            true => format!("{} {}", finding.version, finding.code),
            false => format!("[{} {}]", finding.version, finding.code),
        };
        base.findings(&set(ours)).iter().map(told).collect()
    }

    #[test]
    fn a_branch_that_can_be_merged_has_no_findings() {
        let table = [
            ("1_a=x", "1_a=x", "1_a=x 2_b=y"),
            ("", "", "1_a=x"),
            // The base has moved on, and ours need not have it.
            ("1_a=x", "1_a=x 2_b=y", "1_a=x 3_c=z"),
            // The same file came by another way.
            ("1_a=x", "1_a=x 2_b=y", "1_a=x 2_b=y"),
            // The base itself has changed or removed a file.
            ("1_a=x", "1_a=y", "1_a=y"),
            ("1_a=x", "1_a=y", "1_a=x"),
            ("1_a=x 2_b=y", "2_b=y", "2_b=y"),
        ];
        for (fork, tip, ours) in table {
            assert_eq!(found(fork, tip, ours), [""; 0], "{fork} | {tip} | {ours}");
        }
    }

    #[test]
    fn what_a_deploy_would_stop_at_is_found() {
        let table = [
            ("1_a=x", "1_a=x 3_c=z", "1_a=x 2_b=y", "2 out_of_order"),
            ("9_a=x", "9_a=x 10_c=z", "9_a=x 9.5_b=y", "9.5 out_of_order"),
            ("1_a=x", "1_a=x 2_b=y", "1_a=x 2_c=y", "2 duplicate_version"),
            (
                "1_a=x",
                "1_a=x 2_b=y",
                "1_a=x 02_b=z",
                "2 duplicate_version",
            ),
            ("1_a=x", "1_a=x", "1_a=y", "1 modified"),
            ("1_a=x", "1_a=y", "1_a=z", "1 modified"),
            ("1_a=x 2_b=y", "1_a=x 2_b=y", "1_a=x", "2 missing"),
            ("1_a=x", "1_a=x", "1_b=x", "[1 renamed]"),
        ];
        for (fork, tip, ours, expected) in table {
            assert_eq!(
                found(fork, tip, ours),
                [expected],
                "{fork} | {tip} | {ours}"
            );
        }
        let all = found(
            "1_a=x 2_b=y 5_e=z",
            "1_a=x 2_b=y 5_e=z",
            "1_a=y 4_d=z 5_e=z",
        );
        assert_eq!(all, ["1 modified", "2 missing", "4 out_of_order"]);
    }

    #[test]
    fn a_down_file_is_no_migration_of_its_own() {
        assert_eq!(version_of("1_a.down.sql"), None);
        assert_eq!(version_of("README.md"), None);
        assert_eq!(version_of("1_a.up.sql").unwrap().as_str(), "1");
    }
}
