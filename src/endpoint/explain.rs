//! What would be done for an address or a client now, by which rule, and when that changes.
//!
//! Nothing is decided here: every sentence is the answer of the function that serves clients, put
//! into words. An operator reads them with `twinlease why`.

use core::net::Ipv4Addr;

use crate::balance;
use crate::binding::table::RangeId;
use crate::binding::{Binding, ClientRef};
use crate::time::{Now, UnixTime};
use crate::wire::codes::{BindingStatus, FailoverState, RejectReason};

use super::FailoverEndpoint;
use super::service::{
    Availability, ClientRequest, LeaseAuthority, RequestKind, Service, Silence, Unavailable,
};

/// A client that no binding and no reservation names.
const STRANGER: ClientRef<'static> =
    ClientRef { identifier: Some(b"a client never seen before"), hardware: None };

/// Longest wait of a client that is tried, in seconds.
const LONGEST_WAIT: u16 = 600;

/// Addresses of one client that are shown.
const MAX_ADDRESSES: usize = 64;

/// One sentence and the rule behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The sentence, without a full stop.
    pub text: String,
    /// Section of the draft, row of the transition table, or another document.
    pub rule: &'static str,
}

/// Something that will make a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When, if that is certain.
    pub at: Option<UnixTime>,
    /// What, as a sentence.
    pub what: Reason,
}

/// What would be done with an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressExplanation {
    /// What is on record.
    pub binding: Binding,
    /// Whether its last client would get it now.
    pub to_its_client: Option<Availability>,
    /// Whether a client never seen before would get it now.
    pub to_others: Availability,
    /// Longest lease that whoever may have it would get, in seconds, as far as the partner is
    /// concerned; 0 if nobody may.
    pub longest_lease: u32,
    /// Why.
    pub reasons: Vec<Reason>,
    /// What changes it, the earliest first, what has no date last.
    pub changes: Vec<Change>,
}

/// What would be done for a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientExplanation {
    /// Its bucket of 256 (RFC 3074).
    pub bucket: u8,
    /// Whether its DISCOVER would be answered here at once.
    pub discover: Service,
    /// From which value of secs on it would be answered here; `None` if none helps.
    pub served_from_secs: Option<u16>,
    /// Whether its renewal would be answered here.
    pub renewal: Service,
    /// The address that the owner of the pools has for it first, if any; what a client is offered
    /// is decided by the DHCP service, which knows subnets and offers.
    pub address: Option<Ipv4Addr>,
    /// Longest lease on it, in seconds, as far as the partner is concerned.
    pub longest_lease: u32,
    /// Why.
    pub reasons: Vec<Reason>,
    /// What changes it.
    pub changes: Vec<Change>,
    /// Every address that it holds or held last, up to 64.
    pub addresses: Vec<AddressExplanation>,
}

impl Silence {
    /// The rule that keeps this server silent.
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::State(state) => service_rule(*state),
            Self::PartnersClient => "RFC 3074, §9.8.2",
            Self::OtherServersClient => "RFC 3074, §5.3",
        }
    }
}

impl Unavailable {
    /// The rule that keeps the address.
    pub const fn rule(self) -> &'static str {
        match self {
            Self::UnknownAddress => "§5.1.1",
            Self::HeldByOther => "§4.1",
            Self::PartnersPool => "§5.4",
            Self::AwaitingPartner => "§5.2.2",
            Self::Abandoned => "§5.11",
            Self::Reserved => "§5.13",
        }
    }

    /// Why the address may not be given, as a sentence.
    pub const fn text(self) -> &'static str {
        match self {
            Self::UnknownAddress => "the address is in no range of this server",
            Self::HeldByOther => "another client holds it",
            Self::PartnersPool => "it is unused and the partner's to give",
            Self::AwaitingPartner => "a lease on it has ended and the partner has not agreed yet",
            Self::Abandoned => "it was declined, or answered a ping",
            Self::Reserved => "it is reserved for another client",
        }
    }
}

