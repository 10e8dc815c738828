//! Connecting: what goes wrong is said and never shows a password, and what may pass is tried again in its time.

use devflow_runtime::{MigrationSet, Migrator, Settings, TableName};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};
use support::{Command, Cut, Pooler, PrivateServer, Project, Proxy, TestDatabase, on_background};

fn project(settings: &str) -> Project {
    let config = format!("version: \"1\"\ndatabase:\n  migrations: {{ {settings} }}\n");
    Project::new()
        .file("devflow.yml", config)
        .migration("1_a.sql", "CREATE TABLE a ();")
}

/// A project that does not wait for a server that is not ready.
fn hasty() -> Project {
    project("connect_timeout: 20s, connect_budget: 1s")
}

/// A project that does not wait for an answer.
fn brusque() -> Project {
    project("connect_timeout: 400ms, connect_budget: 1s")
}

/// A project that waits for as long as any machine may need.
fn patient() -> Project {
    project("connect_timeout: 20s, connect_budget: 20s")
}

fn migrate(project: &Project, url: &str) -> Command {
    let command = project.devflow(&["db", "migrate", "--ci", "--json"]);
    command.env("DATABASE_URL", url)
}

/// Asserts that `migrate` exits with 6 and this code, in text and in JSON, without a word of the password `guess-of…`;
/// returns what it said, retries included.
fn refused(project: &Project, url: &str, code: &str) -> String {
    let outcome = migrate(project, url).run();
    let document = outcome.json();
    assert_eq!(document["error"]["kind"], "connect", "{document:#}");
    assert_eq!(document["database"], serde_json::Value::Null);
    let said = outcome.clone().expect_error(6, code) + "\n" + &outcome.stderr;
    let text = project.devflow(&["db", "status"]).env("DATABASE_URL", url);
    let text = text.run().expect(6);
    let message = document["error"]["message"].as_str().unwrap();
    // How long it was tried is another time's.
    let message = message.split(" (tried").next().unwrap();
    assert!(text.stderr.contains(message), "{}", text.stderr);
    for shown in [&outcome.stdout, &outcome.stderr, &text.stdout, &text.stderr] {
        assert!(!shown.contains("guess-of"), "{shown}");
    }
    said
}

/// A URL of a port that nobody listens on.
fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn url_of(port: u16, rest: &str) -> String {
    format!("postgres://me:guess-of-me@127.0.0.1:{port}/app{rest}")
}

/// Something that listens where a server should, and does the same with every connection, told its number.
fn listener(serve: impl Fn(usize, TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            serve(number, stream);
        }
    });
    port
}

/// Reads the start-up message, and answers with what a server says that does not let a client in.
fn turn_away(mut stream: TcpStream, sqlstate: &str, message: &str) {
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut rest = vec![0; u32::from_be_bytes(length) as usize - 4];
    stream.read_exact(&mut rest).unwrap();
    let fields = format!("SFATAL\0VFATAL\0C{sqlstate}\0M{message}\0\0");
    stream.write_all(b"E").unwrap();
    let length = fields.len() as u32 + 4;
    stream.write_all(&length.to_be_bytes()).unwrap();
    stream.write_all(fields.as_bytes()).unwrap();
    let _gone = stream.shutdown(Shutdown::Write);
}

/// Connects the two ends with each other.
fn relay(client: TcpStream, server: (String, u16)) {
    let server = TcpStream::connect(server).unwrap();
    for (mut from, mut to) in [
        (client.try_clone().unwrap(), server.try_clone().unwrap()),
        (server, client),
    ] {
        thread::spawn(move || {
            let _ended = std::io::copy(&mut from, &mut to);
            let _gone = to.shutdown(Shutdown::Write);
        });
    }
}

#[test]
fn a_wrong_password_is_refused_and_not_shown() {
    let database = TestDatabase::create();
    let role = database.role_with_password("asked", "");
    let url = database.url_as(&role).replace("secret-of", "guess-of");
    let said = refused(&hasty(), &url, "authentication_failed");
    assert!(said.contains("28P01") && said.contains(&role), "{said}");
    let none = url.replace(&format!(":guess-of-{role}"), "");
    let _said = refused(&hasty(), &none, "password_missing");
    assert!(!said.contains("trying again"), "{said}");
}

#[test]
fn an_unknown_host_is_named() {
    let url = "postgres://me:guess-of-me@nohost.invalid/app";
    let said = refused(&patient(), url, "host_unknown");
    assert!(said.contains("nohost.invalid:5432"), "{said}");
}

#[test]
fn a_closed_port_is_tried_again_within_the_budget() {
    let started = Instant::now();
    let said = refused(&hasty(), &url_of(closed_port(), ""), "connection_refused");
    assert!(said.contains("trying again"), "{said}");
    // Two runs; a pause that would reach beyond the end of its run is not begun.
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let silent = listener(|_, stream| {
        thread::spawn(move || {
            let mut rest = Vec::new();
            let mut stream = stream;
            let _gone = stream.read_to_end(&mut rest);
        });
    });
    for rest in ["", "?sslmode=disable", "?sslmode=require"] {
        let said = refused(&brusque(), &url_of(silent, rest), "connect_timeout");
        assert!(said.contains("0.4 s"), "{said}");
    }
}

