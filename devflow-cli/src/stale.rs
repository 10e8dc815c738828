//! What an executable embeds beside what its directory holds now. Pure.

use crate::outcome::Finding;
use devflow_runtime::{Migration, MigrationSet, Version};
use std::collections::BTreeSet;

/// Every difference between a directory and what `binary` lists, oldest version first.
pub(crate) fn findings(
    files: &MigrationSet,
    embedded: &MigrationSet,
    binary: &str,
) -> Vec<Finding> {
    let versions = files.iter().chain(embedded.iter()).map(|it| it.version());
    let versions: BTreeSet<&Version> = versions.collect();
    let finding = |version: &Version| match (files.get(version), embedded.get(version)) {
        (Some(file), Some(embedded)) => differing(file, embedded, binary),
        (Some(file), None) => Some(not_embedded(file, binary)),
        (None, Some(embedded)) => Some(without_file(embedded, binary)),
        (None, None) => None,
    };
    versions.into_iter().filter_map(finding).collect()
}

fn differing(file: &Migration, embedded: &Migration, binary: &str) -> Option<Finding> {
    let (path, name) = (file.path(), embedded.file());
    let message = if file.checksum() != embedded.checksum() {
        format!("{path} is not the text that {binary} embeds")
    } else if file.file() != name {
        format!("{path} is {name} in {binary}; its text is the same")
    } else {
        return None;
    };
    Some(finding(
        "embedded_otherwise",
        file,
        message,
        "build it again",
    ))
}

fn not_embedded(file: &Migration, binary: &str) -> Finding {
    let message = format!("{} is not in {binary}", file.path());
    let help = "build it again; Cargo sees a new file only where build.rs names the directory, as `devflow init` writes it";
    finding("not_embedded", file, message, help)
}

fn without_file(embedded: &Migration, binary: &str) -> Finding {
    let message = format!(
        "{binary} embeds {}, and there is no such file",
        embedded.file()
    );
    let help = "build it again, or restore the file: what has been applied must stay";
    finding("embedded_alone", embedded, message, help)
}

fn finding(code: &'static str, migration: &Migration, message: String, help: &str) -> Finding {
    Finding {
        code,
        refused: true,
        version: migration.version().to_string(),
        path: Some(migration.path().to_owned()),
        message,
        help: Some(help.to_owned()),
    }
}
