//! The integration tests: one file a theme, one program for all of them.

mod action;
mod adopt;
mod approval;
mod attack;
mod bad_input;
mod bad_migration;
mod baseline;
mod binary;
mod blocking;
mod check;
mod config;
mod connect;
mod cost;
mod crash;
mod death;
mod delegated;
mod docs;
mod documents;
mod dotenv;
mod drift;
mod effects;
mod embed;
mod embedded;
mod entrypoint;
mod errors;
mod exit_codes;
mod failover;
mod failure;
mod foreign_ledger;
mod gate;
mod generate;
mod github;
mod guarantees;
mod guards;
mod guides;
mod half_open;
mod history;
mod hostile;
mod init;
mod layout;
mod lent;
mod link;
mod lock_queue;
mod locking;
mod log;
mod look;
mod no_transaction;
mod pipeline;
mod plan_file;
mod pooler;
mod pooler_faults;
mod readiness;
mod real_history;
mod repair;
mod resume;
mod resume_cut;
mod revert;
mod roles;
mod service;
mod show;
mod signals;
mod skew;
mod status;
mod supabase_faults;
mod supabase_files;
mod supabase_ledger;
mod support_itself;
mod talk;
mod telemetry;
mod testing;
mod timeouts;
mod tls;
mod wait;
mod waiting;
mod workflow;

/// A file that is not listed above would be no test at all, and nobody would notice.
#[test]
fn every_file_of_this_folder_is_listed() {
    let listed = include_str!("main.rs");
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("it");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.strip_suffix(".rs").unwrap_or(&name);
        let is_listed = listed.contains(&format!("\nmod {module};\n"));
        assert!(
            is_listed || module == "main",
            "it/{name} is not listed in it/main.rs"
        );
    }
}
