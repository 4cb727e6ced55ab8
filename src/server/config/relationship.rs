//! `[[relationship]]`: a partner, how to reach it, and how clients and addresses are divided.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use toml_edit::Value;

use crate::balance::{BUCKET_OCTETS, HashBuckets, Role, ServerBuckets};
use crate::endpoint::config::{DEFAULT_MAX_UNACKED, DEFAULT_REDIAL_INTERVAL, StartupPolicy};
use crate::endpoint::{Batching, Pace, SharedSecrets};
use crate::time::UnixTime;
use crate::wire::Dialect;

use super::pace;
use super::peer::{self, PeerAdmin};
use super::problem::{Problems, Span};
use super::section::{Located, Section};
use super::security;
use super::tls::{self, Tls};
use super::value::{self, Wrong};

pub(crate) const KEYS: &[&str] = &[
    "name",
    "role",
    "address",
    "port",
    "peer-address",
    "peer-port",
    "max-response-delay",
    "max-unacked-updates",
    "reconnect-interval",
    "mclt",
    "split",
    "hba",
    "mode",
    "reserve-percent",
    "server-hba",
    "load-balance-max-seconds",
    "heartbeat-interval",
    "contact-lost-time",
    "takeover-delay",
    "auto-partner-down",
    "dialect",
    "startup-wait",
    "startup-wait-after-mclt",
    "startup-policy",
    "storage-lost-at",
    "clamp-in-partner-down",
    "max-acknowledgement-delay",
    "check-secs-byte-order",
    "batch-updates",
    "shared-secret-file",
    "shared-secret-env",
    "previous-shared-secret-file",
    "previous-shared-secret-env",
    "shared-secret",
    "digest-covers",
    "max-clock-difference",
    "tls",
    "peer-admin",
    "peer-admin-token-file",
    "peer-admin-ca-file",
];

/// Keys whose values a secondary learns from its primary.
pub(crate) const PRIMARY_ONLY: &[&str] = &["mclt", "split", "hba", "mode", "reserve-percent"];

/// Port of the failover protocol (§5.1).
const FAILOVER_PORT: u16 = 647;

/// Longest relationship-name: dhcpd keeps no more.
const MAX_NAME_OCTETS: usize = 255;

/// How many addresses of a hot standby the secondary holds in reserve, in percent.
const DEFAULT_RESERVE_PERCENT: u8 = 5;

/// One partner and what is shared with it.
#[derive(Clone, Debug)]
pub struct Relationship {
    /// relationship-name; the same at both ends.
    pub name: String,
    /// What this server is in it.
    pub role: Role,
    /// Where this server listens, and from where it dials.
    pub address: SocketAddrV4,
    /// Where the partner listens.
    pub peer_address: SocketAddrV4,
    /// Silence after which the partner counts as unreachable, in seconds, at least 3.
    pub max_response_delay: u32,
    /// Updates that the partner may send without waiting for answers, at least 1.
    pub max_unacked_updates: u32,
    /// Longest pause between attempts to reach a partner that does not answer.
    pub reconnect_interval: Duration,
    /// Maximum client lead time in seconds; on a secondary the default, until the primary tells.
    pub mclt: u32,
    /// Which clients each server answers; on a secondary the default, until the primary tells.
    pub hash_buckets: HashBuckets,
    /// Which clients the pair answers at all.
    pub server_buckets: ServerBuckets,
    /// Percent of the unused addresses that a hot standby holds; `None` where load is balanced.
    pub reserve_percent: Option<u8>,
    /// A client that has waited for longer is answered by either server.
    pub load_balance_max_seconds: u16,
    /// Times shorter than the draft's.
    pub pace: Pace,
    /// How long the partner may be unreachable before it is declared down; `None` is for ever.
    pub auto_partner_down: Option<Duration>,
    /// How the partner speaks.
    pub dialect: Dialect,
    /// How long to look for the partner after the start.
    pub startup_wait: Duration,
    /// The same after an absence of MCLT or longer.
    pub startup_wait_after_mclt: Duration,
    /// What happens when the partner has not come by then.
    pub startup_policy: StartupPolicy,
    /// When an empty store was lost, if it was.
    pub storage_lost_at: Option<UnixTime>,
    /// Whether leases stay within MCLT of what the partner knows even in PARTNER-DOWN.
    pub clamp_in_partner_down: bool,
    /// How long a connected partner may leave updates unanswered; `None` is for ever.
    pub acknowledgement_wait: Option<Duration>,
    /// Whether a client's secs field that looks swapped is read the other way round.
    pub check_secs_byte_order: bool,
    /// To whom several updates go in one message.
    pub batching: Batching,
    /// What messages are signed with, if they are.
    pub secrets: Option<SharedSecrets>,
    /// Difference of the clocks, in seconds, up to which the partner is let in; `None` takes that of
    /// the dialect.
    pub max_clock_delta: Option<u32>,
    /// Certificates, where the connection may be secured.
    pub tls: Option<Tls>,
    /// Where the partner's admin listener is, if it may be asked.
    pub peer_admin: Option<PeerAdmin>,
}

