//! Waiting for a condition.

use std::time::{Duration, Instant};

/// Asks again and again until the condition holds, for half a minute at most.
///
/// # Panics
/// When the time is over; the message says what was waited for.
pub fn wait_until(what: &str, condition: impl FnMut() -> bool) {
    wait_until_within(Duration::from_secs(30), what, condition);
}

/// Asks again and again until the condition holds, for `limit` at most.
///
/// # Panics
/// When the time is over; the message says what was waited for.
pub fn wait_until_within(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !condition() {
        assert!(
            Instant::now() < deadline,
            "after {limit:?} still waiting until {what}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}
