//! Planning to record what a database had before devflow came.

use super::{Plan, Policy, Verb, plan};
use crate::finding::Severity;
use crate::ledger::Ledger;
use crate::set::MigrationSet;
use crate::settings::OutOfOrder;
use crate::version::Version;

/// Plans to record what is pending up to and including `version` without running it.
///
/// A late migration is what a baseline is for; any other finding that the policies refuse stops it.
#[must_use]
pub fn plan_baseline(
    set: &MigrationSet,
    ledger: &Ledger,
    policy: Policy,
    version: &Version,
) -> Plan {
    let lenient = Policy {
        out_of_order: OutOfOrder::Allow,
        ..policy
    };
    let mut baseline = Plan {
        verb: Verb::Baseline,
        ..plan(set, ledger, lenient, Some(version))
    };
    baseline.refuse_half_done();
    baseline
}

impl Plan {
    /// A row that says a file has been there all along cannot follow one that says it has begun.
    pub(super) fn refuse_half_done(&mut self) {
        let findings = self.findings.iter_mut();
        for finding in findings.filter(|finding| finding.code() == "half_done") {
            finding.severity = Severity::Refused;
        }
    }
}
