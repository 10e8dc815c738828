//! One work, done by every tool in turns.

use crate::bar::looks_at;
use crate::execution::{Execution, Usage};
use crate::fault::{Fault, Result};
use crate::figures::{Figures, Metric};
use crate::instructions;
use crate::observer::Observer;
use crate::programs::program;
use crate::runner::{Invocation, Runner};
use crate::stage::{Place, Stage};
use crate::work::{Before, Link, Look, Work};
use std::time::Instant;

/// How many times each tool does a work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rounds {
    short: usize,
    /// Where the slowest takes more than a second.
    long: usize,
    /// No round begins after this moment.
    end: Option<Instant>,
}

impl Rounds {
    /// As many as a quick run or a whole one takes, or as many as were asked for.
    pub(crate) fn chosen(quick: bool, asked: Option<usize>, end: Option<Instant>) -> Self {
        let (short, long) = match (asked, quick) {
            (Some(rounds), _) => (rounds, rounds),
            (None, true) => (5, 3),
            (None, false) => (21, 7),
        };
        Self { short, long, end }
    }

    /// How many where each takes more than a second.
    pub(crate) fn of_a_long_work(self) -> usize {
        self.long
    }

    /// Whether there is no time left for another.
    pub(crate) fn are_over(self) -> bool {
        self.end.is_some_and(|end| Instant::now() > end)
    }
}

/// A tool that takes part, and what it is run on.
struct Entrant {
    runner: &'static Runner,
    invocation: Invocation,
    /// Where all rounds begin with what the first began with.
    kept: Option<Place>,
}

