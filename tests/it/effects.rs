//! What is read from a statement's text, held against what a real server does when it runs.

use devflow_migrations::{Effect, EffectVerb, LockMode, Locked, MigrationSet, Toll, effects};
use std::collections::{BTreeMap, BTreeSet};
use support::{Project, TestDatabase};

/// What there is before each statement, and a note of it: what a statement drops has no name afterwards.
const SCHEMA: &str = "
    CREATE SCHEMA s;
    CREATE TABLE u (id bigint PRIMARY KEY, name text);
    CREATE TABLE t (id bigint PRIMARY KEY, a integer, b text, u_id bigint CONSTRAINT to_u REFERENCES u,
                    CONSTRAINT positive CHECK (a > 0), CONSTRAINT later CHECK (a < 9) NOT VALID);
    CREATE TABLE free (a integer, b varchar(10));
    CREATE INDEX t_a ON t (a);
    CREATE UNIQUE INDEX free_a ON free (a);
    CREATE TABLE s.\"T\" (a integer);
    CREATE TABLE parent (a integer) PARTITION BY LIST (a);
    CREATE TABLE one PARTITION OF parent FOR VALUES IN (1);
    CREATE TABLE two (a integer);
    CREATE TABLE heir (a integer);
    CREATE VIEW seen AS SELECT id FROM t;
    CREATE MATERIALIZED VIEW kept AS SELECT a FROM free;
    CREATE UNIQUE INDEX kept_a ON kept (a);
    CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
    CREATE TRIGGER trigger_1 BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
    CREATE POLICY policy_1 ON t USING (true);
    CREATE RULE rule_1 AS ON DELETE TO free DO NOTHING;
    CREATE PUBLICATION all_of_it;
    CREATE SEQUENCE q;
    CREATE TYPE mood AS ENUM ('good');
    CREATE DOMAIN positive AS integer;
    CREATE TABLE with_domain (a positive, m mood);
    CREATE TABLE list (a integer) PARTITION BY LIST (a);
    CREATE TABLE others PARTITION OF list DEFAULT;
    CREATE TABLE nines (a integer);
    CREATE INDEX one_a ON one (a);
    CREATE INDEX parent_a ON ONLY parent (a);
    CREATE SCHEMA w;
    CREATE STATISTICS measured ON a, b FROM t;
    CREATE FUNCTION writes() RETURNS integer LANGUAGE sql AS 'DELETE FROM two; SELECT 1';
    CREATE PROCEDURE proc() LANGUAGE sql AS 'DELETE FROM two';
    INSERT INTO others VALUES (8);
    INSERT INTO with_domain VALUES (1, 'good');
    INSERT INTO u VALUES (1, 'x'), (2, 'y');
    INSERT INTO t SELECT 1, 1, 'x', 1;
    INSERT INTO free VALUES (1, 'x');
    ANALYZE;
    CREATE TABLE s.known AS
        SELECT c.oid, c.relkind, pg_relation_filenode(c.oid) AS file, i.indrelid AS of,
               CASE nspname WHEN 'public' THEN '' ELSE nspname || '.' END || relname AS name
        FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace LEFT JOIN pg_index i ON i.indexrelid = c.oid
        WHERE nspname IN ('public', 's');";

/// Counts are of the session, so that those before a statement have to be known.
const BEFORE: &str = "
    SELECT '@';
    DROP TABLE IF EXISTS before;
    CREATE TEMP TABLE before AS SELECT oid, coalesce(pg_stat_get_xact_numscans(oid), 0) AS scans FROM s.known;";

/// A row for each relation that was locked: its name, its kind, the modes, whether it has another file now, whether it was
/// read from end to end, and the table where it is an index.
const LOOK: &str = "
    SELECT '#', k.name, k.relkind, string_agg(DISTINCT l.mode, ' '),
           bool_or(pg_relation_filenode(k.oid) IS DISTINCT FROM k.file AND EXISTS (SELECT FROM pg_class c WHERE c.oid = k.oid)),
           coalesce(pg_stat_get_xact_numscans(k.oid), 0) <> max(b.scans),
           (SELECT name FROM s.known o WHERE o.oid = k.of)
    FROM pg_locks l JOIN s.known k ON k.oid = l.relation JOIN pg_temp.before b ON b.oid = k.oid
    WHERE l.pid = pg_backend_pid() AND l.granted
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    GROUP BY k.oid, k.name, k.relkind, k.of";

