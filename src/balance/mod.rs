//! Which of the two servers answers a client (RFC 3074).
//!
//! [`hash`] reduces a client's identifier, or its hardware address, to one of 256 buckets, [`hash_each`]
//! does so for several clients at once;
//! [`ServerBuckets`] says which buckets a pair serves at all, [`HashBuckets`] which of its servers each
//! belongs to; [`secs_override`] lets the other server step in for a client that has waited. [`Role`]
//! names the two servers.
//!
//! The rule applies in NORMAL only; whether it applies to a message is the endpoint's business
//! (§9.8.2).

#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::panic,
        clippy::string_slice,
        clippy::unreachable,
        reason = "what a partner, client, file or operator sends passes here, and nothing may panic on it"
    )
)]

mod buckets;
mod hash;
mod role;
mod server;

pub use buckets::{BUCKET_OCTETS, HashBuckets};
pub use hash::{hash, hash_each};
pub use role::Role;
pub use server::ServerBuckets;

use crate::wire::dialect::Dialect;

/// Whether a client has waited so long that the server that is not responsible for it answers too.
///
/// `secs` is the client's secs field in host order, `max_seconds` the delayed-service-parameter of
/// the draft, dhcpd's `load balance max seconds`. A draft server steps in once `secs` reaches the
/// limit, dhcpd once `secs` exceeds it. A limit of 0 switches load balancing off: every client has
/// waited long enough.
///
/// Some clients send secs in the wrong octet order: a value whose low octet is zero and whose high
/// octet is not is suspicious. With `check_secs_byte_order` such a value is read the other way
/// round; without it, such a client appears to have waited for more than 255 seconds and both
/// servers answer it.
pub fn secs_override(
    secs: u16,
    max_seconds: u16,
    check_secs_byte_order: bool,
    dialect: Dialect,
) -> bool {
    let looks_swapped = secs.trailing_zeros() >= 8;
    let waited = if check_secs_byte_order && looks_swapped { secs.swap_bytes() } else { secs };
    if max_seconds == 0 {
        true
    } else if dialect.secs_threshold_inclusive() {
        waited >= max_seconds
    } else {
        waited > max_seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dhcpd_steps_in_once_the_limit_is_exceeded() {
        assert!(!secs_override(3, 3, false, Dialect::Isc));
        assert!(secs_override(4, 3, false, Dialect::Isc));
    }

    #[test]
    fn a_draft_server_steps_in_once_the_limit_is_reached() {
        assert!(!secs_override(2, 3, false, Dialect::Draft12));
        assert!(secs_override(3, 3, false, Dialect::Draft12));
    }

    #[test]
    fn a_limit_of_zero_switches_load_balancing_off() {
        assert!(secs_override(0, 0, false, Dialect::Isc));
        assert!(secs_override(0, 0, false, Dialect::Draft12));
    }

    #[test]
    fn swapped_secs_count_as_a_long_wait_unless_the_check_is_on() {
        assert!(secs_override(0x0200, 3, false, Dialect::Isc));
        assert!(!secs_override(0x0200, 3, true, Dialect::Isc));
        assert!(secs_override(0x0400, 3, true, Dialect::Isc));
    }

    #[test]
    fn a_value_with_a_low_octet_is_never_read_swapped() {
        assert!(secs_override(0x0101, 256, true, Dialect::Isc));
        assert!(!secs_override(0x0101, 257, true, Dialect::Isc));
    }

    #[test]
    fn secs_of_zero_is_no_wait_with_the_check_on() {
        assert!(!secs_override(0, 3, true, Dialect::Isc));
    }
}
