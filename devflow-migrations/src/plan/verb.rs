//! What the steps of a plan do.

use crate::event::LedgerEvent;

/// What the steps of a plan do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Pending migrations are applied.
    #[default]
    Migrate,
    /// Pending migrations are recorded as in the database, and not run.
    Baseline,
    /// What another history of the database has as applied is recorded, and not run.
    Adopt,
    /// Applied migrations are undone by their down files.
    Revert,
}

impl Verb {
    /// The event that each step ends in.
    #[must_use]
    pub fn event(self) -> LedgerEvent {
        match self {
            Self::Migrate => LedgerEvent::Applied,
            Self::Baseline | Self::Adopt => LedgerEvent::Baselined,
            Self::Revert => LedgerEvent::Reverted,
        }
    }

    /// What its steps are when they are done.
    #[must_use]
    pub fn participle(self) -> &'static str {
        match self {
            Self::Migrate => "applied",
            Self::Baseline | Self::Adopt => "recorded",
            Self::Revert => "reverted",
        }
    }

    /// What a digest begins with, so that no approval of one verb is one of another.
    pub(super) fn digested(self) -> &'static str {
        match self {
            Self::Migrate => "devflow plan 1",
            Self::Baseline => "devflow baseline 1",
            Self::Adopt => "devflow adopt 1",
            Self::Revert => "devflow revert 1",
        }
    }
}
