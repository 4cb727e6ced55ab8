//! One relationship as configured; checked when it is built.

use core::fmt;
use core::net::Ipv4Addr;
use core::time::Duration;

use crate::balance::{HashBuckets, Role, ServerBuckets};
use crate::binding::table::RangeId;
use crate::binding::times::Mclt;
use crate::binding::{AddressRange, Client};
use crate::time::UnixTime;
use crate::wire::dialect::Dialect;
use crate::wire::digest::{DigestInput, SharedSecret};

use super::pace::Pace;

/// Longest relationship-name that leaves room for everything else in a CONNECT.
pub const MAX_RELATIONSHIP_NAME: usize = 255;

/// Smallest receive-timer that may be announced: dhcpd sends CONTACT every third of it and spins
/// when that third is no whole second.
pub const MIN_RECEIVE_TIMER: u32 = 3;

/// max-unacked-bndupd unless configured: the least that the draft wants (§7.8.1), as a dhcpd keeps
/// its answers back until half of this number wait or two seconds have passed.
pub const DEFAULT_MAX_UNACKED: u32 = 11;

/// Messages that another twinlease is sent without an answer, if it announces fewer: at 36 updates a message
/// enough to keep both disks busy.
pub const DEFAULT_TWINLEASE_WINDOW: u32 = 512;

/// Pause between attempts to reach the partner unless configured.
pub const DEFAULT_REDIAL_INTERVAL: Duration = Duration::from_secs(5);

/// How the pools are divided between the two servers (§5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolShare {
    /// Each server owns half of the unused addresses.
    Half,
    /// Hot standby: the secondary owns this percentage of them.
    SecondaryPercent(u8),
}

/// What to do when STARTUP ends without contact (§9.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartupPolicy {
    /// Go on in the state that was recorded.
    Proceed,
    /// Stay unresponsive until the partner is found.
    Wait,
    /// Enter PARTNER-DOWN: this server is being put into operation alone.
    CommissionAlone,
}

/// To whom several updates go in one BNDUPD (§6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batching {
    /// To nobody.
    Never,
    /// To another twinlease, known by its vendor-class-identifier.
    WithTwinlease,
    /// Also to any other partner whose dialect allows it.
    WithEverybody,
}

/// Whether the connection is encrypted, and the servers are known by certificates (§11.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsPolicy {
    /// The driver has no TLS.
    Unsupported,
    /// It has, and none is wanted.
    Off,
    /// If the partner wants it too.
    Desired,
    /// Or there is no connection.
    Required,
}

impl TlsPolicy {
    /// The TLS-request of a primary (§12.27).
    pub(crate) const fn request(self) -> u8 {
        match self {
            Self::Unsupported | Self::Off => 0,
            Self::Desired => 1,
            Self::Required => 2,
        }
    }

    /// Whether TLS may come about.
    pub(crate) const fn is_willing(self) -> bool {
        matches!(self, Self::Desired | Self::Required)
    }
}

/// What both servers know and nobody else does (§11.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedSecrets {
    /// The secret.
    pub current: SharedSecret,
    /// The one before, verified as well while the partner may not know the new one.
    pub previous: Option<SharedSecret>,
    /// What a digest covers; the same at both ends.
    pub input: DigestInput,
}

/// An address that only one client may have (§5.13).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// The address.
    pub address: Ipv4Addr,
    /// Matches by identifier if that is given, else by hardware address.
    pub client: Client,
}

