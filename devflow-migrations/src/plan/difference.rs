//! What lies between the plan that was approved and the one that was found.

use super::{PlanContents, PlannedStep};
use crate::event::LedgerEvent;
use crate::ledger::{Ledger, LedgerRow};
use crate::version::Version;
use std::fmt;

/// One thing in which the plan that was found is not the approved one.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Difference {
    /// It is for another place, or is made by other rules.
    Setting {
        /// What it is about, in people's words: `environment`, `database`, `server`, `ledger`, `out_of_order` …
        what: &'static str,
        /// As it was approved.
        approved: String,
        /// As it is.
        found: String,
    },
    /// A file was edited.
    Edited {
        /// The file, as it was approved.
        approved: PlannedStep,
        /// The file as it is.
        found: PlannedStep,
    },
    /// A file has another name: of the same version, or of another with the same text, which changes the order.
    Renamed {
        /// The file, as it was approved.
        approved: PlannedStep,
        /// The file as it is.
        found: PlannedStep,
    },
    /// A file is carried out in another way: in a transaction or not, or from another statement on.
    Mode {
        /// The file, as it was approved.
        approved: PlannedStep,
        /// The file as it is.
        found: PlannedStep,
    },
    /// Something is to be carried out that was not approved.
    Added(PlannedStep),
    /// Something that was approved is not to be carried out: its file is gone, or a target leaves it out.
    Removed(PlannedStep),
    /// Something that was approved has been carried out since then, or decided upon.
    Done(PlannedStep, Box<LedgerRow>),
    /// Another row came into the ledger.
    Recorded(Box<LedgerRow>),
    /// The ledger has fewer rows than it had.
    Lost {
        /// The id of its newest row, as it was approved.
        approved: i64,
        /// The id of its newest row; 0 when it has none.
        found: i64,
    },
}

impl PlanContents {
    /// In what `found` is not this approved plan; `ledger` says what happened in between. Empty when it is the same.
    #[must_use]
    pub fn differences(&self, found: &Self, ledger: &Ledger) -> Vec<Difference> {
        let mut differences = self.settings(found);
        let moved = |step: &PlannedStep| self.moved_to(step, found);
        for step in &self.steps {
            differences.extend(match found.step(&step.version) {
                Some(now) => step.difference(now),
                None => moved(step).or_else(|| Some(gone(step, ledger))),
            });
        }
        for step in &found.steps {
            let is_moved = || {
                let mut approved = self.steps.iter();
                approved.any(|old| found.step(&old.version).is_none() && old.is_text_of(step))
            };
            if self.step(&step.version).is_none() && !is_moved() {
                differences.push(Difference::Added(step.clone()));
            }
        }
        differences.extend(self.rows_since(found, ledger));
        differences
    }

    fn step(&self, version: &str) -> Option<&PlannedStep> {
        self.steps.iter().find(|step| step.version == version)
    }

    /// The step with another version and the same text.
    fn moved_to(&self, step: &PlannedStep, found: &Self) -> Option<Difference> {
        let mut new = found.steps.iter();
        let now = new.find(|now| self.step(&now.version).is_none() && step.is_text_of(now))?;
        Some(Difference::Renamed {
            approved: step.clone(),
            found: now.clone(),
        })
    }

    fn settings(&self, found: &Self) -> Vec<Difference> {
        let ledger = |contents: &Self| format!("{}.{}", contents.schema, contents.table);
        let (approved_ledger, found_ledger) = (ledger(self), ledger(found));
        let compared = [
            ("plan", &self.format, &found.format),
            ("environment", &self.environment, &found.environment),
            ("database", &self.database, &found.database),
            ("server", &self.system, &found.system),
            ("ledger", &approved_ledger, &found_ledger),
            ("out_of_order", &self.out_of_order, &found.out_of_order),
            ("ahead", &self.ahead, &found.ahead),
            ("missing", &self.missing, &found.missing),
        ];
        let differing = compared
            .into_iter()
            .filter(|(_, approved, found)| approved != found);
        differing
            .map(|(what, approved, found)| Difference::Setting {
                what,
                approved: approved.clone(),
                found: found.clone(),
            })
            .collect()
    }

    /// What came into the ledger, but for the rows that say why an approved step is done.
    fn rows_since(&self, found: &Self, ledger: &Ledger) -> Vec<Difference> {
        if found.last_id < self.last_id {
            return vec![Difference::Lost {
                approved: self.last_id,
                found: found.last_id,
            }];
        }
        let is_done = |version: &str| self.step(version).is_some() && found.step(version).is_none();
        let mut rows: Vec<_> = ledger
            .iter()
            .flat_map(|(_, history)| history.rows())
            .map(|(_, row)| row)
            .filter(|row| row.id > self.last_id && !is_done(&row.version))
            .collect();
        rows.sort_by_key(|row| row.id);
        rows.into_iter()
            .map(|row| Difference::Recorded(Box::new(row.clone())))
            .collect()
    }
}

impl PlannedStep {
    fn is_text_of(&self, other: &Self) -> bool {
        self.checksum == other.checksum && self.version != other.version
    }

    /// In what another step of the same version differs.
    fn difference(&self, found: &Self) -> Option<Difference> {
        let (approved, found) = (self.clone(), found.clone());
        if approved == found {
            None
        } else if approved.checksum != found.checksum {
            Some(Difference::Edited { approved, found })
        } else if approved.file != found.file {
            Some(Difference::Renamed { approved, found })
        } else {
            Some(Difference::Mode { approved, found })
        }
    }
}

