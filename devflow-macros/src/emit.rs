//! Migrations as constants.

use crate::source::Source;
use devflow_migrations::{Ahead, LedgerKind, Manifest, Migration, Missing, OutOfOrder, Pooler};
use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// One constant expression of type `Migrations`: the SQL as one string and what is known of it as another, for the compiler
/// takes its time for each token, not for each byte.
pub(crate) fn migrations(source: &Source) -> TokenStream {
    let Source { set, table, .. } = source;
    let tracked = tracked(source);
    let settings = settings(source);
    let (schema, name, count) = (table.schema(), table.table(), set.len());
    let texts = Literal::string(&Manifest::texts(set));
    let manifest = Manifest::bytes(set, &source.shown, table, source.ledger);
    let manifest = Literal::byte_string(&manifest);
    quote! {{
        use ::devflow_runtime::__private as __devflow;
        const _: &[&[u8]] = &[#(::core::include_bytes!(#tracked)),*];
        __devflow::Migrations::new(#schema, #name, #settings, #count, #texts, #manifest)
    }}
}

/// The files whose change makes the compiler call the macro again. Nothing of the constants gets into the program.
fn tracked(source: &Source) -> Vec<String> {
    let in_directory = |migration: &Arc<Migration>| source.directory.join(migration.file());
    let migrations = source.set.iter();
    let files = migrations.flat_map(|up| std::iter::once(up).chain(up.down()));
    let paths = source.config.iter().cloned().chain(files.map(in_directory));
    // A path that is not UTF-8 cannot be named in a program; its file is embedded all the same.
    paths
        .filter_map(|path| path.to_str().and_then(absolute))
        .collect()
}

fn absolute(path: &str) -> Option<String> {
    std::path::absolute(Path::new(path))
        .ok()?
        .into_os_string()
        .into_string()
        .ok()
}

fn settings(source: &Source) -> TokenStream {
    let settings = &source.settings;
    let sources = option(source.directory.to_str().and_then(absolute));
    let ledger = match source.ledger {
        LedgerKind::Devflow => quote!(__devflow::LedgerKind::Devflow),
        LedgerKind::Supabase => quote!(__devflow::LedgerKind::Supabase),
    };
    let out_of_order = option(settings.out_of_order.map(|policy| match policy {
        OutOfOrder::Refuse => quote!(__devflow::OutOfOrder::Refuse),
        OutOfOrder::Allow => quote!(__devflow::OutOfOrder::Allow),
    }));
    let ahead = option(settings.ahead.map(|policy| match policy {
        Ahead::Refuse => quote!(__devflow::Ahead::Refuse),
        Ahead::Warn => quote!(__devflow::Ahead::Warn),
        Ahead::CompatibleOnly => quote!(__devflow::Ahead::CompatibleOnly),
    }));
    let missing = option(settings.missing.map(|policy| match policy {
        Missing::Refuse => quote!(__devflow::Missing::Refuse),
        Missing::Warn => quote!(__devflow::Missing::Warn),
    }));
    let pooler = option(settings.pooler.map(|policy| match policy {
        Pooler::Warn => quote!(__devflow::Pooler::Warn),
        Pooler::Refuse => quote!(__devflow::Pooler::Refuse),
    }));
    let lock_wait = milliseconds(settings.lock_wait);
    let lock_timeout = milliseconds(settings.lock_timeout);
    let lock_retry_budget = milliseconds(settings.lock_retry_budget);
    let statement_timeout = milliseconds(settings.statement_timeout);
    let connect_timeout = milliseconds(settings.connect_timeout);
    let connect_budget = milliseconds(settings.connect_budget);
    let readers = settings
        .tracking_readers
        .iter()
        .map(|reader| reader.as_ref());
    quote! {
        __devflow::EmbeddedSettings {
            ledger: #ledger,
            out_of_order: #out_of_order,
            ahead: #ahead,
            missing: #missing,
            pooler: #pooler,
            lock_wait: #lock_wait,
            lock_timeout: #lock_timeout,
            lock_retry_budget: #lock_retry_budget,
            statement_timeout: #statement_timeout,
            connect_timeout: #connect_timeout,
            connect_budget: #connect_budget,
            tracking_readers: &[#(#readers),*],
            sources: if ::core::cfg!(debug_assertions) { #sources } else { ::core::option::Option::None },
        }
    }
}

fn milliseconds(duration: Option<Duration>) -> TokenStream {
    option(duration.map(|duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
}

fn option(value: Option<impl ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}
