//! Bars, as SVG.

use crate::fault::{Fault, Result};
use crate::figures::{Figures, Metric};
use crate::runner::RUNNERS;
use crate::work::WORKS;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

/// One picture: what each tool needed for one work, the best at the top.
pub(crate) struct Plot {
    work: &'static str,
    title: String,
    metric: Metric,
    bars: Vec<(&'static str, f64)>,
}

/// What is worth a picture.
const PICTURES: [(&str, Metric); 4] = [
    ("start-slow-c100", Metric::Wall),
    ("start-c1000", Metric::Wall),
    ("apply-slow-c100", Metric::Wall),
    ("large", Metric::ClientMemory),
];

const WIDTH: i32 = 760;
const HEAD: i32 = 44;
const ROW: i32 = 30;
/// Where the bars begin, right of the names, and where the longest ends, left of its value.
const BARS: (i32, i32) = (160, 640);

const OURS: RGBColor = RGBColor(31, 111, 178);
const OTHERS: RGBColor = RGBColor(168, 176, 186);
const INK: RGBColor = RGBColor(36, 41, 47);

impl Plot {
    /// The pictures of what was measured.
    pub(crate) fn all(figures: &Figures) -> Vec<Self> {
        let plots = PICTURES.iter().filter_map(|(work, metric)| {
            let work = WORKS.iter().find(|found| found.name == *work)?;
            let mut bars: Vec<(&str, f64)> = RUNNERS
                .iter()
                .filter_map(|runner| {
                    let found = figures.of(work.name, runner.name, *metric)?;
                    Some((runner.name, found.median))
                })
                .collect();
            bars.sort_by(|(_, a), (_, b)| a.total_cmp(b));
            Some(Self {
                work: work.name,
                title: format!("{}: {}", work.title, metric.title()),
                metric: *metric,
                bars,
            })
        });
        plots.filter(|plot| plot.bars.len() > 1).collect()
    }

    /// Where the report finds it.
    pub(crate) fn markdown(&self) -> String {
        self.markdown_in("")
    }

    /// Where a page finds it for which the report's folder is this.
    pub(crate) fn markdown_in(&self, folder: &str) -> String {
        format!("![{}]({folder}{})\n", self.title, self.file())
    }

    /// Whether it shows how long this work takes.
    pub(crate) fn shows(&self, work: &str) -> bool {
        self.work == work && self.metric == Metric::Wall
    }

    /// Draws it into a folder.
    pub(crate) fn draw(&self, folder: &Path) -> Result<()> {
        let file = folder.join(self.file());
        let mut svg = String::new();
        self.draw_on(&mut svg)
            .map_err(|error| Fault::at(&file, error))?;
        std::fs::write(&file, svg).map_err(|error| Fault::at(&file, error))
    }

    fn file(&self) -> String {
        let metric = self.metric.title().replace([' ', '\''], "-");
        format!("{}-{metric}.svg", self.work)
    }

    fn draw_on(
        &self,
        svg: &mut String,
    ) -> std::result::Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let height = HEAD + ROW * self.bars.len() as i32 + 12;
        let root = SVGBackend::with_string(svg, (WIDTH as u32, height as u32)).into_drawing_area();
        root.fill(&WHITE)?;
        let most = self
            .bars
            .iter()
            .map(|(_, value)| *value)
            .fold(f64::MIN_POSITIVE, f64::max);
        let text = |size: i32, place: HPos| {
            let style = TextStyle::from(("sans-serif", size)).color(&INK);
            style.pos(Pos::new(place, VPos::Center))
        };
        root.draw(&Text::new(
            self.title.clone(),
            (16, 22),
            text(16, HPos::Left),
        ))?;
        for (row, (name, value)) in (0..).zip(&self.bars) {
            let middle = HEAD + ROW * row + ROW / 2;
            let end = BARS.0 + ((BARS.1 - BARS.0) as f64 * value / most).round() as i32;
            let colour = if name.contains("devflow") {
                OURS
            } else {
                OTHERS
            };
            let corners = [(BARS.0, middle - 10), (end.max(BARS.0 + 1), middle + 10)];
            root.draw(&Text::new(
                *name,
                (BARS.0 - 8, middle),
                text(13, HPos::Right),
            ))?;
            root.draw(&Rectangle::new(corners, colour.filled()))?;
            root.draw(&Text::new(
                self.metric.show(*value),
                (end + 8, middle),
                text(13, HPos::Left),
            ))?;
        }
        root.present()?;
        Ok(())
    }
}