/// Why an approved step is not to be carried out any more.
fn gone(step: &PlannedStep, ledger: &Ledger) -> Difference {
    let version = Version::parse(&step.version).ok();
    let history = version.and_then(|version| ledger.get(&version));
    match history.and_then(|history| history.last().map(|row| (history.event(), row))) {
        Some((LedgerEvent::Failed | LedgerEvent::Reverted, _)) | None => {
            Difference::Removed(step.clone())
        }
        Some((_, row)) => Difference::Done(step.clone(), Box::new(row.clone())),
    }
}

impl Difference {
    /// A stable word, for machines.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Setting { .. } => "setting",
            Self::Edited { .. } => "edited",
            Self::Renamed { .. } => "renamed",
            Self::Mode { .. } => "mode",
            Self::Added(_) => "added",
            Self::Removed(_) => "removed",
            Self::Done(..) => "done",
            Self::Recorded(_) => "recorded",
            Self::Lost { .. } => "ledger_lost_rows",
        }
    }

    /// The version that it is about.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        match self {
            Self::Setting { .. } | Self::Lost { .. } => None,
            Self::Edited { found, .. } | Self::Renamed { found, .. } | Self::Mode { found, .. } => {
                Some(&found.version)
            }
            Self::Added(step) | Self::Removed(step) | Self::Done(step, _) => Some(&step.version),
            Self::Recorded(row) => Some(&row.version),
        }
    }

    /// What was approved, for machines: a value, a checksum, a file's name, or how it runs.
    #[must_use]
    pub fn approved(&self) -> Option<String> {
        match self {
            Self::Setting { approved, .. } => Some(approved.clone()),
            Self::Edited { approved, .. } => Some(approved.checksum.clone()),
            Self::Renamed { approved, .. } => Some(approved.file.clone()),
            Self::Mode { approved, .. } => Some(approved.way()),
            Self::Removed(step) | Self::Done(step, _) => Some(step.checksum.clone()),
            Self::Lost { approved, .. } => Some(approved.to_string()),
            Self::Added(_) | Self::Recorded(_) => None,
        }
    }

    /// What there is instead, for machines; of a row its event.
    #[must_use]
    pub fn found(&self) -> Option<String> {
        match self {
            Self::Setting { found, .. } => Some(found.clone()),
            Self::Edited { found, .. } => Some(found.checksum.clone()),
            Self::Renamed { found, .. } => Some(found.file.clone()),
            Self::Mode { found, .. } => Some(found.way()),
            Self::Added(step) => Some(step.checksum.clone()),
            Self::Done(_, row) | Self::Recorded(row) => Some(row.event.clone()),
            Self::Lost { found, .. } => Some(found.to_string()),
            Self::Removed(_) => None,
        }
    }

    /// The row that says what happened in between.
    #[must_use]
    pub fn row(&self) -> Option<&LedgerRow> {
        match self {
            Self::Done(_, row) | Self::Recorded(row) => Some(row),
            _ => None,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting {
                what,
                approved,
                found,
            } => write!(
                f,
                "{what}: approved for {}, found {}",
                named(approved),
                named(found)
            ),
            Self::Edited { approved, found } => write!(
                f,
                "{} was edited: its checksum was {}, and is {}",
                found.file,
                short(&approved.checksum),
                short(&found.checksum)
            ),
            Self::Renamed { approved, found } => {
                write!(f, "{} is called {} now", approved.file, found.file)
            }
            Self::Mode { approved, found } => write!(
                f,
                "{} was approved {}, and would run {}",
                found.file,
                approved.way(),
                found.way()
            ),
            Self::Added(step) => write!(f, "{} was not part of it", step.file),
            Self::Removed(step) => write!(f, "{} is not to be applied any more", step.file),
            Self::Done(step, row) => {
                write!(f, "{} {} in between{}", step.file, happened(row), at(row))
            }
            Self::Recorded(row) => {
                write!(
                    f,
                    "version {} {} in between{}",
                    row.version,
                    happened(row),
                    at(row)
                )
            }
            Self::Lost { approved, found } => write!(
                f,
                "the ledger's newest row was {approved}, and is {found}: this is another ledger, or an older copy of it"
            ),
        }
    }
}

impl PlannedStep {
    fn way(&self) -> String {
        match self.resumed_after {
            Some(completed) => format!("{} from behind statement {completed}", self.mode),
            None => self.mode.clone(),
        }
    }
}

/// What a row says, of its version.
fn happened(row: &LedgerRow) -> String {
    match LedgerEvent::parse(&row.event) {
        Some(LedgerEvent::Failed) => "failed".to_owned(),
        Some(LedgerEvent::Progress) => "got further".to_owned(),
        _ => format!("was {}", row.event),
    }
}

/// Enough of a checksum to tell two apart.
fn short(checksum: &str) -> &str {
    checksum.get(..12).unwrap_or(checksum)
}

/// Another tool's table does not say when.
fn at(row: &LedgerRow) -> String {
    match row.at.as_str() {
        "" => String::new(),
        at => format!(", at {at}"),
    }
}

fn named(text: &str) -> &str {
    match text {
        "" => "none",
        text => text,
    }
}

#[cfg(test)]
mod tests;
