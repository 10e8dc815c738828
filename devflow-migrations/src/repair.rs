//! What a person decides about a version, and the rows that say so. Pure, as planning is.

use crate::event::LedgerEvent;
use crate::ledger::{Ledger, LedgerRow, VersionHistory};
use crate::migration::Migration;
use crate::plan::{PlanDigest, PlanPlace};
use crate::set::MigrationSet;
use crate::version::Version;
use std::fmt;

/// A person's decision about one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// The version.
    pub version: Version,
    /// What is true of it.
    pub decision: Decision,
}

/// What a person says is true of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decision {
    /// It is in the database, whatever the ledger says.
    Applied,
    /// It is not in the database, whatever the ledger says.
    NotApplied,
    /// It is in the database, and its file is right as it is now.
    Checksum,
}

/// The rows that decisions come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RepairPlan {
    corrections: Vec<Correction>,
    last_id: i64,
}

/// One row to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// The version.
    pub version: Version,
    /// What was decided.
    pub decision: Decision,
    /// The file's path, where there is a file.
    pub path: Option<String>,
    /// The `seq` of the row: the one that was read, plus one.
    pub seq: i32,
    /// What the ledger says now; `None` where it has never heard of the version.
    pub before: Option<Standing>,
    /// What it will say.
    pub after: Standing,
}

/// What a version's last row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its state.
    pub event: LedgerEvent,
    /// The file's name.
    pub name: Option<String>,
    /// The file's checksum, in hex.
    pub checksum: Option<String>,
    /// Outside a transaction: how many statements are known complete.
    pub statement: Option<i32>,
}

/// Why a decision does not fit the version that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unfit {
    /// Neither files nor ledger know the version.
    Unknown(Version),
    /// There is no file to take name and checksum from.
    NoFile(Version),
    /// It is in the database already.
    AlreadyApplied(Version, LedgerEvent),
    /// It is not in the database, so there is nothing to take back or to accept.
    NotApplied(Version, Option<LedgerEvent>),
    /// The ledger has the file's name and checksum already.
    Unchanged(Version),
    /// Two decisions are about it.
    Twice(Version),
}

/// Turns decisions into rows, or says of each that does not fit why not.
///
/// # Errors
/// Every [`Unfit`] decision; all are carried out or none.
pub fn plan_repair(
    set: &MigrationSet,
    ledger: &Ledger,
    repairs: &[Repair],
) -> Result<RepairPlan, Vec<Unfit>> {
    let mut plan = RepairPlan {
        corrections: Vec::new(),
        last_id: ledger.last_id(),
    };
    let mut unfit = Vec::new();
    for (index, repair) in repairs.iter().enumerate() {
        let version = &repair.version;
        let is_twice = repairs[..index]
            .iter()
            .any(|earlier| earlier.version == *version);
        let file = set.get(version).map(|migration| &**migration);
        match repair.correction(file, ledger.get(version)) {
            _ if is_twice => unfit.push(Unfit::Twice(version.clone())),
            Ok(correction) => plan.corrections.push(correction),
            Err(reason) => unfit.push(reason),
        }
    }
    if unfit.is_empty() {
        Ok(plan)
    } else {
        Err(unfit)
    }
}

impl Repair {
    fn correction(
        &self,
        file: Option<&Migration>,
        history: Option<&VersionHistory>,
    ) -> Result<Correction, Unfit> {
        let version = || self.version.clone();
        let last = history.and_then(VersionHistory::last);
        let before = history
            .zip(last)
            .map(|(history, row)| Standing::of(history.event(), row));
        if file.is_none() && before.is_none() {
            return Err(Unfit::Unknown(version()));
        }
        let state = before.as_ref().map(|before| before.event);
        let event = self.decision.event();
        if !event.may_follow(state) {
            return Err(match state {
                Some(state) if state.is_applied() => Unfit::AlreadyApplied(version(), state),
                state => Unfit::NotApplied(version(), state),
            });
        }
        let after = match (self.decision, file, &before) {
            (Decision::NotApplied, _, Some(before)) => Standing {
                event,
                statement: None,
                ..before.clone()
            },
            (_, Some(file), _) => Standing::of_file(event, file),
            (_, None, _) => return Err(Unfit::NoFile(version())),
        };
        let is_known =
            |before: &Standing| before.name == after.name && before.checksum == after.checksum;
        if self.decision == Decision::Checksum && before.as_ref().is_some_and(is_known) {
            return Err(Unfit::Unchanged(version()));
        }
        Ok(Correction {
            version: version(),
            decision: self.decision,
            path: file.map(|file| file.path().to_owned()),
            seq: history.map_or(1, VersionHistory::next_seq),
            before,
            after,
        })
    }
}

