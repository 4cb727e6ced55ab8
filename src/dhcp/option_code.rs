//! Codes of DHCP options (RFC 2132 and its successors).

use std::fmt;

/// The code of one option. An open registry: every octet but 0 (pad) and 255 (end) is a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OptionCode(pub u8);

impl OptionCode {
    /// Filling between options; has no length.
    pub const PAD: Self = Self(0);
    /// Mask of the client's subnet.
    pub const SUBNET_MASK: Self = Self(1);
    /// Name of the client's host.
    pub const HOST_NAME: Self = Self(12);
    /// Address that the client wants.
    pub const REQUESTED_ADDRESS: Self = Self(50);
    /// Length of the lease in seconds.
    pub const LEASE_TIME: Self = Self(51);
    /// The file and sname fields carry options too.
    pub const OVERLOAD: Self = Self(52);
    /// Kind of DHCP message; a message without it is BOOTP.
    pub const MESSAGE_TYPE: Self = Self(53);
    /// The server that is meant or that speaks.
    pub const SERVER_IDENTIFIER: Self = Self(54);
    /// Options that the client wants to see.
    pub const PARAMETER_REQUEST_LIST: Self = Self(55);
    /// Text for a person, in a DHCPNAK.
    pub const MESSAGE: Self = Self(56);
    /// Longest IP datagram that the client takes.
    pub const MAX_MESSAGE_SIZE: Self = Self(57);
    /// T1 in seconds.
    pub const RENEWAL_TIME: Self = Self(58);
    /// T2 in seconds.
    pub const REBINDING_TIME: Self = Self(59);
    /// What kind of client it is.
    pub const VENDOR_CLASS: Self = Self(60);
    /// Opaque name of the client.
    pub const CLIENT_IDENTIFIER: Self = Self(61);
    /// What kind of user the client has (RFC 3004).
    pub const USER_CLASS: Self = Self(77);
    /// The client's name, and who updates the DNS (RFC 4702).
    pub const CLIENT_FQDN: Self = Self(81);
    /// What a relay agent says about the client (RFC 3046).
    pub const RELAY_AGENT_INFORMATION: Self = Self(82);
    /// The subnet from which the client wants an address (RFC 3011).
    pub const SUBNET_SELECTION: Self = Self(118);
    /// End of the options field.
    pub const END: Self = Self(255);
}

impl fmt::Display for OptionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "option {}", self.0)
    }
}
