//! A network that forwards nothing any more, and closes nothing.

use crate::gate::{GATE, Gate, wait_until_asleep};
use crate::history::{assert_sound, committed, run, run_with, table, unchecked};
use devflow_runtime::{ErrorKind, Event, Observer};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use support::{Proxy, TestDatabase, wait_until};

/// A database with one migration, and a proxy before it.
fn behind_proxy() -> (TestDatabase, Proxy) {
    let database = TestDatabase::create();
    run(unchecked(&[table(1)]), &database.url()).unwrap();
    let proxy = Proxy::start(database.server().address(), Duration::ZERO);
    (database, proxy)
}

#[test]
fn an_answer_that_is_lost_on_the_way_is_looked_for_in_the_ledger() {
    let (database, proxy) = behind_proxy();
    let gate = Gate::shut(&database);
    let files = [table(1), format!("{GATE}{}", table(2))];
    let (run, url) = (unchecked(&files), database.url_through(&proxy));
    let run = thread::spawn(move || crate::history::run(run, &url));
    gate.wait_until_reached(&database);
    proxy.freeze_open();
    drop(gate);
    let report = run.join().unwrap().unwrap();
    assert_eq!(committed(&report), ["2"]);
    assert!(
        report
            .remarks
            .iter()
            .any(|remark| remark.contains("forwards nothing any more")),
        "{:?}",
        report.remarks
    );
    assert_eq!(database.events(), ["1 applied", "2 applied"]);
    proxy.thaw();
    assert_sound(&database);
}

#[test]
fn a_session_that_the_server_has_ended_is_noticed_and_the_next_run_goes_on() {
    let (database, proxy) = behind_proxy();
    let files = [table(1), format!("{} SELECT pg_sleep(600);", table(2))];
    let (broken, url) = (unchecked(&files), database.url_through(&proxy));
    let broken = thread::spawn(move || run(broken, &url));
    wait_until_asleep(&database);
    proxy.freeze_open();
    database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'",
    );
    let error = broken.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Broken, "{error}");
    assert!(
        error.to_string().contains("no such session any more"),
        "{error}"
    );
    assert_eq!(database.events(), ["1 applied", "2 failed"]);
    let report = run(unchecked(&[table(1), table(2)]), &database.url()).unwrap();
    assert_eq!(committed(&report), ["2"]);
    assert_sound(&database);
}

/// Writes down how often a run said that nothing answers.
#[derive(Default, Clone)]
struct Silence(Arc<Mutex<usize>>);

impl Observer for Silence {
    fn event(&mut self, event: &Event<'_>) {
        if let Event::Unanswered { .. } = event {
            *self.0.lock().unwrap() += 1;
        }
    }
}

#[test]
fn a_run_whose_server_is_out_of_reach_is_not_silent_and_goes_on_when_it_is_back() {
    let (database, proxy) = behind_proxy();
    let gate = Gate::shut(&database);
    let files = [table(1), format!("{GATE}{}", table(2))];
    let (run, url) = (unchecked(&files), database.url_through(&proxy));
    let silence = Silence::default();
    let observer = silence.clone();
    let run = thread::spawn(move || run_with(run, &url, observer));
    gate.wait_until_reached(&database);
    proxy.freeze();
    let frozen = Instant::now();
    wait_until("the run says that nothing answers", || {
        *silence.0.lock().unwrap() > 0
    });
    assert!(frozen.elapsed() < Duration::from_secs(20));
    proxy.thaw();
    drop(gate);
    assert_eq!(committed(&run.join().unwrap().unwrap()), ["2"]);
    assert_sound(&database);
}
