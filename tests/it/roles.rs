//! What a role needs, what a role gets, and what is made of names.

use crate::history::{committed, migrator, run, table};
use devflow_runtime::{Migrator, Settings, TableName};
use std::time::Duration;
use support::{Command, LedgerRow, PrivateServer, Project, TestDatabase};

fn project() -> Project {
    Project::new()
        .file("devflow.yml", "version: \"1\"\ndatabase: {}\n")
        .migration("1_a.sql", "CREATE TABLE a ();")
}

fn devflow(project: &Project, arguments: &[&str], url: &str) -> Command {
    let command = project.devflow(arguments).args(&["--ci", "--json"]);
    command.env("DATABASE_URL", url)
}

fn migrate(project: &Project, url: &str) -> Command {
    devflow(project, &["db", "migrate"], url)
}

/// The verbs that write nothing.
const READERS: [&[&str]; 2] = [&["db", "status"], &["db", "migrate", "--dry-run"]];

/// A database with one migration applied, and what is pending afterwards.
fn migrated(project: &Project) -> TestDatabase {
    let database = TestDatabase::create();
    let _outcome = migrate(project, &database.url()).run().expect(0);
    database
}

#[test]
fn a_role_without_create_is_told_what_it_needs() {
    let database = TestDatabase::create();
    let role = database.role("plain", "");
    let said = migrate(&project(), &database.url_as(&role)).run();
    let said = said.expect_error(6, "not_permitted");
    assert!(said.contains("CREATE on the schema \"public\""), "{said}");
    assert!(!database.has("schema_migrations") && !database.has("a"));
    assert_eq!(database.advisory_locks(), 0);
}

#[test]
fn a_role_without_create_on_the_database_cannot_make_the_schema() {
    let database = TestDatabase::create();
    let role = database.role("plain", "");
    let project = project().file(
        "devflow.yml",
        "version: \"1\"\ndatabase:\n  migrations: { tracking_schema: ops }\n",
    );
    let said = migrate(&project, &database.url_as(&role)).run();
    let said = said.expect_error(6, "not_permitted");
    assert!(said.contains("on the database"), "{said}");
}

#[test]
fn a_role_without_any_right_reads_a_database_without_a_ledger() {
    let database = TestDatabase::create();
    let role = database.role("plain", "");
    for arguments in READERS {
        let outcome = devflow(&project(), arguments, &database.url_as(&role)).run();
        assert_eq!(
            outcome.expect(0).json()["plan"]["digest"]
                .as_str()
                .unwrap()
                .len(),
            64
        );
    }
    assert!(!database.has("schema_migrations"));
}

#[test]
fn a_role_without_select_is_told_what_it_needs() {
    let project = project();
    let database = migrated(&project);
    let role = database.role("plain", "");
    for arguments in [READERS[0], READERS[1], &["db", "migrate"]] {
        let outcome = devflow(&project, arguments, &database.url_as(&role)).run();
        let said = outcome.expect_error(6, "ledger_unreadable");
        assert!(said.contains("SELECT"), "{said}");
    }
}

#[test]
fn a_role_that_may_only_select_sees_everything_and_starts_with_nothing_pending() {
    let project = project();
    let database = migrated(&project);
    let role = database.role("reader", "");
    database.execute(&format!("GRANT SELECT ON schema_migrations TO {role}"));
    let url = database.url_as(&role);
    for arguments in [READERS[0], READERS[1], &["db", "migrate"]] {
        let _outcome = devflow(&project, arguments, &url).run().expect(0);
    }
    project.write("migrations/2_b.sql", "CREATE TABLE b ();");
    for arguments in READERS {
        let document = devflow(&project, arguments, &url).run().expect(0).json();
        assert_eq!(
            document["plan"]["steps"].as_array().unwrap().len(),
            1,
            "{document:#}"
        );
    }
    let said = migrate(&project, &url).run();
    let said = said.expect_error(6, "ledger_read_only");
    assert!(said.contains(&role), "{said}");
    assert_eq!(database.events(), ["1 applied"]);
}

/// `table` or `sequence`, the role it is granted to, and the right; the owner's own left out.
fn rights(database: &TestDatabase) -> Vec<String> {
    database.column(
        "SELECT concat_ws(' ', c.relkind, coalesce(r.rolname, 'PUBLIC'), a.privilege_type) \
         FROM pg_class c CROSS JOIN aclexplode(c.relacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee \
         WHERE (c.relname LIKE 'schema_migrations%') AND a.grantee <> c.relowner ORDER BY 1",
    )
}

