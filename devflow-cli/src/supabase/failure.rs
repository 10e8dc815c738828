//! The Supabase CLI's errors, as devflow's.

use super::answer::Refusal;
use crate::duration;
use devflow_runtime::{DelegateFailure, ErrorKind};
use std::io;
use std::path::Path;
use std::time::Duration;

/// What its error codes began with before 2.121.
const LEGACY: &str = "Legacy";

/// Its codes for a call that it does not understand, or that it would ask a person about.
const UNFIT: [&str; 5] = [
    "HostedMutationConsentRequiredError",
    "InvalidValue",
    "MissingOption",
    "UnknownSubcommand",
    "UnrecognizedOption",
];

/// Its commands, and what devflow has in their place; the longer ones first.
const COMMANDS: [(&str, &str); 7] = [
    (
        "supabase migration repair --status reverted",
        "devflow db repair --not-applied",
    ),
    (
        "supabase migration repair --status applied",
        "devflow db repair --applied",
    ),
    ("supabase migration list", "devflow db status"),
    ("supabase migration up", "devflow db migrate"),
    ("supabase db push", "devflow db migrate"),
    (" --remote=<db-url>", ""),
    (" --db-url <db-url>", ""),
];

/// What PostgreSQL said, as the CLI repeats it.
struct Words<'a> {
    message: &'a str,
    sqlstate: Option<&'a str>,
    /// The number of the statement, counted from 0.
    statement: Option<usize>,
}

/// What a refusal means. What the table says of it is for the runtime to see.
pub(super) fn of(refusal: &Refusal) -> DelegateFailure {
    use ErrorKind::{Broken, Permission, Refused, Usage};
    let code = refusal.code.strip_prefix(LEGACY);
    let code = code.unwrap_or(&refusal.code);
    let words = Words::of(&refusal.message);
    let message = format!("the Supabase CLI says: {}", words.message);
    match code {
        _ if code.ends_with("ApplyError") => of_file(&words),
        "DbConnectError" => of_connection(&words, message),
        _ if code.ends_with("MissingLocalError") || code.ends_with("MissingRemoteError") => helped(
            DelegateFailure::new(Refused, "supabase_history", message),
            refusal,
        ),
        _ if code.contains("Vault") => DelegateFailure::new(Usage, "supabase_vault", message).help(
            "look at [db.vault] in supabase/config.toml, and at the database's schema `vault`",
        ),
        _ if code.ends_with("ConfigLoadError") => {
            DelegateFailure::new(Usage, "supabase_config", message)
                .help("correct supabase/config.toml")
        }
        _ if UNFIT.contains(&code) => {
            let message =
                format!("the Supabase CLI does not take what it was told ({code}): {message}");
            DelegateFailure::new(Broken, "supabase_cli_unfit", message)
                .help("use a version that devflow is tested with: 3.1.0, or 2.122.1")
        }
        _ if words.sqlstate == Some("42501") => {
            DelegateFailure::new(Permission, "not_permitted", message)
        }
        _ => {
            let message = format!("{message} ({code})");
            helped(
                DelegateFailure::new(Broken, "supabase_cli_failed", message),
                refusal,
            )
        }
    }
}

/// A file was refused, or its row in the table was.
fn of_file(words: &Words<'_>) -> DelegateFailure {
    let sqlstate = words.sqlstate.unwrap_or_default();
    let failure = match sqlstate {
        "23505" if words.message.contains("schema_migrations_pkey") => DelegateFailure::new(
            ErrorKind::Broken,
            "ledger_moving",
            "another runner has applied the same migration",
        )
        .overtaken(),
        _ if sqlstate.starts_with("08") || sqlstate.starts_with("57P") => DelegateFailure::new(
            ErrorKind::Broken,
            "connection_lost",
            format!("the Supabase CLI lost its connection: {}", words.message),
        )
        .help("what is listed is in the table, and nothing else; run again to go on")
        .cut_short(),
        _ => DelegateFailure::new(
            ErrorKind::MigrationFailed,
            "migration_failed",
            words.message,
        ),
    };
    let failure = match hint(sqlstate) {
        Some(hint) => failure.help(hint),
        None => failure,
    };
    let failure = match words.sqlstate {
        Some(sqlstate) => failure.refused_with(sqlstate),
        None => failure,
    };
    match words.statement {
        Some(index) => failure.at_statement(index),
        None => failure,
    }
}

/// The way out, where we know it.
fn hint(sqlstate: &str) -> Option<&'static str> {
    Some(match sqlstate {
        "25P01" => {
            "the Supabase CLI sends a file without BEGIN: write BEGIN; and COMMIT; around the statement that needs a transaction"
        }
        "55P03" | "40P01" | "40001" => {
            "other sessions held what it needs for longer than lock_timeout and lock_retry_budget allow: find them in pg_stat_activity, or run it in a quieter hour"
        }
        "57014" => "raise statement_timeout in devflow.yml",
        "55P04" => {
            "a new enum value can be used only after it is committed: use it in the next migration"
        }
        _ => return None,
    })
}

fn of_connection(words: &Words<'_>, message: String) -> DelegateFailure {
    let kind = ErrorKind::Connect;
    match words.sqlstate {
        Some("28P01" | "28000") => DelegateFailure::new(kind, "authentication_failed", message),
        Some("3D000") => DelegateFailure::new(kind, "database_unknown", message),
        Some("53300") => DelegateFailure::new(kind, "too_many_connections", message),
        _ => DelegateFailure::new(kind, "cannot_connect", message),
    }
    .help("devflow itself was connected a moment before: the server has to take one connection more, from here, by TCP")
}