/// One relationship.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelationshipConfig {
    /// relationship-name, compared octet by octet (§12.22).
    pub name: String,
    /// Primary or secondary.
    pub role: Role,
    /// What the partner speaks.
    pub dialect: Dialect,
    /// Silence after which the connection is given up, in seconds; announced as receive-timer.
    pub receive_timer: u32,
    /// Longest pause between attempts to reach a partner that does not answer (§8.2).
    pub redial_interval: Duration,
    /// Updates that the partner may send without waiting for answers, at least 1; by the draft more
    /// than 10 and less than 100 (§7.8.1).
    pub max_unacked_bndupd: u32,
    /// Updates that another twinlease, known by its vendor-class-identifier, is sent without waiting for
    /// answers even if it announces fewer; with 0 what it announces holds.
    pub twinlease_window: u32,
    /// MCLT. On a secondary only a first guess: the primary's replaces it.
    pub mclt: Mclt,
    /// Which clients each server answers in NORMAL; a secondary learns it from the primary.
    pub hash_buckets: HashBuckets,
    /// The server HBA: which clients the pair answers at all, in every state; the same on both
    /// servers (§5.3).
    pub server_buckets: ServerBuckets,
    /// `load balance max seconds` of dhcpd, the delayed-service-parameter of the draft, in seconds. A
    /// secondary learns it from a primary that says it, which can be 1 to 255 (§12.10).
    pub load_balance_max_seconds: u16,
    /// Read a secs field whose low octet alone is zero as sent in the wrong octet order.
    pub check_secs_byte_order: bool,
    /// A connected partner that leaves updates unanswered for so long counts as unreachable; `None`
    /// waits for ever (§9.8.4).
    pub acknowledgement_wait: Option<Duration>,
    /// Automatic PARTNER-DOWN after so long in COMMUNICATIONS-INTERRUPTED; `None` is never (§10).
    pub safe_period: Option<Duration>,
    /// How unused addresses are divided.
    pub pool_share: PoolShare,
    /// How long STARTUP waits for the partner.
    pub startup_wait: Duration,
    /// The same after an absence of MCLT or longer, where there is more to find out (§5.9).
    pub startup_wait_after_mclt: Duration,
    /// When this server lost its store, if an administrator says so: with an empty store, the wait
    /// of RECOVER-WAIT counts from then and is never skipped (§9.3.2).
    pub storage_lost_at: Option<UnixTime>,
    /// What happens then.
    pub startup_policy: StartupPolicy,
    /// Keep leases within MCLT of what the partner knows even in PARTNER-DOWN (§9, table 4.3).
    pub clamp_in_partner_down: bool,
    /// Addresses of the relationship, in the order of their `RangeId`.
    pub ranges: Vec<AddressRange>,
    /// Ranges from which BOOTP clients get addresses for ever (§5.14).
    pub bootp_ranges: Vec<RangeId>,
    /// Addresses held back for one client each.
    pub reservations: Vec<Reservation>,
    /// To whom several updates go in one message.
    pub batching: Batching,
    /// Whether the DHCP server around the endpoint updates the DNS for its clients (§5.12).
    pub dynamic_dns: bool,
    /// What both servers know and sign messages with; `None` signs nothing (§11.1). The dialect
    /// has to be one that [signs messages](Dialect::signs_messages).
    pub secrets: Option<SharedSecrets>,
    /// Difference of the clocks, in seconds, up to which a connection is accepted; `None` takes that
    /// of the dialect.
    pub max_clock_delta: Option<u32>,
    /// Whether the connection is encrypted; what the driver carries out on
    /// [`Output::StartTls`](super::Output::StartTls). The dialect has to be one that
    /// [has TLS](Dialect::has_tls).
    pub tls: TlsPolicy,
    /// Text of vendor-class-identifier (§12.28).
    pub vendor_class: String,
    /// Seed of the client index, so that no client can choose colliding keys.
    pub table_seed: u64,
    /// Times shorter than the draft's.
    pub pace: Pace,
}

