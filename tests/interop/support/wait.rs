//! Waiting for a condition. Deadlines are generous: they end a test that hangs, they measure nothing.

use std::time::{Duration, Instant};

/// Polls `condition` until it holds; panics with `what` when `deadline` passes first.
pub fn wait_until(what: &str, deadline: Duration, mut condition: impl FnMut() -> bool) {
    wait_for(what, deadline, || condition().then_some(()).ok_or("it does not hold"));
}

/// Polls `attempt` until it returns a value; panics with `what` and its last error when `deadline` passes first.
pub fn wait_for<T, E: std::fmt::Display>(
    what: &str,
    deadline: Duration,
    mut attempt: impl FnMut() -> Result<T, E>,
) -> T {
    let end = Instant::now() + deadline;
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(error) if Instant::now() >= end => {
                panic!("after {} s still waiting for: {what}: {error}", deadline.as_secs())
            }
            Err(_) => std::thread::sleep(Duration::from_millis(200)),
        }
    }
}
