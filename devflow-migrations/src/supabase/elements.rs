//! A file's text as the Supabase CLI keeps it.

use crate::migration::Migration;

/// The file's statements as the Supabase CLI 3 keeps them: each with the comments before it, without its semicolon and
/// the space around it. What only comments stand in is an element too.
///
/// `tests/supabase_it/elements.rs` compares them with what the CLI itself writes.
#[must_use]
pub fn elements(migration: &Migration) -> Vec<&str> {
    let text = migration.text().as_str();
    let mut elements = Elements {
        text,
        start: 0,
        found: Vec::new(),
    };
    let mut end = 0;
    for statement in migration.statements() {
        elements.gap(end, statement.start);
        end = statement.end;
    }
    elements.gap(end, text.len());
    elements.take(text.len());
    elements.found
}

/// The elements of a text, as far as it has been read.
struct Elements<'t> {
    text: &'t str,
    /// Where the next element begins.
    start: usize,
    found: Vec<&'t str>,
}

impl Elements<'_> {
    /// Reads what stands between two statements: space, comments and semicolons.
    fn gap(&mut self, from: usize, to: usize) {
        let mut at = from;
        while at < to {
            let rest = &self.text[at..to];
            if rest.starts_with(';') {
                self.take(at);
                self.start = at + 1;
            }
            at += comment(rest).unwrap_or_else(|| rest.chars().next().map_or(1, char::len_utf8));
        }
    }

    /// What was read up to here is an element, unless it is nothing but space.
    fn take(&mut self, end: usize) {
        let element = self.text[self.start..end].trim_matches(is_space);
        if !element.is_empty() {
            self.found.push(element);
        }
    }
}

/// What JavaScript's `trim` takes away; Rust's own knows NEL, and does not know a byte order mark.
fn is_space(c: char) -> bool {
    c == '\u{feff}' || (c.is_whitespace() && c != '\u{85}')
}

/// How long the comment is that the text begins with. Comments in `/* */` nest.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("--") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if !text.starts_with("/*") {
        return None;
    }
    let mut depth = 0_usize;
    let mut at = 0;
    let bytes = text.as_bytes();
    while at < bytes.len() {
        match &bytes[at..bytes.len().min(at + 2)] {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            break;
        }
    }
    Some(at)
}

#[cfg(test)]
#[cfg(feature = "check")]
mod tests {
    use super::*;
    use crate::set::MigrationSet;

    fn split(text: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("1_a.sql"), text).unwrap();
        let set = MigrationSet::read(folder.path(), "migrations").unwrap();
        let migration = set.iter().next().unwrap();
        elements(migration).into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn what_belongs_to_an_element() {
        let table: [(&str, &[&str]); 9] = [
            ("", &[]),
            (" ;; ; ", &[]),
            ("select 1", &["select 1"]),
            ("-- a;\nselect 1 ; -- b;\n", &["-- a;\nselect 1", "-- b;"]),
            ("select 1 /* ; */ ;", &["select 1 /* ; */"]),
            (
                "select 1;/* /* ; */ */;select 2",
                &["select 1", "/* /* ; */ */", "select 2"],
            ),
            ("-- only\n/* comments */", &["-- only\n/* comments */"]),
            (
                "do $$ begin null; end $$;\n\nselect ';'",
                &["do $$ begin null; end $$", "select ';'"],
            ),
            ("select 1 -- é;\n;", &["select 1 -- é;"]),
        ];
        for (text, expected) in table {
            assert_eq!(split(text), expected, "{text:?}");
        }
    }

    #[test]
    fn every_statement_is_in_one_element_and_nothing_else_is_lost() {
        let text = "/* a */ create table \"a;b\"(i int);;\ncreate function f() returns int language sql begin atomic select 1; select 2; end;\n  select E'it\\'s;' ; -- tail\n";
        let found = split(text);
        assert_eq!(
            found,
            [
                "/* a */ create table \"a;b\"(i int)",
                "create function f() returns int language sql begin atomic select 1; select 2; end",
                "select E'it\\'s;'",
                "-- tail"
            ]
        );
    }
}
