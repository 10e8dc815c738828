//! A file's name in the first line and its bytes behind it: a migration, each of whose statements does something, or
//! problems that have a place.

#![no_main]

use devflow_fuzz::with_file;
use devflow_migrations::{Checksum, MigrationSet, effects};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|byte| *byte == b'\n');
    let (name, content) = input.split_at(end.unwrap_or(input.len()));
    let content = content.get(1..).unwrap_or_default();
    let Ok(name) = std::str::from_utf8(name) else {
        return;
    };
    if name.contains(['/', '\0']) {
        return;
    }
    with_file(name, content, |folder| {
        match MigrationSet::read(folder, "migrations") {
            Ok(set) => {
                for migration in set.iter() {
                    assert!(migration.is_intact());
                    assert_eq!(
                        migration.checksum(),
                        Checksum::of(migration.text().as_str())
                    );
                    assert_eq!(effects(migration).len(), migration.statements().len());
                }
            }
            Err(error) => assert!(!error.to_string().is_empty() && !error.problems().is_empty()),
        }
    });
});
