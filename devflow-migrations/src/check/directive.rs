//! `-- devflow:` directives: what a file says about itself in its leading comments.

use super::fault::Fault;
use crate::duration;
use crate::limits::Limits;
use crate::migration::Mode;
use crate::version::Version;
use std::time::Duration;

/// What a file asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Directives {
    /// `no-transaction`: each statement runs on its own.
    pub(crate) no_transaction: bool,
    /// `no-check`: the syntax check is off.
    pub(crate) no_check: bool,
    /// `strong-locks`: it locks several tables on purpose.
    pub(crate) strong_locks: bool,
    lock_timeout: Option<Asked<Duration>>,
    statement_timeout: Option<Asked<Duration>>,
    retry: Option<Asked<()>>,
    compatible_with: Option<Asked<Version>>,
}

/// A wish, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked<T> {
    value: T,
    offset: usize,
}

const MARKER: &str = "devflow";
const NO_TRANSACTION: &str = "no-transaction";
const NO_CHECK: &str = "no-check";
const STRONG_LOCKS: &str = "strong-locks";
const LOCK_TIMEOUT: &str = "lock-timeout";
const STATEMENT_TIMEOUT: &str = "statement-timeout";
const RETRY: &str = "retry";
const COMPATIBLE_WITH: &str = "compatible-with";
const KNOWN: [&str; 7] = [
    NO_TRANSACTION,
    NO_CHECK,
    LOCK_TIMEOUT,
    STATEMENT_TIMEOUT,
    RETRY,
    STRONG_LOCKS,
    COMPATIBLE_WITH,
];

/// What the Supabase CLI understands as the whole of a file's first line. It says the same as `no-transaction`, and so it
/// does below other comments, where that CLI overlooks it.
const OF_SUPABASE: &str = "-- pg-delta: transaction=false";

/// What cannot be the beginning of prose.
const UNMISTAKABLE: [&str; 5] = [
    "no-",
    LOCK_TIMEOUT,
    STATEMENT_TIMEOUT,
    STRONG_LOCKS,
    COMPATIBLE_WITH,
];

impl Directives {
    /// Reads a line comment that stands before the first statement.
    pub(crate) fn read(&mut self, comment: &str, offset: usize, faults: &mut Vec<Fault>) {
        if comment.trim_end() == OF_SUPABASE {
            self.no_transaction = true;
        }
        for word in directive(comment)
            .into_iter()
            .flat_map(|words| words.split(','))
        {
            if let Err(fault) = self.take(word.trim(), offset) {
                faults.push(fault);
            }
        }
    }

    fn take(&mut self, directive: &str, offset: usize) -> Result<(), Fault> {
        let (word, value) = word_and_value(directive);
        let asked = |value| Some(Asked { value, offset });
        match word {
            LOCK_TIMEOUT => self.lock_timeout = asked(limit(word, value, offset)?),
            STATEMENT_TIMEOUT => self.statement_timeout = asked(limit(word, value, offset)?),
            COMPATIBLE_WITH => {
                let value = oldest(value, offset)?;
                self.compatible_with = Some(Asked { value, offset });
            }
            _ if KNOWN.contains(&word) && value.is_some() => return Err(valued(word, offset)),
            NO_TRANSACTION => self.no_transaction = true,
            NO_CHECK => self.no_check = true,
            STRONG_LOCKS => self.strong_locks = true,
            RETRY => {
                self.retry = Some(Asked { value: (), offset });
            }
            word => return Err(unknown(word, offset)),
        }
        Ok(())
    }

    /// Looks at any other comment: a directive there would be without effect.
    pub(crate) fn refuse(&mut self, comment: &str, offset: usize, faults: &mut Vec<Fault>) {
        if directive(comment).is_some() {
            faults.push(misplaced(offset));
        }
    }

    /// The newest migration that a build must have at least to work beside this file.
    pub(crate) fn compatible_with(&self) -> Option<&Version> {
        self.compatible_with.as_ref().map(|asked| &asked.value)
    }

    /// What is wrong with a file of this version that says of itself with which builds it works.
    pub(crate) fn check_version(&self, own: &Version) -> Option<Fault> {
        let asked = self.compatible_with.as_ref()?;
        let is_older = asked.value < *own;
        (!is_older).then(|| not_older(&asked.value, own, asked.offset))
    }

    /// The limits of a file that runs in this mode.
    pub(crate) fn limits(&self, mode: Mode, faults: &mut Vec<Fault>) -> Limits {
        if !mode.is_atomic() {
            let lock_timeout = self.lock_timeout.map(|asked| (LOCK_TIMEOUT, asked.offset));
            let retry = self.retry.map(|asked| (RETRY, asked.offset));
            let idle = lock_timeout.into_iter().chain(retry);
            faults.extend(idle.map(|(word, offset)| outside(word, offset)));
        }
        Limits {
            lock_timeout: self.lock_timeout.map(|asked| asked.value),
            statement_timeout: self.statement_timeout.map(|asked| asked.value),
            retries: self.retry.is_some(),
        }
    }
}

