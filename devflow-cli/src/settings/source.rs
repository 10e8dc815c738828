//! The variable that holds the URL, what named it, and where its value is.

use super::database::LOCAL;
use super::dotenv::DotEnv;
use super::layer::Chosen;
use super::project::Project;
use crate::args::DatabaseArguments;
use crate::outcome::{Origin, Trouble};
use crate::secret::Secret;
use crate::surroundings::Surroundings;
use devflow_migrations::Environment;
use std::ffi::OsStr;

/// The variable that is read where no devflow.yml names one.
pub(super) const DEFAULT_VARIABLE: &str = "DATABASE_URL";

/// The variable that holds the URL, and what named it.
pub(super) struct Source {
    pub(super) variable: String,
    /// What named it, where that is not devflow.yml.
    pub(super) origin: Origin,
    /// The key of devflow.yml that named it.
    pub(super) by: Option<String>,
    named_by: String,
    dotenv: DotEnv,
}

impl Source {
    /// Chooses the variable; `remarks` takes up what a person should know about the choice.
    pub(super) fn choose(
        project: &Project,
        arguments: &DatabaseArguments,
        chosen: Option<(&str, &Environment)>,
        surroundings: &Surroundings,
        remarks: &mut Vec<String>,
    ) -> Result<Self, Trouble> {
        let is_local = chosen.is_some_and(|(name, _)| name == LOCAL);
        let dotenv = match is_local && !arguments.ci {
            true => DotEnv::read(project.folder())?,
            false => DotEnv::default(),
        };
        let mut source = Self::named(project, arguments, chosen, dotenv);
        let direct = chosen.and_then(|(_, environment)| environment.direct_url_env.as_deref());
        if let (Some(direct), None) = (direct, &arguments.url_env)
            && source.has(direct, surroundings)
        {
            remarks.push(format!("using {direct}, past the pooler"));
            source.variable = direct.to_owned();
            source.by = source
                .by
                .map(|by| by.replace(".url_env", ".direct_url_env"));
        }
        let is_set = surroundings
            .variables
            .contains_key(OsStr::new(&source.variable));
        if let (false, Some((_, line))) = (is_set, source.dotenv.get(&source.variable)) {
            remarks.push(format!("{} is taken from .env:{line}", source.variable));
        }
        Ok(source)
    }

    fn named(
        project: &Project,
        arguments: &DatabaseArguments,
        chosen: Option<(&str, &Environment)>,
        dotenv: DotEnv,
    ) -> Self {
        let source = |variable: &str, origin, by, named_by: String| Self {
            variable: variable.to_owned(),
            origin,
            by,
            named_by,
            dotenv,
        };
        match (&arguments.url_env, chosen, &project.config) {
            (Some(variable), _, _) => {
                let flag = "--url-env";
                source(
                    variable,
                    Origin::Flag(flag),
                    None,
                    format!("named by {flag}"),
                )
            }
            (None, Some((name, environment)), _) => {
                let by = Some(format!("database.environments.{name}.url_env"));
                let named_by = format!("of environment `{name}` in {}", project.file());
                source(&environment.url_env, Origin::Default, by, named_by)
            }
            (None, None, Some(_)) => {
                let named_by = format!("the default where {} has no environments", project.file());
                source(DEFAULT_VARIABLE, Origin::Default, None, named_by)
            }
            (None, None, None) => {
                let named_by = "the default where there is no devflow.yml".to_owned();
                source(DEFAULT_VARIABLE, Origin::Default, None, named_by)
            }
        }
    }

    /// Whether a variable has a value that is not empty, here or in `.env`, which never overrides.
    fn has(&self, variable: &str, surroundings: &Surroundings) -> bool {
        match surroundings.variables.contains_key(OsStr::new(variable)) {
            true => surroundings.text(variable).is_some(),
            false => self
                .dotenv
                .get(variable)
                .is_some_and(|(value, _)| !value.is_empty()),
        }
    }

    /// The value and where it is; `None` where nothing sets it.
    ///
    /// # Errors
    /// `url_not_set` for a value that no URL can be.
    pub(super) fn find(
        &self,
        surroundings: &Surroundings,
    ) -> Result<Option<Chosen<Secret>>, Trouble> {
        let variable = surroundings.variables.get(OsStr::new(&self.variable));
        let (text, origin) = match (variable, self.dotenv.get(&self.variable)) {
            (Some(value), _) => {
                let text = value.to_str();
                let text = text.ok_or_else(|| self.trouble("is not valid UTF-8"))?;
                (text, Origin::Variable(self.variable.clone()))
            }
            (None, Some((text, line))) => (text, Origin::DotEnv(format!(".env:{line}"))),
            (None, None) => return Ok(None),
        };
        match text.trim().is_empty() {
            true => Err(self.trouble("is empty")),
            false => Ok(Some(Chosen {
                value: Secret::new(text.to_owned()),
                origin,
            })),
        }
    }

    /// The value, which has to be there.
    pub(super) fn read(&self, surroundings: &Surroundings) -> Result<Secret, Trouble> {
        let found = self.find(surroundings)?;
        let found = found.ok_or_else(|| self.trouble("is not set"))?;
        Ok(found.value)
    }

    fn trouble(&self, problem: &str) -> Trouble {
        let Self {
            variable, named_by, ..
        } = self;
        Trouble::usage(
            "url_not_set",
            format!("the environment variable {variable}, {named_by}, {problem}"),
        )
        .help(format!(
            "set {variable} to the database's URL, or name another variable with --url-env"
        ))
    }
}