/// Statements. Behind `--` stand the tables that are locked too, which the text does not name: those that a foreign key
/// leads to or from, parents and partitions, what a view reads.
const STATEMENTS: &str = "
    ALTER TABLE t ADD COLUMN n integer
    ALTER TABLE t ADD COLUMN n integer NOT NULL DEFAULT 1, ADD m text DEFAULT 'x'::text
    ALTER TABLE t ADD COLUMN n timestamptz DEFAULT now()
    ALTER TABLE t ADD COLUMN n timestamptz DEFAULT clock_timestamp()
    ALTER TABLE t ADD COLUMN n uuid DEFAULT gen_random_uuid()
    ALTER TABLE t ADD COLUMN n bigserial
    ALTER TABLE t ADD COLUMN n integer GENERATED ALWAYS AS IDENTITY
    ALTER TABLE t ADD COLUMN n integer GENERATED ALWAYS AS (a + 1) STORED
    ALTER TABLE t ADD COLUMN n integer CHECK (n > 0)
    ALTER TABLE t ADD COLUMN n integer UNIQUE
    ALTER TABLE t ADD COLUMN n bigint REFERENCES u
    ALTER TABLE t DROP COLUMN b
    ALTER TABLE t ALTER COLUMN a TYPE bigint
    ALTER TABLE free ALTER COLUMN b TYPE varchar(20) -- kept
    ALTER TABLE t ALTER a SET DEFAULT 1
    ALTER TABLE t ALTER a DROP DEFAULT
    ALTER TABLE t ALTER a SET NOT NULL
    ALTER TABLE t ALTER a DROP NOT NULL
    ALTER TABLE t ALTER a SET STATISTICS 10
    ALTER TABLE t ALTER a SET (n_distinct = 5)
    ALTER TABLE t ALTER b SET STORAGE EXTERNAL
    ALTER TABLE t ALTER id ADD GENERATED ALWAYS AS IDENTITY
    ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)
    ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID
    ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (id) REFERENCES u
    ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (id) REFERENCES u NOT VALID
    ALTER TABLE free ADD CONSTRAINT c UNIQUE (b)
    ALTER TABLE free ADD CONSTRAINT c UNIQUE USING INDEX free_a
    ALTER TABLE free ADD PRIMARY KEY (a)
    ALTER TABLE free ADD EXCLUDE USING btree (b WITH =)
    ALTER TABLE t VALIDATE CONSTRAINT later
    ALTER TABLE t VALIDATE CONSTRAINT to_u
    ALTER TABLE t DROP CONSTRAINT positive
    ALTER TABLE t DROP CONSTRAINT to_u -- u
    ALTER TABLE t ALTER CONSTRAINT to_u DEFERRABLE -- u
    ALTER TABLE t RENAME CONSTRAINT positive TO above
    ALTER TABLE t RENAME COLUMN a TO aa
    ALTER TABLE t RENAME TO tt
    ALTER TABLE t SET SCHEMA s
    ALTER TABLE t OWNER TO CURRENT_USER
    ALTER TABLE t SET (fillfactor = 70)
    ALTER TABLE t RESET (autovacuum_enabled)
    ALTER TABLE t SET (user_catalog_table = true)
    ALTER TABLE t CLUSTER ON t_a
    ALTER TABLE t SET WITHOUT CLUSTER
    ALTER TABLE t REPLICA IDENTITY FULL
    ALTER TABLE free SET UNLOGGED
    ALTER TABLE t ENABLE ROW LEVEL SECURITY
    ALTER TABLE t DISABLE TRIGGER trigger_1
    ALTER TABLE free DISABLE RULE rule_1
    ALTER TABLE two INHERIT heir
    ALTER TABLE ONLY s.\"T\" ADD b text
    ALTER TABLE t SET (fillfactor = 70), ADD COLUMN n text
    ALTER TABLE parent ATTACH PARTITION two FOR VALUES IN (2)
    ALTER TABLE parent DETACH PARTITION one
    ALTER TABLE parent ADD COLUMN n integer -- one
    ALTER INDEX t_a RENAME TO t_b
    ALTER INDEX t_a SET (fillfactor = 70)
    ALTER VIEW seen RENAME TO unseen
    ALTER MATERIALIZED VIEW kept SET SCHEMA s
    ALTER TRIGGER trigger_1 ON t RENAME TO trigger_2
    ALTER POLICY policy_1 ON t USING (false)
    ALTER PUBLICATION all_of_it ADD TABLE t
    ALTER SEQUENCE q RESTART
    ALTER TYPE mood ADD VALUE 'bad'
    CREATE TABLE n (id bigint PRIMARY KEY, u_id bigint REFERENCES u)
    CREATE TABLE n (LIKE t INCLUDING ALL)
    CREATE TABLE n () INHERITS (heir)
    CREATE TABLE n PARTITION OF parent FOR VALUES IN (3)
    CREATE TABLE n AS SELECT t.a FROM t JOIN u ON true
    CREATE TABLE IF NOT EXISTS n (a integer)
    CREATE VIEW n AS WITH u AS (SELECT 1) SELECT t.id FROM t, u
    CREATE OR REPLACE VIEW seen AS SELECT id FROM t
    CREATE MATERIALIZED VIEW n AS SELECT a FROM free
    CREATE INDEX ON t (b)
    CREATE UNIQUE INDEX IF NOT EXISTS n ON t USING btree (b) WHERE a > 0
    CREATE TRIGGER n AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()
    CREATE POLICY n ON t USING (true)
    CREATE RULE n AS ON INSERT TO u DO INSTEAD NOTHING
    CREATE STATISTICS n ON a, b FROM t
    CREATE PUBLICATION n FOR TABLE t
    CREATE FUNCTION n() RETURNS integer LANGUAGE sql AS 'SELECT 1'
    CREATE FUNCTION n() RETURNS void LANGUAGE sql BEGIN ATOMIC DELETE FROM two; END
    COMMENT ON TABLE t IS 'x'
    COMMENT ON COLUMN s.\"T\".a IS 'x'
    COMMENT ON VIEW seen IS 'x'
    COMMENT ON CONSTRAINT positive ON t IS 'x'
    GRANT SELECT ON t TO CURRENT_USER -- t
    DROP TABLE free CASCADE -- kept
    DROP TABLE two, heir
    DROP TABLE t CASCADE -- u seen
    DROP VIEW seen
    DROP MATERIALIZED VIEW kept
    DROP INDEX t_a
    DROP TRIGGER trigger_1 ON t
    DROP POLICY policy_1 ON t
    DROP RULE rule_1 ON free
    DROP FUNCTION f CASCADE -- t
    TRUNCATE free
    TRUNCATE ONLY t, two
    LOCK TABLE t
    LOCK TABLE t, two IN SHARE ROW EXCLUSIVE MODE
    LOCK two IN ROW SHARE MODE
    INSERT INTO free SELECT id + 5, 'x' FROM u
    INSERT INTO two VALUES (1)
    UPDATE free SET a = 3 FROM u WHERE u.id = a
    UPDATE free SET a = 2
    DELETE FROM two USING u WHERE u.id = a
    DELETE FROM two
    MERGE INTO two USING u ON u.id = a WHEN MATCHED THEN DELETE
    WITH gone AS (DELETE FROM two RETURNING a) INSERT INTO free (a) SELECT a FROM gone
    SELECT * FROM two WHERE a IN (SELECT id FROM u)
    SELECT * FROM two FOR UPDATE
    TABLE two
    COPY two FROM '/dev/null'
    COPY two TO '/dev/null'
    COPY (SELECT * FROM two) TO '/dev/null'
    REFRESH MATERIALIZED VIEW kept -- free
    REFRESH MATERIALIZED VIEW CONCURRENTLY kept -- free
    CLUSTER t USING t_a
    REINDEX TABLE t
    REINDEX INDEX t_a
    ANALYZE t
    ALTER TABLE t ADD COLUMN n integer DEFAULT writes() -- two
    ALTER TABLE t ADD n bigint DEFAULT 1 REFERENCES u
    ALTER TABLE t ADD n integer DEFAULT 1 CHECK (n > 0)
    ALTER TABLE t ADD n integer DEFAULT random()::integer
    ALTER TABLE t ADD COLUMN n bigint, ADD CONSTRAINT c FOREIGN KEY (n) REFERENCES u
    ALTER TABLE t SET (fillfactor = 70), VALIDATE CONSTRAINT later
    ALTER TABLE t VALIDATE CONSTRAINT later, DISABLE TRIGGER ALL
    ALTER TABLE t DROP CONSTRAINT t_pkey
    ALTER TABLE u DROP CONSTRAINT u_pkey CASCADE -- t
    ALTER TABLE t OWNER TO CURRENT_USER, ALTER a TYPE bigint
    ALTER TABLE t SET TABLESPACE pg_default
    ALTER TABLE IF EXISTS t RENAME a TO aa
    ALTER TABLE one ADD CHECK (a = 1)
    ALTER TABLE parent ADD CHECK (a = 1) -- one
    ALTER TABLE parent ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES u -- one
    ALTER TABLE parent ALTER a SET NOT NULL -- one
    ALTER TABLE list ATTACH PARTITION nines FOR VALUES IN (9) -- others
    ALTER TABLE list DETACH PARTITION others
    ALTER INDEX parent_a ATTACH PARTITION one_a -- parent one
    ALTER DOMAIN positive ADD CHECK (value > 0) -- with_domain
    ALTER DOMAIN positive SET NOT NULL -- with_domain
    ALTER SEQUENCE q OWNED BY t.a -- t
    ALTER VIEW seen SET (security_barrier = true)
    ALTER VIEW seen ALTER id SET DEFAULT 1
    ALTER STATISTICS measured SET STATISTICS 10
    DROP STATISTICS measured -- t
    DROP SEQUENCE q
    DROP TYPE mood CASCADE -- with_domain
    DROP DOMAIN positive CASCADE -- with_domain
    DROP SCHEMA w CASCADE
    DROP TABLE parent -- one
    DROP TABLE one -- parent
    DROP TABLE u CASCADE -- t
    DROP PUBLICATION all_of_it
    TRUNCATE u CASCADE -- t
    TRUNCATE parent -- one
    CREATE TABLE n PARTITION OF list FOR VALUES IN (5) -- others
    CREATE INDEX ON parent (a) -- one
    CREATE INDEX ON ONLY parent (a)
    CREATE CONSTRAINT TRIGGER n AFTER UPDATE ON t FROM u FOR EACH ROW EXECUTE FUNCTION f() -- u
    CREATE SEQUENCE n OWNED BY t.a -- t
    CREATE SCHEMA n CREATE TABLE m (a bigint REFERENCES public.u)
    CREATE OR REPLACE TRIGGER trigger_1 BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()
    CREATE RECURSIVE VIEW n (a) AS SELECT id FROM t
    SELECT a INTO n FROM two
    SELECT * FROM (SELECT * FROM two) x FOR UPDATE
    SELECT * FROM two WHERE EXISTS (SELECT FROM free FOR SHARE)
    SELECT (SELECT a FROM two LIMIT 1) FROM free FOR UPDATE
    WITH x AS (SELECT a FROM two FOR UPDATE) SELECT * FROM x
    SELECT writes() -- two
    SELECT nextval('q')
    VALUES (writes()) -- two
    CALL proc() -- two
    DO 'BEGIN DELETE FROM two; END' -- two
    EXPLAIN ANALYZE DELETE FROM two
    EXPLAIN DELETE FROM two
    PREPARE p AS DELETE FROM two
    DECLARE c CURSOR FOR SELECT * FROM two FOR UPDATE
    COPY (DELETE FROM two RETURNING a) TO '/dev/null'
    INSERT INTO two VALUES (1) ON CONFLICT DO NOTHING
    UPDATE parent SET a = 1 -- one
    DELETE FROM ONLY parent
    LOCK TABLE seen -- t
    LOCK TABLE parent IN SHARE MODE -- one
    GRANT SELECT ON ALL TABLES IN SCHEMA w TO CURRENT_USER
    REVOKE ALL ON two FROM PUBLIC -- two
    COMMENT ON INDEX t_a IS 'x'
    COMMENT ON TRIGGER trigger_1 ON t IS 'x'
    COMMENT ON MATERIALIZED VIEW kept IS 'x'
    SET CONSTRAINTS ALL DEFERRED
    DISCARD PLANS
    SET LOCAL search_path = public
    SELECT set_config('a.b', 'c', true)";

