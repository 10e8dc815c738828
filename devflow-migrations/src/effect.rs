//! What a statement of a migration does, as far as its text says.

mod lock;

pub use lock::{Blocked, Lock, LockMode, Locked, Toll};

/// What a statement does, or several in a row that do the same, read from their text alone.
///
/// No database was asked: what a name stands for, which triggers fire and what depends on an object is not known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// The statement's place among the file's statements, starting at 1.
    pub statement: usize,
    /// The line on which it begins, starting at 1.
    pub line: u32,
    /// How many statements, from this one on, do just that.
    pub count: usize,
    /// What it does.
    pub verb: EffectVerb,
    /// To what kind of object, such as `table` or `materialized view`.
    pub kind: Option<String>,
    /// To which objects, as PostgreSQL folds their names; `public` is left out.
    pub names: Vec<String>,
    /// What exactly, such as `adds column email text`.
    pub details: Vec<String>,
    /// The locks that it takes on what its text names, the strongest of each.
    pub locks: Vec<Lock>,
    /// Whether it destroys rows or columns that were there before the run.
    pub destroys: bool,
}

impl Effect {
    /// Makes one of effects that follow each other and do the same: a file of rows is told in a line.
    #[must_use]
    pub fn together(effects: Vec<Self>) -> Vec<Self> {
        let mut together: Vec<Self> = Vec::new();
        for effect in effects {
            match together.last_mut() {
                Some(last) if last.deed() == effect.deed() => last.count += effect.count,
                _ => together.push(effect),
            }
        }
        together
    }

    /// All but its place.
    fn deed(&self) -> impl PartialEq + '_ {
        let Self {
            verb, kind, names, ..
        } = self;
        (verb, kind, names, &self.details, &self.locks, self.destroys)
    }
}

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EffectVerb {
    /// Makes an object.
    Creates,
    /// Changes an object.
    Alters,
    /// Gives an object, or a part of it, another name.
    Renames,
    /// Removes an object.
    Drops,
    /// Writes rows.
    Writes,
    /// Removes every row.
    Truncates,
    /// Reads, and changes nothing.
    Reads,
    /// Gives rights.
    Grants,
    /// Takes rights away.
    Revokes,
    /// Says something about an object: a comment, a security label.
    Describes,
    /// Locks tables, and does nothing else.
    Locks,
    /// Builds again or cleans up: `REINDEX`, `REFRESH`, `CLUSTER`, `VACUUM`, `ANALYZE`.
    Maintains,
    /// Changes the session or its transaction only.
    Session,
    /// Runs code that cannot be read: `DO`, `CALL`, a function, an extension's script.
    RunsCode,
    /// The statement could not be read.
    Unread,
}

impl EffectVerb {
    /// The word in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creates => "creates",
            Self::Alters => "alters",
            Self::Renames => "renames",
            Self::Drops => "drops",
            Self::Writes => "writes",
            Self::Truncates => "truncates",
            Self::Reads => "reads",
            Self::Grants => "grants",
            Self::Revokes => "revokes",
            Self::Describes => "describes",
            Self::Locks => "locks",
            Self::Maintains => "maintains",
            Self::Session => "session",
            Self::RunsCode => "runs_code",
            Self::Unread => "unread",
        }
    }

    /// The word before the object, for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::RunsCode => "runs",
            _ => self.as_str(),
        }
    }
}
