//! Runs devflow and its peers side by side, and writes down what each of them needed.
//!
//! `runner.rs` has the tools and `work.rs` what is done with each, a row each; `trial.rs` does one work with all of them
//! in turns; `bar.rs` has what devflow has to reach, and `why.rs` why it did not. `./bench/run` builds this program and starts it.

mod arguments;
mod bar;
mod builds;
mod corpus;
mod databases;
mod execution;
mod facts;
mod fault;
mod figures;
mod growth;
mod instructions;
mod machine;
mod observer;
mod plot;
mod programs;
mod ratios;
mod report;
mod runner;
mod showcase;
mod stage;
mod trial;
mod why;
mod work;

use arguments::{Arguments, Instead};
use bar::BARS;
use builds::BUILD;
use corpus::Corpus;
use fault::{Fault, Result};
use figures::Figures;
use plot::Plot;
use ratios::Ratios;
use report::{Circumstances, Report};
use runner::{Form, RUNNERS_IN_ORDER, Runner};
use stage::Stage;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};
use trial::Rounds;
use work::WORKS;

fn main() -> Result<()> {
    let started = Instant::now();
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    match arguments.instead {
        Some(Instead::Growth) => return growth::print(&Stage::open()),
        Some(Instead::Facts) => return facts::print(),
        Some(Instead::Databases) => return databases::print(),
        None => {}
    }
    Corpus::ALL.into_iter().try_for_each(Corpus::generate)?;
    let (runners, missing) = build(&arguments);
    machine::settle();
    let stage = Stage::open();
    let mut circumstances = Circumstances {
        date: arguments.date.clone().map_or_else(today, Ok)?,
        versions: versions(&stage, &runners)?,
        machine: machine::description()?,
        load: (machine::load(), machine::load()),
        built_in: started.elapsed(),
        measured_in: Duration::ZERO,
        quick: arguments.quick,
        failures: Vec::new(),
        missing,
    };
    if !instructions::can_be_counted() {
        let missing = "instructions: Valgrind is not installed";
        circumstances.missing.push(missing.to_owned());
    }
    measure(&arguments, &stage, &runners, &mut circumstances)
}

/// Installs and builds every program first, so that no build disturbs a measurement. A tool that cannot be had here is
/// left out, and named.
fn build(arguments: &Arguments) -> (Vec<&'static Runner>, Vec<String>) {
    let mut runners = Vec::new();
    let mut missing = Vec::new();
    let chosen = |runner: &&Runner| runner.quick || !arguments.quick;
    for runner in RUNNERS_IN_ORDER.iter().filter(chosen) {
        let works = WORKS
            .iter()
            .filter(|work| arguments.wants(work.name, work.quick));
        let mut corpora: Vec<Corpus> = works.map(|work| work.corpus).collect();
        corpora.retain(|corpus| runner.takes(*corpus));
        corpora.sort_unstable();
        corpora.dedup();
        let built = corpora
            .into_iter()
            .try_for_each(|corpus| programs::program(runner.form, corpus).map(drop));
        match built {
            Ok(()) => runners.push(runner),
            Err(fault) => missing.push(format!("{}: {fault}", runner.name)),
        }
    }
    (runners, missing)
}

/// Does all works, and writes the report after each: a run that is cut off leaves what it had.
fn measure(
    arguments: &Arguments,
    stage: &Stage,
    runners: &[&'static Runner],
    circumstances: &mut Circumstances,
) -> Result<()> {
    let started = Instant::now();
    let minutes = |number| Duration::from_secs(60 * number as u64);
    let end = arguments.minutes.map(|number| started + minutes(number));
    let rounds = Rounds::chosen(arguments.quick, arguments.rounds, end);
    let folder = arguments.folder();
    let kept = folder.join("ratios.json");
    let earlier = Ratios::read(&kept)?;
    let mut figures = Figures::default();
    for (name, title) in jobs(arguments) {
        if rounds.are_over() {
            circumstances
                .missing
                .push(format!("{title}: no time was left"));
            continue;
        }
        eprintln!("==> {:4.0} s: {title}", started.elapsed().as_secs_f64());
        let failed = match WORKS.iter().find(|work| work.name == name) {
            Some(work) => trial::run(stage, work, runners, rounds, &mut figures)?,
            None => builds::measure(&mut figures, rounds),
        };
        let failed = failed.into_iter().map(|line| format!("{title}: {line}"));
        circumstances.failures.extend(failed);
        circumstances.measured_in = started.elapsed();
        circumstances.load.1 = machine::load();
        write(&folder, &figures, circumstances, &earlier)?;
    }
    if arguments.is_for_readers() {
        let readme = programs::workspace().join("../README.md");
        showcase::put(&readme, &figures, &Plot::all(&figures))?;
    }
    let now = Ratios::of(&figures);
    say(&figures, &now, &earlier);
    now.write(&kept, &earlier)?;
    println!("{}", folder.join("README.md").display());
    Ok(())
}

/// What is to be measured, by name and title.
fn jobs(arguments: &Arguments) -> Vec<(&'static str, &'static str)> {
    let works = WORKS
        .iter()
        .filter(|work| arguments.wants(work.name, work.quick));
    let mut jobs: Vec<_> = works.map(|work| (work.name, work.title)).collect();
    if arguments.wants(BUILD, false) {
        jobs.push((BUILD, builds::TITLE));
    }
    jobs
}

fn versions(stage: &Stage, runners: &[&Runner]) -> Result<Vec<String>> {
    let forms: Vec<Form> = runners.iter().map(|runner| runner.form).collect();
    let mut versions = programs::versions(&forms)?;
    versions.insert(0, stage.server_version());
    Ok(versions)
}

fn today() -> Result<String> {
    programs::says("date", &["-u", "+%Y-%m-%d"])
}

/// Writes the report and its pictures.
fn write(
    folder: &Path,
    figures: &Figures,
    circumstances: &Circumstances,
    earlier: &Ratios,
) -> Result<()> {
    fs::create_dir_all(folder).map_err(|error| Fault::at(folder, error))?;
    let plots = Plot::all(figures);
    plots.iter().try_for_each(|plot| plot.draw(folder))?;
    let report = Report {
        figures,
        earlier,
        circumstances,
        plots: &plots,
    };
    let file = folder.join("README.md");
    fs::write(&file, report.markdown()).map_err(|error| Fault::at(&file, error))
}

/// Says how each line of the bar stands, and how that has changed.
fn say(figures: &Figures, now: &Ratios, earlier: &Ratios) {
    for bar in BARS {
        let Some(verdict) = bar.verdict(figures) else {
            continue;
        };
        let change = now.change(earlier, bar.title);
        let change = change.map_or_else(String::new, |percent| format!(" ({percent:+.0} %)"));
        let (word, ratio) = (verdict.state.word(), verdict.ratio);
        println!("{word:11} {ratio:6.2}{change} {}", bar.title);
    }
}
