//! What devflow has to reach, figure by figure.

use crate::builds::BUILD;
use crate::corpus::Corpus;
use crate::figures::{Figures, MEBIBYTE, Metric, Summary};
use Target::{AtLeast, AtMost, Best, Beyond, Sql, Times};

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
    /// Its own figure of another work, and this on top.
    Beyond(&'static str, f64),
    /// A corpus's bytes of SQL, times this, and this on top.
    Sql(f64, Corpus, f64),
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
    /// A difference whose samples reach down to nothing: noise, and no figure.
    Unclear,
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

/// What a service does, and what the command does.
const EMBEDDED: &str = "embedded devflow";
const COMMAND: &str = "devflow";

/// A line each: its title, the work, whose figure, what is counted, what it is held against.
macro_rules! bars {
    ($($title:literal: $work:expr, $runner:expr, $metric:ident, $target:expr;)*) => {
        &[$(Bar {
            title: $title,
            work: $work,
            runner: $runner,
            metric: Metric::$metric,
            target: $target,
        }),*]
    };
}

/// The whole bar, in the order of the report.
pub(crate) const BARS: &[Bar] = bars! {
    "Nothing pending: round trips": "start-slow-c100", EMBEDDED, RoundTrips, AtMost(2.0);
    "Nothing pending: round trips, command": "start-slow-c100", COMMAND, RoundTrips, AtMost(2.0);
    "Nothing pending, 1,000 migrations: bytes read": "start-slow-c1000", EMBEDDED, BytesRead, AtMost(1024.0);
    "Nothing pending, 1,000 migrations: server's time": "start-c1000", EMBEDDED, ServerTime, Beyond("start-c100", 0.0018);
    "Nothing pending, 5 ms each way": "start-slow-c100", EMBEDDED, Wall, Times(1.1, "psql");
    "Nothing pending, 5 ms each way, command": "start-slow-c100", COMMAND, Wall, Times(1.1, "psql");
    "Nothing pending, 1,000 migrations": "start-c1000", EMBEDDED, Wall, Times(1.0, "embedded sqlx");
    "Nothing pending, 1,000 migrations, command": "start-c1000", COMMAND, Wall, Times(1.0, "psql");
    "Nothing pending: command's memory": "start-c100", COMMAND, ClientMemory, AtMost(8.0 * MEBIBYTE);
    "Nothing pending: command's instructions": "start-c100", COMMAND, Instructions, Times(1.0, "sqlx-cli");
    "New database: round trips": "apply-slow-c100", EMBEDDED, RoundTrips, AtMost(20.0);
    "With a ledger: round trips": "apply-slow-more", EMBEDDED, RoundTrips, AtMost(110.0);
    "New database, 5 ms each way": "apply-slow-c100", EMBEDDED, Wall, Times(0.2, "embedded sqlx");
    "With a ledger, 5 ms each way": "apply-slow-more", EMBEDDED, Wall, Times(0.4, "embedded sqlx");
    "100 migrations": "apply-c100", EMBEDDED, Wall, Times(1.0, "psql");
    "1,000 migrations": "apply-c1000", EMBEDDED, Wall, Times(1.0, "psql");
    "New database, 1,000 migrations: WAL flushes": "flushes-c1000", EMBEDDED, WalFlushes, Beyond("flushes-c100", 4.0);
    "50 replicas, first start: succeeded": "replicas-apply", EMBEDDED, Succeeded, AtLeast(50.0);
    "50 replicas, first start": "replicas-apply", EMBEDDED, Wall, Times(1.0, "embedded sqlx");
    "50 replicas, nothing pending": "replicas-start", EMBEDDED, Wall, Times(1.0, "psql");
    "20,000 INSERTs": "inserts", COMMAND, Wall, Best;
    "50 MB file": "large", COMMAND, Wall, Best;
    "50 MB file: client's memory": "large", COMMAND, ClientMemory, Sql(1.0, Corpus::Large, 20.0 * MEBIBYTE);
    "50 MB file: backend's memory": "large", COMMAND, BackendMemory, AtMost(120.0 * MEBIBYTE);
    "Build with 1,000 migrations": BUILD, EMBEDDED, BuildTime, Times(1.0, "embedded sqlx");
    "1,000 migrations in the program": BUILD, EMBEDDED, ProgramGrowth, Sql(1.1, Corpus::C1000, 0.0);
};

/// Whether the bar looks at a tool's figure of a work.
pub(crate) fn looks_at(work: &str, runner: &str) -> bool {
    BARS.iter().any(|bar| {
        let (other, peer) = match bar.target {
            Times(_, peer) => (None, peer == runner),
            Best => (None, COMPETITORS.contains(&runner)),
            Beyond(other, _) => (Some(other), false),
            AtMost(_) | AtLeast(_) | Sql(..) => (None, false),
        };
        (bar.work == work || other == Some(work)) && (bar.runner == runner || peer)
    })
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
            AtMost(number) | AtLeast(number) => (number, None),
            Times(factor, peer) => of(peer).map(|(_, found)| (factor * found.median, of(peer)))?,
            Best => {
                let best = COMPETITORS.into_iter().filter_map(of);
                let best = best.min_by(|(_, a), (_, b)| a.median.total_cmp(&b.median))?;
                (best.1.median, Some(best))
            }
            Beyond(work, more) => {
                let found = figures.of(work, self.runner, self.metric)?;
                (found.median + more, None)
            }
            Sql(factor, corpus, more) => (factor * corpus.bytes() as f64 + more, None),
        };
        let ratio = match self.target {
            AtLeast(number) => number / value.median.max(f64::MIN_POSITIVE),
            AtMost(_) | Times(..) | Best | Beyond(..) | Sql(..) => {
                value.median / target.max(f64::MIN_POSITIVE)
            }
        };
        let spread = peer.map_or(1.0, |(_, found)| found.upper_quartile / found.median);
        let is_noise = |found: Summary| found.least <= 0.0;
        let state = match ratio {
            _ if is_noise(value) || peer.is_some_and(|(_, found)| is_noise(found)) => {
                State::Unclear
            }
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
            Self::Tie => "met (tie)",
            Self::Missed => "**not met**",
            Self::Unclear => "**unclear**: its samples reach down to nothing",
        }
    }
}
