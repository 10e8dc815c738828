//! Which tables a file makes, and which it locks so strongly that others have to wait.

use super::directive::Directives;
use super::token::{Token, TokenKind, Tokens};
use crate::tables::Tables;
use crate::text::Span;

/// The first words of the statements that make or lock a table as a whole.
const FIRST_WORDS: [&str; 7] = [
    "ALTER", "CLUSTER", "CREATE", "DROP", "LOCK", "REINDEX", "TRUNCATE",
];

/// Looks at every statement; a file that says `strong-locks` knows what it locks.
pub(crate) fn tables(text: &str, statements: &[Span], directives: &Directives) -> Tables {
    let mut tables = Tables::default();
    for statement in statements {
        let statement = &text[statement.range()];
        let first = |word: &str| {
            let begin = statement.get(..word.len());
            begin.is_some_and(|begin| begin.eq_ignore_ascii_case(word))
        };
        if FIRST_WORDS.iter().any(|word| first(word)) {
            let phrase = Phrase::of(statement);
            phrase.made().iter().for_each(|table| tables.make(table));
            if !directives.strong_locks {
                phrase.locked().iter().for_each(|table| tables.lock(table));
            }
        }
    }
    tables
}

/// A statement's words, as written and in upper case.
struct Phrase<'t> {
    written: Vec<&'t str>,
    upper: Vec<String>,
}

impl<'t> Phrase<'t> {
    fn of(statement: &'t str) -> Self {
        let is_word = |token: &Token| {
            !token.is_comment() && !matches!(token.kind, TokenKind::Unterminated(_))
        };
        let written: Vec<_> = Tokens::new(statement)
            .filter(is_word)
            .map(|token| &statement[token.span.range()])
            .collect();
        let upper = written.iter().map(|word| word.to_ascii_uppercase());
        Self {
            upper: upper.collect(),
            written,
        }
    }

    fn at(&self, index: usize) -> &str {
        self.upper.get(index).map_or("", String::as_str)
    }

    /// The first index from here on where none of these words stands.
    fn past(&self, mut index: usize, words: &[&str]) -> usize {
        while words.contains(&self.at(index)) {
            index += 1;
        }
        index
    }

    fn find(&self, word: &str) -> Option<usize> {
        self.upper.iter().position(|found| found == word)
    }

    fn made(&self) -> Vec<String> {
        let kinds = [
            "GLOBAL",
            "LOCAL",
            "TEMP",
            "TEMPORARY",
            "UNLOGGED",
            "FOREIGN",
        ];
        let object = self.past(1, &kinds);
        let is_table = |index| self.at(index) == "TABLE";
        let name = match self.at(0) {
            "CREATE" if is_table(object) => Some(self.past(object + 1, &["IF", "NOT", "EXISTS"])),
            "ALTER" if is_table(1) => self
                .upper
                .windows(2)
                .position(|pair| pair == ["RENAME", "TO"])
                .map(|rename| rename + 2),
            _ => None,
        };
        name.and_then(|name| self.name(name))
            .map(|(name, _)| name)
            .into_iter()
            .collect()
    }

    fn locked(&self) -> Vec<String> {
        let one = |index| self.name(index).map(|(name, _)| name).into_iter().collect();
        match (self.at(0), self.at(1)) {
            ("ALTER", "TABLE") => self.altered().into_iter().collect(),
            ("DROP", "TABLE") => self.list(self.past(2, &["IF", "EXISTS"])),
            ("TRUNCATE", _) => self.list(self.past(1, &["TABLE"])),
            ("LOCK", _) => self.locked_by_name(),
            ("CLUSTER", _) => one(self.past(1, &["VERBOSE"])),
            ("REINDEX", "TABLE") if self.at(2) != "CONCURRENTLY" => one(2),
            ("CREATE" | "ALTER" | "DROP", _) if self.is_about_a_table() => {
                let table = self.find("ON").map(|on| self.past(on + 1, &["ONLY"]));
                table.map_or_else(Vec::new, one)
            }
            _ => Vec::new(),
        }
    }

    /// An index, a trigger or a policy, which names its table behind ON.
    fn is_about_a_table(&self) -> bool {
        let object = self.past(1, &["UNIQUE", "OR", "REPLACE", "CONSTRAINT"]);
        match self.at(object) {
            "TRIGGER" | "POLICY" => true,
            "INDEX" => self.at(0) == "CREATE" && self.at(object + 1) != "CONCURRENTLY",
            _ => false,
        }
    }

    fn altered(&self) -> Option<String> {
        let (table, next) = self.name(self.past(2, &["IF", "EXISTS", "ONLY"]))?;
        let actions = self.past(next, &["*"]);
        let is_strong = self.pieces(actions).any(|action| !self.is_weak(action));
        is_strong.then_some(table)
    }

