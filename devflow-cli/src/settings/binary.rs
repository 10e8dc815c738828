//! A service's executable, looked at instead of the migrations directory.

use super::project::Project;
use crate::human::line;
use crate::outcome::Trouble;
use crate::surroundings::Surroundings;
use devflow_migrations::Manifest;
use devflow_runtime::MigrationSet;
use std::path::Path;

/// A service's executable, and what it lists of the set that the project is about.
#[derive(Debug)]
pub(crate) struct Binary {
    /// The path as it was given.
    pub(crate) shown: String,
    pub(crate) manifest: Manifest,
}

impl Binary {
    pub(super) fn read(
        path: &Path,
        project: &Project,
        surroundings: &Surroundings,
    ) -> Result<Self, Trouble> {
        let shown = path.display().to_string();
        let manifests = Manifest::read(&surroundings.directory.join(path), &shown)?;
        let manifest = choose(manifests, &shown, project)?;
        check_table(&manifest, &shown, project)?;
        Ok(Self { shown, manifest })
    }

    pub(crate) fn set(&self) -> &MigrationSet {
        self.manifest.set()
    }

    /// What a person should know of what was compared.
    pub(crate) fn remark(&self) -> String {
        let (directory, devflow) = (self.manifest.directory(), self.manifest.devflow());
        let count = line::count(self.set().len(), "migration");
        format!(
            "{} lists {count} of {directory}, embedded by devflow {devflow}, and not what their statements do",
            self.shown
        )
    }
}

/// The only set, or else the one whose directory and table are the project's.
fn choose(
    mut manifests: Vec<Manifest>,
    shown: &str,
    project: &Project,
) -> Result<Manifest, Trouble> {
    let count = manifests.len();
    if count > 1 {
        let directory = project.shown();
        let directory = directory.strip_prefix("./").unwrap_or(directory);
        manifests.retain(|it| it.directory() == directory && *it.table() == project.table());
    }
    let only = (manifests.len() == 1).then(|| manifests.pop()).flatten();
    only.ok_or_else(|| {
        let wanted = format!("{} for {}", project.shown(), project.table());
        let message = match manifests.is_empty() {
            true => format!("{shown} has {count} sets of migrations, and none of {wanted}"),
            false => format!("{shown} has {} different sets of {wanted}", manifests.len()),
        };
        Trouble::usage("binary_ambiguous", message).help(
            "name the devflow.yml whose directory and table the set has, with --config; of an image for several \
             processors build all from one checkout",
        )
    })
}

/// Compared with another ledger, everything would look pending.
fn check_table(manifest: &Manifest, shown: &str, project: &Project) -> Result<(), Trouble> {
    let (embedded, table) = (manifest.table(), project.table());
    let (whose, ledger) = (manifest.ledger(), project.ledger());
    if project.config.is_none() || (*embedded == table && whose == ledger) {
        return Ok(());
    }
    let file = project.file();
    let (whose, ledger) = (whose.as_str(), ledger.as_str());
    let message = format!(
        "{shown} keeps its ledger in {embedded} (ledger: {whose}), and {file} names {table} (ledger: {ledger})"
    );
    Err(Trouble::usage("binary_table", message)
        .help("build the service with this devflow.yml, or name the one that it was built with, with --config"))
}
