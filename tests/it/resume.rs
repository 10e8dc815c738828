//! Files outside a transaction whose run was killed: the next run settles what was under way, and goes on.

use crate::gate::session;
use crate::history::{Heard, assert_free, assert_sound, migrator, run, run_with, table, tables};
use std::thread;
use support::{Project, Signal, TestDatabase, wait_until};
use tokio_postgres::Client;

/// What a session of the test's holds so that a statement waits, and how far it waits.
struct Hold {
    /// The session's statements.
    by: &'static str,
    /// True when the statement has come to where it is to be killed.
    reached: &'static str,
}

/// A writer that is not done: every concurrent statement waits for it before it does anything.
const WRITER: Hold = Hold {
    by: "BEGIN; INSERT INTO t VALUES (0)",
    reached: WAITS,
};

/// A snapshot that is older: a build waits for it when all else is done.
const SNAPSHOT: Hold = Hold {
    by: "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM pg_class",
    reached: WAITS,
};

const WAITS: &str = "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() \
     AND application_name LIKE 'devflow %' AND wait_event_type = 'Lock'";

/// The names of the table's indexes, the INVALID ones with a mark.
const INDEXES: &str = "SELECT coalesce(string_agg(indexrelid::regclass || CASE WHEN indisvalid THEN '' ELSE '!' END, ' ' \
     ORDER BY indexrelid::regclass::text), '') FROM pg_index WHERE indrelid = 't'::regclass";

/// A database with a table `t` that holds a few rows, and a project whose second migration is `sql`.
fn scene(sql: &str) -> (Project, TestDatabase) {
    let first = format!(
        "{}CREATE TABLE t (x integer);\nINSERT INTO t SELECT generate_series(1, 9);\n\
         CREATE TABLE p (x integer) PARTITION BY RANGE (x);\nCREATE TABLE c PARTITION OF p FOR VALUES FROM (0) TO (9);\n",
        table(1)
    );
    let second = format!("-- devflow: no-transaction\n{}{sql}", table(2));
    let project = tables(Project::new(), 3)
        .migration("1_table.sql", &first)
        .migration("2_table.sql", &second);
    let database = TestDatabase::create();
    let target = devflow_runtime::Version::parse("1").unwrap();
    run(migrator(&project).target(target), &database.url()).unwrap();
    (project, database)
}

/// Kills the command with the hold's statement under way; the hold stays.
fn kill(project: &Project, database: &TestDatabase, hold: &Hold) -> Client {
    let held = session(database, hold.by);
    kill_when(project, database, hold.reached);
    held
}

fn kill_when(project: &Project, database: &TestDatabase, reached: &str) {
    let migrate = project.devflow(&["db", "migrate", "--ci", "--json"]);
    let running = migrate.env("DATABASE_URL", &database.url()).spawn();
    wait_until("the statement is where it is to be killed", || {
        database.value(reached) == "t"
    });
    running.signal(Signal::KILL);
    let _killed = running.wait().expect(137);
    assert_free(database);
}

/// Runs again, with everything that held the statement up gone: it succeeds, and says what it did on the way.
fn run_again(project: &Project, database: &TestDatabase) -> Vec<String> {
    let heard = Heard::default();
    run_with(migrator(project), &database.url(), heard.clone())
        .unwrap_or_else(|error| panic!("{error} {:?}", error.failure()));
    assert_sound(database);
    heard.lines()
}

#[test]
fn an_index_whose_build_was_killed_is_built_again() {
    let (project, database) = scene("CREATE INDEX CONCURRENTLY i ON t (x);\n");
    let held = kill(&project, &database, &WRITER);
    assert_eq!(database.value(INDEXES), "i!");
    // The next run is killed too: it waits for the writer before it can drop what is left.
    kill_when(&project, &database, WAITS);
    drop(held);
    run_again(&project, &database);
    assert_eq!(database.value(INDEXES), "i");
}

