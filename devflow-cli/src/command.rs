//! The commands: settings in, outcome out.

mod adopt;
mod baseline;
mod check;
mod generate;
mod init;
mod log;
mod migrate;
mod new;
mod repair;
mod revert;
mod show;
mod status;

use crate::approve::{Gate, Question};
use crate::human;
use crate::look::Look;
use crate::outcome::{self, Body, Kind, Outcome, Remark, Trouble};
use crate::plan_file;
use crate::progress::Progress;
use crate::settings::{Change, Database, Files, Settings};
use crate::signals::Signals;
use devflow_migrations::{Approval, SourceError};
use devflow_runtime::{
    Actor, Error, ErrorKind, LedgerKind, Migration, MigrationSet, Migrator, PlanContents,
    PlanDigest, PlanReport,
};
use std::future::Future;
use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

/// Does what the settings say; `body` is the command's empty result, for when there is nothing to tell.
pub(crate) fn act(
    settings: &Settings,
    body: Body,
    look: Look,
    err: &mut (dyn Write + Send),
) -> Outcome {
    let started = Instant::now();
    let mut progress = Progress::new(err, look);
    if let Some(database) = settings.database() {
        announce(database, &mut progress);
    }
    let mut outcome = perform(settings, &body, &mut progress)
        .unwrap_or_else(|trouble| Outcome::new(body).troubled(trouble));
    progress.rest();
    if let Some(database) = settings.database() {
        outcome.environment.clone_from(&database.environment);
        let settled = database.remarks.iter().map(Remark::new);
        outcome.remarks.splice(0..0, settled);
    }
    outcome.folder = settings.folder().map(Path::to_owned);
    progress.mark_told(&mut outcome.remarks);
    outcome.watched = progress.was_watched();
    outcome.elapsed_ms = started.elapsed().as_secs_f64() * 1000.0;
    outcome
}

/// Says what was settled before anything connects.
fn announce(database: &Database, progress: &mut Progress<'_>) {
    progress.environment(database.environment.as_deref());
    progress.server_wait(database.wait);
    for remark in &database.remarks {
        progress.note(remark);
    }
}

fn perform(
    settings: &Settings,
    body: &Body,
    progress: &mut Progress<'_>,
) -> Result<Outcome, Trouble> {
    match settings {
        Settings::Init(init) => init::init(init),
        Settings::New(new) => new::new(new),
        Settings::Generate(what) => generate::generate(what),
        Settings::Config(configuration) => Ok(Outcome::new(Body::Config(configuration.clone()))),
        Settings::Check(check) => check::check(check),
        Settings::Migrate(migrate) => {
            // Of what is applied nothing has to be known but its checksum.
            let database = &migrate.change.database;
            let set = files(database, read_later)?;
            connected_with(database, &set, body, progress, async |desk| {
                migrate::migrate(migrate, desk).await
            })
        }
        Settings::Status(status) => connected(&status.database, body, progress, async |desk| {
            status::status(status, desk).await
        }),
        Settings::Baseline(baseline) => {
            connected(&baseline.change.database, body, progress, async |desk| {
                baseline::baseline(baseline, desk).await
            })
        }
        Settings::Adopt(adopt) => connected(&adopt.change.database, body, progress, async |desk| {
            adopt::adopt(adopt, desk).await
        }),
        Settings::Revert(revert) => {
            connected(&revert.change.database, body, progress, async |desk| {
                revert::revert(revert, desk).await
            })
        }
        Settings::Repair(repair) => {
            connected(&repair.change.database, body, progress, async |desk| {
                repair::repair(repair, desk).await
            })
        }
        Settings::Show(show) => connected(&show.database, body, progress, async |desk| {
            show::show(show, desk).await
        }),
        Settings::Log(log) => {
            // Whatever is wrong with the files, what happened can be looked at.
            let none = MigrationSet::default();
            connected_with(&log.database, &none, body, progress, async |desk| {
                log::log(log, desk).await
            })
        }
    }
}

/// What a command that connects has at hand.
struct Desk<'a, 'b> {
    database: &'a Database,
    set: &'a MigrationSet,
    /// The Supabase CLI that applies, once it was found.
    supabase: Option<outcome::Supabase>,
    signals: &'a Signals,
    progress: &'a mut Progress<'b>,
}

