//! The form of the answers. `twinlease status` and `twinlease leases` read what the listener
//! writes, so both sides are these types.
//!
//! Times are Unix seconds; a time that is not known is null, one that never comes is 4294967295.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::binding::{Client, HardwareAddress};
use crate::dhcp::{Offer, Preview};
use crate::endpoint::Status;
use crate::endpoint::explain::{AddressExplanation, Change, ClientExplanation, Reason};
use crate::endpoint::status::RangeCounts;
use crate::endpoint::{Availability, Service};
use crate::server::command::{Explanation, LeaseReport, ServerStatus, WhyReport};
use crate::time::{Now, UnixTime};
use crate::virtual_address::Held;
use crate::wire::codes::{BindingStatus, FailoverState};
use crate::wire::pretty::Hex;

use super::outlook::{Endurance, Outlook, Progress};

pub use super::audit::{Entry as AuditEntry, Who as AuditWho};
pub use super::setup::bodies::{
    ConfiguredBody, DifferenceBody, DriftBody, EditBody, RelationshipsBody, ScopesBody,
};

/// `GET /v1/status`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StatusBody {
    /// Version of the server.
    pub version: String,
    /// "ok", or "no-room" while nothing can be promised because the disk is full or takes no writes.
    pub storage: String,
    /// In the order of the configuration.
    pub relationships: Vec<RelationshipBody>,
}

impl StatusBody {
    pub(super) fn new(status: &ServerStatus, outlook: &Outlook, now: Now) -> Self {
        let relationship = |report| RelationshipBody::new(report, outlook, now);
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            storage: status.storage.name().to_owned(),
            relationships: status.relationships.iter().map(relationship).collect(),
        }
    }

    /// Says where the virtual address is.
    pub(super) fn with_virtual_address(mut self, held: Option<&Held>) -> Self {
        if let Some((name, address, is_here)) = held.map(Held::told) {
            let mut named = self.relationships.iter_mut();
            if let Some(relationship) = named.find(|relationship| relationship.name == name) {
                relationship.virtual_address = Some(VirtualAddressBody { address, is_here });
            }
        }
        self
    }
}

/// One relationship.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RelationshipBody {
    /// relationship-name.
    pub name: String,
    /// "primary" or "secondary".
    pub role: String,
    /// Own state, as "communications-interrupted".
    pub state: String,
    /// When it was entered.
    pub state_since: Option<u32>,
    /// The partner's last announced state.
    pub partner_state: Option<String>,
    /// "ok" or "interrupted".
    pub communications: String,
    /// "synced", "syncing" or "not-synced".
    pub sync: String,
    /// Updates sent and not answered.
    pub unacked_updates: u64,
    /// Updates not sent yet.
    pub queued_updates: u64,
    /// Local clock minus the partner's, in seconds; null until the partner has told its time.
    pub clock_delta_seconds: Option<i32>,
    /// Its pools in the order of the configuration.
    pub pools: Vec<PoolBody>,
    /// When the partner entered its state, in the local clock.
    #[serde(default)]
    pub partner_state_since: Option<u32>,
    /// When the partner was heard last.
    #[serde(default)]
    pub last_contact: Option<u32>,
    /// When neither had anything to tell the other last, as far as this process has seen.
    #[serde(default)]
    pub last_synced: Option<u32>,
    /// Maximum client lead time in force, in seconds.
    #[serde(default)]
    pub mclt: u32,
    /// Updates that the partner may leave unanswered here.
    #[serde(default)]
    pub own_window: u32,
    /// Updates that this server may leave unanswered there.
    #[serde(default)]
    pub partner_window: u32,
    /// Seconds since the oldest update without an answer was sent.
    #[serde(default)]
    pub oldest_unacked_seconds: Option<u64>,
    /// Updates a second that the partner has answered, over ten seconds.
    #[serde(default)]
    pub sent_rate: f64,
    /// Updates a second from the partner, over ten seconds.
    #[serde(default)]
    pub received_rate: f64,
    /// How far the exchange is while it is under way.
    #[serde(default)]
    pub progress: Option<ProgressBody>,
    /// Share of the leases given here that the lead time makes shorter than was wanted.
    #[serde(default)]
    pub leases_cut_share: Option<f64>,
    /// Until when an operator keeps the partner from being declared down automatically.
    #[serde(default)]
    pub maintenance_until: Option<u32>,
    /// Only where this server may hold one for the relationship.
    #[serde(default)]
    pub virtual_address: Option<VirtualAddressBody>,
}

/// The address that whoever serves holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct VirtualAddressBody {
    /// The address.
    pub address: Ipv4Addr,
    /// Whether it is on this server.
    pub is_here: bool,
}

