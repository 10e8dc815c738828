//! From the macro's arguments to what it puts into the program.

use crate::arguments::Arguments;
use crate::emit;
use crate::source::Source;
use devflow_migrations::SourceError;
use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use std::path::Path;

/// Reads the migrations, and makes the expression that holds them, or one compile error for each problem.
pub(crate) fn expand(arguments: &Arguments, package: &Path, home: Option<&Path>) -> TokenStream {
    let source = match &arguments.explicit {
        Some(explicit) => Source::explicit(explicit, package),
        None => Source::configured(package, home),
    };
    match source {
        Ok(source) if arguments.down => emit::migrations(&source),
        Ok(source) => emit::migrations(&Source {
            set: source.set.without_down_files(),
            ..source
        }),
        Err(error) => compile_errors(&error, arguments.span),
    }
}

/// One `compile_error!` for each problem. The last one is the block's value, so that the compiler does not also complain
/// about its type.
fn compile_errors(error: &SourceError, span: Span) -> TokenStream {
    let errors = error.problems().iter().map(|problem| {
        let message = problem.to_string();
        quote_spanned!(span=> ::core::compile_error!(#message))
    });
    quote!({ #(#errors);* })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    const CONFIG: &str = "version: \"1\"\ndatabase:\n  migrations:\n    directory: db\n";

    /// A package's folder; `.git` ends the search for a devflow.yml.
    fn package(files: &[(&str, &str)]) -> TempDir {
        let package = tempfile::tempdir().unwrap();
        fs::create_dir_all(package.path().join(".git")).unwrap();
        fs::create_dir_all(package.path().join("db")).unwrap();
        for (name, text) in files {
            fs::write(package.path().join(name), text).unwrap();
        }
        package
    }

    /// What the macro makes of these arguments, without its spaces.
    fn expanded(arguments: &str, package: &TempDir) -> String {
        let arguments = syn::parse_str(arguments).unwrap();
        let folder = package.path().canonicalize().unwrap();
        let tokens = expand(&arguments, &folder, None).to_string();
        let folder = folder.display().to_string();
        tokens.replace(&folder, "$PACKAGE").replace(' ', "")
    }

    #[test]
    fn embeds_the_texts_and_what_is_known_of_them() {
        let package = package(&[("db/1_a.sql", "begin;\r\nselect 'é';\r\ncommit;\r\n")]);
        let tokens = expanded("\"./db\", table = \"app.ledger\"", &package);
        for part in [
            "include_bytes!(\"$PACKAGE/db/1_a.sql\")",
            "__devflow::Migrations::new(\"app\",\"ledger\",",
            ",1usize,\"begin;\\nselect'é';\\ncommit;\\n\",b\"",
        ] {
            assert!(tokens.contains(part), "{part} is not in {tokens}");
        }
    }

    #[test]
    fn embeds_down_files_only_on_request() {
        let package = package(&[
            ("db/1_a.up.sql", "select 1"),
            ("db/1_a.down.sql", "select 2"),
        ]);
        assert!(!expanded("\"db\"", &package).contains("1_a.down.sql"));
        let tokens = expanded("\"db\", down", &package);
        assert!(tokens.contains("1usize,\"select1select2\",b\""), "{tokens}");
        assert!(
            tokens.contains("include_bytes!(\"$PACKAGE/db/1_a.down.sql\")"),
            "{tokens}"
        );
    }

    #[test]
    fn takes_directory_table_and_policies_from_devflow_yml() {
        let keys = "    ledger: supabase\n    tracking_table: t\n    tracking_schema: s\n    out_of_order: allow\n    lock_wait: 2m\n    tracking_readers: [app]\n";
        let package = package(&[
            ("devflow.yml", &format!("{CONFIG}{keys}")),
            ("db/1_a.sql", ""),
        ]);
        let tokens = expanded("", &package);
        for part in [
            "include_bytes!(\"$PACKAGE/devflow.yml\")",
            "Migrations::new(\"s\",\"t\",",
            "ledger:__devflow::LedgerKind::Supabase",
            "out_of_order:::core::option::Option::Some(__devflow::OutOfOrder::Allow)",
            "ahead:::core::option::Option::None",
            "lock_wait:::core::option::Option::Some(120000u64)",
            "tracking_readers:&[\"app\"]",
        ] {
            assert!(tokens.contains(part), "{part} is not in {tokens}");
        }
    }

    #[test]
    fn on_a_supabase_project_a_file_that_commits_by_itself_is_embedded_as_it_runs() {
        let config = format!("{CONFIG}    ledger: supabase\n");
        let embedded = |sql: &str| {
            expanded(
                "",
                &package(&[("devflow.yml", &config), ("db/1_a.sql", sql)]),
            )
        };
        let own = embedded("begin; select 1; commit; select 2");
        let of_debug_builds = "sources:if::core::cfg!(debug_assertions){::core::option::Option::Some(\"$PACKAGE/db\")}";
        assert!(own.contains(of_debug_builds), "{own}");
        assert!(own.contains("own-transactions"), "{own}");
        let mixed = embedded("select 1; vacuum t");
        assert!(mixed.contains("compile_error!"), "{mixed}");
        assert!(mixed.contains("db/1_a.sql:1:11:"), "{mixed}");
    }

    #[test]
    fn every_problem_is_a_compile_error() {
        let tokens = expanded(
            "\"db\"",
            &package(&[("db/1_a.sql", "commit;\nselct"), ("db/x.sql", "")]),
        );
        assert_eq!(
            tokens.matches("::core::compile_error!").count(),
            3,
            "{tokens}"
        );
        assert!(tokens.contains("db/1_a.sql:1:1:COMMIT"), "{tokens}");
        assert!(tokens.contains("db/1_a.sql:2:1:syntaxerror"), "{tokens}");
        assert!(tokens.contains("db/x.sql:thename"), "{tokens}");
    }

    #[test]
    fn refuses_what_cannot_be_embedded() {
        let table = [
            ("format: supabase", "cannotbeembedded"),
            ("tracking_tabel: t", "tracking_tabel"),
        ];
        let config = CONFIG.replace("directory: db", "directory: db/supabase/migrations");
        for (line, expected) in table {
            let tokens = expanded(
                "",
                &package(&[("devflow.yml", &format!("{config}    {line}\n"))]),
            );
            assert!(
                tokens.contains("compile_error!") && tokens.contains(expected),
                "{tokens}"
            );
        }
        let tokens = expanded("", &package(&[]));
        assert!(tokens.contains("nodevflow.ymlhereorabove"), "{tokens}");
        assert!(expanded("\"none\"", &package(&[])).contains("isnotthere"));
    }
}
