//! The `embed_migrations!()` macro; services name it as `devflow_runtime::embed_migrations`.

mod arguments;
mod emit;
mod expand;
mod source;

use arguments::Arguments;
use proc_macro::TokenStream;
use std::env;
use std::path::PathBuf;
use syn::parse_macro_input;

/// Embeds a directory of migrations as one constant expression of type `devflow_runtime::Migrations`.
///
/// ```ignore
/// static MIGRATIONS: Migrations = embed_migrations!();
/// ```
///
/// * `embed_migrations!()` takes the directory, the ledger's table and the policies from the devflow.yml of the package's
///   folder or of one above it, so that the service and the command agree.
/// * `embed_migrations!("migrations")` needs no devflow.yml: the directory is relative to the package's folder, and the
///   table is `public.schema_migrations`, or another with `table = "schema.table"`.
/// * With `down`, the `.down.sql` files are embedded too.
///
/// Every file is read and checked while the program is compiled. What is wrong is a compile error that shows the file, the
/// line and the column. A changed file makes the next build read it again; for a new one the package needs a build script
/// that prints `cargo:rerun-if-changed=` and the directory.
#[proc_macro]
pub fn embed_migrations(input: TokenStream) -> TokenStream {
    let arguments = parse_macro_input!(input as Arguments);
    let package =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from);
    let home = env::var_os("HOME").map(PathBuf::from);
    expand::expand(&arguments, &package, home.as_deref()).into()
}
