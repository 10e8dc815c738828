//! Where a value comes from: a flag, or else a variable, or else devflow.yml, or else the default.

use crate::outcome::{Origin, Trouble};
use crate::surroundings::Surroundings;
use std::ffi::{OsStr, OsString};

/// A value, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chosen<T> {
    pub(super) value: T,
    pub(super) origin: Origin,
}

/// A flag and the variable that is read where it is not given.
pub(super) struct Layer {
    pub(super) flag: &'static str,
    pub(super) variable: &'static str,
}

/// Which environment.
pub(super) const ENVIRONMENT: Layer = Layer {
    flag: "--env",
    variable: "DEVFLOW_ENV",
};

/// Which devflow.yml.
pub(super) const CONFIG: Layer = Layer {
    flag: "--config",
    variable: "DEVFLOW_CONFIG",
};

impl Layer {
    /// What the flag says, or else the variable; an empty variable says nothing.
    pub(super) fn choose(
        &self,
        flag: Option<&OsStr>,
        surroundings: &Surroundings,
    ) -> Option<Chosen<OsString>> {
        let from_flag = flag.map(|value| Chosen {
            value: value.to_owned(),
            origin: Origin::Flag(self.flag),
        });
        let variable = surroundings.variables.get(OsStr::new(self.variable));
        let variable = variable.filter(|value| !value.is_empty());
        from_flag.or_else(|| {
            variable.map(|value| Chosen {
                value: value.clone(),
                origin: Origin::Variable(self.variable.to_owned()),
            })
        })
    }

    /// The same for a value that has to be text.
    pub(super) fn choose_text(
        &self,
        flag: Option<&str>,
        surroundings: &Surroundings,
    ) -> Result<Option<Chosen<String>>, Trouble> {
        let chosen = self.choose(flag.map(OsStr::new), surroundings);
        let chosen = chosen.map(|chosen| match chosen.value.into_string() {
            Ok(value) => Ok(Chosen {
                value,
                origin: chosen.origin,
            }),
            Err(_) => Err(Trouble::usage(
                "variable_not_text",
                format!(
                    "the environment variable {} is not valid UTF-8",
                    self.variable
                ),
            )),
        });
        chosen.transpose()
    }
}
