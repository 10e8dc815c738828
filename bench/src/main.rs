//! Runs devflow and its peers side by side, and writes down what each of them needed.
//!
//! `runner.rs` has the tools and `work.rs` what is done with each, a row each; `trial.rs` does one work with all of them
//! in turns; `bar.rs` has what devflow has to reach. `./bench/run` builds this program and starts it.

mod arguments;
mod bar;
mod builds;
mod corpus;
mod execution;
mod fault;
mod figures;
mod instructions;
mod machine;
mod observer;
mod plot;
mod programs;
mod ratios;
mod report;
mod runner;
mod stage;
mod trial;
mod work;

use arguments::Arguments;
use bar::{Bar, bars};
use builds::BUILD;
use corpus::Corpus;
use fault::{Fault, Result};
use figures::Figures;
use plot::Plot;
use ratios::Ratios;
use report::{Circumstances, Report};
use runner::{Form, RUNNERS, Runner};
use stage::Stage;
use std::fs;
use trial::Rounds;
use work::WORKS;

fn main() -> Result<()> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    Corpus::ALL.into_iter().try_for_each(Corpus::generate)?;
    let (runners, mut missing) = build(&arguments);
    if !instructions::can_be_counted() {
        missing.push("instructions: Valgrind is not installed".to_owned());
    }
    let before = machine::load();
    let stage = Stage::open();
    let mut figures = Figures::default();
    let failures = measure(&arguments, &stage, &runners, &mut figures)?;
    let circumstances = Circumstances {
        date: arguments.date.clone().map_or_else(today, Ok)?,
        versions: versions(&stage, &runners)?,
        machine: machine::description()?,
        load: (before, machine::load()),
        quick: arguments.quick,
        failures,
        missing,
    };
    write(&arguments, &figures, &circumstances)
}

const RUNNERS_IN_ORDER: &[Runner] = &RUNNERS;

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
        let mut corpora = works
            .map(|work| work.corpus)
            .filter(|corpus| runner.takes(*corpus));
        match corpora.try_for_each(|corpus| programs::program(runner.form, corpus).map(drop)) {
            Ok(()) => runners.push(runner),
            Err(fault) => missing.push(format!("{}: {fault}", runner.name)),
        }
    }
    (runners, missing)
}

fn measure(
    arguments: &Arguments,
    stage: &Stage,
    runners: &[&'static Runner],
    figures: &mut Figures,
) -> Result<Vec<String>> {
    let rounds = Rounds::chosen(arguments.quick, arguments.rounds);
    let mut failures = Vec::new();
    for work in WORKS
        .iter()
        .filter(|work| arguments.wants(work.name, work.quick))
    {
        eprintln!("==> {}", work.title);
        let failed = trial::run(stage, work, runners, rounds, figures)?;
        failures.extend(
            failed
                .into_iter()
                .map(|line| format!("{}: {line}", work.title)),
        );
    }
    if arguments.wants(BUILD, false) {
        eprintln!("==> building with 1,000 migrations");
        builds::measure(figures)?;
    }
    Ok(failures)
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

/// Writes the report, its pictures and the ratios, and says how each line of the bar stands.
fn write(arguments: &Arguments, figures: &Figures, circumstances: &Circumstances) -> Result<()> {
    let folder = &arguments.out;
    fs::create_dir_all(folder).map_err(|error| Fault::at(folder, error))?;
    let kept = folder.join("ratios.json");
    let earlier = Ratios::read(&kept)?;
    let bars = bars();
    let plots = Plot::all(figures);
    for plot in &plots {
        plot.draw(folder)?;
    }
    let report = Report {
        bars: &bars,
        figures,
        earlier: &earlier,
        circumstances,
        plots: &plots,
    };
    let file = folder.join("README.md");
    fs::write(&file, report.markdown()).map_err(|error| Fault::at(&file, error))?;
    let now = Ratios::of(&bars, figures);
    say(&bars, figures, &now, &earlier);
    now.write(&kept, &earlier)?;
    println!("{}", file.display());
    Ok(())
}

fn say(bars: &[Bar], figures: &Figures, now: &Ratios, earlier: &Ratios) {
    for bar in bars {
        let Some(verdict) = bar.verdict(figures) else {
            continue;
        };
        let change = now.change(earlier, bar.title);
        let change = change.map_or_else(String::new, |percent| format!(" ({percent:+.0} %)"));
        let (word, ratio) = (verdict.state.word(), verdict.ratio);
        println!("{word:10} {ratio:6.2}{change} {}", bar.title);
    }
}
