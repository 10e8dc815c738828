//! What grows with what: with migrations, with the ledger's rows, with a file's size and with replicas.

use crate::corpus::Corpus;
use crate::execution::{Execution, Usage};
use crate::fault::{Fault, Result};
use crate::figures::{Metric, Summary};
use crate::observer::Observer;
use crate::programs::program;
use crate::runner::{Invocation, Runner};
use crate::stage::{Place, Stage};
use std::time::Instant;

/// How often each figure is taken.
const ROUNDS: usize = 5;

/// Prints a table for each.
pub(crate) fn print(stage: &Stage) -> Result<()> {
    rows(stage)?;
    files(stage)?;
    replicas(stage)?;
    migrations(stage)
}

fn migrations(stage: &Stage) -> Result<()> {
    heading("migrations", &[&APPLY[..], &START[..]].concat());
    for count in [100, 1_000, 10_000] {
        let tool = Tool::on(Corpus::Many(count))?;
        let place = stage.empty_place();
        let mut cells = tool.apply(stage, &place)?;
        cells.extend(tool.start(stage, &place)?);
        line(count, &cells);
    }
    Ok(())
}

/// Of 100 migrations, which have been repaired again and again.
fn rows(stage: &Stage) -> Result<()> {
    heading("rows in the ledger", &START);
    let tool = Tool::on(Corpus::C100)?;
    for count in [100, 1_000, 10_000] {
        let place = stage.empty_place();
        place.execute(&tool.0)?;
        place.alter(&format!(
            "INSERT INTO schema_migrations (version, seq, event, name, checksum, run, at)
             SELECT version, seq + more, 'repaired', name, checksum, run, at
             FROM schema_migrations, generate_series(1, {count} / 100 - 1) AS more"
        ));
        line(count, &tool.start(stage, &place)?);
    }
    Ok(())
}

fn files(stage: &Stage) -> Result<()> {
    heading("INSERTs in one file", &[&["size"], &APPLY[..]].concat());
    for count in [1_000, 10_000, 100_000] {
        let corpus = Corpus::File(count);
        let tool = Tool::on(corpus)?;
        let mut cells = vec![format!("{:.1} MB", corpus.bytes() as f64 / 1e6)];
        cells.extend(tool.apply(stage, &stage.empty_place())?);
        line(count, &cells);
    }
    Ok(())
}

fn replicas(stage: &Stage) -> Result<()> {
    heading(
        "replicas",
        &["first start together", "start with nothing pending"],
    );
    let tool = Tool::embedded(Corpus::C100)?;
    for count in [1, 10, 50] {
        let place = stage.empty_place();
        let first = tool.together(&place, count)?;
        let samples: Result<Vec<f64>> = (0..ROUNDS).map(|_| tool.together(&place, count)).collect();
        let cells = [first, Summary::of(&samples?).median].map(|time| Metric::Wall.show(time));
        line(count, &cells);
    }
    Ok(())
}

const APPLY: [&str; 4] = [
    "apply",
    "client's memory",
    "backend's memory",
    "WAL flushes",
];

const START: [&str; 5] = [
    "start with nothing pending",
    "client's memory",
    "server's time",
    "bytes read",
    "round trips",
];

/// devflow on a corpus.
struct Tool(Invocation);

impl Tool {
    /// The command.
    fn on(corpus: Corpus) -> Result<Self> {
        Self::named("devflow", corpus)
    }

    /// The program that embeds the corpus.
    fn embedded(corpus: Corpus) -> Result<Self> {
        Self::named("embedded devflow", corpus)
    }

    fn named(name: &str, corpus: Corpus) -> Result<Self> {
        corpus.generate()?;
        let unknown = || Fault::new(format!("no runner is called {name}"));
        let runner = Runner::named(name).ok_or_else(unknown)?;
        let program = program(runner.form, corpus)?;
        Ok(Self(runner.apply(program, corpus)?))
    }

    /// Once, on a new database.
    fn apply(&self, stage: &Stage, place: &Place) -> Result<Vec<String>> {
        let flushes = stage.flushes();
        let observer = Observer::start(stage.postmaster(), place.name());
        let used = place.execute(&self.0);
        let backend = observer.finish() as f64;
        let used = used?;
        place.settle();
        Ok(vec![
            Metric::Wall.show(used.wall_seconds),
            Metric::ClientMemory.show(used.memory_bytes),
            Metric::BackendMemory.show(backend),
            Metric::WalFlushes.show(stage.flushes() - flushes),
        ])
    }

    /// With nothing pending.
    fn start(&self, stage: &Stage, place: &Place) -> Result<Vec<String>> {
        let used: Result<Vec<Usage>> = (0..ROUNDS).map(|_| place.execute(&self.0)).collect();
        let used = used?;
        let server: Result<Vec<f64>> = (0..ROUNDS).map(|_| place.server_time(&self.0)).collect();
        let slow = stage.slow(place);
        slow.execute(&self.0)?;
        let counts = slow.counts();
        let median = |samples: Vec<f64>| Summary::of(&samples).median;
        Ok(vec![
            Metric::Wall.show(median(used.iter().map(|used| used.wall_seconds).collect())),
            Metric::ClientMemory.show(median(used.iter().map(|used| used.memory_bytes).collect())),
            Metric::ServerTime.show(median(server?)),
            Metric::BytesRead.show(counts.bytes_to_client as f64),
            Metric::RoundTrips.show((counts.round_trips + counts.connections) as f64),
        ])
    }

    /// As many at the same moment, until the last has ended.
    fn together(&self, place: &Place, count: usize) -> Result<f64> {
        let started = Instant::now();
        let begun: Result<Vec<Execution>> = (0..count)
            .map(|_| Execution::of(&self.0, &place.url()))
            .collect();
        begun?
            .into_iter()
            .try_for_each(|execution| execution.finish().map(drop))?;
        Ok(started.elapsed().as_secs_f64())
    }
}

fn heading(what: &str, columns: &[&str]) {
    println!("\n| {what} | {} |", columns.join(" | "));
    println!("|{}", " ---: |".repeat(columns.len() + 1));
}

fn line(count: usize, cells: &[String]) {
    println!("| {count} | {} |", cells.join(" | "));
}
