//! What a plan says, apart from the files themselves: what is approved, written down and compared.

use super::{Plan, PlanDigest, PlanPlace, Step};

/// Everything that a plan's digest covers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlanContents {
    /// What the steps do, as its digest begins: `devflow plan 1`.
    pub format: String,
    /// The environment's name; empty where there is none.
    pub environment: String,
    /// The database's name.
    pub database: String,
    /// The server's system identifier, or `unknown` where the role may not ask.
    pub system: String,
    /// The ledger's schema.
    pub schema: String,
    /// The ledger's table.
    pub table: String,
    /// The policy about pending migrations that are older than the newest applied one.
    pub out_of_order: String,
    /// The policy about applied migrations that are newer than every file.
    pub ahead: String,
    /// The policy about applied migrations whose file is gone.
    pub missing: String,
    /// The id of the ledger's newest row; 0 when it has none.
    pub last_id: i64,
    /// What is to be carried out, in its order.
    pub steps: Vec<PlannedStep>,
}

/// One migration of a plan, as its digest covers it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlannedStep {
    /// The version.
    pub version: String,
    /// The file's own name.
    pub file: String,
    /// The file's checksum, in hex.
    pub checksum: String,
    /// `transaction` or `no-transaction`.
    pub mode: String,
    /// Where a half-done file is taken up: how many of its statements are complete.
    pub resumed_after: Option<usize>,
}

impl Plan {
    /// What it says, for a review and for the comparison with what was reviewed.
    #[must_use]
    pub fn contents(&self, place: &PlanPlace<'_>) -> PlanContents {
        PlanContents {
            format: self.verb.digested().to_owned(),
            environment: place.environment.to_owned(),
            database: place.database.to_owned(),
            system: place.system.to_owned(),
            schema: place.table.schema().to_owned(),
            table: place.table.table().to_owned(),
            out_of_order: self.policy.out_of_order.as_str().to_owned(),
            ahead: self.policy.ahead.as_str().to_owned(),
            missing: self.policy.missing.as_str().to_owned(),
            last_id: self.last_id,
            steps: self.steps.iter().map(PlannedStep::of).collect(),
        }
    }
}

impl PlannedStep {
    fn of(step: &Step) -> Self {
        let migration = &step.migration;
        Self {
            version: migration.version().to_string(),
            file: migration.file().to_owned(),
            checksum: migration.checksum().to_string(),
            mode: migration.mode().as_str().to_owned(),
            resumed_after: step.resume.as_ref().map(|resume| resume.completed),
        }
    }

    fn digested(&self) -> impl Iterator<Item = String> {
        let resumed = self.resumed_after;
        let resumed = resumed.map(|completed| format!("resumed after {completed}"));
        [&self.version, &self.file, &self.checksum, &self.mode]
            .map(String::clone)
            .into_iter()
            .chain(resumed)
    }
}

impl PlanContents {
    /// What an approval of it names.
    #[must_use]
    pub fn digest(&self) -> PlanDigest {
        let head = [
            &self.format,
            &self.environment,
            &self.database,
            &self.system,
            &self.schema,
            &self.table,
            &self.out_of_order,
            &self.ahead,
            &self.missing,
        ];
        let counts = [self.last_id.to_string(), self.steps.len().to_string()];
        let steps = self.steps.iter().flat_map(PlannedStep::digested);
        let head = head.into_iter().cloned();
        PlanDigest::of(head.chain(counts).chain(steps))
    }
}
