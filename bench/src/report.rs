//! The report, in Markdown.

use crate::bar::{BARS, Bar, State, Target, Verdict};
use crate::builds::{self, BUILD};
use crate::figures::{Figures, Metric, Summary};
use crate::machine;
use crate::plot::Plot;
use crate::ratios::Ratios;
use crate::runner::RUNNERS;
use crate::why::WHY;
use crate::work::WORKS;
use std::time::Duration;

/// What stands around the figures.
pub(crate) struct Circumstances {
    pub(crate) date: String,
    pub(crate) versions: Vec<String>,
    pub(crate) machine: Vec<String>,
    /// The load of the machine's last minute, before and after.
    pub(crate) load: (f64, f64),
    /// How long it took to install and build everything.
    pub(crate) built_in: Duration,
    /// How long the measurements took.
    pub(crate) measured_in: Duration,
    pub(crate) quick: bool,
    /// Tools that failed, and at what.
    pub(crate) failures: Vec<String>,
    /// What was not measured here, and why.
    pub(crate) missing: Vec<String>,
}

/// All that a report is made of.
pub(crate) struct Report<'a> {
    pub(crate) figures: &'a Figures,
    pub(crate) earlier: &'a Ratios,
    pub(crate) circumstances: &'a Circumstances,
    pub(crate) plots: &'a [Plot],
}

const INTRODUCTION: &str = "\
`./bench/run` wrote this file. It runs devflow and its peers in turns, in one run, on a server that it starts for itself;
after each run it holds what the tool has left in the database against what the others have left.
";

const READING: &str = "\
A figure is the median of its samples; their range stands behind it. Of the times, read the ratios: the seconds belong to
the machine. Round trips, bytes, memory and instructions hold on any machine. A figure that is not as good as the bar
is met as a tie when the peer's own upper quartile is no better.

Each figure has at least 21 rounds, or 7 where a tool of the work takes more than a second; there, tools that the bar does
not look at have 1 or 3. Within a round each tool comes once, and each round begins with another one.
";

const LIMITS: &str = "\
* Client and server share one machine and its processors. Where they do not, the client's part is smaller and the link's
  larger.
* The slow link is a proxy that keeps everything for 5 ms each way. It loses nothing, and its bandwidth is that of loopback.
* Nobody else uses the server: no migration waits for anybody's lock.
* TLS is off and every login is trusted. Either costs each tool further round trips before the first that is counted.
* The migrations are generated and alike: a table, an index and a comment. Real ones spend more of their time in the server.
* psql keeps no ledger, takes no lock and compares nothing. It is the floor, not a competitor.
* The backend's memory includes the buffers that it shares with others, 64 MiB here.
* While flushes are counted, the log's writer, which flushes by the clock and for each megabyte, is kept quiet: nobody waits
  for it. Each full segment of 16 MB is flushed once more, whoever fills it; 1,000 migrations fill a few.
* A build's time is one of the processor. How long it takes depends on how many of them there are.
";

impl Report<'_> {
    /// The whole file.
    pub(crate) fn markdown(&self) -> String {
        let mut parts = vec![
            "# Measured side by side\n".to_owned(),
            INTRODUCTION.to_owned(),
            self.circumstances.markdown(),
            format!("## The bar\n\n{READING}"),
            self.bar_table(),
        ];
        parts.extend(self.reasons());
        parts.extend(self.plots.iter().map(Plot::markdown));
        parts.extend(
            WORKS
                .iter()
                .filter_map(|work| self.section(work.name, work.title)),
        );
        parts.extend(self.section(BUILD, builds::TITLE));
        parts.push(format!("## What it does not show\n\n{LIMITS}"));
        parts.join("\n")
    }

    fn bar_table(&self) -> String {
        let mut table = "\
| work | bar | devflow | compared with | ratio | verdict | change |
| --- | --- | --- | --- | --- | --- | --- |
"
        .to_owned();
        let now = Ratios::of(self.figures);
        for bar in BARS {
            let change = now.change(self.earlier, bar.title);
            let change = change.map_or_else(String::new, |percent| format!("{percent:+.0} %"));
            table.push_str(&match bar.verdict(self.figures) {
                Some(verdict) => bar_row(bar, &verdict, &change),
                None => format!(
                    "| {} | {} | | | | not measured | |\n",
                    bar.title,
                    bar.words()
                ),
            });
        }
        table
    }

    /// Why a figure is not what the bar asks for; none where all are.
    fn reasons(&self) -> Option<String> {
        let missed = |title| {
            let mut bars = BARS.iter().filter(|bar| bar.title == title);
            let verdict = bars.find_map(|bar| bar.verdict(self.figures));
            verdict.is_some_and(|verdict| matches!(verdict.state, State::Missed | State::Unclear))
        };
        let reasons = WHY.iter().filter(|(title, _)| missed(*title));
        let lines: Vec<String> = reasons
            .map(|(title, why)| format!("* **{title}**: {why}"))
            .collect();
        (!lines.is_empty()).then(|| format!("Why not:\n\n{}\n", lines.join("\n")))
    }

    /// What every tool needed for one work; none where it was not done.
    fn section(&self, work: &str, title: &str) -> Option<String> {
        let metrics = self.figures.metrics(work);
        if metrics.is_empty() {
            return None;
        }
        let titles: Vec<&str> = metrics.iter().map(|metric| metric.title()).collect();
        let mut section = format!("## {title}\n\n| | {} |\n|", titles.join(" | "));
        section.push_str(&" --- |".repeat(metrics.len() + 1));
        section.push('\n');
        for runner in &RUNNERS {
            let found = |metric: &Metric| self.figures.of(work, runner.name, *metric);
            if metrics.iter().any(|metric| found(metric).is_some()) {
                let cells: Vec<String> = metrics.iter().map(|m| cell(*m, found(m))).collect();
                section.push_str(&format!("| {} | {} |\n", runner.name, cells.join(" | ")));
            }
        }
        Some(section)
    }
}