    /// Where the actions of ALTER TABLE begin: behind its commas, those in parentheses aside.
    fn pieces(&self, first: usize) -> impl Iterator<Item = usize> {
        let mut depth = 0_usize;
        let behind_comma = move |(index, word): (usize, &String)| {
            match word.as_str() {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                "," if depth == 0 => return Some(index + 1),
                _ => {}
            }
            None
        };
        let rest = self.upper.iter().enumerate().skip(first);
        std::iter::once(first).chain(rest.filter_map(behind_comma))
    }

    /// Actions beside which reading and writing go on.
    fn is_weak(&self, action: usize) -> bool {
        match (self.at(action), self.at(action + 1)) {
            ("VALIDATE", "CONSTRAINT") | ("ATTACH", "PARTITION") | ("CLUSTER", "ON") => true,
            ("SET" | "RESET", "(") => true,
            ("ALTER", _) => {
                let column = self.past(action + 1, &["COLUMN"]);
                matches!(
                    (self.at(column + 1), self.at(column + 2)),
                    ("SET", "STATISTICS" | "(") | ("RESET", "(")
                )
            }
            _ => false,
        }
    }

    fn locked_by_name(&self) -> Vec<String> {
        let mode = self.find("IN").map_or(self.upper.len(), |index| index + 1);
        match (self.at(mode), self.at(mode + 1)) {
            ("ROW", _) | ("ACCESS", "SHARE") | ("SHARE", "UPDATE") => Vec::new(),
            _ => self.list(self.past(1, &["TABLE"])),
        }
    }

    /// Names with commas between them.
    fn list(&self, mut index: usize) -> Vec<String> {
        let mut names = Vec::new();
        while let Some((name, next)) = self.name(self.past(index, &["ONLY"])) {
            names.push(name);
            index = self.past(next, &["*"]);
            if self.at(index) != "," {
                break;
            }
            index += 1;
        }
        names
    }

    /// A name with its schema, `public` left out, as PostgreSQL folds it; and the index behind it.
    fn name(&self, index: usize) -> Option<(String, usize)> {
        let mut name = folded(self.written.get(index)?)?;
        let mut next = index + 1;
        while self.at(next) == "." {
            let schema = if name == "public" {
                String::new()
            } else {
                name + "."
            };
            name = schema + &folded(self.written.get(next + 1)?)?;
            next += 2;
        }
        Some((name, next))
    }
}

/// `Users` is users, and `"Users"` is Users; `None` for what is no name.
fn folded(word: &str) -> Option<String> {
    match word
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        Some(quoted) => Some(quoted.replace("\"\"", "\"")),
        None => word
            .starts_with(|c: char| c.is_alphabetic() || c == '_')
            .then(|| word.to_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use crate::check::check;

    fn look(text: &str) -> String {
        let checked = check(text).unwrap_or_else(|faults| panic!("{text}: {faults:?}"));
        checked
            .tables
            .as_str()
            .replace('\n', " ")
            .trim_end()
            .to_owned()
    }

    #[test]
    fn tables_that_are_made_and_locked() {
        for (text, expected) in [
            ("create table a (id int)", "+a"),
            (
                "create unlogged table if not exists public.\"A b\" (id int)",
                "+A b",
            ),
            ("create temp table x as select 1", "+x"),
            ("alter table a rename to b", "+b !a"),
            ("alter table if exists only S.A add column c int", "!s.a"),
            ("alter table a validate constraint c", ""),
            (
                "alter table a alter column c set statistics 100, set (fillfactor = 70)",
                "",
            ),
            (
                "alter table a validate constraint c, add d numeric(1, 2)",
                "!a",
            ),
            ("create unique index on only a (b)", "!a"),
            (
                "create index if not exists i on s.a using btree (b)",
                "!s.a",
            ),
            (
                "create or replace trigger t before update of c on a execute function f()",
                "!a",
            ),
            ("drop policy if exists p on a", "!a"),
            ("drop table if exists a, public.b cascade", "!a !b"),
            ("truncate a, only b", "!a !b"),
            ("lock table a, b in share row exclusive mode", "!a !b"),
            ("lock a", "!a"),
            ("lock a in row exclusive mode", ""),
            ("cluster a using i", "!a"),
            ("reindex table a", "!a"),
            (
                "drop index i; create view v as select 1; insert into a values (1)",
                "",
            ),
            ("alter table a add b int; alter table a add c int", "!a"),
            (
                "-- devflow: strong-locks\nalter table a add b int; create table c ()",
                "+c",
            ),
            ("create index concurrently i on a (b)", ""),
        ] {
            assert_eq!(look(text), expected, "{text}");
        }
    }
}