/// Does a work with these tools. One that fails is named with its reason, and takes no part in the rounds that follow.
pub(crate) fn run(
    stage: &Stage,
    work: &Work,
    runners: &[&'static Runner],
    rounds: Rounds,
    figures: &mut Figures,
) -> Result<Vec<String>> {
    let mut failures = Vec::new();
    let mut entrants = Vec::new();
    for runner in runners.iter().filter(|runner| takes_part(work, runner)) {
        match Entrant::new(stage, work, runner) {
            Ok(entrant) => entrants.push(entrant),
            Err(fault) => failures.push(format!("{}: {fault}", runner.name)),
        }
    }
    let mut left = if work.look == Look::Flushes {
        rounds.long.min(3)
    } else {
        rounds.short
    };
    let mut slowest = 0_f64;
    let mut round = 0;
    while round < left && !rounds.are_over() {
        // Each round begins with another tool, so that none always comes after the same one.
        let others = entrants.len().min(1);
        entrants.rotate_left(others);
        let mut failed = Vec::new();
        for entrant in &entrants {
            match entrant.round(stage, work, figures) {
                Ok(seconds) => slowest = slowest.max(seconds),
                Err(fault) => failed.push((entrant.runner.name, fault)),
            }
        }
        entrants.retain(|entrant| failed.iter().all(|(name, _)| *name != entrant.runner.name));
        failures.extend(
            failed
                .into_iter()
                .map(|(name, fault)| format!("{name}: {fault}")),
        );
        round += 1;
        if slowest > 1.0 {
            left = left.min(rounds.long);
            let stays = |runner: &Runner| round < work.others || looks_at(work.name, runner.name);
            entrants.retain(|entrant| stays(entrant.runner));
        }
    }
    if matches!(work.look, Look::Server | Look::Costs) {
        entrants
            .iter()
            .try_for_each(|entrant| entrant.costs(figures, work, left.min(7)))?;
    }
    Ok(failures)
}

/// A tool without a ledger cannot go on where it stopped, nor tell fifty of itself apart.
fn takes_part(work: &Work, runner: &Runner) -> bool {
    let needs_ledger =
        work.database == Before::First || work.replicas > 1 && work.database == Before::Nothing;
    let asked = work.look != Look::Flushes || looks_at(work.name, runner.name);
    asked && runner.takes(work.corpus) && (runner.ledger_by.is_some() || !needs_ledger)
}

impl Entrant {
    fn new(stage: &Stage, work: &Work, runner: &'static Runner) -> Result<Self> {
        let program = program(runner.form, work.corpus)?;
        let (invocation, kept) = match work.database {
            Before::All => {
                let place = stage.place(work, runner)?;
                (runner.start(program, work.corpus)?, Some(place))
            }
            Before::Nothing | Before::First => (runner.apply(program, work.corpus)?, None),
        };
        Ok(Self {
            runner,
            invocation,
            kept,
        })
    }

    /// Does it once, and gives the seconds that it took.
    fn round(&self, stage: &Stage, work: &Work, figures: &mut Figures) -> Result<f64> {
        if let Some(place) = &self.kept {
            return self.on(stage, work, place, figures);
        }
        let place = stage.place(work, self.runner)?;
        let seconds = match work.look {
            Look::Flushes => stage.with_a_quiet_writer(|| self.on(stage, work, &place, figures))?,
            Look::TimeOnly | Look::Memory | Look::Server | Look::Costs => {
                self.on(stage, work, &place, figures)?
            }
        };
        stage.check(&place, work.corpus)?;
        if work.database == Before::Nothing {
            stage.keep(&place, self.runner, work.corpus);
        }
        Ok(seconds)
    }

    fn on(&self, stage: &Stage, work: &Work, place: &Place, figures: &mut Figures) -> Result<f64> {
        if work.replicas > 1 {
            return self.together(work, place, figures);
        }
        let mut add = |metric, value| figures.add(work.name, self.runner.name, metric, value);
        place.settle();
        let flushes = stage.flushes();
        let counts = place.counts();
        let observer =
            (work.look == Look::Memory).then(|| Observer::start(stage.postmaster(), place.name()));
        let used = place.execute(&self.invocation);
        let backend = observer.map(Observer::finish);
        let used: Usage = used?;
        place.settle();
        add(Metric::Wall, used.wall_seconds);
        if matches!(work.look, Look::Memory | Look::Server | Look::Costs) {
            add(Metric::ClientMemory, used.memory_bytes);
        }
        if let Some(bytes) = backend {
            add(Metric::BackendMemory, bytes as f64);
        }
        if work.database != Before::All {
            add(Metric::WalFlushes, stage.flushes() - flushes);
        }
        if work.link == Link::Slow {
            let now = place.counts();
            let turns = now.round_trips - counts.round_trips + now.connections - counts.connections;
            add(Metric::RoundTrips, turns as f64);
            add(
                Metric::BytesRead,
                (now.bytes_to_client - counts.bytes_to_client) as f64,
            );
        }
        Ok(used.wall_seconds)
    }

    /// Starts all of them, and waits for the last.
    fn together(&self, work: &Work, place: &Place, figures: &mut Figures) -> Result<f64> {
        let url = place.url();
        let started = Instant::now();
        let executions: Result<Vec<Execution>> = (0..work.replicas)
            .map(|_| Execution::of(&self.invocation, &url))
            .collect();
        let outcomes: Vec<Result<Usage>> = executions?.into_iter().map(Execution::finish).collect();
        let seconds = started.elapsed().as_secs_f64();
        let succeeded = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        figures.add(
            work.name,
            self.runner.name,
            Metric::Succeeded,
            succeeded as f64,
        );
        if let Some(fault) = outcomes.into_iter().find_map(Result::err) {
            let failed = work.replicas - succeeded;
            return Err(Fault::new(format!(
                "{failed} of {} failed; {fault}",
                work.replicas
            )));
        }
        figures.add(work.name, self.runner.name, Metric::Wall, seconds);
        Ok(seconds)
    }

    /// What is measured apart from the rounds, because measuring it takes time: instructions, and the server's time.
    fn costs(&self, figures: &mut Figures, work: &Work, rounds: usize) -> Result<()> {
        let Some(place) = &self.kept else {
            return Ok(());
        };
        let mut add = |metric, value| figures.add(work.name, self.runner.name, metric, value);
        if work.look == Look::Costs
            && let Some(count) = instructions::of(&self.invocation, &place.url())
        {
            add(Metric::Instructions, count);
        }
        for _ in 0..rounds {
            add(Metric::ServerTime, place.server_time(&self.invocation)?);
        }
        Ok(())
    }
}
