//! A file's text as the Supabase CLI keeps it.

use crate::migration::Migration;
use crate::text::Span;

/// The file's statements as the Supabase CLI splits them.
#[must_use]
pub fn elements(migration: &Migration) -> Vec<&str> {
    let text = migration.text().as_str();
    let spans = migration.statements().iter().copied();
    spans.map(|span: Span| &text[span.range()]).collect()
}
