//! The support keeps its own promises: what cannot fail here can be trusted elsewhere.

use std::path::Path;
use std::time::{Duration, Instant};
use support::{
    Authority, Certificate, Command, Cut, PrivateServer, Proxy, Server, ServerOptions, Signal,
    TestDatabase, compare_golden, on_background, published_files, wait_until,
};
use tokio_postgres::{Client, NoTls};

fn connect(url: &str) -> Client {
    let url = url.to_owned();
    on_background(async move {
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    })
}

/// Sends statements as one message and says whether an answer came.
fn send(client: Client, sql: &'static str) -> (Client, bool) {
    on_background(async move {
        let answer = client.simple_query(sql).await;
        (client, answer.is_ok())
    })
}

#[test]
fn a_database_is_fresh_and_gone_afterwards() {
    let database = TestDatabase::create();
    assert!(!database.has("public.a"));
    database.execute("CREATE TABLE a ()");
    assert!(database.has("public.a"));
    assert!(!TestDatabase::create().has("public.a"));
    let role = database.role("reader", "");
    let name = database.name().to_owned();
    drop(database);
    let left = format!(
        "SELECT 1 FROM pg_database WHERE datname = '{name}' \
         UNION ALL SELECT 1 FROM pg_roles WHERE rolname = '{role}'"
    );
    assert!(Server::shared().rows("postgres", &left).is_empty());
}

#[test]
fn a_role_logs_in_and_a_password_is_asked_for() {
    let database = TestDatabase::create();
    let whoami = |url: &str| {
        let client = connect(url);
        on_background(async move {
            let row = client.query_one("SELECT current_user::text", &[]).await;
            row.unwrap().get::<_, String>(0)
        })
    };
    let trusted = database.role("trusted", "");
    assert_eq!(whoami(&database.url_as(&trusted)), trusted);
    let asked = database.role_with_password("asked", "CONNECTION LIMIT 5");
    assert_eq!(whoami(&database.url_as(&asked)), asked);
    let wrong = database.url_as(&asked).replace("secret-of", "guess-of");
    let refused = on_background(async move { tokio_postgres::connect(&wrong, NoTls).await.err() });
    assert_eq!(refused.unwrap().code().unwrap().code(), "28P01");
}

#[test]
fn the_log_shows_what_clients_sent_and_nothing_of_other_databases() {
    let database = TestDatabase::create();
    let other = TestDatabase::create();
    let (_other, _) = send(connect(&other.url()), "SELECT 'elsewhere'");
    let (_client, _) = send(connect(&database.url()), "SELECT 1;\nSELECT 'x | y'");
    database.execute("SELECT 'from the support'");
    assert_eq!(database.statements(), ["SELECT 1;\nSELECT 'x | y'"]);
}

#[test]
fn the_schema_dump_tells_schemas_apart_and_leaves_out_the_ledger() {
    let (one, two) = (TestDatabase::create(), TestDatabase::create());
    one.execute("CREATE TABLE schema_migrations (id bigint GENERATED ALWAYS AS IDENTITY)");
    assert_eq!(one.schema_dump(), two.schema_dump());
    one.execute("CREATE TABLE a (b text)");
    assert_ne!(one.schema_dump(), two.schema_dump());
    two.execute("CREATE TABLE a (b text)");
    assert_eq!(one.schema_dump(), two.schema_dump());
}

#[test]
fn locks_and_sessions_are_counted() {
    let database = TestDatabase::create();
    assert_eq!((database.advisory_locks(), database.sessions()), (0, 0));
    let (client, _) = send(connect(&database.url()), "SELECT pg_advisory_lock(1)");
    assert_eq!((database.advisory_locks(), database.sessions()), (1, 1));
    drop(client);
    wait_until("the session is gone", || database.sessions() == 0);
    assert_eq!(database.advisory_locks(), 0);
}

#[test]
fn a_proxy_delays_each_way_and_counts() {
    let database = TestDatabase::create();
    let proxy = Proxy::start(database.server().address(), Duration::from_millis(20));
    let client = connect(&database.url_through(&proxy));
    assert_eq!(proxy.counts().messages, 0, "start-up does not count");
    let started = Instant::now();
    on_background(async move {
        // Three at once are one turn, however many messages they are; the fourth waits for their answers.
        let (one, two) = ("SELECT 1", "SELECT 2");
        let (a, b, c) = tokio::join!(
            client.simple_query(one),
            client.simple_query(two),
            client.simple_query(one)
        );
        assert!(a.is_ok() && b.is_ok() && c.is_ok());
        client.simple_query(two).await.unwrap();
    });
    let elapsed = started.elapsed();
    assert!(
        elapsed >= Duration::from_millis(80),
        "two round trips took {elapsed:?}"
    );
    let counts = proxy.counts();
    assert_eq!(
        (counts.connections, counts.messages, counts.round_trips),
        (1, 4, 2)
    );
    assert!(
        counts.bytes_to_server > 4 * 14 && counts.bytes_to_client > 100,
        "{counts:?}"
    );
}

