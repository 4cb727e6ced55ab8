//! Random numbers that mean the same for ever: `SplitMix64` (Steele, Lea, Flood 2014), written out.
//!
//! Every part of a world draws from a stream of its own, so that taking a client or a fault away
//! leaves what all others do as it was.

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub(crate) struct Prng(u64);

/// Distance of two states of the generator.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

impl Prng {
    /// The stream number `stream` of a seed.
    pub(crate) const fn new(seed: u64, stream: u64) -> Self {
        Self(mix(seed ^ mix(stream.wrapping_add(GAMMA))))
    }

    /// The next number.
    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mix(self.0)
    }

    /// A number from 0 to `bound - 1`; 0 for a bound of 0.
    pub(crate) const fn below(&mut self, bound: u64) -> u64 {
        // The high half of a product: no modulo, and no bias that matters below 2^32.
        ((self.next() as u128 * bound as u128) >> 64) as u64
    }

    /// A number from `first` to `last`, both included.
    pub(crate) const fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last.saturating_sub(first) + 1)
    }

    /// True in `share` of 1000 cases.
    pub(crate) const fn chance(&mut self, share: u64) -> bool {
        self.below(1000) < share
    }

    /// One of several; `None` if there is none.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(usize::try_from(self.below(from.len() as u64)).ok()?)
    }
}

const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Were these to change, every seed that is kept would mean something else.
    #[test]
    fn a_seed_means_the_same_for_ever() {
        let mut random = Prng::new(1, 0);
        let numbers = [random.next(), random.next(), random.below(1000), random.between(5, 7)];
        assert_eq!(numbers, [0x85c6_1a30_0ec7_0fa1, 0x4952_c2a6_e1ef_0b78, 949, 5]);
    }

    #[test]
    fn streams_of_a_seed_differ() {
        assert_ne!(Prng::new(1, 0).next(), Prng::new(1, 1).next());
    }

    #[test]
    fn numbers_stay_below_their_bound() {
        let mut random = Prng::new(7, 7);
        assert!((0..1000).all(|_| random.below(3) < 3));
        assert_eq!(random.below(0), 0);
    }
}