#[test]
fn a_build_that_was_told_to_end_is_cleared_up_by_the_next_run() {
    let (project, database) = scene("CREATE INDEX CONCURRENTLY i ON t (x);\n");
    let held = session(&database, WRITER.by);
    let migrate = project.devflow(&["db", "migrate", "--ci", "--json"]);
    let running = migrate.env("DATABASE_URL", &database.url()).spawn();
    wait_until("the build waits", || database.value(WAITS) == "t");
    running.signal(Signal::TERM);
    let document = running.wait().expect(143).json();
    assert_eq!(document["failure"]["recorded"], true, "{document}");
    assert_eq!(database.value(INDEXES), "i!");
    drop(held);
    run_again(&project, &database);
    assert_eq!(database.value(INDEXES), "i");
}

#[test]
fn a_nameless_index_is_told_by_what_was_there_before() {
    let sql =
        "CREATE INDEX stranger_idx ON t (x);\nSELECT 1;\nCREATE INDEX CONCURRENTLY ON t (x);\n";
    let (project, database) = scene(sql);
    let held = kill(&project, &database, &SNAPSHOT);
    database.execute(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'stranger_idx'::regclass",
    );
    assert_eq!(database.value(INDEXES), "stranger_idx! t_x_idx!");
    drop(held);
    run_again(&project, &database);
    assert_eq!(database.value(INDEXES), "stranger_idx! t_x_idx");
}

#[test]
fn a_unique_index_that_enforces_already_is_dropped_before_it_is_built_again() {
    let sql = "SET search_path = public;\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"I x\" ON t (x);\n";
    let (project, database) = scene(sql);
    let held = kill(&project, &database, &SNAPSHOT);
    assert_eq!(database.value(INDEXES), "\"I x\"!");
    drop(held);
    let heard = run_again(&project, &database);
    assert!(
        heard
            .iter()
            .any(|line| line.starts_with("dropping public.\"I x\"")),
        "{heard:?}"
    );
    assert_eq!(database.value(INDEXES), "\"I x\"");
}

#[test]
fn an_index_that_another_session_still_builds_is_waited_for() {
    let (project, database) = scene("CREATE INDEX CONCURRENTLY i ON t (x);\n");
    drop(kill(&project, &database, &WRITER));
    database.execute("DROP INDEX i");
    let held = session(&database, SNAPSHOT.by);
    let other = TestDatabase::name(&database).to_owned();
    let server = database.server().clone();
    let builder = thread::spawn(move || {
        server
            .try_rows(&other, "CREATE INDEX CONCURRENTLY i ON t (x)")
            .unwrap();
    });
    wait_until("the other session builds", || {
        database.value(INDEXES) == "i!"
    });
    let oid = database.value("SELECT 'i'::regclass::oid");
    let heard = Heard::default();
    let (migrator, url, observer) = (migrator(&project), database.url(), heard.clone());
    let running = thread::spawn(move || run_with(migrator, &url, observer));
    wait_until("the run says whom it waits for", || {
        heard
            .lines()
            .iter()
            .any(|line| line.contains("public.i is INVALID, and process "))
    });
    drop(held);
    builder.join().unwrap();
    running.join().unwrap().unwrap();
    let said = "public.i is there and valid: CREATE INDEX i ON public.t USING btree (x)";
    assert!(
        heard.lines().iter().any(|line| line == said),
        "{:?}",
        heard.lines()
    );
    assert_eq!(database.value(INDEXES), "i");
    assert_eq!(database.value("SELECT 'i'::regclass::oid"), oid);
}

#[test]
fn an_index_whose_drop_was_killed_is_dropped() {
    let sql = "CREATE INDEX i ON t (x);\nDROP INDEX CONCURRENTLY i;\n";
    let (project, database) = scene(sql);
    drop(kill(&project, &database, &WRITER));
    run_again(&project, &database);
    assert_eq!(database.value(INDEXES), "");
}

#[test]
fn a_partition_whose_detaching_was_killed_is_detached() {
    let sql = "ALTER TABLE p DETACH PARTITION c CONCURRENTLY;\n";
    let (project, database) = scene(sql);
    let reader = Hold {
        by: "BEGIN; SELECT FROM p",
        reached: "SELECT coalesce(bool_or(inhdetachpending), false) FROM pg_inherits",
    };
    drop(kill(&project, &database, &reader));
    let heard = run_again(&project, &database);
    assert!(
        heard
            .iter()
            .any(|line| line.starts_with("finished detaching c")),
        "{heard:?}"
    );
    assert_eq!(database.value("SELECT count(*) FROM pg_inherits"), "0");
}

