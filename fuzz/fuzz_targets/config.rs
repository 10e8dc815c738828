//! devflow.yml: settings, or problems that can be shown.

#![no_main]

use devflow_fuzz::with_file;
use devflow_migrations::Config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    with_file("devflow.yml", bytes, |folder| {
        if let Err(error) = Config::read(&folder.join("devflow.yml")) {
            assert!(!error.to_string().is_empty());
        }
    });
});
