//! Rows of a ledger, a line each, as anybody may have written them: a plan, whatever they say.

#![no_main]

use devflow_migrations::{Ledger, LedgerRow, MigrationSet, Policy, plan};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let rows = text
        .lines()
        .enumerate()
        .map(|(index, line)| row(index, line));
    let ledger = Ledger::from_rows(rows.collect());
    let plan = plan(&MigrationSet::default(), &ledger, Policy::default(), None);
    assert!(plan.steps().is_empty());
    for damage in ledger.damages() {
        assert!(!damage.message.is_empty());
    }
    let _refused = plan.into_clean();
});

/// `version seq event name checksum statement compatible-with`, each of which may be missing.
fn row(index: usize, line: &str) -> LedgerRow {
    let mut words = line.split(' ');
    let mut word = || words.next().map(str::to_owned);
    LedgerRow {
        version: word().unwrap_or_default(),
        seq: word().and_then(|seq| seq.parse().ok()).unwrap_or_default(),
        event: word().unwrap_or_default(),
        name: word(),
        checksum: word(),
        statement: word().and_then(|count| count.parse().ok()),
        compatible_with: word().and_then(|version| version.parse().ok()),
        progress: None,
        id: index as i64,
        execution_ms: None,
        error: None,
        run: None,
        detail: None,
        at: String::new(),
    }
}
