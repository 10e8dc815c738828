//! One migration as bytes: what a binary carries of it beside its text, and what costs the compiler nothing.

use crate::action::Action;
use crate::checksum::Checksum;
use crate::fields::Fields;
#[cfg(feature = "check")]
use crate::fields::{add, number};
use crate::limits::Limits;
use crate::migration::{Migration, Mode, Wrapper};
use crate::name::FileName;
use crate::packed::take;
use crate::tables::Tables;
use crate::text::{Span, Text};
use crate::version::Version;
use std::borrow::Cow;
use std::sync::Arc;

/// The fields of a migration. One that has nothing to say is left out.
mod field {
    pub(super) const FILE: u8 = 1;
    pub(super) const CHECKSUM: u8 = 2;
    pub(super) const MODE: u8 = 3;
    pub(super) const TABLES: u8 = 4;
    /// How many bytes of the texts are its own.
    pub(super) const LENGTH: u8 = 5;
    pub(super) const WRAPPER: u8 = 6;
    pub(super) const STATEMENTS: u8 = 7;
    pub(super) const ACTIONS: u8 = 8;
    pub(super) const LIMITS: u8 = 9;
    pub(super) const DOWN: u8 = 10;
    pub(super) const COMPATIBLE_WITH: u8 = 11;
}

/// The words of the modes that have one.
const MODES: [(&str, Mode); 2] = [
    ("no-transaction", Mode::NoTransaction),
    ("own-transactions", Mode::OwnTransactions),
];

/// Packs a migration and its down file.
#[cfg(feature = "check")]
pub(crate) fn pack(migration: &Migration) -> Vec<u8> {
    let wrapper = migration
        .wrapper()
        .map(|it| Span::pack(&[it.begin, it.commit]));
    let mode = MODES.iter().find(|(_, mode)| *mode == migration.mode());
    let mode = mode.map_or("", |(word, _)| *word);
    let limits = match migration.limits() {
        limits if limits == Limits::default() => Vec::new(),
        limits => limits.pack(),
    };
    let compatible_with = migration.compatible_with().map_or("", Version::as_str);
    let mut packed = Vec::new();
    for (field, value) in [
        (field::FILE, migration.file().as_bytes()),
        (field::CHECKSUM, migration.checksum().as_bytes()),
        (field::MODE, mode.as_bytes()),
        (field::TABLES, migration.tables().as_str().as_bytes()),
        (field::LENGTH, &number(migration.text().as_str().len())),
        (field::WRAPPER, &wrapper.unwrap_or_default()),
        (field::STATEMENTS, &Span::pack(migration.statements())),
        (field::ACTIONS, &Action::pack(migration.actions())),
        (field::LIMITS, &limits),
        (field::COMPATIBLE_WITH, compatible_with.as_bytes()),
        (
            field::DOWN,
            &migration.down().map(|it| pack(it)).unwrap_or_default(),
        ),
    ] {
        if !value.is_empty() {
            add(&mut packed, field, value);
        }
    }
    packed
}

/// What a list says of a migration: no text, and nothing that only makes sense with it.
#[cfg(feature = "check")]
pub(crate) fn listed(packed: &[u8], directory: &str) -> Option<Migration> {
    of_fields(&Fields::of(packed)?, directory)
}

/// A migration with its text and its down file, which are taken from the front of `texts`.
pub(crate) fn embedded(
    packed: &[u8],
    directory: &str,
    texts: &mut &'static str,
) -> Option<Migration> {
    let fields = Fields::of(packed)?;
    let length = take(&mut fields.get(field::LENGTH)?.iter().copied())?;
    let (text, others) = texts.split_at_checked(length)?;
    *texts = others;
    let bytes = |field| fields.get(field).unwrap_or_default();
    let statements = Span::unpack(bytes(field::STATEMENTS));
    let down = fields.get(field::DOWN);
    Some(Migration {
        text: Text::from_static(text),
        wrapper: wrapper(bytes(field::WRAPPER)),
        actions: Action::unpack(bytes(field::ACTIONS), statements.len()),
        statements: Cow::Owned(statements),
        limits: Limits::unpack(bytes(field::LIMITS)),
        down: match down {
            Some(down) => Some(Arc::new(embedded(down, directory, texts)?)),
            None => None,
        },
        ..of_fields(&fields, directory)?
    })
}

fn of_fields(fields: &Fields<'_>, directory: &str) -> Option<Migration> {
    let file = fields.text(field::FILE)?;
    let mode = match fields.get(field::MODE) {
        Some(found) => {
            let mut modes = MODES.into_iter();
            modes.find(|(word, _)| word.as_bytes() == found)?.1
        }
        None => Mode::Transaction,
    };
    let tables = match fields.get(field::TABLES) {
        Some(_) => fields.text(field::TABLES)?,
        None => "",
    };
    let compatible_with = match fields.get(field::COMPATIBLE_WITH) {
        Some(_) => Some(Version::parse(fields.text(field::COMPATIBLE_WITH)?).ok()?),
        None => None,
    };
    let version = FileName::parse(file)?.ok()?.version;
    let path = Cow::Owned(format!("{directory}/{file}"));
    let checksum = Checksum::from_bytes(fields.get(field::CHECKSUM)?.try_into().ok()?);
    Some(Migration {
        mode,
        tables: Tables::of(tables.to_owned()),
        compatible_with,
        ..Migration::blank(version, path, Text::from_static(""), checksum)
    })
}

fn wrapper(packed: &[u8]) -> Option<Wrapper> {
    match Span::unpack(packed)[..] {
        [begin, commit] => Some(Wrapper { begin, commit }),
        _ => None,
    }
}
