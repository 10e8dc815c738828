//! The planner: files and ledger in, steps and findings out. Pure and total.

mod adopt;
mod baseline;
mod contents;
mod difference;
mod digest;
mod elsewhere;
mod resume;
mod revert;
mod verb;

pub use adopt::plan_adopt;
pub use baseline::plan_baseline;
pub use contents::{PlanContents, PlannedStep};
pub use difference::Difference;
pub use digest::{PlanDigest, PlanPlace};
pub use resume::Resume;
pub use revert::plan_revert;
pub use verb::Verb;

use crate::finding::{Finding, FindingKind, Obstacle, Severity, Skew};
use crate::ledger::{Ledger, VersionHistory};
use crate::migration::{Migration, Mode};
use crate::set::MigrationSet;
use crate::settings::{Ahead, Missing, OutOfOrder};
use crate::version::Version;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What to do about each kind of difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// Pending and older than the newest applied migration.
    pub out_of_order: OutOfOrder,
    /// Applied and newer than every file.
    pub ahead: Ahead,
    /// Applied, and the file is gone.
    pub missing: Missing,
}

/// What a run would do, and everything that speaks against it.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    verb: Verb,
    steps: Vec<Step>,
    withheld: Vec<Arc<Migration>>,
    findings: Vec<Finding>,
    applied: usize,
    last_id: i64,
    policy: Policy,
}

/// One migration to be carried out, and the place of its next ledger row.
#[derive(Debug, Clone)]
pub struct Step {
    /// The migration; to revert one, its down file.
    pub migration: Arc<Migration>,
    /// The `seq` of the next row of its version: the one that was read, plus one.
    pub seq: i32,
    /// Where a half-done file is taken up; `None` for one that is run from its beginning.
    pub resume: Option<Resume>,
}

/// A plan without a refused finding: the only thing that is ever executed.
#[derive(Debug, Clone)]
pub struct CleanPlan(Plan);

/// Compares the files with the ledger; steps beyond `target` are withheld.
///
/// Every finding is returned, not only the first.
#[must_use]
pub fn plan(set: &MigrationSet, ledger: &Ledger, policy: Policy, target: Option<&Version>) -> Plan {
    let mut plan = Plan {
        verb: Verb::Migrate,
        steps: Vec::new(),
        withheld: Vec::new(),
        findings: damages(ledger),
        applied: 0,
        last_id: ledger.last_id(),
        policy,
    };
    for migration in set.iter() {
        plan.add(migration, ledger, target);
    }
    // On a database that serves nobody yet, nobody waits.
    if plan.applied > 0 {
        plan.findings.extend(strong_locks(&plan.steps));
    }
    for (version, history) in ledger
        .iter()
        .filter(|(version, _)| set.get(version).is_none())
    {
        plan.findings
            .extend(without_file(version, history, set, ledger, policy));
    }
    // A damaged ledger comes first, the rest is told from the oldest version on.
    let damaged = damages(ledger).len();
    plan.findings[damaged..].sort_by_cached_key(|finding| Version::parse(&finding.version).ok());
    plan
}

impl Plan {
    fn add(&mut self, migration: &Arc<Migration>, ledger: &Ledger, target: Option<&Version>) {
        let Some(history) = ledger.get(migration.version()) else {
            return self.add_pending(migration, ledger, target, 1, None);
        };
        if history.event().is_applied() {
            self.applied += 1;
            self.findings.extend(drift(migration, history));
            return;
        }
        match resume::resume(migration, history) {
            Ok(resume) => {
                if resume.is_some() {
                    let going_on = half_done(migration, history, None);
                    self.findings.push(going_on);
                }
                self.add_pending(migration, ledger, target, history.next_seq(), resume);
            }
            Err(obstacle) => {
                self.findings
                    .push(half_done(migration, history, Some(obstacle)));
            }
        }
    }

