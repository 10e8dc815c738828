//! Files that the CLI does not apply in one transaction with their row: it commits them piece by piece.

use crate::interruption::{hold, wait_until_waiting};
use crate::scene::Scene;
use support::{Signal, SupabaseCli};

const TABLE: (&str, &str) = ("20240101000000_table.sql", "create table t (i int);\n");

/// The row of the CLI's table is not in the file's transaction.
const WRAPPED: &str = "begin;\ninsert into t values (1);\ncommit;\n";

fn event(version: &str, event: &str) -> String {
    format!("{version} {event}")
}

#[test]
fn one_that_is_cut_off_is_half_done_until_a_person_has_decided() {
    for signal in [Signal::TERM, Signal::KILL] {
        let scene = Scene::new(SupabaseCli::Current, &[TABLE]);
        let _done = scene.migrate().run().expect(0);
        scene.configure("lock_timeout: 100s");
        scene.write("20240102000000_row.sql", WRAPPED);
        scene.write(
            "20240103000000_index.sql",
            "create index concurrently on t (i);\n",
        );
        let keeper = hold(&scene.database.url(), "LOCK TABLE t");
        let mut run = scene.migrate().spawn();
        wait_until_waiting(&scene, "t", &mut run);
        run.signal(signal);
        if signal == Signal::TERM {
            let _interrupted = run.wait().expect(143);
        } else {
            scene.database.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE application_name = '@effect/sql-pg' AND datname = current_database()",
            );
        }
        drop(keeper);
        let said = scene.migrate().run().expect(4).json();
        assert_eq!(said["findings"][0]["code"], "half_done", "{said:#}");
        let decide = [
            "db",
            "repair",
            "--not-applied",
            "20240102000000",
            "--ci",
            "--json",
            "--yes",
        ];
        let _decided = scene.devflow(&decide).run().expect(0);
        let decide = [
            "db",
            "repair",
            "--not-applied",
            "20240103000000",
            "--ci",
            "--json",
            "--yes",
        ];
        if signal == Signal::KILL {
            let _decided = scene.devflow(&decide).run().expect(0);
        }
        let _done = scene.migrate().run().expect(0);
        assert_eq!(scene.database.value("SELECT count(*) FROM t"), "1");
        assert_eq!(scene.recorded().len(), 3);
    }
}

#[test]
fn one_that_fails_in_its_middle_is_half_done_and_the_cli_is_kept_from_its_beginning() {
    let indexes = (
        "20240102000000_indexes.sql",
        "create index concurrently one on t (i);\ncreate index concurrently two on t (j);\n",
    );
    let later = ("20240103000000_later.sql", WRAPPED);
    let scene = Scene::new(SupabaseCli::Current, &[TABLE, indexes, later]);
    let report = scene.migrate().run().expect(1).json();
    let failure = &report["failure"];
    assert_eq!(failure["line"], 2, "{report:#}");
    assert_eq!(failure["statements_completed"], 1);
    let expected = [
        event("20240102000000", "started"),
        event("20240103000000", "started"),
        event("20240101000000", "applied"),
        event("20240102000000", "failed"),
        event("20240103000000", "reverted"),
    ];
    assert_eq!(scene.events(), expected);
    let _said = scene.migrate().run().expect_error(4, "supabase_half_done");
}

#[test]
fn a_wrapped_file_that_fails_is_rolled_back_and_its_statement_is_found() {
    let bad = (
        "20240102000000_bad.sql",
        "-- Two rows.\nbegin;\ninsert into t values (1);\ninsert into nope values (1);\ncommit;\n",
    );
    let scene = Scene::new(SupabaseCli::Current, &[TABLE, bad]);
    let report = scene.migrate().run().expect(1).json();
    assert_eq!(report["failure"]["line"], 4, "{report:#}");
    assert_eq!(scene.events().last().unwrap(), "20240102000000 failed");
    scene.write(bad.0, WRAPPED);
    let _done = scene.migrate().run().expect(0);
    assert_eq!(scene.database.value("SELECT count(*) FROM t"), "1");
}