#[test]
fn a_delay_does_not_limit_what_goes_through() {
    let database = TestDatabase::create();
    let proxy = Proxy::start(database.server().address(), Duration::from_millis(20));
    let client = connect(&database.url_through(&proxy));
    let started = Instant::now();
    let (_client, answered) = send(
        client,
        "SELECT repeat('x', 10000) FROM generate_series(1, 2000)",
    );
    assert!(answered && proxy.counts().bytes_to_client > 20_000_000);
    let elapsed = started.elapsed();
    assert!(elapsed < Duration::from_secs(5), "20 MB took {elapsed:?}");
}

#[test]
fn a_proxy_cuts_before_and_after_a_message() {
    let database = TestDatabase::create();
    let proxy = Proxy::start(database.server().address(), Duration::ZERO);
    database.execute("CREATE TABLE a (b int)");
    for (cut, rows) in [
        (Cut::Before(2), ["1"].as_slice()),
        (Cut::After(2), &["1", "1", "2"]),
    ] {
        let client = connect(&database.url_through(&proxy));
        proxy.cut(cut);
        let (client, first) = send(client, "INSERT INTO a VALUES (1)");
        let (_client, second) = send(client, "INSERT INTO a VALUES (2)");
        assert!(first && !second, "{cut:?}");
        assert!(!proxy.will_cut());
        wait_until("the session is gone", || database.sessions() == 0);
        assert_eq!(
            database.column("SELECT b FROM a ORDER BY b"),
            rows,
            "{cut:?}"
        );
    }
}

#[test]
fn a_proxy_refuses_and_cuts_at_once() {
    let database = TestDatabase::create();
    let proxy = Proxy::start(database.server().address(), Duration::ZERO);
    let client = connect(&database.url_through(&proxy));
    proxy.refuse();
    let url = database.url_through(&proxy);
    assert!(on_background(async move {
        tokio_postgres::connect(&url, NoTls).await.is_err()
    }));
    let (client, answered) = send(client, "SELECT 1");
    assert!(answered);
    proxy.cut_now();
    wait_until("the session is gone", || database.sessions() == 0);
    assert!(!send(client, "SELECT 1").1);
    proxy.admit();
    assert!(send(connect(&database.url_through(&proxy)), "SELECT 1").1);
}

#[test]
fn a_frozen_proxy_holds_everything_until_it_thaws() {
    let database = TestDatabase::create();
    let proxy = Proxy::start(database.server().address(), Duration::ZERO);
    let client = connect(&database.url_through(&proxy));
    proxy.freeze();
    let answer = on_background(async move {
        let limit = Duration::from_millis(200);
        let silent = tokio::time::timeout(limit, client.simple_query("SELECT 1")).await;
        (client, silent.is_err())
    });
    assert!(answer.1, "an answer came through a frozen proxy");
    assert_eq!(database.statements(), [""; 0]);
    proxy.thaw();
    assert!(send(answer.0, "SELECT 2").1);
    assert_eq!(database.statements(), ["SELECT 1", "SELECT 2"]);
}

#[test]
fn a_private_server_crashes_recovers_pauses_and_goes_with_its_test() {
    let mut server = PrivateServer::start(&[("work_mem", "5MB")]);
    let database = TestDatabase::create_on(server.server());
    assert_eq!(database.value("SHOW work_mem"), "5MB");
    database.execute("CREATE TABLE a (b int); CHECKPOINT; INSERT INTO a VALUES (1)");
    server.stop_immediate();
    assert!(server.server().try_rows("postgres", "SELECT 1").is_err());
    server.restart();
    assert_eq!(
        server.server().rows(database.name(), "SELECT b FROM a"),
        [["1"]]
    );
    let client = connect(&database.url());
    let paused = server.pause();
    let silent = on_background(async move {
        let limit = Duration::from_millis(200);
        tokio::time::timeout(limit, client.simple_query("SELECT 1"))
            .await
            .is_err()
    });
    assert!(silent, "a paused server answered");
    drop(paused);
    assert_eq!(database.value("SELECT 2"), "2");
    drop(database);
    let (postmaster, directory) = (server.postmaster().clone(), server.directory().to_owned());
    drop(server);
    assert!(!postmaster.is_alive() && !directory.exists());
}

