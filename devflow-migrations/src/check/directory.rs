//! A directory of migrations.

use super::file::MigrationFile;
use crate::migration::Migration;
use crate::name::Direction;
use crate::problem::{Problem, SourceError};
use crate::set::{DuplicateVersion, MigrationSet};
use crate::settings::LedgerKind;
use crate::version::Version;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

impl MigrationSet {
    /// Reads and checks every `.sql` file of a directory, for devflow's own ledger.
    ///
    /// `shown` is the directory as users know it, such as `supabase/migrations`; it begins each migration's path.
    /// Dotfiles, editors' leftovers and files of other kinds are ignored; a `.sql` file that cannot be a migration is a
    /// problem, never skipped.
    ///
    /// # Errors
    /// Every problem of the directory and of its files, up to 100 for each file.
    pub fn read(directory: &Path, shown: &str) -> Result<Self, SourceError> {
        Self::read_for(directory, shown, LedgerKind::Devflow)
    }

    /// Like [`read`](Self::read), for the ledger of this kind.
    ///
    /// A file on which the Supabase CLI may have been before is read whatever it holds, for nobody can change it any more:
    /// of a pending one [`Migration::problems`] says what keeps it from being run.
    ///
    /// # Errors
    /// As [`read`](Self::read); with the Supabase CLI's table those of names and encodings only.
    pub fn read_for(
        directory: &Path,
        shown: &str,
        ledger: LedgerKind,
    ) -> Result<Self, SourceError> {
        Self::read_by(directory, shown, |file| file.read(ledger))
    }

    /// Reads names, encodings and checksums only. What a file holds is looked at when somebody asks, and
    /// [`Migration::problems`] has to be asked before it is run.
    ///
    /// # Errors
    /// As [`read`](Self::read), of names and encodings.
    pub fn read_later(
        directory: &Path,
        shown: &str,
        ledger: LedgerKind,
    ) -> Result<Self, SourceError> {
        Self::read_by(directory, shown, |file| file.read_later(ledger))
    }

    fn read_by(
        directory: &Path,
        shown: &str,
        read: impl Fn(&MigrationFile) -> Result<Migration, Vec<Problem>>,
    ) -> Result<Self, SourceError> {
        let paths = paths(directory).map_err(|error| unreadable(shown, &error))?;
        let (mut files, mut problems) = (Vec::new(), Vec::new());
        for named in paths
            .into_iter()
            .filter_map(|path| MigrationFile::named(path, shown))
        {
            match named {
                Ok(file) => files.push(file),
                Err(problem) => problems.push(problem),
            }
        }
        problems.extend(duplicates(&files));
        problems.extend(orphans(&files));
        let (mut up, mut down) = (Vec::new(), HashMap::new());
        for file in &files {
            match (read(file), file.name.direction) {
                (Ok(migration), Direction::Up) => up.push(migration),
                (Ok(migration), Direction::Down) => {
                    down.insert(migration.version.clone(), Arc::new(migration));
                }
                (Err(found), _) => problems.extend(found),
            }
        }
        SourceError::check(problems)?;
        assemble(up, down)
    }
}

/// The paths of the directory's entries, in the order of their names.
fn paths(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names = fs::read_dir(directory)?
        .map(|entry| Ok(entry?.file_name()))
        .collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names.iter().map(|name| directory.join(name)).collect())
}

fn assemble(
    mut up: Vec<Migration>,
    mut down: HashMap<Version, Arc<Migration>>,
) -> Result<MigrationSet, SourceError> {
    for migration in &mut up {
        migration.down = down.remove(&migration.version);
    }
    MigrationSet::new(up).or_else(|duplicates| {
        SourceError::check(duplicates.iter().map(duplicate).collect())?;
        Ok(MigrationSet::default())
    })
}

/// Files of one direction that have one version.
fn duplicates(files: &[MigrationFile]) -> Vec<Problem> {
    let mut sorted: Vec<_> = files.iter().collect();
    sorted.sort_by(|a, b| a.name.version.cmp(&b.name.version));
    let same = |a: &MigrationFile, b: &MigrationFile| {
        a.name.version == b.name.version && a.name.direction == b.name.direction
    };
    let mut problems = Vec::new();
    for group in sorted.chunk_by(|a, b| a.name.version == b.name.version) {
        for (index, file) in group.iter().enumerate() {
            if let Some(first) = group[..index].iter().find(|other| same(other, file)) {
                problems.push(duplicate(&DuplicateVersion {
                    version: file.name.version.clone(),
                    paths: [first.shown.clone(), file.shown.clone()],
                }));
            }
        }
    }
    problems
}

