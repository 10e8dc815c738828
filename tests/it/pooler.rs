//! Behind a PgBouncer: migrations are applied without leaving a lock or a setting in its pooled sessions, and the way
//! past it is named.

use crate::gate::{GATE, Gate, session_at};
use crate::history::{
    Heard, applied, assert_agree, committed, migrator, run, run_with, table, tables, unchecked,
};
use devflow_runtime::{ErrorKind, MigrationSet, Migrator, Settings, TableName, Version};
use std::thread;
use support::{Command, Pooler, Project, Server, TestDatabase, on_background, wait_until};
use tokio_postgres::SimpleQueryMessage;

/// The kinds of PgBouncer that a run meets. The last one drops what it does not know from the start-up message, the
/// run's marker with it, where the others refuse it.
const KINDS: [&[(&str, &str)]; 3] = [
    &[("pool_mode", "transaction"), ("default_pool_size", "5")],
    &[("pool_mode", "session"), ("default_pool_size", "2")],
    &[
        ("pool_mode", "transaction"),
        ("default_pool_size", "5"),
        ("ignore_startup_parameters", "options"),
    ],
];

/// Ledger and schema say the same, and the sessions that the pooler keeps hold no lock.
fn assert_clean(database: &TestDatabase) {
    assert_agree(database);
    wait_until("every lock is given back", || {
        database.advisory_locks() == 0
    });
    assert!(database.sessions() > 0, "the pooler keeps its sessions");
}

const CONFIG: &str = "\
version: \"1\"
database:
  migrations: { pooler: warn }
  environments:
    staging: { url_env: DATABASE_URL, direct_url_env: DIRECT_URL }
";

fn project() -> Project {
    Project::new()
        .file("devflow.yml", CONFIG)
        .migration("1_a.sql", "CREATE TABLE a ();")
}

fn devflow(project: &Project, arguments: &[&str], url: &str) -> Command {
    let command = project.devflow(arguments).args(&["--ci", "--json"]);
    command.env("DATABASE_URL", url)
}

#[test]
fn where_the_policy_says_so_work_is_refused_behind_a_pooler() {
    for pool_mode in ["transaction", "session"] {
        let database = TestDatabase::create();
        let pooler = Pooler::start(Server::shared(), pool_mode);
        let url = pooler.url(&database.url());
        let project = project();
        project.write("devflow.yml", CONFIG.replace("warn", "refuse"));
        for _ in 0..3 {
            let outcome = devflow(&project, &["db", "migrate"], &url).run();
            let said = outcome.expect_error(2, "behind_pooler");
            assert!(said.contains("direct_url_env"), "{said}");
        }
        assert!(database.sessions() > 0, "the pooler keeps its sessions");
        assert_eq!(database.advisory_locks(), 0);
        assert!(!database.has("schema_migrations") && !database.has("a"));
        let statements = database.statements();
        let stray = ["pg_try_advisory_lock", "CREATE", "BEGIN", "SET SESSION"];
        let stray = statements
            .iter()
            .find(|sql| stray.iter().any(|word| sql.contains(word)));
        assert_eq!(stray, None);
    }
}

