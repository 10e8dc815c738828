//! Folders in the directory of the migrations, into which neither the Supabase CLI nor devflow looks.

use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;

/// What is to be said of folders that hold `.sql` files; `shown` is the directory as users know it.
///
/// They are no error, for old files are put there to be out of the way.
pub(crate) fn overlooked(directory: &Path, shown: &str) -> Vec<String> {
    let mut folders: Vec<_> = entries(directory)
        .filter(|entry| entries(&entry.path()).any(|inner| is_sql(&inner)))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    folders.sort();
    let said = |folder: &String| {
        format!(
            "{shown}/{folder} holds .sql files that are no migrations: neither devflow nor the Supabase CLI looks into folders"
        )
    };
    folders.iter().map(said).collect()
}

/// None of what is no folder, or cannot be read: the reader of the migrations says that.
fn entries(folder: &Path) -> impl Iterator<Item = DirEntry> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(io::Result::ok)
}

fn is_sql(entry: &DirEntry) -> bool {
    entry.file_name().to_string_lossy().ends_with(".sql")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_hold_sql_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        for file in ["1_a.sql", "old/2_b.sql", "meta/a.json", "b/c/3_c.sql"] {
            fs::create_dir_all(path.join(file).parent().unwrap()).unwrap();
            fs::write(path.join(file), "").unwrap();
        }
        let said = overlooked(path, "supabase/migrations");
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(
            said[0].starts_with("supabase/migrations/old holds"),
            "{said:?}"
        );
        assert_eq!(overlooked(&path.join("none"), "m"), [""; 0]);
    }
}