    fn add_pending(
        &mut self,
        migration: &Arc<Migration>,
        ledger: &Ledger,
        target: Option<&Version>,
        seq: i32,
        resume: Option<Resume>,
    ) {
        let migration = Arc::clone(migration);
        if target.is_some_and(|target| migration.version() > target) {
            self.withheld.push(migration);
            return;
        }
        // What has begun is finished, however old it is.
        if resume.is_none() {
            self.findings.extend(late(&migration, ledger, self.policy));
        }
        self.findings.extend(empty(&migration));
        self.findings.extend(not_atomic(&migration));
        self.steps.push(Step {
            migration,
            seq,
            resume,
        });
    }

    /// What its steps do.
    #[must_use]
    pub fn verb(&self) -> Verb {
        self.verb
    }

    /// What is to be carried out, in its order: pending migrations oldest first, or down files newest first.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The pending migrations beyond the target.
    #[must_use]
    pub fn withheld(&self) -> &[Arc<Migration>] {
        &self.withheld
    }

    /// Everything that was found, warnings included.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The findings that stop the run.
    pub fn refused(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.severity == Severity::Refused)
    }

    /// How many of the files are in the database.
    #[must_use]
    pub fn applied(&self) -> usize {
        self.applied
    }

    /// The id of the ledger's newest row; 0 when it has none.
    #[must_use]
    pub fn last_id(&self) -> i64 {
        self.last_id
    }

    /// The policies it was made with.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// Lets the plan through when nothing speaks against it.
    ///
    /// # Errors
    /// The plan itself, when it has a refused finding.
    pub fn into_clean(self) -> Result<CleanPlan, Box<Self>> {
        if self.refused().next().is_some() {
            Err(Box::new(self))
        } else {
            Ok(CleanPlan(self))
        }
    }
}

impl CleanPlan {
    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.0
    }

    /// Gives the plan back.
    #[must_use]
    pub fn into_plan(self) -> Plan {
        self.0
    }
}

fn damages(ledger: &Ledger) -> Vec<Finding> {
    let finding = |damage: &crate::ledger::Damage| Finding {
        kind: FindingKind::Damaged {
            id: damage.id,
            message: damage.message.clone(),
        },
        severity: Severity::Refused,
        version: damage.version.clone(),
        path: None,
    };
    ledger.damages().iter().map(finding).collect()
}

/// An applied migration whose file is here.
fn drift(migration: &Migration, history: &VersionHistory) -> Option<Finding> {
    let row = history.last()?;
    let found = migration.checksum();
    let (kind, severity) = match (&row.checksum, &row.name) {
        (Some(recorded), _) if *recorded != found.to_string() => (
            FindingKind::Modified {
                recorded: recorded.clone(),
                found,
            },
            Severity::Refused,
        ),
        (_, Some(recorded)) if recorded != migration.file() => (
            FindingKind::Renamed {
                recorded: recorded.clone(),
            },
            Severity::Warning,
        ),
        _ => return None,
    };
    Some(on_file(migration, kind, severity))
}

/// A pending migration that is older than the newest applied one.
fn late(migration: &Migration, ledger: &Ledger, policy: Policy) -> Option<Finding> {
    let newest = ledger
        .newest_applied()
        .filter(|newest| *newest > migration.version())?;
    let severity = match policy.out_of_order {
        OutOfOrder::Refuse => Severity::Refused,
        OutOfOrder::Allow => Severity::Warning,
    };
    Some(on_file(
        migration,
        FindingKind::OutOfOrder {
            newest: newest.clone(),
        },
        severity,
    ))
}

/// A pending migration that nobody has written yet. A binary's list does not say that.
fn empty(migration: &Migration) -> Option<Finding> {
    let is_empty = migration.has_text() && migration.statements().is_empty();
    is_empty.then(|| on_file(migration, FindingKind::NoStatements, Severity::Warning))
}

/// A pending migration that commits by itself, and says nothing of it.
fn not_atomic(migration: &Migration) -> Option<Finding> {
    let is_own = migration.mode() == Mode::OwnTransactions;
    is_own.then(|| on_file(migration, FindingKind::NotAtomic, Severity::Warning))
}

