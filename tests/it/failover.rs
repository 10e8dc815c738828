//! A server that dies and is replaced, and commits that wait for a standby: what a run says, and what the next one does.

use crate::gate::{GATE, Gate, wait_until_asleep};
use crate::history::{assert_agree, empty_ledger, table, tables};
use serde_json::Value;
use std::time::{Duration, Instant};
use support::{Outcome, Pair, Project, Running, Signal, TestDatabase, wait_until};

fn project(second: &str, third: &str) -> Project {
    let project = tables(Project::new(), 3);
    project
        .migration("2_table.sql", &format!("{second}{}", table(2)))
        .migration("3_table.sql", &format!("{third}{}", table(3)))
}

fn start(project: &Project, url: &str) -> Running {
    let migrate = project.devflow(&["db", "migrate", "--ci", "--json"]);
    migrate.env("DATABASE_URL", url).spawn()
}

fn applied(outcome: &Outcome) -> Vec<String> {
    let document = outcome.json();
    let steps = document["applied"].as_array().unwrap().iter();
    steps
        .filter_map(|step: &Value| step["version"].as_str().map(str::to_owned))
        .collect()
}

/// The first is on both servers, the second on the one that dies, the third under way.
#[test]
fn a_failover_in_the_middle_is_reported_as_the_new_primary_has_it() {
    let mut pair = Pair::start();
    let database = TestDatabase::create_on(pair.primary());
    let url = pair.url(database.name());
    empty_ledger(&database);
    let project = project(GATE, "SELECT pg_sleep(60);\n");
    let gate = Gate::shut(&database);
    let running = start(&project, &url);
    gate.wait_until_reached(&database);
    let at_the_standby = |pair: &Pair| {
        let query = "SELECT version || ' ' || event FROM schema_migrations ORDER BY id";
        let rows = pair.standby().try_rows(database.name(), query);
        rows.unwrap_or_default().concat()
    };
    wait_until("the standby has the first", || {
        at_the_standby(&pair) == ["1 applied"]
    });
    pair.link().freeze();
    drop(gate);
    wait_until_asleep(&database);
    assert_eq!(database.events(), ["1 applied", "2 applied"]);
    pair.fail_over();
    let outcome = running.wait().expect(1);
    assert_eq!(applied(&outcome), ["1"]);
    let document = outcome.json();
    assert_eq!(document["error"]["code"], "connection_lost");
    assert_eq!(document["unconfirmed"].as_array().unwrap().len(), 0);
    let remarks = document["remarks"].to_string();
    assert!(remarks.contains("2 had been committed"), "{remarks}");
    assert_eq!(at_the_standby(&pair), ["1 applied", "2 failed"]);
    project.write("migrations/2_table.sql", table(2));
    project.write("migrations/3_table.sql", table(3));
    let _report = start(&project, &url).wait().expect(0);
    assert_eq!(
        at_the_standby(&pair),
        ["1 applied", "2 failed", "2 applied", "3 applied"]
    );
}

/// What happens to a run whose commit waits for a standby that does not answer.
type Blow = fn(&mut Pair, &Running);

fn signal(_: &mut Pair, running: &Running) {
    running.signal(Signal::TERM);
}

fn terminate(pair: &mut Pair, _: &Running) {
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    let _rows = pair.primary().rows("postgres", end);
}

fn crash(pair: &mut Pair, _: &Running) {
    pair.crash_primary();
}

/// Where a run is when the standby falls silent, what happens to it then, and how it ends.
struct Case {
    name: &'static str,
    has_ledger: bool,
    third: &'static str,
    blow: Blow,
    code: i32,
    applied: &'static [&'static str],
    events: &'static [&'static str],
}

const CASES: [Case; 5] = [
    Case {
        name: "a signal at a commit",
        has_ledger: true,
        third: "",
        blow: signal,
        code: 143,
        applied: &["1", "2"],
        events: &["1 applied", "2 applied"],
    },
    Case {
        name: "a signal at the last commit of a new database",
        has_ledger: false,
        third: "",
        blow: signal,
        code: 0,
        applied: &["1", "2", "3"],
        events: &["1 applied", "2 applied", "3 applied"],
    },
    Case {
        name: "a signal while what a new database has is made durable after a failure",
        has_ledger: false,
        third: "SELECT 1 / 0;\n",
        blow: signal,
        code: 1,
        applied: &["1", "2"],
        events: &["1 applied", "2 applied", "3 failed"],
    },
    Case {
        name: "the end of the session at a commit",
        has_ledger: true,
        third: "",
        blow: terminate,
        code: 1,
        applied: &["1", "2"],
        events: &["1 applied", "2 applied"],
    },
    Case {
        name: "a crash of the server at a commit",
        has_ledger: true,
        third: "",
        blow: crash,
        code: 1,
        applied: &["1", "2"],
        events: &["1 applied", "2 applied"],
    },
];

/// Such a commit is in the server's log already: it stays, whoever gives up waiting.
fn assert_stays(pair: &mut Pair, case: &Case) {
    let database = TestDatabase::create_on(pair.primary());
    if case.has_ledger {
        empty_ledger(&database);
    }
    let project = project(GATE, case.third);
    let gate = Gate::shut(&database);
    let running = start(&project, &database.url());
    gate.wait_until_reached(&database);
    pair.link().freeze();
    drop(gate);
    wait_until("a commit waits for the standby", || {
        database.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") == "1"
    });
    (case.blow)(pair, &running);
    let told = Instant::now();
    let outcome = running.wait();
    let took = told.elapsed();
    pair.link().thaw();
    let outcome = outcome.expect(case.code);
    assert!(took < Duration::from_secs(9), "{}: {took:?}", case.name);
    assert_eq!(
        applied(&outcome),
        case.applied,
        "{}: {outcome:?}",
        case.name
    );
    assert_eq!(database.events(), case.events, "{}", case.name);
    if case.code == 143 {
        let said = "canceling wait for synchronous replication due to user request";
        assert!(outcome.stdout.contains(said), "{outcome:?}");
    }
    project.write("migrations/3_table.sql", table(3));
    let _report = start(&project, &database.url()).wait().expect(0);
    assert_agree(&database);
}

#[test]
fn a_commit_that_waits_for_a_standby_is_given_up_and_stays() {
    let mut pair = Pair::start();
    pair.make_synchronous();
    for case in &CASES {
        assert_stays(&mut pair, case);
    }
}