fn limit(word: &str, value: Option<&str>, offset: usize) -> Result<Duration, Fault> {
    let (found, problem) = match value {
        None | Some("") => ("without a value".to_owned(), "sets no limit"),
        Some(value) => match duration::parse_limit(value) {
            Ok(limit) => return Ok(limit),
            Err(problem) => (format!("`{value}`"), problem),
        },
    };
    let expected = duration::EXPECTED;
    let message = format!("`{word}` is {found}, which {problem}; {expected}, or none");
    let fault = Fault::new(offset, "directive_value", message);
    Err(fault.help(format!("write it as `-- devflow: {word}=30s`")))
}

/// `word=value`; a version may follow its word as in a sentence.
fn word_and_value(directive: &str) -> (&str, Option<&str>) {
    let of_version = directive
        .strip_prefix(COMPATIBLE_WITH)
        .filter(|rest| rest.starts_with(char::is_whitespace));
    match (directive.split_once('='), of_version) {
        (Some((word, value)), _) => (word.trim_end(), Some(value.trim_start())),
        (None, Some(version)) => (COMPATIBLE_WITH, Some(version.trim_start())),
        (None, None) => (directive, None),
    }
}

fn oldest(value: Option<&str>, offset: usize) -> Result<Version, Fault> {
    let found = value.unwrap_or_default();
    Version::parse(found).map_err(|problem| {
        let message = match found {
            "" => format!("`{COMPATIBLE_WITH}` is without a version"),
            found => format!("`{COMPATIBLE_WITH}` is `{found}`: {problem}"),
        };
        let help = "name the newest migration of the oldest build that works beside this file: `-- devflow: compatible-with 20240131090507`";
        Fault::new(offset, "directive_value", message).help(help)
    })
}

fn not_older(found: &Version, own: &Version, offset: usize) -> Fault {
    let message =
        format!("`{COMPATIBLE_WITH}` is {found}, which is not older than the file itself, {own}");
    Fault::new(offset, "directive_value", message).help(
        "name the newest migration of the oldest build that works beside this file; a build that has the file itself always does",
    )
}

fn valued(word: &str, offset: usize) -> Fault {
    let message = format!("`{word}` takes no value");
    Fault::new(offset, "directive_value", message).help(format!("write it as `-- devflow: {word}`"))
}

fn outside(word: &str, offset: usize) -> Fault {
    let message = format!("`{word}` has no effect on a file that runs outside a transaction");
    Fault::new(offset, "directive_misplaced", message).help(
        "take it out: its statements wait for locks without a limit, and are never sent again",
    )
}

/// What follows `devflow:` in a comment that begins so. The colon may be missing before one of our words: that cannot
/// be prose, and a directive must not go unread.
fn directive(comment: &str) -> Option<&str> {
    let inner = comment.trim_start_matches(['-', '/', '*']);
    let inner = inner.strip_suffix("*/").unwrap_or(inner).trim();
    let marker = inner.get(..MARKER.len())?;
    let rest = inner[MARKER.len()..].trim_start();
    if !marker.eq_ignore_ascii_case(MARKER) {
        return None;
    }
    match rest.strip_prefix(':') {
        Some(words) => Some(words.trim()),
        None => UNMISTAKABLE
            .iter()
            .any(|word| rest.starts_with(word))
            .then_some(rest),
    }
}

fn misplaced(offset: usize) -> Fault {
    Fault::new(
        offset,
        "directive_misplaced",
        "a directive here has no effect",
    )
    .help("write it as a `--` comment above the first statement")
}

