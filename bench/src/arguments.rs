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
    /// Where the report goes.
    pub(crate) out: PathBuf,
    /// The report's date; without one the system's.
    pub(crate) date: Option<String>,
}

const USAGE: &str = "\
usage: bench/run [--quick] [--only WORK] [--rounds N] [--out FOLDER] [--date DATE]

  --quick         few rounds, and only some of the works and the tools
  --only WORK     only works whose name contains this, such as start or apply-slow
  --rounds N      how many times each tool does each work (21, or 7 where one takes more than a second)
  --out FOLDER    where the report goes (docs/benchmarks; of a quick or partial run bench/target/report)
  --date DATE     the report's date (today)";

impl Arguments {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let (mut quick, mut only, mut rounds, mut out, mut date) = (false, None, None, None, None);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| Fault::new(USAGE));
            match word.as_str() {
                "--quick" => quick = true,
                "--only" => only = Some(value()?),
                "--rounds" => rounds = Some(count(&value()?)?),
                "--out" => out = Some(PathBuf::from(value()?)),
                "--date" => date = Some(value()?),
                _ => return Err(Fault::new(USAGE)),
            }
        }
        let whole = !quick && only.is_none() && rounds.is_none();
        let folder = if whole {
            "../docs/benchmarks"
        } else {
            "target/report"
        };
        let out = out.unwrap_or_else(|| crate::programs::workspace().join(folder));
        Ok(Self {
            quick,
            only,
            rounds,
            out,
            date,
        })
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