impl Decision {
    /// The word for it in JSON and in the ledger.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::NotApplied => "not_applied",
            Self::Checksum => "checksum",
        }
    }

    /// The event that says so.
    #[must_use]
    pub fn event(self) -> LedgerEvent {
        match self {
            Self::Applied => LedgerEvent::Applied,
            Self::NotApplied => LedgerEvent::Reverted,
            Self::Checksum => LedgerEvent::Repaired,
        }
    }
}

impl Standing {
    fn of(event: LedgerEvent, row: &LedgerRow) -> Self {
        Self {
            event,
            name: row.name.clone(),
            checksum: row.checksum.clone(),
            statement: row.statement,
        }
    }

    fn of_file(event: LedgerEvent, file: &Migration) -> Self {
        Self {
            event,
            name: Some(file.file().to_owned()),
            checksum: Some(file.checksum().to_string()),
            statement: None,
        }
    }
}

impl RepairPlan {
    /// The rows to be appended, in the order of the decisions.
    #[must_use]
    pub fn corrections(&self) -> &[Correction] {
        &self.corrections
    }

    /// The digest that an approval names.
    #[must_use]
    pub fn digest(&self, place: &PlanPlace<'_>) -> PlanDigest {
        let mut fields = vec![self.last_id.to_string(), self.corrections.len().to_string()];
        for Correction {
            version,
            decision,
            after,
            ..
        } in &self.corrections
        {
            fields.push(version.to_string());
            fields.push(decision.as_str().to_owned());
            fields.push(after.name.clone().unwrap_or_default());
            fields.push(after.checksum.clone().unwrap_or_default());
        }
        place.digest("devflow repair 1", fields)
    }
}

impl Unfit {
    /// A stable code; the same in text and in JSON.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "unknown_version",
            Self::NoFile(_) => "no_file",
            Self::AlreadyApplied(..) => "already_applied",
            Self::NotApplied(..) => "not_applied",
            Self::Unchanged(_) => "checksum_unchanged",
            Self::Twice(_) => "decided_twice",
        }
    }

    /// The next step.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "`devflow db status` lists every version that files or ledger know",
            Self::NoFile(_) => {
                "its name and checksum come from the file: restore it; only --not-applied works without"
            }
            Self::AlreadyApplied(..) => {
                "there is nothing to record: --not-applied takes it back, --checksum accepts a changed file"
            }
            Self::NotApplied(..) => {
                "there is nothing to take back or to accept: --applied says that it is in the database"
            }
            Self::Unchanged(_) => {
                "there is nothing to accept: the ledger has this very name and checksum"
            }
            Self::Twice(_) => "decide once for each version",
        }
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(version) => {
                write!(f, "neither files nor ledger have a version {version}")
            }
            Self::NoFile(version) => write!(f, "version {version} has no file here"),
            Self::AlreadyApplied(version, state) => {
                write!(
                    f,
                    "version {version} is in the database already: the ledger has it as {state}"
                )
            }
            Self::NotApplied(version, None) => {
                write!(
                    f,
                    "version {version} is not in the database: the ledger has nothing about it"
                )
            }
            Self::NotApplied(version, Some(state)) => {
                write!(
                    f,
                    "version {version} is not in the database: the ledger has it as {state}"
                )
            }
            Self::Unchanged(version) => {
                write!(
                    f,
                    "the file of version {version} is the one that the ledger has"
                )
            }
            Self::Twice(version) => write!(f, "version {version} is named twice"),
        }
    }
}

#[cfg(test)]
mod tests;
