//! A stack on which the parser cannot overflow.

use std::thread;

/// The parser and its trees recurse once for each operator of a chain. Pages of a stack that are not reached cost
/// nothing.
const STACK: usize = 256 * 1024 * 1024;

/// Does `work` on a thread with a large stack; `None` where it panics or the thread cannot start.
///
/// The parser must never be able to stop a deploy by its own fault.
pub(super) fn on_large_stack<T: Send>(name: &str, work: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|scope| {
        thread::Builder::new()
            .name(name.to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, work)
            .ok()
            .and_then(|thread| thread.join().ok())
    })
}