fn unknown(word: &str, offset: usize) -> Fault {
    let nearest = KNOWN
        .into_iter()
        .min_by_key(|known| strsim::osa_distance(word, known))
        .unwrap_or(NO_TRANSACTION);
    Fault::new(
        offset,
        "directive_unknown",
        format!("`{word}` is no directive"),
    )
    .help(format!(
        "did you mean `{nearest}`? known are {}",
        KNOWN.map(|known| format!("`{known}`")).join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::statement::split;

    fn read(text: &str) -> (Directives, Vec<&'static str>) {
        let split = split(text);
        (
            split.directives,
            split.faults.iter().map(|fault| fault.code).collect(),
        )
    }

    #[test]
    fn leading_comments_hold_directives() {
        for text in [
            "-- devflow: no-transaction",
            "--devflow:no-transaction\nselect 1",
            "/* a */ -- b\n\n-- DevFlow :  no-transaction  \nselect 1",
            "-- devflow no-transaction",
        ] {
            let (directives, codes) = read(text);
            assert!(directives.no_transaction && !directives.no_check, "{text}");
            assert_eq!(codes, [""; 0]);
        }
        for lines_above in ["", "\n", "-- a\n"] {
            let text = format!("{lines_above}-- pg-delta: transaction=false\nselect 1");
            assert!(read(&text).0.no_transaction, "{text}");
        }
        let (late, _) = read("select 1;\n-- pg-delta: transaction=false");
        assert!(!late.no_transaction);
        let (both, _) = read("-- devflow: no-check, no-transaction\nselect 1");
        assert!(both.no_check && both.no_transaction);
    }

    #[test]
    fn an_unknown_directive_is_a_fault_that_names_the_nearest() {
        let faults = split("-- devflow: no-transction\n").faults;
        assert_eq!(faults[0].code, "directive_unknown");
        assert!(
            faults[0]
                .help
                .as_ref()
                .unwrap()
                .contains("did you mean `no-transaction`?")
        );
        assert_eq!(read("-- devflow:").1, ["directive_unknown"]);
        assert_eq!(
            read("-- devflow: no-check because").1,
            ["directive_unknown"]
        );
    }

    #[test]
    fn limits_are_spelled_as_in_devflow_yml() {
        let limits = |text| {
            let mut faults = Vec::new();
            let directives = split(text).directives;
            let limits = directives.limits(Mode::Transaction, &mut faults);
            assert_eq!(faults, []);
            limits
        };
        let read =
            limits("-- devflow: lock-timeout=30s, retry\n-- devflow: statement-timeout = 2h");
        let expected = Limits {
            lock_timeout: Some(Duration::from_secs(30)),
            statement_timeout: Some(Duration::from_secs(7_200)),
            retries: true,
        };
        assert_eq!(read, expected);
        let none = limits("-- devflow lock-timeout=none\nselect 1");
        assert_eq!(none.lock_timeout, Some(Duration::ZERO));
        assert_eq!((none.statement_timeout, none.retries), (None, false));
        assert_eq!(limits("-- devflow retry is prose"), Limits::default());
    }

    #[test]
    fn a_value_that_is_none_is_a_fault_that_says_what_is_expected() {
        for (text, message) in [
            (
                "-- devflow: lock-timeout=30",
                "`lock-timeout` is `30`, which is not a duration; expected a number and a unit (ms, s, m or h), such as 5s, or none",
            ),
            (
                "-- devflow: statement-timeout",
                "`statement-timeout` is without a value, which sets no limit; expected a number and a unit (ms, s, m or h), such as 5s, or none",
            ),
            (
                "-- devflow: lock-timeout=0s",
                "`lock-timeout` is `0s`, which is ambiguous: `none` turns the limit off; expected a number and a unit (ms, s, m or h), such as 5s, or none",
            ),
            ("-- devflow: retry=3", "`retry` takes no value"),
            ("-- devflow: no-check=1", "`no-check` takes no value"),
        ] {
            let faults = split(text).faults;
            assert_eq!(
                (faults[0].code, &*faults[0].message),
                ("directive_value", message)
            );
        }
    }

    #[test]
    fn a_file_says_which_older_builds_work_beside_it() {
        for text in [
            "-- devflow: compatible-with 0042",
            "-- devflow: retry, compatible-with=42",
            "-- devflow compatible-with  42\nselect 1",
        ] {
            let (directives, codes) = read(text);
            assert_eq!(codes, [""; 0], "{text}");
            let version = directives.compatible_with().unwrap().clone();
            assert_eq!(version.as_str(), "42");
            let newer = Version::parse("42.1").unwrap();
            assert_eq!(directives.check_version(&newer), None);
            let fault = directives.check_version(&version).unwrap();
            assert!(fault.message.contains("not older than"), "{fault:?}");
        }
        for text in [
            "-- devflow: compatible-with",
            "-- devflow: compatible-with v42",
        ] {
            let faults = split(text).faults;
            assert_eq!(faults[0].code, "directive_value", "{text}");
            assert!(
                faults[0]
                    .help
                    .as_ref()
                    .unwrap()
                    .contains("compatible-with 2024")
            );
        }
    }

    #[test]
    fn what_has_no_effect_outside_a_transaction_is_a_fault_there() {
        let mut faults = Vec::new();
        let text = "-- devflow: retry, lock-timeout=1s, statement-timeout=1h";
        let limits = split(text)
            .directives
            .limits(Mode::NoTransaction, &mut faults);
        let codes: Vec<_> = faults.iter().map(|fault| fault.code).collect();
        assert_eq!(codes, ["directive_misplaced"; 2]);
        assert_eq!(limits.statement_timeout, Some(Duration::from_secs(3600)));
    }

    #[test]
    fn a_directive_without_effect_is_a_fault() {
        for text in [
            "select 1;\n-- devflow: no-transaction",
            "select 1 -- devflow: no-check\n;",
            "/* devflow: no-transaction */ select 1",
        ] {
            assert_eq!(
                read(text),
                (Directives::default(), vec!["directive_misplaced"]),
                "{text}"
            );
        }
    }

    #[test]
    fn prose_and_strings_are_no_directives() {
        for text in [
            "-- devflow runs this file",
            "-- no-transaction",
            "select '-- devflow: no-check'",
            "do $$ -- devflow: no-check\n $$",
            "-- see devflow: no-check",
        ] {
            assert_eq!(read(text), (Directives::default(), vec![]), "{text}");
        }
    }
}