#[test]
fn what_writes_nothing_works_behind_a_pooler() {
    for pool_mode in ["transaction", "session"] {
        let database = TestDatabase::create();
        let pooler = Pooler::start(Server::shared(), pool_mode);
        let url = pooler.url(&database.url());
        let project = project();
        let direct = devflow(&project, &["db", "migrate"], &database.url());
        let _outcome = direct.run().expect(0);
        let _outcome = devflow(&project, &["db", "migrate"], &url).run().expect(0);
        project.write("migrations/2_b.sql", "CREATE TABLE b ();");
        let status = devflow(&project, &["db", "status"], &url).run().expect(0);
        assert_eq!(status.json()["counts"]["pending"], 1);
        let plan = devflow(&project, &["db", "migrate", "--dry-run"], &url);
        assert_eq!(
            plan.run().expect(0).json()["pending"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
        assert_eq!(database.events(), ["1 applied"]);
    }
}

#[test]
fn a_direct_url_leads_past_the_pooler() {
    let database = TestDatabase::create();
    let pooler = Pooler::start(Server::shared(), "transaction");
    let url = pooler.url(&database.url());
    let project = project();
    let migrate = devflow(&project, &["db", "migrate", "--env", "staging"], &url);
    let outcome = migrate.env("DIRECT_URL", &database.url()).run().expect(0);
    assert!(
        outcome.stderr.contains("using DIRECT_URL, past the pooler"),
        "{}",
        outcome.stderr
    );
    assert_eq!(database.events(), ["1 applied"]);
}

#[test]
fn ten_starters_share_a_pool_of_five_and_apply_each_migration_once() {
    for kind in KINDS {
        let project = tables(Project::new(), 8);
        let database = TestDatabase::create();
        let pooler = Pooler::start_with(Server::shared(), kind);
        let set = MigrationSet::read(&project.path().join("migrations"), "migrations").unwrap();
        let starters: Vec<_> = (0..10)
            .map(|_| {
                let url = pooler.url(&database.url());
                let migrator =
                    Migrator::with_set(set.clone(), TableName::default(), Settings::default());
                thread::spawn(move || run(migrator, &url))
            })
            .collect();
        let reports = starters
            .into_iter()
            .map(|starter| starter.join().unwrap().unwrap());
        let done: usize = reports.map(|report| committed(&report).len()).sum();
        assert_eq!(done, 8, "{kind:?}");
        assert_eq!(database.events().len(), 8);
        assert_clean(&database);
    }
}

#[test]
fn pooled_and_direct_runs_wait_for_each_other() {
    let database = TestDatabase::create();
    let pooler = Pooler::start_with(Server::shared(), KINDS[0]);
    let (direct, pooled) = (database.url(), pooler.url(&database.url()));
    let gated = |number| format!("{GATE}{}", table(number));
    for (number, first, second) in [(1, &direct, &pooled), (2, &pooled, &direct)] {
        let files: Vec<_> = (1..=number).map(gated).collect();
        let gate = Gate::shut(&database);
        let (holder, url) = (unchecked(&files), first.clone());
        let holder = thread::spawn(move || run(holder, &url));
        gate.wait_until_reached(&database);
        let heard = Heard::default();
        let (waiter, url, observer) = (unchecked(&files), second.clone(), heard.clone());
        let waiter = thread::spawn(move || run_with(waiter, &url, observer));
        wait_until("the waiter says whom it waits for", || {
            let lines = heard.lines();
            lines
                .iter()
                .any(|line| line.starts_with("waiting for devflow "))
        });
        drop(gate);
        let report = holder.join().unwrap().unwrap();
        assert_eq!(committed(&report), [number.to_string()]);
        assert!(committed(&waiter.join().unwrap().unwrap()).is_empty());
    }
    assert_clean(&database);
}

#[test]
fn a_pool_without_a_second_connection_is_named_as_the_cause() {
    let database = TestDatabase::create();
    let settings = [
        ("pool_mode", "transaction"),
        ("default_pool_size", "1"),
        ("query_wait_timeout", "1"),
    ];
    let pooler = Pooler::start_with(Server::shared(), &settings);
    let error = run(unchecked(&[table(1)]), &pooler.url(&database.url())).unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Connect, "pool_exhausted")
    );
    assert!(
        error.hint().unwrap().contains("direct_url_env"),
        "{error:?}"
    );
    assert_clean(&database);
    assert!(applied(&database).is_empty());
}

/// Runs statements on both sessions of a pool of two, and says what each answered.
fn on_both_sessions(url: &str, sql: &'static str) -> Vec<Vec<String>> {
    let clients = [session_at(url, "BEGIN"), session_at(url, "BEGIN")];
    let answers = clients.map(|client| {
        on_background(async move {
            let messages = client.simple_query(sql).await.unwrap();
            client.batch_execute("COMMIT").await.unwrap();
            let rows = messages.into_iter().filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or("NULL").to_owned()),
                _ => None,
            });
            rows.collect()
        })
    });
    answers.into()
}