/// Where a relationship stands in the file, for messages about two of them.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) name: Span,
    pub(super) peer: Span,
}

/// Reads one `[[relationship]]`; `None` if anything that it needs is missing or wrong.
pub(super) fn read(
    section: &Section<'_>,
    problems: &mut Problems<'_>,
) -> Option<(Relationship, Place)> {
    let name = section.required("name", "\"office-lan\"", problems, |value| {
        let name = value::text(value)?;
        if name.len() > MAX_NAME_OCTETS {
            let fix = format!("at most {MAX_NAME_OCTETS} are possible");
            return Err(Wrong::new(format!("the name has {} octets", name.len()), fix));
        }
        Ok(name)
    });
    let role = section.required("role", "\"primary\"", problems, |value| {
        value::word(value, &[("primary", Role::Primary), ("secondary", Role::Secondary)])
    });
    let ends = read_ends(section, problems);
    let max_response_delay =
        section.optional("max-response-delay", problems, |value| value::seconds(value, 3));
    let max_unacked = section.optional("max-unacked-updates", problems, |value| {
        value::integer(value, 1, u32::from(u16::MAX))
    });
    let reconnect =
        section.optional("reconnect-interval", problems, |value| value::seconds(value, 1));
    let max_seconds = section.optional("load-balance-max-seconds", problems, |value| {
        value::seconds_up_to(value, 0, u64::from(u16::MAX))
    });
    let server_buckets = section.optional("server-hba", problems, |value| {
        hash_bucket_octets(value).map(ServerBuckets::new)
    });
    let auto = section.optional("auto-partner-down", problems, |value| value::seconds(value, 0));
    let dialect = section.optional("dialect", problems, dialect);
    let startup = read_startup(section, problems);
    let clamp = section.optional("clamp-in-partner-down", problems, value::boolean);
    let acknowledgement_wait =
        section.optional("max-acknowledgement-delay", problems, |value| value::seconds(value, 0));
    let batching = section.optional("batch-updates", problems, value::boolean);
    let swapped = section.optional("check-secs-byte-order", problems, value::boolean);
    let spoken = dialect.as_ref().map_or(Dialect::Isc, |located| located.value);
    let security = security::read(section, spoken, problems);
    let tls = tls::read(section, spoken, problems);
    let peer_admin = peer::read(section, problems);
    let shares = match &role {
        Some(Located { value: Role::Secondary, .. }) => {
            refuse_primary_only(section, problems);
            Shares::default()
        }
        Some(Located { value: Role::Primary, .. }) | None => read_shares(section, problems),
    };
    if let (Some(max), Some(role), Some(dialect)) = (&max_seconds, &role, &dialect) {
        check_delayed_service(max, role.value, dialect.value, problems);
    }
    let (name, role, (address, peer_address, peer_span)) = (name?, role?, ends?);
    let place = Place { name: name.span, peer: peer_span };
    let relationship = Relationship {
        name: name.value,
        role: role.value,
        address,
        peer_address,
        max_response_delay: max_response_delay.map_or(30, |located| located.value),
        max_unacked_updates: max_unacked.map_or(DEFAULT_MAX_UNACKED, |located| located.value),
        reconnect_interval: reconnect.map_or(DEFAULT_REDIAL_INTERVAL, |located| {
            Duration::from_secs(u64::from(located.value))
        }),
        mclt: shares.mclt,
        hash_buckets: shares.hash_buckets,
        server_buckets: server_buckets.map_or(ServerBuckets::all(), |located| located.value),
        reserve_percent: shares.reserve_percent,
        load_balance_max_seconds: max_seconds
            .map_or(3, |located| u16::try_from(located.value).unwrap_or(u16::MAX)),
        pace: pace::read(section, problems),
        auto_partner_down: auto
            .filter(|located| located.value > 0)
            .map(|located| Duration::from_secs(u64::from(located.value))),
        dialect: spoken,
        startup_wait: startup.wait,
        startup_wait_after_mclt: startup.wait_after_mclt,
        startup_policy: startup.policy,
        storage_lost_at: startup.storage_lost_at,
        clamp_in_partner_down: clamp.is_none_or(|located| located.value),
        acknowledgement_wait: acknowledgement_wait
            .filter(|located| located.value > 0)
            .map(|located| Duration::from_secs(u64::from(located.value))),
        check_secs_byte_order: swapped.is_some_and(|located| located.value),
        batching: match batching.map(|located| located.value) {
            None => Batching::WithTwinlease,
            Some(true) => Batching::WithEverybody,
            Some(false) => Batching::Never,
        },
        secrets: security.secrets,
        max_clock_delta: security.max_clock_delta,
        tls,
        peer_admin,
    };
    Some((relationship, place))
}

