//! Which database, by which files, under which rules.

use super::actor::actor;
use super::binary::Binary;
use super::layer::{Chosen, ENVIRONMENT};
use super::project::Project;
use super::source::{DEFAULT_VARIABLE, Source};
use crate::args::DatabaseArguments;
use crate::look::Attendance;
use crate::outcome::{Origin, Trouble};
use crate::secret::Secret;
use crate::supabase::{self, Wanted};
use crate::surroundings::Surroundings;
use devflow_migrations::{Approval, Config, Environment, Format, nearest};
use devflow_runtime::{Actor, LedgerKind, Migrator, TableName};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The environment that is chosen among several when none is named, and that asks nothing.
pub(crate) const LOCAL: &str = "local";

/// Which database, by which files, under which rules.
#[derive(Debug)]
pub(crate) struct Database {
    /// The environment's name, where devflow.yml has any.
    pub(crate) environment: Option<String>,
    pub(crate) url: Secret,
    pub(crate) files: Files,
    pub(crate) directory: PathBuf,
    /// The directory as users know it.
    pub(crate) shown: String,
    /// The folder that `shown` is relative to.
    pub(crate) folder: PathBuf,
    pub(crate) table: TableName,
    pub(crate) ledger: LedgerKind,
    /// The Supabase CLI, where it is to apply the files.
    pub(crate) supabase: Option<Wanted>,
    pub(crate) policies: devflow_runtime::Settings,
    /// How long a server that is not there yet is waited for.
    pub(crate) wait: Option<Duration>,
    /// The project's name.
    pub(crate) application: Option<String>,
    pub(crate) actor: Actor,
    pub(crate) approval: Approval,
    pub(crate) asked: Asked,
    /// What a person should know about these choices.
    pub(crate) remarks: Vec<String>,
}

/// Where the migrations are.
#[derive(Debug)]
pub(crate) enum Files {
    /// In the directory.
    Directory,
    /// In a service's executable, which is looked at instead of the directory.
    Binary(Binary),
    /// In this program, with the settings that its author chose.
    Embedded(Box<Migrator>),
}

/// Who can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A person at a terminal.
    Person,
    /// A CI platform, whose own gate has been passed.
    Platform,
    Nobody,
}

impl Database {
    pub(super) fn resolve(
        arguments: &DatabaseArguments,
        surroundings: &Surroundings,
    ) -> Result<Self, Trouble> {
        Self::resolve_with(arguments, None, surroundings)
    }

    /// Goes by the executable `binary`, if there is one, instead of the directory, which then need not be there.
    pub(super) fn resolve_with(
        arguments: &DatabaseArguments,
        binary: Option<&Path>,
        surroundings: &Surroundings,
    ) -> Result<Self, Trouble> {
        let project = Project::load(&arguments.project, surroundings)?;
        let binary = binary.map(|path| Binary::read(path, &project, surroundings));
        let binary = binary.transpose()?;
        let named = ENVIRONMENT.choose_text(arguments.env.as_deref(), surroundings)?;
        let chosen = choose(&project, named.as_ref())?;
        let mut remarks = defaults(&project, arguments, binary.as_ref());
        let source = Source::choose(&project, arguments, chosen, surroundings, &mut remarks)?;
        let url = source.read(surroundings)?;
        let asked = asked(Attendance::of(arguments.ci), surroundings);
        let config = project.config.as_ref();
        let directory = match &binary {
            None => project.directory()?,
            Some(_) => project.new_directory()?,
        };
        let ledger = match &binary {
            None => project.ledger(),
            Some(binary) => binary.manifest.ledger(),
        };
        if ledger == LedgerKind::Supabase && binary.is_none() {
            remarks.extend(supabase::overlooked(&directory, project.shown()));
        }
        Ok(Self {
            environment: chosen.map(|(name, _)| name.to_owned()),
            url,
            directory,
            shown: project.shown().to_owned(),
            folder: project.folder().to_owned(),
            table: match &binary {
                None => project.table(),
                Some(binary) => binary.manifest.table().clone(),
            },
            ledger,
            supabase: config.and_then(|config| wanted(config, surroundings)),
            files: binary.map_or(Files::Directory, Files::Binary),
            policies: project.policies(),
            wait: arguments.wait,
            application: config.and_then(|config| config.project.clone()),
            actor: actor(asked, surroundings),
            approval: chosen.map_or(Approval::No, |(_, environment)| {
                environment.require_approval
            }),
            asked,
            remarks,
        })
    }
}

