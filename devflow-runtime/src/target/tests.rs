use super::*;
use proptest::prelude::*;
use std::error::Error as _;

#[test]
fn reads_every_part() {
    let target = Target::parse(
        "postgresql://us%40er:p%3Aw%2F@db-1:5433,[::1]/app%20db?sslmode=verify-full&sslrootcert=/ca.pem\
         &target_session_attrs=read-write&connect_timeout=3&options=-c%20geqo%3Doff",
    )
    .unwrap();
    assert_eq!(target.user.as_deref(), Some("us@er"));
    assert_eq!(target.password.unwrap().reveal(), "p:w/");
    let hosts: Vec<_> = target.hosts.iter().map(ToString::to_string).collect();
    assert_eq!(hosts, ["db-1:5433", "[::1]:5432"]);
    assert_eq!(target.database.as_deref(), Some("app db"));
    assert_eq!(target.tls.mode, TlsMode::VerifyFull);
    assert_eq!(target.attributes, SessionAttributes::ReadWrite);
    assert_eq!(target.connect_timeout, Some(Duration::from_secs(3)));
    assert_eq!(target.options.as_deref(), Some("-c geqo=off"));
}

/// What sqlx adds to a URL that it gives back says nothing of where to connect.
#[test]
fn takes_a_url_of_a_pool_of_sqlx() {
    let url = "postgres://me@db:5432/app?sslmode=prefer&statement-cache-capacity=100";
    assert_eq!(Target::parse(url).unwrap().database.as_deref(), Some("app"));
}

#[test]
fn reads_socket_directories() {
    let target = Target::parse("postgres://me@/app?host=/run/pg&port=6000").unwrap();
    assert_eq!(target.hosts[0].to_string(), "/run/pg/.s.PGSQL.6000");
    let target = Target::parse("postgres://%2Frun%2Fpg/app").unwrap();
    assert_eq!(target.hosts[0].host, Address::Unix("/run/pg".into()));
}

/// Each part malformed in turn; `s3cret` is the password, whole or in pieces.
const MALFORMED: [&str; 22] = [
    "",
    "postgress://u:s3cret@h/db",
    "POSTGRES://u:s3cret@h/db",
    "jdbc:postgresql://u:s3cret@h/db",
    "host=h user=u password=s3cret",
    "postgres://u:s3cret@h:port/db",
    "postgres://u:s3cret@h:0/db",
    "postgres://u:s3cret@h:65536/db",
    "postgres://u:s3cret@/db",
    "postgres://u:s3cret@:5432/db",
    "postgres://u:s3cret@[::1/db",
    "postgres://u:s3cret@[s3cret]/db",
    "postgres://u:s3cret%@h/db",
    "postgres://u:s3cret%zz@h/db",
    "postgres://u:s3cret%00@h/db",
    "postgres://u:s3cret%ff@h/db",
    "postgres://u:12/s3cret@h/db",
    "postgres://u:12?s3cret=x@h/db",
    "postgres://u:s3cret@h/db?sslmode=s3cret",
    "postgres://u:s3cret@h/db?s3cret=1",
    "postgres://u:s3cret@h/db?sslmode",
    "postgres://u:s3cret@h/db?sslmode=verify-full",
];

#[test]
fn never_shows_what_it_cannot_read() {
    for url in MALFORMED {
        let error = Target::parse(url).unwrap_err();
        assert_eq!(error.code(), "invalid_url", "{url}");
        let shown = format!("{error} {error:?} {:?}", error.source());
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}

#[test]
fn debug_shows_no_password() {
    let target = Target::parse("postgres://u:s3cret@h/db").unwrap();
    assert!(!format!("{target:?}").contains("s3cret"));
}

proptest! {
    /// The password stands in each URL, and what stands before it and behind it is anybody's.
    #[test]
    fn no_url_panics_or_shows_a_password(
        before in "(postgres(ql)?://)?[a-z%@:/,?=&\\[\\]0-9]{0,12}",
        after in "[a-z%@:/,?=&\\[\\]0-9]{0,40}",
    ) {
        if let Err(error) = Target::parse(&format!("{before}:S3CRET{after}")) {
            let shown = format!("{error} {error:?}");
            prop_assert!(!shown.contains("S3CRET"), "{shown}");
        }
    }
}
