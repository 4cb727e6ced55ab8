//! 128 bits that stand for a state.

use std::hash::{DefaultHasher, Hash, Hasher};

/// Two independent 64-bit hashes side by side. A collision would hide a state from the search: among
/// 10^9 states one is expected with a probability of 10^-21.
pub(crate) struct Fingerprint {
    upper: DefaultHasher,
    lower: DefaultHasher,
}

impl Fingerprint {
    pub(crate) fn new() -> Self {
        let mut lower = DefaultHasher::new();
        lower.write_u64(0x7477_696e_6c65_6173);
        Self { upper: DefaultHasher::new(), lower }
    }

    /// That of one value.
    pub(crate) fn of<T: Hash>(value: &T) -> u128 {
        let mut fingerprint = Self::new();
        value.hash(&mut fingerprint);
        fingerprint.value()
    }

    pub(crate) fn value(&self) -> u128 {
        u128::from(self.upper.finish()) << 64 | u128::from(self.lower.finish())
    }
}

impl Hasher for Fingerprint {
    fn write(&mut self, octets: &[u8]) {
        self.upper.write(octets);
        self.lower.write(octets);
    }

    fn finish(&self) -> u64 {
        self.upper.finish()
    }
}