#[test]
fn nothing_of_a_session_passes_between_strangers_and_migrations() {
    let database = TestDatabase::create();
    let settings = [("pool_mode", "transaction"), ("default_pool_size", "2")];
    let pooler = Pooler::start_with(Server::shared(), &settings);
    let url = pooler.url(&database.url());
    database.execute("CREATE SCHEMA stray");
    let _litter = on_both_sessions(
        &url,
        "SET search_path = stray; SET lock_timeout = 1; CREATE TEMP TABLE m_1 (id integer)",
    );
    let plain = "CREATE TABLE m_1 (id integer)".to_owned();
    let litters = format!(
        "SET search_path = left_over; SET client_encoding = 'LATIN1'; CREATE TEMP TABLE litter (); {}SET ROLE pg_monitor;",
        table(2)
    );
    let report = run(unchecked(&[plain, litters]), &url).unwrap();
    assert_eq!(committed(&report), ["1", "2"]);
    assert!(report.remarks[0].contains("direct_url_env"), "{report:?}");
    assert!(database.has("public.m_1") && !database.has("stray.m_1"));
    let seen = on_both_sessions(
        &url,
        "SELECT concat_ws(' ', current_user, current_setting('client_encoding'), to_regclass('pg_temp.litter'), \
         nullif(current_setting('search_path') = 'left_over', false))",
    );
    assert_eq!(seen, [["postgres UTF8"], ["postgres UTF8"]].map(Vec::from));
    assert_agree(&database);
    assert_eq!(database.advisory_locks(), 0);
}

#[test]
fn a_file_outside_a_transaction_runs_where_its_statements_need_no_session() {
    let database = TestDatabase::create();
    let pooler = Pooler::start_with(Server::shared(), KINDS[0]);
    let project = tables(Project::new(), 1).migration(
        "2_index.sql",
        "CREATE INDEX CONCURRENTLY one ON m_1 (id);\n",
    );
    let url = pooler.url(&database.url());
    let report = run(migrator(&project), &url).unwrap();
    assert_eq!(committed(&report), ["1", "2"]);
    assert!(database.has("public.one"));
    project.write(
        "migrations/3_index.sql",
        "SET maintenance_work_mem = '64MB';\nCREATE INDEX CONCURRENTLY two ON m_1 (id);\n",
    );
    let error = run(migrator(&project), &url).unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Usage, "needs_own_session")
    );
    assert!(error.to_string().contains("3_index.sql"), "{error}");
    assert!(
        error.hint().unwrap().contains("direct_url_env"),
        "{error:?}"
    );
    assert_eq!(applied(&database), ["1", "2"]);
    let report = run(migrator(&project), &database.url()).unwrap();
    assert_eq!(committed(&report), ["3"]);
    assert_eq!(database.advisory_locks(), 0);
}

#[test]
fn a_baseline_is_recorded_through_a_pooler_under_the_same_lock() {
    let database = TestDatabase::create();
    let pooler = Pooler::start_with(Server::shared(), KINDS[0]);
    let url = pooler.url(&database.url());
    database.execute(&table(1));
    let files = [table(1), table(2)];
    let (migrator, at) = (unchecked(&files), url.clone());
    let report = on_background(async move {
        let first = Version::parse("1").unwrap();
        migrator.baseline(&at, &first, &mut ()).await.unwrap()
    });
    assert_eq!(committed(&report), ["1"]);
    assert_eq!(committed(&run(unchecked(&files), &url).unwrap()), ["2"]);
    assert_eq!(database.events(), ["1 baselined", "2 applied"]);
    assert_clean(&database);
}

#[test]
fn a_pooler_that_allows_no_transaction_is_named_as_the_cause_at_once() {
    let database = TestDatabase::create();
    let pooler = Pooler::start(Server::shared(), "statement");
    let project = tables(Project::new(), 1);
    let error = run(migrator(&project), &pooler.url(&database.url())).unwrap_err();
    assert!(
        error.to_string().contains("statement pooling mode"),
        "{error}"
    );
    assert!(
        error.hint().unwrap().contains("direct_url_env"),
        "{error:?}"
    );
    assert!(!database.has("schema_migrations"));
    wait_until("the lock is given back", || database.advisory_locks() == 0);
}
