//! SQL: statements lie within the text, in order, and nothing is lost between them.

#![no_main]

use devflow_fuzz::with_file;
use devflow_migrations::{Migration, MigrationSet};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|sql: &[u8]| {
    // The syntax check has its own parser, which is the reader's to fuzz.
    let file = [b"-- devflow: no-check\n", sql].concat();
    with_file("1_a.sql", &file, |folder| {
        if let Ok(set) = MigrationSet::read(folder, "migrations") {
            set.iter().for_each(|migration| assert_split(migration));
        }
    });
});

fn assert_split(migration: &Migration) {
    let text = migration.text().as_str();
    assert_eq!(migration.executable().len(), text.len());
    let mut end = 0;
    for statement in migration.statements() {
        assert!(end <= statement.start && statement.start < statement.end);
        assert!(!text[statement.range()].trim().is_empty());
        end = statement.end;
    }
    assert!(text.get(end..).is_some());
}
