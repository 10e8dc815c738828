//! Plan files: a plan as text, to be reviewed, and handed to the run that applies exactly that.
//!
//! A file names migrations by version, name and checksum and holds no SQL. Its shape is published in
//! docs/schema/plan.schema.json; adding a key is fine, changing or removing one raises [`SHAPE`].

mod shape;
mod write;

use crate::outcome::{Kind, Trouble};
use crate::settings::small_file;
use devflow_runtime::PlanContents;
use shape::{SHAPE, Shape};
use std::fmt::Display;
use std::path::{Path, PathBuf};
pub(crate) use write::write;

/// Where a plan file is, or will be.
#[derive(Debug)]
pub(crate) struct PlanPath {
    path: PathBuf,
    /// As it was given.
    pub(crate) shown: String,
}

impl PlanPath {
    /// A path that is relative to `directory`.
    pub(crate) fn within(directory: &Path, path: &Path) -> Self {
        Self {
            path: directory.join(path),
            shown: path.display().to_string(),
        }
    }
}

/// How long a plan file may be, in bytes: some 100 000 migrations.
const LONGEST: u64 = 32 << 20;

/// Reads a plan that was approved.
pub(crate) fn read(place: &PlanPath) -> Result<PlanContents, Trouble> {
    let shown = &place.shown;
    let text =
        small_file::read_up_to(LONGEST, &place.path).map_err(|error| unreadable(shown, &error))?;
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| damaged(shown, &error))?;
    match value.get("plan").and_then(serde_json::Value::as_u64) {
        Some(version) if version != u64::from(SHAPE) => return Err(foreign(shown, version)),
        _ => {}
    }
    let shape: Shape = serde_json::from_value(value).map_err(|error| damaged(shown, &error))?;
    let claimed = shape.digest.clone();
    let contents = shape.contents();
    match contents.digest().as_str() == claimed {
        true => Ok(contents),
        false => Err(tampered(shown, &claimed, contents.digest().as_str())),
    }
}

fn unreadable(shown: &dyn Display, error: &dyn Display) -> Trouble {
    let message = format!("the plan {shown} cannot be read: {error}");
    Trouble::usage("plan_file_unreadable", message).help(
        "`--plan` takes a file that `--dry-run --out FILE` wrote; in another job, hand it over as an artifact",
    )
}

fn damaged(shown: &dyn Display, what: &dyn Display) -> Trouble {
    let message = format!("{shown} is not a plan: {what}");
    Trouble::usage("plan_file_damaged", message)
        .help("write it again with `--dry-run --out FILE`, and have that approved")
}

fn foreign(shown: &dyn Display, version: u64) -> Trouble {
    let message =
        format!("the plan {shown} is of version {version}, and this devflow knows version {SHAPE}");
    Trouble::usage("plan_file_version", message)
        .help("use one devflow to write a plan and to apply it")
}

fn tampered(shown: &dyn Display, claimed: &str, found: &str) -> Trouble {
    let message = format!(
        "the plan {shown} was changed after it was written: it names the digest {claimed}, and what it holds has {found}"
    );
    Trouble::new(Kind::PlanChanged, "plan_file_edited", message)
        .help("write it again with `--dry-run --out FILE`, and have that approved")
}

#[cfg(test)]
mod tests {
    use super::*;
    use devflow_runtime::PlannedStep;

    #[test]
    fn a_plan_of_many_migrations_is_read_as_it_was_written() {
        let step = |version: i32| PlannedStep {
            version: version.to_string(),
            file: format!("{version}_\u{1b}[31m\n::error::{}.sql", "é".repeat(100)),
            checksum: "ab".repeat(32),
            mode: "transaction".to_owned(),
            resumed_after: (version == 1).then_some(3),
        };
        let plan = PlanContents {
            environment: "production".to_owned(),
            steps: (1..5_000).map(step).collect(),
            ..PlanContents::default()
        };
        let folder = tempfile::tempdir().unwrap();
        let place = PlanPath::within(folder.path(), Path::new("plan.json"));
        write(&place, &plan).unwrap();
        let text = std::fs::read_to_string(&place.path).unwrap();
        assert!(text.len() > 1 << 20);
        assert!(!text.contains('\u{1b}') && !text.contains("\n::"));
        assert_eq!(read(&place).unwrap(), plan);
    }
}
