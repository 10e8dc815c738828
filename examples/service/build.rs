//! Lets Cargo see a new file in `migrations/`; the macro tracks those that it has read.

#![expect(
    clippy::print_stdout,
    reason = "this is how a build script speaks to Cargo"
)]

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
