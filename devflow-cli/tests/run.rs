//! The whole command in process: arguments and surroundings in, streams and an exit code out. No database is needed.

#![expect(clippy::unwrap_used, reason = "a panic here is a failed test")]

use devflow_cli::{Surroundings, run};
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// What a call said, and its exit code.
#[derive(Debug)]
struct Said {
    code: u8,
    out: String,
    err: String,
}

fn in_folder(folder: &Path) -> Surroundings {
    // The search for devflow.yml ends at the repository's root.
    fs::create_dir_all(folder.join(".git")).unwrap();
    Surroundings {
        directory: folder.to_owned(),
        ..Surroundings::default()
    }
}

fn argv(arguments: &[&str]) -> Vec<OsString> {
    let program = ["devflow"].iter();
    program.chain(arguments).map(OsString::from).collect()
}

fn devflow(folder: &Path, arguments: &[&str]) -> Said {
    with(&in_folder(folder), arguments)
}

fn with(surroundings: &Surroundings, arguments: &[&str]) -> Said {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = run(argv(arguments), surroundings, &mut out, &mut err);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said {
        code,
        out: text(out),
        err: text(err),
    }
}

/// A stream that takes nothing.
struct Broken(io::ErrorKind);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(self.0.into())
    }
}

#[test]
fn init_writes_what_is_missing_and_touches_nothing_the_second_time() {
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    fs::write(folder.path().join("Cargo.toml"), "").unwrap();
    fs::write(folder.path().join(".gitattributes"), "*.png binary").unwrap();
    let first = devflow(folder.path(), &["init"]);
    assert_eq!(first.code, 0, "{first:?}");
    assert!(first.out.contains("created  devflow.yml"), "{first:?}");
    assert_eq!(read(".gitattributes"), "*.png binary\n*.sql text eol=lf\n");
    assert!(read("build.rs").contains("cargo::rerun-if-changed=migrations"));
    assert_eq!(read("migrations/.gitkeep"), "");

    let before = [
        read("devflow.yml"),
        read(".gitattributes"),
        read("build.rs"),
    ];
    let second = devflow(folder.path(), &["init"]);
    assert_eq!(second.code, 0);
    assert_eq!(second.out.matches("kept").count(), 4, "{second:?}");
    let after = [
        read("devflow.yml"),
        read(".gitattributes"),
        read("build.rs"),
    ];
    assert_eq!(before, after);
}

#[test]
fn init_leaves_a_build_script_alone_and_says_which_line_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Cargo.toml"), "").unwrap();
    fs::write(folder.path().join("build.rs"), "fn main() {}\n").unwrap();
    let said = devflow(folder.path(), &["init"]);
    assert!(
        said.out
            .contains(r#"to do    build.rs: add println!("cargo::rerun-if-changed=migrations");"#),
        "{said:?}"
    );
    let script = fs::read_to_string(folder.path().join("build.rs")).unwrap();
    assert_eq!(script, "fn main() {}\n");
}

#[test]
fn init_takes_the_directory_of_the_supabase_cli_where_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("supabase/migrations")).unwrap();
    assert_eq!(devflow(folder.path(), &["init"]).code, 0);
    let config = fs::read_to_string(folder.path().join("devflow.yml")).unwrap();
    assert!(
        config.contains("directory: supabase/migrations"),
        "{config}"
    );
}

#[test]
fn new_prints_the_path_of_an_empty_migration() {
    let folder = tempfile::tempdir().unwrap();
    devflow(folder.path(), &["init"]);
    let first = devflow(folder.path(), &["db", "new", "Add users"]);
    let second = devflow(folder.path(), &["db", "new", "Add orders"]);
    assert_eq!((first.code, second.code), (0, 0), "{first:?} {second:?}");
    let (first, second) = (first.out.trim(), second.out.trim());
    assert!(
        first < second && first.ends_with("_add_users.sql"),
        "{first} {second}"
    );
    let text = fs::read_to_string(folder.path().join(first)).unwrap();
    assert_eq!(text, "-- add users\n");
}

#[test]
fn new_refuses_a_bad_name_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let said = devflow(folder.path(), &["db", "new", "../users"]);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(said.err.contains("it is a path"), "{said:?}");
    assert!(!folder.path().join("migrations").exists());
}

