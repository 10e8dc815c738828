//! Where PostgreSQL's server programs are.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const INSTALL: &str = "no PostgreSQL server programs (initdb, postgres) were found. Install them: \
    Debian and Ubuntu: apt-get install postgresql; macOS: brew install postgresql@17; \
    or name their folder in DEVFLOW_TEST_POSTGRES_BIN, or a server in DEVFLOW_TEST_URL";

/// A folder with PostgreSQL's programs.
#[derive(Debug, Clone)]
pub struct Installation {
    bin: PathBuf,
}

impl Installation {
    /// Finds the server programs: `DEVFLOW_TEST_POSTGRES_BIN` decides when it is set; otherwise the first of PATH,
    /// `pg_config --bindir`, Debian's folders and Homebrew's that holds both `initdb` and `postgres`.
    ///
    /// # Errors
    /// What to install.
    pub fn find() -> Result<Self, String> {
        if let Some(bin) = env::var_os("DEVFLOW_TEST_POSTGRES_BIN") {
            return Self::at(Path::new(&bin)).ok_or_else(|| {
                format!(
                    "DEVFLOW_TEST_POSTGRES_BIN is {}, which does not hold initdb and postgres",
                    Path::new(&bin).display()
                )
            });
        }
        candidates()
            .iter()
            .find_map(|bin| Self::at(bin))
            .ok_or_else(|| INSTALL.to_owned())
    }

    /// The full path of a client program: the server's own, or the first that is found beside any server programs.
    ///
    /// # Errors
    /// What to install.
    pub fn program_of_any(name: &str) -> Result<PathBuf, String> {
        let others = candidates();
        let mut installations = std::iter::once(Self::find()?)
            .chain(others.iter().filter_map(|bin| Self::at(bin)))
            .map(|installation| installation.program(name));
        installations
            .find(|program| program.is_file())
            .ok_or_else(|| format!("no {name} was found beside any server programs. {INSTALL}"))
    }

    /// The installation with these programs, if the folder holds them.
    #[must_use]
    pub fn at(bin: &Path) -> Option<Self> {
        // Links in PATH point at one program each; its neighbours are beside the real file.
        let initdb = bin.join("initdb").canonicalize().ok()?;
        let bin = initdb.parent()?.to_owned();
        bin.join("postgres").is_file().then_some(Self { bin })
    }

    /// The full path of one of its programs.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// The folder.
    #[must_use]
    pub fn bin(&self) -> &Path {
        &self.bin
    }
}

fn candidates() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<PathBuf> = env::split_paths(&path).collect();
    found.extend(pg_config());
    found.extend(newest_first("/usr/lib/postgresql", ""));
    found.extend(newest_first("/opt/homebrew/opt", "postgresql"));
    found.extend(newest_first("/usr/local/opt", "postgresql"));
    found
}

fn pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config")
        .arg("--bindir")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let bin = String::from_utf8(output.stdout).ok()?;
    Some(PathBuf::from(bin.trim()))
}

/// The `bin` folders of versions side by side, such as `15` and `17`, or `postgresql@15` and `postgresql@17`.
fn newest_first(parent: &str, prefix: &str) -> Vec<PathBuf> {
    let versions: BTreeMap<u32, PathBuf> = std::fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version = name.strip_prefix(prefix)?.trim_start_matches('@');
            Some((version.parse().unwrap_or(0), entry.path().join("bin")))
        })
        .collect();
    versions.into_values().rev().collect()
}