/// What is done in STARTUP, and what is said of the time before.
struct Startup {
    wait: Duration,
    wait_after_mclt: Duration,
    policy: StartupPolicy,
    storage_lost_at: Option<UnixTime>,
}

fn read_startup(section: &Section<'_>, problems: &mut Problems<'_>) -> Startup {
    let wait = section.optional("startup-wait", problems, |value| value::seconds(value, 0));
    let wait_after_mclt =
        section.optional("startup-wait-after-mclt", problems, |value| value::seconds(value, 0));
    let policy = section.optional("startup-policy", problems, |value| {
        let policies = [
            ("proceed", StartupPolicy::Proceed),
            ("wait", StartupPolicy::Wait),
            ("commission-alone", StartupPolicy::CommissionAlone),
        ];
        value::word(value, &policies)
    });
    let storage_lost = section
        .optional("storage-lost-at", problems, |value| value::integer(value, 1, u32::MAX - 1));
    let seconds = |located: Option<Located<u32>>, default| {
        Duration::from_secs(located.map_or(default, |located| u64::from(located.value)))
    };
    Startup {
        wait: seconds(wait, 15),
        wait_after_mclt: seconds(wait_after_mclt, 30),
        policy: policy.map_or(StartupPolicy::Proceed, |located| located.value),
        storage_lost_at: storage_lost.map(|located| UnixTime(located.value)),
    }
}

/// A primary of the draft tells the secondary in one octet that is not 0 (§12.10).
fn check_delayed_service(
    max_seconds: &Located<u32>,
    role: Role,
    dialect: Dialect,
    problems: &mut Problems<'_>,
) {
    let says_it = role == Role::Primary && dialect.sends_delayed_service();
    if says_it && !(1..=u32::from(u8::MAX)).contains(&max_seconds.value) {
        problems.add(
            &max_seconds.span,
            max_seconds.key.clone(),
            format!("the draft cannot tell the secondary {} seconds", max_seconds.value),
            "write 1 to 255, or leave it out for 3",
        );
    }
}

fn dialect(value: &Value) -> Result<Dialect, Wrong> {
    let words = [Dialect::Isc, Dialect::Draft12].map(|dialect| (dialect.name(), dialect));
    value::word(value, &words)
}

/// Both ends, and where the partner's stands in the file.
fn read_ends(
    section: &Section<'_>,
    problems: &mut Problems<'_>,
) -> Option<(SocketAddrV4, SocketAddrV4, Span)> {
    let address = section.required("address", "\"10.78.0.1\"", problems, value::address);
    let peer = section.required("peer-address", "\"10.78.0.2\"", problems, value::address);
    let port = read_port(section, "port", problems);
    let peer_port = read_port(section, "peer-port", problems);
    let (address, peer) = (address?, peer?);
    let ends = (SocketAddrV4::new(address.value, port), SocketAddrV4::new(peer.value, peer_port));
    if ends.0 == ends.1 {
        problems.add(
            &peer.span,
            peer.key,
            format!("{} is this server's own address and port", ends.1),
            "write the partner's address",
        );
        return None;
    }
    Some((ends.0, ends.1, peer.span))
}

