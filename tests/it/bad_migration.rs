//! Migrations that do what none should, and what becomes of each.

/// What becomes of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is applied, and the next one finds a clean session.
    Applied,
    /// It is rolled back and recorded with this SQLSTATE; empty where a guard of devflow's spoke.
    Refused(&'static str),
    /// It ended devflow's transaction: what it committed by itself stays, and only a person can go on.
    Escaped,
    /// The connection did not survive it.
    Lost,
}

use Fate::{Applied, Escaped, Lost, Refused};

/// What the file is about, its SQL, and what becomes of it. `TABLE` stands for the statement that makes its table.
pub(crate) type Case = (&'static str, &'static str, Fate);

/// They are applied, whatever they leave behind in the session.
pub(crate) const LEAKS: &[Case] = &[
    (
        "an empty search path",
        "TABLE; SET search_path = ''",
        Applied,
    ),
    (
        "a search path by function",
        "TABLE; SELECT set_config('search_path', 'pg_temp', false)",
        Applied,
    ),
    ("a role", "TABLE; SET ROLE pg_monitor", Applied),
    ("a local role", "TABLE; SET LOCAL ROLE pg_monitor", Applied),
    (
        "another session user",
        "TABLE; SET SESSION AUTHORIZATION pg_monitor",
        Applied,
    ),
    (
        "a user and a role",
        "TABLE; SET SESSION AUTHORIZATION pg_monitor; SET ROLE pg_read_all_stats",
        Applied,
    ),
    (
        "read-only by default",
        "TABLE; SET default_transaction_read_only = on",
        Applied,
    ),
    (
        "a short timeout",
        "TABLE; SET statement_timeout = 100",
        Applied,
    ),
    (
        "other timeouts",
        "TABLE; SET lock_timeout = 100; SET idle_in_transaction_session_timeout = '10s'",
        Applied,
    ),
    (
        "old strings",
        "TABLE; SET standard_conforming_strings = off",
        Applied,
    ),
    (
        "another encoding",
        "TABLE; SET client_encoding = 'LATIN1'",
        Applied,
    ),
    ("no row security", "TABLE; SET row_security = off", Applied),
    (
        "no triggers",
        "TABLE; SET session_replication_role = replica",
        Applied,
    ),
    (
        "asynchronous commits",
        "TABLE; SET synchronous_commit = off",
        Applied,
    ),
    ("a made-up setting", "TABLE; SET app.tenant = '7'", Applied),
    (
        "a temporary table in front of a real one",
        "TABLE; CREATE TEMP TABLE m_1 (other text)",
        Applied,
    ),
    (
        "a temporary view",
        "TABLE; CREATE TEMP VIEW m_1 AS SELECT 1 AS id",
        Applied,
    ),
    (
        "a cursor that is held",
        "TABLE; DECLARE c CURSOR WITH HOLD FOR SELECT 1",
        Applied,
    ),
    (
        "an open cursor",
        "TABLE; DECLARE c CURSOR FOR SELECT 1; FETCH c",
        Applied,
    ),
    (
        "a prepared statement",
        "TABLE; PREPARE p AS SELECT 1",
        Applied,
    ),
    ("an ear", "TABLE; LISTEN devflow_test", Applied),
    ("a message", "TABLE; NOTIFY devflow_test, 'x'", Applied),
    ("an open savepoint", "TABLE; SAVEPOINT a", Applied),
    ("a lock on a table", "TABLE; LOCK TABLE m_1", Applied),
    (
        "a stricter isolation",
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; TABLE",
        Applied,
    ),
    (
        "deferred constraints that hold",
        "TABLE; SET CONSTRAINTS ALL DEFERRED",
        Applied,
    ),
    (
        "no lock any more",
        "TABLE; SELECT pg_advisory_unlock_all()",
        Applied,
    ),
    (
        "no lock any more, by a DO block",
        "TABLE; DO 'BEGIN PERFORM pg_advisory_unlock_all(); END'",
        Applied,
    ),
    (
        "a role, a user and a setting by a DO block",
        "TABLE; DO $$ BEGIN SET ROLE pg_monitor; SET SESSION AUTHORIZATION pg_monitor; SET search_path = ''; END $$",
        Applied,
    ),
    ("a comment without a line end", "TABLE; -- the end", Applied),
    ("an inner BEGIN", "BEGIN; TABLE", Applied),
];

