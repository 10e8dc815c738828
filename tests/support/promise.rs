//! What devflow promises about everything that it writes, held against every run of it that a test sees.

use crate::command::Outcome;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// What a run is held against.
#[derive(Debug, Default)]
pub(crate) struct Promises {
    /// Passwords, as they are and as they stand in a URL.
    secrets: BTreeSet<String>,
    /// Files that the program may write and that others read: a job's summary, a plan.
    pub(crate) files: Vec<PathBuf>,
    /// Whether stdout is to be one JSON document.
    pub(crate) json: bool,
    /// Whether a CI runner obeys workflow commands in what is written.
    pub(crate) obeyed: bool,
    /// Whether colour was asked for.
    pub(crate) coloured: bool,
}

impl Promises {
    /// Takes up the password of a URL, in both of its spellings.
    pub(crate) fn keep_secret_of(&mut self, value: &str) {
        let Ok(url) = url::Url::parse(value) else {
            return;
        };
        let in_query = url.query_pairs().filter(|(key, _)| key == "password");
        let passwords = url.password().map(str::to_owned).into_iter();
        for password in passwords.chain(in_query.map(|(_, value)| value.into_owned())) {
            self.keep_secret(&password);
            self.keep_secret(&decoded(&password));
        }
    }

    /// Takes up a text that must not be written.
    pub(crate) fn keep_secret(&mut self, secret: &str) {
        self.secrets.insert(secret.to_owned());
    }

    /// Asserts that no output of any program holds a secret, nor a file that others read.
    pub(crate) fn assert_no_secret(&self, outcome: &Outcome) {
        for text in [&outcome.stdout, &outcome.stderr] {
            self.assert_no_secret_in(text);
        }
        for file in &self.files {
            let text = std::fs::read(file).unwrap_or_default();
            self.assert_no_secret_in(&String::from_utf8_lossy(&text));
        }
    }

    /// Asserts that a text holds no secret, whichever of its characters are percent-encoded.
    fn assert_no_secret_in(&self, text: &str) {
        let texts = [text, &decoded(text)];
        for secret in self.secrets.iter().filter(|secret| !secret.is_empty()) {
            let is_told = texts.iter().any(|text| text.contains(secret));
            assert!(!is_told, "the secret {secret:?} was written: {text}");
        }
    }