/// What a person is asked to agree to.
struct Proposal {
    /// The dry run, which is shown first.
    shown: Outcome,
    digest: PlanDigest,
    /// What the digest is of, where that can be told.
    contents: Option<PlanContents>,
    /// The question without its mark; none where nothing would be done, or it would be refused.
    what: Option<String>,
}

/// Why a command that connects has no outcome of its own.
enum Stopped {
    Trouble(Trouble),
    Error(Error),
}

/// Reads the files, unless a program has them, then does `work` on a runtime that ends with it.
fn connected<'b>(
    database: &Database,
    body: &Body,
    progress: &mut Progress<'b>,
    work: impl AsyncFnOnce(&mut Desk<'_, 'b>) -> Result<Outcome, Stopped>,
) -> Result<Outcome, Trouble> {
    let set = files(database, MigrationSet::read_for)?;
    connected_with(database, &set, body, progress, work)
}

/// The files as `read` reads them, unless a program has them.
fn files(
    database: &Database,
    read: fn(&Path, &str, LedgerKind) -> Result<MigrationSet, SourceError>,
) -> Result<MigrationSet, Trouble> {
    match &database.files {
        Files::Binary(binary) => Ok(binary.set().clone()),
        Files::Embedded(migrator) => Ok(migrator.set().clone()),
        Files::Directory => Ok(read(&database.directory, &database.shown, database.ledger)?),
    }
}

/// Leaves what the files hold for later; but what is wrong with a name is told together with everything else.
fn read_later(
    directory: &Path,
    shown: &str,
    ledger: LedgerKind,
) -> Result<MigrationSet, SourceError> {
    MigrationSet::read_later(directory, shown, ledger)
        .or_else(|_| MigrationSet::read_for(directory, shown, ledger))
}

/// Does `work` on a runtime that ends with it.
fn connected_with<'b>(
    database: &Database,
    set: &MigrationSet,
    body: &Body,
    progress: &mut Progress<'b>,
    work: impl AsyncFnOnce(&mut Desk<'_, 'b>) -> Result<Outcome, Stopped>,
) -> Result<Outcome, Trouble> {
    let signals = Signals::listen().map_err(no_runtime)?;
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build().map_err(no_runtime)?;
    let mut desk = Desk {
        database,
        set,
        supabase: None,
        signals: &signals,
        progress,
    };
    let mut outcome = match runtime.block_on(work(&mut desk)) {
        Ok(outcome) => outcome,
        Err(Stopped::Trouble(trouble)) => Outcome::new(body.clone()).troubled(trouble),
        Err(Stopped::Error(error)) => {
            // Without the ledger every file may be pending, and what is wrong with one does not depend on the server.
            let may_be_pending = matches!(database.files, Files::Directory)
                && database.ledger == LedgerKind::Devflow;
            if error.kind() == ErrorKind::Connect && may_be_pending {
                set.check_all(database.ledger)?;
            }
            Outcome::of_error(&error, body.clone(), set).interrupted_by(signals.seen())
        }
    };
    if let Some(work) = outcome.body.work_mut() {
        work.supabase = desk.supabase;
    }
    Ok(outcome)
}

pub(crate) fn no_runtime(error: io::Error) -> Trouble {
    Trouble::new(
        Kind::Broken,
        "no_runtime",
        format!("the system does not let devflow wait for connections and signals: {error}"),
    )
}

impl Desk<'_, '_> {
    fn migrator(&self) -> Migrator {
        let database = self.database;
        let migrator = match &database.files {
            Files::Embedded(migrator) => Migrator::clone(migrator),
            Files::Directory | Files::Binary(_) => self.migrator_of_files(),
        };
        let migrator = migrator.actor(database.actor.clone());
        match database.wait {
            Some(limit) => migrator.wait_for_server(limit),
            None => migrator,
        }
    }

