//! What requests that wait may keep in the virtual machine, all of them together.
//!
//! A virtual machine has so much memory and no more, and ends when that is full. Whoever can open connections could fill
//! it with requests that never end; so each request takes a share for what it keeps, and one that gets none is refused.

use std::cell::Cell;
use std::rc::Rc;

/// How many bytes requests may keep: 384 MiB of the 1 GiB that Envoy gives a virtual machine. The rest is for the
/// verification of the largest body that can be configured, and for copies that move as they grow.
const MOST_KEPT: usize = 402_653_184;

/// What is kept in one virtual machine, for all configurations that share it.
#[derive(Debug)]
pub struct Memory {
    most: usize,
    kept: Cell<usize>,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory::of(MOST_KEPT)
    }
}

impl Memory {
    /// With room for so many bytes.
    pub fn of(most: usize) -> Memory {
        Memory { most, kept: Cell::new(0) }
    }

    /// How many bytes are kept now.
    pub fn kept(&self) -> usize {
        self.kept.get()
    }
}

/// What one request keeps of it, given back when the request no longer waits.
#[derive(Debug)]
pub(super) struct Share {
    memory: Rc<Memory>,
    bytes: usize,
}

impl Share {
    /// A share of nothing yet.
    pub(super) fn of(memory: &Rc<Memory>) -> Share {
        Share { memory: Rc::clone(memory), bytes: 0 }
    }

    /// Takes so many bytes more, if there is room for them.
    #[must_use]
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        let Memory { most, kept } = &*self.memory;
        let sum = kept.get().saturating_add(bytes);
        let has_room = sum <= *most;
        if has_room {
            kept.set(sum);
            self.bytes = self.bytes.saturating_add(bytes);
        }
        has_room
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let kept = &self.memory.kept;
        kept.set(kept.get().saturating_sub(self.bytes));
    }
}
