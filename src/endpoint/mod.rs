//! One end of a failover relationship: inputs in, outputs out, time as an argument.
//!
//! [`FailoverEndpoint`] is the protocol of draft-ietf-dhc-failover-12 without sockets, files, clocks
//! or threads. Whoever drives it, the server of this crate or a DHCP server of somebody else's,
//!
//! 1. hands it what happened with [`handle_input`](FailoverEndpoint::handle_input),
//! 2. carries out what [`poll_output`](FailoverEndpoint::poll_output) returns until it says
//!    [`Output::Idle`],
//! 3. asks and tells it about clients through [`LeaseAuthority`].
//!
//! The story is told in these files: `state` enters and leaves states by the table in
//! [`transitions`]; `link` opens connections and keeps them alive, `setup` agrees with the partner
//! on their terms, `authentication` signs and verifies every message, `tls` has the
//! connection secured, `announce` says STATE,
//! `partner` is what is known of the other process; `updates` sends bindings, `flights` knows which ones have not been
//! answered, `receive` takes the partner's, `requests` asks for all of them, `second_thoughts` brings disagreements up again;
//! `pool` shares the unused addresses, `reservations` those held back for one client; `leases`
//! answers the DHCP service, `freeing` frees ended leases where there is no partner to agree, `lost_store`
//! holds those that a lost store may have prolonged, `dns` says who updates the DNS; `outbox` holds back what
//! is not yet durable; `steering` has what operators may want besides; `fingerprint` tells states apart.
//!
//! Invariants:
//! - A [`Output::Commit`] precedes everything that promises it; BNDACK and STATE leave only after the
//!   commit has been reported by [`Input::Committed`].
//! - At most one update of an address is in flight, at most `max-unacked-bndupd` messages in all, or
//!   `twinlease_window` with another twinlease if that is more.
//! - The same inputs produce the same outputs, octet for octet.

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

mod alone;
mod announce;
mod authentication;
pub mod config;
mod dns;
pub mod event;
pub mod explain;
mod fingerprint;
mod flights;
mod foresight;
mod freeing;
pub mod io;
mod leases;
mod link;
mod lost_store;
mod outbox;
mod pace;
mod partner;
#[expect(
    clippy::arithmetic_side_effects,
    reason = "counts of addresses are below 2^32, so no sum or product here leaves an i64"
)]
mod pool;
mod receive;
mod requests;
mod reservations;
mod second_thoughts;
pub mod service;
mod setup;
mod state;
pub mod status;
mod steering;
mod tls;
pub mod transitions;
mod updates;

use core::net::Ipv4Addr;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub use alone::Alone;
pub use config::{Batching, ConfigError, RelationshipConfig, SharedSecrets, TlsPolicy};
pub use event::{Event, LinkEnd};
pub use io::{ConnectFailure, Input, LinkId, OperatorCommand, Origin, Output, TlsSide};
pub use pace::Pace;
pub use service::{
    Availability, BindingChange, ClientRequest, Grant, LeaseAuthority, LeaseDetails, RecordError,
    RequestKind, Service, Silence, Unavailable,
};
pub use state::Refused;
pub use status::{Communications, Status, Sync};

use crate::balance::{HashBuckets, Role};
use crate::binding::table::{BindingTable, Mark, RangeId};
use crate::binding::times::Mclt;
use crate::binding::{AddressRange, Binding, Client};
use crate::durable::{Change, Commit, CommitId, EndpointRecord, Recovered};
use crate::time::{Instant, Now, UnixTime};
use crate::wire::bndupd::{BindingReply, BndAck};
use crate::wire::codes::{BindingStatus, IpFlags, MessageType, RejectReason, Xid};
use crate::wire::connect::{Reject, StateMessage};
use crate::wire::error::DecodeError;
use crate::wire::frame::Frame;
use crate::wire::message::Message;

use authentication::Authentication;
use foresight::Foresight;
use freeing::Freeing;
use link::{Dial, Link};
use outbox::{Acknowledgement, Outbox, Outgoing, Reply};
use partner::Partner;
use pool::PoolBalance;
use requests::Requests;
use second_thoughts::SecondThoughts;
use state::Startup;
use status::{RangeCounts, Stats, Walk};
use transitions::{Applied, EndpointEvent};
use updates::Updates;

/// First unknown message type that is ignored rather than fatal (§6.1).
const FIRST_IGNORABLE_TYPE: u8 = 128;

