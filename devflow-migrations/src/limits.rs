//! What a file asks for itself, against the run's settings.

#[cfg(feature = "check")]
use crate::packed::push;
use crate::packed::take;
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
    /// Packs the timeouts, in milliseconds and one more so that zero says there is none, and whether it retries.
    #[cfg(feature = "check")]
    pub(crate) fn pack(self) -> Vec<u8> {
        let timeout = |timeout: Option<Duration>| {
            timeout.map_or(0, |it| {
                usize::try_from(it.as_millis())
                    .unwrap_or(usize::MAX)
                    .saturating_add(1)
            })
        };
        let mut packed = Vec::new();
        push(&mut packed, timeout(self.lock_timeout));
        push(&mut packed, timeout(self.statement_timeout));
        push(&mut packed, usize::from(self.retries));
        packed
    }

    /// Unpacks what `pack` made; no bytes are no limits.
    pub(crate) fn unpack(packed: &[u8]) -> Self {
        let mut bytes = packed.iter().copied();
        let mut next = || take(&mut bytes).unwrap_or_default();
        let timeout = |packed: usize| {
            let milliseconds = packed.checked_sub(1)?;
            Some(Duration::from_millis(milliseconds as u64))
        };
        Self {
            lock_timeout: timeout(next()),
            statement_timeout: timeout(next()),
            retries: next() == 1,
        }
    }
}
