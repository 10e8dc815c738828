//! Bad input: a clear error, and nothing touched.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use support::{Outcome, Project, TestDatabase};

/// The first line of a devflow.yml, which every other one follows.
const VERSION: &str = "version: \"1\"\n";

/// One kind of bad input, and what has to be said about it.
struct Case {
    name: &'static str,
    make: fn(Project) -> Project,
    arguments: &'static [&'static str],
    /// Set to the variable's value, instead of the database's own URL.
    url: Option<&'static str>,
    code: &'static str,
    /// Where, what was found, what was expected, and what to do.
    words: &'static [&'static str],
}

const CASE: Case = Case {
    name: "",
    make: |project| project.migration("1_a.sql", "SELECT 1;\n"),
    arguments: &[],
    url: None,
    code: "",
    words: &[],
};

fn run(case: &Case, project: &Project, database: &TestDatabase, verb: &[&str]) -> Outcome {
    let url = case.url.map_or_else(|| database.url(), str::to_owned);
    let command = project.devflow(verb).args(case.arguments);
    command
        .env("DATABASE_URL", &url)
        .secret("Zq9")
        .secret("xK7")
        .run()
}

fn codes(document: &serde_json::Value) -> Vec<&str> {
    let error = &document["error"];
    let problems = error["problems"].as_array().unwrap().iter();
    let codes = problems.map(|problem| &problem["code"]);
    let codes = codes.chain([&error["code"]]);
    codes.map(|code| code.as_str().unwrap()).collect()
}

fn assert_refused(case: &Case, database: &TestDatabase) {
    let name = case.name;
    let project = (case.make)(Project::new());
    let text = run(case, &project, database, &["db", "migrate"]);
    assert_eq!(text.code, 2, "{name}: {text:?}");
    assert_eq!(text.stdout, "", "{name}");
    for word in case.words {
        assert!(
            text.stderr.contains(word),
            "{name}: no {word:?} in\n{}",
            text.stderr
        );
    }
    assert!(
        text.stderr.starts_with("error: ") || text.stderr.starts_with("note: "),
        "{name}"
    );
    let json = run(case, &project, database, &["db", "migrate", "--json"]);
    assert_eq!(json.code, 2, "{name}: {json:?}");
    let document = json.json();
    let codes = codes(&document);
    assert!(codes.contains(&case.code), "{name}: {codes:?}");
}

fn assert_all_refused(cases: &[Case]) {
    let database = TestDatabase::create();
    for case in cases {
        assert_refused(case, &database);
    }
    let asked = database.statements();
    let looks =
        |said: &String| said.starts_with("SET LOCAL search_path") && said.contains(" AS seen ");
    assert!(asked.iter().all(looks), "more than a look: {asked:#?}");
    let relations = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    assert_eq!(database.value(relations), "0");
}

fn config(project: Project, rest: &str) -> Project {
    project
        .migration("1_a.sql", "SELECT 1;\n")
        .file("devflow.yml", format!("{VERSION}{rest}"))
}

