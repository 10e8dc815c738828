//! What a plan file looks like.

use devflow_runtime::{PlanContents, PlannedStep};
use serde::{Deserialize, Serialize};

/// The version of the shape.
pub(super) const SHAPE: u32 = 1;

#[derive(Serialize, Deserialize)]
pub(super) struct Shape {
    /// The version of the shape.
    plan: u32,
    devflow: String,
    made_at: String,
    pub(super) digest: String,
    format: String,
    environment: Option<String>,
    database: Database,
    policies: Policies,
    ledger: Ledger,
    steps: Vec<Step>,
}

#[derive(Serialize, Deserialize)]
struct Database {
    name: String,
    system_identifier: String,
}

#[derive(Serialize, Deserialize)]
struct Policies {
    out_of_order: String,
    ahead: String,
    missing: String,
}

#[derive(Serialize, Deserialize)]
struct Ledger {
    schema: String,
    table: String,
    last_id: i64,
}

#[derive(Serialize, Deserialize)]
struct Step {
    version: String,
    file: String,
    checksum: String,
    mode: String,
    resumed_after: Option<usize>,
}

impl Shape {
    pub(super) fn of(contents: PlanContents, made_at: String) -> Self {
        let digest = contents.digest().to_string();
        Self {
            plan: SHAPE,
            devflow: env!("CARGO_PKG_VERSION").to_owned(),
            made_at,
            digest,
            format: contents.format,
            environment: Some(contents.environment).filter(|name| !name.is_empty()),
            database: Database {
                name: contents.database,
                system_identifier: contents.system,
            },
            policies: Policies {
                out_of_order: contents.out_of_order,
                ahead: contents.ahead,
                missing: contents.missing,
            },
            ledger: Ledger {
                schema: contents.schema,
                table: contents.table,
                last_id: contents.last_id,
            },
            steps: contents.steps.into_iter().map(Step::of).collect(),
        }
    }

    pub(super) fn contents(self) -> PlanContents {
        PlanContents {
            format: self.format,
            environment: self.environment.unwrap_or_default(),
            database: self.database.name,
            system: self.database.system_identifier,
            schema: self.ledger.schema,
            table: self.ledger.table,
            out_of_order: self.policies.out_of_order,
            ahead: self.policies.ahead,
            missing: self.policies.missing,
            last_id: self.ledger.last_id,
            steps: self.steps.into_iter().map(Step::planned).collect(),
        }
    }
}

impl Step {
    fn of(step: PlannedStep) -> Self {
        Self {
            version: step.version,
            file: step.file,
            checksum: step.checksum,
            mode: step.mode,
            resumed_after: step.resumed_after,
        }
    }

    fn planned(self) -> PlannedStep {
        PlannedStep {
            version: self.version,
            file: self.file,
            checksum: self.checksum,
            mode: self.mode,
            resumed_after: self.resumed_after,
        }
    }
}
