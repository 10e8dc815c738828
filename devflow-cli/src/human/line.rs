//! The lines that progress and reports share.

use crate::duration;
use crate::outcome::{Applied, Notice};
use crate::style::{CAREFUL, GOOD, QUIET, WAITING, paint};
use crate::visible;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How many columns a text takes once its control characters are visible.
pub(crate) fn width(text: &str) -> usize {
    visible::line(text).width()
}

/// A finished migration and its time, the name padded to `widest` columns.
pub(crate) fn applied(applied: &Applied, widest: usize) -> String {
    let file = applied.file.file();
    let padding = " ".repeat(widest.saturating_sub(width(file)));
    let took = paint(
        QUIET,
        format!("{:>9}", duration::of_ms(applied.execution_ms)),
    );
    format!(
        "  {} {}{padding} {took}\n",
        paint(GOOD, "✓"),
        visible::line(file)
    )
}

/// What the server said while a migration ran.
pub(crate) fn notice(notice: &Notice) -> String {
    let severity = visible::line(&notice.severity).to_lowercase();
    let style = if severity == "warning" {
        CAREFUL
    } else {
        QUIET
    };
    let mut lines = visible::lines(&notice.message);
    let first = lines.next().unwrap_or_default();
    let mut text = format!("    {} {first}\n", paint(style, format!("{severity}:")));
    text.extend(lines.map(|line| format!("      {line}\n")));
    if let Some(hint) = &notice.hint {
        text.extend(visible::lines(hint).map(|line| format!("      {line}\n")));
    }
    text
}

/// Something that a person should know.
pub(crate) fn remark(text: &str) -> String {
    format!("{} {}\n", paint(WAITING, "note:"), visible::line(text))
}

/// `1 migration`, `3 migrations`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// `1 migration is`, `3 migrations are`.
pub(crate) fn are(number: usize) -> String {
    let verb = if number == 1 { "is" } else { "are" };
    format!("{} {verb}", count(number, "migration"))
}

/// The text, cut to so many columns with an ellipsis.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut shown = String::new();
    let mut columns = 1;
    for character in text.chars() {
        columns += character.width().unwrap_or(0);
        if columns > width {
            break;
        }
        shown.push(character);
    }
    shown + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_columns_and_not_by_characters() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("日本語の表", 6), "日本…");
        assert_eq!(cut("日本語の表", 10), "日本語の表");
    }
}