/// What became of a relation.
#[derive(Debug)]
struct Seen {
    kind: String,
    modes: Vec<String>,
    rewritten: bool,
    scanned: bool,
    of: String,
}

impl Seen {
    fn of(row: &[String]) -> Self {
        Self {
            kind: row[2].clone(),
            modes: row[3].split(' ').map(str::to_lowercase).collect(),
            rewritten: row[4] == "t",
            scanned: row[5] == "t",
            of: row[6].clone(),
        }
    }

    /// The strongest mode, as `LOCK TABLE` says it.
    fn mode(&self) -> &'static str {
        let held = |mode: &str| {
            let name = mode.replace(' ', "").to_lowercase() + "lock";
            self.modes.contains(&name)
        };
        let modes = LockMode::ALL.into_iter().rev();
        let mut modes = modes.map(LockMode::as_str);
        modes.find(|mode| held(mode)).unwrap_or("none")
    }

    /// What was done to all of its rows. That a table's indexes are written anew with it goes without saying.
    fn toll(&self) -> Toll {
        match (
            self.rewritten && !self.is_index(),
            self.scanned && !self.is_index(),
        ) {
            (true, _) => Toll::Rewrite,
            (false, true) => Toll::Scan,
            (false, false) => Toll::None,
        }
    }

    fn is_index(&self) -> bool {
        matches!(self.kind.as_str(), "i" | "I")
    }
}