    fn migrator_of_files(&self) -> Migrator {
        let database = self.database;
        let mut migrator = Migrator::with_set(
            self.set.clone(),
            database.table.clone(),
            database.policies.clone(),
        )
        .ledger(database.ledger)
        .approval_required(database.approval != Approval::No)
        .inspected_by(Migration::problems);
        if let Some(environment) = &database.environment {
            migrator = migrator.environment(environment);
        }
        if let Some(application) = &database.application {
            migrator = migrator.application(application);
        }
        migrator
    }

    /// Passes the gate before a change: what may be proposed is shown, and a person asked, where one has to be. What comes
    /// out does exactly what was agreed to.
    async fn pass(
        &mut self,
        change: &Change,
        command: &str,
        migrator: Migrator,
        propose: impl AsyncFnOnce(&Migrator, &mut Self) -> Result<Proposal, Stopped>,
    ) -> Result<Migrator, Stopped> {
        let gate = Gate::of(self.database, &change.consent, command)?;
        let mut digest = gate.digest;
        let mut plan = change.consent.plan.clone();
        if let Some(question) = gate.question {
            let proposal = propose(&migrator, self).await?;
            if digest.is_none() {
                plan = proposal.contents;
            }
            let approved = digest.get_or_insert_with(|| proposal.digest.clone());
            if let Some(what) = &proposal.what
                && *approved == proposal.digest
            {
                self.agree(proposal.shown, question, what).await?;
            }
        }
        let migrator = migrator.actor(Actor {
            approval: gate.approval.map(str::to_owned),
            ..self.database.actor.clone()
        });
        Ok(match (plan, digest) {
            (Some(plan), _) => migrator.approve_plan(plan),
            (None, Some(digest)) => migrator.approve(digest),
            (None, None) => migrator,
        })
    }

    /// Shows what is proposed, and asks.
    async fn agree(
        &mut self,
        mut shown: Outcome,
        question: Question,
        what: &str,
    ) -> Result<(), Stopped> {
        shown.environment.clone_from(&self.database.environment);
        self.progress.rest();
        let proposal = human::proposal(&shown, self.progress.look());
        self.progress.say(proposal);
        let environment = self.database.environment.as_deref().unwrap_or_default();
        question
            .ask(what, environment, self.progress, self.signals)
            .await?;
        self.progress.headed();
        Ok(())
    }

    /// Completes at the first signal.
    fn interrupt(&self) -> impl Future<Output = ()> + Send + use<> {
        let signals = self.signals.clone();
        async move {
            signals.first().await;
        }
    }
}

impl Proposal {
    /// `what` makes the question of so many migrations.
    fn of(plan: &PlanReport, what: impl FnOnce(&str) -> String) -> Self {
        let steps = plan.plan.steps().len();
        let runs = plan.plan.refused().next().is_none() && steps > 0;
        Self {
            shown: Outcome::of_plan(plan),
            digest: plan.digest.clone(),
            contents: Some(plan.contents.clone()),
            what: runs.then(|| what(&migrations(steps))),
        }
    }
}

/// What a dry run shows; its plan goes into a file where one was asked for.
fn dry_run(change: &Change, plan: &PlanReport) -> Outcome {
    let mut outcome = Outcome::of_plan(plan);
    let Some(out) = &change.out else {
        return outcome;
    };
    if outcome.trouble.is_some() {
        let text = format!("no plan was written to {}: it would be refused", out.shown);
        outcome.remarks.push(Remark::new(text));
        return outcome;
    }
    match plan_file::write(out, &plan.contents) {
        Ok(()) => {
            let text = format!("the plan was written to {}", out.shown);
            outcome.remarks.push(Remark::new(text));
            outcome
        }
        Err(trouble) => outcome.troubled(trouble),
    }
}

/// Waits for `future`, or for a signal: for work that leaves nothing behind when it is dropped.
async fn unless_interrupted<T>(
    signals: &Signals,
    future: impl Future<Output = devflow_runtime::Result<T>>,
) -> Result<T, Stopped> {
    tokio::select! {
        signal = signals.first() => Err(Trouble::interrupted(signal).into()),
        result = future => Ok(result?),
    }
}

/// `1 migration`, `3 migrations`.
fn migrations(count: usize) -> String {
    crate::human::line::count(count, "migration")
}

impl From<Trouble> for Stopped {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}
