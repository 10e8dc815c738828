//! The few colours that there are.
//!
//! Text is always built with them; a stream that takes no colour gets it stripped.

use anstyle::{AnsiColor, Style};
use std::fmt::Display;

pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const CAREFUL: Style = AnsiColor::Yellow.on_default();
pub(crate) const WAITING: Style = AnsiColor::Cyan.on_default();
pub(crate) const QUIET: Style = Style::new().dimmed();
pub(crate) const STRONG: Style = Style::new().bold();

/// The text in a style.
pub(crate) fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// The text as a stream takes it.
pub(crate) fn fit(text: String, colour: bool) -> String {
    if colour {
        text
    } else {
        anstream::adapter::strip_str(&text).to_string()
    }
}