#[test]
fn a_bad_devflow_yml_is_refused() {
    assert_all_refused(&[
        Case {
            name: "malformed",
            make: |project| config(project, "database:\n  migrations: a: b\n"),
            code: "config_malformed",
            words: &["devflow.yml:3:16", "not YAML", "migrations: a: b"],
            ..CASE
        },
        Case {
            name: "not UTF-8",
            make: |project| project.file("devflow.yml", b"version: \"1\"\nproject: \xff\n"),
            code: "config_malformed",
            words: &["devflow.yml", "byte 22 is not UTF-8"],
            ..CASE
        },
        Case {
            name: "no version",
            make: |project| project.file("devflow.yml", "database: {}\n"),
            code: "config_missing_key",
            words: &["devflow.yml", "`version`", "version: \"1\""],
            ..CASE
        },
        Case {
            name: "unknown key",
            make: |project| config(project, "database:\n  migrations:\n    directoy: sql\n"),
            code: "config_unknown_key",
            words: &["devflow.yml:4:5", "directoy", "`directory`"],
            ..CASE
        },
        Case {
            name: "unknown word",
            make: |project| config(project, "database:\n  migrations:\n    ahead: wran\n"),
            code: "config_invalid_value",
            words: &[
                "devflow.yml:4:12",
                "wran",
                "refuse",
                "warn",
                "compatible_only",
            ],
            ..CASE
        },
        Case {
            name: "tracking table too long",
            make: |project| {
                let table = "t".repeat(64);
                config(
                    project,
                    &format!("database:\n  migrations:\n    tracking_table: {table}\n"),
                )
            },
            code: "config_invalid_value",
            words: &["devflow.yml:4:21", "`tracking_table`", "63"],
            ..CASE
        },
        Case {
            name: "tracking schema of PostgreSQL",
            make: |project| {
                config(
                    project,
                    "database:\n  migrations:\n    tracking_schema: pg_catalog\n",
                )
            },
            code: "config_invalid_value",
            words: &["devflow.yml:4:22", "`tracking_schema`", "pg_"],
            ..CASE
        },
        Case {
            name: "directory missing",
            make: |project| config(project, "database:\n  migrations:\n    directory: sql\n"),
            code: "directory_missing",
            words: &["devflow.yml:4:16", "\"sql\" does not exist", "create it"],
            ..CASE
        },
        Case {
            name: "directory outside",
            make: |project| {
                fs::create_dir(project.path().join("../sql")).unwrap();
                config(project, "database:\n  migrations:\n    directory: ../sql\n")
            },
            code: "directory_outside",
            words: &["devflow.yml:4:16", "\"../sql\"", "relative to it"],
            ..CASE
        },
        Case {
            name: "directory behind a link that leads out",
            make: |project| {
                fs::create_dir(project.path().join("../sql")).unwrap();
                std::os::unix::fs::symlink("../sql", project.path().join("sql")).unwrap();
                config(project, "database:\n  migrations:\n    directory: sql\n")
            },
            code: "directory_outside",
            words: &["devflow.yml:4:16", "\"sql\""],
            ..CASE
        },
        Case {
            name: "a URL in place of a variable's name",
            make: |project| {
                let url = "postgres://ann:Zq9%40xK7@127.0.0.1:1/db";
                config(
                    project,
                    &format!("database:\n  environments:\n    a: {{ url_env: {url} }}\n"),
                )
            },
            code: "config_invalid_value",
            words: &[
                "devflow.yml:4",
                "`url_env`",
                "not shown",
                "name the variable",
            ],
            ..CASE
        },
        Case {
            name: "a directory that the Supabase CLI does not look into",
            make: |project| {
                config(
                    project,
                    "database:\n  migrations:\n    format: supabase\n    directory: migrations\n",
                )
            },
            code: "config_invalid_value",
            words: &["devflow.yml:5:16", "ends in supabase/migrations"],
            ..CASE
        },
    ]);
}

const ENVIRONMENTS: &str = "database:\n  environments:\n    staging: { url_env: DATABASE_URL }\n    \
                            production: { url_env: OTHER_URL }\n";