/// Files that lock several tables which neither they nor pending ones before them make.
fn strong_locks(steps: &[Step]) -> Vec<Finding> {
    let mut made = BTreeSet::new();
    let mut findings = Vec::new();
    for Step { migration, .. } in steps {
        made.extend(migration.tables().made());
        let exists = |table: &&str| !made.contains(table);
        let locked: Vec<_> = migration.tables().locked().filter(exists).collect();
        if locked.len() > 1 && migration.mode() == Mode::Transaction {
            let tables = locked.into_iter().map(str::to_owned).collect();
            let kind = FindingKind::StrongLocks { tables };
            findings.push(on_file(migration, kind, Severity::Warning));
        }
    }
    findings
}

fn half_done(
    migration: &Migration,
    history: &VersionHistory,
    obstacle: Option<Obstacle>,
) -> Finding {
    let severity = match obstacle {
        Some(_) => Severity::Refused,
        None => Severity::Warning,
    };
    let statements = migration.has_text().then(|| migration.statements().len());
    on_file(
        migration,
        half_done_kind(history, statements, obstacle),
        severity,
    )
}

fn half_done_kind(
    history: &VersionHistory,
    statements: Option<usize>,
    obstacle: Option<Obstacle>,
) -> FindingKind {
    FindingKind::HalfDone {
        event: history.event(),
        done: history.statements_done(),
        statements,
        at: history.last().map(|row| row.at.clone()).unwrap_or_default(),
        error: history.last().and_then(|row| row.error.clone()),
        obstacle,
    }
}

/// A version that the ledger knows and no file has.
fn without_file(
    version: &Version,
    history: &VersionHistory,
    set: &MigrationSet,
    ledger: &Ledger,
    policy: Policy,
) -> Option<Finding> {
    let name = history.last().and_then(|row| row.name.clone());
    let (kind, severity) = if history.event().is_applied() {
        if set
            .newest()
            .is_some_and(|newest| newest.version() > version)
        {
            let severity = match policy.missing {
                Missing::Refuse => Severity::Refused,
                Missing::Warn => Severity::Warning,
            };
            (
                FindingKind::Missing {
                    twin: twin(history, set, ledger),
                    name,
                },
                severity,
            )
        } else {
            ahead(name, history, set, policy)
        }
    } else if history.is_half_done() {
        (
            half_done_kind(history, None, Some(Obstacle::FileGone)),
            Severity::Refused,
        )
    } else {
        return None;
    };
    Some(Finding {
        kind,
        severity,
        version: version.to_string(),
        path: None,
    })
}

/// Applied, and newer than every file.
fn ahead(
    name: Option<String>,
    history: &VersionHistory,
    set: &MigrationSet,
    policy: Policy,
) -> (FindingKind, Severity) {
    let skew = (policy.ahead == Ahead::CompatibleOnly).then(|| Skew {
        newest: set.newest().map(|newest| newest.version().clone()),
        compatible_with: history.compatible_with().cloned(),
    });
    let severity = match (policy.ahead, &skew) {
        (Ahead::Warn, _) => Severity::Warning,
        (_, Some(skew)) if skew.is_compatible() => Severity::Warning,
        _ => Severity::Refused,
    };
    (FindingKind::Ahead { name, skew }, severity)
}

/// The file that a missing migration was probably renamed to: one of the same text that is not applied itself.
fn twin(history: &VersionHistory, set: &MigrationSet, ledger: &Ledger) -> Option<String> {
    let checksum = history.last()?.checksum.as_deref()?;
    let is_applied = |version| {
        let history = ledger.get(version);
        history.is_some_and(|history| history.event().is_applied())
    };
    set.iter()
        .filter(|migration| !is_applied(migration.version()))
        .find(|migration| migration.checksum().to_string() == checksum)
        .map(|twin| twin.path().to_owned())
}

fn on_file(migration: &Migration, kind: FindingKind, severity: Severity) -> Finding {
    Finding {
        kind,
        severity,
        version: migration.version().to_string(),
        path: Some(migration.path().to_owned()),
    }
}

#[cfg(test)]
pub(crate) mod tests;