#[test]
fn a_server_ends_when_its_owner_is_killed() {
    let owner = shell("exec sleep 60").spawn();
    let server = PrivateServer::start_for(owner.process());
    let (postmaster, directory) = (server.postmaster().clone(), server.directory().to_owned());
    assert!(postmaster.is_alive());
    owner.signal(Signal::KILL);
    wait_until("the server is gone", || {
        !postmaster.is_alive() && !directory.exists()
    });
}

#[test]
fn a_server_speaks_tls_with_a_certificate_made_here() {
    let certificate = Authority::create("the tests").issue(&["localhost"]);
    let server = PrivateServer::start_with(ServerOptions {
        settings: [
            ("ssl", "on"),
            ("ssl_cert_file", "server.crt"),
            ("ssl_key_file", "server.key"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec(),
        access: vec!["hostssl postgres tls 127.0.0.1/32 scram-sha-256\n".to_owned()],
        files: vec![
            ("server.crt".to_owned(), certificate.certificate),
            ("server.key".to_owned(), certificate.key),
        ],
        ..ServerOptions::default()
    });
    let rows = server.server().rows("postgres", "SHOW ssl");
    assert_eq!(rows, [["on"]]);
    let own = Certificate::self_signed(&["localhost", "127.0.0.1"]);
    assert!(own.certificate.starts_with("-----BEGIN CERTIFICATE-----"));
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let start = || PrivateServer::start(&[("shared_buffers", "nonsense")]);
    let message = std::panic::catch_unwind(|| drop(start())).unwrap_err();
    let message = message.downcast_ref::<String>().unwrap();
    assert!(message.contains("shared_buffers"), "{message}");
}

#[test]
fn a_golden_file_that_differs_fails_and_names_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("golden.txt");
    assert!(
        compare_golden(&file, "a\n")
            .unwrap_err()
            .contains("UPDATE_GOLDEN=1")
    );
    std::fs::write(&file, "a\nb\n").unwrap();
    assert_eq!(compare_golden(&file, "a\nb\n"), Ok(()));
    let differs = compare_golden(&file, "a\nc\n").unwrap_err();
    assert!(
        differs.contains(r#":2: expected "b", found "c""#),
        "{differs}"
    );
    let short = compare_golden(&file, "a").unwrap_err();
    assert!(
        short.contains(r#":2: expected "b", found its end"#),
        "{short}"
    );
    assert!(
        compare_golden(&file, "a\nb").is_err(),
        "a lost line end was not noticed"
    );
}

fn shell(script: &str) -> Command {
    Command::new(Path::new("/bin/sh"), Path::new("/")).args(&["-c", script])
}

#[test]
fn a_program_tells_its_code_its_output_and_its_signal() {
    let outcome = shell("echo out; echo talk >&2; exit 3").run().expect(3);
    assert_eq!(
        (outcome.stdout.as_str(), outcome.stderr.as_str()),
        ("out\n", "talk\n")
    );
    let running = shell("echo ready >&2; exec sleep 60").spawn();
    running.wait_for_stderr("ready");
    running.signal(Signal::TERM);
    assert_eq!(running.wait().code, 128 + 15);
    let running = shell("exec sleep 60").spawn();
    let process = running.process();
    drop(running);
    assert!(!process.is_alive());
}

#[test]
fn a_program_sees_no_variable_that_would_steer_it() {
    let seen = shell("env").env("DATABASE_URL", "x").run().expect(0).stdout;
    let steering = ["CARGO", "RUST", "NEXTEST", "PG", "GITHUB", "DEVFLOW", "CI="];
    let strays = seen
        .lines()
        .filter(|line| steering.iter().any(|start| line.starts_with(start)));
    assert_eq!(strays.collect::<Vec<_>>(), [""; 0]);
    assert!(seen.contains("DATABASE_URL=x"));
}

#[test]
fn published_migrations_can_be_had() {
    let files = published_files("underway", "0.2.0", "migrations");
    assert_eq!(files.len(), 6);
    assert_eq!(files[0].0, "20240921151751_0.sql");
    assert!(files[0].1.contains("create schema"));
}
