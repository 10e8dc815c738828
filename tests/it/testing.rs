//! `devflow_runtime::testing`: a database for each test, copied from a template that is made once.

use devflow_runtime::testing::TestDatabase as Copy;
use devflow_runtime::{ErrorKind, MigrationSet, Migrator, Settings, TableName};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use support::{Project, TestDatabase, on_background, wait_until};

/// A database to start from, and a set of migrations that no other test has.
struct Home {
    database: TestDatabase,
    project: Project,
}

impl Home {
    fn new(sql: &str) -> Self {
        let database = TestDatabase::create();
        let sql = format!("-- {}\nCREATE TABLE a (b int);\n{sql}\n", database.name());
        let project = Project::new().migration("1_a.sql", &sql);
        Self { database, project }
    }

    fn migrator(&self) -> Migrator {
        let set = MigrationSet::read(&self.project.path().join("migrations"), "migrations");
        Migrator::with_set(set.unwrap(), TableName::default(), Settings::default())
    }

    fn create(&self) -> devflow_runtime::Result<Copy> {
        self.create_as(&self.database.url())
    }

    fn create_as(&self, url: &str) -> devflow_runtime::Result<Copy> {
        let (migrator, url) = (self.migrator(), url.to_owned());
        on_background(async move { Copy::create(&migrator, &url).await })
    }

    /// The databases that were made from here, by what their comments say that they are.
    fn made(&self, what: &str) -> Vec<String> {
        let name = self.database.name();
        self.database.column(&format!(
            "SELECT datname FROM pg_database \
             WHERE shobj_description(oid, 'pg_database') = 'devflow {what}, made from {name}' ORDER BY oid"
        ))
    }

    fn copies(&self) -> Vec<String> {
        self.made("test database")
    }

    /// The sessions by which the copies are made and dropped.
    fn keepers(&self) -> Vec<String> {
        self.database.column(
            "SELECT pid::text FROM pg_stat_activity \
             WHERE datname = current_database() AND application_name LIKE 'devflow %' ORDER BY pid",
        )
    }

    fn is_there(&self, name: &str) -> bool {
        let found = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
        self.database.value(&found) == "1"
    }
}

/// The templates of a test are of no use to another one.
impl Drop for Home {
    fn drop(&mut self) {
        for template in self.made("template") {
            self.database.execute(&format!("DROP DATABASE {template}"));
        }
    }
}

fn value(copy: &Copy, sql: &'static str) -> String {
    let url = copy.url().to_owned();
    on_background(async move {
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        let messages = client.simple_query(sql).await.unwrap();
        let row = messages.iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        row.and_then(|row| row.get(0))
            .unwrap_or_default()
            .to_owned()
    })
}

#[test]
fn tests_that_start_together_share_one_template_and_nothing_else() {
    let home = Home::new("");
    let create = || home.create().unwrap();
    let copies: Vec<Copy> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(create)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let mut names: Vec<_> = copies.iter().map(Copy::name).collect();
    names.sort_unstable();
    let mut marked = home.copies();
    marked.sort_unstable();
    assert_eq!(names, marked);
    let templates = home.made("template");
    assert_eq!(templates.len(), 1, "{templates:?}");
    assert!(
        names
            .iter()
            .chain([&&*templates[0]])
            .all(|name| name.len() <= 63)
    );

    assert_eq!(
        value(&copies[0], "INSERT INTO a VALUES (1) RETURNING b"),
        "1"
    );
    assert_eq!(value(&copies[1], "SELECT count(*) FROM a"), "0");
    assert_eq!(
        value(&copies[1], "SELECT event FROM schema_migrations"),
        "applied"
    );
    assert!(!format!("{:?}", copies[0]).contains("postgres://"));

    // By hand, by the end of a thread that drives a runtime, and by a panic.
    let mut copies = copies.into_iter();
    let closed = copies.next().unwrap();
    on_background(async move { closed.close().await }).unwrap();
    let dropped = copies.next().unwrap();
    on_background(async move { drop(dropped) });
    let panicking = AssertUnwindSafe(copies.next().unwrap());
    let panicked = catch_unwind(move || {
        let _copy = panicking;
        panic!("as a test that fails");
    });
    assert!(panicked.is_err());
    assert_eq!(home.copies().len(), 1);
    drop(copies);
    assert_eq!(home.copies(), [""; 0]);

    let again = home.create().unwrap();
    assert_eq!(home.made("template"), templates);
    drop(again);
}

