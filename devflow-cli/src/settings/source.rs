//! The variable that holds the URL, what named it, and where its value is.

use super::database::LOCAL;
use super::dotenv::DotEnv;
use super::layer::Chosen;
use super::project::Project;
use super::small_file;
use crate::args::DatabaseArguments;
use crate::outcome::{Origin, Trouble};
use crate::secret::Secret;
use crate::surroundings::Surroundings;
use devflow_migrations::Environment;
use std::ffi::OsStr;
use std::io;

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
        if let Place::DotEnv(_, line) = source.place(&source.variable, surroundings) {
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

    /// Where the value of a variable is.
    fn place<'a>(&'a self, variable: &str, surroundings: &'a Surroundings) -> Place<'a> {
        let named = |name: &str| surroundings.variables.get(OsStr::new(name));
        let value = named(variable);
        let file = named(&naming_file(variable));
        match (value, file, self.dotenv.get(variable)) {
            (Some(value), _, _) if !value.is_empty() => Place::Variable(value),
            (_, Some(file), _) if !file.is_empty() => Place::File(file),
            (Some(empty), _, _) => Place::Variable(empty),
            (None, _, Some((text, line))) => Place::DotEnv(text, line),
            (None, _, None) => Place::Nowhere,
        }
    }

    /// Whether a variable has a value that is not empty.
    fn has(&self, variable: &str, surroundings: &Surroundings) -> bool {
        match self.place(variable, surroundings) {
            Place::Variable(value) => !value.is_empty(),
            Place::DotEnv(text, _) => !text.is_empty(),
            Place::File(_) => true,
            Place::Nowhere => false,
        }
    }

    /// The value and where it is; `None` where nothing sets it.
    ///
    /// # Errors
    /// `url_not_set` for a value that no URL can be, `url_file_unreadable` for a file that cannot be read.
    pub(super) fn find(
        &self,
        surroundings: &Surroundings,
    ) -> Result<Option<Chosen<Secret>>, Trouble> {
        let (text, origin) = match self.place(&self.variable, surroundings) {
            Place::Variable(value) => {
                let text = value.to_str();
                let text = text.ok_or_else(|| self.trouble("is not valid UTF-8"))?;
                (text.to_owned(), Origin::Variable(self.variable.clone()))
            }
            Place::File(file) => {
                let text = small_file::read(&surroundings.directory.join(file));
                let text = text.map_err(|error| self.unreadable(&error))?;
                let origin = Origin::Variable(naming_file(&self.variable));
                (text.trim().to_owned(), origin)
            }
            Place::DotEnv(text, line) => (text.to_owned(), Origin::DotEnv(format!(".env:{line}"))),
            Place::Nowhere => return Ok(None),
        };
        match text.trim().is_empty() {
            true => Err(self.trouble("is empty")),
            false => Ok(Some(Chosen {
                value: Secret::new(text),
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
            "set {variable} to the database's URL, such as postgres://USER:PASSWORD@HOST:5432/DATABASE; or {} to the path of a file that holds it; or name another variable with --url-env",
            naming_file(variable)
        ))
    }

    /// The path is not shown: who confused the two variables has put the URL there.
    fn unreadable(&self, error: &io::Error) -> Trouble {
        let variable = naming_file(&self.variable);
        let message = format!("the file that {variable} names cannot be read: {error}");
        Trouble::usage("url_file_unreadable", message).help(format!(
            "{variable} is the path of a file that holds the database's URL; the URL itself belongs into {}",
            self.variable
        ))
    }
}

/// Where the value of a variable is. A variable that is empty says nothing to a file, but leaves `.env` unread.
enum Place<'a> {
    Variable(&'a OsStr),
    /// A file that another variable names, as containers are handed their secrets.
    File(&'a OsStr),
    /// The text, and the line.
    DotEnv(&'a str, usize),
    Nowhere,
}

/// The variable that names the file which holds the value of this one.
fn naming_file(variable: &str) -> String {
    format!("{variable}_FILE")
}