/// How far an exchange of updates is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProgressBody {
    /// "sending" or "receiving".
    pub direction: String,
    /// What is counted: "addresses" passed by a walk, or "updates".
    pub unit: String,
    /// So many are done.
    pub done: u64,
    /// Of so many; null where only the partner knows.
    pub total: Option<u64>,
    /// So many a second.
    pub rate: f64,
    /// At this rate.
    pub seconds_left: Option<u64>,
}

impl From<Progress> for ProgressBody {
    fn from(progress: Progress) -> Self {
        let Progress { direction, unit, done, total, rate, seconds_left } = progress;
        Self { direction: direction.into(), unit: unit.into(), done, total, rate, seconds_left }
    }
}

impl RelationshipBody {
    fn new(report: &Status, outlook: &Outlook, now: Now) -> Self {
        let known_more = outlook.of(now.monotonic, report);
        let pool =
            |pool| PoolBody::new(pool, &report.name, outlook.endurance(now.wall, report, pool));
        Self {
            name: report.name.clone(),
            role: report.role.name().to_owned(),
            state: report.state.name().to_owned(),
            state_since: known(report.state_since),
            partner_state: report.partner_state.map(FailoverState::name).map(str::to_owned),
            communications: report.communications.name().to_owned(),
            sync: report.sync.name().to_owned(),
            unacked_updates: count(report.unacked_updates),
            queued_updates: count(report.queued_updates),
            clock_delta_seconds: report.clock_delta_seconds,
            pools: report.ranges.iter().map(pool).collect(),
            partner_state_since: known(report.partner_since),
            last_contact: known_more.last_contact.and_then(known),
            last_synced: known_more.last_synced.and_then(known),
            mclt: report.mclt,
            own_window: report.windows.0,
            partner_window: report.windows.1,
            oldest_unacked_seconds: known_more.oldest_unacked_seconds,
            sent_rate: known_more.sent_rate,
            received_rate: known_more.received_rate,
            progress: known_more.progress.map(ProgressBody::from),
            leases_cut_share: known_more.leases_cut_share,
            maintenance_until: report.maintenance_until.map(|until| until.0),
            virtual_address: None,
        }
    }
}

/// One pool: how many of its addresses have each binding status.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PoolBody {
    /// "first-last".
    pub range: String,
    /// relationship-name.
    pub relationship: String,
    /// FREE: the primary's to give.
    pub free: u64,
    /// BACKUP: the secondary's to give.
    pub backup: u64,
    /// ACTIVE: leased.
    pub active: u64,
    /// EXPIRED.
    pub expired: u64,
    /// RELEASED.
    pub released: u64,
    /// ABANDONED.
    pub abandoned: u64,
    /// RESET.
    pub reset: u64,
    /// Addresses that this server may lease while the partner stays away.
    #[serde(default)]
    pub available: u64,
    /// How many leases begin in an hour; null until all addresses have been looked at.
    #[serde(default)]
    pub new_leases_per_hour: Option<f64>,
    /// How long `available` lasts at that rate; null without new leases.
    #[serde(default)]
    pub endurance_seconds: Option<u64>,
    /// It ends before the partner's addresses could be used: an hour to notice, and the lead time.
    #[serde(default)]
    pub endurance_warning: bool,
}

impl PoolBody {
    fn new(pool: &RangeCounts, relationship: &str, endurance: Endurance) -> Self {
        let count = |status| u64::from(pool.count(status));
        Self {
            range: pool.range.to_string(),
            relationship: relationship.to_owned(),
            free: count(BindingStatus::Free),
            backup: count(BindingStatus::Backup),
            active: count(BindingStatus::Active),
            expired: count(BindingStatus::Expired),
            released: count(BindingStatus::Released),
            abandoned: count(BindingStatus::Abandoned),
            reset: count(BindingStatus::Reset),
            available: endurance.available,
            new_leases_per_hour: endurance.new_leases_per_hour,
            endurance_seconds: endurance.seconds,
            endurance_warning: endurance.is_short,
        }
    }
}

