//! Files outside a transaction, cut off at every message, and run by many at once.

use crate::history::{
    applied, assert_free, assert_sound, committed, empty, migrator, run, table, tables,
};
use devflow_runtime::{MigrationSet, Migrator, Settings, TableName};
use std::thread;
use std::time::Duration;
use support::{Cut, Project, Proxy, TestDatabase};

/// One of each kind of unit that a run can take up by itself.
const FILE: &str = "-- devflow: no-transaction
CREATE TABLE public.m_2 (id integer);
SET search_path = public;
CREATE INDEX CONCURRENTLY i ON m_1 (id);
BEGIN;
INSERT INTO m_1 VALUES (1);
INSERT INTO m_2 VALUES (2);
COMMIT;
CREATE UNIQUE INDEX CONCURRENTLY ON m_1 (id);
INSERT INTO m_1 VALUES (3);
VACUUM m_1;
DROP INDEX CONCURRENTLY i;
INSERT INTO m_2 VALUES (4);
";

/// What the file leaves when each of its statements took effect once.
const EFFECT: &str = "SELECT concat_ws(' ', (SELECT string_agg(id::text, ',' ORDER BY id) FROM public.m_1), \
     (SELECT string_agg(id::text, ',' ORDER BY id) FROM public.m_2), \
     (SELECT string_agg(indexrelid::regclass || ' ' || indisvalid, ',') FROM pg_index WHERE indrelid = 'public.m_1'::regclass))";

#[test]
fn a_file_survives_a_cut_at_every_message() {
    let project = tables(Project::new(), 2).migration("2_table.sql", FILE);
    let database = TestDatabase::create();
    let proxy = Proxy::start(database.server().address(), Duration::ZERO);
    for cut in (1..).flat_map(|n| [Cut::Before(n), Cut::After(n)]) {
        empty(&database);
        proxy.cut(cut);
        let outcome = run(migrator(&project), &database.url_through(&proxy));
        let was_cut = !proxy.will_cut();
        if let Err(error) = outcome {
            let known = error.report().map(committed).unwrap_or_default();
            assert_eq!(known, applied(&database), "{cut:?}: {error}");
        }
        assert_free(&database);
        run(migrator(&project), &database.url()).unwrap_or_else(|error| panic!("{cut:?}: {error}"));
        assert_eq!(database.value(EFFECT), "1,3 2,4 m_1_id_idx true", "{cut:?}");
        assert_sound(&database);
        if !was_cut {
            return;
        }
    }
}

/// Starts so many runs at once; every one of them succeeds.
fn start_at_once(starters: usize, database: &TestDatabase, set: &MigrationSet) {
    let runs: Vec<_> = (0..starters)
        .map(|_| {
            let table = TableName::default();
            let migrator = Migrator::with_set(set.clone(), table, Settings::default());
            let url = database.url();
            thread::spawn(move || run(migrator, &url))
        })
        .collect();
    let reports = runs.into_iter().map(|run| run.join().unwrap().unwrap());
    let done: usize = reports.map(|report| committed(&report).len()).sum();
    assert_eq!(done, 3);
    let valid =
        "SELECT string_agg(indisvalid::text, ' ') FROM pg_index WHERE indexrelid = 'i'::regclass";
    assert_eq!(database.value(valid), "true");
}

/// A waiter that waited inside the server, and the build that waits for it, would be a deadlock.
#[test]
fn a_concurrent_index_is_built_once_beside_other_starters() {
    let sql = format!(
        "-- devflow: no-transaction\n{}CREATE INDEX CONCURRENTLY i ON m_1 (id);\n",
        table(2)
    );
    let project = tables(Project::new(), 3).migration("2_table.sql", &sql);
    let set = MigrationSet::read(&project.path().join("migrations"), "migrations").unwrap();
    let database = TestDatabase::create();
    for _ in 0..20 {
        empty(&database);
        start_at_once(6, &database, &set);
    }
    empty(&database);
    start_at_once(50, &database, &set);
    assert_sound(&database);
}
