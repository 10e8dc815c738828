//! `-- devflow:` directives: what a file says about itself in its leading comments.

use super::fault::Fault;

/// What a file asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Directives {
    /// `no-transaction`: each statement runs on its own.
    pub(crate) no_transaction: bool,
    /// `no-check`: the syntax check is off.
    pub(crate) no_check: bool,
}

const MARKER: &str = "devflow";
const NO_TRANSACTION: &str = "no-transaction";
const NO_CHECK: &str = "no-check";
const KNOWN: [&str; 2] = [NO_TRANSACTION, NO_CHECK];

impl Directives {
    /// Reads a line comment that stands before the first statement.
    pub(crate) fn read(&mut self, comment: &str, offset: usize, faults: &mut Vec<Fault>) {
        for word in directive(comment)
            .into_iter()
            .flat_map(|words| words.split(','))
        {
            match word.trim() {
                NO_TRANSACTION => self.no_transaction = true,
                NO_CHECK => self.no_check = true,
                word => faults.push(unknown(word, offset)),
            }
        }
    }

    /// Looks at any other comment: a directive there would be without effect.
    pub(crate) fn refuse(&mut self, comment: &str, offset: usize, faults: &mut Vec<Fault>) {
        if directive(comment).is_some() {
            faults.push(misplaced(offset));
        }
    }
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
        None => rest.starts_with("no-").then_some(rest),
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
        KNOWN.map(|known| format!("`{known}`")).join(" and ")
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