#[test]
fn readers_may_select_and_nobody_else_anything() {
    let database = TestDatabase::create();
    let (one, two) = (database.role("one", ""), database.role("two", ""));
    let stranger = database.role("stranger", "");
    database.execute(&format!(
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO {stranger}, {one}, PUBLIC; \
         ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON SEQUENCES TO {stranger}, PUBLIC"
    ));
    let config = format!(
        "version: \"1\"\ndatabase:\n  migrations: {{ tracking_readers: [{one}, {two}] }}\n"
    );
    let project = project().file("devflow.yml", config);
    let _outcome = migrate(&project, &database.url()).run().expect(0);
    assert_eq!(
        rights(&database),
        [format!("r {one} SELECT"), format!("r {two} SELECT")]
    );
    let status = devflow(&project, &["db", "status"], &database.url_as(&two));
    let _outcome = status.run().expect(0);
    // What the default privileges mean for the tables of migrations stays as it is.
    let granted = "SELECT count(*) > 0 FROM pg_class c CROSS JOIN aclexplode(c.relacl) a \
                   WHERE relname = 'a' AND a.grantee = 0";
    assert_eq!(database.value(granted), "t");
    let statements = database.statements();
    let mut from_creation = statements
        .iter()
        .skip_while(|sql| !sql.contains("CREATE TABLE \"public\".\"schema_migrations\""));
    let creation = from_creation.next().unwrap();
    assert!(
        creation.starts_with("BEGIN") && !creation.contains("COMMIT;"),
        "{creation}"
    );
    let rights = from_creation.next().unwrap();
    assert!(
        rights.starts_with("REVOKE") && rights.ends_with("COMMIT"),
        "{rights}"
    );
}

#[test]
fn a_reader_that_is_no_role_is_named_and_nothing_is_made() {
    let database = TestDatabase::create();
    let config = "version: \"1\"\ndatabase:\n  migrations: { tracking_readers: [no_such_role] }\n";
    let project = project().file("devflow.yml", config);
    let outcome = migrate(&project, &database.url()).run();
    let said = outcome.stdout.clone();
    assert!(
        outcome.code != 0 && said.contains("no_such_role") && said.contains("tracking_readers"),
        "{said}"
    );
    assert!(!database.has("schema_migrations") && !database.has("a"));
    assert_eq!(database.advisory_locks(), 0);
}

#[test]
fn names_that_need_quotes_are_taken_as_they_are() {
    let long = "x".repeat(63);
    let umlauts = "ä".repeat(31);
    for (schema, table) in [
        ("we\"ird", "Schema Migrations"),
        ("UPPER", "select"),
        ("it's", "back\\slash"),
        (&*long, &*umlauts),
        ("new\nline", "%s $1 {}"),
    ] {
        let database = TestDatabase::create();
        let yaml = |name: &str| serde_json::to_string(name).unwrap();
        let config = format!(
            "version: \"1\"\ndatabase:\n  migrations:\n    tracking_schema: {}\n    tracking_table: {}\n",
            yaml(schema),
            yaml(table)
        );
        let project = project().file("devflow.yml", config);
        let _outcome = migrate(&project, &database.url()).run().expect(0);
        project.write("migrations/2_b.sql", "CREATE TABLE b ();");
        let _outcome = migrate(&project, &database.url()).run().expect(0);
        let _outcome = migrate(&project, &database.url()).run().expect(0);
        let status = devflow(&project, &["db", "status"], &database.url());
        let document = status.run().expect(0).json();
        assert_eq!(document["counts"]["applied"], 2, "{document:#}");
        assert_eq!(document["database"]["tracking_schema"], schema);
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let rows = format!(
            "SELECT version FROM {}.{} ORDER BY id",
            quoted(schema),
            quoted(table)
        );
        assert_eq!(database.column(&rows), ["1", "2"], "{schema} {table}");
        assert!(!database.has("schema_migrations"));
    }
}

