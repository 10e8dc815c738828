//! The command line.

use crate::builds::BUILD;
use crate::fault::{Fault, Result};
use crate::work::WORKS;
use std::path::PathBuf;

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// Few rounds, and only some of the works and the tools.
    pub(crate) quick: bool,
    /// Only works whose name contains this.
    pub(crate) only: Option<String>,
    /// How many times each tool does each work, where it was said.
    pub(crate) rounds: Option<usize>,
    /// After how many minutes nothing more is begun.
    pub(crate) minutes: Option<usize>,
    /// What to print instead of the report.
    pub(crate) instead: Option<Instead>,
    /// Where the report goes, where it was said.
    out: Option<PathBuf>,
    /// The report's date; without one the system's.
    pub(crate) date: Option<String>,
}

/// What is printed instead of the report.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Instead {
    /// What grows with what.
    Growth,
    /// What each tool does where something is wrong.
    Facts,
    /// 350 tests with a database each.
    Databases,
}

const USAGE: &str = "\
usage: bench/run [--quick] [--only WORK] [--rounds N] [--minutes N] [--out FOLDER] [--date DATE]
       bench/run --growth | --facts | --databases
       bench/run --micro

  --quick         few rounds, and only some of the works and the tools
  --only WORK     only works whose name contains this, such as start or apply-slow
  --rounds N      how many times each tool does each work (21, or 7 where one takes more than a second)
  --minutes N     begin nothing more when that many have passed; the report says what is missing
  --out FOLDER    where the report goes (docs/benchmarks; of a quick or partial run bench/target/report)
  --date DATE     the report's date (today)
  --growth        what grows with migrations, rows, replicas and bytes, as tables for docs/performance.md
  --facts         what each command does where something is wrong, as a table for docs/comparison.md
  --databases     350 tests with a database of 300 migrations each, as tables for docs/testing.md
  --micro         the reader, the checker, the planner and the splitter alone, with Criterion";

impl Arguments {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let (mut quick, mut instead, mut only) = (false, None, None);
        let (mut rounds, mut minutes) = (None, None);
        let (mut out, mut date) = (None, None);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| Fault::new(USAGE));
            match word.as_str() {
                "--quick" => quick = true,
                "--only" => only = Some(value()?),
                "--rounds" => rounds = Some(count(&value()?)?),
                "--minutes" => minutes = Some(count(&value()?)?),
                "--growth" => instead = Some(Instead::Growth),
                "--databases" => instead = Some(Instead::Databases),
                "--facts" => instead = Some(Instead::Facts),
                "--out" => out = Some(PathBuf::from(value()?)),
                "--date" => date = Some(value()?),
                _ => return Err(Fault::new(USAGE)),
            }
        }
        Ok(Self {
            quick,
            only,
            rounds,
            minutes,
            instead,
            out,
            date,
        })
    }

    /// Whether everything is measured, as often as it should be, for the repository: only that is shown to readers.
    pub(crate) fn is_for_readers(&self) -> bool {
        !self.quick && self.only.is_none() && self.rounds.is_none() && self.out.is_none()
    }

    /// Where the report goes.
    pub(crate) fn folder(&self) -> PathBuf {
        let usual = match self.is_for_readers() {
            true => "../docs/benchmarks",
            false => "target/report",
        };
        let usual = || crate::programs::workspace().join(usual);
        self.out.clone().unwrap_or_else(usual)
    }

    /// Whether a work of this name is to be done.
    pub(crate) fn wants(&self, work: &str, quick: bool) -> bool {
        let chosen = match self.only.as_deref() {
            Some(only) if is_name(only) => work == only,
            Some(part) => work.contains(part),
            None => true,
        };
        chosen && (quick || !self.quick)
    }
}

/// Whether it is a work's whole name, which may be the beginning of another's.
fn is_name(word: &str) -> bool {
    word == BUILD || WORKS.iter().any(|work| work.name == word)
}

fn count(word: &str) -> Result<usize> {
    let number = word.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| Fault::new(USAGE))
}