#[test]
fn a_copy_is_dropped_whoever_is_still_connected() {
    let home = Home::new("");
    for close in [false, true] {
        let copy = home.create().unwrap();
        let (name, url) = (copy.name().to_owned(), copy.url().to_owned());
        let client = on_background(async move {
            let connected = tokio_postgres::connect(&url, tokio_postgres::NoTls).await;
            let (client, connection) = connected.unwrap();
            tokio::spawn(connection);
            client
        });
        match close {
            true => on_background(async move { copy.close().await }).unwrap(),
            false => drop(copy),
        }
        assert!(!home.is_there(&name));
        drop(client);
    }
}

#[test]
fn the_next_test_of_a_process_needs_no_new_session_unless_the_last_one_is_lost() {
    let home = Home::new("");
    drop(home.create().unwrap());
    let first = home.keepers();
    assert_eq!(first.len(), 1);
    let copy = home.create().unwrap();
    let other = home.create().unwrap();
    assert_eq!(home.keepers().len(), 2);
    drop(copy);
    on_background(async move { other.close().await }).unwrap();

    for pid in home.keepers() {
        home.database
            .execute(&format!("SELECT pg_terminate_backend({pid})"));
    }
    wait_until("they are over", || home.keepers().is_empty());
    let copy = home.create().unwrap();
    let next = home.keepers();
    assert_eq!((next.len(), next == first), (1, false));
    drop(copy);
    assert!(home.copies().is_empty());
}

#[test]
fn only_what_a_dead_process_has_left_is_dropped() {
    let home = Home::new("");
    let (dead, living) = (home.create().unwrap(), home.create().unwrap());
    let (dead_name, living_name) = (dead.name().to_owned(), living.name().to_owned());
    let stranger = format!("devflow_test_{}", home.database.name());
    home.database
        .execute(&format!("CREATE DATABASE {stranger}"));

    // What the server sees of a killed process: its session is gone, and nobody has dropped its database.
    let locks = "FROM pg_locks WHERE locktype = 'advisory' \
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let keys = format!(
        "((classid::bigint << 32) | objid::bigint) = hashtextextended('devflow testing {dead_name}', 0)"
    );
    let end = format!("SELECT pg_terminate_backend(pid) {locks} AND {keys}");
    assert_eq!(home.database.column(&end), ["t"]);
    let held = format!("SELECT count(*) {locks} AND {keys}");
    wait_until("its session is over", || home.database.value(&held) == "0");

    let next = home.create().unwrap();
    assert!(!home.is_there(&dead_name));
    assert!(home.is_there(&living_name) && home.is_there(&stranger) && home.is_there(next.name()));
    drop((dead, living, next));
    assert!(home.is_there(&stranger) && home.copies().is_empty());
    home.database.execute(&format!("DROP DATABASE {stranger}"));
}

#[test]
fn a_set_that_cannot_be_applied_leaves_nothing_behind() {
    let home = Home::new("SELECT 1/0;");
    let error = home.create().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MigrationFailed);
    assert!(home.copies().is_empty() && home.made("template").is_empty());

    let home = Home::new("");
    let role = home.database.role("tester", "");
    let error = home.create_as(&home.database.url_as(&role)).unwrap_err();
    assert_eq!(error.code(), "not_permitted");
    assert!(error.hint().unwrap().contains("CREATEDB"));
    assert!(home.copies().is_empty());
}

#[test]
fn the_oldest_templates_make_room() {
    let home = Home::new("");
    let name = home.database.name();
    let olds: Vec<_> = (0..11)
        .map(|number| format!("old_{number}_{name}"))
        .collect();
    for old in &olds {
        home.database.execute(&format!("CREATE DATABASE {old}"));
        home.database.execute(&format!(
            "COMMENT ON DATABASE {old} IS 'devflow template, made from {name}'"
        ));
    }
    drop(home.create().unwrap());
    let left = home.made("template");
    assert_eq!(left.len(), 10);
    assert_eq!(left[..9], olds[2..]);
}
