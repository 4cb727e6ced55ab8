//! 128 bits that stand for a state.

use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};

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
    pub(crate) fn of<T: Hash + ?Sized>(value: &T) -> u128 {
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

/// Places a key in a table: quick, and for numbers of our own making only.
#[derive(Default)]
pub(crate) struct Mixer(u64);

/// For tables whose keys are small numbers or fingerprints.
pub(crate) type Mixing = BuildHasherDefault<Mixer>;

impl Hasher for Mixer {
    fn write(&mut self, octets: &[u8]) {
        for chunk in octets.chunks(8) {
            let mut eight = [0; 8];
            eight[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(eight));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_u16(&mut self, value: u16) {
        self.write_u64(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(23) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_isize(&mut self, value: isize) {
        self.write_u64(u64::from_ne_bytes((value as i64).to_ne_bytes()));
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 29
    }
}
