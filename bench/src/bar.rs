//! What devflow has to reach, figure by figure.

use crate::builds::BUILD;
use crate::corpus::Corpus;
use crate::figures::{Figures, MEBIBYTE, Metric, Summary};

/// One line of the bar.
pub(crate) struct Bar {
    pub(crate) title: &'static str,
    pub(crate) work: &'static str,
    pub(crate) runner: &'static str,
    pub(crate) metric: Metric,
    pub(crate) target: Target,
}

/// What a figure is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// A number that is known beforehand.
    AtMost(f64),
    /// All of them have to do it.
    AtLeast(f64),
    /// A peer's figure in the same run, times this.
    Times(f64, &'static str),
    /// The best of all peers' figures in the same run.
    Best,
}

/// How a figure compares with its target.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verdict {
    pub(crate) value: Summary,
    pub(crate) target: f64,
    /// Whose figure the target was made of.
    pub(crate) peer: Option<(&'static str, Summary)>,
    /// Above 1 is missed, whichever way the target points.
    pub(crate) ratio: f64,
    pub(crate) state: State,
}

/// Whether a target is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Met,
    /// Not as good as the target, and within the peer's own spread: three in four of its samples are no better.
    Tie,
    Missed,
}

/// The peers that compete; psql records nothing and compares with nothing.
const COMPETITORS: [&str; 6] = [
    "sqlx-cli",
    "embedded sqlx",
    "refinery_cli",
    "embedded refinery",
    "diesel",
    "dbmate",
];

/// The whole bar, in the order of the report.
pub(crate) fn bars() -> Vec<Bar> {
    let mut bars = start();
    bars.extend(apply());
    bars.extend(replicas());
    bars.extend(files());
    bars.extend(build());
    bars
}

fn bar(
    title: &'static str,
    (work, runner, metric): (&'static str, &'static str, Metric),
    target: Target,
) -> Bar {
    Bar {
        title,
        work,
        runner,
        metric,
        target,
    }
}

fn start() -> Vec<Bar> {
    use Metric::{BytesRead, ClientMemory, Instructions, RoundTrips, Wall};
    use Target::{AtMost, Times};
    const OURS: &str = "embedded devflow";
    vec![
        bar(
            "Nothing pending: round trips",
            ("start-slow-c100", OURS, RoundTrips),
            AtMost(2.0),
        ),
        bar(
            "Nothing pending: round trips, command",
            ("start-slow-c100", "devflow", RoundTrips),
            AtMost(2.0),
        ),
        bar(
            "Nothing pending, 1,000 migrations: bytes read",
            ("start-slow-c1000", OURS, BytesRead),
            AtMost(1024.0),
        ),
        bar(
            "Nothing pending, 5 ms each way",
            ("start-slow-c100", OURS, Wall),
            Times(1.1, "psql"),
        ),
        bar(
            "Nothing pending, 5 ms each way, command",
            ("start-slow-c100", "devflow", Wall),
            Times(1.1, "psql"),
        ),
        bar(
            "Nothing pending, 1,000 migrations",
            ("start-c1000", OURS, Wall),
            Times(1.0, "embedded sqlx"),
        ),
        bar(
            "Nothing pending, 1,000 migrations, command",
            ("start-c1000", "devflow", Wall),
            Times(1.0, "psql"),
        ),
        bar(
            "Nothing pending: command's memory",
            ("start-c100", "devflow", ClientMemory),
            AtMost(8.0 * MEBIBYTE),
        ),
        bar(
            "Nothing pending: command's instructions",
            ("start-c100", "devflow", Instructions),
            Times(1.0, "sqlx-cli"),
        ),
    ]
}