/// Octets handed out by one `take_transmit` at most; what is more waits for the next call.
const TRANSMIT_BATCH: usize = 64 * 1024;

/// One end of a relationship. See the [module](self) for how to drive it.
#[derive(Clone, Debug)]
pub struct FailoverEndpoint {
    config: RelationshipConfig,
    /// What is, or is about to be, on stable storage.
    record: EndpointRecord,
    startup: Option<Startup>,
    table: BindingTable,
    reserved: BTreeMap<Ipv4Addr, Client>,
    /// In force: the primary's own, or what the secondary learnt.
    buckets: Option<HashBuckets>,
    /// In force, in seconds.
    delayed_service: u16,
    mclt: Mclt,

    links: Vec<Link>,
    dial: Dial,
    authentication: Authentication,
    partner: Partner,
    foresight: Foresight,
    outbox: Outbox,
    owed_acknowledgements: VecDeque<Acknowledgement>,
    recent_acknowledgements: VecDeque<Acknowledgement>,
    updates: Updates,
    requests: Requests,
    second_thoughts: SecondThoughts,
    pool: PoolBalance,
    deferred_expiry: BTreeSet<Ipv4Addr>,
    freeing: Freeing,
    /// Has been told that the partner updates the DNS.
    partner_updates_dns: bool,
    timers: state::StateTimers,

    last_xid: Xid,
    last_commit: CommitId,
    durable: CommitId,
    storage_failed: bool,
    /// The latest moment told; outputs that speak of time use it.
    now: Now,

    outputs: VecDeque<Output>,
    events: Vec<Event>,
    transmit: BTreeMap<LinkId, Vec<u8>>,
    stats: Stats,
    applied: Applied,
}

impl FailoverEndpoint {
    /// An endpoint in STARTUP with what its store held (§9.3).
    pub fn new(
        config: RelationshipConfig,
        recovered: Recovered,
        now: Now,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        let (table, flagged) = load(&config, &recovered.bindings)?;
        let reserved =
            config.reservations.iter().map(|held| (held.address, held.client.clone())).collect();
        let never_served = state::never_served(&config, recovered.endpoint.as_ref());
        let (record, startup, row) =
            state::start(&config, recovered.endpoint, &recovered.bindings, now);
        let mclt = match (config.role, record.mclt) {
            (Role::Secondary, Some(seconds)) => Mclt(seconds),
            (Role::Primary | Role::Secondary, _) => config.mclt,
        };
        let buckets = match config.role {
            Role::Primary => Some(config.server_buckets.narrow(&config.hash_buckets)),
            Role::Secondary => record
                .hash_bucket_assignment
                .and_then(|octets| HashBuckets::from_wire(&octets, config.dialect)),
        };
        let owes_update_all = record.owes_update_all;
        let requests = Requests::after(&record);
        let mut endpoint = Self {
            record,
            startup: Some(startup),
            table,
            reserved,
            buckets,
            delayed_service: config.load_balance_max_seconds,
            mclt,
            links: Vec::new(),
            dial: Dial::now(now),
            authentication: Authentication::new(config.secrets.as_ref()),
            partner: Partner::default(),
            foresight: Foresight::default(),
            outbox: Outbox::default(),
            owed_acknowledgements: VecDeque::new(),
            recent_acknowledgements: VecDeque::new(),
            updates: Updates::default(),
            requests,
            second_thoughts: SecondThoughts::default(),
            pool: PoolBalance::default(),
            deferred_expiry: BTreeSet::new(),
            freeing: Freeing::default(),
            partner_updates_dns: false,
            timers: state::StateTimers::default(),
            last_xid: Xid(0),
            last_commit: CommitId(0),
            durable: CommitId(0),
            storage_failed: false,
            now,
            outputs: VecDeque::new(),
            events: Vec::new(),
            transmit: BTreeMap::new(),
            stats: Stats::default(),
            applied: Applied::none(),
            config,
        };
        endpoint.applied.note(row);
        endpoint.apply_event(now, EndpointEvent::ProcessStarted);
        endpoint.note_never_served(never_served);
        if owes_update_all {
            endpoint.mark_all_unknown();
        }
        endpoint.compare_reservations(flagged);
        endpoint.commit_record();
        endpoint.step(now);
        Ok(endpoint)
    }

