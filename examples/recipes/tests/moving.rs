//! The guide for moving from another tool, walked in a database that the tool itself has migrated.

use diesel_async::{AsyncConnection, AsyncMigrationHarness, AsyncPgConnection};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use std::path::Path;
use support::{Command, Project, TestDatabase};
use tokio_postgres::NoTls;

/// A project that another tool has had until now.
struct Left {
    project: Project,
    database: TestDatabase,
    guide: String,
}

impl Left {
    fn by(files: &[(&str, &str)]) -> Self {
        let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides/moving.md");
        let project = Project::new();
        for (path, sql) in files {
            project.write(&format!("migrations/{path}"), sql);
        }
        Self {
            project,
            database: TestDatabase::create(),
            guide: std::fs::read_to_string(guide).unwrap(),
        }
    }

    fn files(&self) -> std::path::PathBuf {
        self.project.path().join("migrations")
    }

    /// Says the commands that the guide has for the tool.
    fn rename(&self, tool: &str) {
        let rest = self.guide.split_once(&format!("\n## {tool}\n")).unwrap().1;
        let script = rest.split_once("```sh\n").unwrap().1;
        let script = script.split_once("```").unwrap().0;
        let shell = Command::new(Path::new("/bin/sh"), &self.files());
        let _renamed = shell.args(&["-c", script]).run().expect(0);
    }

    /// Asks what the guide asks of the tool's table; the last row's version is the newest.
    fn newest(&self, query: &str) -> String {
        assert!(self.guide.contains(query), "{query}");
        self.database.rows(query).last().unwrap()[0].clone()
    }

    fn devflow(&self, arguments: &[&str]) -> serde_json::Value {
        let call = self.project.devflow(&["db"]).args(arguments);
        let call = call.args(&["--ci", "--json"]);
        let call = call.env("DATABASE_URL", &self.database.url());
        call.run().expect(0).json()
    }

    /// What is recorded as the guide says it; then a file of devflow's own, `3_*`, is all that runs.
    fn move_over(&self, newest: &str, table: &str, next: &str) {
        let rows = format!("SELECT string_agg(t::text, ',' ORDER BY version) FROM {table} t");
        let before = self.database.value(&rows);
        let status = self.devflow(&["status"]);
        assert_eq!(status["counts"]["pending"], 2);
        assert!(status["remarks"].to_string().contains(table), "{status}");
        let planned = self.devflow(&["baseline", newest, "--dry-run"]);
        assert_eq!(planned["pending"].as_array().unwrap().len(), 2, "{planned}");
        let _recorded = self.devflow(&["baseline", newest]);
        self.project
            .write(&format!("migrations/{next}"), "create table theirs ();\n");
        let applied = self.devflow(&["migrate"]);
        assert_eq!(applied["applied"].as_array().unwrap().len(), 1);
        let events: Vec<_> = self
            .database
            .ledger()
            .into_iter()
            .map(|row| row.event)
            .collect();
        assert_eq!(events, ["baselined", "baselined", "applied"]);
        assert_eq!(self.database.value(&rows), before);
        assert_eq!(self.database.value("select count(*) from users"), "1");
    }
}

/// Would fail if it ran twice.
const USERS: &str = "create table users (id int primary key);\n";
const SEED: &str = "insert into users values (1);\n";

#[tokio::test]
async fn from_sqlx() {
    let left = Left::by(&[("1_create_users.sql", USERS), ("2_seed.sql", SEED)]);
    let pool = sqlx::PgPool::connect(&left.database.url()).await.unwrap();
    let migrator = sqlx::migrate::Migrator::new(left.files()).await.unwrap();
    migrator.run(&pool).await.unwrap();
    pool.close().await;
    let query = "SELECT version, description, success FROM _sqlx_migrations ORDER BY version";
    left.move_over(&left.newest(query), "_sqlx_migrations", "3_next.sql");
}

#[tokio::test]
async fn from_refinery() {
    let left = Left::by(&[("V1__create_users.sql", USERS), ("V2__seed.sql", SEED)]);
    let (mut client, connection) = tokio_postgres::connect(&left.database.url(), NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    let files = refinery::load_sql_migrations(left.files()).unwrap();
    let runner = refinery::Runner::new(&files);
    let _report = runner.run_async(&mut client).await.unwrap();
    left.rename("refinery");
    let query = "SELECT version, name FROM refinery_schema_history ORDER BY version";
    left.move_over(&left.newest(query), "refinery_schema_history", "3_next.sql");
}

#[tokio::test(flavor = "multi_thread")]
async fn from_diesel() {
    let left = Left::by(&[
        ("2024-01-31-090507_create_users/up.sql", USERS),
        (
            "2024-01-31-090507_create_users/down.sql",
            "drop table users;\n",
        ),
        ("2024-02-01-120000_seed/up.sql", SEED),
    ]);
    let connection = AsyncPgConnection::establish(&left.database.url()).await;
    let mut harness = AsyncMigrationHarness::new(connection.unwrap());
    let files = FileBasedMigrations::from_path(left.files()).unwrap();
    let _versions = harness.run_pending_migrations(files).unwrap();
    drop(harness);
    left.rename("diesel");
    let query = "SELECT version FROM __diesel_schema_migrations ORDER BY version";
    let newest = left.newest(query);
    left.move_over(
        &newest,
        "__diesel_schema_migrations",
        "20240301000000_next.sql",
    );
}
