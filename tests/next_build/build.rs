//! Lets Cargo see a new file in `migrations/`; the macro tracks those that it has read.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