fn duplicate(duplicate: &DuplicateVersion) -> Problem {
    let [first, second] = &duplicate.paths;
    Problem {
        code: "duplicate_version",
        path: second.clone(),
        position: None,
        message: format!("{first} has the same version {}", duplicate.version),
        line: None,
        help: Some("give one of them a version of its own; leading zeros do not count".to_owned()),
    }
}

/// Down files whose up file is not there.
fn orphans(files: &[MigrationFile]) -> Vec<Problem> {
    let is_up = |down: &MigrationFile, file: &MigrationFile| {
        file.name.direction == Direction::Up
            && file.name.version == down.name.version
            && file.name.label == down.name.label
    };
    files
        .iter()
        .filter(|file| file.name.direction == Direction::Down)
        .filter(|down| !files.iter().any(|file| is_up(down, file)))
        .map(|down| Problem {
            code: "down_without_up",
            path: down.shown.clone(),
            position: None,
            message: "the file undoes a migration that is not there".to_owned(),
            line: None,
            help: Some(format!(
                "its up file has the same version and name: `{}`",
                down.shown.replace(".down.sql", ".up.sql")
            )),
        })
        .collect()
}

fn unreadable(shown: &str, error: &io::Error) -> Problem {
    let missing = error.kind() == io::ErrorKind::NotFound;
    let (code, message) = if missing {
        (
            "directory_missing",
            "the migrations directory is not there".to_owned(),
        )
    } else {
        (
            "directory_unreadable",
            format!("cannot read the migrations directory: {error}"),
        )
    };
    Problem {
        code,
        path: shown.to_owned(),
        position: None,
        message,
        line: None,
        help: missing
            .then(|| "run this in the project's folder; or create it, as `devflow init` does; or name another one in devflow.yml".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::Mode;
    use proptest::prelude::*;
    use tempfile::TempDir;

    fn directory(files: &[(&str, &[u8])]) -> TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            fs::write(directory.path().join(name), bytes).unwrap();
        }
        directory
    }

    fn read(directory: &TempDir) -> Result<MigrationSet, SourceError> {
        MigrationSet::read(directory.path(), "db/migrations")
    }

    fn problems(directory: &TempDir) -> Vec<(&'static str, String)> {
        let error = read(directory).unwrap_err();
        let problems = error.problems().iter();
        problems
            .map(|problem| (problem.code, problem.path.clone()))
            .collect()
    }

    fn problems_of(files: &[(&str, &[u8])]) -> Vec<(&'static str, String)> {
        problems(&directory(files))
    }

    fn one(code: &'static str, name: &str) -> Vec<(&'static str, String)> {
        vec![(code, format!("db/migrations/{name}"))]
    }

    #[test]
    fn reads_migrations_in_the_order_of_their_versions() {
        let directory = directory(&[
            ("10_b.sql", b"create index concurrently i on t (a);"),
            ("2_a.up.sql", b"\xef\xbb\xbfcreate table t (a int);\r\n"),
            ("2_a.down.sql", b"drop table t;"),
            ("README.md", b"\0"),
            (".3_x.sql.swp", b"\0"),
            (".hidden.sql", b"\0"),
            ("4_x.sql~", b"\0"),
            ("#4_x.sql#", b"\0"),
            ("4_x.sql.orig", b"\0"),
        ]);
        fs::create_dir(directory.path().join("seeds")).unwrap();
        let set = read(&directory).unwrap();
        let paths: Vec<_> = set.iter().map(|migration| migration.path()).collect();
        assert_eq!(
            paths,
            ["db/migrations/2_a.up.sql", "db/migrations/10_b.sql"]
        );
        let [first, second] = [0, 1].map(|index| set.iter().nth(index).unwrap());
        assert_eq!(first.text().as_str(), "create table t (a int);\n");
        assert!(first.is_intact());
        assert_eq!(first.mode(), Mode::Transaction);
        assert_eq!(first.statements().len(), 1);
        assert_eq!(first.down().unwrap().path(), "db/migrations/2_a.down.sql");
        assert_eq!(second.mode(), Mode::NoTransaction);
        assert!(second.down().is_none());
    }

    #[test]
    fn an_empty_directory_is_an_empty_set_and_a_missing_one_a_problem() {
        assert!(read(&directory(&[])).unwrap().is_empty());
        let missing = directory(&[]).path().join("none");
        let error = MigrationSet::read(&missing, "migrations").unwrap_err();
        assert_eq!(error.problems()[0].code, "directory_missing");
        let file = directory(&[("a", b"")]);
        let error = MigrationSet::read(&file.path().join("a"), "migrations").unwrap_err();
        assert_eq!(error.problems()[0].code, "directory_unreadable");
    }

    #[test]
    fn refuses_names_that_do_not_fit() {
        for name in [
            "init.sql",
            "V1__init.sql",
            "1.sql",
            "1_a.SQL",
            "1-a.sql",
            "a.Sql",
        ] {
            assert_eq!(problems_of(&[(name, b"")]), one("file_name", name));
        }
    }

    #[test]
    fn a_duplicate_names_both_files() {
        let directory = directory(&[("0001_b.sql", b""), ("1_a.sql", b""), ("1_c.up.sql", b"")]);
        let error = read(&directory).unwrap_err();
        let [first, second] = error.problems() else {
            panic!("{error}");
        };
        assert_eq!(
            (first.code, second.code),
            ("duplicate_version", "duplicate_version")
        );
        assert_eq!(
            first.to_string().lines().next(),
            Some("db/migrations/1_a.sql: db/migrations/0001_b.sql has the same version 1")
        );
        assert_eq!(
            problems_of(&[
                ("1_a.sql", b""),
                ("1_a.down.sql", b""),
                ("01_a.down.sql", b"")
            ]),
            one("duplicate_version", "1_a.down.sql")
        );
    }

    #[test]
    fn a_down_file_needs_its_up_file() {
        assert_eq!(
            problems_of(&[("1_a.down.sql", b"")]),
            one("down_without_up", "1_a.down.sql")
        );
        assert_eq!(
            problems_of(&[("1_a.up.sql", b""), ("1_b.down.sql", b"")]),
            one("down_without_up", "1_b.down.sql")
        );
    }

    #[test]
    fn refuses_what_is_not_utf8_text() {
        assert_eq!(
            problems_of(&[("1_a.sql", b"\xff\xfea\0")]),
            one("utf16", "1_a.sql")
        );
        assert_eq!(
            problems_of(&[("1_a.sql", b"a\xff")]),
            one("not_utf8", "1_a.sql")
        );
        assert_eq!(
            problems_of(&[("1_a.sql", b"a\0")]),
            one("nul_byte", "1_a.sql")
        );
    }

    #[test]
    fn tells_every_problem_of_every_file() {
        let found = problems_of(&[
            ("1_a.sql", b"select 1;\n  commit;\nselct"),
            ("2_a.sql", b"\0"),
            ("2_b.sql", b""),
            ("x.sql", b""),
        ]);
        let codes: Vec<_> = found.iter().map(|(code, _)| *code).collect();
        assert_eq!(
            codes,
            [
                "transaction_control",
                "syntax_error",
                "nul_byte",
                "duplicate_version",
                "file_name"
            ]
        );
    }

    #[test]
    fn a_problem_shows_its_place_and_line() {
        let error = read(&directory(&[(
            "1_a.sql",
            "select 'é';\n  commit;".as_bytes(),
        )]))
        .unwrap_err();
        let shown = error.to_string();
        assert!(
            shown.starts_with("db/migrations/1_a.sql:2:3: COMMIT in a file"),
            "{shown}"
        );
        assert!(shown.contains("\n    commit;\n    ^\n"), "{shown}");
    }

    #[cfg(unix)]
    #[test]
    fn follows_links_to_files_only() {
        use std::os::unix::fs::symlink;
        let directory = directory(&[("data", b"select 1;")]);
        let path = |name: &str| directory.path().join(name);
        symlink("data", path("1_a.sql")).unwrap();
        assert_eq!(read(&directory).unwrap().len(), 1);
        symlink("gone", path("2_a.sql")).unwrap();
        symlink("/dev/zero", path("3_a.sql")).unwrap();
        fs::create_dir(path("4_a.sql")).unwrap();
        let codes: Vec<_> = problems(&directory).iter().map(|(code, _)| *code).collect();
        assert_eq!(codes, ["broken_link", "not_a_file", "not_a_file"]);
    }

    #[test]
    fn refuses_a_file_that_is_too_large() {
        let directory = directory(&[("1_a.sql", b"")]);
        let file = fs::File::options()
            .write(true)
            .open(directory.path().join("1_a.sql"))
            .unwrap();
        file.set_len(256 * 1024 * 1024 + 1).unwrap();
        assert_eq!(problems(&directory), one("file_too_large", "1_a.sql"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&directory(&[("1_a.sql", &bytes)]));
        }
    }
}