/// One line of `GET /v1/leases`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LeaseBody {
    /// The address.
    pub address: Ipv4Addr,
    /// Its status, as "active".
    pub binding_status: String,
    /// "00:0c:01:02:03:04"; another type than Ethernet stands before it, "6/...".
    pub hw_address: Option<String>,
    /// Hexadecimal digits.
    pub client_id: Option<String>,
    /// When the client's lease ends.
    pub lease_expiration: Option<u32>,
    /// Latest potential-expiration-time sent to the partner.
    pub sent_potential_expiration: Option<u32>,
    /// Latest one that the partner acknowledged.
    pub acked_potential_expiration: Option<u32>,
    /// Latest one received from the partner.
    pub received_potential_expiration: Option<u32>,
    /// When the client was last heard.
    pub client_last_transaction: Option<u32>,
    /// When the address took its status.
    pub start_of_status: Option<u32>,
    /// relationship-name; null in a pool without a partner.
    pub relationship: Option<String>,
    /// Options of the client's latest request that interest a partner, behind their magic number;
    /// hexadecimal digits. Left out if there are none or nobody asked for details, as everything
    /// below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_request_options: Option<String>,
    /// Options of the answer to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_reply_options: Option<String>,
    /// The client's name in the DNS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ddns_name: Option<String>,
    /// Flags of the DDNS option: 1 A record there, 2 A record by the server, 4 PTR record there, 8 PTR
    /// record by the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ddns_flags: Option<u16>,
}

impl From<&LeaseReport> for LeaseBody {
    fn from(report: &LeaseReport) -> Self {
        let binding = &report.binding;
        let client = binding.client.as_ref();
        let identifier = client.and_then(|client| client.identifier.as_ref());
        Self {
            address: binding.address,
            binding_status: binding.binding_status.name().to_owned(),
            hw_address: client.and_then(hardware_text),
            client_id: identifier.map(|identifier| Hex(identifier.octets()).to_string()),
            lease_expiration: known(binding.lease_expiration),
            sent_potential_expiration: known(binding.sent_potential_expiration),
            acked_potential_expiration: known(binding.acked_potential_expiration),
            received_potential_expiration: known(binding.received_potential_expiration),
            client_last_transaction: known(binding.client_last_transaction),
            start_of_status: known(binding.start_of_status),
            relationship: report.relationship.as_deref().map(str::to_owned),
            client_request_options: None,
            client_reply_options: None,
            ddns_name: None,
            ddns_flags: None,
        }
    }
}

impl LeaseBody {
    /// With what the binding carries.
    pub(super) fn with_details(report: &LeaseReport) -> Self {
        let carried = report.binding.carried.parts();
        Self {
            client_request_options: carried.request_options.map(|area| Hex(area).to_string()),
            client_reply_options: carried.reply_options.map(|area| Hex(area).to_string()),
            ddns_name: carried.ddns.map(|ddns| ddns.to_string()),
            ddns_flags: carried.ddns.map(|ddns| ddns.flags().0),
            ..Self::from(report)
        }
    }
}

/// ARP hardware type of Ethernet.
const ETHERNET: u8 = 1;

fn hardware_text(client: &Client) -> Option<String> {
    let hardware: HardwareAddress = client.hardware?;
    Some(match hardware.htype() {
        ETHERNET => hardware.to_string(),
        other => format!("{other}/{hardware}"),
    })
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn known(time: UnixTime) -> Option<u32> {
    time.is_known().then_some(time.0)
}

/// The answer to a command.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DoneBody {
    /// relationship-name.
    pub relationship: String,
    /// The state that it is in now.
    pub state: Option<String>,
    /// Until when the partner is not declared down automatically; null without maintenance.
    #[serde(default, rename = "maintenance-until")]
    pub maintenance_until: Option<u32>,
}

/// The answer to a reset: it is done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ResetBody {
    /// The address.
    pub address: Ipv4Addr,
}

/// The answer to a request that is not followed: problem details (RFC 9457).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProblemBody {
    /// What is wrong and what would be right.
    pub error: String,
    /// Always "about:blank": the status says what kind of problem it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The status.
    pub status: u16,
    /// The same as `error`, under the name that the standard gives it.
    pub detail: String,
    /// The rule that refused: a section of the draft or of another document.
    pub rule: String,
}

/// `GET /v1/session`: as whom the server knows the one who asks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionBody {
    /// Name of the token; "loopback" where none is needed.
    pub name: String,
    /// "read", "operate" or "admin".
    pub role: String,
}

/// `GET /v1/audit`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuditBody {
    /// The latest first.
    pub entries: Vec<AuditEntry>,
    /// What to ask for as `before` to read on; null at the end.
    pub next: Option<u64>,
}

/// `GET /v1/why`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WhyBody {
    /// One part an owner of pools that has something to say: a relationship, or the pools without one.
    pub answers: Vec<WhyAnswer>,
}

