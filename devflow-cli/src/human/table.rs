//! A table that fits its terminal.

use super::line::cut;
use crate::style::{QUIET, paint};
use crate::visible;
use anstyle::Style;
use unicode_width::UnicodeWidthStr;

/// The fewest columns that a column is cut to before one is left out.
const NARROWEST: usize = 10;

/// Between two columns.
const GAP: usize = 2;

/// Six columns: the first two are always whole, the third gives way first, and from the last one on they are left out.
pub(super) struct Table {
    heads: [&'static str; 6],
    rows: Vec<[Cell; 6]>,
}

pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A cell of text that is fit to be shown.
    pub(super) fn new(text: String, style: Style) -> Self {
        Self { text, style }
    }

    /// A cell of text that others wrote.
    pub(super) fn plain(text: &str) -> Self {
        Self::new(visible::line(text), Style::new())
    }
}

impl Table {
    pub(super) fn new(heads: [&'static str; 6]) -> Self {
        Self {
            heads,
            rows: Vec::new(),
        }
    }

    pub(super) fn row(&mut self, cells: [Cell; 6]) {
        self.rows.push(cells);
    }

    /// The lines; `width` is the terminal's, where it is one.
    pub(super) fn render(&self, width: Option<usize>) -> String {
        let widths = self.fit(width.unwrap_or(usize::MAX));
        let heads: Vec<_> = self.heads.iter().map(|head| (*head, QUIET)).collect();
        let mut text = row(&heads, &widths);
        for cells in &self.rows {
            let cells: Vec<_> = cells
                .iter()
                .map(|cell| (cell.text.as_str(), cell.style))
                .collect();
            text += &row(&cells, &widths);
        }
        text
    }

    /// A width for each column; 0 leaves it out.
    fn fit(&self, width: usize) -> [usize; 6] {
        let mut widths = self.natural();
        // Who, then how long, then when: what a narrow terminal can do without.
        for column in [5, 4, 3] {
            let excess = total(&widths).saturating_sub(width);
            let name = widths[2];
            if excess == 0 {
                return widths;
            }
            if name.saturating_sub(excess) >= NARROWEST {
                widths[2] = name - excess;
                return widths;
            }
            widths[column] = 0;
        }
        let excess = total(&widths).saturating_sub(width);
        widths[2] = widths[2]
            .saturating_sub(excess)
            .max(NARROWEST.min(widths[2]));
        widths
    }

    fn natural(&self) -> [usize; 6] {
        std::array::from_fn(|column| {
            let cells = self.rows.iter().map(|row| row[column].text.width());
            match cells.max().unwrap_or(0) {
                0 => 0,
                widest => widest.max(self.heads[column].width()),
            }
        })
    }
}

fn total(widths: &[usize; 6]) -> usize {
    let shown = widths.iter().filter(|width| **width > 0);
    shown
        .map(|width| width + GAP)
        .sum::<usize>()
        .saturating_sub(GAP)
}

fn row(cells: &[(&str, Style)], widths: &[usize; 6]) -> String {
    let mut text = String::new();
    let mut padding = 0;
    for ((cell, style), width) in cells.iter().zip(widths).filter(|(_, width)| **width > 0) {
        let cut = cut(cell, *width);
        text.push_str(&" ".repeat(padding));
        padding = width.saturating_sub(cut.width()) + GAP;
        if cut.is_empty() {
            continue;
        }
        text.push_str(&paint(*style, cut));
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}