    /// Takes note of one thing that happened at `now`. Time never runs backwards on the monotonic
    /// clock; the wall clock may be set.
    #[expect(clippy::needless_pass_by_value, reason = "what happened is handed over whole")]
    pub fn handle_input(&mut self, now: Now, input: Input<'_>) {
        self.now = now;
        match input {
            Input::Connected { link, origin } => self.on_connected(now, link, origin),
            Input::ConnectFailed(failure) => self.on_connect_failed(now, failure),
            Input::Received { link, frame } => self.on_frame(now, link, frame),
            Input::Garbled { link, error } => self.on_garbled(now, link, error),
            Input::TlsEstablished { link } => self.on_tls_established(now, link),
            Input::TlsFailed { link, reason, refused } => {
                let why = reason.to_owned();
                let end = if refused { LinkEnd::Tls(why) } else { LinkEnd::TlsBroken(why) };
                self.close_link(now, link, end, None);
            }
            Input::Disconnected { link } => self.on_disconnected(now, link),
            Input::TimeReached => {}
            Input::Committed(id) => self.durable = self.durable.max(id.min(self.last_commit)),
            Input::StorageFailed => self.on_storage_failed(now),
            Input::Operator(command) => {
                // The refusal, if any, is in the events; `operator` returns it as well.
                let _refused = self.operate(now, command);
            }
        }
        self.step(now);
    }

    /// An operator's command; the same as [`Input::Operator`], with the answer.
    pub fn operator(&mut self, now: Now, command: OperatorCommand) -> Result<(), Refused> {
        self.now = now;
        let answer = self.operate(now, command);
        self.step(now);
        answer
    }

    /// What to do next. To be called until it says [`Output::Idle`].
    pub fn poll_output(&mut self) -> Output {
        self.outputs.pop_front().unwrap_or_else(|| Output::Idle { wake_at: self.wake_at() })
    }

    /// Appends the octets that wait for `link` to `out`, a batch at most; when more is left, another
    /// [`Output::Transmit`] follows.
    pub fn take_transmit(&mut self, link: LinkId, out: &mut Vec<u8>) {
        let Some(waiting) = self.transmit.get_mut(&link) else { return };
        if waiting.len() <= TRANSMIT_BATCH {
            out.append(waiting);
        } else {
            out.extend(waiting.drain(..TRANSMIT_BATCH));
            self.outputs.push_back(Output::Transmit(link));
        }
        if !self.links.iter().any(|open| open.is(link)) && waiting.is_empty() {
            self.transmit.remove(&link);
        }
    }

    /// Where the relationship stands.
    pub fn status(&self) -> Status {
        let communications =
            if self.communications_ok() { Communications::Ok } else { Communications::Interrupted };
        let busy = self.updates.unacked() > 0
            || self.updates.queued() > 0
            || self.updates.is_sweeping()
            || self.requests.is_outstanding()
            || self.requests.is_asked();
        let sync = match communications {
            Communications::Interrupted => Sync::NotSynced,
            Communications::Ok if busy => Sync::Syncing,
            Communications::Ok => Sync::Synced,
        };
        let ranges = (0_u16..)
            .zip(&self.config.ranges)
            .map(|(id, range)| RangeCounts::of(&self.table, RangeId(id), *range))
            .collect();
        Status {
            name: self.config.name.clone(),
            role: self.config.role,
            state: self.state(),
            state_since: self.startup.as_ref().map_or(self.record.start_of_state, Startup::since),
            partner_state: self.record.partner_state,
            partner_since: self.record.partner_start_of_state,
            last_contact: self.last_contact(),
            communications,
            sync,
            unacked_updates: self.updates.unacked(),
            queued_updates: self.updates.queued(),
            oldest_unacked: self.updates.oldest(),
            last_xid: self.last_xid,
            windows: (self.config.max_unacked_bndupd, self.partner.max_unacked_bndupd),
            walk: self.updates.is_sweeping().then(|| self.walk(self.updates.swept())),
            receiving: self.requests.received_so_far(),
            clock_delta_seconds: self.partner.delta.map(|delta| delta.0),
            mclt: self.mclt.0,
            maintenance_until: self.record.maintenance_until,
            ranges,
            stats: self.stats,
        }
    }

    fn last_contact(&self) -> Option<UnixTime> {
        let link = self.current_link()?;
        let ago = self.now.monotonic.since(link.last_received).as_secs();
        let ago = u32::try_from(ago).unwrap_or(u32::MAX);
        Some(UnixTime(self.now.wall.0.saturating_sub(ago)))
    }