#[test]
fn a_schema_that_is_there_is_used_by_a_role_that_may_only_create_in_it() {
    let database = TestDatabase::create();
    let role = database.role("migrator", "");
    database.execute(&format!("CREATE SCHEMA ops AUTHORIZATION {role}"));
    database.execute(&format!("GRANT CREATE ON SCHEMA public TO {role}"));
    let config = "version: \"1\"\ndatabase:\n  migrations: { tracking_schema: ops }\n";
    let project = project().file("devflow.yml", config);
    let _outcome = migrate(&project, &database.url_as(&role)).run().expect(0);
    let rows = database.ledger_in("ops.schema_migrations");
    assert_eq!(
        rows.iter().map(LedgerRow::summary).collect::<Vec<_>>(),
        ["1 applied"]
    );
}

#[test]
fn a_role_without_superpowers_gets_the_same_digest_as_any_other() {
    let project = project();
    let database = TestDatabase::create();
    let role = database.role("plain", "");
    let digest = |url: &str| {
        let document = devflow(&project, READERS[1], url).run().expect(0).json();
        document["plan"]["digest"].as_str().unwrap().to_owned()
    };
    assert_eq!(digest(&database.url()), digest(&database.url_as(&role)));
}

/// Asserts that the readers and a start with nothing pending work, and that work that is pending is refused.
fn assert_read_only(project: &Project, url: &str, why: &str) {
    for arguments in [READERS[0], READERS[1], &["db", "migrate"]] {
        let _outcome = devflow(project, arguments, url).run().expect(0);
    }
    project.write("migrations/2_b.sql", "CREATE TABLE b ();");
    for arguments in READERS {
        let document = devflow(project, arguments, url).run().expect(0).json();
        assert_eq!(document["plan"]["steps"].as_array().unwrap().len(), 1);
    }
    let said = migrate(project, url).run().expect_error(6, "read_only");
    assert!(said.contains(why), "{said}");
}

#[test]
fn a_role_whose_transactions_are_read_only_reads() {
    let project = project();
    let database = migrated(&project);
    let role = database.role("frozen", "SUPERUSER");
    database.execute(&format!(
        "ALTER ROLE {role} SET default_transaction_read_only = on"
    ));
    assert_read_only(&project, &database.url_as(&role), "read-only");
    assert_eq!(database.events(), ["1 applied"]);
}

#[test]
fn a_standby_reads() {
    let project = project();
    let mut server = PrivateServer::start(&[]);
    let database = TestDatabase::create_on(server.server());
    let _outcome = migrate(&project, &database.url()).run().expect(0);
    let name = database.name();
    server.stop();
    std::fs::write(server.directory().join("data/standby.signal"), "").unwrap();
    server.restart();
    let mut url = server.server().url().clone();
    url.set_path(name);
    assert_read_only(&project, url.as_str(), "a standby");
    let empty = server.server().url().as_str();
    let said = migrate(&project, empty).run().expect_error(6, "read_only");
    assert!(said.contains("target_session_attrs"), "{said}");
}

/// A login that acts as another role from its start, as secret stores hand them out: what it makes belongs to that role.
fn lent_login(database: &TestDatabase) -> (String, String) {
    let owner = database.role("owner", "");
    let login = database.role("login", "NOINHERIT");
    database.execute(&format!(
        "GRANT CREATE ON SCHEMA public TO {owner}; GRANT {owner} TO {login}; ALTER ROLE {login} SET role = {owner}"
    ));
    (owner, login)
}

#[test]
fn a_login_that_acts_as_another_role_does_so_in_every_migration_and_however_long_one_takes() {
    let database = TestDatabase::create();
    let (owner, login) = lent_login(&database);
    let outside = format!("-- devflow: no-transaction\n{}SET ROLE NONE;\n", table(3));
    let first = Project::new()
        .migration("1_a.sql", &table(1))
        .migration(
            "2_b.sql",
            &format!("{}SET SESSION AUTHORIZATION DEFAULT;", table(2)),
        )
        .migration("3_c.sql", &outside)
        .migration("4_d.sql", &table(4));
    let url = database.url_as(&login);
    let report = run(migrator(&first), &url).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(committed(&report), ["1", "2", "3", "4"]);
    let slow = format!("{}SELECT pg_sleep(3);\n", table(5));
    let project = first
        .migration("5_e.sql", &slow)
        .migration("6_f.sql", &table(6));
    // The first look comes after half of it.
    let settings = Settings {
        lock_timeout: Some(Duration::from_millis(500)),
        ..Settings::default()
    };
    let set = migrator(&project).set().clone();
    let patient = Migrator::with_set(set, TableName::default(), settings);
    let report = run(patient, &url).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(committed(&report), ["5", "6"]);
    let owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(database.column(owners), [owner]);
}
