//! What others wrote, made safe to show.

use std::fmt::Write as _;

/// Makes control characters visible, so that no server, file or application name can steer a terminal or a log.
///
/// Line breaks become `\n` and tabs a space: the result is one line. Characters that reorder or hide text count as
/// control characters too.
pub(crate) fn line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.trim_end_matches(['\n', '\r']).chars() {
        match character {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push(' '),
            hidden if is_hidden(hidden) => {
                // Writing to a String cannot fail.
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(hidden));
            }
            plain => shown.push(plain),
        }
    }
    shown
}

/// Like [`line`], for text that may have several lines: each one by itself.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = String> + '_ {
    text.trim_end().lines().map(line)
}

/// Whether a character acts on what shows it instead of being shown.
pub(crate) fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        assert_eq!(
            line("a\u{1b}[31mred\u{9b}0m\u{7f}"),
            "a\\u{1b}[31mred\\u{9b}0m\\u{7f}"
        );
        assert_eq!(line("a\r\n::error::b\n"), "a\\r\\n::error::b");
        assert_eq!(
            line("x\u{202e}y\u{200b}z\u{2028}"),
            "x\\u{202e}y\\u{200b}z\\u{2028}"
        );
        assert_eq!(line("tab\there"), "tab here");
    }

    #[test]
    fn plain_text_stays_as_it_is() {
        assert_eq!(line("é 日本語 🦀 'ok'"), "é 日本語 🦀 'ok'");
        assert_eq!(lines("a\nb\u{7}\n\n").collect::<Vec<_>>(), ["a", "b\\u{7}"]);
    }
}
