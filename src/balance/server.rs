//! The server HBA: which clients a pair of servers answers at all.

use core::fmt;

use super::buckets::is_set;
use super::{BUCKET_OCTETS, HashBuckets, hash};

/// The hash buckets that both servers of a pair serve together (§5.3).
///
/// It restricts the pair in every failover state, where several pairs share the clients of a
/// network; [`HashBuckets`] divides what is left between the two. It is agreed outside the protocol
/// and the same on both servers. Bucket b is bit `1 << (b % 8)` of octet `b / 8`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ServerBuckets([u8; BUCKET_OCTETS]);

impl ServerBuckets {
    /// The pair serves the buckets whose bits are set.
    pub const fn new(octets: [u8; BUCKET_OCTETS]) -> Self {
        Self(octets)
    }

    /// The pair serves everybody.
    pub const fn all() -> Self {
        Self([0xff; BUCKET_OCTETS])
    }

    /// The bits.
    pub const fn octets(&self) -> &[u8; BUCKET_OCTETS] {
        &self.0
    }

    /// Whether the pair serves the client with this hash key.
    pub fn serves(&self, key: &[u8]) -> bool {
        is_set(&self.0, hash(key))
    }

    /// Whether the secondary has buckets of the pair only.
    pub fn contains_secondary_of(&self, buckets: &HashBuckets) -> bool {
        self.narrow(buckets) == *buckets
    }

    /// The same division with no foreign bucket assigned to the secondary.
    #[must_use]
    pub fn narrow(&self, buckets: &HashBuckets) -> HashBuckets {
        buckets.with_primary(self.0.map(|octet| !octet))
    }
}

/// The octets in hexadecimal.
impl fmt::Debug for ServerBuckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerBuckets(")?;
        for octet in self.0 {
            write!(f, "{octet:02x}")?;
        }
        f.write_str(")")
    }
}
