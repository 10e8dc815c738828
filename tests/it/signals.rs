//! Signals to the real program, at any moment: ledger and schema agree, the lock is free, nothing commits any more.

use crate::gate::wait_until_asleep;
use crate::history::{
    applied, assert_agree, assert_free, empty_ledger, run, table, tables, unchecked,
};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use support::{Project, Proxy, Signal, TestDatabase, on_background, wait_until};

const STEPS: usize = 200;

/// A sequence of numbers that is the same in each run of the tests (splitmix64).
struct Dice(u64);

impl Dice {
    /// A number below `limit`.
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

/// The first makes a table, the others write their number into it.
fn marks() -> Project {
    let project = Project::new().migration("1_marks.sql", "CREATE TABLE marks AS SELECT 1 AS n;");
    (2..=STEPS).fold(project, |project, n| {
        project.migration(
            &format!("{n}_mark.sql"),
            &format!("INSERT INTO marks VALUES ({n});"),
        )
    })
}

/// Where a run begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// No ledger: steps are pipelined.
    Nothing,
    /// A ledger: one step is under way at a time.
    Ledger,
}

/// Interrupts 25 runs, each at another moment; every other one on a database that has a ledger.
fn interrupts_at_any_moment(signal: Signal, code: i32, seed: u64) {
    let project = marks();
    let database = TestDatabase::create();
    let mut dice = Dice(seed);
    // Not part of what is measured: the first call may have to build the program.
    let _version = project.devflow(&["--version"]).run().expect(0);
    let migrate = || {
        let migrate = project.devflow(&["db", "migrate", "--ci", "--json"]);
        migrate.env("DATABASE_URL", &database.url())
    };
    let measure = || {
        let began = Instant::now();
        let _report = migrate().run().expect(0);
        began.elapsed()
    };
    let moments = [Before::Nothing, Before::Ledger].map(|before| {
        prepare(&database, before);
        let whole = measure();
        (before, measure(), whole)
    });
    for round in 0..25 {
        let (before, idle, whole) = moments[round % 2];
        let work = whole.saturating_sub(idle).as_micros() as u64;
        let moment = idle * 3 / 4 + Duration::from_micros(dice.below(work));
        prepare(&database, before);
        let began = Instant::now();
        let mut running = migrate().spawn();
        wait_until("the moment has come", || {
            began.elapsed() >= moment || running.has_ended()
        });
        running.signal(signal);
        let ended = running.wait();
        let at_the_end = recorded(&database);
        eprintln!(
            "seed {seed} round {round}: {signal:?} after {moment:?} of {whole:?}, {before:?}: \
             exit {} with {} applied",
            ended.code,
            at_the_end.len()
        );
        let is_whole = at_the_end.len() == STEPS;
        assert!(
            ended.code == code || (ended.code == 0 && is_whole),
            "{ended:?}"
        );
        assert_free(&database);
        assert_eq!(
            recorded(&database),
            at_the_end,
            "committed after the end, or not marked"
        );
    }
}

fn prepare(database: &TestDatabase, before: Before) {
    database.execute("DROP TABLE IF EXISTS marks, schema_migrations");
    if before == Before::Ledger {
        empty_ledger(database);
    }
}

/// What the ledger has as applied, and that is what is marked; what was cut short left nothing.
fn recorded(database: &TestDatabase) -> Vec<String> {
    let query = "SELECT 'ledger', version FROM schema_migrations WHERE event = 'applied' \
                 UNION ALL SELECT 'stays', version FROM schema_migrations WHERE statement IS NOT NULL \
                 UNION ALL SELECT 'marks', n::text FROM marks";
    let rows = match database.server().try_rows(database.name(), query) {
        Ok(rows) => rows,
        Err(error) => {
            assert_eq!(
                error.code().map(|code| code.code()),
                Some("42P01"),
                "{error:?}"
            );
            assert!(!database.has("public.marks") && applied(database).is_empty());
            return Vec::new();
        }
    };
    let of = |what| {
        let rows = rows.iter().filter(move |row| row[0] == what);
        rows.map(|row| row[1].parse().unwrap())
            .collect::<BTreeSet<usize>>()
    };
    assert_eq!(of("ledger"), of("marks"));
    assert_eq!(of("ledger"), (1..=of("ledger").len()).collect());
    assert!(of("stays").is_empty(), "{rows:?}");
    of("ledger").iter().map(ToString::to_string).collect()
}