impl RejectReason {
    /// The rule by which a binding update or a connection is rejected for this reason.
    pub const fn rule(self) -> &'static str {
        match self {
            Self::ILLEGAL_ADDRESS | Self::MISSING_BINDING_INFORMATION => "§7.1.3",
            Self::FATAL_CONFLICT | Self::OUTDATED | Self::LESS_CRITICAL => "figure 7.1.3-1",
            Self::NOT_RESERVED => "§5.13",
            Self::TIME_MISMATCH => "§5.10",
            Self::INVALID_MCLT | Self::INVALID_PARTNER | Self::VERSION_MISMATCH => "§7.8.2",
            Self::HASH_BUCKET_CONFLICT => "§5.3",
            Self::DUPLICATE_CONNECTION => "§8.2",
            Self::TLS_NOT_SUPPORTED | Self::TLS_NOT_CONFIGURED | Self::TLS_REQUIRED => "§11.2",
            Self::DIGEST_NOT_SUPPORTED
            | Self::DIGEST_NOT_CONFIGURED
            | Self::DIGEST_MISMATCH
            | Self::MISSING_DIGEST => "§11.1",
            Self::NO_TRAFFIC => "§8.3",
            _ => "§12.21",
        }
    }
}

/// The section that says which clients a state serves.
const fn service_rule(state: FailoverState) -> &'static str {
    match state {
        FailoverState::Startup => "§9.3.1",
        FailoverState::Normal => "§9.8.2",
        FailoverState::CommunicationsInterrupted => "§9.9.2",
        FailoverState::PartnerDown => "§9.4.2",
        FailoverState::PotentialConflict => "§9.10.2",
        FailoverState::Recover => "§9.5.1",
        FailoverState::Paused => "§9.13",
        FailoverState::Shutdown => "§9.14.2",
        FailoverState::RecoverDone => "§9.7.1",
        FailoverState::ResolutionInterrupted => "§9.11.2",
        FailoverState::ConflictDone => "§9.12.2",
        FailoverState::RecoverWait => "§9.6.1",
    }
}

fn reason(rule: &'static str, text: impl Into<String>) -> Reason {
    Reason { text: text.into(), rule }
}

fn request<'a>(
    kind: RequestKind,
    client: ClientRef<'a>,
    ranges: &'a [RangeId],
) -> ClientRequest<'a> {
    ClientRequest { kind, client, secs: 0, addressed_to_this_server: false, ranges }
}

/// Explains an address of any owner of pools; `None` if it is in none of its ranges.
pub fn address(
    owner: &dyn LeaseAuthority,
    address: Ipv4Addr,
    now: Now,
) -> Option<AddressExplanation> {
    let binding = owner.table().get(address)?;
    let client = binding.client.clone();
    let to_its_client =
        client.as_ref().map(|client| owner.availability(address, &client.as_ref(), now));
    let to_others = owner.availability(address, &STRANGER, now);
    let mut reasons =
        vec![reason("§5.11", format!("its binding-status is {}", binding.binding_status))];
    let mut longest_lease = 0;
    match (to_its_client, &client) {
        (Some(Availability::Renew), Some(client)) => {
            longest_lease = owner.grant(address, &client.as_ref(), u32::MAX, now).lease_seconds;
            reasons.push(reason("§9.8.2", "its client holds it and may renew it"));
        }
        (Some(Availability::Lease), Some(client)) => {
            longest_lease = owner.grant(address, &client.as_ref(), u32::MAX, now).lease_seconds;
            reasons.push(reason("§5.2.2", "its last client may have it again"));
        }
        (Some(Availability::No(why)), _) => {
            reasons.push(reason(why.rule(), format!("not for its last client: {}", why.text())));
        }
        _ => {}
    }
    match to_others {
        Availability::No(why) => {
            reasons.push(reason(why.rule(), format!("not for other clients: {}", why.text())));
        }
        Availability::Lease | Availability::Renew => {
            let seconds = owner.grant(address, &STRANGER, u32::MAX, now).lease_seconds;
            longest_lease = longest_lease.max(seconds);
            reasons.push(reason("§5.4", "any client may have it"));
        }
    }
    let mut changes = Vec::new();
    let end = binding.lease_expiration;
    match binding.binding_status {
        BindingStatus::Active if end.is_infinite() => {
            changes.push(Change { at: None, what: reason("§5.11", "its client gives it back") });
        }
        BindingStatus::Active => {
            changes.push(Change { at: Some(end), what: reason("§5.11", "the lease runs out") });
        }
        BindingStatus::Abandoned if end.is_known() && !end.is_infinite() => {
            changes.push(Change { at: Some(end), what: reason("§5.11", "it is tried again") });
        }
        _ => {}
    }
    Some(AddressExplanation { binding, to_its_client, to_others, longest_lease, reasons, changes })
}

