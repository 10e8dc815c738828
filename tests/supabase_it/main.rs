//! What runs the real Supabase CLI: one file a theme, one program for all of them.

mod cli;
mod delegated;
mod elements;
mod fake;
mod foreign;
mod interruption;
mod native;
mod opened;
mod pooled;
mod scene;
mod switching;
mod workflow;

/// A file that is not listed above would be no test at all, and nobody would notice.
#[test]
fn every_file_of_this_folder_is_listed() {
    let listed = include_str!("main.rs");
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("supabase_it");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.strip_suffix(".rs").unwrap_or(&name);
        let is_listed = listed.contains(&format!("\nmod {module};\n"));
        assert!(
            is_listed || module == "main",
            "supabase_it/{name} is not listed in supabase_it/main.rs"
        );
    }
}
