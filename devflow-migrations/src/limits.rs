//! What a file asks for itself, against the run's settings.

use std::time::Duration;

/// What a file's directives ask for itself, against the run's settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How long each of its waits for a database lock may last; zero means no limit.
    pub lock_timeout: Option<Duration>,
    /// How long each of its statements may run; zero means no limit.
    pub statement_timeout: Option<Duration>,
    /// Whether an attempt that ran long is repeated, too, after it has lost a wait for a lock.
    pub retries: bool,
}

impl Limits {
    /// Limits as constants, in milliseconds; made by the macro only.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(
        lock_timeout: Option<u64>,
        statement_timeout: Option<u64>,
        retries: bool,
    ) -> Self {
        Self {
            lock_timeout: duration(lock_timeout),
            statement_timeout: duration(statement_timeout),
            retries,
        }
    }
}

const fn duration(milliseconds: Option<u64>) -> Option<Duration> {
    match milliseconds {
        Some(milliseconds) => Some(Duration::from_millis(milliseconds)),
        None => None,
    }
}
