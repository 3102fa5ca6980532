//! Numbers that look random and are the same every time.

/// A generator (xorshift, 64 bits).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    /// Another generator, which this one decides.
    pub(crate) fn split(&mut self) -> Self {
        Self::seeded(self.below(u64::MAX))
    }
}