/// They fail, each in its own way.
pub(crate) const ABORTS: &[Case] = &[
    ("a syntax error", "TABLE; SELEKT 1", Refused("42601")),
    (
        "an error at run time",
        "TABLE; SELECT 1 / 0",
        Refused("22012"),
    ),
    (
        "a command of psql's",
        "TABLE; SELECT 1 \\gexec",
        Refused("42601"),
    ),
    ("an open quote", "TABLE; SELECT 'x", Refused("42601")),
    ("an open comment", "TABLE; /* x", Refused("42601")),
    (
        "its own cancellation",
        "TABLE; SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(10)",
        Refused("57014"),
    ),
    (
        "a deferred key",
        "CREATE TABLE m_3 (id int PRIMARY KEY, other int REFERENCES m_3 DEFERRABLE INITIALLY DEFERRED); INSERT INTO m_3 VALUES (1, 2)",
        Refused("23503"),
    ),
    (
        "a deferred trigger",
        "TABLE; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no'; END$$; \
        CREATE CONSTRAINT TRIGGER t AFTER INSERT ON m_3 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f(); \
        INSERT INTO m_3 VALUES (1)",
        Refused("P0001"),
    ),
    (
        "a trigger that waits for the very COMMIT",
        "TABLE; CREATE TABLE later (id int); \
        CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no'; END$$; \
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN SET CONSTRAINTS ALL DEFERRED; INSERT INTO later VALUES (1); RETURN NULL; END$$; \
        CREATE CONSTRAINT TRIGGER t AFTER INSERT ON m_3 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f(); \
        CREATE CONSTRAINT TRIGGER t AFTER INSERT ON later DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION g(); \
        INSERT INTO m_3 VALUES (1)",
        Refused("P0001"),
    ),
    (
        "COMMIT in a DO block",
        "TABLE; DO 'BEGIN COMMIT; END'",
        Refused("2D000"),
    ),
    (
        "COMMIT in a procedure",
        "TABLE; CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN COMMIT; END'; CALL p()",
        Refused("2D000"),
    ),
    ("DISCARD ALL", "TABLE; DISCARD ALL", Refused("25001")),
    ("VACUUM", "TABLE; VACUUM m_1", Refused("25001")),
    (
        "a concurrent index",
        "TABLE; CREATE INDEX CONCURRENTLY ON m_1 (id)",
        Refused("25001"),
    ),
    (
        "a prepared transaction",
        "TABLE; PREPARE TRANSACTION 'x'",
        Escaped,
    ),
    (
        "a read-only transaction",
        "TABLE; SET TRANSACTION READ ONLY",
        Refused("25006"),
    ),
    ("RESET ALL", "TABLE; RESET ALL", Refused("")),
    (
        "RESET ALL in a DO block",
        "TABLE; DO 'BEGIN RESET ALL; END'",
        Refused(""),
    ),
    (
        "DISCARD ALL in a DO block",
        "TABLE; DO 'BEGIN DISCARD ALL; END'",
        Refused("25001"),
    ),
    (
        "no ledger any more",
        "TABLE; DROP TABLE schema_migrations",
        Refused("42P01"),
    ),
    (
        "a ledger of another name",
        "TABLE; ALTER TABLE schema_migrations RENAME TO m_old",
        Refused("42P01"),
    ),
    (
        "an emptied ledger",
        "TABLE; TRUNCATE schema_migrations",
        Refused(""),
    ),
    (
        "a ledger without its last row",
        "TABLE; DELETE FROM schema_migrations WHERE version = '2'",
        Refused(""),
    ),
    (
        "a ledger without its first row",
        "TABLE; DELETE FROM schema_migrations WHERE version = '1'",
        Refused(""),
    ),
    (
        "a row of the ledger that is not what it was",
        "TABLE; DO $$ BEGIN UPDATE schema_migrations SET checksum = 'x' WHERE version = '1'; EXCEPTION WHEN division_by_zero THEN END $$",
        Refused(""),
    ),
    (
        "a row too many",
        "TABLE; INSERT INTO schema_migrations (version, seq, event, at) VALUES ('9', 1, 'applied', now())",
        Refused(""),
    ),
    (
        "a trigger that swallows rows",
        "TABLE; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; \
        CREATE TRIGGER t BEFORE INSERT ON schema_migrations FOR EACH ROW EXECUTE FUNCTION f()",
        Refused(""),
    ),
    (
        "a rule that listens",
        "TABLE; CREATE RULE r AS ON INSERT TO schema_migrations DO ALSO NOTIFY devflow_test",
        Refused(""),
    ),
    (
        "its own row",
        "TABLE; INSERT INTO schema_migrations (version, seq, event, at) VALUES ('3', 1, 'applied', now())",
        Refused("23505"),
    ),
];

/// They end devflow's transaction, or talk past it.
pub(crate) const ESCAPES: &[Case] = &[
    ("COMMIT", "TABLE; COMMIT", Escaped),
    ("END", "TABLE; END", Escaped),
    ("ROLLBACK", "TABLE; ROLLBACK", Escaped),
    ("ABORT", "TABLE; ABORT", Escaped),
    ("a wrapper", "BEGIN; TABLE; COMMIT", Escaped),
    ("COMMIT in the middle", "TABLE; COMMIT; SELECT 1", Escaped),
    ("COMMIT first", "COMMIT; TABLE", Escaped),
    (
        "COMMIT, then an error",
        "TABLE; COMMIT; SELECT 1 / 0",
        Escaped,
    ),
    ("COMMIT AND CHAIN", "TABLE; COMMIT AND CHAIN", Escaped),
    ("COMMIT and another BEGIN", "TABLE; COMMIT; BEGIN", Escaped),
    (
        "COMMIT AND CHAIN, then an error",
        "TABLE; COMMIT AND CHAIN; SELECT 1 / 0",
        Escaped,
    ),
    (
        "COMMIT and another BEGIN, then an error",
        "TABLE; COMMIT; BEGIN; SELECT 1 / 0",
        Escaped,
    ),
    (
        "ROLLBACK AND CHAIN",
        "TABLE; ROLLBACK AND CHAIN",
        Refused(""),
    ),
    (
        "ROLLBACK and another BEGIN",
        "TABLE; ROLLBACK; BEGIN",
        Refused(""),
    ),
    ("COPY FROM stdin", "TABLE; COPY m_3 FROM stdin", Lost),
    (
        "COPY with its data",
        "TABLE; COPY m_3 FROM stdin;\n1\n\\.\n",
        Refused("42601"),
    ),
    (
        "COPY TO stdout",
        "TABLE; INSERT INTO m_3 VALUES (1); COPY m_3 TO stdout",
        Lost,
    ),
];
