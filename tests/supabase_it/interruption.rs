//! Runs that are cut off, on this side, on the server's, and in the middle.

use crate::scene::Scene;
use std::time::Duration;
use support::{Running, Signal, SupabaseCli, on_background, wait_until_within};
use tokio_postgres::{Client, NoTls};

/// A session that stays in a transaction until it is dropped.
pub(crate) fn hold(url: &str, sql: &str) -> Client {
    let (url, sql) = (url.to_owned(), format!("BEGIN; {sql}"));
    on_background(async move {
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(&sql).await.unwrap();
        client
    })
}

/// On a busy machine each call of the CLI takes its time.
const PATIENCE: Duration = Duration::from_secs(120);

/// Its first statement is done at once, and the second when the table `gate` is free.
pub(crate) const GATED: (&str, &str) = (
    "20240102000000_gated.sql",
    "create table made (i int);\ninsert into gate values (1);\n",
);

/// A project whose next migration waits, and who makes it wait.
pub(crate) fn gated(cli: SupabaseCli) -> (Scene, Client) {
    let scene = Scene::new(cli, &[GATED, ("20240103000000_next.sql", "select 1;\n")]);
    scene.configure("lock_timeout: 100s");
    scene.database.execute(&format!(
        "CREATE TABLE gate (i int); ALTER TABLE gate OWNER TO {}",
        scene.role
    ));
    let keeper = hold(&scene.database.url(), "LOCK TABLE gate");
    (scene, keeper)
}

pub(crate) fn wait_until_gated(scene: &Scene, run: &mut Running) {
    wait_until_waiting(scene, "gate", run);
}

/// Waits until a run's CLI waits for a table.
pub(crate) fn wait_until_waiting(scene: &Scene, table: &str, run: &mut Running) {
    wait_until_within(PATIENCE, "the CLI waits for the table", || {
        assert!(!run.has_ended(), "{}{}", run.stdout(), run.stderr());
        let waiting = format!(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '{table}'::regclass \
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        );
        scene.database.value(&waiting) == "1"
    });
}

#[test]
fn a_signal_rolls_the_file_back_and_leaves_nobody_at_work() {
    for (cli, signal, code) in [
        (SupabaseCli::Current, Signal::TERM, 143),
        (SupabaseCli::Previous, Signal::INT, 130),
    ] {
        let (scene, keeper) = gated(cli);
        let mut run = scene.migrate().spawn();
        wait_until_gated(&scene, &mut run);
        run.signal(signal);
        let report = run.wait().expect(code).json();
        assert_eq!(report["error"]["code"], "interrupted");
        assert_eq!(report["failure"]["file"], GATED.0);
        assert_eq!(scene.sessions(), "0");
        drop(keeper);
        assert!(!scene.database.has("made"));
        assert_eq!(scene.events(), ["20240102000000 failed"]);
        assert_eq!(scene.recorded(), [""; 0]);
        let _done = scene.migrate().run().expect(0);
        assert_eq!(scene.recorded().len(), 2);
    }
}

/// The CLI's own process ends with devflow's; what the server was sent goes on, and the next run waits for it.
#[test]
fn after_a_kill_the_next_run_waits_for_what_the_server_was_sent() {
    let (scene, keeper) = gated(SupabaseCli::Current);
    let mut killed = scene.migrate().spawn();
    wait_until_gated(&scene, &mut killed);
    killed.signal(Signal::KILL);
    let next = scene.migrate().spawn();
    next.wait_for_stderr("@effect/sql-pg");
    drop(keeper);
    let report = next.wait().expect(0).json();
    let applied = report["applied"].as_array().unwrap();
    assert_eq!(applied.len(), 1, "{report:#}");
    assert_eq!(
        applied[0]["file"], "20240103000000_next.sql",
        "the CLI was killed too"
    );
    assert_eq!(scene.database.value("SELECT count(*) FROM gate"), "1");
    assert_eq!(
        scene.events(),
        ["20240102000000 baselined", "20240103000000 applied"]
    );
}

#[test]
fn a_session_that_stays_is_named_when_the_wait_is_over() {
    let (scene, keeper) = gated(SupabaseCli::Current);
    scene.configure("lock_timeout: 100s\n    lock_wait: 1s");
    let mut killed = scene.migrate().spawn();
    wait_until_gated(&scene, &mut killed);
    killed.signal(Signal::KILL);
    let said = scene.migrate().run().expect_error(5, "supabase_busy");
    assert!(said.contains("pg_terminate_backend("), "{said}");
    drop(keeper);
}

/// Like the message of a step that is lost: the file is rolled back with the session, and the failure is recorded.
#[test]
fn a_session_of_the_cli_that_an_administrator_ends_is_a_failure_of_its_file() {
    let (scene, keeper) = gated(SupabaseCli::Current);
    let mut run = scene.migrate().spawn();
    wait_until_gated(&scene, &mut run);
    scene.database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE application_name = '@effect/sql-pg' AND datname = current_database()",
    );
    let report = run.wait().expect(1).json();
    assert_eq!(report["error"]["code"], "connection_lost");
    assert_eq!(report["failure"]["file"], GATED.0);
    drop(keeper);
    assert!(!scene.database.has("made"));
    assert_eq!(scene.events(), ["20240102000000 failed"]);
}

#[test]
fn a_lock_that_is_lost_meanwhile_is_said_and_what_was_applied_is_recorded() {
    let (scene, keeper) = gated(SupabaseCli::Current);
    let mut run = scene.migrate().spawn();
    wait_until_gated(&scene, &mut run);
    scene.database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE application_name LIKE 'devflow %' AND datname = current_database()",
    );
    drop(keeper);
    let report = run.wait().expect(0).json();
    let remarks = report["remarks"].to_string();
    assert!(remarks.contains("devflow's lock was lost"), "{remarks}");
    assert_eq!(
        scene.events(),
        ["20240102000000 applied", "20240103000000 applied"]
    );
}

/// Without the lock nothing is tried again: it is taken first, and the table looked at.
#[test]
fn a_file_that_is_refused_after_the_lock_was_lost_is_tried_again_under_it() {
    let (scene, keeper) = gated(SupabaseCli::Current);
    scene.configure("lock_timeout: 20s\n    lock_wait: 100s");
    let mut run = scene.migrate().spawn();
    wait_until_gated(&scene, &mut run);
    scene.database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE application_name LIKE 'devflow %' AND datname = current_database()",
    );
    run.wait_for_stderr("devflow's lock was lost");
    wait_until_gated(&scene, &mut run);
    let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    assert_eq!(scene.database.value(locks), "1");
    drop(keeper);
    let _done = run.wait().expect(0);
    assert_eq!(scene.recorded().len(), 2);
}
