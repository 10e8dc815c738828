//! The Supabase CLI, as tests run it.

use crate::command::Command;
use crate::project::Project;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A generation of the Supabase CLI, each at the version that `tests/supabase/package.json` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SupabaseCli {
    /// 3.x.
    Current,
    /// 2.x, the last before 3.
    Previous,
}

impl SupabaseCli {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Current, Self::Previous];

    /// Its version.
    #[must_use]
    pub fn version(self) -> &'static str {
        match self {
            Self::Current => "3.1.0",
            Self::Previous => "2.122.1",
        }
    }

    /// Its full path. npm fetches it the first time, into the cache that `./test` fills.
    ///
    /// # Panics
    /// When it cannot be had.
    #[must_use]
    pub fn program(self) -> PathBuf {
        let package = match self {
            Self::Current => "supabase",
            Self::Previous => "supabase-2",
        };
        packages().join(package).join("dist/supabase.js")
    }

    /// `supabase db push` against a database, with what keeps it from asking and from telling anybody.
    #[must_use]
    pub fn push(self, project: &Project, url: &str) -> Command {
        let target = format!("{}={url}", self.target());
        let arguments = ["--output-format", "json", "db", "push", "--yes", &target];
        self.command(project).args(&arguments)
    }

    /// The argument by which it is told its database.
    #[must_use]
    pub fn target(self) -> &'static str {
        match self {
            Self::Current => "--remote",
            Self::Previous => "--db-url",
        }
    }

    /// It, to be run in a project.
    #[must_use]
    pub fn command(self, project: &Project) -> Command {
        project
            .command(&self.program())
            .env("SUPABASE_TELEMETRY_DISABLED", "1")
            .env("SUPABASE_NO_UPDATE_NOTIFIER", "1")
            .env("DO_NOT_TRACK", "1")
    }
}

/// The folder that npm has put both into.
fn packages() -> &'static Path {
    static PACKAGES: OnceLock<PathBuf> = OnceLock::new();
    PACKAGES.get_or_init(|| {
        let fetch = Path::new(env!("CARGO_MANIFEST_DIR")).join("supabase/fetch");
        let output = std::process::Command::new(&fetch)
            .output()
            .expect("a script can be run");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "the Supabase CLI is missing and could not be fetched (npm is needed; ./test installs it):\n{said}"
        );
        PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
    })
}
