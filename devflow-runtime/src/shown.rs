//! What others wrote, in a sentence of ours.

/// The text with its control characters made visible: nobody else's line break or escape sequence gets into a log. A
/// character that reorders or hides text counts as one.
pub(crate) fn shown(text: &str) -> String {
    let is_hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match is_hidden(character) {
            true => shown.extend(character.escape_default()),
            false => shown.push(character),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn quotes_stay_and_what_steers_does_not() {
        assert_eq!(
            shown("it's \"é\"\n\u{1b}[0m\u{202e}"),
            "it's \"é\"\\n\\u{1b}[0m\\u{202e}"
        );
    }
}
