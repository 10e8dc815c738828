//! The ledger as a test reads it.

use serde::Deserialize;
use serde_json::Value;

/// One row of the ledger.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "the fields are the columns")]
pub struct LedgerRow {
    pub id: i64,
    pub version: String,
    pub seq: i32,
    pub event: String,
    pub name: Option<String>,
    pub checksum: Option<String>,
    pub statement: Option<i32>,
    pub execution_ms: Option<f64>,
    pub error: Value,
    pub run: Value,
    pub detail: Value,
    pub at: String,
}

impl LedgerRow {
    /// Version and event, which is what most tests compare: `2 failed`.
    #[must_use]
    pub fn summary(&self) -> String {
        format!("{} {}", self.version, self.event)
    }
}
