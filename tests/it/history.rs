//! Migrations to test with: each makes a table of its own, so that the schema says which of them took effect.

use devflow_runtime::__private::{EmbeddedFile, EmbeddedSettings, Migrations, Mode, Span};
use devflow_runtime::{
    Checksum, Error, Event, MigrationSet, Migrator, Notice, Observer, Report, Settings, TableName,
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
    let files: Vec<_> = texts.iter().enumerate().map(unchecked_file).collect();
    let settings = EmbeddedSettings {
        out_of_order: None,
        ahead: None,
        missing: None,
        pooler: None,
        lock_wait: None,
        lock_timeout: None,
        lock_retry_budget: None,
        statement_timeout: None,
        connect_timeout: None,
        connect_budget: None,
        tracking_readers: &[],
    };
    let migrations = Migrations::new("public", "schema_migrations", settings, files.leak());
    Migrator::new(&migrations)
}

fn unchecked_file((index, text): (usize, &String)) -> EmbeddedFile {
    let whole = Span {
        start: 0,
        end: text.len(),
    };
    EmbeddedFile {
        path: format!("migrations/{}_file.sql", index + 1).leak(),
        text: text.clone().leak(),
        checksum: *Checksum::of(text).as_bytes(),
        mode: Mode::Transaction,
        wrapper: None,
        statements: Span::pack(&[whole]).leak(),
        down: None,
    }
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
    let query = "SELECT version FROM (SELECT DISTINCT ON (version) version, event FROM public.schema_migrations \
                 ORDER BY version, seq DESC) l WHERE event IN ('applied', 'baselined') ORDER BY version::numeric";
    match database.server().try_rows(database.name(), query) {
        Ok(rows) => rows.into_iter().map(|mut row| row.swap_remove(0)).collect(),
        Err(error) if error.code().is_some_and(|code| code.code() == "42P01") => Vec::new(),
        Err(error) => panic!("{error:?}"),
    }
}

/// Ledger and schema say the same, the lock is free, and nobody is at work any more.
pub(crate) fn assert_sound(database: &TestDatabase) {
    assert_free(database);
    assert_agree(database);
}

/// Every applied migration has its table and every table its applied migration; a sequence without a gap.
pub(crate) fn assert_agree(database: &TestDatabase) {
    let recorded = applied(database);
    let made = database.column(
        "SELECT substr(tablename, 3) FROM pg_tables WHERE schemaname = 'public' AND tablename ~ '^m_[0-9]+$'",
    );
    let set = |versions: &[String]| versions.iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!(set(&recorded), set(&made), "ledger, and tables made");
    let prefix: Vec<_> = (1..=recorded.len()).map(|n| n.to_string()).collect();
    assert_eq!(recorded, prefix, "the ledger has a gap");
}

/// Every session has ended, and with it its locks.
pub(crate) fn assert_free(database: &TestDatabase) {
    wait_until("every session has ended", || database.sessions() == 0);
    assert_eq!(database.advisory_locks(), 0);
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
