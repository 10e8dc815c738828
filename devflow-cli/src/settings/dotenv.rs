//! The `.env` beside devflow.yml, for the environment `local`.
//!
//! A reader of our own: the crates for it replace `$` in values, which many a password has, and show the line that they
//! cannot read, which may hold one.

use super::small_file;
use crate::outcome::Trouble;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// What a `.env` sets: each value with its line. `Debug` is not derived, for values are secrets.
#[derive(Default)]
pub(super) struct DotEnv(BTreeMap<String, (String, usize)>);

impl DotEnv {
    /// Reads the `.env` of a folder; one that is not there sets nothing.
    ///
    /// # Errors
    /// `dotenv_unreadable` or `dotenv_malformed`, naming the line and never what stands there.
    pub(super) fn read(folder: &Path) -> Result<Self, Trouble> {
        let path = folder.join(".env");
        match small_file::read(&path) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => {
                let message = format!("{} cannot be read: {error}", path.display());
                Err(Trouble::usage("dotenv_unreadable", message))
            }
        }
    }

    /// The value of a variable, and its line.
    pub(super) fn get(&self, name: &str) -> Option<(&str, usize)> {
        let (value, line) = self.0.get(name)?;
        Some((value, *line))
    }

    /// Reads `NAME=value`, with or without `export` and quotes. What is no assignment is for others.
    fn parse(text: &str) -> Result<Self, Trouble> {
        let mut values = BTreeMap::new();
        let (mut rest, mut line) = (text, 1);
        while !rest.is_empty() {
            let (first, _) = rest.split_once('\n').unwrap_or((rest, ""));
            let mut length = first.len();
            if let Some((name, at)) = name(first) {
                let (value, end) = value(&rest[at..]).ok_or_else(|| unclosed(line))?;
                values.insert(name.to_owned(), (value, line));
                // A value in quotes may go on below.
                let end = at + end;
                length = rest[end..].find('\n').map_or(rest.len(), |it| end + it);
            }
            line += rest[..length].matches('\n').count() + 1;
            rest = rest.get(length + 1..).unwrap_or_default();
        }
        Ok(Self(values))
    }
}

/// The name that a line sets, and where its value begins.
fn name(line: &str) -> Option<(&str, usize)> {
    let (left, right) = line.split_once('=')?;
    let name = left.trim();
    let name = name.strip_prefix("export ").unwrap_or(name).trim();
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_name =
        name.starts_with(is_letter) && name.chars().all(|c| is_letter(c) || c.is_ascii_digit());
    let spaces = right.len() - right.trim_start().len();
    is_name.then(|| (name, left.len() + 1 + spaces))
}

/// The value that a text begins with, and where it ends; `None` when its quote does not end.
fn value(text: &str) -> Option<(String, usize)> {
    match text.chars().next() {
        Some('\'') => {
            let end = text[1..].find('\'')? + 1;
            Some((text[1..end].to_owned(), end + 1))
        }
        Some('"') => quoted(text),
        _ => {
            let line = text.lines().next().unwrap_or_default();
            let comment = line.find(" #").or_else(|| line.find("\t#"));
            let value = &line[..comment.unwrap_or(line.len())];
            Some((value.trim_end().to_owned(), line.len()))
        }
    }
}

/// A value in double quotes, in which a backslash keeps the character behind it.
fn quoted(text: &str) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, at + 1)),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                kept => value.push(kept),
            },
            plain => value.push(plain),
        }
    }
    None
}

fn unclosed(line: usize) -> Trouble {
    let message = format!(".env:{line}: a value's quote does not end");
    Trouble::usage("dotenv_malformed", message)
        .help("close it, or quote the value in the other way")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_taken_as_they_are_written() {
        let text = "# a comment\nA=plain\n\nexport B = 'it''s' \nC=\"a \\\"b\\\" $HOME\\n\" # c\nD=p$a#s # c\r\nE=\n\
                    F='two\nlines'\nnot an assignment\n9=x\nG=last";
        let read = DotEnv::parse(text).unwrap();
        let get = |name| read.get(name);
        assert_eq!(get("A"), Some(("plain", 2)));
        assert_eq!(get("B"), Some(("it", 4)));
        assert_eq!(get("C"), Some(("a \"b\" $HOME\n", 5)));
        assert_eq!(get("D"), Some(("p$a#s", 6)));
        assert_eq!(get("E"), Some(("", 7)));
        assert_eq!(get("F"), Some(("two\nlines", 8)));
        assert_eq!(get("G"), Some(("last", 12)));
        assert_eq!(get("9"), None);
    }

    #[test]
    fn an_open_quote_is_named_by_its_line_and_nothing_of_it_is_shown() {
        for text in [
            "A=1\nB='hunter2\n",
            "A=1\nB=\"hunter2\\\"\n",
            "A=1\nB=\"x\\",
        ] {
            let trouble = DotEnv::parse(text).err().unwrap();
            assert_eq!(trouble.code, "dotenv_malformed");
            let shown = format!("{trouble:?}");
            assert!(
                shown.contains(".env:2") && !shown.contains("hunter2"),
                "{shown}"
            );
        }
    }
}