#[test]
fn bad_arguments_are_refused() {
    assert_all_refused(&[
        Case {
            name: "unknown environment",
            make: |project| config(project, ENVIRONMENTS),
            arguments: &["--env", "stagin"],
            code: "unknown_environment",
            words: &[
                "devflow.yml",
                "\"stagin\"",
                "did you mean \"staging\"",
                "staging, production",
            ],
            ..CASE
        },
        Case {
            name: "an environment without a devflow.yml",
            arguments: &["--env", "staging"],
            code: "unknown_environment",
            words: &["\"staging\"", "no devflow.yml", "devflow init"],
            ..CASE
        },
        Case {
            name: "which environment",
            make: |project| config(project, ENVIRONMENTS),
            code: "environment_needed",
            words: &["several environments", "--env: staging, production"],
            ..CASE
        },
        Case {
            name: "variable not set",
            make: |project| config(project, ENVIRONMENTS),
            arguments: &["--env", "production"],
            code: "url_not_set",
            words: &["OTHER_URL", "is not set", "--url-env"],
            ..CASE
        },
        Case {
            name: "variable empty",
            url: Some(" "),
            code: "url_not_set",
            words: &["DATABASE_URL", "is empty"],
            ..CASE
        },
        Case {
            name: "no such devflow.yml",
            arguments: &["--config", "elsewhere/devflow.yml"],
            code: "config_not_found",
            words: &["elsewhere/devflow.yml", "no such file"],
            ..CASE
        },
        Case {
            name: "a URL among the arguments",
            arguments: &["--url-env", "postgres://ann:Zq9%40xK7@127.0.0.1:1/db"],
            code: "url_in_arguments",
            words: &["everybody", "--url-env VARIABLE"],
            ..CASE
        },
        Case {
            name: "unknown flag",
            arguments: &["--bogus"],
            code: "usage",
            words: &["--bogus", "Usage: devflow db migrate"],
            ..CASE
        },
    ]);
}

#[test]
fn bad_files_are_refused() {
    assert_all_refused(&[
        Case {
            name: "no directory",
            make: |project| project,
            code: "directory_missing",
            words: &["migrations", "not there", "create it"],
            ..CASE
        },
        Case {
            name: "misnamed",
            make: |project| project.migration("users.sql", "SELECT 1;"),
            code: "file_name",
            words: &[
                "migrations/users.sql",
                "does not begin with a version",
                "<version>_<name>.sql",
            ],
            ..CASE
        },
        Case {
            name: "upper case ending",
            make: |project| project.migration("1_users.SQL", "SELECT 1;"),
            code: "file_name",
            words: &["migrations/1_users.SQL", "lower case"],
            ..CASE
        },
        Case {
            name: "duplicate",
            make: |project| project.migration("1_a.sql", "").migration("0001_b.sql", ""),
            code: "duplicate_version",
            words: &[
                "migrations/1_a.sql",
                "migrations/0001_b.sql",
                "same version 1",
                "of its own",
            ],
            ..CASE
        },
        Case {
            name: "down file alone",
            make: |project| project.migration("1_a.down.sql", "DROP TABLE a;"),
            code: "down_without_up",
            words: &["migrations/1_a.down.sql", "migrations/1_a.up.sql"],
            ..CASE
        },
        Case {
            name: "not UTF-8",
            make: |project| project.file("migrations/1_a.sql", b"SELECT 'Gr\xfc\xdfe';"),
            code: "not_utf8",
            words: &[
                "migrations/1_a.sql",
                "byte 10 is not UTF-8",
                "save the file as UTF-8",
            ],
            ..CASE
        },
        Case {
            name: "UTF-16",
            make: |project| project.file("migrations/1_a.sql", b"\xff\xfeS\0"),
            code: "utf16",
            words: &[
                "migrations/1_a.sql",
                "UTF-16, expected UTF-8",
                "save the file as UTF-8",
            ],
            ..CASE
        },
        Case {
            name: "NUL",
            make: |project| project.migration("1_a.sql", "SELECT\u{0}1;"),
            code: "nul_byte",
            words: &["migrations/1_a.sql", "byte 6 is NUL"],
            ..CASE
        },
        Case {
            name: "too large",
            make: |project| {
                let project = project.migration("1_a.sql", "");
                let file = File::options()
                    .write(true)
                    .open(project.path().join("migrations/1_a.sql"));
                file.unwrap().set_len(256 * 1024 * 1024 + 1).unwrap();
                project
            },
            code: "file_too_large",
            words: &["migrations/1_a.sql", "256 MiB", "split it"],
            ..CASE
        },
        Case {
            name: "a directory that is called like a file",
            make: |project| project.file("migrations/1_a.sql/x", ""),
            code: "not_a_file",
            words: &["migrations/1_a.sql", "found a directory"],
            ..CASE
        },
        Case {
            name: "a pipe",
            make: |project| {
                let project = project.file("migrations/.gitkeep", "");
                let mkfifo = project.command("mkfifo".as_ref());
                let _made = mkfifo.args(&["migrations/1_a.sql"]).run().expect(0);
                project
            },
            code: "not_a_file",
            words: &["migrations/1_a.sql", "expected a regular file"],
            ..CASE
        },
        Case {
            name: "a name that is not UTF-8",
            make: |project| {
                let project = project.file("migrations/.gitkeep", "");
                let name = OsStr::from_bytes(b"migrations/1_gr\xfc\xdfe.sql");
                fs::write(project.path().join(name), "").unwrap();
                project
            },
            code: "file_name",
            words: &["migrations/1_gr", "name is not UTF-8"],
            ..CASE
        },
        Case {
            name: "a broken link",
            make: |project| {
                let project = project.file("migrations/.gitkeep", "");
                let link = project.path().join("migrations/1_a.sql");
                std::os::unix::fs::symlink("gone.sql", link).unwrap();
                project
            },
            code: "broken_link",
            words: &["migrations/1_a.sql", "gone.sql"],
            ..CASE
        },
    ]);
}