#[test]
fn nothing_is_written_outside_of_the_project() {
    let above = tempfile::tempdir().unwrap();
    let folder = above.path().join("project");
    let config = "version: \"1\"\ndatabase:\n  migrations: { directory: ../elsewhere }\n";
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("devflow.yml"), config).unwrap();
    for arguments in [&["init"][..], &["db", "new", "users"]] {
        let said = devflow(&folder, arguments);
        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.err.contains("devflow.yml:3:28"), "{said:?}");
    }
    assert!(!above.path().join("elsewhere").exists());
}

#[test]
fn json_is_one_document_on_usage_errors_too() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, command) in [
        (
            &["db", "migrate", "--json", "--bogus"][..],
            "migrate".into(),
        ),
        (&["db", "status", "--json"], "status".into()),
        (&["db", "new", "/", "--json"], "new".into()),
        (&["frobnicate", "--json"], serde_json::Value::Null),
    ] {
        let said = devflow(folder.path(), arguments);
        let document: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(
            (said.code, &document["exit_code"]),
            (2, &2.into()),
            "{said:?}"
        );
        assert_eq!(document["command"], command);
        assert!(
            said.out.ends_with("}\n") && said.err.starts_with("error: "),
            "{said:?}"
        );
    }
}

#[test]
fn help_and_version_go_to_stdout() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["--help"][..],
        &["db", "migrate", "--help"],
        &["--version"],
    ] {
        let said = devflow(folder.path(), arguments);
        assert_eq!((said.code, said.err.as_str()), (0, ""));
        assert!(
            !said.out.is_empty() && !said.out.contains('\u{1b}'),
            "{said:?}"
        );
    }
    let help = devflow(folder.path(), &["--help"]).out;
    for (code, meaning) in devflow_cli::CODES {
        assert!(
            help.contains(code) && help.contains(meaning),
            "{code} {meaning}"
        );
    }
}

#[test]
fn a_reader_who_left_changes_nothing_and_a_full_disk_is_exit_8() {
    let folder = tempfile::tempdir().unwrap();
    let code = |kind, arguments: &[&str]| {
        let around = in_folder(folder.path());
        run(argv(arguments), &around, &mut Broken(kind), &mut Vec::new())
    };
    for arguments in [&["init"][..], &["--help"]] {
        assert_eq!(code(io::ErrorKind::BrokenPipe, arguments), 0);
        assert_eq!(code(io::ErrorKind::StorageFull, arguments), 8);
    }
    let usage = ["db", "new", "/", "--json"];
    assert_eq!(code(io::ErrorKind::BrokenPipe, &usage), 2);
    let mut out = Vec::new();
    let deaf = &mut Broken(io::ErrorKind::StorageFull);
    let around = in_folder(folder.path());
    assert_eq!(run(argv(&["init"]), &around, &mut out, deaf), 0);
    assert!(!out.is_empty());
}

#[test]
fn a_password_in_the_arguments_is_never_repeated() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &[
            "db",
            "migrate",
            "--database-url",
            "postgres://ann:hunter2@h/db",
        ][..],
        &["db", "migrate", "--json", "postgres://ann:hunter2@h/db"],
        &["postgres://ann:hunter2@h/db"],
    ] {
        let said = devflow(folder.path(), arguments);
        assert_eq!(said.code, 2);
        assert!(!format!("{said:?}").contains("hunter2"), "{said:?}");
        assert!(said.err.contains("--url-env"), "{said:?}");
    }
}

#[test]
fn files_are_checked_before_anything_connects() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("migrations")).unwrap();
    fs::write(
        folder.path().join("migrations/1_a.sql"),
        "select 1;\nCOMMIT;\n",
    )
    .unwrap();
    fs::write(folder.path().join("migrations/users.sql"), "").unwrap();
    let mut around = in_folder(folder.path());
    // Nothing listens there; a connection would be exit 6.
    let url = "postgres://ann:hunter2@127.0.0.1:1/db".into();
    around.variables.insert("DATABASE_URL".into(), url);
    let said = with(&around, &["db", "migrate"]);
    assert_eq!(said.code, 2, "{said:?}");
    for words in [
        "migrations/1_a.sql:2:1",
        "migrations/users.sql",
        "note: no devflow.yml",
    ] {
        assert!(said.err.contains(words), "{said:?}");
    }
    let json = with(&around, &["db", "migrate", "--json"]).out;
    let document: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(document["error"]["problems"].as_array().unwrap().len(), 2);
    assert!(!json.contains("hunter2"));
}