/// With what the CLI suggests, in devflow's words.
fn helped(failure: DelegateFailure, refusal: &Refusal) -> DelegateFailure {
    match refusal.suggestion.as_deref().map(rewritten) {
        Some(suggestion) if !suggestion.is_empty() => failure.help(suggestion),
        _ => failure,
    }
}

fn rewritten(suggestion: &str) -> String {
    let text = COMMANDS
        .iter()
        .fold(suggestion.to_owned(), |text, (theirs, ours)| {
            text.replace(theirs, ours)
        });
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// It could not be started at all.
pub(super) fn not_started(path: &Path, error: &io::Error) -> DelegateFailure {
    let message = format!(
        "the Supabase CLI at {} cannot be run: {error}",
        path.display()
    );
    DelegateFailure::new(ErrorKind::Usage, "supabase_cli_failed", message)
}

/// It ended without an answer.
pub(super) fn crashed(code: Option<i32>) -> DelegateFailure {
    let how = match code {
        Some(code) => format!("with exit code {code}"),
        None => "by a signal".to_owned(),
    };
    let message = format!("the Supabase CLI ended {how}, without saying what it did");
    DelegateFailure::new(ErrorKind::Broken, "supabase_cli_crashed", message)
        .help("what is listed is in the table, and nothing else; what it wrote stands above; run again to go on")
        .cut_short()
}

/// It did not end.
pub(super) fn silent(limit: Duration) -> DelegateFailure {
    let limit = duration::of(limit);
    let message = format!("the Supabase CLI did not say within {limit} what is pending");
    DelegateFailure::new(ErrorKind::Broken, "supabase_cli_silent", message)
        .help("somebody may hold a lock on its table: look at pg_locks")
}

impl<'a> Words<'a> {
    /// `ERROR: what went wrong (SQLSTATE 42P01)`, then `At statement: 2` and the statement with a mark below it.
    fn of(text: &'a str) -> Self {
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        let first = ["ERROR: ", "FATAL: "]
            .iter()
            .find_map(|severity| first.strip_prefix(severity))
            .unwrap_or(first);
        let (message, sqlstate) = match first.rsplit_once("(SQLSTATE ") {
            Some((message, rest)) => (message.trim_end(), rest.get(..5)),
            None => (first, None),
        };
        let number = rest
            .lines()
            .find_map(|line| line.strip_prefix("At statement: "));
        Self {
            message,
            sqlstate,
            statement: number.and_then(|number| number.trim().parse().ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: &str, message: &str) -> Refusal {
        Refusal {
            code: code.to_owned(),
            message: message.to_owned(),
            suggestion: Some(
                "Run: supabase migration repair --status reverted 20240101000000 --remote=<db-url>"
                    .to_owned(),
            ),
        }
    }

    #[test]
    fn a_statement_that_failed_is_found_again() {
        let text = "ERROR: relation \"nope\" does not exist (SQLSTATE 42P01)\nAt statement: 2\ninsert into nope values (1)\n            ^";
        let expected = DelegateFailure::new(
            ErrorKind::MigrationFailed,
            "migration_failed",
            "relation \"nope\" does not exist",
        )
        .refused_with("42P01")
        .at_statement(2);
        for code in ["DbPushApplyError", "LegacyDbPushApplyError"] {
            assert_eq!(of(&refusal(code, text)), expected);
        }
    }

    #[test]
    fn a_row_that_is_there_already_means_another_runner() {
        let text = "ERROR: duplicate key value violates unique constraint \"schema_migrations_pkey\" (SQLSTATE 23505)\nAt statement: 1";
        let failure = format!("{:?}", of(&refusal("DbPushApplyError", text)));
        assert!(failure.contains("Overtaken"), "{failure}");
        let text = text.replace("schema_migrations_pkey", "users_pkey");
        let failure = format!("{:?}", of(&refusal("DbPushApplyError", &text)));
        assert!(failure.contains("migration_failed"), "{failure}");
    }

    #[test]
    fn every_other_code_has_one_of_ours() {
        for (code, text, ours) in [
            (
                "DbConnectError",
                "x (FATAL: y (SQLSTATE 28P01))",
                "authentication_failed",
            ),
            (
                "DbConnectError",
                "x (FATAL: y (SQLSTATE 3D000))",
                "database_unknown",
            ),
            ("DbConnectError", "dial error", "cannot_connect"),
            ("DbPushMissingLocalError", "x", "supabase_history"),
            ("LegacyDbPushMissingRemoteError", "x", "supabase_history"),
            (
                "HostedMutationConsentRequiredError",
                "x",
                "supabase_cli_unfit",
            ),
            ("UnrecognizedOption", "x", "supabase_cli_unfit"),
            ("DbConfigLoadError", "x", "supabase_config"),
            ("MigrationVaultError", "x", "supabase_vault"),
            ("MigrationsReadError", "x (SQLSTATE 42501)", "not_permitted"),
            (
                "DbPushApplyError",
                "FATAL: x (SQLSTATE 57P01)",
                "connection_lost",
            ),
            ("SomethingNew", "x", "supabase_cli_failed"),
        ] {
            let failure = format!("{:?}", of(&refusal(code, text)));
            assert!(failure.contains(&format!("{ours:?}")), "{code}: {failure}");
        }
    }

    #[test]
    fn what_it_suggests_is_said_in_our_words() {
        assert_eq!(
            rewritten("Run:\n  supabase migration repair --status reverted 2024 --remote=<db-url>"),
            "Run: devflow db repair --not-applied 2024"
        );
    }
}