#[test]
fn a_server_that_falls_silent_after_the_question_for_tls_is_given_up() {
    for answer in [b"S", b"N"] {
        let port = listener(move |_, mut stream| {
            thread::spawn(move || {
                let mut request = [0; 8];
                stream.read_exact(&mut request).unwrap();
                stream.write_all(answer).unwrap();
                let _gone = stream.read_to_end(&mut Vec::new());
            });
        });
        let _said = refused(&brusque(), &url_of(port, ""), "connect_timeout");
    }
}

#[test]
fn what_is_no_postgresql_server_is_said() {
    let port = listener(|_, mut stream| {
        let _sent = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        let _gone = stream.shutdown(Shutdown::Write);
    });
    for rest in ["", "?sslmode=disable"] {
        let outcome = migrate(&hasty(), &url_of(port, rest)).run();
        let said = outcome.expect(6).stdout;
        assert!(!said.contains("guess-of"), "{said}");
    }
}

#[test]
fn a_server_that_starts_up_is_waited_for() {
    let database = TestDatabase::create();
    let address = database.server().address();
    let port = listener(move |number, stream| match number {
        0 | 1 => turn_away(stream, "57P03", "the database system is starting up"),
        _ => relay(stream, address.clone()),
    });
    let url = format!(
        "postgres://postgres@127.0.0.1:{port}/{}?sslmode=disable",
        database.name()
    );
    let outcome = migrate(&patient(), &url).run().expect(0);
    // The same reason is not said twice within seconds.
    let said = "the database system is starting up (SQLSTATE 57P03); trying again";
    let count = outcome.stderr.matches(said).count();
    assert_eq!(count, 1, "{}", outcome.stderr);
    assert_eq!(database.events(), ["1 applied"]);
}

#[test]
fn a_server_that_never_gets_ready_is_given_up() {
    let port = listener(|_, stream| {
        turn_away(stream, "57P03", "the database system is starting up");
    });
    let url = url_of(port, "?sslmode=disable");
    let said = refused(&hasty(), &url, "server_starting");
    assert!(said.contains("connect_budget"), "{said}");
}

#[test]
fn a_server_that_restarts_is_waited_for() {
    let mut server = PrivateServer::start(&[]);
    let database = TestDatabase::create_on(server.server());
    server.stop();
    let project = patient();
    let running = migrate(&project, &database.url()).spawn();
    running.wait_for_stderr("trying again");
    server.restart();
    let _outcome = running.wait().expect(0);
    assert_eq!(
        server
            .server()
            .rows(database.name(), "SELECT 1 FROM a")
            .len(),
        0
    );
}

