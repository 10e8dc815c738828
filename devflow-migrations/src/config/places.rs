//! Where the file is looked for, and where it may point.

use super::Config;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder with files and nothing above it that could be found.
struct Tree(TempDir);

impl Tree {
    fn new(files: &[&str]) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        for file in files {
            let path = tree.path(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(
                path,
                "version: \"1\"\ndatabase: {migrations: {directory: sql}}\n",
            )
            .unwrap();
        }
        tree
    }

    fn path(&self, below: &str) -> PathBuf {
        fs::canonicalize(self.0.path()).unwrap().join(below)
    }

    fn folder(self, folder: &str) -> Self {
        fs::create_dir_all(self.path(folder)).unwrap();
        self
    }

    /// The path that the search from this folder ends with, relative to the tree.
    fn find(&self, start: &str, home: Option<&Path>) -> Option<PathBuf> {
        let found = Config::find(&self.path(start), home).unwrap()?;
        assert_eq!(found.path, found.folder.join("devflow.yml"));
        Some(found.path.strip_prefix(self.path("")).unwrap().to_owned())
    }
}

#[test]
fn finds_the_nearest_file_above() {
    let tree = Tree::new(&["a/devflow.yml"]).folder("a/b/c");
    assert_eq!(tree.find("a/b/c", None), Some("a/devflow.yml".into()));
    assert_eq!(tree.find("a", None), Some("a/devflow.yml".into()));
}

#[test]
fn looks_no_further_than_the_repository_root() {
    let tree = Tree::new(&["devflow.yml"]).folder("a/.git").folder("a/b");
    assert_eq!(tree.find("a/b", None), None);
    fs::write(tree.path("a/devflow.yml"), "version: \"1\"").unwrap();
    assert_eq!(tree.find("a/b", None), Some("a/devflow.yml".into()));
}

#[test]
fn looks_no_further_than_the_home_directory() {
    let tree = Tree::new(&["devflow.yml"]).folder("home/a");
    assert_eq!(tree.find("home/a", Some(&tree.path("home"))), None);
    assert_eq!(
        tree.find("home/a", Some(&tree.path("elsewhere"))),
        Some("devflow.yml".into())
    );
}

#[cfg(unix)]
#[test]
fn a_file_in_a_shared_temporary_folder_decides_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let tree = Tree::new(&["shared/devflow.yml"]).folder("shared/mine");
    let shared = tree.path("shared");
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).unwrap();
    assert_eq!(tree.find("shared/mine", None), None);
    assert_eq!(tree.find("shared", None), Some("shared/devflow.yml".into()));
}

#[cfg(unix)]
#[test]
fn a_broken_link_is_reported_and_not_passed_by() {
    let tree = Tree::new(&["devflow.yml"]).folder("a/b");
    std::os::unix::fs::symlink("nowhere", tree.path("a/devflow.yml")).unwrap();
    let error = Config::find(&tree.path("a/b"), None).unwrap_err();
    assert_eq!(error.to_string(), "../devflow.yml: there is no such file");
}

#[test]
fn a_start_that_does_not_exist_is_an_error() {
    let tree = Tree::new(&[]);
    let error = Config::find(&tree.path("nowhere"), None).unwrap_err();
    assert_eq!(error.problems()[0].code, "config_not_found");
}

/// The code and the message about a directory that the file spells like this.
fn directory(tree: &Tree, spelled: &str) -> Result<PathBuf, (&'static str, String)> {
    let yaml = format!("version: \"1\"\ndatabase:\n  migrations:\n    directory: {spelled}\n");
    fs::write(tree.path("devflow.yml"), yaml).unwrap();
    let config = Config::find(&tree.path(""), None).unwrap().unwrap();
    config
        .migrations_directory()
        .map_err(|error| (error.problems()[0].code, error.to_string()))
}

#[test]
fn the_directory_is_resolved_below_the_folder() {
    let tree = Tree::new(&[]).folder("db/sql");
    assert_eq!(directory(&tree, "db/sql"), Ok(tree.path("db/sql")));
    assert_eq!(directory(&tree, "./db/../db/sql/"), Ok(tree.path("db/sql")));
}

#[test]
fn the_directory_has_to_exist() {
    let tree = Tree::new(&["file"]);
    let (code, message) = directory(&tree, "sql").unwrap_err();
    assert_eq!(code, "directory_missing");
    assert_eq!(
        message,
        "devflow.yml:4:16: the migrations directory \"sql\" does not exist\n      directory: sql\n                 ^\n  help: create it, or set `database.migrations.directory`"
    );
    assert_eq!(
        directory(&tree, "file").unwrap_err().0,
        "directory_unreadable"
    );
}

#[test]
fn the_directory_cannot_be_outside() {
    let tree = Tree::new(&[]).folder("sql");
    for spelled in ["/etc", "..", "../sql", "sql/../../sql"] {
        assert_eq!(
            directory(&tree, spelled).unwrap_err().0,
            "directory_outside",
            "{spelled}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_out_is_refused() {
    let tree = Tree::new(&[]).folder("sql");
    let elsewhere = Tree::new(&[]);
    std::os::unix::fs::symlink(elsewhere.path(""), tree.path("out")).unwrap();
    std::os::unix::fs::symlink("sql", tree.path("in")).unwrap();
    assert_eq!(directory(&tree, "out").unwrap_err().0, "directory_outside");
    assert_eq!(directory(&tree, "in"), Ok(tree.path("sql")));
}

#[test]
fn what_is_not_a_readable_text_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("devflow.yml");
    let problem = || {
        let error = Config::read(&path).unwrap_err();
        let [problem] = error.problems() else {
            panic!("{error}")
        };
        assert_eq!(problem.path, path.display().to_string());
        (problem.code, problem.message.clone())
    };
    assert_eq!(
        problem(),
        ("config_not_found", "there is no such file".to_owned())
    );
    fs::create_dir(&path).unwrap();
    assert_eq!(
        problem(),
        (
            "config_unreadable",
            "this is a directory; expected a file".to_owned()
        )
    );
    fs::remove_dir(&path).unwrap();
    fs::write(&path, b"version: \"1\"\nproject: \xff\n").unwrap();
    assert_eq!(
        problem(),
        ("config_malformed", "byte 22 is not UTF-8".to_owned())
    );
    fs::write(&path, b"\xff\xfev\0").unwrap();
    assert_eq!(problem().1, "the file is UTF-16, expected UTF-8");
    fs::write(&path, b"version: \0").unwrap();
    assert_eq!(problem().1, "byte 9 is NUL, which no text can hold");
    fs::write(&path, vec![b'#'; (1 << 20) + 1]).unwrap();
    assert_eq!(problem().0, "config_too_large");
    fs::write(&path, format!("version: \"1\"\n{}", "#".repeat(1_000_000))).unwrap();
    assert!(Config::read(&path).is_ok());
}