/// Runs each statement in a transaction of its own, all in one session, and tells what each one locked.
fn run(database: &TestDatabase, statements: &[&str]) -> Vec<BTreeMap<String, Seen>> {
    let each = statements
        .iter()
        .map(|statement| format!("{BEFORE} BEGIN; {statement}; {LOOK}; ROLLBACK;\n"));
    let rows = database.rows(&each.collect::<String>());
    let mut seen: Vec<BTreeMap<_, _>> = Vec::new();
    for row in rows {
        match (row[0].as_str(), seen.last_mut()) {
            ("@", _) => seen.push(BTreeMap::new()),
            ("#", Some(last)) if "rpvmiI".contains(&row[2]) => {
                last.insert(row[1].clone(), Seen::of(&row));
            }
            _ => {}
        }
    }
    seen
}

/// What is wrong with what was read, in words.
fn differences(
    effect: &Effect,
    seen: &BTreeMap<String, Seen>,
    unnamed: &BTreeSet<&str>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut read = BTreeMap::new();
    for lock in &effect.locks {
        let on: Vec<_> = match &lock.on {
            Locked::Table(name) | Locked::View(name) | Locked::Index(name) => vec![name.clone()],
            Locked::TableOf(index) => seen
                .get(index)
                .map(|it| it.of.clone())
                .into_iter()
                .collect(),
            Locked::IndexesOf(table) => seen
                .iter()
                .filter(|(_, it)| it.of == *table)
                .map(|(name, _)| name.clone())
                .collect(),
        };
        read.extend(on.into_iter().map(|name| (name, lock)));
    }
    for (name, lock) in &read {
        let found = seen.get(name).map_or("none", Seen::mode);
        if found != lock.mode.as_str() {
            wrong.push(format!(
                "{name}: read {}, found {found}",
                lock.mode.as_str()
            ));
        }
    }
    for (name, seen) in seen
        .iter()
        .filter(|(name, _)| !unnamed.contains(name.as_str()))
    {
        let lock = read.get(name);
        if lock.is_none() && !seen.is_index() {
            wrong.push(format!("{name}: not read, found {}", seen.mode()));
        }
        let toll = lock.map_or(Toll::None, |lock| lock.toll);
        if changes_schema(effect) && seen.toll() > toll {
            wrong.push(format!("{name}: read {toll:?}, found {:?}", seen.toll()));
        }
    }
    wrong
}

