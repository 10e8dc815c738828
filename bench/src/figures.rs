//! What was measured, and its medians.

use std::collections::BTreeMap;

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Metric {
    /// From the start of a program to its end; of several, to the end of the last.
    Wall,
    /// Waits of the client, and one for each connection's start-up.
    RoundTrips,
    /// From the server, start-up included.
    BytesRead,
    /// Flushes of the server's log to disk.
    WalFlushes,
    /// The most that the client had in memory.
    ClientMemory,
    /// The most that the server's process had in memory, what it shares with others included.
    BackendMemory,
    /// Between a message's arrival at the server and its answer, of all messages of a run together.
    ServerTime,
    /// Of the processor, as callgrind counts them.
    Instructions,
    /// How many of several ended well.
    Succeeded,
    /// Time of the processor, beyond that of the same program with one migration.
    BuildTime,
    /// Bytes of the program, beyond those of the same program with one migration.
    ProgramGrowth,
}

/// Which figure it is: what was done, who did it, what was counted.
type Key = (&'static str, &'static str, Metric);

/// Everything that was measured in one run.
#[derive(Debug, Default)]
pub(crate) struct Figures(BTreeMap<Key, Vec<f64>>);

/// One figure's middle and its range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
    /// Three quarters of the samples are at most this.
    pub(crate) upper_quartile: f64,
    pub(crate) samples: usize,
}

impl Figures {
    pub(crate) fn add(
        &mut self,
        work: &'static str,
        runner: &'static str,
        metric: Metric,
        value: f64,
    ) {
        self.0
            .entry((work, runner, metric))
            .or_default()
            .push(value);
    }

    pub(crate) fn of(&self, work: &str, runner: &str, metric: Metric) -> Option<Summary> {
        let mut keys = self.0.iter();
        keys.find(|((w, r, m), _)| *w == work && *r == runner && *m == metric)
            .map(|(_, samples)| Summary::of(samples))
    }

    /// What was counted while a work was done.
    pub(crate) fn metrics(&self, work: &str) -> Vec<Metric> {
        let keys = self.0.keys().filter(|(found, ..)| *found == work);
        let mut metrics: Vec<Metric> = keys.map(|(.., metric)| *metric).collect();
        metrics.sort_unstable();
        metrics.dedup();
        metrics
    }
}

impl Summary {
    pub(crate) fn of(samples: &[f64]) -> Self {
        let mut sorted = samples.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let last = sorted.len() - 1;
        Self {
            median: f64::midpoint(sorted[last / 2], sorted[last.div_ceil(2)]),
            least: sorted[0],
            most: sorted[last],
            upper_quartile: sorted[(last * 3).div_ceil(4)],
            samples: sorted.len(),
        }
    }
}

impl Metric {
    /// What heads its column.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Wall => "time",
            Self::RoundTrips => "round trips",
            Self::BytesRead => "bytes read",
            Self::WalFlushes => "WAL flushes",
            Self::ClientMemory => "client's memory",
            Self::BackendMemory => "backend's memory",
            Self::ServerTime => "server's time",
            Self::Instructions => "instructions",
            Self::Succeeded => "succeeded",
            Self::BuildTime => "processor time",
            Self::ProgramGrowth => "program's growth",
        }
    }

    /// A value with its unit.
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Self::ServerTime => format!("{:.2} ms", value * 1e3),
            Self::Wall | Self::BuildTime if value < 1.0 => format!("{:.1} ms", value * 1e3),
            Self::Wall | Self::BuildTime => format!("{value:.2} s"),
            Self::BytesRead => format!("{value:.0} B"),
            Self::ClientMemory | Self::BackendMemory => format!("{:.1} MiB", value / MEBIBYTE),
            Self::ProgramGrowth => format!("{:.0} KiB", value / 1024.0),
            Self::Instructions => format!("{:.1} M", value / 1e6),
            Self::RoundTrips | Self::WalFlushes | Self::Succeeded => format!("{value:.0}"),
        }
    }
}

pub(crate) const MEBIBYTE: f64 = 1024.0 * 1024.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_however_many_there_are() {
        assert_eq!(Summary::of(&[3.0, 1.0, 2.0]).median, 2.0);
        assert_eq!(Summary::of(&[4.0, 1.0, 2.0, 3.0]).median, 2.5);
        let one = Summary::of(&[7.0]);
        assert_eq!((one.least, one.upper_quartile, one.most), (7.0, 7.0, 7.0));
    }
}
