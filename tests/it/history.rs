//! Migrations to test with: each makes a table of its own, so that the schema says which of them took effect.

use devflow_runtime::{
    Error, Event, Migration, MigrationSet, Migrator, Notice, Observer, Report, Settings, TableName,
};
use std::collections::BTreeSet;
use support::{Project, TestDatabase, on_background, wait_until};

/// The SQL that makes a migration's table.
pub(crate) fn table(number: usize) -> String {
    format!("CREATE TABLE public.m_{number} (id integer);\n")
}

/// Adds migrations 1 to `count`, each of which makes its table.
pub(crate) fn tables(project: Project, count: usize) -> Project {
    (1..=count).fold(project, |project, number| {
        project.migration(&format!("{number}_table.sql"), &table(number))
    })
}

/// A migrator of the project's files, read and checked as the CLI does.
pub(crate) fn migrator(project: &Project) -> Migrator {
    let set = MigrationSet::read(&project.path().join("migrations"), "migrations");
    let set = set.unwrap_or_else(|error| panic!("{error:?}"));
    Migrator::with_set(set, TableName::default(), Settings::default())
}

/// A migrator of texts that nobody checked, as a mistake in the checks would let them through.
pub(crate) fn unchecked(texts: &[String]) -> Migrator {
    let file = |(index, text): (usize, &String)| {
        Migration::unchecked(format!("migrations/{}_file.sql", index + 1), text.clone()).unwrap()
    };
    let set = MigrationSet::new(texts.iter().enumerate().map(file).collect()).unwrap();
    Migrator::with_set(set, TableName::default(), Settings::default())
}

/// Applies what is pending.
pub(crate) fn run(migrator: Migrator, url: &str) -> Result<Report, Error> {
    run_with(migrator, url, ())
}

/// Applies what is pending, and tells the observer.
pub(crate) fn run_with(
    migrator: Migrator,
    url: &str,
    mut observer: impl Observer + 'static,
) -> Result<Report, Error> {
    let url = url.to_owned();
    on_background(async move {
        let never = std::future::pending();
        migrator.run_until(&url, &mut observer, never).await
    })
}

/// The versions that a report lists as committed.
pub(crate) fn committed(report: &Report) -> Vec<String> {
    let versions = report.steps.iter().map(|step| step.version.to_string());
    versions.collect()
}

/// The versions that the ledger has as applied, in their order; none when there is no ledger.
pub(crate) fn applied(database: &TestDatabase) -> Vec<String> {
    Sight::of(database).recorded
}

/// What can be seen of a database at one moment.
#[derive(Debug, Default)]
struct Sight {
    /// Versions that the ledger has as applied.
    recorded: Vec<String>,
    /// Versions whose table is there.
    made: BTreeSet<String>,
    sessions: usize,
    locks: usize,
}

const IN_LEDGER: &str = "SELECT 'recorded', version FROM (SELECT DISTINCT ON (version) version, event \
    FROM public.schema_migrations ORDER BY version, seq DESC) l \
    WHERE event IN ('applied', 'baselined') ORDER BY version::numeric;";

const BESIDE: &str = "SELECT 'made', substr(tablename, 3) FROM pg_tables \
        WHERE schemaname = 'public' AND tablename ~ '^m_[0-9]+$' \
    UNION ALL SELECT 'session', application_name FROM pg_stat_activity \
        WHERE datname = current_database() AND application_name <> 'devflow-tests' \
    UNION ALL SELECT 'lock', objid::text FROM pg_locks WHERE locktype = 'advisory' \
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

impl Sight {
    /// One message, because tables of cases ask often.
    fn of(database: &TestDatabase) -> Self {
        let ask = |sql: &str| database.server().try_rows(database.name(), sql);
        let rows = match ask(&format!("{IN_LEDGER} {BESIDE}")) {
            Err(error) if error.code().is_some_and(|code| code.code() == "42P01") => ask(BESIDE),
            rows => rows,
        };
        let mut sight = Self::default();
        for mut row in rows.unwrap_or_else(|error| panic!("{error:?}")) {
            let what = row.swap_remove(1);
            match row[0].as_str() {
                "recorded" => sight.recorded.push(what),
                "made" => drop(sight.made.insert(what)),
                "session" => sight.sessions += 1,
                _ => sight.locks += 1,
            }
        }
        sight
    }

    fn assert_agrees(&self) {
        let recorded: BTreeSet<_> = self.recorded.iter().cloned().collect();
        assert_eq!(recorded, self.made, "ledger, and tables made");
        let prefix: Vec<_> = (1..=self.recorded.len()).map(|n| n.to_string()).collect();
        assert_eq!(self.recorded, prefix, "the ledger has a gap");
    }
}

/// Ledger and schema say the same, the lock is free, and nobody is at work any more.
pub(crate) fn assert_sound(database: &TestDatabase) {
    free(database).assert_agrees();
}

/// Every applied migration has its table and every table its applied migration; a sequence without a gap.
pub(crate) fn assert_agree(database: &TestDatabase) {
    Sight::of(database).assert_agrees();
}

/// Every session has ended, and with it its locks.
pub(crate) fn assert_free(database: &TestDatabase) {
    let _sight = free(database);
}

fn free(database: &TestDatabase) -> Sight {
    let mut sight = Sight::default();
    wait_until("every session has ended", || {
        sight = Sight::of(database);
        sight.sessions == 0
    });
    assert_eq!(sight.locks, 0);
    sight
}

/// A database with a ledger that has no row.
pub(crate) fn empty_ledger(database: &TestDatabase) {
    run(unchecked(&["SELECT 1".to_owned()]), &database.url()).unwrap();
    database.execute("TRUNCATE schema_migrations");
}

/// An empty database again, for the next case of a table.
pub(crate) fn empty(database: &TestDatabase) {
    database.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
}

/// Writes down what the server said, and about which migration.
#[derive(Default, Clone)]
pub(crate) struct Heard(std::sync::Arc<std::sync::Mutex<Vec<String>>>);

impl Heard {
    /// What was heard so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Observer for Heard {
    fn event(&mut self, event: &Event<'_>) {
        let line = match event {
            Event::Notice { migration, notice } => notice_line(migration.path(), notice),
            Event::Waiting { holder, .. } => match holder {
                Some(holder) => format!("waiting for {}", holder.application),
                None => "waiting".to_owned(),
            },
            Event::ConnectRetry { reason, .. } => format!("trying again: {reason}"),
            Event::Remark(remark) => (*remark).to_owned(),
            Event::StepStarted { number, .. } => format!("started {number}"),
            Event::StepFinished { number, .. } => format!("finished {number}"),
            _ => return,
        };
        self.0.lock().unwrap().push(line);
    }
}

/// A notice with its migration, in one line.
pub(crate) fn notice_line(path: &str, notice: &Notice) -> String {
    format!("{path}: {} {}", notice.severity, notice.message)
}
