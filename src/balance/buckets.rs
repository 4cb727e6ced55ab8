//! Which server each of the 256 buckets belongs to.

use core::fmt;

use super::{Role, hash};
use crate::wire::dialect::Dialect;

/// Octets of a hash-bucket-assignment (§12.11).
pub const BUCKET_OCTETS: usize = 32;

/// The division of the 256 hash buckets between the two servers (§5.3).
///
/// Bucket b is bit `1 << (b % 8)` of octet `b / 8`; a set bit means that the primary serves it,
/// whatever the dialect: [`from_wire`](Self::from_wire) and [`to_wire`](Self::to_wire) translate.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct HashBuckets([u8; BUCKET_OCTETS]);

impl HashBuckets {
    /// The first `split` buckets to the primary, the rest to the secondary. `None` above 256.
    pub fn from_split(split: u16) -> Option<Self> {
        if split > 256 {
            return None;
        }
        let mut octets = [0; BUCKET_OCTETS];
        for (octet, first_bucket) in octets.iter_mut().zip((0_u16..).step_by(8)) {
            let set = split.saturating_sub(first_bucket).min(8);
            *octet = u8::MAX.checked_shr(u32::from(8_u16.saturating_sub(set))).unwrap_or(0);
        }
        Some(Self(octets))
    }

    /// The buckets whose bits are set to the primary, the others to the secondary.
    pub const fn new(octets: [u8; BUCKET_OCTETS]) -> Self {
        Self(octets)
    }

    /// Every bucket to the primary.
    pub const fn all_primary() -> Self {
        Self([0xff; BUCKET_OCTETS])
    }

    /// Split 128: the first half of the buckets to the primary.
    pub fn half() -> Self {
        let mut octets = [0; BUCKET_OCTETS];
        for octet in octets.iter_mut().take(BUCKET_OCTETS / 2) {
            *octet = 0xff;
        }
        Self(octets)
    }

    /// Reads a hash-bucket-assignment. `None` unless it has 32 octets.
    pub fn from_wire(assignment: &[u8], dialect: Dialect) -> Option<Self> {
        let octets = <[u8; BUCKET_OCTETS]>::try_from(assignment).ok()?;
        Some(Self(in_polarity_of(dialect, octets)))
    }

    /// The hash-bucket-assignment to send.
    pub fn to_wire(&self, dialect: Dialect) -> [u8; BUCKET_OCTETS] {
        in_polarity_of(dialect, self.0)
    }

    /// The same with the buckets whose bits are set assigned to the primary.
    #[must_use]
    pub(super) fn with_primary(&self, set: [u8; BUCKET_OCTETS]) -> Self {
        let mut octets = self.0;
        for (octet, set) in octets.iter_mut().zip(set) {
            *octet |= set;
        }
        Self(octets)
    }

    /// Whether the primary serves `bucket`.
    pub fn primary_serves(&self, bucket: u8) -> bool {
        is_set(&self.0, bucket)
    }

    /// The server responsible for the client with this hash key.
    pub fn role_for(&self, key: &[u8]) -> Role {
        if self.primary_serves(hash(key)) { Role::Primary } else { Role::Secondary }
    }

    /// How many of the 256 buckets the primary serves.
    pub fn share(&self) -> u16 {
        let set: u32 = self.0.iter().map(|octet| octet.count_ones()).sum();
        u16::try_from(set).unwrap_or(256)
    }
}

/// Whether the bit of `bucket` is set.
pub(super) fn is_set(octets: &[u8; BUCKET_OCTETS], bucket: u8) -> bool {
    let octet = octets.get(usize::from(bucket / 8)).copied().unwrap_or(0);
    octet & (1 << (bucket % 8)) != 0
}

/// Between the crate's meaning of a set bit and the dialect's; its own inverse.
fn in_polarity_of(dialect: Dialect, octets: [u8; BUCKET_OCTETS]) -> [u8; BUCKET_OCTETS] {
    if dialect.hash_bucket_set_means_primary() { octets } else { octets.map(|octet| !octet) }
}

/// The octets in hexadecimal, set bits meaning the primary.
impl fmt::Debug for HashBuckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashBuckets(")?;
        for octet in self.0 {
            write!(f, "{octet:02x}")?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_gives_the_first_buckets_to_the_primary() {
        for split in 0..=256 {
            let buckets = HashBuckets::from_split(split).unwrap();
            for bucket in 0..=255 {
                assert_eq!(buckets.primary_serves(bucket), u16::from(bucket) < split);
            }
        }
    }

    #[test]
    fn a_split_above_256_is_none() {
        assert_eq!(HashBuckets::from_split(257), None);
    }

    /// Holds: FO-4.1-15, FO-5.3-2.
    #[test]
    fn the_share_is_the_split() {
        for split in [0, 1, 64, 128, 192, 255, 256] {
            assert_eq!(HashBuckets::from_split(split).unwrap().share(), split);
        }
    }

    #[test]
    fn half_is_split_128() {
        assert_eq!(Some(HashBuckets::half()), HashBuckets::from_split(128));
    }

    #[test]
    fn all_primary_is_split_256() {
        assert_eq!(Some(HashBuckets::all_primary()), HashBuckets::from_split(256));
    }

    /// Holds: A1-27.
    /// Holds: A2-31.
    #[test]
    fn dhcpd_writes_split_128_as_sixteen_octets_of_ones_first() {
        let mut expected = [0xff; 32];
        expected[16..].fill(0);
        assert_eq!(HashBuckets::half().to_wire(Dialect::Isc), expected);
    }

    /// Holds: A1-27.
    /// Holds: FO-12.11-2, FO-12.11-4.
    /// Holds: A2-31.
    #[test]
    fn the_draft_writes_the_buckets_of_the_secondary() {
        let mut expected = [0; 32];
        expected[16..].fill(0xff);
        assert_eq!(HashBuckets::half().to_wire(Dialect::Draft12), expected);
    }

    #[test]
    fn an_assignment_survives_the_wire_in_every_dialect() {
        let buckets = HashBuckets::from_split(77).unwrap();
        for dialect in [Dialect::Draft12, Dialect::Isc, Dialect::Microsoft] {
            assert_eq!(HashBuckets::from_wire(&buckets.to_wire(dialect), dialect), Some(buckets));
        }
    }

    #[test]
    fn an_assignment_of_another_length_is_none() {
        assert_eq!(HashBuckets::from_wire(&[0; 31], Dialect::Isc), None);
        assert_eq!(HashBuckets::from_wire(&[0; 33], Dialect::Isc), None);
    }

    #[test]
    fn buckets_are_shown_in_hexadecimal() {
        let octets = [0xa5; BUCKET_OCTETS];
        let shown = "a5".repeat(BUCKET_OCTETS);
        assert_eq!(format!("{:?}", HashBuckets::new(octets)), format!("HashBuckets({shown})"));
        let server = super::super::ServerBuckets::new(octets);
        assert_eq!(format!("{server:?}"), format!("ServerBuckets({shown})"));
    }

    /// Holds: A2-31.
    #[test]
    fn buckets_are_counted_from_the_least_significant_bit() {
        let mut assignment = [0; 32];
        assignment[21] = 0x80;
        let buckets = HashBuckets::from_wire(&assignment, Dialect::Isc).unwrap();
        assert_eq!(buckets.role_for(&[0]), Role::Primary);
        assert_eq!(buckets.share(), 1);
    }
}
