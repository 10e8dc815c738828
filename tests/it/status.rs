//! `devflow db status`, for people and programs.

use support::{Command, Project, TestDatabase};

struct Scene {
    project: Project,
    database: TestDatabase,
}

impl Scene {
    /// Applied, failed and pending migrations, one of them with a long name.
    fn new() -> Self {
        let long =
            "0002_a_name_that_is_longer_than_a_narrow_terminal_has_room_for_in_its_columns.sql";
        let scene = Self {
            project: Project::new()
                .migration("0001_first.sql", "CREATE TABLE first (a int);\n")
                .migration(long, "CREATE TABLE second (a int);\n")
                .migration("0003_größe_der_日本.sql", "SELECT 1 / 0;\n")
                .migration("0004_pending.sql", "CREATE TABLE third (a int);\n"),
            database: TestDatabase::create(),
        };
        let _failed = scene.devflow(&["migrate"]).run().expect(1);
        scene
    }

    fn devflow(&self, arguments: &[&str]) -> Command {
        let command = self.project.devflow(&["db"]).args(arguments);
        command.env("DATABASE_URL", &self.database.url())
    }

    /// What a terminal of this width shows.
    fn on_terminal(&self, columns: u16) -> String {
        let running = self.devflow(&["status"]).spawn_on_terminal(columns);
        running.wait().expect(0).stdout
    }
}

/// The text without the sequences that colour it.
fn plain(text: &str) -> String {
    let mut pieces = text.split('\u{1b}');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |shown, piece| {
        let (_, rest) = piece.split_once('m').unwrap_or_default();
        shown + rest
    })
}

/// The rows of the table and its head.
fn table(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.trim_end().to_owned());
    let table = lines.skip_while(|line| !line.starts_with("STATE"));
    table.take(5).collect()
}

/// How many columns a line takes; of what these tests write, only Chinese characters take two.
fn width(line: &str) -> usize {
    let columns = |c: char| {
        if ('\u{4e00}'..='\u{9fff}').contains(&c) {
            2
        } else {
            1
        }
    };
    line.chars().map(columns).sum()
}

#[test]
fn the_table_fits_its_terminal() {
    let scene = Scene::new();
    for columns in [60, 80, 120] {
        let table = table(&plain(&scene.on_terminal(columns)));
        assert_eq!(table.len(), 5, "{table:#?}");
        for line in &table {
            assert!(width(line) <= usize::from(columns), "{columns}: {table:#?}");
        }
        for (row, words) in [
            (1, "applied"),
            (2, "applied"),
            (3, "failed"),
            (4, "pending"),
        ] {
            assert!(table[row].contains(words), "{table:#?}");
            assert!(table[row].contains(&row.to_string()), "{table:#?}");
        }
    }
    let wide = table(&plain(&scene.on_terminal(120)));
    for head in ["STATE", "VERSION", "NAME", "WHEN (UTC)", "TOOK", "BY"] {
        assert!(wide[0].contains(head), "{wide:#?}");
    }
}

#[test]
fn a_pipe_gets_the_whole_table() {
    let scene = Scene::new();
    let table = table(&scene.devflow(&["status"]).run().expect(0).stdout);
    let long = "a_name_that_is_longer_than_a_narrow_terminal_has_room_for_in_its_columns";
    assert!(table[2].contains(long), "{table:#?}");
    assert!(table[0].ends_with("BY"), "{table:#?}");
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    let scene = Scene::new();
    assert!(scene.on_terminal(100).contains("\u{1b}[32m"));
    let no_colour = scene.devflow(&["status"]).env("NO_COLOR", "1");
    let no_colour = no_colour.spawn_on_terminal(100).wait().expect(0);
    assert!(!no_colour.stdout.contains('\u{1b}'), "{no_colour:?}");
    let ci = scene.devflow(&["status", "--ci"]).spawn_on_terminal(100);
    assert!(!ci.wait().expect(0).stdout.contains('\u{1b}'));
    // A pipe has none, as every test of this package checks, unless it is asked for.
    let forced = scene.devflow(&["status"]).env("CLICOLOR_FORCE", "1");
    assert!(forced.run().expect(0).stdout.contains("\u{1b}[32m"));
}

#[test]
fn the_failure_is_told_with_its_version() {
    let scene = Scene::new();
    let text = scene.devflow(&["status"]).run().expect(0).stdout;
    assert!(text.contains("\n3: division by zero"), "{text}");
    assert!(
        text.contains("4 migrations: 2 applied, 1 pending, 1 failed"),
        "{text}"
    );
    let json = scene.devflow(&["status", "--json"]).run().expect(0).json();
    assert_eq!(json["counts"]["failed"], 1);
    let failed = &json["migrations"][2];
    assert_eq!(failed["state"], "failed");
    assert_eq!(failed["file"], "0003_größe_der_日本.sql");
    assert!(
        failed["error"]
            .as_str()
            .unwrap()
            .contains("division by zero")
    );
    assert!(failed["at"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn check_tells_whether_migrations_are_pending() {
    let scene = Scene::new();
    let pending = scene.devflow(&["status", "--check"]).run().expect(3);
    assert!(
        pending.stderr.contains("2 migrations are pending"),
        "{pending:?}"
    );
    assert!(pending.stdout.contains("STATE"), "{pending:?}");
    scene
        .project
        .write("migrations/0003_größe_der_日本.sql", "SELECT 1;\n");
    let _done = scene.devflow(&["migrate"]).run().expect(0);
    let _current = scene.devflow(&["status", "--check"]).run().expect(0);
}

#[test]
fn status_reads_a_database_that_devflow_has_never_seen_and_writes_nothing() {
    let project = Project::new().migration("1_a.sql", "CREATE TABLE a (b int);\n");
    let database = TestDatabase::create();
    let status = project.devflow(&["db", "status"]);
    let status = status.env("DATABASE_URL", &database.url()).run().expect(0);
    assert!(
        status
            .stdout
            .contains("1 pending; nothing was ever applied here"),
        "{status:?}"
    );
    assert!(!database.has("schema_migrations"));
}

/// A run on a terminal shows its progress there, and the result once.
#[test]
fn a_run_on_a_terminal_shows_each_migration_once() {
    let project = Project::new()
        .migration("1_a.sql", "CREATE TABLE a (b int);\n")
        .migration(
            "2_b.sql",
            "DO $$ BEGIN RAISE NOTICE 'halfway'; END $$;\nSELECT pg_sleep(0.3);\n",
        );
    let database = TestDatabase::create();
    let migrate = project.devflow(&["db", "migrate"]);
    let migrate = migrate.env("DATABASE_URL", &database.url());
    let said = plain(&migrate.spawn_on_terminal(100).wait().expect(0).stdout);
    for words in [
        "✓ 1_a.sql",
        "✓ 2_b.sql",
        "notice: halfway",
        "2 migrations applied in",
    ] {
        assert_eq!(said.matches(words).count(), 1, "{words}\n{said}");
    }
}
