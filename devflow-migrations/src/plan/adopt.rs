//! Planning to record what another history of the same database has as applied.

use super::{Plan, Policy, Step, Verb, plan};
use crate::finding::{Finding, FindingKind, Severity};
use crate::ledger::Ledger;
use crate::set::MigrationSet;
use crate::settings::{OutOfOrder, TableName};
use crate::version::Version;
use std::mem;

/// Plans to record here, without running it, what is pending and applied by what `elsewhere` says, the history in
/// `table`.
///
/// What speaks against that history speaks against the plan, unless it is about a version that is applied here as well.
#[must_use]
pub fn plan_adopt(
    set: &MigrationSet,
    ledger: &Ledger,
    policy: Policy,
    table: &TableName,
    elsewhere: &Ledger,
) -> Plan {
    let lenient = Policy {
        out_of_order: OutOfOrder::Allow,
        ..policy
    };
    let mut adoption = Plan {
        verb: Verb::Adopt,
        ..plan(set, ledger, lenient, None)
    };
    let is_there = |step: &Step| is_applied(elsewhere, step.migration.version());
    let steps = mem::take(&mut adoption.steps).into_iter();
    let (steps, others): (Vec<_>, Vec<_>) = steps.partition(is_there);
    adoption.withheld = others.into_iter().map(|step| step.migration).collect();
    adoption.findings.retain(concerns_records);
    adoption.refuse_half_done();
    let settled = |finding: &Finding| {
        Version::parse(&finding.version).is_ok_and(|version| is_applied(ledger, &version))
    };
    let there = plan(set, elsewhere, lenient, None).findings.into_iter();
    let there = there.filter(|finding| concerns_records(finding) && !settled(finding));
    adoption
        .findings
        .extend(there.map(|finding| finding.said_of(table)));
    Plan { steps, ..adoption }
}

fn is_applied(ledger: &Ledger, version: &Version) -> bool {
    let history = ledger.get(version);
    history.is_some_and(|history| history.event().is_applied())
}

/// Nothing is run, so what it would do and in which order does not matter.
fn concerns_records(finding: &Finding) -> bool {
    !matches!(
        finding.kind,
        FindingKind::OutOfOrder { .. }
            | FindingKind::StrongLocks { .. }
            | FindingKind::NoStatements
    )
}

impl Finding {
    /// The same about another history, where what is to be done about it is done.
    fn said_of(self, table: &TableName) -> Self {
        let table = table.to_string();
        let kind = match self.kind {
            FindingKind::Modified { recorded, found } => FindingKind::AppliedOtherwise {
                table,
                recorded,
                found,
            },
            FindingKind::HalfDone { .. } => FindingKind::HalfDoneElsewhere { table },
            FindingKind::Damaged { id, message } if id > 0 => FindingKind::Damaged {
                id: 0,
                message: format!("in {table}, row {id}: {message}"),
            },
            kind => kind,
        };
        let severity = match kind {
            FindingKind::HalfDoneElsewhere { .. } => Severity::Refused,
            _ => self.severity,
        };
        Self {
            kind,
            severity,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{STRICT, ledger, migration};
    use super::*;

    fn adopted(files: &str, here: &[&str], there: &[&str]) -> String {
        let migrations = files.split(' ').map(migration).collect();
        let set = MigrationSet::new(migrations).unwrap();
        let table = TableName::supabase();
        let plan = plan_adopt(&set, &ledger(here), STRICT, &table, &ledger(there));
        assert_eq!(plan.verb(), Verb::Adopt);
        let steps = plan.steps().iter();
        let steps = steps.map(|step| format!("{}#{}", step.migration.version(), step.seq));
        let findings = plan.findings().iter().map(|finding| {
            let mark = match finding.severity {
                Severity::Refused => "!",
                Severity::Warning => "?",
            };
            format!("{mark}{} {}", finding.code(), finding.version)
        });
        steps.chain(findings).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn what_is_applied_there_and_pending_here_is_recorded() {
        let table: [(&str, &[&str], &[&str], &str); 10] = [
            ("1 2 3", &[], &["1 applied", "2 baselined"], "1#1, 2#1"),
            ("1 2 3", &["1 applied"], &["1 applied", "2 applied"], "2#1"),
            ("1 2", &["2 applied"], &["1 applied"], "1#1"),
            ("1 2", &["1 failed"], &["1 applied"], "1#2"),
            ("1", &["1 applied", "1 reverted"], &["1 applied"], "1#3"),
            ("1", &[], &["1 applied", "1 reverted"], ""),
            ("1", &[], &["1 failed"], ""),
            ("1", &["1 applied"], &[], ""),
            ("1 2", &[], &["2 applied"], "2#1"),
            ("1", &[], &[], ""),
        ];
        for (files, here, there, expected) in table {
            assert_eq!(
                adopted(files, here, there),
                expected,
                "{files} {here:?} {there:?}"
            );
        }
    }

    #[test]
    fn what_speaks_against_the_other_history_stops_it() {
        let table: [(&str, &[&str], &[&str], &str); 7] = [
            ("1", &[], &["1 applied edited"], "1#1, !applied_otherwise 1"),
            ("1", &["1 applied"], &["1 applied edited"], ""),
            ("2", &[], &["1 applied", "2 applied"], "2#1, !missing 1"),
            ("1", &[], &["1 applied", "2 applied"], "1#1, !ahead 2"),
            ("1", &[], &["1 started"], "!half_done_elsewhere 1"),
            ("1", &["1 started"], &["1 applied"], "!half_done 1"),
            (
                "1",
                &[],
                &["1 applied", "1 applied"],
                "1#1, !ledger_damaged 1",
            ),
        ];
        for (files, here, there, expected) in table {
            assert_eq!(
                adopted(files, here, there),
                expected,
                "{files} {here:?} {there:?}"
            );
        }
    }
}