    /// How much of all ranges lies up to `cursor`.
    fn walk(&self, cursor: Option<Ipv4Addr>) -> Walk {
        let passed = |range: &AddressRange| cursor.map_or(0, |cursor| range.up_to(cursor));
        let ranges = &self.config.ranges;
        Walk {
            done: ranges.iter().map(passed).fold(0, u64::saturating_add),
            total: ranges.iter().map(AddressRange::size).fold(0, u64::saturating_add),
        }
    }

    /// How often each row of the transition table was applied by this process.
    pub const fn applied(&self) -> &Applied {
        &self.applied
    }

    /// The configuration that the endpoint was made with.
    pub const fn config(&self) -> &RelationshipConfig {
        &self.config
    }

    // Messages in.

    fn on_frame(&mut self, now: Now, link: LinkId, frame: Frame<'_>) {
        if !self.links.iter().any(|open| open.is(link)) {
            return;
        }
        let header = frame.header;
        let counter = usize::from(header.message_type.0);
        let counter = if counter < self.stats.received.len() { counter } else { 0 };
        if let Some(count) = self.stats.received.get_mut(counter) {
            *count = count.saturating_add(1);
        }
        if self.is_negotiating_tls(link) {
            return self.on_clear_message(now, link);
        }
        let Some(proof) = self.authenticate(now, link, &frame) else { return };
        match Message::decode(&frame, self.config.dialect) {
            Ok(Message::Connect(connect)) => self.on_connect(now, link, header, &connect, proof),
            Ok(message) => self.on_message(now, link, frame, message),
            Err(error) => self.on_garbled(now, link, error),
        }
    }

    fn on_message(&mut self, now: Now, link: LinkId, frame: Frame<'_>, message: Message<'_>) {
        let header = frame.header;
        match message {
            Message::ConnectAck(ack) => return self.on_connect_ack(now, link, header, &ack),
            Message::Disconnect(disconnect) => {
                let reason = disconnect.reason.unwrap_or(RejectReason::UNKNOWN);
                let text = String::from_utf8_lossy(disconnect.message.unwrap_or_default());
                let end = LinkEnd::Disconnected(reason, text.into_owned());
                return self.close_link(now, link, end, None);
            }
            Message::Unknown { message_type, .. } => {
                if message_type.0 < FIRST_IGNORABLE_TYPE {
                    let what = "a message type below 128 that this server does not know";
                    let end = LinkEnd::ProtocolError(message_type, what);
                    self.close_link(now, link, end, Some((RejectReason::UNKNOWN, what)));
                }
                return;
            }
            Message::PoolReq
            | Message::PoolResp { .. }
            | Message::BndUpd(_)
            | Message::BndAck(_)
            | Message::UpdReqAll
            | Message::UpdDone
            | Message::UpdReq
            | Message::State(_)
            | Message::Connect(_)
            | Message::Contact => {}
        }
        if self.link_in_use() != Some(link) {
            // §8.2: nothing but CONNECT may come first.
            let what = "it came before the connection was set up";
            let end = LinkEnd::ProtocolError(header.message_type, what);
            return self.close_link(now, link, end, None);
        }
        if self.outbox.is_full() {
            let what = "too much of what came before it waits for an answer";
            let end = LinkEnd::ProtocolError(header.message_type, what);
            return self.close_link(now, link, end, Some((RejectReason::UNKNOWN, what)));
        }
        self.on_exchange(now, link, header.xid, message);
    }

    /// Messages of a connection that has been set up.
    fn on_exchange(&mut self, now: Now, link: LinkId, xid: Xid, message: Message<'_>) {
        match message {
            Message::State(state) => self.on_partner_announcement(now, link, state),
            Message::BndUpd(bndupd) => {
                self.applied.note_update_received();
                self.on_bndupd(now, xid, &bndupd);
            }
            Message::BndAck(bndack) => self.on_bndack(now, xid, &bndack),
            Message::UpdReq => self.on_update_request(now, xid, false),
            Message::UpdReqAll => self.on_update_request(now, xid, true),
            Message::UpdDone => self.on_update_done(now, xid),
            Message::PoolReq => self.on_poolreq(now, xid),
            Message::PoolResp { addresses_transferred } => {
                self.on_poolresp(now, addresses_transferred);
            }
            Message::Contact => {}
            Message::Connect(_)
            | Message::ConnectAck(_)
            | Message::Disconnect(_)
            | Message::Unknown { .. } => {
                debug_assert!(false, "handled before the connection is looked at");
            }
        }
    }

