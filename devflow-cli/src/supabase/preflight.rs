//! What the Supabase CLI would not do as its user expects, found in the files before it runs.

use super::config;
use super::version::Generation;
use devflow_migrations::{Problem, SourceError};
use devflow_runtime::{DelegateFailure, ErrorKind, Migration, MigrationSet, Mode, Plan, Position};
use std::path::Path;

/// A first file called `init` with an older version is none to it: its own earlier generations made such files.
const INIT_SINCE: &str = "20211209000000";

/// What can be said without the database: of its settings, and of what is beside the files.
///
/// # Errors
/// Every problem, with its place.
pub(super) fn of_files(project: &Path, set: &MigrationSet) -> Result<(), SourceError> {
    let mut problems: Vec<_> = set.iter().filter_map(|up| down_file(up)).collect();
    problems.extend(set.iter().next().and_then(|first| legacy_init(first)));
    problems.extend(config::check(project));
    SourceError::check(problems)
}

/// Whether it can apply the files of a plan.
///
/// # Errors
/// For the first statement that it cannot.
pub(super) fn of_plan(plan: &Plan, generation: Generation) -> Result<(), DelegateFailure> {
    if generation.has_blocks() {
        return Ok(());
    }
    let files = plan.steps().iter().map(|step| &*step.migration);
    let locked = files
        .filter_map(|file| Some((file, table_lock(file)?)))
        .next();
    match locked {
        None => Ok(()),
        Some((file, place)) => Err(locks_table(file, place)),
    }
}

/// It takes whatever begins with digits and ends in `.sql` for a migration.
fn down_file(up: &Migration) -> Option<Problem> {
    let down = up.down()?;
    Some(problem(
        "supabase_down_file",
        down.path(),
        "the Supabase CLI would run this down file as a migration of its own",
        "take it out of the directory, or let devflow apply the files, with `format: sql` and `ledger: supabase`",
    ))
}

fn legacy_init(first: &Migration) -> Option<Problem> {
    let version = first.recorded_version();
    let is_old = version.len() == INIT_SINCE.len() && version < INIT_SINCE;
    let is_skipped = is_old && first.recorded_name() == "init";
    is_skipped.then(|| {
        problem(
            "supabase_init_file",
            first.path(),
            "the Supabase CLI skips a first file of this name whose version is before 2021-12-09",
            "give it another name than `init`",
        )
    })
}

fn problem(code: &'static str, path: &str, message: &str, help: &str) -> Problem {
    Problem {
        code,
        path: path.to_owned(),
        position: None,
        message: message.to_owned(),
        line: None,
        help: Some(help.to_owned()),
    }
}

/// Where a file asks for a lock on a table, which PostgreSQL grants in a transaction block only; that of a file
/// which opens one itself is good enough.
fn table_lock(file: &Migration) -> Option<Position> {
    if file.mode() != Mode::Transaction || file.wrapper().is_some() {
        return None;
    }
    let text = file.text();
    let is_lock = |statement: &str| {
        let word = statement.split(|c: char| !c.is_ascii_alphabetic()).next();
        word.is_some_and(|word| word.eq_ignore_ascii_case("lock"))
    };
    let mut spans = file.statements().iter();
    let span = spans.find(|span| is_lock(&text.as_str()[span.range()]))?;
    Some(text.position(span.start))
}

fn locks_table(file: &Migration, place: Position) -> DelegateFailure {
    let Position { line, column } = place;
    let message = format!(
        "{}:{line}:{column}: the Supabase CLI sends a file without BEGIN, and PostgreSQL refuses LOCK TABLE outside a transaction block",
        file.path()
    );
    DelegateFailure::new(ErrorKind::Usage, "supabase_lock_table", message).help(
        "put the file between `BEGIN;` and `COMMIT;`, or let devflow apply the files, with `format: sql` and `ledger: supabase`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn set(files: &[(&str, &str)]) -> MigrationSet {
        let folder = tempfile::tempdir().unwrap();
        for (name, sql) in files {
            fs::write(folder.path().join(name), sql).unwrap();
        }
        MigrationSet::read(folder.path(), "supabase/migrations").unwrap()
    }

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let project = tempfile::tempdir().unwrap();
        let found = of_files(project.path(), &set(files)).err();
        let problems = found.iter().flat_map(SourceError::problems);
        problems
            .map(|found| format!("{} {}", found.code, found.path))
            .collect()
    }

    #[test]
    fn what_the_cli_would_pass_over_is_found() {
        let file = ("20240101000000_a.sql", "");
        assert_eq!(found(&[file]), [""; 0]);
        let reversible = [
            ("20240101000000_a.up.sql", ""),
            ("20240101000000_a.down.sql", "select 1"),
        ];
        assert_eq!(
            found(&reversible),
            ["supabase_down_file supabase/migrations/20240101000000_a.down.sql"]
        );
        assert_eq!(
            found(&[("20211208000000_init.sql", ""), file]),
            ["supabase_init_file supabase/migrations/20211208000000_init.sql"]
        );
        let later = [("20211209000000_init.sql", ""), file];
        assert_eq!(found(&later), [""; 0]);
        let second = [
            ("20200101000000_a.sql", ""),
            ("20210101000000_init.sql", ""),
        ];
        assert_eq!(found(&second), [""; 0]);
    }

    #[test]
    fn a_lock_on_a_table_is_found_where_the_cli_opens_no_block() {
        let place = |sql: &str| {
            let set = set(&[("1_a.sql", sql)]);
            let place = table_lock(set.iter().next().unwrap());
            place.map(|place| (place.line, place.column))
        };
        assert_eq!(place("select 1;\n  LOCK TABLE t;"), Some((2, 3)));
        assert_eq!(place("lock t in share mode"), Some((1, 1)));
        assert_eq!(place("begin;\nlock table t;\ncommit;"), None);
        assert_eq!(place("select 'lock table t'; -- lock\n"), None);
        assert_eq!(place("create table lock_a ()"), None);
    }
}