fn wanted(config: &Config, surroundings: &Surroundings) -> Option<Wanted> {
    (config.migrations.format == Format::Supabase).then(|| Wanted {
        configured: config.migrations.supabase_cli.as_ref().map(PathBuf::from),
        environment: supabase::Environment::of(surroundings),
    })
}

pub(super) fn asked(attendance: Attendance, surroundings: &Surroundings) -> Asked {
    if attendance == Attendance::Job {
        Asked::Platform
    } else if surroundings.terminal().answers {
        Asked::Person
    } else {
        Asked::Nobody
    }
}

/// What is said when there is no devflow.yml.
fn defaults(
    project: &Project,
    arguments: &DatabaseArguments,
    binary: Option<&Binary>,
) -> Vec<String> {
    let listed = binary.map(Binary::remark);
    if let Some(config) = &project.config {
        let unused = &config.migrations.unused_keys;
        return unused
            .iter()
            .map(|key| format!("`{key}` in {} is not used by this format", project.file()))
            .chain(listed)
            .collect();
    }
    let variable = arguments.url_env.as_deref().unwrap_or(DEFAULT_VARIABLE);
    let (directory, table) = (project.shown(), project.table());
    match listed {
        Some(listed) => vec![format!("no devflow.yml: using {variable}"), listed],
        None => vec![format!(
            "no devflow.yml: using the directory {directory}, the table {table} and {variable}"
        )],
    }
}

/// The environment that is named, or else the only one, or else `local`; `None` where there are no environments.
pub(super) fn choose<'a>(
    project: &'a Project,
    named: Option<&Chosen<String>>,
) -> Result<Option<(&'a str, &'a Environment)>, Trouble> {
    let all = project
        .config
        .as_ref()
        .map_or(&[][..], |config| &config.environments);
    let find = |name: &str| all.iter().find(|(known, _)| known == name);
    let chosen = match (named, all) {
        (Some(named), _) => {
            let found = find(&named.value);
            Some(found.ok_or_else(|| unknown(project, &named.value, &named.origin))?)
        }
        (None, []) => None,
        (None, [only]) => Some(only),
        (None, _) => Some(find(LOCAL).ok_or_else(|| several(project))?),
    };
    Ok(chosen.map(|(name, environment)| (name.as_str(), environment)))
}

fn unknown(project: &Project, name: &str, origin: &Origin) -> Trouble {
    let by = match origin {
        Origin::Variable(variable) => format!(", which {variable} names"),
        _ => String::new(),
    };
    let Some(config) = &project.config else {
        return Trouble::usage(
            "unknown_environment",
            format!("there is no environment {name:?}{by}: there is no devflow.yml"),
        )
        .help("write one with `devflow init`, or leave --env out");
    };
    let names: Vec<_> = config
        .environments
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let trouble = Trouble::usage(
        "unknown_environment",
        format!("{} has no environment {name:?}{by}", project.file()),
    );
    match (nearest(name, names.iter().copied()), names.is_empty()) {
        (Some(near), _) => trouble.help(format!(
            "did you mean {near:?}? It has {}",
            names.join(", ")
        )),
        (None, false) => trouble.help(format!("it has {}", names.join(", "))),
        (None, true) => {
            trouble.help("it has none: leave --env out, or add it below `environments`")
        }
    }
}

fn several(project: &Project) -> Trouble {
    let names = project
        .config
        .iter()
        .flat_map(|config| &config.environments);
    let names: Vec<_> = names.map(|(name, _)| name.as_str()).collect();
    Trouble::usage(
        "environment_needed",
        format!(
            "{} has several environments, and none of them is `{LOCAL}`",
            project.file()
        ),
    )
    .help(format!("choose one with --env: {}", names.join(", ")))
}
