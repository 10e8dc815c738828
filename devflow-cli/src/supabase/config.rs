//! `supabase/config.toml`: what of it keeps the Supabase CLI from applying anything.

use crate::settings::small_file;
use devflow_migrations::{Problem, Text};
use std::error::Error;
use std::io;
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// The file, below the project's folder.
const PATH: &str = "supabase/config.toml";

/// More MiB than this are no configuration.
const MOST_MIB: u64 = 1;

/// What is wrong with the file; a project need not have one.
pub(super) fn check(project: &Path) -> Option<Problem> {
    let text = match small_file::read_up_to(MOST_MIB << 20, &project.join(PATH)) {
        Ok(text) => Text::from_bytes(text.into_bytes()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => return Some(unreadable(&error)),
    };
    let text = match text {
        Ok(text) => text,
        Err(error) => return Some(unreadable(&error)),
    };
    match DeTable::parse(text.as_str()) {
        Ok(config) => switched_off(config.get_ref(), &text),
        Err(error) => Some(malformed(&error, &text)),
    }
}

fn unreadable(error: &dyn Error) -> Problem {
    let message = format!("the Supabase CLI needs the file, and it cannot be read: {error}");
    let help = "let it be a text file, in UTF-8, that this user may read";
    problem("supabase_config", message, help)
}

/// Its line is not shown: secrets stand in such files.
fn malformed(error: &toml::de::Error, text: &Text) -> Problem {
    let message = format!("this is no TOML: {}", error.message().replace('\n', ", "));
    let help = "correct it: the Supabase CLI applies nothing before it can read it";
    Problem {
        position: error.span().map(|span| text.position(span.start)),
        ..problem("supabase_config", message, help)
    }
}

/// `[db.migrations] enabled = false`: the CLI applies nothing, and calls that up to date.
fn switched_off(config: &DeTable<'_>, text: &Text) -> Option<Problem> {
    let db = config.get("db")?.get_ref();
    let enabled = db.get("migrations")?.get_ref().get("enabled")?;
    if !matches!(enabled.get_ref(), DeValue::Boolean(false)) {
        return None;
    }
    let position = text.position(enabled.span().start);
    let message =
        "migrations are switched off, so the Supabase CLI would apply nothing and report success";
    let help = "set it to true, or take the line out";
    Some(Problem {
        position: Some(position),
        line: Some(text.line(position.line).to_owned()),
        ..problem("supabase_disabled", message.to_owned(), help)
    })
}

fn problem(code: &'static str, message: String, help: &str) -> Problem {
    Problem {
        code,
        path: PATH.to_owned(),
        position: None,
        message,
        line: None,
        help: Some(help.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn found(config: &[u8]) -> String {
        let project = tempfile::tempdir().unwrap();
        assert_eq!(check(project.path()), None);
        fs::create_dir(project.path().join("supabase")).unwrap();
        fs::write(project.path().join(PATH), config).unwrap();
        let found = check(project.path()).map(|problem| format!("{} {problem}", problem.code));
        found.unwrap_or_default()
    }

    #[test]
    fn migrations_that_are_switched_off_are_found_with_their_place() {
        for on in [
            "",
            "[db]\nport = 1\n",
            "db = 1",
            "[db.migrations]\nenabled = true",
        ] {
            assert_eq!(found(on.as_bytes()), "", "{on}");
        }
        let asked = "[db.migrations]\nenabled = \"env(MIGRATE)\"";
        assert_eq!(found(asked.as_bytes()), "");
        let off = found("[db]\r\n# é\r\nmigrations = { enabled = false }\r\n".as_bytes());
        assert!(
            off.starts_with("supabase_disabled supabase/config.toml:3:26: "),
            "{off}"
        );
        assert!(
            off.contains("\n  migrations = { enabled = false }\n"),
            "{off}"
        );
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_place_and_without_its_line() {
        let broken = found(b"[auth]\nsecret = \"s3cr3t\nport = 1\n");
        assert!(
            broken.starts_with("supabase_config supabase/config.toml:2:"),
            "{broken}"
        );
        assert!(!broken.contains("s3cr3t"), "{broken}");
        assert!(found(b"a = \"\xff\"").contains("cannot be read"));
    }
}