#[test]
fn sigterm_at_any_moment_of_the_first_25() {
    interrupts_at_any_moment(Signal::TERM, 143, 1);
}

#[test]
fn sigterm_at_any_moment_of_the_second_25() {
    interrupts_at_any_moment(Signal::TERM, 143, 2);
}

#[test]
fn ctrl_c_at_any_moment_of_the_first_25() {
    interrupts_at_any_moment(Signal::INT, 130, 3);
}

#[test]
fn ctrl_c_at_any_moment_of_the_second_25() {
    interrupts_at_any_moment(Signal::INT, 130, 4);
}

#[test]
fn a_long_statement_is_cancelled_on_the_server_and_recorded() {
    let sleeps = format!("{}SELECT pg_sleep(60);\n", table(3));
    let project = tables(Project::new(), 4).migration("3_table.sql", &sleeps);
    let database = TestDatabase::create();
    let migrate = project.devflow(&["db", "migrate", "--ci", "--json"]);
    let running = migrate.env("DATABASE_URL", &database.url()).spawn();
    wait_until_asleep(&database);
    let told = Instant::now();
    running.signal(Signal::TERM);
    let outcome = running.wait().expect(143);
    assert!(
        told.elapsed() < Duration::from_secs(2),
        "{:?}",
        told.elapsed()
    );
    let _document = outcome.json();
    assert_free(&database);
    assert_eq!(database.events(), ["1 applied", "2 applied", "3 failed"]);
    assert_eq!(database.ledger()[2].error["sqlstate"], "57014");
    assert_agree(&database);
}

#[test]
fn a_run_that_is_dropped_stops_on_the_server() {
    for ledger in [false, true] {
        let database = TestDatabase::create();
        if ledger {
            run(unchecked(&[table(1)]), &database.url()).unwrap();
        }
        let sleeps = format!("{}SELECT pg_sleep(60);\n", table(2));
        let (migrator, url) = (unchecked(&[table(1), sleeps, table(3)]), database.url());
        let (drop_it, dropped) = tokio::sync::oneshot::channel();
        let running = std::thread::spawn(move || {
            on_background(async move {
                tokio::select! {
                    outcome = migrator.run(&url) => panic!("{outcome:?}"),
                    _ = dropped => Instant::now(),
                }
            })
        });
        wait_until_asleep(&database);
        drop_it.send(()).unwrap();
        let told = running.join().unwrap();
        assert_free(&database);
        assert!(
            told.elapsed() < Duration::from_secs(2),
            "{:?}",
            told.elapsed()
        );
        assert_eq!(applied(&database), ["1"]);
        assert_agree(&database);
    }
}

#[test]
fn a_second_signal_ends_the_program_at_once() {
    let project = Project::new().migration("1_table.sql", "SELECT pg_sleep(60);");
    let database = TestDatabase::create();
    let migrate = project.devflow(&["db", "migrate", "--ci"]);
    let proxy = Proxy::start(database.server().address(), Duration::ZERO);
    let running = migrate
        .env("DATABASE_URL", &database.url_through(&proxy))
        .spawn();
    wait_until_asleep(&database);
    // Through a link that carries nothing any more, the first cannot end anything in good order.
    proxy.freeze();
    running.signal(Signal::TERM);
    wait_until("it asks the server to cancel", || {
        proxy.counts().connections == 2
    });
    running.signal(Signal::TERM);
    let _left = running.wait().expect(143);
}
