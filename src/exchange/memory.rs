//! What requests that wait may keep in the virtual machine, all of them together.
//!
//! A virtual machine has so much memory and no more, never gives any back, and ends when it asks for more. Whoever can open
//! connections could bring it there with requests that never end. So each request takes a share for what it keeps, and one
//! that gets none is refused. And because what others kept and gave back leaves holes, in which a large body has no place,
//! it is tried before each step whether there is a place for what that step needs.

use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;

/// How many bytes requests may keep: 256 MiB of the 1 GiB that Envoy gives a virtual machine.
const MOST_KEPT: usize = 268_435_456;
/// As long as they never kept more than this, 16 MiB, nothing is tried: whatever holes there are, there is room enough.
const SURE: usize = 16_777_216;
/// What is left beside the place for one verification: 64 MiB, for all that is too small to be asked for.
const MARGIN: usize = 67_108_864;

/// What is kept in one virtual machine, for all configurations that share it.
#[derive(Debug)]
pub struct Memory {
    most: usize,
    sure: usize,
    kept: Cell<usize>,
    /// The most that was ever kept: what holes there are is due to that, and not to what is kept now.
    peak: Cell<usize>,
    has_place: fn(usize) -> bool,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory::of(MOST_KEPT, SURE, has_place)
    }
}

impl Memory {
    /// Returns a memory with room for `most` bytes. Once more than `sure` bytes have been kept, `has_place` is asked whether there is a place
    /// for so many bytes in one piece.
    pub fn of(most: usize, sure: usize, has_place: fn(usize) -> bool) -> Memory {
        Memory { most, sure, kept: Cell::new(0), peak: Cell::new(0), has_place }
    }

    /// Returns how many bytes are kept now.
    pub fn kept(&self) -> usize {
        self.kept.get()
    }

    fn has_spare(&self, spare: usize) -> bool {
        self.peak.get() <= self.sure || (self.has_place)(spare)
    }
}

/// Returns true if so many bytes can be had in one piece.
fn has_place(bytes: usize) -> bool {
    let mut place = Vec::<u8>::new();
    let has_place = place.try_reserve_exact(bytes).is_ok();
    // Or the compiler would see that nobody needs it.
    black_box(&place);
    has_place
}

/// What one request keeps of it, given back when the request no longer waits.
#[derive(Debug)]
pub(super) struct Share {
    memory: Rc<Memory>,
    bytes: usize,
}

impl Share {
    /// Returns a share of nothing yet.
    pub(super) fn of(memory: &Rc<Memory>) -> Share {
        Share { memory: Rc::clone(memory), bytes: 0 }
    }

    /// Takes so many bytes more. Returns false, and takes none, if there is no room for them or no place for `needed` ones
    /// beside.
    #[must_use]
    pub(super) fn take(&mut self, bytes: usize, needed: usize) -> bool {
        let kept = self.memory.kept.get().saturating_add(bytes);
        if kept <= self.memory.most {
            self.memory.peak.set(kept.max(self.memory.peak.get()));
        }
        let has_room = kept <= self.memory.most && self.memory.has_spare(needed.saturating_add(MARGIN));
        if has_room {
            self.memory.kept.set(kept);
            self.bytes = self.bytes.saturating_add(bytes);
        }
        has_room
    }

    /// Returns true if there is a place for so many bytes.
    pub(super) fn has_spare(&self, bytes: usize) -> bool {
        self.memory.has_spare(bytes)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let kept = &self.memory.kept;
        kept.set(kept.get().saturating_sub(self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::has_place;

    #[test]
    fn there_is_a_place_for_a_byte_and_none_for_all_there_are() {
        assert!(has_place(1));
        assert!(!has_place(usize::MAX));
    }
}