    fn on_partner_announcement(&mut self, now: Now, link: LinkId, state: StateMessage) {
        let was_ok = self.communications_ok();
        self.on_state(now, link, state);
        if !was_ok && self.communications_ok() {
            self.repeat_acknowledgements();
        }
    }

    fn on_garbled(&mut self, now: Now, link: LinkId, error: DecodeError) {
        let reason = (RejectReason::UNKNOWN, "message cannot be read");
        self.close_link(now, link, LinkEnd::Garbled(error), Some(reason));
    }

    /// A server that can promise nothing leaves its clients to the partner, which serves them once
    /// the connection is gone.
    fn on_storage_failed(&mut self, now: Now) {
        if !self.storage_failed {
            self.storage_failed = true;
            self.apply_event(self.now, EndpointEvent::StorageFailed);
            self.events.push(Event::StorageFailed);
            self.stop_dialling();
            let reason = (RejectReason::UNKNOWN, "stable storage failed");
            self.close_all_links(now, &LinkEnd::Stopping, reason);
        }
    }

    fn unexpected(&mut self, message: MessageType, what: &'static str) {
        self.events.push(Event::Unexpected { message, what });
    }

    // Messages out.

    fn take_xid(&mut self) -> Xid {
        // Never 0, and never reused on a later connection: a dhcpd may answer there (§7.2).
        self.last_xid = self.peek_xid();
        self.last_xid
    }

    fn peek_xid(&self) -> Xid {
        Xid(self.last_xid.0.checked_add(1).unwrap_or(1))
    }

    /// Sends on the link in use.
    fn transmit_now(&mut self, now: Now, xid: Xid, message: &Message<'_>) {
        if let Some(link) = self.link_in_use() {
            self.transmit_on(now, link, xid, message);
        }
    }

    fn transmit_on(&mut self, now: Now, link: LinkId, xid: Xid, message: &Message<'_>) {
        self.transmit_dated(now, link, now.wall, xid, message);
    }

    /// Sends with `time` in the header.
    fn transmit_dated(
        &mut self,
        now: Now,
        link: LinkId,
        time: UnixTime,
        xid: Xid,
        message: &Message<'_>,
    ) {
        let buffer = self.transmit.entry(link).or_default();
        let was_empty = buffer.is_empty();
        let key = self.authentication.signing_key();
        if message.encode_signed(time, xid, self.config.dialect, key, buffer).is_err() {
            // Only names beyond their checked length could be too long for a message.
            self.unexpected(message.message_type(), "it does not fit into a message; not sent");
            return;
        }
        self.note_transmit(now, link, message.message_type(), was_empty);
    }

    /// Takes note of a message that has been put behind the octets waiting for `link`.
    fn note_transmit(&mut self, now: Now, link: LinkId, message: MessageType, was_empty: bool) {
        if was_empty {
            self.outputs.push_back(Output::Transmit(link));
        }
        if let Some(count) = self.stats.sent.get_mut(usize::from(message.0)) {
            *count = count.saturating_add(1);
        }
        self.sent(now, link);
    }

    /// Sends everything whose commit is durable.
    fn release(&mut self, now: Now) {
        if self.storage_failed {
            return;
        }
        while let Some(message) = self.outbox.pop_released(self.durable) {
            match message {
                Outgoing::State { state, .. } if self.partner_cannot_take(now, state) => {
                    self.withhold_announcement(now, state);
                }
                Outgoing::State { state, flags, start_of_state } => {
                    self.foresee_effect_of_state(now, state, flags);
                    let xid = self.take_xid();
                    let message = StateMessage {
                        server_state: Some(state.code()),
                        server_flags: Some(flags),
                        start_of_state: Some(start_of_state),
                    };
                    self.transmit_now(now, xid, &Message::State(message));
                }
                Outgoing::BndAck(acknowledgement) => self.send_bndack(now, acknowledgement),
                Outgoing::PoolReq => {
                    let xid = self.take_xid();
                    self.transmit_now(now, xid, &Message::PoolReq);
                }
                Outgoing::PoolResp { xid, addresses_transferred } => {
                    let addresses_transferred = Some(addresses_transferred);
                    self.transmit_now(now, xid, &Message::PoolResp { addresses_transferred });
                }
                Outgoing::UpdReq { all } => self.send_update_request(now, all),
                Outgoing::ConnectAck { link, xid, tls_reply } => {
                    self.send_connect_ack(now, link, xid, tls_reply);
                }
                Outgoing::UpdDone { xid } => {
                    self.foresee_effect_of_upddone(now);
                    self.transmit_now(now, xid, &Message::UpdDone);
                }
            }
        }
    }

