//! Migrations as constants.

use crate::source::Source;
use devflow_migrations::{
    Action, Ahead, LedgerKind, Limits, Manifest, Migration, Missing, Mode, OutOfOrder, Pooler,
    Settings, Span, Wrapper,
};
use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote};
use std::path::Path;
use std::time::Duration;

/// One constant expression of type `Migrations`; `down` says whether down files are part of it.
pub(crate) fn migrations(source: &Source, down: bool) -> TokenStream {
    let tracked = tracked(source, down);
    let files = source.set.iter().map(|migration| file(migration, down));
    let settings = settings(source.ledger, &source.settings);
    let (schema, table) = (source.table.schema(), source.table.table());
    let manifest = Manifest::bytes(&source.set, &source.shown, &source.table, source.ledger);
    let manifest = Literal::byte_string(&manifest);
    quote! {{
        use ::devflow_runtime::__private as __devflow;
        #(const _: &[u8] = ::core::include_bytes!(#tracked);)*
        const FILES: &[__devflow::EmbeddedFile] = &[#(#files),*];
        __devflow::Migrations::new(#schema, #table, #settings, FILES, #manifest)
    }}
}

/// The files whose change makes the compiler call the macro again. Nothing of the constants gets into the program.
fn tracked(source: &Source, down: bool) -> Vec<String> {
    let in_directory = |migration: &Migration| source.directory.join(migration.file());
    let migrations = source.set.iter();
    let files = migrations.flat_map(|up| {
        std::iter::once(&**up).chain(up.down().map(|down| &**down).filter(|_| down))
    });
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

fn file(migration: &Migration, down: bool) -> TokenStream {
    let path = migration.path();
    let text = Literal::string(migration.text().as_str());
    let checksum = Literal::byte_string(migration.checksum().as_bytes());
    let mode = match migration.mode() {
        Mode::Transaction => quote!(Transaction),
        Mode::NoTransaction => quote!(NoTransaction),
        Mode::OwnTransactions => quote!(OwnTransactions),
    };
    let wrapper = option(migration.wrapper().map(wrapper));
    let statements = Literal::byte_string(&Span::pack(migration.statements()));
    let actions = Literal::byte_string(&Action::pack(migration.actions()));
    let limits = limits(migration.limits());
    let tables = migration.tables().as_str();
    let down = option(migration.down().filter(|_| down).map(|down| {
        let file = file(down, false);
        quote!(&#file)
    }));
    quote! {
        __devflow::EmbeddedFile {
            path: #path,
            text: #text,
            checksum: *#checksum,
            mode: __devflow::Mode::#mode,
            wrapper: #wrapper,
            statements: #statements,
            actions: #actions,
            limits: #limits,
            tables: __devflow::Tables::from_static(#tables),
            down: #down,
        }
    }
}

fn wrapper(wrapper: Wrapper) -> TokenStream {
    let span = |Span { start, end }: Span| quote!(__devflow::Span { start: #start, end: #end });
    let (begin, commit) = (span(wrapper.begin), span(wrapper.commit));
    quote!(__devflow::Wrapper { begin: #begin, commit: #commit })
}

fn limits(limits: Limits) -> TokenStream {
    let lock_timeout = milliseconds(limits.lock_timeout);
    let statement_timeout = milliseconds(limits.statement_timeout);
    let retries = limits.retries;
    quote!(__devflow::Limits::new(#lock_timeout, #statement_timeout, #retries))
}

fn settings(ledger: LedgerKind, settings: &Settings) -> TokenStream {
    let ledger = match ledger {
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
