//! The pure parts alone: reading a directory, checking its SQL, planning, splitting one large file.
//!
//! A file that says `-- devflow: no-check` is read, hashed and split, and its syntax is not checked: so the difference of
//! two figures is the checker's part.

#![expect(missing_docs, reason = "Criterion's macros write public items")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use devflow_migrations::{Ledger, LedgerRow, MigrationSet, Policy, plan};
use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::time::Duration;
use tempfile::TempDir;

const COUNTS: [usize; 3] = [100, 1_000, 10_000];

/// About 570 bytes, in three statements.
fn migration(number: usize) -> String {
    format!(
        "CREATE TABLE region_{number}_orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL,
    reference text NOT NULL UNIQUE,
    state text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'paid', 'sent')),
    amount numeric(12, 2) NOT NULL CHECK (amount >= 0),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX region_{number}_orders_by_customer ON region_{number}_orders (customer_id, created_at);
COMMENT ON TABLE region_{number}_orders IS 'What customers of region {number} ordered';
"
    )
}

fn directory(count: usize, head: &str) -> TempDir {
    let folder = TempDir::new().expect("a folder can be made");
    for number in 1..=count {
        let file = folder
            .path()
            .join(format!("{number:05}_create_region_{number}.sql"));
        fs::write(file, format!("{head}{}", migration(number))).expect("a file can be written");
    }
    folder
}

/// INSERTs of a hundred rows each, until there are so many megabytes.
fn large(megabytes: usize, head: &str) -> TempDir {
    let mut sql = format!("{head}CREATE TABLE measurement (id int, note text);\n");
    let mut id = 0;
    while sql.len() < megabytes * 1_000_000 {
        sql.push_str("INSERT INTO measurement VALUES (0, 'the first')");
        for _ in 0..100 {
            id += 1;
            write!(sql, ",\n    ({id}, 'what was measured there: {id:060}')")
                .expect("a String takes everything");
        }
        sql.push_str(";\n");
    }
    let folder = TempDir::new().expect("a folder can be made");
    fs::write(folder.path().join("1_load.sql"), sql).expect("a file can be written");
    folder
}

fn read(folder: &TempDir) -> MigrationSet {
    MigrationSet::read(folder.path(), "migrations").expect("the files are right")
}

/// The ledger in which all of them are applied.
fn applied(set: &MigrationSet) -> Vec<LedgerRow> {
    (1..)
        .zip(set.iter())
        .map(|(id, migration)| LedgerRow {
            id,
            version: migration.version().to_string(),
            seq: 1,
            event: "applied".to_owned(),
            name: None,
            checksum: Some(migration.checksum().to_string()),
            statement: None,
            execution_ms: Some(1.0),
            error: None,
            run: None,
            detail: None,
            progress: None,
            at: "2026-01-31T09:05:07.000000Z".to_owned(),
        })
        .collect()
}

const UNCHECKED: &str = "-- devflow: no-check\n";

fn directories(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("directory");
    for count in COUNTS {
        group.throughput(Throughput::Elements(count as u64));
        for (name, head) in [("read and split", UNCHECKED), ("read, split and check", "")] {
            let folder = directory(count, head);
            group.bench_function(BenchmarkId::new(name, count), |bencher| {
                bencher.iter(|| read(black_box(&folder)));
            });
        }
    }
    group.finish();
}

fn plans(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plan");
    for count in COUNTS {
        let set = read(&directory(count, UNCHECKED));
        let rows = applied(&set);
        let ledger = Ledger::from_rows(rows.clone());
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::new("nothing pending", count), |bencher| {
            bencher.iter(|| plan(black_box(&set), &ledger, Policy::default(), None));
        });
        group.bench_function(BenchmarkId::new("everything pending", count), |bencher| {
            let empty = Ledger::default();
            bencher.iter(|| plan(black_box(&set), &empty, Policy::default(), None));
        });
        group.bench_function(BenchmarkId::new("ledger's rows", count), |bencher| {
            bencher.iter(|| Ledger::from_rows(black_box(rows.clone())));
        });
    }
    group.finish();
}

fn files(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one file");
    for megabytes in [1, 10, 50] {
        group.throughput(Throughput::Bytes(megabytes as u64 * 1_000_000));
        for (name, head) in [("read and split", UNCHECKED), ("read, split and check", "")] {
            let folder = large(megabytes, head);
            group.bench_function(
                BenchmarkId::new(name, format!("{megabytes} MB")),
                |bencher| bencher.iter(|| read(black_box(&folder))),
            );
        }
    }
    group.finish();
}

criterion_group! {
    name = micro;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = directories, plans, files
}
criterion_main!(micro);
