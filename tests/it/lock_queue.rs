//! A migration that waits for a lock on a table that others use.

use crate::gate::{GATE, Gate, session};
use crate::history::{assert_sound, committed, migrator, run, run_with, table};
use devflow_runtime::{Event, Migrator, Observer, Settings, TableName};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use support::{Project, TestDatabase, wait_until};

/// What was told of waits, in order.
#[derive(Default, Clone)]
struct Waits(Arc<Mutex<Vec<String>>>);

impl Waits {
    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Observer for Waits {
    fn event(&mut self, event: &Event<'_>) {
        let line = match event {
            Event::Blocked { wait, .. } => format!("waits for {wait:#}"),
            Event::Retrying { waited_for, .. } => format!("retries after {waited_for:?}"),
            Event::Remark(remark) => (*remark).to_owned(),
            _ => return,
        };
        self.0.lock().unwrap().push(line);
    }
}

/// A migrator that bounds its waits so, and goes on so long.
fn patient(project: &Project, lock_timeout: Duration, budget: Duration) -> Migrator {
    let settings = Settings {
        lock_timeout: Some(lock_timeout),
        lock_retry_budget: Some(budget),
        ..Settings::default()
    };
    let set = migrator(project).set().clone();
    Migrator::with_set(set, TableName::default(), settings)
}

/// A database in use, and a file that needs its table for itself.
fn in_use() -> (TestDatabase, Project) {
    let database = TestDatabase::create();
    let project = Project::new().migration("1_table.sql", &table(1));
    run(migrator(&project), &database.url()).unwrap();
    let alter = format!("ALTER TABLE m_1 ADD COLUMN a integer;\n{}", table(2));
    (database, project.migration("2_alter.sql", &alter))
}

#[test]
fn readers_wait_no_longer_than_one_attempt_and_the_migration_gets_through() {
    let (database, project) = in_use();
    let long = session(&database, "BEGIN; SELECT count(*) FROM m_1");
    let limit = Duration::from_secs(1);
    let (waits, url) = (Waits::default(), database.url());
    let (observer, patient) = (
        waits.clone(),
        patient(&project, limit, Duration::from_secs(60)),
    );
    let run = thread::spawn(move || run_with(patient, &url, observer));
    let retries = || {
        let lines = waits.lines();
        lines
            .iter()
            .filter(|line| line.starts_with("retries"))
            .count()
    };
    let mut longest = Duration::ZERO;
    while retries() < 2 {
        let asked = Instant::now();
        assert_eq!(database.value("SELECT count(*) FROM m_1"), "0");
        longest = longest.max(asked.elapsed());
    }
    drop(long);
    assert_eq!(committed(&run.join().unwrap().unwrap()), ["2"]);
    assert!(longest > limit / 2, "no reader waited: {longest:?}");
    assert!(longest < limit + Duration::from_secs(1), "{longest:?}");
    let first = waits.lines().swap_remove(0);
    assert!(
        first.starts_with("waits for ACCESS EXCLUSIVE on public.m_1, held by server process ")
            && first.contains("devflow-tests")
            && first.contains("idle in transaction"),
        "{first}"
    );
    assert_eq!(database.events(), ["1 applied", "2 applied"]);
    let attempts =
        database.value("SELECT detail->>'attempts' FROM schema_migrations WHERE version = '2'");
    assert_eq!(attempts, "3");
    assert_sound(&database);
}

#[test]
fn a_wait_that_stays_lost_is_exit_1_and_names_who_is_in_the_way() {
    let (database, project) = in_use();
    let yml = "version: \"1\"\nproject: { name: tests }\ndatabase:\n  migrations: { directory: migrations, lock_timeout: 1h, lock_retry_budget: 0s }\n  environments:\n    local: { url_env: DATABASE_URL }\n";
    project.write("devflow.yml", yml);
    let hasty = "-- devflow: lock-timeout=600ms\nTRUNCATE m_1;\n";
    project.write("migrations/2_alter.sql", hasty);
    let _long = session(&database, "BEGIN; SELECT count(*) FROM m_1");
    let migrate = project.devflow(&["db", "migrate", "--ci", "--json"]);
    let outcome = migrate.env("DATABASE_URL", &database.url()).run().expect(1);
    let json = outcome.json();
    let wait = &json["failure"]["waited_for"];
    assert_eq!(
        (&wait["mode"], &wait["table"]),
        (&"ACCESS EXCLUSIVE".into(), &"public.m_1".into()),
        "{json}"
    );
    let blocker = &wait["blockers"][0];
    assert_eq!(blocker["application"], "devflow-tests", "{json}");
    assert_eq!(blocker["state"], "idle in transaction", "{json}");
    assert_eq!(json["failure"]["sqlstate"], "55P03", "{json}");
    let said = &outcome.stderr;
    assert!(
        said.contains(
            "2_alter.sql: waits for ACCESS EXCLUSIVE on public.m_1, held by server process"
        ),
        "{said}"
    );
    assert_eq!(database.events(), ["1 applied", "2 failed"]);
}

#[test]
fn a_concurrent_index_build_says_whose_transaction_it_waits_for() {
    let (database, project) = in_use();
    project.write(
        "migrations/2_alter.sql",
        "CREATE INDEX CONCURRENTLY i ON m_1 (id);\n",
    );
    let long = session(
        &database,
        "BEGIN; SELECT count(*) FROM m_1; INSERT INTO m_1 VALUES (1)",
    );
    let (waits, url, migrator) = (Waits::default(), database.url(), migrator(&project));
    let observer = waits.clone();
    let run = thread::spawn(move || run_with(migrator, &url, observer));
    let words = [
        "waits for another transaction to end, held by server process ",
        "INSERT INTO m_1",
    ];
    wait_until("the build says whom it waits for", || {
        let lines = waits.lines();
        lines
            .iter()
            .any(|line| words.iter().all(|words| line.contains(words)))
    });
    drop(long);
    assert_eq!(committed(&run.join().unwrap().unwrap()), ["2"]);
}

#[test]
fn a_second_connection_that_finds_no_room_says_so_and_is_tried_again() {
    let database = TestDatabase::create();
    let role = database.role("alone", "CONNECTION LIMIT 1");
    database.execute(&format!("GRANT CREATE ON SCHEMA public TO {role}"));
    let gate = Gate::shut(&database);
    let project = Project::new().migration("1_table.sql", &format!("{GATE}{}", table(1)));
    let limit = Duration::from_millis(500);
    let patient = patient(&project, limit, Duration::from_secs(60));
    let (waits, url) = (Waits::default(), database.url_as(&role));
    let observer = waits.clone();
    let run = thread::spawn(move || run_with(patient, &url, observer));
    let said = |words: &str| waits.lines().iter().any(|line| line.contains(words));
    wait_until("the run says why it sees nothing", || {
        said("cannot be seen") && said("too many connections for role")
    });
    database.execute(&format!("ALTER ROLE {role} CONNECTION LIMIT 2"));
    wait_until("the run says what it waits for", || said("waits for"));
    drop(gate);
    assert_eq!(committed(&run.join().unwrap().unwrap()), ["1"]);
    let remarks = waits.lines();
    let remarks = remarks
        .iter()
        .filter(|line| line.contains("cannot be seen"));
    assert_eq!(remarks.count(), 1, "{:?}", waits.lines());
    assert_sound(&database);
}

#[test]
fn what_is_in_the_way_may_be_written_in_another_encoding() {
    let database = TestDatabase::create();
    let elsewhere = TestDatabase::encoded("LATIN1");
    let role = database.role("shared", "");
    let alter = format!("ALTER ROLE {role} CONNECTION LIMIT 3");
    let blocking = format!("BEGIN; {alter} /* caf\u{e9} */").leak();
    let blocker = session(&elsewhere, blocking);
    let project = Project::new().migration("1_role.sql", &format!("{alter};\n"));
    let patient = patient(
        &project,
        Duration::from_millis(500),
        Duration::from_secs(60),
    );
    let (waits, url) = (Waits::default(), database.url());
    let observer = waits.clone();
    let run = thread::spawn(move || run_with(patient, &url, observer));
    wait_until("the run says who is in the way", || {
        run.is_finished()
            || waits
                .lines()
                .iter()
                .any(|line| line.contains("(devflow-tests)"))
    });
    drop(blocker);
    assert_eq!(committed(&run.join().unwrap().unwrap()), ["1"]);
}
