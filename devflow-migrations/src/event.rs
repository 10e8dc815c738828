//! The ledger's events and the order in which they may follow each other.

use std::fmt;

/// What a ledger row says about its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LedgerEvent {
    /// A file outside a transaction has begun.
    Started,
    /// One more statement of such a file is complete.
    Progress,
    /// The migration took effect.
    Applied,
    /// The migration failed; a transactional one was rolled back.
    Failed,
    /// The migration was undone.
    Reverted,
    /// The database had this migration's schema before devflow came.
    Baselined,
    /// A person settled the version's state or checksum.
    Repaired,
}

impl LedgerEvent {
    /// Every event.
    pub const ALL: [Self; 7] = [
        Self::Started,
        Self::Progress,
        Self::Applied,
        Self::Failed,
        Self::Reverted,
        Self::Baselined,
        Self::Repaired,
    ];

    /// The word in the ledger.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Progress => "progress",
            Self::Applied => "applied",
            Self::Failed => "failed",
            Self::Reverted => "reverted",
            Self::Baselined => "baselined",
            Self::Repaired => "repaired",
        }
    }

    /// Reads the ledger's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == word)
    }

    /// Whether a version whose last event is this one is in the database.
    #[must_use]
    pub fn is_applied(self) -> bool {
        matches!(self, Self::Applied | Self::Baselined | Self::Repaired)
    }

    /// Whether this event may follow `last`, the version's last event, if any.
    #[must_use]
    pub fn may_follow(self, last: Option<Self>) -> bool {
        use LedgerEvent::{Applied, Baselined, Failed, Progress, Repaired, Reverted, Started};
        match last {
            None | Some(Reverted) => matches!(self, Started | Applied | Failed | Baselined),
            Some(Failed) => matches!(self, Started | Applied | Failed | Baselined | Reverted),
            Some(Started | Progress) => matches!(self, Progress | Applied | Failed | Reverted),
            Some(Applied | Baselined | Repaired) => matches!(self, Repaired | Reverted),
        }
    }
}

impl fmt::Display for LedgerEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::LedgerEvent::{self, *};

    /// For each last event, the events that may follow.
    const TABLE: [(Option<LedgerEvent>, &[LedgerEvent]); 8] = [
        (None, &[Started, Applied, Failed, Baselined]),
        (Some(Reverted), &[Started, Applied, Failed, Baselined]),
        (
            Some(Failed),
            &[Started, Applied, Failed, Baselined, Reverted],
        ),
        (Some(Started), &[Progress, Applied, Failed, Reverted]),
        (Some(Progress), &[Progress, Applied, Failed, Reverted]),
        (Some(Applied), &[Repaired, Reverted]),
        (Some(Baselined), &[Repaired, Reverted]),
        (Some(Repaired), &[Repaired, Reverted]),
    ];

    #[test]
    fn only_the_listed_events_follow_each_other() {
        for (last, allowed) in TABLE {
            for event in LedgerEvent::ALL {
                assert_eq!(
                    event.may_follow(last),
                    allowed.contains(&event),
                    "{last:?} -> {event:?}"
                );
            }
        }
    }

    #[test]
    fn words_are_read_back() {
        for event in LedgerEvent::ALL {
            assert_eq!(LedgerEvent::parse(event.as_str()), Some(event));
        }
        assert_eq!(LedgerEvent::parse("Applied"), None);
    }
}
