//! How deployed implementations differ from the draft: every deviation, with its evidence.

use core::fmt;
use core::str::FromStr;

use super::codes::UnknownName;
use crate::time::UnixTime;

/// The protocol as one kind of partner speaks it.
///
/// Every difference is one function here; code elsewhere asks the function and never compares
/// dialects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// The draft to the letter, its contradictions settled. Also spoken with a partner that is
    /// recognised as another twinlease.
    Draft12,
    /// ISC dhcpd 4.4.
    #[default]
    Isc,
    /// Windows Server (MS-DHCPF).
    Microsoft,
}

impl Dialect {
    /// The name used in configuration files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft12 => "draft",
            Self::Isc => "isc",
            Self::Microsoft => "microsoft",
        }
    }

    /// The payload offset of messages sent.
    ///
    /// The draft prints 8 although its own header has 12 octets. dhcpd sends 12, and reads an 8 as
    /// an order to skip four thousand million octets; Windows sends and expects 8 while its
    /// options start at octet 12 as well.
    pub const fn payload_offset(self) -> u8 {
        match self {
            Self::Draft12 | Self::Isc => 12,
            Self::Microsoft => 8,
        }
    }

    /// Whether a received payload offset of 8 stands for 12: Windows sends it.
    pub const fn accepts_payload_offset_8(self) -> bool {
        matches!(self, Self::Microsoft)
    }

    /// Whether IP-flags may have one octet. The draft draws two and prints a length of one
    /// (§12.12); Windows sends one; dhcpd drops the connection unless there are two.
    pub const fn accepts_one_octet_ip_flags(self) -> bool {
        matches!(self, Self::Microsoft)
    }

    /// Whether a set bit of the hash-bucket-assignment names a bucket of the primary.
    ///
    /// The draft describes the buckets of the secondary (§12.11). dhcpd with `split 128` sends
    /// sixteen octets `ff` first and serves these buckets as the primary.
    pub const fn hash_bucket_set_means_primary(self) -> bool {
        match self {
            Self::Draft12 | Self::Microsoft => false,
            Self::Isc => true,
        }
    }

    /// Whether load balancing ends when the client's `secs` field reaches the limit, instead of
    /// when it exceeds it. dhcpd with a limit of 3 leaves a client with `secs` 3 to the partner
    /// and serves one with 4.
    pub const fn secs_threshold_inclusive(self) -> bool {
        match self {
            Self::Draft12 | Self::Microsoft => true,
            Self::Isc => false,
        }
    }

    /// Whether CONNECT tells the secondary for how many seconds a client waits before the other server
    /// helps (§12.10). dhcpd has the value in the files of both servers; Windows has none.
    pub const fn sends_delayed_service(self) -> bool {
        matches!(self, Self::Draft12)
    }

    /// Whether updates carry lease-expiration-time and potential-expiration-time whatever the
    /// status. The draft forbids them outside ACTIVE (§7.1); dhcpd sends both always, 0 for an
    /// address that was never used, and reads an absent potential-expiration-time as 0.
    pub const fn announces_times_in_every_status(self) -> bool {
        match self {
            Self::Draft12 | Self::Microsoft => false,
            Self::Isc => true,
        }
    }

    /// Whether a BNDUPD may carry several transactions (§6.3). dhcpd takes the second
    /// assigned-IP-address for a repeated option and drops the connection.
    pub const fn may_send_bulk(self) -> bool {
        match self {
            Self::Draft12 | Self::Microsoft => true,
            Self::Isc => false,
        }
    }

    /// The most transactions put into one message. Windows ignores what follows the sixteenth.
    pub const fn max_transactions(self) -> usize {
        match self {
            Self::Draft12 => 156,
            Self::Isc => 1,
            Self::Microsoft => 16,
        }
    }

    /// Whether a BNDUPD may carry the DDNS option (§12.9). dhcpd drops the connection on every
    /// length of it.
    pub const fn may_send_ddns(self) -> bool {
        match self {
            Self::Draft12 | Self::Microsoft => true,
            Self::Isc => false,
        }
    }

    /// Whether a BNDUPD carries client-request-options and client-reply-options. dhcpd parses and
    /// forgets them, so nothing is gained by sending them.
    pub const fn forwards_client_options(self) -> bool {
        match self {
            Self::Draft12 | Self::Microsoft => true,
            Self::Isc => false,
        }
    }

    /// Whether CONNECT carries TLS-request and CONNECTACK answers it. Windows never offers it.
    pub const fn sends_tls_request(self) -> bool {
        match self {
            Self::Draft12 | Self::Isc => true,
            Self::Microsoft => false,
        }
    }

    /// The value that stands for "never" in a time: all ones by the draft's silence, 0x7fffffff as
    /// dhcpd stores and sends it.
    pub const fn wire_time(self, time: UnixTime) -> UnixTime {
        match self {
            Self::Isc if time.is_infinite() => UnixTime::INFINITE_FLOOR,
            Self::Draft12 | Self::Isc | Self::Microsoft => time,
        }
    }

    /// Whether reservations of this server's own are announced by the RESERVED flag (§5.13). dhcpd
    /// rejects an update with the flag for an address that is free and not reserved on its side.
    pub const fn announces_reservations(self) -> bool {
        match self {
            Self::Draft12 | Self::Microsoft => true,
            Self::Isc => false,
        }
    }

    /// Whether a BACKUP update with the RESERVED flag is rejected for an address that is not
    /// reserved here (§7.1.2). dhcpd announces its reserved addresses with its own free state.
    pub const fn rejects_unknown_reservations(self) -> bool {
        match self {
            Self::Draft12 | Self::Microsoft => true,
            Self::Isc => false,
        }
    }

    /// Whether the BOOTP flag goes along where a BOOTP client was the last one of a free address. A
    /// dhcpd rejects it for an address of its own free state that it has not leased by BOOTP.
    pub const fn announces_bootp_of_free_addresses(self) -> bool {
        match self {
            Self::Draft12 | Self::Microsoft => true,
            Self::Isc => false,
        }
    }

    /// Whether the potential expiration in an update about an ended lease is kept. dhcpd sends the
    /// unchanged one, typically in the future, and may promise up to it to the next client.
    pub const fn keeps_promises_of_ended_leases(self) -> bool {
        matches!(self, Self::Isc)
    }

    /// Whether the partner frees abandoned addresses after a time, without RESET. dhcpd does so on
    /// either server.
    pub const fn frees_abandoned_by_time(self) -> bool {
        matches!(self, Self::Isc)
    }

    /// Whether EXPIRED is reported by the sender's clock and repeats the end that both know.
    pub const fn expires_by_its_own_clock(self) -> bool {
        matches!(self, Self::Isc)
    }

    /// Whether lease-expiration-time says in a RELEASED when the client released. dhcpd sets it and
    /// potential-expiration-time to that moment and repeats the last transaction of the lease,
    /// which by itself would make every release look outdated (§7.1.3).
    pub const fn dates_release_by_lease_expiration(self) -> bool {
        matches!(self, Self::Isc)
    }

    /// Whether expiry is the primary's business in NORMAL: a dhcpd primary rejects EXPIRED from its
    /// secondary.
    pub const fn primary_alone_expires(self) -> bool {
        matches!(self, Self::Isc)
    }

    /// Whether either server gives unused addresses away and answers POOLREQ, as dhcpd does. By the
    /// draft only the primary moves addresses (§5.4).
    pub const fn either_role_gives_addresses(self) -> bool {
        matches!(self, Self::Isc)
    }

    /// Whether the primary may call BACKUP addresses back by FREE (§5.4). A dhcpd secondary accepts
    /// that even for an address that it has just leased.
    pub const fn primary_recalls_addresses(self) -> bool {
        match self {
            Self::Draft12 | Self::Microsoft => true,
            Self::Isc => false,
        }
    }

    /// Whether CONNECT may come on a connection that the secondary opened. A dhcpd primary sends it
    /// on every connection; by the draft the secondary's attempt is a knock only (§8.2).
    pub const fn connects_on_any_connection(self) -> bool {
        matches!(self, Self::Isc)
    }

    /// Whether a CONNECT without protocol-version 1 is rejected. dhcpd never looks at it.
    pub const fn checks_protocol_version(self) -> bool {
        match self {
            Self::Draft12 | Self::Microsoft => true,
            Self::Isc => false,
        }
    }

    /// Whether a CONNECT or CONNECTACK without receive-timer or max-unacked-bndupd is refused: the
    /// tables of §7.8 and §7.9 demand both, and so does Windows. dhcpd looks for neither and goes on
    /// with what it knew before.
    pub const fn requires_timer_and_window(self) -> bool {
        match self {
            Self::Draft12 | Self::Microsoft => true,
            Self::Isc => false,
        }
    }

    /// Difference of the clocks in seconds up to which a connection is accepted. dhcpd refuses more
    /// than 60 and corrects nothing; the draft corrects any difference and leaves the limit open.
    pub const fn max_clock_delta(self) -> u32 {
        match self {
            Self::Draft12 | Self::Microsoft => 3600,
            Self::Isc => 60,
        }
    }

    /// Whether messages are signed by message-digest where the servers share a secret (§11.1). dhcpd
    /// neither sends a digest nor looks at one, Windows has one of its own.
    pub const fn signs_messages(self) -> bool {
        matches!(self, Self::Draft12)
    }

    /// Whether a connection may be secured by TLS (§11.2). dhcpd says that it does not want it and
    /// has none; Windows never speaks of it.
    pub const fn has_tls(self) -> bool {
        matches!(self, Self::Draft12)
    }

    /// The first xid of a connection. dhcpd starts at 0, yet never gives 0 to a BNDUPD; the draft
    /// leaves it open.
    pub const fn first_xid(self) -> u32 {
        match self {
            Self::Draft12 | Self::Microsoft => 1,
            Self::Isc => 0,
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Dialect {
    type Err = UnknownName;

    /// Reads the name that [`Dialect::name`] gives.
    fn from_str(name: &str) -> Result<Self, UnknownName> {
        match name {
            "draft" => Ok(Self::Draft12),
            "isc" => Ok(Self::Isc),
            "microsoft" => Ok(Self::Microsoft),
            _ => Err(UnknownName { what: "dialect", names: &["draft", "isc", "microsoft"] }),
        }
    }
}
