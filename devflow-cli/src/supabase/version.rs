//! Which versions of the Supabase CLI devflow knows how to use.

use super::environment::Environment;
use super::process::Process;
use crate::outcome::{Kind, Trouble};
use crate::visible;
use std::path::Path;
use std::time::Duration;

/// How long it may take to say its version.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is known of a range of versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Generation {
    /// 2.110 to 2.122: a database is named by `--db-url`. Of the first, that they
    /// send a file in a transaction block; of the last, that it can leave the vault alone.
    Two { has_blocks: bool, skips_vault: bool },
    /// 3.x: a database is named by `--remote`.
    Three,
}

impl Generation {
    /// Of a version's text; `None` for one that devflow does not know how to use.
    fn of(version: &str) -> Option<Self> {
        let mut numbers = version
            .split(['.', '-'])
            .map(|part| part.parse::<u32>().ok());
        match (numbers.next()??, numbers.next()??) {
            (2, minor @ 110..=122) => Some(Self::Two {
                has_blocks: minor < 115,
                skips_vault: minor == 122,
            }),
            (3, _) => Some(Self::Three),
            _ => None,
        }
    }

    /// The option that names the database.
    pub(super) fn target(self) -> &'static str {
        match self {
            Self::Two { .. } => "--db-url",
            Self::Three => "--remote",
        }
    }

    /// Whether it knows `--skip-vault`.
    pub(super) fn skips_vault(self) -> bool {
        match self {
            Self::Two { skips_vault, .. } => skips_vault,
            Self::Three => true,
        }
    }

    /// Whether it sends a file between BEGIN and COMMIT.
    pub(super) fn has_blocks(self) -> bool {
        match self {
            Self::Two { has_blocks, .. } => has_blocks,
            Self::Three => false,
        }
    }
}

/// Asks a program for its version.
///
/// # Errors
/// `supabase_cli_version`, or `supabase_cli_failed` where it cannot be run.
pub(super) async fn ask(
    path: &Path,
    environment: &Environment,
) -> Result<(String, Generation), Trouble> {
    let folder = path.parent().unwrap_or(path);
    let process = Process::start(path, &["--version".into()], environment, folder);
    let process = process.map_err(|error| failed(path, &error.to_string()))?;
    let ended = tokio::time::timeout(PATIENCE, process.run(&mut |_| {})).await;
    let ended = ended.map_err(|_| failed(path, "it says nothing"))?;
    let said = ended.stdout.lines().last().unwrap_or_default().trim();
    let version = said.strip_prefix('v').unwrap_or(said);
    match Generation::of(version) {
        Some(generation) => Ok((version.to_owned(), generation)),
        None => Err(unknown(path, version)),
    }
}

fn failed(path: &Path, why: &str) -> Trouble {
    let message = format!(
        "the Supabase CLI at {} cannot be run: {why}",
        path.display()
    );
    Trouble::new(Kind::Usage, "supabase_cli_failed", message).help(
        "look at what `supabase --version` says there; its npm package needs `node` on the PATH",
    )
}

fn unknown(path: &Path, version: &str) -> Trouble {
    let found = match version {
        "" => "says no version".to_owned(),
        version => format!(
            "is {}",
            visible::line(version).chars().take(40).collect::<String>()
        ),
    };
    let message = format!(
        "the Supabase CLI at {} {found}; devflow works with 3.x, and with 2.110 to 2.122",
        path.display()
    );
    Trouble::usage("supabase_cli_version", message)
        .help("install one of these at an exact version, for example `npm install --save-dev --save-exact supabase@3.1.0`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_used_and_nothing_else() {
        let two = |has_blocks, skips_vault| {
            Some(Generation::Two {
                has_blocks,
                skips_vault,
            })
        };
        for (version, generation) in [
            ("3.1.0", Some(Generation::Three)),
            ("3.20.0-beta.1", Some(Generation::Three)),
            ("2.122.1", two(false, true)),
            ("2.115.0", two(false, false)),
            ("2.114.9", two(true, false)),
            ("2.110.0", two(true, false)),
            ("2.109.1", None),
            ("2.123.0", None),
            ("1.200.3", None),
            ("4.0.0", None),
            ("3", None),
            ("", None),
            ("garbage", None),
        ] {
            assert_eq!(Generation::of(version), generation, "{version}");
        }
    }
}
