//! What keeps a migration that was read from being run.

use super::faults;
use crate::migration::Migration;
use crate::problem::{Problem, SourceError};
use crate::set::MigrationSet;
use crate::settings::LedgerKind;

impl Migration {
    /// What keeps the file from being run where the ledger is of this kind, in the order of its text.
    #[must_use]
    pub fn problems(&self, ledger: LedgerKind) -> Vec<Problem> {
        let faults = faults(self.text.as_str(), &self.version, ledger).into_iter();
        faults
            .map(|fault| fault.problem(&self.path, &self.text))
            .collect()
    }
}

impl MigrationSet {
    /// Checks what the files hold, where [`read_for`](Self::read_for) has not.
    ///
    /// # Errors
    /// Every problem of every file, down files included.
    pub fn check(&self, ledger: LedgerKind) -> Result<(), SourceError> {
        match ledger {
            LedgerKind::Devflow => Ok(()),
            LedgerKind::Supabase => self.check_all(ledger),
        }
    }

    /// Checks what every file holds, whether it may be applied or not.
    ///
    /// # Errors
    /// Every problem of every file, down files included.
    pub fn check_all(&self, ledger: LedgerKind) -> Result<(), SourceError> {
        let files = self
            .iter()
            .flat_map(|up| std::iter::once(up).chain(up.down()));
        SourceError::check(files.flat_map(|file| file.problems(ledger)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_the_supabase_cli_may_have_applied_is_read_whatever_it_holds() {
        let files: [(&str, &[u8]); 6] = [
            ("1_own.sql", b"begin; select 1; commit; select 2;"),
            ("2_open.sql", b"begin; select 1;"),
            (
                "3_mixed.sql",
                b"select 1; create index concurrently i on t (a);",
            ),
            ("4_quote.sql", b"select 'a"),
            ("5_copy.sql", b"copy t from stdin;\n\\.\n"),
            ("6_new.sql", b"selct 1; -- devflow: no-check"),
        ];
        let directory = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            fs::write(directory.path().join(name), bytes).unwrap();
        }
        let read = |ledger| MigrationSet::read_for(directory.path(), "m", ledger);
        let ours = read(LedgerKind::Devflow).unwrap_err();
        assert!(ours.problems().len() > files.len());
        let set = read(LedgerKind::Supabase).unwrap();
        let found = set.iter().map(|migration| {
            let problems = migration.problems(LedgerKind::Supabase).into_iter();
            let codes = problems.map(|problem| problem.code);
            (migration.mode().is_atomic(), codes.collect())
        });
        let expected = [
            (false, vec![]),
            (false, vec!["open_transaction"]),
            (true, vec!["not_in_transaction"]),
            (true, vec!["unterminated_quote"]),
            (true, vec!["copy_stdin"]),
            (true, vec!["syntax_error", "directive_misplaced"]),
        ];
        assert_eq!(found.collect::<Vec<_>>(), expected);
        let all = set.check(LedgerKind::Supabase).unwrap_err();
        assert_eq!(all.problems().len(), 6);
        assert_eq!(all.problems()[0].path, "m/2_open.sql");
    }

    #[test]
    fn a_file_that_is_read_later_is_looked_into_when_somebody_asks() {
        let directory = tempfile::tempdir().unwrap();
        let files = [
            ("1_a.sql", "begin;\ncreate table a (b int);\ncommit;"),
            (
                "2_b.up.sql",
                "-- devflow: retry, compatible-with 1\nalter table a add c int, drop b;",
            ),
            ("2_b.down.sql", "create index concurrently i on a (b);"),
        ];
        for (name, text) in files {
            fs::write(directory.path().join(name), text).unwrap();
        }
        let now = MigrationSet::read(directory.path(), "m").unwrap();
        let later = MigrationSet::read_later(directory.path(), "m", LedgerKind::Devflow).unwrap();
        assert_eq!(later.applied_digest(), now.applied_digest());
        assert!(!format!("{later:?}").contains("Unread(Some"));
        let known = |migration: &Migration| {
            let (mode, wrapper) = (migration.mode(), migration.wrapper());
            let (statements, actions) = (migration.statements(), migration.actions());
            let (limits, tables) = (migration.limits(), migration.tables());
            let compatible_with = migration.compatible_with();
            format!(
                "{mode:?} {wrapper:?} {statements:?} {actions:?} {limits:?} {tables:?} {compatible_with:?}"
            )
        };
        let all = |set: &MigrationSet| {
            let files = set
                .iter()
                .flat_map(|up| std::iter::once(up).chain(up.down()));
            files.map(|file| known(file)).collect::<Vec<_>>()
        };
        assert_eq!(all(&later), all(&now));
        fs::write(directory.path().join("3_c.sql"), "selct; commit").unwrap();
        let bad = MigrationSet::read_later(directory.path(), "m", LedgerKind::Devflow).unwrap();
        let told = bad.check_all(LedgerKind::Devflow).unwrap_err();
        assert_eq!(told.problems().len(), 2);
    }
}