    /// Asserts what devflow promises besides.
    pub(crate) fn assert_kept(&self, outcome: &Outcome) {
        if !self.coloured {
            assert_nothing_hidden(outcome);
        }
        if self.obeyed {
            let commands = workflow_commands(&outcome.stdout);
            assert!(commands.is_empty(), "{commands:?} in {outcome:?}");
            let commands = workflow_commands(&outcome.stderr);
            let stray = commands.iter().find(|command| !is_ours(command));
            assert_eq!(stray, None, "in {outcome:?}");
            // A second signal ends the process before it can close a group.
            let groups: Vec<_> = commands.into_iter().filter(|it| is_group(it)).collect();
            let is_whole = |pair: &[&str]| pair.len() == 2 && pair[1] == END_OF_GROUP;
            let are_whole = groups.chunks(2).all(is_whole);
            assert!(
                are_whole || outcome.code >= 128,
                "{groups:?} in {outcome:?}"
            );
        }
        // A second signal ends the process before it can write, and a full disk takes nothing.
        let was_written = !outcome.stdout.is_empty();
        if self.json && (was_written || !matches!(outcome.code, 8 | 128..)) {
            let document = outcome.json();
            assert_eq!(document["exit_code"], outcome.code, "{outcome:?}");
        }
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let code = after.get(..2).filter(|_| *first == b'%');
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        let byte = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = byte.map_or(after, |_| &after[2..]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn assert_nothing_hidden(outcome: &Outcome) {
    for text in [&outcome.stdout, &outcome.stderr] {
        let hidden = text.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(hidden, None, "a control character in {outcome:?}");
    }
}

/// The lines that a GitHub Actions runner would obey.
fn workflow_commands(text: &str) -> Vec<&str> {
    let mut stopped: Option<String> = None;
    let mut obeyed = Vec::new();
    for line in text.lines().map(str::trim_start) {
        match &stopped {
            Some(end) if line == end => stopped = None,
            Some(_) => {}
            None => match line.strip_prefix("::stop-commands::") {
                Some(token) => stopped = Some(format!("::{token}::")),
                None if line.starts_with("::") || line.contains("##[") => obeyed.push(line),
                None => {}
            },
        }
    }
    obeyed
}

/// What closes a group of the log.
const END_OF_GROUP: &str = "::endgroup::";

fn is_ours(command: &str) -> bool {
    is_annotation(command) || is_group(command)
}

/// A group's beginning, which names what is done to how many migrations, or its end.
fn is_group(command: &str) -> bool {
    let counted = command.strip_prefix("::group::").and_then(|title| {
        let (doing, count) = title.split_once(' ')?;
        let (number, noun) = count.split_once(' ')?;
        let is_known = ["applying", "recording", "reverting"].contains(&doing);
        Some(is_known && number.parse::<u32>().is_ok() && noun.starts_with("migration"))
    });
    command == END_OF_GROUP || counted == Some(true)
}

/// An annotation of devflow's own: its title says so, and nobody else's text can write one.
fn is_annotation(command: &str) -> bool {
    let is_known = ["::error ", "::warning "]
        .iter()
        .any(|level| command.starts_with(level));
    let properties = command.trim_start_matches(':').split("::").next();
    is_known && properties.is_some_and(|words| words.contains("title=devflow%3A "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(stdout: &str) -> Outcome {
        Outcome {
            code: 0,
            stdout: stdout.to_owned(),
            stderr: String::new(),
        }
    }

    fn is_refused(promises: Promises, stdout: &'static str) -> bool {
        let check = move || {
            promises.assert_no_secret(&outcome(stdout));
            promises.assert_kept(&outcome(stdout));
        };
        std::panic::catch_unwind(check).is_err()
    }

    #[test]
    fn a_secret_is_found_in_each_of_its_spellings() {
        for told in ["a p%40ss b", "a p@ss b", "a %70%40s%73 b"] {
            let mut promises = Promises::default();
            promises.keep_secret_of("postgres://u:p%40ss@h/db");
            assert!(is_refused(promises, told), "{told}");
        }
        let mut promises = Promises::default();
        promises.keep_secret_of("postgres://u@h/db?password=hunter2");
        assert!(is_refused(promises, "hunter2"));
    }

    #[test]
    fn a_control_character_is_found() {
        assert!(is_refused(Promises::default(), "a\u{1b}[31m"));
        assert!(!is_refused(Promises::default(), "a\n"));
    }

    #[test]
    fn what_a_runner_would_obey_is_found() {
        assert_eq!(
            workflow_commands("a\n  ::error::b\nc ##[error]d\ne ::f"),
            ["::error::b", "c ##[error]d"]
        );
        assert!(is_annotation("::error file=a,title=devflow%3A b::c"));
        assert!(!is_annotation("::error file=a::title=devflow%3A b"));
        assert!(!is_annotation("::debug title=devflow%3A b::c"));
        for title in ["applying 1 migration", "reverting 20 migrations"] {
            assert!(is_group(&format!("::group::{title}")), "{title}");
        }
        assert!(!is_group("::group::1_a.sql"));
        let fenced = "::stop-commands::x\n::error::a\n::y::\n::x::\n";
        assert_eq!(workflow_commands(fenced), [""; 0]);
        assert_eq!(
            workflow_commands("::stop-commands::x\n::x::\n::debug::"),
            ["::debug::"]
        );
    }

    #[test]
    fn json_that_is_not_json_is_found() {
        let promises = Promises {
            json: true,
            ..Promises::default()
        };
        assert!(is_refused(promises, "{}"));
    }
}
