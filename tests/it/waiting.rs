//! Waiting for another run: never in silence, and without keeping others out of the server.

use crate::gate::{GATE, Gate};
use crate::history::{
    Heard, applied, assert_sound, committed, migrator, run, run_with, table, tables, unchecked,
};
use devflow_runtime::{ErrorKind, Migrator, Settings, TableName};
use std::thread;
use std::time::Duration;
use support::{PrivateServer, Project, Proxy, Signal, TestDatabase, on_background, wait_until};
use tokio_postgres::NoTls;

/// A migrator of a service whose system may drop its first packets: so many at once are more than the server's queue
/// of connections holds.
fn patient(project: &Project) -> Migrator {
    let settings = Settings {
        connect_timeout: Some(Duration::from_secs(60)),
        ..Settings::default()
    };
    let set = migrator(project).set().clone();
    Migrator::with_set(set, TableName::default(), settings)
}

/// Runs that are begun together on the support's own tasks; each ends with what it committed.
fn start_together(
    count: usize,
    project: &Project,
    url: &str,
) -> thread::JoinHandle<Vec<Result<usize, String>>> {
    let migrators: Vec<_> = (0..count).map(|_| patient(project)).collect();
    let url = url.to_owned();
    thread::spawn(move || {
        on_background(async move {
            let mut runs = tokio::task::JoinSet::new();
            for migrator in migrators {
                let url = url.clone();
                runs.spawn(async move {
                    let outcome = migrator.run(&url).await;
                    let report = outcome.map_err(|error| format!("{}: {error}", error.code()));
                    report.map(|report| committed(&report).len())
                });
            }
            runs.join_all().await
        })
    })
}

/// Whether an ordinary client is let in at this moment.
fn lets_in(url: &str) -> bool {
    let config: tokio_postgres::Config = url.parse().unwrap();
    on_background(async move { config.connect(NoTls).await.is_ok() })
}

#[test]
fn five_hundred_waiters_leave_room_on_a_server_of_thirty_connections() {
    const WAITERS: usize = 500;
    let server = PrivateServer::start(&[("max_connections", "30")]);
    let database = TestDatabase::create_on(server.server());
    let role = database.role("ordinary", "");
    database.execute(&format!("GRANT CREATE ON SCHEMA public TO {role}"));
    let url = database.url_as(&role);
    let project = tables(Project::new(), 1);
    run(migrator(&project), &url).unwrap();
    let gate = Gate::shut(&database);
    let project = project.migration("2_table.sql", &format!("{GATE}{}", table(2)));
    let (leader, at) = (migrator(&project), url.clone());
    let leader = thread::spawn(move || run(leader, &at));
    gate.wait_until_reached(&database);
    let waiters = start_together(WAITERS, &project, &url);
    wait_until("the waiters fill the server", || !lets_in(&url));
    wait_until("they have left it", || (0..20).all(|_| lets_in(&url)));
    drop(gate);
    assert_eq!(committed(&leader.join().unwrap().unwrap()), ["2"]);
    let outcomes = waiters.join().unwrap();
    assert_eq!(outcomes, vec![Ok(0); WAITERS]);
    assert_sound(&database);
}

#[test]
fn a_leader_that_hangs_is_named_again_and_again_until_the_wait_is_over() {
    let database = TestDatabase::create();
    let gate = Gate::shut(&database);
    let slow = format!("{GATE}{}", table(1));
    let project = Project::new().migration("1_table.sql", &slow);
    let migrate = project.devflow(&["db", "migrate", "--ci"]);
    let leader = migrate.env("DATABASE_URL", &database.url()).spawn();
    gate.wait_until_reached(&database);
    leader.signal(Signal::STOP);
    let heard = Heard::default();
    let waiter = migrator(&project).lock_wait(Duration::from_secs(6));
    let error = run_with(waiter, &database.url(), heard.clone()).unwrap_err();
    leader.signal(Signal::CONT);
    let lines = heard.lines();
    assert!(lines.len() >= 2, "{lines:?}");
    assert!(
        lines
            .iter()
            .all(|line| line.starts_with("waiting for devflow "))
    );
    assert_eq!(error.kind(), ErrorKind::LockTimeout);
    let said = error.to_string();
    let held = said.split_once("running for ").map(|(_, rest)| rest);
    let seconds = held.and_then(|rest| rest.strip_suffix(" s")?.parse::<u64>().ok());
    assert!(
        seconds.is_some_and(|seconds| (6..60).contains(&seconds)),
        "{said}"
    );
    let pid = said
        .split_once("server process ")
        .map(|(_, rest)| rest.split(' ').next().unwrap());
    let end_it = format!("pg_terminate_backend({})", pid.unwrap());
    assert!(error.hint().unwrap().contains(&end_it), "{error:?}");
    drop(gate);
    let _done = leader.wait().expect(0);
    assert_eq!(applied(&database), ["1"]);
    assert_sound(&database);
}

#[test]
fn a_waiter_whose_own_link_goes_dead_says_so_and_comes_back() {
    let database = TestDatabase::create();
    let project = tables(Project::new(), 1);
    run(migrator(&project), &database.url()).unwrap();
    let gate = Gate::shut(&database);
    let files = [table(1), format!("{GATE}{}", table(2))];
    let (leader, url) = (unchecked(&files), database.url());
    let leader = thread::spawn(move || run(leader, &url));
    gate.wait_until_reached(&database);
    let proxy = Proxy::start(database.server().address(), Duration::ZERO);
    let heard = Heard::default();
    let (waiter, url, observer) = (
        unchecked(&files),
        database.url_through(&proxy),
        heard.clone(),
    );
    let waiter = thread::spawn(move || run_with(waiter, &url, observer));
    wait_until("it waits", || !heard.lines().is_empty());
    proxy.freeze();
    wait_until("it says that nothing comes back", || {
        let lines = heard.lines();
        lines
            .iter()
            .any(|line| line.starts_with("trying again: ") && line.contains("no answer"))
    });
    proxy.thaw();
    drop(gate);
    assert_eq!(committed(&leader.join().unwrap().unwrap()), ["2"]);
    assert!(committed(&waiter.join().unwrap().unwrap()).is_empty());
    assert_sound(&database);
}