/// What is said of rows is said of changes to the schema: that a query reads goes without saying.
fn changes_schema(effect: &Effect) -> bool {
    let copies = effect.verb == EffectVerb::Creates
        && effect
            .locks
            .iter()
            .all(|lock| lock.mode == LockMode::AccessShare);
    !copies
        && !matches!(
            effect.verb,
            EffectVerb::Reads | EffectVerb::Writes | EffectVerb::Truncates
        )
}

#[test]
fn what_is_read_of_a_statement_is_what_the_server_does() {
    let database = TestDatabase::create();
    database.execute(SCHEMA);
    let lines: Vec<_> = STATEMENTS
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    assert!(lines.len() > 100);
    let mut project = Project::new();
    for (number, line) in lines.iter().enumerate() {
        project = project.migration(&format!("{}_a.sql", number + 1), line);
    }
    let set = MigrationSet::read(&project.path().join("migrations"), "migrations").unwrap();
    let split = |line: &&'static str| line.split_once(" -- ").unwrap_or((line, ""));
    let statements: Vec<_> = lines.iter().map(|line| split(line).0).collect();
    let mut wrong = Vec::new();
    for ((migration, seen), line) in set.iter().zip(run(&database, &statements)).zip(&lines) {
        let (statement, unnamed) = split(line);
        let effects = effects(migration);
        assert_eq!(effects.len(), 1, "{line}");
        let differences = differences(&effects[0], &seen, &unnamed.split(' ').collect());
        wrong.extend(differences.iter().map(|it| format!("{statement}: {it}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
