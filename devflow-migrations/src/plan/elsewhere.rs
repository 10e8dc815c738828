//! What another history of the same database says of a plan.

use super::{Plan, Step, on_file};
use crate::finding::{FindingKind, Severity};
use crate::settings::TableName;
use crate::version::Version;
use std::collections::BTreeSet;

impl Plan {
    /// Refuses the steps that another history of this database has as applied.
    pub fn refuse_recorded(&mut self, table: &TableName, applied: &BTreeSet<Version>) {
        let is_there = |step: &&Step| applied.contains(step.migration.version());
        let kind = FindingKind::RecordedElsewhere {
            table: table.to_string(),
        };
        let steps = self.steps.iter().filter(is_there);
        let found = steps.map(|step| on_file(&step.migration, kind.clone(), Severity::Refused));
        self.findings.extend(found);
    }
}