impl Circumstances {
    fn markdown(&self) -> String {
        let (before, after) = self.load;
        let mut lines = vec![format!("* {}", self.date)];
        lines.extend(
            self.versions
                .iter()
                .chain(&self.machine)
                .map(|line| format!("* {line}")),
        );
        lines.push(format!(
            "* load average before the run {before:.1}, after it {after:.1}"
        ));
        lines.push(format!(
            "* measured in {}; before that, what was missing was installed and built in {}",
            minutes(self.measured_in),
            minutes(self.built_in)
        ));
        if before > machine::BUSY {
            lines.push(
                "* **The machine was busy with other work: the times below are a rehearsal.**"
                    .to_owned(),
            );
        }
        if self.quick {
            lines.push(
                "* A quick run: few rounds, and only some of the works and the tools.".to_owned(),
            );
        }
        lines.extend(
            self.missing
                .iter()
                .map(|line| format!("* not measured: {line}")),
        );
        lines.extend(
            self.failures
                .iter()
                .map(|line| format!("* failed: {}", one_line(line))),
        );
        lines.join("\n") + "\n"
    }
}

fn minutes(time: Duration) -> String {
    format!("{:.1} minutes", time.as_secs_f64() / 60.0)
}

/// Of what a tool says when it fails, the beginning is enough.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(300).collect()
}

fn bar_row(bar: &Bar, verdict: &Verdict, change: &str) -> String {
    let peer = verdict.peer.map_or_else(String::new, |(name, found)| {
        format!("{name} {}", cell(bar.metric, Some(found)))
    });
    let value = cell(bar.metric, Some(verdict.value));
    let state = match verdict.state {
        State::Met | State::Tie | State::Unclear => verdict.state.word().to_owned(),
        State::Missed => format!(
            "{} by {}",
            verdict.state.word(),
            bar.metric
                .show((verdict.value.median - verdict.target).abs())
        ),
    };
    let (title, words, ratio) = (bar.title, bar.words(), verdict.ratio);
    format!("| {title} | {words} | {value} | {peer} | {ratio:.2} | {state} | {change} |\n")
}

/// A median and its range; a count that never varies has none.
fn cell(metric: Metric, summary: Option<Summary>) -> String {
    let Some(found) = summary else {
        return String::new();
    };
    let median = metric.show(found.median);
    let (least, most) = (metric.show(found.least), metric.show(found.most));
    if least == most {
        return median;
    }
    format!("{median} ({least} to {most}, {})", found.samples)
}

impl Bar {
    /// The target, in words.
    fn words(&self) -> String {
        match self.target {
            Target::AtMost(number) => format!("at most {}", self.metric.show(number)),
            Target::AtLeast(number) => format!("at least {}", self.metric.show(number)),
            Target::Times(1.0, peer) => format!("at most {peer}"),
            Target::Times(factor, peer) => format!("at most {factor} × {peer}"),
            Target::Best => "at most the best peer".to_owned(),
            Target::Beyond(_, more) => {
                format!("at most {} more than with 100", self.metric.show(more))
            }
            Target::Sql(factor, _, 0.0) => format!("at most {factor} × the SQL"),
            Target::Sql(_, _, more) => format!("at most the file + {}", self.metric.show(more)),
        }
    }
}