impl RelationshipConfig {
    /// A relationship with everything at its default: MCLT 3600, split 128, receive-timer 30,
    /// eleven unacknowledged updates, load balancing for 3 seconds.
    pub fn new(name: &str, role: Role, ranges: Vec<AddressRange>) -> Self {
        Self {
            name: name.to_owned(),
            role,
            dialect: Dialect::Isc,
            receive_timer: 30,
            redial_interval: DEFAULT_REDIAL_INTERVAL,
            max_unacked_bndupd: DEFAULT_MAX_UNACKED,
            twinlease_window: DEFAULT_TWINLEASE_WINDOW,
            mclt: Mclt(3600),
            hash_buckets: HashBuckets::half(),
            server_buckets: ServerBuckets::all(),
            load_balance_max_seconds: 3,
            check_secs_byte_order: false,
            acknowledgement_wait: None,
            safe_period: None,
            pool_share: PoolShare::Half,
            startup_wait: Duration::from_secs(15),
            startup_wait_after_mclt: Duration::from_secs(30),
            storage_lost_at: None,
            startup_policy: StartupPolicy::Proceed,
            clamp_in_partner_down: true,
            ranges,
            bootp_ranges: Vec::new(),
            reservations: Vec::new(),
            batching: Batching::WithTwinlease,
            dynamic_dns: false,
            secrets: None,
            max_clock_delta: None,
            tls: TlsPolicy::Unsupported,
            vendor_class: concat!("twinlease-", env!("CARGO_PKG_VERSION")).to_owned(),
            table_seed: 0,
            pace: Pace::default(),
        }
    }

    /// Difference of the clocks in seconds up to which a connection is accepted.
    pub(crate) fn clock_limit(&self) -> u32 {
        self.max_clock_delta.unwrap_or_else(|| self.dialect.max_clock_delta())
    }

    /// Checks what the types do not say.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.name.is_empty() || self.name.len() > MAX_RELATIONSHIP_NAME {
            return Err(ConfigError::Name(self.name.len()));
        }
        if self.receive_timer < MIN_RECEIVE_TIMER {
            return Err(ConfigError::ReceiveTimer(self.receive_timer));
        }
        if self.redial_interval.is_zero() {
            return Err(ConfigError::RedialInterval);
        }
        if self.max_unacked_bndupd == 0 {
            return Err(ConfigError::MaxUnacked);
        }
        if self.mclt.0 == 0 {
            return Err(ConfigError::Mclt);
        }
        if self.secrets.is_some() && !self.dialect.signs_messages() {
            return Err(ConfigError::SecretNotUsed(self.dialect));
        }
        if self.tls.is_willing() && !self.dialect.has_tls() {
            return Err(ConfigError::TlsNotUsed(self.dialect));
        }
        Ok(())
    }
}

/// A relationship that cannot work.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// Length of the relationship-name in octets.
    Name(usize),
    /// Seconds of the receive-timer.
    ReceiveTimer(u32),
    /// There is no pause between attempts to reach the partner.
    RedialInterval,
    /// max-unacked-bndupd is 0.
    MaxUnacked,
    /// The MCLT is 0.
    Mclt,
    /// There is a shared secret, and partners of this dialect do not sign messages.
    SecretNotUsed(Dialect),
    /// TLS is wanted, and partners of this dialect have none.
    TlsNotUsed(Dialect),
    /// The ranges overlap or are too many.
    Ranges(String),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(len) => write!(
                f,
                "the relationship-name has {len} octets; 1 to {MAX_RELATIONSHIP_NAME} are allowed"
            ),
            Self::ReceiveTimer(seconds) => write!(
                f,
                "max-response-delay is {seconds}; at least {MIN_RECEIVE_TIMER} seconds are needed, 15 or more are sensible"
            ),
            Self::RedialInterval => {
                f.write_str("reconnect-interval is 0; it must be at least 1 second")
            }
            Self::MaxUnacked => f.write_str("max-unacked-updates is 0; it must be at least 1"),
            Self::Mclt => f.write_str("mclt is 0; it must be at least 1 second"),
            Self::SecretNotUsed(dialect) => write!(
                f,
                "partners of dialect {dialect} do not sign messages; remove the shared secret, or use dialect draft on both servers"
            ),
            Self::TlsNotUsed(dialect) => write!(
                f,
                "partners of dialect {dialect} have no TLS; remove it, or use dialect draft on both servers"
            ),
            Self::Ranges(what) => write!(f, "the address ranges cannot be used: {what}"),
        }
    }
}

impl core::error::Error for ConfigError {}
