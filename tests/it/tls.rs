//! TLS: libpq's words for what is asked of it, against a server whose certificate was made here.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use support::{
    Authority, Certificate, Command, PrivateServer, Project, ServerOptions, Signal, TestDatabase,
    wait_until,
};

const CONFIG: &str = "version: \"1\"\ndatabase:\n  migrations: { connect_budget: 0s }\n";

/// What of a connection is asked for, and what becomes of it.
const TLS: &str = "TLS";
const PLAIN: &str = "plain text";

fn start(certificate: &Certificate, access: &[&str]) -> PrivateServer {
    PrivateServer::start_with(ServerOptions {
        settings: [
            ("ssl", "on"),
            ("ssl_cert_file", "server.crt"),
            ("ssl_key_file", "server.key"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec(),
        access: access.iter().map(|line| format!("{line}\n")).collect(),
        files: vec![
            ("server.crt".to_owned(), certificate.certificate.clone()),
            ("server.key".to_owned(), certificate.key.clone()),
        ],
        ..ServerOptions::default()
    })
}

fn project() -> Project {
    Project::new()
        .file("devflow.yml", CONFIG)
        .migration("1_a.sql", "CREATE TABLE a ();")
}

fn url(database: &TestDatabase, host: &str, parameters: &str) -> String {
    let (_, port) = database.server().address();
    format!(
        "postgres://postgres@{host}:{port}/{}?{parameters}",
        database.name()
    )
}

fn status(project: &Project, url: &str) -> Command {
    let command = project.devflow(&["db", "status", "--ci", "--json"]);
    command.env("DATABASE_URL", url)
}

/// How a URL ends up: encrypted, in plain text, or refused with an error's code. The server's log says which.
fn outcome(project: &Project, database: &TestDatabase, url: &str) -> String {
    let outcome = status(project, url).run();
    let document = outcome.json();
    if outcome.code != 0 {
        return document["error"]["code"].as_str().unwrap().to_owned();
    }
    let run = document["run"].as_str().unwrap();
    let log = database.server_log();
    let authorized = log
        .iter()
        .filter(|entry| entry.application.contains(run) || entry.message.contains(run));
    let encrypted = authorized
        .filter(|entry| entry.message.contains("connection authorized"))
        .any(|entry| entry.message.contains("SSL enabled"));
    if encrypted { TLS } else { PLAIN }.to_owned()
}

/// Asserts what becomes of each URL; all that differ are shown at once.
fn assert_outcomes(project: &Project, database: &TestDatabase, expected: &[(&str, &str, &str)]) {
    let found: BTreeMap<_, _> = expected
        .iter()
        .map(|(host, parameters, _)| {
            let url = url(database, host, parameters);
            ((*host, *parameters), outcome(project, database, &url))
        })
        .collect();
    let expected = expected.iter();
    let expected: BTreeMap<_, _> = expected
        .map(|(host, parameters, outcome)| ((*host, *parameters), (*outcome).to_owned()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn each_sslmode_checks_what_libpq_checks() {
    let authority = Authority::create("ours");
    let server = start(&authority.issue(&["localhost"]), &[]);
    let database = TestDatabase::create_on(server.server());
    let project = project()
        .file("right.pem", authority.pem())
        .file("wrong.pem", Authority::create("theirs").pem());
    assert_outcomes(
        &project,
        &database,
        &[
            ("localhost", "", TLS),
            ("localhost", "sslmode=disable", PLAIN),
            ("localhost", "sslmode=allow", PLAIN),
            ("localhost", "sslmode=prefer", TLS),
            ("localhost", "sslmode=require", TLS),
            ("localhost", "sslmode=verify-ca", "invalid_url"),
            ("localhost", "sslmode=verify-full", "invalid_url"),
            ("localhost", "sslmode=verify-ca&sslrootcert=right.pem", TLS),
            (
                "localhost",
                "sslmode=verify-full&sslrootcert=right.pem",
                TLS,
            ),
            // Where a root is given, it is looked at.
            ("localhost", "sslmode=require&sslrootcert=right.pem", TLS),
            (
                "localhost",
                "sslmode=require&sslrootcert=wrong.pem",
                "tls_failed",
            ),
            (
                "localhost",
                "sslmode=verify-ca&sslrootcert=wrong.pem",
                "tls_failed",
            ),
            (
                "localhost",
                "sslmode=verify-full&sslrootcert=wrong.pem",
                "tls_failed",
            ),
            // `prefer` goes on without what it cannot have, as libpq does.
            ("localhost", "sslmode=prefer&sslrootcert=wrong.pem", PLAIN),
            // The certificate is for localhost alone.
            ("127.0.0.1", "sslmode=require", TLS),
            ("127.0.0.1", "sslmode=verify-ca&sslrootcert=right.pem", TLS),
            (
                "127.0.0.1",
                "sslmode=verify-full&sslrootcert=right.pem",
                "tls_failed",
            ),
        ],
    );
    let wrong_name = url(
        &database,
        "127.0.0.1",
        "sslmode=verify-full&sslrootcert=right.pem",
    );
    let said = status(&project, &wrong_name)
        .run()
        .expect_error(6, "tls_failed");
    assert!(said.contains("another host name"), "{said}");
    let wrong_root = url(
        &database,
        "localhost",
        "sslmode=verify-ca&sslrootcert=wrong.pem",
    );
    let said = status(&project, &wrong_root)
        .run()
        .expect_error(6, "tls_failed");
    assert!(
        said.contains("not signed by a root in sslrootcert"),
        "{said}"
    );
}

/// What the server demands decides where the client leaves it open.
#[test]
fn a_server_that_demands_or_refuses_tls_gets_its_way() {
    let certificate = Certificate::self_signed(&["localhost"]);
    let server = start(
        &certificate,
        &[
            "hostnossl all secretive all reject",
            "hostssl all open all reject",
        ],
    );
    let database = TestDatabase::create_on(server.server());
    database.execute("CREATE ROLE secretive LOGIN; CREATE ROLE open LOGIN");
    let project = project();
    let cases = [
        ("secretive", "sslmode=allow", TLS),
        ("secretive", "sslmode=prefer", TLS),
        ("secretive", "sslmode=disable", "authentication_failed"),
        ("open", "sslmode=allow", PLAIN),
        ("open", "sslmode=prefer", PLAIN),
        ("open", "sslmode=require", "authentication_failed"),
    ];
    for (role, parameters, expected) in cases {
        let url = url(&database, "localhost", parameters).replace("postgres@", &format!("{role}@"));
        let found = outcome(&project, &database, &url);
        assert_eq!(found, expected, "{role} {parameters}");
    }
}

#[test]
fn a_server_without_tls_is_refused_where_tls_is_compulsory() {
    let database = TestDatabase::create();
    let project = project().file("ca.pem", Authority::create("ours").pem());
    assert_outcomes(
        &project,
        &database,
        &[
            ("localhost", "sslmode=allow", PLAIN),
            ("localhost", "sslmode=prefer", PLAIN),
            ("localhost", "sslmode=require", "tls_failed"),
            (
                "localhost",
                "sslmode=verify-ca&sslrootcert=ca.pem",
                "tls_failed",
            ),
            (
                "localhost",
                "sslmode=verify-full&sslrootcert=ca.pem",
                "tls_failed",
            ),
        ],
    );
}

#[test]
fn a_self_signed_certificate_is_its_own_root() {
    let certificate = Certificate::self_signed(&["localhost"]);
    let server = start(&certificate, &[]);
    let database = TestDatabase::create_on(server.server());
    let project = project().file("server.pem", &certificate.certificate);
    assert_outcomes(
        &project,
        &database,
        &[
            ("localhost", "sslmode=verify-ca&sslrootcert=server.pem", TLS),
            (
                "localhost",
                "sslmode=verify-full&sslrootcert=server.pem",
                TLS,
            ),
            (
                "127.0.0.1",
                "sslmode=verify-full&sslrootcert=server.pem",
                "tls_failed",
            ),
        ],
    );
}

#[test]
fn a_root_that_cannot_be_read_is_named() {
    let database = TestDatabase::create();
    let project = project()
        .file("key.pem", Certificate::self_signed(&["localhost"]).key)
        .file("notes.txt", "no certificate here\n")
        .file(
            "broken.pem",
            "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n",
        );
    for (root, why) in [
        ("missing.pem", "cannot be read"),
        (".", "cannot be read"),
        ("key.pem", "holds no certificate"),
        ("notes.txt", "holds no certificate"),
        ("broken.pem", "is not in PEM form"),
    ] {
        for mode in ["prefer", "verify-full"] {
            let parameters = format!("sslmode={mode}&sslrootcert={root}");
            let outcome = status(&project, &url(&database, "localhost", &parameters)).run();
            let said = outcome.expect_error(2, "tls_root_unreadable");
            assert!(
                said.contains(&format!("sslrootcert {root} {why}")),
                "{said}"
            );
        }
    }
}

#[test]
fn a_password_can_be_bound_to_the_channel() {
    let certificate = Authority::create("ours").issue(&["localhost"]);
    let server = start(&certificate, &[]);
    let database = TestDatabase::create_on(server.server());
    let role = database.role_with_password("bound", "");
    let url = database.url_as(&role);
    let project = project();
    let bound = format!("{url}?sslmode=require&channel_binding=require");
    assert_eq!(outcome(&project, &database, &bound), TLS);
    let unbound = format!("{url}?sslmode=disable&channel_binding=require");
    let said = status(&project, &unbound).run().expect(6);
    assert!(said.stdout.contains("channel binding"), "{}", said.stdout);
}

#[test]
fn an_interruption_reaches_the_server_over_tls() {
    let certificate = Authority::create("ours").issue(&["localhost"]);
    let server = start(&certificate, &[]);
    let database = TestDatabase::create_on(server.server());
    let project = Project::new().migration("1_a.sql", "SELECT pg_sleep(60);");
    let migrate = project.devflow(&["db", "migrate", "--ci"]);
    let url = url(&database, "localhost", "sslmode=require");
    let running = migrate.env("DATABASE_URL", &url).spawn();
    let sleeping = "SELECT ssl FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) WHERE datname = current_database() AND wait_event = 'PgSleep'";
    let sleepers = || database.column(sleeping);
    wait_until("the migration sleeps, over TLS", || sleepers() == ["t"]);
    let started = Instant::now();
    running.signal(Signal::TERM);
    let _outcome = running.wait().expect(143);
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(sleepers(), [""; 0]);
    assert_eq!(database.events(), ["1 failed"]);
}

#[test]
fn direct_tls_says_what_an_older_server_lacks() {
    let authority = Authority::create("ours");
    let server = start(&authority.issue(&["localhost"]), &[]);
    let database = TestDatabase::create_on(server.server());
    let version: u32 = database.value("SHOW server_version_num").parse().unwrap();
    let direct = url(
        &database,
        "localhost",
        "sslmode=require&sslnegotiation=direct",
    );
    if version >= 170_000 {
        return assert_eq!(outcome(&project(), &database, &direct), TLS);
    }
    let said = status(&project(), &direct)
        .run()
        .expect_error(6, "tls_failed");
    assert!(said.contains("sslnegotiation=direct"), "{said}");
}
