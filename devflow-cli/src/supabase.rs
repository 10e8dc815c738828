//! The Supabase CLI, which applies migrations in devflow's place.
//!
//! It is found, its version is checked, and it is run with a clean environment and no password in its arguments. What it
//! says is passed on, and its errors become devflow's; what it has done is for the runtime to see.

mod answer;
mod call;
mod config;
mod copy;
mod environment;
mod failure;
mod find;
mod folders;
mod preflight;
mod process;
mod redaction;
mod version;

use crate::outcome::Trouble;
use crate::settings::Database;
use answer::Answer;
use call::{Call, Purpose};
use devflow_runtime::{
    Delegate, DelegateFailure, Delegated, Engine, Errand, MigrationSet, Plan, Said,
};
pub(crate) use environment::Environment;
pub(crate) use folders::overlooked;
use process::{Ended, Process};
use redaction::Redaction;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use version::Generation;

/// What it may take to say which migrations are pending; it opens a connection for that.
const PREVIEW: Duration = Duration::from_secs(120);

/// It opens its connection within this time, and between two files it needs none of it.
const PATIENCE: Duration = Duration::from_secs(120);

/// A line by which it says that it begins with a file.
const BEGINNING: &str = "Applying migration ";

/// The Supabase CLI that was found.
#[derive(Debug)]
pub(crate) struct Supabase {
    /// Its path, as people know it.
    pub(crate) path: PathBuf,
    pub(crate) version: String,
    generation: Generation,
    /// The folder that holds `supabase/migrations`.
    project: PathBuf,
    /// The same with the files as they were read.
    copy: TempDir,
    environment: Environment,
    redaction: Redaction,
}

/// Which Supabase CLI is to be used.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// The program that devflow.yml names.
    pub(crate) configured: Option<PathBuf>,
    pub(crate) environment: Environment,
}

impl Supabase {
    /// Finds it, and asks for its version.
    ///
    /// # Errors
    /// `supabase_cli_missing`, or `supabase_cli_version` for one that devflow does not know how to use; the problems of
    /// files that it would not treat as their writer expects.
    pub(crate) async fn find(
        database: &Database,
        wanted: &Wanted,
        set: &MigrationSet,
    ) -> Result<Self, Trouble> {
        let Wanted {
            configured,
            environment,
        } = wanted;
        let project = project(&database.directory);
        preflight::of_files(&project, set)?;
        let path = find::find(&database.folder, configured.as_deref(), environment)?;
        let (version, generation) = version::ask(&path, environment).await?;
        Ok(Self {
            path,
            version,
            generation,
            copy: copy::copy(&project, set)?,
            project,
            environment: environment.clone(),
            redaction: Redaction::of(database.url.expose()),
        })
    }

    async fn push(
        &self,
        purpose: Purpose,
        errand: &Errand<'_>,
        hear: &mut (dyn FnMut(Said<'_>) + Send),
    ) -> Result<Answer, DelegateFailure> {
        let call = Call {
            generation: self.generation,
            purpose,
            project: self.copy.path(),
            errand,
        };
        let environment = self.environment.for_login(errand);
        let mut relay = |line: &str| {
            // By its own name: a password may be a part of one.
            if let Some(file) = line.strip_prefix(BEGINNING) {
                hear(Said::Began(file.trim_end_matches('.')));
            }
            hear(Said::Line(&self.redaction.of_text(line)));
        };
        let process = Process::start(&self.path, &call.arguments(), &environment, &self.project);
        let process = process.map_err(|error| failure::not_started(&self.path, &error))?;
        let ended = match purpose {
            Purpose::Apply => process.run(&mut relay).await,
            Purpose::Preview => {
                let run = tokio::time::timeout(PREVIEW, process.run(&mut relay));
                run.await.map_err(|_| failure::silent(PREVIEW))?
            }
        };
        self.understand(&ended)
    }

    fn understand(&self, ended: &Ended) -> Result<Answer, DelegateFailure> {
        match Answer::read(&ended.stdout) {
            Some(Answer {
                refusal: Some(refusal),
                ..
            }) => Err(failure::of(&refusal.redacted(&self.redaction))),
            Some(answer) if ended.code == Some(0) => Ok(answer),
            _ => Err(failure::crashed(ended.code)),
        }
    }
}

/// The folder above `supabase/migrations`.
fn project(directory: &Path) -> PathBuf {
    let above = directory.ancestors().nth(2);
    above.unwrap_or(directory).to_owned()
}

impl Delegate for Supabase {
    fn engine(&self) -> Engine {
        Engine {
            name: "supabase",
            version: self.version.clone(),
        }
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    fn check(&self, plan: &Plan) -> Result<(), DelegateFailure> {
        preflight::of_plan(plan, self.generation)
    }

    fn preview<'a>(
        &'a mut self,
        errand: &'a Errand<'a>,
        hear: &'a mut (dyn FnMut(Said<'_>) + Send),
    ) -> Delegated<'a, Vec<String>> {
        Box::pin(async move {
            let answer = self.push(Purpose::Preview, errand, hear).await?;
            Ok(answer.migrations)
        })
    }

    fn apply<'a>(
        &'a mut self,
        errand: &'a Errand<'a>,
        hear: &'a mut (dyn FnMut(Said<'_>) + Send),
    ) -> Delegated<'a, ()> {
        Box::pin(async move { self.push(Purpose::Apply, errand, hear).await.map(drop) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surroundings::Surroundings;

    fn with_password(password: &str) -> Supabase {
        Supabase {
            path: PathBuf::new(),
            version: String::new(),
            generation: Generation::Three,
            project: PathBuf::new(),
            copy: tempfile::tempdir().unwrap(),
            environment: Environment::of(&Surroundings::default()),
            redaction: Redaction::of(&format!("postgres://ann:{password}@db.test/shop")),
        }
    }

    #[test]
    fn a_password_that_is_a_part_of_the_answer_does_not_change_what_it_says() {
        for password in ["table", "%22", "0", "migrations"] {
            let supabase = with_password(password);
            let understood = |stdout: &str| {
                let stdout = stdout.to_owned();
                supabase.understand(&Ended {
                    code: Some(0),
                    stdout,
                })
            };
            let answer = understood("{\"migrations\":[\"2024_table.sql\"]}\n").unwrap();
            assert_eq!(answer.migrations, ["2024_table.sql"], "{password}");
            let refusal =
                "{\"error\":{\"code\":\"DbPushApplyError\",\"message\":\"\\\"a table\\\"\"}}\n";
            let failure = format!("{:?}", understood(refusal).unwrap_err());
            assert!(failure.contains("\"migration_failed\""), "{failure}");
            assert!(
                password != "table" || failure.contains("a [redacted]"),
                "{failure}"
            );
        }
    }
}
