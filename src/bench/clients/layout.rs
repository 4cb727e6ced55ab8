//! Where the fixed fields of a message stand (RFC 2131 §2), in octets from its beginning.

pub(super) const HOPS: usize = 3;
pub(super) const XID: usize = 4;
pub(super) const FLAGS: usize = 10;
pub(super) const CIADDR: usize = 12;
pub(super) const YIADDR: usize = 16;
pub(super) const GIADDR: usize = 24;
pub(super) const CHADDR: usize = 28;
pub(super) const COOKIE: usize = 236;
/// Behind the last of them, where the options begin.
pub(super) const OPTIONS: usize = 240;

/// What stands at [`COOKIE`].
pub(super) const MAGIC: [u8; 4] = [99, 130, 83, 99];
