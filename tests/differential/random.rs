//! Random choices that a seed repeats.

/// SplitMix64: small, and good enough to choose test cases with.
pub struct Random(u64);

impl Random {
    /// The choices of one case in the run with this seed.
    pub fn new(seed: u64, case: u64) -> Random {
        let mut random = Random(seed);
        let start = random.next() ^ case.wrapping_mul(0xD605_1D5F_E1A5_B0C3);
        Random(start)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).expect("a small number");
        usize::try_from(self.next() % end).expect("a small number")
    }

    /// A number from `start` up to and with `end`.
    pub fn between(&mut self, start: u32, end: u32) -> u32 {
        start + u32::try_from(self.below((end - start + 1) as usize)).expect("a small number")
    }

    /// True in `percent` of a hundred cases.
    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len())]
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