#[test]
fn bad_sql_is_refused() {
    assert_all_refused(&[
        Case {
            name: "quote",
            make: |project| project.migration("1_a.sql", "SELECT 1;\nSELECT 'a;\n"),
            code: "unterminated_quote",
            words: &["migrations/1_a.sql:2:8", "SELECT 'a;"],
            ..CASE
        },
        Case {
            name: "quoted name",
            make: |project| project.migration("1_a.sql", "CREATE TABLE \"a (b int);\n"),
            code: "unterminated_identifier",
            words: &["migrations/1_a.sql:1:14"],
            ..CASE
        },
        Case {
            name: "dollar quote",
            make: |project| project.migration("1_a.sql", "DO $x$ BEGIN END;\n"),
            code: "unterminated_dollar_quote",
            words: &["migrations/1_a.sql:1:4", "$x$"],
            ..CASE
        },
        Case {
            name: "comment",
            make: |project| project.migration("1_a.sql", "SELECT 1;\n\n  /* /* a */ b\n"),
            code: "unterminated_comment",
            words: &["migrations/1_a.sql:3:3"],
            ..CASE
        },
        Case {
            name: "syntax error",
            make: |project| project.migration("1_a.sql", "SELECT 1;\nCREATE TABEL a (b int);\n"),
            code: "syntax_error",
            words: &[
                "migrations/1_a.sql:2:",
                "syntax error",
                "CREATE TABEL",
                "no-check",
            ],
            ..CASE
        },
        Case {
            name: "COMMIT",
            make: |project| project.migration("1_a.sql", "SELECT 1;\n  COMMIT;\nSELECT 2;\n"),
            code: "transaction_control",
            words: &[
                "migrations/1_a.sql:2:3",
                "COMMIT",
                "take it out",
                "no-transaction",
            ],
            ..CASE
        },
        Case {
            name: "ROLLBACK",
            make: |project| project.migration("1_a.sql", "SELECT 1;\nROLLBACK;\n"),
            code: "transaction_control",
            words: &["migrations/1_a.sql:2:1", "ROLLBACK", "take it out"],
            ..CASE
        },
        Case {
            name: "BEGIN with modes",
            make: |project| {
                project.migration(
                    "1_a.sql",
                    "BEGIN ISOLATION LEVEL SERIALIZABLE;\nSELECT 1;\nCOMMIT;\n",
                )
            },
            code: "begin_with_modes",
            words: &[
                "migrations/1_a.sql:1:1",
                "READ COMMITTED",
                "take the modes out",
            ],
            ..CASE
        },
        Case {
            name: "a command of psql",
            make: |project| project.migration("1_a.sql", "SELECT 1;\n\\i other.sql\n"),
            code: "psql_command",
            words: &["migrations/1_a.sql:2:1", "`\\i`", "psql"],
            ..CASE
        },
        Case {
            name: "another command of psql",
            make: |project| project.migration("1_a.sql", "\\connect other\nSELECT 1;\n"),
            code: "psql_command",
            words: &["migrations/1_a.sql:1:1", "`\\connect`", "psql"],
            ..CASE
        },
        Case {
            name: "COPY from stdin",
            make: |project| project.migration("1_a.sql", "COPY a (b) FROM stdin;\n1\n\\.\n"),
            code: "copy_stdin",
            words: &["migrations/1_a.sql:1:1", "COPY", "stdin", "INSERT"],
            ..CASE
        },
        Case {
            name: "COPY to stdout",
            make: |project| project.migration("1_a.sql", "COPY a TO stdout;\n"),
            code: "copy_stdout",
            words: &[
                "migrations/1_a.sql:1:1",
                "COPY",
                "stdout",
                "file or program of the server",
            ],
            ..CASE
        },
        Case {
            name: "unknown directive",
            make: |project| project.migration("1_a.sql", "-- devflow: no-transction\nSELECT 1;\n"),
            code: "directive_unknown",
            words: &[
                "migrations/1_a.sql:1:1",
                "`no-transction`",
                "did you mean `no-transaction`?",
            ],
            ..CASE
        },
        Case {
            name: "misplaced directive",
            make: |project| project.migration("1_a.sql", "SELECT 1;\n-- devflow: no-transaction\n"),
            code: "directive_misplaced",
            words: &["migrations/1_a.sql:2:1", "above the first statement"],
            ..CASE
        },
        Case {
            name: "mixed",
            make: |project| {
                let sql = "CREATE TABLE a (b int);\nCREATE INDEX CONCURRENTLY ON a (b);\n";
                project.migration("1_a.sql", sql)
            },
            code: "not_in_transaction",
            words: &[
                "migrations/1_a.sql:2:1",
                "CREATE INDEX CONCURRENTLY",
                "file of its own",
            ],
            ..CASE
        },
        Case {
            name: "a block that does not end",
            make: |project| {
                project.migration("1_a.sql", "-- devflow: no-transaction\nBEGIN;\nSELECT 1;\n")
            },
            code: "open_transaction",
            words: &["migrations/1_a.sql:2:1", "COMMIT"],
            ..CASE
        },
    ]);
}

