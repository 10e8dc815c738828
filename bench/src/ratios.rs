//! The last run's figures as ratios, so that a change can be told.

use crate::bar::BARS;
use crate::fault::{Fault, Result};
use crate::figures::Figures;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Each line of the bar, and how its figure compared with its target.
#[derive(Debug, Default)]
pub(crate) struct Ratios(BTreeMap<String, f64>);

impl Ratios {
    /// This run's.
    pub(crate) fn of(figures: &Figures) -> Self {
        let measured = BARS.iter().filter_map(|bar| {
            let verdict = bar.verdict(figures)?;
            Some((bar.title.to_owned(), (verdict.ratio * 1e3).round() / 1e3))
        });
        Self(measured.collect())
    }

    /// The ones that an earlier run has kept; none where there was no earlier run.
    pub(crate) fn read(file: &Path) -> Result<Self> {
        match fs::read(file) {
            Ok(text) => serde_json::from_slice(&text).map(Self),
            Err(_) => Ok(Self::default()),
        }
        .map_err(|error| Fault::at(file, error))
    }

    /// Keeps them, with the earlier ones of what was not measured this time.
    pub(crate) fn write(&self, file: &Path, earlier: &Self) -> Result<()> {
        let mut all = earlier.0.clone();
        all.extend(self.0.clone());
        let text = serde_json::to_string_pretty(&all).map_err(|error| Fault::at(file, error))?;
        fs::write(file, text + "\n").map_err(|error| Fault::at(file, error))
    }

    /// How much a line's ratio has changed, in per cent; none where it was not measured before.
    pub(crate) fn change(&self, earlier: &Self, title: &str) -> Option<f64> {
        let (now, before) = (self.0.get(title)?, earlier.0.get(title)?);
        (*before > 0.0).then(|| (now / before - 1.0) * 100.0)
    }
}
