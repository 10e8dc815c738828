//! A migration whose text nobody has looked into yet.

use crate::migration::Migration;
use std::fmt;
use std::sync::OnceLock;

/// How to look into a text, and what was seen once somebody has asked.
///
/// Of most files nobody does: that they are applied is known by their names and checksums alone.
#[derive(Clone)]
pub(crate) struct Unread {
    look: fn(&Migration) -> Migration,
    seen: OnceLock<Box<Migration>>,
}

impl Unread {
    #[cfg(feature = "check")]
    pub(crate) fn new(look: fn(&Migration) -> Migration) -> Self {
        Self {
            look,
            seen: OnceLock::new(),
        }
    }

    /// What the text holds; the text itself is not copied.
    pub(crate) fn seen(&self, migration: &Migration) -> &Migration {
        self.seen.get_or_init(|| Box::new((self.look)(migration)))
    }
}

impl fmt::Debug for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Unread").field(&self.seen.get()).finish()
    }
}