/// Two pieces of a password, one on either side of a percent sign: neither is ever written.
#[test]
fn a_bad_url_is_refused_and_never_shown() {
    let cases = [
        ("mysql://ann:Zq9%40xK7@127.0.0.1:1/db", "postgres://"),
        ("POSTGRES://ann:Zq9%40xK7@127.0.0.1:1/db", "lower case"),
        (
            "jdbc:postgresql://127.0.0.1:1/db?user=ann&password=Zq9%40xK7",
            "postgres://",
        ),
        ("host=127.0.0.1 user=ann password=Zq9%40xK7", "postgres://"),
        ("ann:Zq9%40xK7@127.0.0.1:1/db", "postgres://"),
        ("postgres://ann:Zq9%40xK7@127.0.0.1:x1/db", "port"),
        ("postgres://ann:Zq9%40xK7@127.0.0.1:99999/db", "port"),
        ("postgres://ann:Zq9%40xK7@127.0.0.1:0/db", "port"),
        ("postgres://ann:Zq9%40xK7@[::1/db", "IPv6"),
        ("postgres://ann:Zq9%40xK7@[:::1]/db", "IPv6"),
        ("postgres://ann:Zq9%40xK7@,127.0.0.1/db", "host is empty"),
        ("postgres://ann:Zq9%40xK7@/db", "no host"),
        ("postgres://ann:Zq9%xK7@127.0.0.1:1/db", "the password"),
        ("postgres://ann:Zq9%ffxK7@127.0.0.1:1/db", "the password"),
        ("postgres://an%n:Zq9%40xK7@127.0.0.1:1/db", "the user"),
        (
            "postgres://ann:Zq9%40xK7@127.0.0.1:1/d%b",
            "the database's name",
        ),
        ("postgres://ann:Zq9/xK7@127.0.0.1:1/db", "percent-encoded"),
        ("postgres://ann:Zq9?xK7@127.0.0.1:1/db", "percent-encoded"),
        (
            "postgres://ann:Zq9#xK7@127.0.0.1:1/db?sslmode=bad",
            "sslmode is none of disable",
        ),
        (
            "postgres://ann:Zq9%40xK7@127.0.0.1:1/db?sslmode",
            "has no value",
        ),
        (
            "postgres://ann:Zq9%40xK7@127.0.0.1:1/db?connect_timeout=soon",
            "connect_timeout",
        ),
        (
            "postgres://ann:Zq9%40xK7@127.0.0.1:1/db?sslcert=Zq9",
            "sslcert",
        ),
        (
            "postgres://ann@127.0.0.1:1/db?sslmode=prefer&Zq9xK7=1",
            "not known here",
        ),
        (
            "postgres://ann:Zq9%40xK7@127.0.0.1:1/db?hostaddr=nowhere",
            "hostaddr",
        ),
        (
            "postgres://ann:Zq9%40xK7@127.0.0.1:1/db?sslmode=verify-full",
            "sslrootcert",
        ),
        (
            "postgres://ann:Zq9%40xK7@127.0.0.1:1/d%00b",
            "the database's name",
        ),
        ("postgres://ann:Zq9%00xK7@127.0.0.1:1/db", "the password"),
    ];
    let cases = cases.map(|(url, word)| Case {
        name: url,
        url: Some(url),
        code: "invalid_url",
        words: vec!["the database URL cannot be read", word, "help: "].leak(),
        ..CASE
    });
    assert_all_refused(&cases);
}

