//! Numbers of the protocol and their names.
//!
//! Closed sets, which decide what the engine does, are enums: [`BindingStatus`],
//! [`FailoverState`]. Open registries, which may grow without this crate, are newtypes that carry
//! any value: [`MessageType`], [`OptionCode`], [`RejectReason`], the flags.

use core::fmt;
use core::str::FromStr;

/// Defines the constants of an open registry together with its `name` function.
macro_rules! registry {
    ($type:ident, $($(#[$doc:meta])+ $constant:ident = $value:literal => $name:literal,)+) => {
        impl $type {
            $($(#[$doc])+ pub const $constant: Self = Self($value);)+

            /// The name of this value; `"unknown"` where it has none.
            pub const fn name(self) -> &'static str {
                match self.0 {
                    $($value => $name,)+
                    _ => "unknown",
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} ({})", self.0, self.name())
            }
        }
    };
}

/// Defines a closed set of codes with names, and the ways between value, code and name.
macro_rules! closed_set {
    ($(#[$set_doc:meta])+ $type:ident, $noun:literal,
     $($(#[$doc:meta])+ $variant:ident = $value:literal => $name:literal,)+) => {
        $(#[$set_doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $type {
            $($(#[$doc])+ $variant = $value,)+
        }

        impl $type {
            /// Every member, in the order of the codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The member with this code on the wire; `None` if there is none.
            pub const fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($value => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The code on the wire.
            pub const fn code(self) -> u8 {
                match self {
                    $(Self::$variant => $value,)+
                }
            }

            /// The draft's name, in lower case with hyphens.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl FromStr for $type {
            type Err = UnknownName;

            /// Reads the name that [`Self::name`] gives.
            fn from_str(name: &str) -> Result<Self, UnknownName> {
                match name {
                    $($name => Ok(Self::$variant),)+
                    _ => Err(UnknownName { what: $noun, names: &[$($name,)+] }),
                }
            }
        }
    };
}

/// A name that belongs to no member of a closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownName {
    /// What was to be read, such as `"binding-status"`.
    pub what: &'static str,
    /// The names that would be right.
    pub names: &'static [&'static str],
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this is no {}; one of these is needed:", self.what)?;
        for (position, name) in self.names.iter().enumerate() {
            write!(f, "{} {name}", if position == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl core::error::Error for UnknownName {}

/// The type of a message (§6.1, header octet 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageType(pub u8);

registry! { MessageType,
    /// The secondary asks for addresses (§7.5).
    POOLREQ = 1 => "poolreq",
    /// The primary tells how many addresses it gave (§7.6).
    POOLRESP = 2 => "poolresp",
    /// Binding updates (§7.1).
    BNDUPD = 3 => "bndupd",
    /// The answer to binding updates (§7.2).
    BNDACK = 4 => "bndack",
    /// The primary opens a connection (§7.8).
    CONNECT = 5 => "connect",
    /// The secondary accepts or rejects a connection (§7.9).
    CONNECTACK = 6 => "connectack",
    /// Asks for every binding (§7.4).
    UPDREQALL = 7 => "updreqall",
    /// All bindings asked for have been sent and answered (§7.7).
    UPDDONE = 8 => "upddone",
    /// Asks for every binding not yet acknowledged (§7.3).
    UPDREQ = 9 => "updreq",
    /// The sender's failover state (§7.10).
    STATE = 10 => "state",
    /// A sign of life (§7.11).
    CONTACT = 11 => "contact",
    /// The last message of a connection (§7.12).
    DISCONNECT = 12 => "disconnect",
}

impl MessageType {
    /// Whether a receiver that does not know this type goes on without the message: true from 128
    /// on. An unknown type below that closes the connection (§6.1).
    pub const fn is_ignorable(self) -> bool {
        self.0 >= 128
    }
}

/// The code of an option (§12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OptionCode(pub u16);

registry! { OptionCode,
    /// How many addresses a POOLREQ moved (§12.1).
    ADDRESSES_TRANSFERRED = 1 => "addresses-transferred",
    /// The address of a binding; opens a binding update transaction (§12.2).
    ASSIGNED_IP_ADDRESS = 2 => "assigned-IP-address",
    /// The status of a binding (§12.3).
    BINDING_STATUS = 3 => "binding-status",
    /// The data of the client's DHCP option 61 (§12.4).
    CLIENT_IDENTIFIER = 4 => "client-identifier",
    /// Hardware type and address of the client (§12.5).
    CLIENT_HARDWARE_ADDRESS = 5 => "client-hardware-address",
    /// When the sender last heard a request of the client (§12.6).
    CLIENT_LAST_TRANSACTION_TIME = 6 => "client-last-transaction-time",
    /// DHCP options sent to the client (§12.7).
    CLIENT_REPLY_OPTIONS = 7 => "client-reply-options",
    /// DHCP options received from the client (§12.8).
    CLIENT_REQUEST_OPTIONS = 8 => "client-request-options",
    /// State of the dynamic DNS update of the binding (§12.9).
    DDNS = 9 => "DDNS",
    /// Seconds a client waits before the other server helps (§12.10).
    DELAYED_SERVICE_PARAMETER = 10 => "delayed-service-parameter",
    /// Which clients belong to which server (§12.11).
    HASH_BUCKET_ASSIGNMENT = 11 => "hash-bucket-assignment",
    /// Properties of an address (§12.12).
    IP_FLAGS = 12 => "IP-flags",
    /// The end of the lease as told to the client (§12.13).
    LEASE_EXPIRATION_TIME = 13 => "lease-expiration-time",
    /// How many BNDUPD messages the sender of the option takes without answering (§12.14).
    MAX_UNACKED_BNDUPD = 14 => "max-unacked-bndupd",
    /// The maximum client lead time (§12.15).
    MCLT = 15 => "MCLT",
    /// Text for people (§12.16).
    MESSAGE = 16 => "message",
    /// Proof that the message comes from the partner (§12.17).
    MESSAGE_DIGEST = 17 => "message-digest",
    /// The time the sender may want to give to the client (§12.18).
    POTENTIAL_EXPIRATION_TIME = 18 => "potential-expiration-time",
    /// Seconds of silence after which the sender of the option gives up (§12.19).
    RECEIVE_TIMER = 19 => "receive-timer",
    /// Version of the protocol (§12.20).
    PROTOCOL_VERSION = 20 => "protocol-version",
    /// Why something was rejected (§12.21).
    REJECT_REASON = 21 => "reject-reason",
    /// Name of the relationship (§12.22).
    RELATIONSHIP_NAME = 22 => "relationship-name",
    /// Flags of the server (§12.23).
    SERVER_FLAGS = 23 => "server-flags",
    /// Failover state of the server (§12.24).
    SERVER_STATE = 24 => "server-state",
    /// When the failover state or the binding-status began (§12.25).
    START_TIME_OF_STATE = 25 => "start-time-of-state",
    /// Whether TLS follows (§12.26).
    TLS_REPLY = 26 => "TLS-reply",
    /// Whether TLS is wanted (§12.27).
    TLS_REQUEST = 27 => "TLS-request",
    /// Who made the sender (§12.28).
    VENDOR_CLASS_IDENTIFIER = 28 => "vendor-class-identifier",
    /// Options of that vendor (§12.29).
    VENDOR_SPECIFIC_OPTIONS = 29 => "vendor-specific-options",
}

closed_set! {
    /// The status of a binding (§12.3).
    BindingStatus, "binding-status",
    /// Available to the primary.
    Free = 1 => "free",
    /// Leased to a client.
    Active = 2 => "active",
    /// The lease ran out.
    Expired = 3 => "expired",
    /// The client gave the address back.
    Released = 4 => "released",
    /// Found unusable by server or client.
    Abandoned = 5 => "abandoned",
    /// Freed by an external agent.
    Reset = 6 => "reset",
    /// Available to the secondary.
    Backup = 7 => "backup",
}

closed_set! {
    /// The state of a failover endpoint (§9.2, §12.24).
    FailoverState, "server-state",
    /// Just started; never on the wire, where server-flags show it.
    Startup = 1 => "startup",
    /// Both servers run and talk.
    Normal = 2 => "normal",
    /// The partner cannot be reached and may be running.
    CommunicationsInterrupted = 3 => "communications-interrupted",
    /// The partner is known to be down.
    PartnerDown = 4 => "partner-down",
    /// Both served alone and have to compare bindings.
    PotentialConflict = 5 => "potential-conflict",
    /// Has to learn the partner's bindings before it serves.
    Recover = 6 => "recover",
    /// Will be away for a short time.
    Paused = 7 => "paused",
    /// Will be away for a long time.
    Shutdown = 8 => "shutdown",
    /// Knows the partner's bindings and has waited.
    RecoverDone = 9 => "recover-done",
    /// Lost the partner while comparing bindings.
    ResolutionInterrupted = 10 => "resolution-interrupted",
    /// The primary has finished comparing bindings.
    ConflictDone = 11 => "conflict-done",
    /// Waits until leases it cannot know of have run out. The draft gives it no number; dhcpd
    /// uses this one.
    RecoverWait = 254 => "recover-wait",
}

/// Why a message or transaction was rejected (§12.21).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RejectReason(pub u8);

/// Defines the reasons with their descriptions.
macro_rules! reject_reasons {
    ($($(#[$doc:meta])+ $constant:ident = $value:literal => $text:literal,)+) => {
        impl RejectReason {
            $($(#[$doc])+ pub const $constant: Self = Self($value);)+

            /// A short description; `"reserved"` for values without a meaning.
            pub const fn text(self) -> &'static str {
                match self.0 {
                    $($value => $text,)+
                    _ => "reserved",
                }
            }
        }
    };
}

reject_reasons! {
    /// The address is in no pool of the relationship.
    ILLEGAL_ADDRESS = 1 => "illegal IP address, in no pool of this relationship",
    /// The address is in use by another client.
    FATAL_CONFLICT = 2 => "fatal conflict, address in use by another client",
    /// The update lacks an option.
    MISSING_BINDING_INFORMATION = 3 => "missing binding information",
    /// The clocks differ too much.
    TIME_MISMATCH = 4 => "time mismatch too great",
    /// The MCLT is missing or unusable.
    INVALID_MCLT = 5 => "invalid MCLT",
    /// Rejected without a more specific reason.
    UNKNOWN_REASON = 6 => "rejected for an unknown reason",
    /// There is a connection already.
    DUPLICATE_CONNECTION = 7 => "duplicate connection",
    /// No such relationship.
    INVALID_PARTNER = 8 => "invalid failover partner",
    /// TLS is not supported.
    TLS_NOT_SUPPORTED = 9 => "TLS not supported",
    /// TLS is supported and not configured.
    TLS_NOT_CONFIGURED = 10 => "TLS supported but not configured",
    /// TLS is required here and the partner has none.
    TLS_REQUIRED = 11 => "TLS required but not supported by partner",
    /// Message digests are not supported.
    DIGEST_NOT_SUPPORTED = 12 => "message digest not supported",
    /// Message digests are not configured.
    DIGEST_NOT_CONFIGURED = 13 => "message digest not configured",
    /// Another version of the protocol.
    VERSION_MISMATCH = 14 => "protocol version mismatch",
    /// The receiver knows something newer.
    OUTDATED = 15 => "outdated binding information",
    /// The receiver knows something more important.
    LESS_CRITICAL = 16 => "less critical binding information",
    /// Silence for longer than the receive-timer.
    NO_TRAFFIC = 17 => "no traffic within sufficient time",
    /// The hash-bucket-assignment is missing or unusable.
    HASH_BUCKET_CONFLICT = 18 => "hash bucket assignment conflict",
    /// The address is not reserved here.
    NOT_RESERVED = 19 => "IP not reserved on this server",
    /// The message digest is wrong.
    DIGEST_MISMATCH = 20 => "message digest failed to compare",
    /// The message digest is missing.
    MISSING_DIGEST = 21 => "missing message digest",
    /// An error without a code of its own.
    UNKNOWN = 254 => "unknown error",
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0, self.text())
    }
}

/// Properties of an address (§12.12). Unknown bits are kept and mean nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpFlags(pub u16);

impl IpFlags {
    /// The address is reserved for a client on the sender.
    pub const RESERVED: Self = Self(1);
    /// The address was leased by BOOTP.
    pub const BOOTP: Self = Self(2);

    /// The same without unassigned bits.
    #[must_use]
    pub const fn assigned(self) -> Self {
        Self(self.0 & (Self::RESERVED.0 | Self::BOOTP.0))
    }

    /// Whether all bits of `flags` are set.
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// The same with the bits of `flags` set or not.
    #[must_use]
    pub const fn with(self, flags: Self, set: bool) -> Self {
        let others = self.0 & !flags.0;
        Self(if set { others | flags.0 } else { others })
    }
}

/// How far the DNS update of a binding has come (§12.9). Unassigned bits mean nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DdnsFlags(pub u16);

impl DdnsFlags {
    /// C: the name leads to the address, the A record is there.
    pub const FORWARD_DONE: Self = Self(1);
    /// A: the server, not the client, updates the A record.
    pub const FORWARD_BY_SERVER: Self = Self(2);
    /// D: the address leads to the name, the PTR record is there.
    pub const REVERSE_DONE: Self = Self(4);
    /// P: the server, not the client, updates the PTR record.
    pub const REVERSE_BY_SERVER: Self = Self(8);

    /// Whether all bits of `flags` are set.
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// The same without unassigned bits.
    #[must_use]
    pub const fn assigned(self) -> Self {
        Self(self.0 & 0xf)
    }
}

/// Flags of a server (§12.23). Unknown bits are kept and mean nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerFlags(pub u8);

impl ServerFlags {
    /// The server is in STARTUP; the server-state beside it is the one it had before.
    pub const STARTUP: Self = Self(1);

    /// Whether all bits of `flags` are set.
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }
}

/// Pairs a response with its request (§6.1); unique for what one side originates on a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Xid(pub u32);

impl fmt::Display for Xid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