/// Explains a client to any owner of pools.
pub fn client(owner: &dyn LeaseAuthority, who: &ClientRef<'_>, now: Now) -> ClientExplanation {
    let ranges: Vec<RangeId> =
        (0..owner.ranges().len()).filter_map(|id| u16::try_from(id).ok()).map(RangeId).collect();
    let discover = owner.service_for(&request(RequestKind::Discover, *who, &ranges), now);
    let renewal = owner.service_for(&request(RequestKind::Renewing, *who, &ranges), now);
    let served_from_secs = (0..=LONGEST_WAIT).find(|secs| {
        let asked = ClientRequest { secs: *secs, ..request(RequestKind::Discover, *who, &ranges) };
        owner.service_for(&asked, now) == Service::Serve
    });
    let bucket = balance::hash(who.hash_key());
    let mut reasons = vec![reason("RFC 3074", format!("its hash bucket is {bucket}"))];
    let mut changes = Vec::new();
    match discover {
        Service::Serve => reasons.push(reason("§9.2", "its DISCOVER is answered here")),
        Service::Silent(why) => {
            reasons.push(reason(why.rule(), format!("its DISCOVER is not answered here: {why}")));
            if let Some(secs) = served_from_secs {
                let text = format!("it has asked for {secs} seconds: then either server answers");
                changes.push(Change { at: None, what: reason("RFC 3074, §5.3", text) });
            }
        }
    }
    match renewal {
        Service::Serve => reasons.push(reason("§9.8.2", "its renewals are answered here")),
        Service::Silent(why) => {
            reasons.push(reason(why.rule(), format!("its renewals are not answered here: {why}")));
        }
    }
    let held: Vec<Ipv4Addr> = owner.table().of_client(who).take(MAX_ADDRESSES).collect();
    let addresses: Vec<_> = held.iter().filter_map(|held| address(owner, *held, now)).collect();
    let may_have =
        |found: &Ipv4Addr| !matches!(owner.availability(*found, who, now), Availability::No(_));
    let kept = held.iter().copied().find(may_have);
    let fresh = || ranges.iter().find_map(|range| owner.choose(*range, now, &|_| false));
    let offered = kept.or_else(fresh);
    let longest_lease =
        offered.map_or(0, |found| owner.grant(found, who, u32::MAX, now).lease_seconds);
    ClientExplanation {
        bucket,
        discover,
        served_from_secs,
        renewal,
        address: offered,
        longest_lease,
        reasons,
        changes,
        addresses,
    }
}

impl FailoverEndpoint {
    /// Explains an address with what the partner knows of it; `None` if it is in no range of the
    /// relationship.
    pub fn explain_address(&self, asked: Ipv4Addr, now: Now) -> Option<AddressExplanation> {
        let mut explained = address(self, asked, now)?;
        self.add_partners_part(&mut explained);
        Some(explained)
    }

    /// Explains a client with what the partner's part is.
    pub fn explain_client(&self, who: &ClientRef<'_>, now: Now) -> ClientExplanation {
        let mut explained = client(self, who, now);
        let state = self.state();
        explained
            .reasons
            .insert(0, reason(service_rule(state), format!("this server is in {state}")));
        for address in &mut explained.addresses {
            self.add_partners_part(address);
        }
        let silent_by_state = [explained.discover, explained.renewal]
            .contains(&Service::Silent(Silence::State(state)));
        if silent_by_state {
            let text = format!("the state is another than {state}");
            explained.changes.push(Change { at: None, what: reason(service_rule(state), text) });
        }
        explained
    }

    fn add_partners_part(&self, explained: &mut AddressExplanation) {
        let binding = &explained.binding;
        let in_use = binding.binding_status == BindingStatus::Active;
        let limited =
            self.state() != FailoverState::PartnerDown || self.config.clamp_in_partner_down;
        if explained.longest_lease > 0 && limited {
            let mclt = self.mclt.0;
            let text =
                format!("a lease may end at most {mclt} seconds after what the partner knows");
            explained.reasons.push(reason("§5.2.1, §7.1.5", text));
        }
        if !binding.partner_knows && binding.was_ever_used() {
            let text = "the partner has not acknowledged the newest change";
            explained.reasons.push(reason("§7.1.1", text));
            if !in_use {
                let what = reason("§5.2.2", "the partner acknowledges it");
                explained.changes.push(Change { at: None, what });
            }
        }
        let waits = matches!(
            explained.to_others,
            Availability::No(Unavailable::PartnersPool | Unavailable::AwaitingPartner)
        );
        if let Some(at) = self.reallocatable_from(binding).filter(|_| waits) {
            let what = reason("§9.4.2", "the waits of PARTNER-DOWN are over");
            explained.changes.push(Change { at: Some(at), what });
        }
        explained.changes.sort_by_key(|change| (change.at.is_none(), change.at));
    }
}