/// Secret stores and editors end a value with a newline.
#[test]
fn a_newline_after_a_url_is_no_part_of_it() {
    let database = TestDatabase::create();
    let project = Project::new().migration("1_a.sql", "CREATE TABLE a (b int);\n");
    let url = format!("{}\n", database.url());
    let migrate = project
        .devflow(&["db", "migrate"])
        .env("DATABASE_URL", &url);
    let _applied = migrate.run().expect(0);
    assert!(database.has("a"));
}

#[test]
fn all_problems_are_told_at_once_in_the_order_of_their_places() {
    let database = TestDatabase::create();
    let project = Project::new()
        .migration("1_a.sql", "SELECT 1;\n  COMMIT;\n\\i x\n")
        .migration("2_b.sql", "SELECT 'a;\n")
        .migration("x.sql", "");
    let run = |arguments: &[&str]| {
        let command = project
            .devflow(arguments)
            .env("DATABASE_URL", &database.url());
        command.run().expect(2)
    };
    let document = run(&["db", "migrate", "--json"]).json();
    let problems = document["error"]["problems"].as_array().unwrap();
    let places: Vec<_> = problems
        .iter()
        .map(|problem| {
            format!(
                "{} {} {}",
                problem["path"], problem["line"], problem["code"]
            )
        })
        .collect();
    assert_eq!(
        places,
        [
            r#""migrations/1_a.sql" 2 "transaction_control""#,
            r#""migrations/1_a.sql" 3 "psql_command""#,
            r#""migrations/2_b.sql" 1 "unterminated_quote""#,
            r#""migrations/x.sql" null "file_name""#,
        ]
    );
    support::assert_golden("bad_files.txt", &run(&["db", "migrate"]).stderr);
}

#[test]
fn without_a_devflow_yml_the_defaults_are_used_and_named() {
    let database = TestDatabase::create();
    let project = Project::new().migration("1_a.sql", "CREATE TABLE a (b int);\n");
    let migrate = project.devflow(&["db", "migrate", "--json"]);
    let outcome = migrate.env("DATABASE_URL", &database.url()).run().expect(0);
    let note = "note: no devflow.yml: using the directory migrations, the table public.schema_migrations and DATABASE_URL";
    assert!(outcome.stderr.contains(note), "{outcome:?}");
    assert_eq!(
        outcome.json()["remarks"][0].as_str(),
        note.strip_prefix("note: ")
    );
    assert_eq!(database.events(), ["1 applied"]);
}
