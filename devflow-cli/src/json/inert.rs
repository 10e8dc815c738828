//! JSON that steers nothing.

use crate::visible;
use std::fmt::Write as _;

/// Escapes what could steer a terminal or a CI runner; outside strings JSON has none of these characters.
pub(crate) fn inert(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    let mut hashes = 0;
    for character in json.chars() {
        let opens_command = character == '[' && hashes >= 2;
        hashes = if character == '#' { hashes + 1 } else { 0 };
        if opens_command || (character != '\n' && visible::is_hidden(character)) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::inert;

    #[test]
    fn nothing_in_a_string_steers_a_terminal_or_a_runner() {
        let text = "a ##[error]x ###[y] \u{9b}31m \u{202e} é";
        let json = serde_json::to_string(text).unwrap();
        let shown = inert(&json);
        assert!(!shown.contains("##[") && !shown.chars().any(crate::visible::is_hidden));
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
    }
}
