//! `devflow init`: what a project needs, where it is missing.

use crate::outcome::{Action, Body, Init, Kind, Outcome, Trouble, Written};
use crate::settings;
use devflow_migrations::Config;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const CONFIG: &str = "devflow.yml";
const ATTRIBUTES: &str = "*.sql text eol=lf";

pub(super) fn init(settings: &settings::Init) -> Result<Outcome, Trouble> {
    let found = Config::find(&settings.folder, settings.home.as_deref())?;
    let project = match found {
        Some(config) => {
            settings::new_directory(&config)?;
            Folder {
                directory: config.migrations.directory,
                path: config.folder,
                config: Action::Kept,
            }
        }
        None => Folder {
            directory: existing_directory(&settings.folder).to_owned(),
            path: settings.folder.clone(),
            config: Action::Created,
        },
    };
    let files = project.write()?;
    Ok(Outcome::new(Body::Init(Init { files })))
}

/// Where the Supabase CLI keeps migrations.
const SUPABASE_DIRECTORY: &str = "supabase/migrations";

/// A Supabase project has its migrations where its CLI wants them.
fn existing_directory(folder: &Path) -> &'static str {
    if folder.join(SUPABASE_DIRECTORY).is_dir() {
        SUPABASE_DIRECTORY
    } else {
        "migrations"
    }
}

/// A project's folder.
struct Folder {
    path: PathBuf,
    directory: String,
    config: Action,
}

impl Folder {
    fn write(&self) -> Result<Vec<Written>, Trouble> {
        let mut files = vec![
            self.attempt(CONFIG, None, Self::config)?,
            self.attempt(&self.directory, None, Self::directory)?,
            self.attempt(
                ".gitattributes",
                Some(ATTRIBUTES.to_owned()),
                Self::attributes,
            )?,
        ];
        if self.path.join("Cargo.toml").is_file() {
            files.push(self.attempt("build.rs", Some(self.build_line()), Self::build_script)?);
        }
        Ok(files)
    }

    fn attempt(
        &self,
        name: &str,
        line: Option<String>,
        write: impl Fn(&Self, &Path) -> io::Result<Action>,
    ) -> Result<Written, Trouble> {
        let action = write(self, &self.path.join(name)).map_err(|error| {
            let message = format!("{name} cannot be written: {error}");
            Trouble::new(Kind::File, "file_not_written", message)
        })?;
        Ok(Written {
            path: name.to_owned(),
            action,
            line,
        })
    }

    fn config(&self, path: &Path) -> io::Result<Action> {
        if self.config == Action::Created {
            create(path, &self.config_text())?;
        }
        Ok(self.config)
    }

    fn config_text(&self) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        // A JSON string is a YAML string whatever the folder is called.
        let name = serde_json::Value::from(name);
        format!(
            "\
version: \"1\"
project:
  name: {name}
database:
  migrations:
    directory: {directory}
{ledger}  environments:
    local: {{ url_env: DATABASE_URL }}
",
            directory = self.directory,
            ledger = self.ledger(),
        )
    }

    /// What the Supabase CLI has applied is in its own table, and must not be applied again.
    fn ledger(&self) -> &'static str {
        match self.directory.as_str() {
            SUPABASE_DIRECTORY => "    ledger: supabase\n",
            _ => "",
        }
    }

    /// An empty directory is not kept by git, so it gets a file that is no migration.
    fn directory(&self, path: &Path) -> io::Result<Action> {
        if path.is_dir() {
            return Ok(Action::Kept);
        }
        fs::create_dir_all(path)?;
        create(&path.join(".gitkeep"), "")?;
        Ok(Action::Created)
    }

    /// Checksums read CRLF as LF, but diffs and other tools do not.
    fn attributes(&self, path: &Path) -> io::Result<Action> {
        let Some(text) = existing(path)? else {
            create(path, &format!("{ATTRIBUTES}\n"))?;
            return Ok(Action::Created);
        };
        if text.lines().any(|line| line.trim() == ATTRIBUTES) {
            return Ok(Action::Kept);
        }
        let separator = if text.is_empty() || text.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        let mut file = OpenOptions::new().append(true).open(path)?;
        writeln!(file, "{separator}{ATTRIBUTES}")?;
        Ok(Action::Extended)
    }

    fn build_line(&self) -> String {
        format!("println!(\"cargo::rerun-if-changed={}\");", self.directory)
    }

    /// Without it Cargo does not see that a migration was added.
    fn build_script(&self, path: &Path) -> io::Result<Action> {
        let Some(text) = existing(path)? else {
            create(
                path,
                &format!("fn main() {{\n    {}\n}}\n", self.build_line()),
            )?;
            return Ok(Action::Created);
        };
        let watched = format!("rerun-if-changed={}", self.directory);
        Ok(if text.contains(&watched) {
            Action::Kept
        } else {
            Action::ToDo
        })
    }
}

fn create(path: &Path, text: &str) -> io::Result<()> {
    fs::File::create_new(path)?.write_all(text.as_bytes())
}

/// The text of a file, if it is there.
fn existing(path: &Path) -> io::Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
