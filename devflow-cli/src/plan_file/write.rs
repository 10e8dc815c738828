//! Writing a plan file: whole, or not at all.

use super::PlanPath;
use super::shape::Shape;
use crate::fence::token;
use crate::json::inert;
use crate::outcome::{Kind, Trouble};
use devflow_runtime::PlanContents;
use jiff::{Timestamp, Unit};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes a plan for review.
pub(crate) fn write(place: &PlanPath, contents: &PlanContents) -> Result<(), Trouble> {
    let now = Timestamp::now();
    let made_at = now.round(Unit::Second).unwrap_or(now).to_string();
    // Strings, numbers and lists always serialize.
    let text =
        serde_json::to_string_pretty(&Shape::of(contents.clone(), made_at)).unwrap_or_default();
    replace(&place.path, &(inert(&text) + "\n")).map_err(|error| {
        let message = format!("the plan could not be written to {}: {error}", place.shown);
        Trouble::new(Kind::Output, "plan_not_written", message)
            .help("name a file in a directory that exists and can be written to")
    })
}

/// Puts a file of this text in the place of `path` at once, so that nobody ever reads half of it.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let place = destination(path)?;
    let folder = place.parent().unwrap_or(Path::new(""));
    let beside = folder.join(format!(".devflow-plan-{}", token()));
    let written = fill(&beside, text).and_then(|()| fs::rename(&beside, &place));
    if written.is_err() {
        // What is said is why it could not be written.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Where the file lies that a link names; a device or a pipe has no place for a file.
fn destination(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Ok(place) if place.is_file() => Ok(place),
        Ok(_) => Err(io::Error::other("it is not a regular file")),
        Err(_) => Ok(path.to_owned()),
    }
}

fn fill(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
