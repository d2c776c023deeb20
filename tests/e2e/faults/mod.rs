//! Bad days: what fails around the filter, or in it, opens nothing.

mod downstream;
mod memory;
mod trap;
mod upstream;

use std::time::{Duration, Instant};

/// Waits until `holds`, and says so if it never does.
#[track_caller]
pub fn soon(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "{what} never came to be");
        std::thread::sleep(Duration::from_millis(5));
    }
}
