//! The tables that a history is kept in: what they are called, and what they must be like.

use super::{COLUMNS, LedgerTable, Shape, quoted};
use devflow_migrations::{LedgerKind, TableName};

/// A table that a history is kept in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form<'a> {
    pub(super) name: &'a TableName,
    pub(super) whose: Whose,
    /// Its columns: name, type, and what else belongs to them.
    pub(super) columns: &'static [(&'static str, &'static str, &'static str)],
    /// Which of them are unique together.
    pub(super) key: &'static [&'static str],
}

/// Who makes a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Whose {
    #[default]
    Devflow,
    Supabase,
}

/// Which tables there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// devflow's rows have a table.
    pub(crate) own: bool,
    /// The Supabase CLI's table, where that one counts.
    pub(crate) recorded: Option<Columns>,
    /// There is another history besides.
    pub(crate) other: bool,
}

/// Which columns the Supabase CLI's table has besides its versions; an old one may have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Columns {
    pub(super) statements: bool,
    pub(super) name: bool,
}

impl Columns {
    pub(super) const ALL: Self = Self {
        statements: true,
        name: true,
    };
}

/// The columns of the Supabase CLI's table.
const RECORDED: [(&str, &str, &str); 3] = [
    ("version", "text", ""),
    ("statements", "text[]", ""),
    ("name", "text", ""),
];

impl LedgerTable {
    /// The tables that this history is kept in; devflow's own first.
    pub(super) fn forms(&self) -> Vec<Form<'_>> {
        let own = Form {
            name: &self.name,
            whose: Whose::Devflow,
            columns: &COLUMNS,
            key: &["version", "seq"],
        };
        match self.kind {
            LedgerKind::Devflow => vec![own],
            LedgerKind::Supabase => vec![own, Form::recorded(&self.shown)],
        }
    }

    /// Whether every table that a run writes to is there and has its columns.
    pub(crate) fn is_complete(&self) -> bool {
        let recorded = self.standing.recorded == Some(Columns::ALL);
        self.standing.own && (recorded || self.kind == LedgerKind::Devflow)
    }

    /// The tables were made.
    pub(crate) fn made(&mut self) {
        self.standing.own = true;
        if self.kind == LedgerKind::Supabase {
            self.standing.recorded = Some(Columns::ALL);
        }
    }
}

impl<'a> Form<'a> {
    pub(super) fn recorded(name: &'a TableName) -> Self {
        Self {
            name,
            whose: Whose::Supabase,
            columns: &RECORDED,
            key: &["version"],
        }
    }

    /// `"schema"."table"`.
    pub(super) fn quoted(&self) -> String {
        quoted(self.name)
    }

    /// The key's columns by their numbers, as an index has them, in a table that was made with these columns.
    pub(super) fn key_numbers(&self) -> String {
        let place = |key: &&str| self.columns.iter().position(|(name, ..)| name == key);
        let numbers = self.key.iter().filter_map(place);
        let numbers: Vec<_> = numbers.map(|place| (place + 1).to_string()).collect();
        numbers.join(" ")
    }
}

impl Standing {
    pub(super) fn of(shapes: &[Shape], other: bool) -> Self {
        let of = |whose| shapes.iter().find(|shape| shape.whose == whose);
        let columns = |shape: &Shape| Columns {
            statements: !shape.lacks("statements"),
            name: !shape.lacks("name"),
        };
        Self {
            own: of(Whose::Devflow).is_some(),
            recorded: of(Whose::Supabase).map(columns),
            other,
        }
    }
}
