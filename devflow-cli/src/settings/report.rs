//! Every setting with its origin, for `devflow config`.

use super::database::choose;
use super::layer::ENVIRONMENT;
use super::project::Project;
use super::source::Source;
use crate::args::DatabaseArguments;
use crate::outcome::{Configuration, Origin, Setting, Trouble};
use crate::surroundings::Surroundings;
use devflow_migrations::{Approval, Environment, Format};
use devflow_runtime::{
    Ahead, Destination, LedgerKind, Missing, OutOfOrder, Pooler, Settings, TableName,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// Every setting with its origin; nothing has to be set, and nothing connects.
pub(super) fn report(
    arguments: &DatabaseArguments,
    surroundings: &Surroundings,
) -> Result<Configuration, Trouble> {
    let project = Project::load(&arguments.project, surroundings)?;
    let named = ENVIRONMENT.choose_text(arguments.env.as_deref(), surroundings)?;
    let chosen = choose(&project, named.as_ref())?;
    let lines = project.config.as_ref().map(|config| config.lines());
    let report = Report {
        project: &project,
        lines: lines.transpose()?.unwrap_or_default(),
    };
    let mut settings = vec![Setting {
        key: "config",
        value: project.config.as_ref().map(|_| project.file()),
        origin: project.origin.clone(),
    }];
    settings.push(Setting {
        key: "environment",
        value: chosen.map(|(name, _)| name.to_owned()),
        origin: named.map_or(Origin::Default, |named| named.origin),
    });
    let source = Source::choose(&project, arguments, chosen, surroundings, &mut Vec::new())?;
    settings.extend(report.url(&source, surroundings)?);
    settings.extend(report.of_environment(chosen));
    settings.extend(report.of_migrations());
    settings.extend(report.limits(arguments));
    Ok(Configuration { settings })
}

struct Report<'a> {
    project: &'a Project,
    lines: BTreeMap<String, u32>,
}

impl Report<'_> {
    /// devflow.yml's line, or else the default.
    fn origin(&self, path: &str) -> Origin {
        match self.lines.get(path) {
            Some(line) => Origin::File(format!("{}:{line}", self.project.file())),
            None => Origin::Default,
        }
    }

    /// The variable, and what may be shown of the URL in it.
    fn url(&self, source: &Source, surroundings: &Surroundings) -> Result<[Setting; 4], Trouble> {
        let found = source.find(surroundings)?;
        let destination = match &found {
            Some(found) => Some(Destination::of(found.value.expose())?),
            None => None,
        };
        let variable = match &source.by {
            Some(path) => self.origin(path),
            None => source.origin.clone(),
        };
        let origin = found.map_or(Origin::Default, |found| found.origin);
        let part = |key, value| Setting {
            key,
            value,
            origin: origin.clone(),
        };
        let shown = destination.as_ref();
        Ok([
            Setting {
                key: "url_env",
                value: Some(source.variable.clone()),
                origin: variable,
            },
            part("url.server", shown.map(|it| it.servers.join(","))),
            part("url.database", shown.and_then(|it| it.database.clone())),
            part("url.user", shown.and_then(|it| it.user.clone())),
        ])
    }

    fn of_environment(&self, chosen: Option<(&str, &Environment)>) -> Vec<Setting> {
        let Some((name, environment)) = chosen else {
            return Vec::new();
        };
        let word = match environment.require_approval {
            Approval::No => "false",
            Approval::Yes => "true",
            Approval::Plan => "plan",
        };
        vec![Setting {
            key: "require_approval",
            value: Some(word.to_owned()),
            origin: self.origin(&format!("database.environments.{name}.require_approval")),
        }]
    }

    fn of_migrations(&self) -> Vec<Setting> {
        let config = self.project.config.as_ref();
        let migrations = config.map(|config| &config.migrations);
        let table = migrations.map_or_else(TableName::default, |it| it.table.clone());
        let policies = self.project.policies();
        let readers = policies.tracking_readers.join(", ");
        let format = migrations.map_or(Format::Sql, |it| it.format);
        let ledger = migrations.map_or(LedgerKind::default(), |it| it.ledger);
        let words = [
            (
                "project.name",
                config.and_then(|config| config.project.clone()),
            ),
            ("directory", Some(self.project.shown().to_owned())),
            ("format", Some(format.as_str().to_owned())),
            ("ledger", Some(ledger.as_str().to_owned())),
            (
                "supabase_cli",
                migrations.and_then(|it| it.supabase_cli.clone()),
            ),
            ("tracking_schema", Some(table.schema().to_owned())),
            ("tracking_table", Some(table.table().to_owned())),
            (
                "tracking_readers",
                Some(readers).filter(|it| !it.is_empty()),
            ),
            (
                "out_of_order",
                Some(OutOfOrder::as_str(policies.out_of_order.unwrap_or_default()).to_owned()),
            ),
            (
                "ahead",
                Some(Ahead::as_str(policies.ahead.unwrap_or_default()).to_owned()),
            ),
            (
                "missing",
                Some(Missing::as_str(policies.missing.unwrap_or_default()).to_owned()),
            ),
            (
                "pooler",
                Some(Pooler::as_str(policies.pooler.unwrap_or_default()).to_owned()),
            ),
        ];
        let setting = |(key, value)| Setting {
            key,
            value,
            origin: match key {
                "project.name" => self.origin(key),
                _ => self.origin(&format!("database.migrations.{key}")),
            },
        };
        words.into_iter().map(setting).collect()
    }

    fn limits(&self, arguments: &DatabaseArguments) -> Vec<Setting> {
        let policies = self.project.policies();
        let limits = [
            ("lock_wait", policies.lock_wait, Settings::LOCK_WAIT),
            (
                "lock_timeout",
                policies.lock_timeout,
                Settings::LOCK_TIMEOUT,
            ),
            (
                "lock_retry_budget",
                policies.lock_retry_budget,
                Settings::LOCK_RETRY_BUDGET,
            ),
            (
                "statement_timeout",
                policies.statement_timeout,
                Duration::ZERO,
            ),
            (
                "connect_timeout",
                policies.connect_timeout,
                Settings::CONNECT_TIMEOUT,
            ),
            (
                "connect_budget",
                policies.connect_budget,
                Settings::CONNECT_BUDGET,
            ),
        ];
        let setting = |(key, spelled, default): (&'static str, Option<Duration>, _)| Setting {
            key,
            value: Some(words(key, spelled.unwrap_or(default))),
            origin: self.origin(&format!("database.migrations.{key}")),
        };
        let mut settings: Vec<_> = limits.into_iter().map(setting).collect();
        if let (Some(limit), Some(budget)) = (arguments.wait, settings.last_mut()) {
            budget.value = Some(words("connect_budget", limit));
            budget.origin = Origin::Flag("--wait");
        }
        settings
    }
}

/// A duration as devflow.yml spells it.
fn words(key: &str, duration: Duration) -> String {
    let ms = duration.as_millis();
    if ms == 0 {
        let has_none = matches!(key, "lock_timeout" | "statement_timeout");
        return if has_none { "none" } else { "0s" }.to_owned();
    }
    let units = [(3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms")];
    let fits = units.iter().find(|(unit, _)| ms.is_multiple_of(*unit));
    let (unit, word) = fits.unwrap_or(&(1, "ms"));
    format!("{}{word}", ms / unit)
}
