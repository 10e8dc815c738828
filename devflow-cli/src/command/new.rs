//! `devflow db new`: an empty migration with the newest version.

use crate::outcome::{Body, File, Kind, New, Outcome, Trouble};
use crate::settings;
use devflow_migrations::FileName;
use devflow_runtime::Version;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// A file's name has at most 255 bytes on most systems; the version and the ending need some of them.
const MAX_NAME: usize = 200;

pub(super) fn new(settings: &settings::New) -> Result<Outcome, Trouble> {
    let name = slug(&settings.name)?;
    let failed = |error: io::Error| failed(&settings.shown, &error);
    fs::create_dir_all(&settings.directory).map_err(failed)?;
    let newest = newest(&settings.directory).map_err(failed)?;
    let version = next(&now(), newest.as_ref());
    let file = format!("{version}_{name}.sql");
    let path = settings.directory.join(&file);
    let created = fs::File::create_new(path);
    created
        .and_then(|mut created| writeln!(created, "-- {}", name.replace('_', " ")))
        .map_err(failed)?;
    Ok(Outcome::new(Body::New(New {
        migration: Some(File {
            version,
            path: format!("{}/{file}", settings.shown),
            mode: None,
            checksum: None,
        }),
    })))
}

fn failed(shown: &str, error: &io::Error) -> Trouble {
    Trouble::new(
        Kind::File,
        "file_not_written",
        format!("a migration cannot be created in {shown}: {error}"),
    )
}

/// The name as it stands in the file's: lower case, words joined by underscores.
fn slug(name: &str) -> Result<String, Trouble> {
    let refused = |message: &str| {
        Err(Trouble::usage(
            "bad_name",
            format!("{name:?} cannot name a migration: {message}"),
        )
        .help("say what it does in a few words: `devflow db new \"add users\"`"))
    };
    let trimmed = name.trim().trim_end_matches(".sql");
    if trimmed.contains(['/', '\\']) {
        return refused("it is a path; the directory is devflow.yml's to say");
    }
    if trimmed.chars().any(crate::visible::is_hidden) {
        return refused("it has characters that cannot be seen");
    }
    let words = trimmed
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty());
    let slug = words.collect::<Vec<_>>().join("_").to_lowercase();
    match slug.len() {
        0 => refused("it has no letter or digit"),
        1..=MAX_NAME => Ok(slug),
        _ => refused("it is too long for a file's name"),
    }
}

/// The newest version in the directory. Files that do not fit the grammar are for `migrate` to complain about.
fn newest(directory: &Path) -> io::Result<Option<Version>> {
    let mut newest = None;
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        if let Some(Ok(name)) = name.to_str().and_then(FileName::parse) {
            newest = newest.max(Some(name.version));
        }
    }
    Ok(newest)
}

/// The time in UTC as 14 digits.
fn now() -> String {
    digits(Timestamp::now())
}

fn digits(timestamp: Timestamp) -> String {
    let time = timestamp.to_zoned(TimeZone::UTC);
    format!(
        "{:04}{:02}{:02}{:02}{:02}{:02}",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

/// `now`, or the number after `newest` where the clock is not beyond it: two migrations made in one second, a version
/// from the future, or longer numbers than ours.
fn next(now: &str, newest: Option<&Version>) -> String {
    match (Version::parse(now), newest) {
        (Ok(version), Some(newest)) if version <= *newest => {
            let first = newest.as_str().split('.').next().unwrap_or_default();
            successor(first)
        }
        _ => now.to_owned(),
    }
}

/// The decimal number plus one, however long it is.
fn successor(number: &str) -> String {
    let kept = number.trim_end_matches('9');
    let nines = number.len() - kept.len();
    let zeros = "0".repeat(nines);
    match kept.split_at_checked(kept.len().wrapping_sub(1)) {
        Some((head, last)) => {
            let last = last.parse::<u8>().unwrap_or(0) + 1;
            format!("{head}{last}{zeros}")
        }
        None => format!("1{zeros}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_a_slug() {
        assert_eq!(slug("Add users").unwrap(), "add_users");
        assert_eq!(slug("  add--users.v2.sql ").unwrap(), "add_users_v2");
        assert_eq!(slug("Größe").unwrap(), "größe");
        for bad in [
            "",
            "  ",
            "--",
            "../up",
            "a\\b",
            "a\u{1b}b",
            &"x".repeat(201),
        ] {
            assert_eq!(slug(bad).unwrap_err().code, "bad_name", "{bad:?}");
        }
    }

    #[test]
    fn the_version_is_newer_than_every_other() {
        let table = [
            ("20260131090507", None, "20260131090507"),
            ("20260131090507", Some("42"), "20260131090507"),
            ("20260131090507", Some("1.93.1"), "20260131090507"),
            ("20260131090507", Some("20260131090507"), "20260131090508"),
            ("20260131090507", Some("20260131090508"), "20260131090509"),
            ("20260131090507", Some("20991231235959"), "20991231235960"),
            (
                "20260131090507",
                Some("20260131090507123"),
                "20260131090507124",
            ),
            (
                "20260131090507",
                Some("99999999999999.5"),
                "100000000000000",
            ),
        ];
        for (now, newest, expected) in table {
            let newest = newest.map(|newest| Version::parse(newest).unwrap());
            let version = next(now, newest.as_ref());
            assert_eq!(version, expected);
            assert!(Some(Version::parse(&version).unwrap()) > newest);
        }
    }

    #[test]
    fn the_time_is_fourteen_digits_in_utc() {
        let time = Timestamp::from_second(1_769_850_307).unwrap();
        assert_eq!(digits(time), "20260131090507");
    }
}
