//! Text that others wrote, in Markdown that shows it and does nothing else with it.

use crate::visible;

/// A code span, whatever the text holds; in a table cell too.
pub(super) fn code(text: &str) -> String {
    let text = visible::line(text);
    let fence = "`".repeat(longest_run(&text) + 1);
    let space = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    // A table is taken apart before its cells are read, code spans included.
    format!("{fence}{space}{}{space}{fence}", text.replace('|', "\\|"))
}

/// A fenced block in a language.
pub(super) fn block(language: &str, text: &str) -> String {
    let text: Vec<_> = text.trim_end().lines().map(visible::line).collect();
    let text = text.join("\n");
    let fence = "`".repeat(longest_run(&text).max(2) + 1);
    format!("{fence}{language}\n{text}\n{fence}\n")
}

/// Running text: what Markdown or HTML would take for markup is escaped.
pub(super) fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in visible::line(text).chars() {
        if matches!(
            character,
            '\\' | '`'
                | '*'
                | '_'
                | '{'
                | '}'
                | '['
                | ']'
                | '<'
                | '>'
                | '#'
                | '|'
                | '!'
                | '~'
                | '@'
        ) {
            shown.push('\\');
        }
        match character {
            // A backslash does not stop a mention or a tag.
            '@' => shown.push_str("&#64;"),
            '<' => shown.push_str("&lt;"),
            '&' => shown.push_str("&amp;"),
            character => shown.push(character),
        }
    }
    shown.replace("\\&#64;", "&#64;").replace("\\&lt;", "&lt;")
}

fn longest_run(text: &str) -> usize {
    text.split(|character| character != '`')
        .map(str::len)
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_of_others_is_shown_and_not_obeyed() {
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(block("sql", "```\nx"), "````sql\n```\nx\n````\n");
        assert_eq!(
            plain("<b> @all [x](y) a_b & \n"),
            "&lt;b\\> &#64;all \\[x\\](y) a\\_b &amp; "
        );
    }
}