#[test]
fn a_full_server_is_waited_for_and_given_up() {
    let database = TestDatabase::create();
    let role = database.role("narrow", "CONNECTION LIMIT 1");
    database.execute(&format!("GRANT CREATE ON SCHEMA public TO {role}"));
    let url = database.url_as(&role);
    let held = url.clone();
    let client = on_background(async move {
        let (client, connection) = tokio_postgres::connect(&held, tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        client
    });
    let said = refused(&hasty(), &url, "too_many_connections");
    assert!(
        said.contains("trying again") && said.contains("53300"),
        "{said}"
    );
    let project = patient();
    let running = migrate(&project, &url).spawn();
    running.wait_for_stderr("trying again");
    drop(client);
    let _outcome = running.wait().expect(0);
    assert_eq!(database.events(), ["1 applied"]);
}

#[test]
fn an_unknown_database_is_named() {
    let database = TestDatabase::create();
    let url = database.url().replace(database.name(), "no_such_database");
    let said = refused(&hasty(), &url, "database_unknown");
    assert!(said.contains("no_such_database"), "{said}");
}

#[test]
fn several_hosts_are_tried_in_turn() {
    let database = TestDatabase::create();
    let (closed, (host, port)) = (closed_port(), database.server().address());
    let name = database.name();
    let url = format!("postgres://postgres@127.0.0.1:{closed},{host}:{port}/{name}");
    let _outcome = migrate(&hasty(), &url).run().expect(0);
    assert_eq!(database.events(), ["1 applied"]);
    let url = format!(
        "postgres://127.0.0.1:{closed},127.0.0.1:{}/app",
        closed_port()
    );
    let said = refused(&hasty(), &url, "connection_refused");
    assert!(said.contains("none of the 2 hosts"), "{said}");
    // What may pass is tried again, whatever stands last in the list.
    let silent = listener(|_, stream| std::mem::forget(stream));
    let url = format!("postgres://127.0.0.1:{closed},127.0.0.1:{silent}/app");
    let said = refused(&brusque(), &url, "connection_refused");
    assert!(said.contains("trying again"), "{said}");
}

#[test]
fn a_standby_is_passed_over_when_a_primary_is_asked_for() {
    let primary = TestDatabase::create();
    let name = primary.name();
    let mut server = PrivateServer::start(&[]);
    let _rows = server
        .server()
        .rows("postgres", &format!("CREATE DATABASE {name}"));
    server.stop();
    std::fs::write(server.directory().join("data/standby.signal"), "").unwrap();
    server.restart();
    let standby = server.server().address().1;
    let port = primary.server().address().1;
    // A pooler does not report by itself what the server is, nor does a server older than 14.
    let pooler = Pooler::start(server.server(), "session");
    let pooled = pooler.url("postgres://127.0.0.1/");
    let pooled = pooled.rsplit_once(':').unwrap().1.trim_end_matches('/');
    let first = standby.to_string();
    let cases = [(first.as_str(), "read-write"), (&first, "primary")];
    for (first, attributes) in cases.into_iter().chain([(pooled, "primary")]) {
        let url = format!(
            "postgres://postgres@127.0.0.1:{first},127.0.0.1:{port}/{name}\
             ?target_session_attrs={attributes}"
        );
        let document = migrate(&hasty(), &url).run().expect(0).json();
        assert_eq!(
            document["database"]["server"],
            format!("127.0.0.1:{port}"),
            "{attributes}"
        );
    }
    assert_eq!(primary.events(), ["1 applied"]);
    let url = format!(
        "postgres://me:guess-of-me@127.0.0.1:{standby}/{name}?target_session_attrs=read-write"
    );
    let url = url.replace("me:guess-of-me", "postgres:guess-of-me");
    let said = refused(&hasty(), &url, "cannot_connect");
    assert!(said.contains("target_session_attrs"), "{said}");
}

#[test]
fn a_unix_domain_socket_leads_to_the_server() {
    let database = TestDatabase::create();
    let directory = database.value("SHOW unix_socket_directories");
    let (port, name) = (database.server().address().1, database.name());
    let encoded = directory.replace('/', "%2F");
    for url in [
        format!("postgres://postgres@/{name}?host={directory}&port={port}"),
        format!("postgres://postgres@{encoded}:{port}/{name}?sslmode=require"),
    ] {
        let document = migrate(&hasty(), &url).run().expect(0).json();
        let server = format!("{directory}/.s.PGSQL.{port}");
        assert_eq!(document["database"]["server"], server);
    }
    assert_eq!(database.events(), ["1 applied"]);
    let url = format!("postgres://me:guess-of-me@/app?host={directory}/none");
    let said = refused(&hasty(), &url, "cannot_connect");
    assert!(said.contains("none/.s.PGSQL.5432"), "{said}");
}

/// Where the machine has no IPv6, that is what has to be said.
#[test]
fn an_ipv6_address_leads_to_the_server() {
    let database = TestDatabase::create();
    let address = database.server().address();
    let listener = TcpListener::bind("[::1]:0");
    let port = listener.as_ref().map_or(1, |listener| {
        listener.local_addr().as_ref().map_or(1, SocketAddr::port)
    });
    let url = format!("postgres://postgres@[::1]:{port}/{}", database.name());
    let Ok(listener) = listener else {
        let said = refused(&hasty(), &url, "cannot_connect");
        return assert!(said.contains("[::1]:1"), "{said}");
    };
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            relay(stream, address.clone());
        }
    });
    let document = migrate(&hasty(), &url).run().expect(0).json();
    assert_eq!(document["database"]["server"], format!("[::1]:{port}"));
}

#[test]
fn a_connection_lost_before_anything_ran_is_said() {
    let database = TestDatabase::create();
    let proxy = Proxy::start(database.server().address(), Duration::ZERO);
    for cut in [Cut::Before(1), Cut::After(1)] {
        proxy.cut(cut);
        let outcome = migrate(&hasty(), &database.url_through(&proxy)).run();
        let document = outcome.json();
        assert_eq!(document["error"]["kind"], "disconnected", "{document:#}");
        let said = outcome.expect_error(6, "disconnected");
        assert!(said.contains("nothing was applied"), "{said}");
    }
    assert!(!database.has("schema_migrations"));
}

#[test]
fn a_configuration_of_the_driver_is_taken_as_it_is() {
    let database = TestDatabase::create();
    let role = database.role_with_password("asked", "");
    database.execute(&format!("GRANT CREATE ON SCHEMA public TO {role}"));
    let mut config: tokio_postgres::Config = database.url_as(&role).parse().unwrap();
    config.options("-c geqo=off");
    let migrator = Migrator::with_set(
        MigrationSet::default(),
        TableName::default(),
        Settings::default(),
    );
    let report = on_background(async move { migrator.run_on(&config).await }).unwrap();
    assert_eq!(report.place.role, role);
    let mut nowhere = tokio_postgres::Config::new();
    nowhere.user("me").password("guess-of-me");
    let migrator = Migrator::with_set(
        MigrationSet::default(),
        TableName::default(),
        Settings::default(),
    );
    let error = on_background(async move { migrator.run_on(&nowhere).await }).unwrap_err();
    assert_eq!(error.code(), "invalid_url");
    assert!(!format!("{error:?}").contains("guess-of"));
}