    fn send_bndack(&mut self, now: Now, acknowledgement: Acknowledgement) {
        let reply = |reply: &Reply| BindingReply {
            address: reply.address,
            reject: reply
                .reject
                .map(|(reason, text)| Reject { reason, message: Some(text.as_bytes()) }),
        };
        let first = [reply(&acknowledgement.first)];
        if acknowledgement.more.is_empty() {
            self.transmit_now(now, acknowledgement.xid, &Message::BndAck(BndAck::of(&first)));
        } else {
            let replies: Vec<BindingReply<'_>> =
                first.into_iter().chain(acknowledgement.more.iter().map(reply)).collect();
            self.transmit_now(now, acknowledgement.xid, &Message::BndAck(BndAck::of(&replies)));
        }
        self.remember_acknowledgement(acknowledgement);
    }

    // Commits.

    fn commit(&mut self, change: Change) -> CommitId {
        self.last_commit = self.last_commit.next();
        self.outputs.push_back(Output::Commit(Commit { id: self.last_commit, change }));
        self.last_commit
    }

    fn commit_record(&mut self) -> CommitId {
        self.commit(Change::Endpoint(self.record.clone()))
    }

    fn store_binding(&mut self, binding: Binding) -> CommitId {
        if let Some(before) = self.table.status_of(binding.address) {
            self.note_status_change(binding.address, before, binding.binding_status);
        }
        let known = self.table.put(&binding);
        debug_assert!(known.is_ok(), "only addresses of the table are stored");
        self.commit(Change::Binding(binding))
    }

    // Time.

    /// Everything that follows from what has been noted, up to the point of waiting.
    fn step(&mut self, now: Now) {
        self.link_timers(now);
        self.state_timers(now);
        self.expire_leases(now);
        self.freeing_timer(now);
        self.request_timers(now);
        self.bring_up_again(now);
        self.release(now);
        self.pump_updates(now);
        self.pool_timers(now);
        self.release(now);
        self.pump_updates(now);
        self.release(now);
        self.outputs.extend(self.events.drain(..).map(Output::Event));
    }

    fn wake_at(&self) -> Option<Instant> {
        if self.updates.wants_another_step() {
            return Some(self.now.monotonic);
        }
        let expiry = self.table.next_expiry().map(|at| self.monotonic_of(at));
        [
            self.next_link_timer(),
            self.next_state_timer(),
            self.next_request_timer(),
            self.unacknowledged_at(),
            self.second_thoughts.next(),
            self.next_pool_timer(),
            self.next_freeing(),
            expiry,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// When the wall clock will show `at`, as far as can be told now.
    fn monotonic_of(&self, at: UnixTime) -> Instant {
        let seconds = at.seconds_since(self.now.wall);
        self.now.monotonic.after(core::time::Duration::from_secs(u64::from(seconds)))
    }
}

/// The bindings that the store held, and those of them that carry the RESERVED flag.
fn load(
    config: &RelationshipConfig,
    bindings: &[Binding],
) -> Result<(BindingTable, BTreeSet<Ipv4Addr>), ConfigError> {
    let mut table = BindingTable::new(&config.ranges, config.table_seed)
        .map_err(|error| ConfigError::Ranges(error.to_string()))?;
    // A range that was taken out of the configuration leaves bindings behind; they come back with the
    // range.
    table.put_all(bindings);
    let mut flagged = BTreeSet::new();
    for binding in bindings {
        if binding.ip_flags.contains(IpFlags::RESERVED) {
            flagged.insert(binding.address);
        }
        let ended =
            matches!(binding.binding_status, BindingStatus::Expired | BindingStatus::Released);
        if ended {
            // Whether the end was reported before is not recorded: assume that it was.
            table.set_mark(binding.address, Mark::EndReported, true);
        }
    }
    Ok((table, flagged))
}