fn apply() -> Vec<Bar> {
    use Metric::{RoundTrips, Wall};
    use Target::{AtMost, Times};
    const OURS: &str = "embedded devflow";
    vec![
        bar(
            "New database: round trips",
            ("apply-slow-c100", OURS, RoundTrips),
            AtMost(20.0),
        ),
        bar(
            "With a ledger: round trips",
            ("apply-slow-more", OURS, RoundTrips),
            AtMost(110.0),
        ),
        bar(
            "New database, 5 ms each way",
            ("apply-slow-c100", OURS, Wall),
            Times(0.2, "embedded sqlx"),
        ),
        bar(
            "With a ledger, 5 ms each way",
            ("apply-slow-more", OURS, Wall),
            Times(0.4, "embedded sqlx"),
        ),
        bar(
            "100 migrations",
            ("apply-c100", OURS, Wall),
            Times(1.0, "psql"),
        ),
        bar(
            "1,000 migrations",
            ("apply-c1000", OURS, Wall),
            Times(1.0, "psql"),
        ),
        bar(
            "New database: WAL flushes",
            ("apply-c100", OURS, Metric::WalFlushes),
            AtMost(20.0),
        ),
    ]
}

fn replicas() -> Vec<Bar> {
    use Metric::{Succeeded, Wall};
    use Target::{AtLeast, Times};
    const OURS: &str = "embedded devflow";
    vec![
        bar(
            "50 replicas, first start: succeeded",
            ("replicas-apply", OURS, Succeeded),
            AtLeast(50.0),
        ),
        bar(
            "50 replicas, first start",
            ("replicas-apply", OURS, Wall),
            Times(1.0, "embedded sqlx"),
        ),
        bar(
            "50 replicas, nothing pending",
            ("replicas-start", OURS, Wall),
            Times(1.0, "psql"),
        ),
    ]
}

fn files() -> Vec<Bar> {
    use Metric::{BackendMemory, ClientMemory, Wall};
    use Target::{AtMost, Best};
    let file = Corpus::Large.bytes() as f64;
    vec![
        bar("20,000 INSERTs", ("inserts", "devflow", Wall), Best),
        bar("50 MB file", ("large", "devflow", Wall), Best),
        bar(
            "50 MB file: client's memory",
            ("large", "devflow", ClientMemory),
            AtMost(file + 20.0 * MEBIBYTE),
        ),
        bar(
            "50 MB file: backend's memory",
            ("large", "devflow", BackendMemory),
            AtMost(120.0 * MEBIBYTE),
        ),
    ]
}

fn build() -> Vec<Bar> {
    use Metric::{BuildTime, ProgramGrowth};
    use Target::{AtMost, Times};
    const OURS: &str = "embedded devflow";
    let sql = Corpus::C1000.bytes() as f64;
    vec![
        bar(
            "Build with 1,000 migrations",
            (BUILD, OURS, BuildTime),
            Times(1.0, "embedded sqlx"),
        ),
        bar(
            "1,000 migrations in the program",
            (BUILD, OURS, ProgramGrowth),
            AtMost(1.1 * sql),
        ),
    ]
}

impl Bar {
    /// Compares; none where one of the two was not measured.
    pub(crate) fn verdict(&self, figures: &Figures) -> Option<Verdict> {
        let value = figures.of(self.work, self.runner, self.metric)?;
        let of = |peer| {
            figures
                .of(self.work, peer, self.metric)
                .map(|found| (peer, found))
        };
        let (target, peer) = match self.target {
            Target::AtMost(number) | Target::AtLeast(number) => (number, None),
            Target::Times(factor, peer) => {
                of(peer).map(|(_, found)| (factor * found.median, of(peer)))?
            }
            Target::Best => {
                let best = COMPETITORS.into_iter().filter_map(of);
                let best = best.min_by(|(_, a), (_, b)| a.median.total_cmp(&b.median))?;
                (best.1.median, Some(best))
            }
        };
        let ratio = match self.target {
            Target::AtLeast(number) => number / value.median.max(f64::MIN_POSITIVE),
            Target::AtMost(_) | Target::Times(..) | Target::Best => value.median / target,
        };
        let spread = peer.map_or(1.0, |(_, found)| found.upper_quartile / found.median);
        let state = match ratio {
            ratio if ratio <= 1.0 => State::Met,
            ratio if ratio <= spread => State::Tie,
            _ => State::Missed,
        };
        Some(Verdict {
            value,
            target,
            peer,
            ratio,
            state,
        })
    }
}

impl State {
    /// In the report.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Tie => "tie",
            Self::Missed => "**missed**",
        }
    }
}
