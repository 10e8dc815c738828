//! What a run costs the server, in what can be counted.

use crate::history::{assert_free, migrator, run, table, tables};
use support::{PrivateServer, Project, TestDatabase};

/// How many blocks of the ledger and its indexes this many migrations touch, beside what any run touches.
fn blocks_a_step(rows: usize, steps: usize) -> usize {
    let project = tables(Project::new(), 1);
    let database = TestDatabase::create();
    run(migrator(&project), &database.url()).unwrap();
    database.execute(&format!(
        "INSERT INTO schema_migrations (version, seq, event, name, checksum, run, at) \
         SELECT '1', g + 1, CASE g % 2 WHEN 0 THEN 'applied' ELSE 'reverted' END, '1_table.sql', \
           (SELECT checksum FROM schema_migrations), jsonb_build_object('host', repeat('h', 100)), now() FROM generate_series(1, {rows}) g"
    ));
    let applied = |from: usize, to: usize| {
        for number in from..to {
            project.write(&format!("migrations/{number}_table.sql"), table(number));
        }
        let before = blocks(&database);
        run(migrator(&project), &database.url()).unwrap();
        assert_free(&database);
        blocks(&database) - before
    };
    let one = applied(2, 3);
    let many = applied(3, 4 + steps);
    many.saturating_sub(one) / steps
}

fn blocks(database: &TestDatabase) -> usize {
    let blocks = "SELECT heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit \
        FROM pg_statio_user_tables WHERE relname = 'schema_migrations'";
    database.value(blocks).parse().unwrap()
}

#[test]
fn a_step_touches_as_much_of_a_long_ledger_as_of_a_short_one() {
    let [short, long] = [0, 4000].map(|rows| blocks_a_step(rows, 20));
    // The indexes of a long one are a level deeper. Reading its rows would be more than a hundred blocks.
    assert!(long <= short + 30, "{long} blocks, and {short} blocks");
}

/// How often the server flushes its log for this many migrations on a new database.
fn flushes(server: &PrivateServer, steps: usize) -> usize {
    let database = TestDatabase::create_on(server.server());
    let project = tables(Project::new(), steps);
    let before = flushed(server);
    run(migrator(&project), &database.url()).unwrap();
    assert_free(&database);
    flushed(server) - before
}

/// By sessions; before PostgreSQL 18 the server counts its background writers' too, which have little to do here.
fn flushed(server: &PrivateServer) -> usize {
    let newer = "SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal' AND backend_type = 'client backend'";
    let older = "SELECT wal_sync FROM pg_stat_wal";
    let server = server.server();
    let rows = server.try_rows("postgres", older);
    let rows = rows.unwrap_or_else(|_newer| server.rows("postgres", newer));
    rows[0][0].parse().unwrap()
}

#[test]
fn a_new_database_is_made_durable_by_as_few_flushes_for_a_hundred_migrations_as_for_one() {
    let server = PrivateServer::start(&[
        ("fsync", "on"),
        ("autovacuum", "off"),
        ("wal_writer_delay", "10s"),
        ("wal_writer_flush_after", "1GB"),
    ]);
    for steps in [1, 10, 100] {
        let flushes = flushes(&server, steps);
        assert!((1..=4).contains(&flushes), "{flushes} flushes for {steps}");
    }
}