/// What one owner of pools would do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct WhyAnswer {
    /// Its relationship; null for pools without one.
    pub relationship: Option<String>,
    /// The address, asked for or to be offered first; null if there is none.
    pub address: Option<Ipv4Addr>,
    /// Its binding-status; absent in an answer about a client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding_status: Option<String>,
    /// The client's hash bucket; absent in an answer about an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<u8>,
    /// Whether a DISCOVER of the client would be answered at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answers_discover: Option<bool>,
    /// Whether a renewal of the client would be answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answers_renewal: Option<bool>,
    /// Whether a client never seen before would get the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub for_any_client: Option<bool>,
    /// Longest lease possible now, in seconds; 0 if none.
    pub longest_lease: u32,
    /// Sentences with their rules.
    pub reasons: Vec<ReasonBody>,
    /// What changes it, the earliest first.
    pub changes: Vec<ChangeBody>,
    /// What a DISCOVER of the client would bring it, network by network; absent in an answer about
    /// an address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<OfferBody>,
    /// The addresses that the client holds or held last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<Self>,
}

/// What a client would be offered on one network.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OfferBody {
    /// The network.
    pub subnet: String,
    /// The address; null if there would be no offer.
    pub address: Option<Ipv4Addr>,
    /// Lease in seconds if the client asks for no length; 0 without an offer.
    pub lease: u32,
    /// Lease in seconds if it asks for the longest; 0 without an offer.
    pub longest_lease: u32,
    /// Why this address, or why none.
    pub text: String,
    /// Its rule.
    pub rule: String,
}

impl From<&Preview> for OfferBody {
    fn from(preview: &Preview) -> Self {
        let (address, lease, longest_lease, text, rule) = match preview.offer {
            Ok(offer) => {
                let Offer { address, lease, longest_lease, why, .. } = offer;
                (Some(address), lease, longest_lease, why, Offer::RULE)
            }
            Err(reason) => (None, 0, 0, reason.name(), reason.rule()),
        };
        let (subnet, text, rule) = (preview.network.to_string(), text.into(), rule.into());
        Self { subnet, address, lease, longest_lease, text, rule }
    }
}

/// A sentence and its rule.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReasonBody {
    /// The sentence.
    pub text: String,
    /// Section of the draft, or another document.
    pub rule: String,
}

/// What will make a difference.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChangeBody {
    /// When; null where no date is certain.
    pub at: Option<u32>,
    /// What.
    pub text: String,
    /// Its rule.
    pub rule: String,
}

impl WhyBody {
    pub(super) fn new(reports: &[WhyReport]) -> Self {
        Self { answers: reports.iter().map(WhyAnswer::from).collect() }
    }
}

impl From<&Reason> for ReasonBody {
    fn from(reason: &Reason) -> Self {
        Self { text: reason.text.clone(), rule: reason.rule.to_owned() }
    }
}

impl From<&Change> for ChangeBody {
    fn from(change: &Change) -> Self {
        let ReasonBody { text, rule } = ReasonBody::from(&change.what);
        Self { at: change.at.map(|at| at.0), text, rule }
    }
}

impl From<&WhyReport> for WhyAnswer {
    fn from(report: &WhyReport) -> Self {
        let answer = match &report.explanation {
            Explanation::Address(explained) => Self::from(explained),
            Explanation::Client { explained, offers } => {
                let offers = offers.iter().map(OfferBody::from).collect();
                Self { offers, ..Self::from(explained) }
            }
        };
        Self { relationship: report.relationship.as_deref().map(str::to_owned), ..answer }
    }
}

impl From<&AddressExplanation> for WhyAnswer {
    fn from(explained: &AddressExplanation) -> Self {
        Self {
            relationship: None,
            address: Some(explained.binding.address),
            binding_status: Some(explained.binding.binding_status.name().to_owned()),
            bucket: None,
            answers_discover: None,
            answers_renewal: None,
            for_any_client: Some(!matches!(explained.to_others, Availability::No(_))),
            longest_lease: explained.longest_lease,
            reasons: explained.reasons.iter().map(ReasonBody::from).collect(),
            changes: explained.changes.iter().map(ChangeBody::from).collect(),
            offers: Vec::new(),
            addresses: Vec::new(),
        }
    }
}

impl From<&ClientExplanation> for WhyAnswer {
    fn from(explained: &ClientExplanation) -> Self {
        Self {
            relationship: None,
            address: explained.address,
            binding_status: None,
            bucket: Some(explained.bucket),
            answers_discover: Some(explained.discover == Service::Serve),
            answers_renewal: Some(explained.renewal == Service::Serve),
            for_any_client: None,
            longest_lease: explained.longest_lease,
            reasons: explained.reasons.iter().map(ReasonBody::from).collect(),
            changes: explained.changes.iter().map(ChangeBody::from).collect(),
            offers: Vec::new(),
            addresses: explained.addresses.iter().map(Self::from).collect(),
        }
    }
}