fn read_port(section: &Section<'_>, key: &str, problems: &mut Problems<'_>) -> u16 {
    section
        .optional(key, problems, |value| value::integer(value, 1, u32::from(u16::MAX)))
        .and_then(|located| u16::try_from(located.value).ok())
        .unwrap_or(FAILOVER_PORT)
}

fn refuse_primary_only(section: &Section<'_>, problems: &mut Problems<'_>) {
    for key in PRIMARY_ONLY {
        if let Some(span) = section.span_of_key(key) {
            problems.add(
                &span,
                section.path_of(key),
                format!("\"{key}\" is decided by the primary and told to the secondary"),
                "remove it here and set it in the primary's file",
            );
        }
    }
}

/// What the primary decides for both.
struct Shares {
    mclt: u32,
    hash_buckets: HashBuckets,
    reserve_percent: Option<u8>,
}

impl Default for Shares {
    fn default() -> Self {
        Self { mclt: 3600, hash_buckets: HashBuckets::half(), reserve_percent: None }
    }
}

fn read_shares(section: &Section<'_>, problems: &mut Problems<'_>) -> Shares {
    let mclt = section.optional("mclt", problems, |value| value::seconds(value, 1));
    let split = section.optional("split", problems, |value| value::integer(value, 0, 256));
    let hba = section.optional("hba", problems, |value| {
        // A set bit is a bucket of the primary, as dhcpd writes it.
        hash_bucket_octets(value).map(HashBuckets::new)
    });
    let hot_standby = section.optional("mode", problems, |value| {
        value::word(value, &[("load-balance", false), ("hot-standby", true)])
    });
    let reserve =
        section.optional("reserve-percent", problems, |value| value::integer(value, 1, 50));
    let is_hot_standby = hot_standby.as_ref().is_some_and(|mode| mode.value);
    if is_hot_standby {
        for key in ["split", "hba"] {
            if let Some(span) = section.span_of_key(key) {
                problems.add(
                    &span,
                    section.path_of(key),
                    format!(
                        "\"{key}\" has no meaning in hot standby, where the primary answers all"
                    ),
                    "remove it, or remove mode = \"hot-standby\"",
                );
            }
        }
    } else if let Some(span) = section.span_of_key("reserve-percent") {
        problems.add(
            &span,
            section.path_of("reserve-percent"),
            "this has a meaning in hot standby only",
            "remove it, or add mode = \"hot-standby\"",
        );
    }
    if let (Some(_), Some(span)) = (&split, section.span_of_key("hba")) {
        problems.add(
            &span,
            section.path_of("hba"),
            "\"split\" and \"hba\" both divide the clients",
            "remove one of the two",
        );
    }
    let divided = split
        .and_then(|split| HashBuckets::from_split(u16::try_from(split.value).ok()?))
        .or(hba.map(|hba| hba.value))
        .unwrap_or_else(HashBuckets::half);
    let reserve = reserve.and_then(|reserve| u8::try_from(reserve.value).ok());
    Shares {
        mclt: mclt.map_or(3600, |mclt| mclt.value),
        hash_buckets: if is_hot_standby { HashBuckets::all_primary() } else { divided },
        reserve_percent: is_hot_standby.then_some(reserve.unwrap_or(DEFAULT_RESERVE_PERCENT)),
    }
}

/// One bit for each bucket.
fn hash_bucket_octets(value: &Value) -> Result<[u8; BUCKET_OCTETS], Wrong> {
    let octets = value::octets(value)?;
    <[u8; BUCKET_OCTETS]>::try_from(octets).map_err(|octets| {
        Wrong::new(
            format!("the hash bucket assignment has {} octets", octets.len()),
            format!("write {BUCKET_OCTETS} octets, \"ff:ff:...:00\""),
        )
    })
}

/// Whether two relationships have the same two machines at their ends.
pub(super) fn same_machines(one: &Relationship, other: &Relationship) -> bool {
    let machines = |relationship: &Relationship| -> (Ipv4Addr, Ipv4Addr) {
        (*relationship.address.ip(), *relationship.peer_address.ip())
    };
    machines(one) == machines(other)
}