#[test]
fn what_a_killed_reindex_left_is_dropped() {
    let sql = "CREATE INDEX i ON t (x);\nREINDEX (VERBOSE) INDEX CONCURRENTLY i;\n";
    let (project, database) = scene(sql);
    drop(kill(&project, &database, &SNAPSHOT));
    assert_eq!(database.value(INDEXES), "i i_ccnew!");
    run_again(&project, &database);
    assert_eq!(database.value(INDEXES), "i");
}

/// The new index has taken the old one's place, which a reader still uses: the work is done.
#[test]
fn a_reindex_that_was_killed_after_its_swap_is_not_repeated() {
    let sql = "CREATE INDEX i ON t (x);\nREINDEX TABLE CONCURRENTLY t;\n";
    let (project, database) = scene(sql);
    let snapshot = session(&database, SNAPSHOT.by);
    let (folder, url) = (project.path().to_owned(), database.url());
    let migrate = project.devflow(&["db", "migrate", "--ci", "--json"]);
    let running = migrate.env("DATABASE_URL", &url).spawn();
    wait_until("the new index is built", || {
        database.value(INDEXES) == "i i_ccnew!" && database.value(WAITS) == "t"
    });
    let reader = session(&database, "BEGIN; SELECT FROM t");
    drop(snapshot);
    wait_until("the indexes are swapped", || {
        database.value(INDEXES) == "i i_ccold!"
    });
    running.signal(Signal::KILL);
    let _killed = running.wait().expect(137);
    assert_free(&database);
    drop((reader, folder));
    let oid = database.value("SELECT 'i'::regclass::oid");
    run_again(&project, &database);
    assert_eq!(database.value(INDEXES), "i");
    assert_eq!(database.value("SELECT 'i'::regclass::oid"), oid);
}

#[test]
fn what_may_be_repeated_is_repeated() {
    let (project, database) = scene("VACUUM t;\n");
    let exclusive = Hold {
        by: "BEGIN; LOCK TABLE t",
        reached: WAITS,
    };
    drop(kill(&project, &database, &exclusive));
    run_again(&project, &database);
}

/// As after a crash between a statement's end and its row: the statement had come to its end.
#[test]
fn what_had_come_to_its_end_is_not_run_again() {
    let name = format!("{}_more", TestDatabase::create().name());
    let statements = [
        "CREATE INDEX CONCURRENTLY i ON t (x)".to_owned(),
        "CREATE INDEX CONCURRENTLY ON t (x)".to_owned(),
        "DROP INDEX CONCURRENTLY public.i".to_owned(),
        "REINDEX TABLE CONCURRENTLY t".to_owned(),
        "ALTER TABLE p DETACH PARTITION c CONCURRENTLY".to_owned(),
        format!("CREATE DATABASE \"{name}\""),
        format!("DROP DATABASE \"{name}\""),
    ];
    let (project, database) = scene("");
    let cut = "DELETE FROM schema_migrations WHERE version::int > 3 AND event = 'applied'";
    for (number, sql) in (4..).zip(&statements) {
        project.write(&format!("migrations/{number}_x.sql"), sql);
        run(migrator(&project), &database.url()).unwrap_or_else(|error| panic!("{sql}: {error}"));
        database.execute(cut);
        run(migrator(&project), &database.url()).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    assert_eq!(database.value(INDEXES), "t_x_idx");
}

/// The next statement's table is another one to the block before it, whose settings end with it.
#[test]
fn what_a_block_sets_for_itself_does_not_mislead_the_look_at_the_next_statement() {
    let (project, database) = scene(
        "CREATE SCHEMA s;\nCREATE TABLE s.t (x integer);\n\
         BEGIN;\nSET LOCAL search_path = s;\nSELECT FROM t;\nCOMMIT;\n\
         CREATE INDEX CONCURRENTLY i ON t (x);\n",
    );
    drop(kill(&project, &database, &SNAPSHOT));
    assert_eq!(database.value(INDEXES), "i!");
    run_again(&project, &database);
    assert_eq!(database.value(INDEXES), "i");
}
