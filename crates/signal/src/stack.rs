//! Room for recursion: expressions are parsed, planned and walked by functions that call
//! themselves once a level, and `a + a + ... + a` has as many levels as signs.

use std::thread;

/// Enough for the longest rule, [`RULE_BYTES_MAX`](crate::rule::RULE_BYTES_MAX), in a debug build.
/// Address space only: memory is taken as it is touched.
const STACK_BYTES: usize = 192 << 20;

/// Runs `work` on a thread with a deep stack and hands back its result, or its panic.
pub(crate) fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let builder = thread::Builder::new().stack_size(STACK_BYTES);
        let worker = builder.spawn_scoped(scope, work).expect("a thread can be started");
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
