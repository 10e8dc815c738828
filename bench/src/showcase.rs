//! What the README shows of a whole run: one plot and three sentences, between two marks.

use crate::fault::{Fault, Result};
use crate::figures::{Figures, Metric};
use crate::plot::Plot;
use std::fs;
use std::path::Path;

const BEGIN: &str = "<!-- ./bench/run writes from here -->\n";
const END: &str = "<!-- to here -->\n";

/// Writes it into a README that has the marks. Nothing is written while a figure is missing.
///
/// # Errors
/// When the README has no marks, or cannot be read or written.
pub(crate) fn put(readme: &Path, figures: &Figures, plots: &[Plot]) -> Result<()> {
    let Some(text) = text(figures, plots) else {
        return Ok(());
    };
    let page = fs::read_to_string(readme).map_err(|error| Fault::at(readme, error))?;
    let marked = page
        .split_once(BEGIN)
        .and_then(|(before, rest)| rest.split_once(END).map(|(_, after)| (before, after)));
    let (before, after) = marked.ok_or_else(|| Fault::at(readme, "its marks are missing"))?;
    let page = format!("{before}{BEGIN}{text}{END}{after}");
    fs::write(readme, page).map_err(|error| Fault::at(readme, error))
}

fn text(figures: &Figures, plots: &[Plot]) -> Option<String> {
    let took = |work, runner| {
        let found = figures.of(work, runner, Metric::Wall)?;
        Some(Metric::Wall.show(found.median))
    };
    let plot = plots.iter().find(|plot| plot.shows("apply-slow-c100"))?;
    Some(format!(
        "## How fast

{}
Over a link of 5 ms each way, a service applies 100 migrations to a new database in {}, where one with sqlx needs {}. With
nothing pending its start takes {}; psql with one query takes {}, and a service with sqlx {}.
[docs/benchmarks](docs/benchmarks/README.md) has every figure beside those of the other tools, and says which of them are
not what they should be.

",
        plot.markdown_in("docs/benchmarks/"),
        took("apply-slow-c100", "embedded devflow")?,
        took("apply-slow-c100", "embedded sqlx")?,
        took("start-slow-c100", "embedded devflow")?,
        took("start-slow-c100", "psql")?,
        took("start-slow-c100", "embedded sqlx")?,
    ))
}
