//! Binding updates on their way to the partner: what waits, what is in flight, what was answered.
//!
//! A local change is queued and leaves once its commit is durable and the partner's window has room
//! (§7.1, §8.4). At most one update of an address is in flight. A partner that takes it gets several
//! updates in one message, as many as are ready and have room (§6.3). A [`Sweep`] walks the whole table for
//! bindings that the partner does not know; it serves UPDREQ and UPDREQALL (§7.3, §7.4) and the entry
//! into NORMAL (§9.8.1).

use core::net::Ipv4Addr;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::balance::Role;
use crate::binding::carried::Parts;
use crate::binding::client::MAX_HARDWARE_OCTETS;
use crate::binding::table::Mark;
use crate::binding::{Binding, ClientIdentifier, HardwareAddress};
use crate::durable::CommitId;
use crate::time::{Instant, Now, UnixTime};
use crate::wire::batch::BatchWriter;
use crate::wire::bndupd::{BindingReply, BindingUpdate, BndAck};
use crate::wire::codes::{BindingStatus, FailoverState, IpFlags, MessageType, RejectReason, Xid};
use crate::wire::connect::Reject;
use crate::wire::dialect::Dialect;

use super::FailoverEndpoint;
use super::config::Batching;
use super::event::Event;
use super::flights::{Flights, InFlight, Since};
use super::outbox::Outgoing;
use super::second_thoughts::Rejected;

/// Addresses that one step of a sweep looks at before other work gets its turn.
const SWEEP_STEP: usize = 16_384;

/// Windows larger than this are not used: they only hold memory.
const MAX_WINDOW: usize = 65_536;

/// Where the next update comes from within one step.
#[derive(Clone, Copy, Debug)]
struct Source {
    /// Addresses that the sweep may still look at.
    budget: usize,
    /// Live changes and the sweep take turns.
    sweep_is_next: bool,
}

/// A walk over all bindings in ascending order of address.
#[derive(Clone, Copy, Debug, Hash)]
struct Sweep {
    /// The request being answered, if any.
    request: Option<Xid>,
    /// What was known at the beginning; nothing of it is told before it is durable.
    after: CommitId,
    /// First xid that was not in use at the beginning.
    first_xid: Xid,
    cursor: Option<Ipv4Addr>,
    /// Queue position up to which live updates belong to the sweep, once all is walked.
    barrier: Option<u64>,
    /// First xid that does not belong to the sweep any more.
    last_xid: Option<Xid>,
    sent: u64,
}

/// Updates on their way.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Updates {
    queue: VecDeque<(Ipv4Addr, CommitId)>,
    /// Position of the queue's front since the beginning of time.
    taken: u64,
    /// The valid queue entry of each queued address; older entries are passed over.
    queued: BTreeMap<Ipv4Addr, CommitId>,
    in_flight: Flights,
    /// Taken from queue or sweep when the message before had no room for it: the next one begins
    /// with it.
    waiting: Option<Ipv4Addr>,
    sweep: Option<Sweep>,
    /// Addresses whose newest change waited for the answer to an older one when the sweep began.
    late: BTreeSet<Ipv4Addr>,
    /// A step of the sweep ended before the sweep did.
    sweep_unfinished: bool,
    /// Since when the partner has answered nothing of what is in flight.
    unanswered_since: Option<Instant>,
    /// The partner has answered a whole sweep on this connection, and lacks what changes since.
    caught_up: bool,
}

impl Updates {
    pub(super) fn unacked(&self) -> usize {
        self.in_flight.updates()
    }

    pub(super) fn queued(&self) -> usize {
        self.queued.len().saturating_add(usize::from(self.waiting.is_some()))
    }

    pub(super) fn unanswered_since(&self) -> Option<Instant> {
        self.unanswered_since
    }

    /// The oldest xid in flight.
    pub(super) fn oldest(&self) -> Option<Xid> {
        self.in_flight.first_xid()
    }

    /// The last address that a sweep under way has looked at; `None` before the first.
    pub(super) fn swept(&self) -> Option<Ipv4Addr> {
        self.sweep.and_then(|sweep| sweep.cursor)
    }

    pub(super) fn is_sweeping(&self) -> bool {
        self.sweep.is_some()
    }

    /// Whether the partner has been told all, and has answered.
    pub(super) fn partner_has_all(&self) -> bool {
        self.caught_up && !self.is_sweeping() && self.queued() == 0 && self.unacked() == 0
    }

    /// Whether the next step needs no event to happen.
    pub(super) fn wants_another_step(&self) -> bool {
        self.sweep_unfinished
    }

    /// The update of `address` that is in flight.
    fn flight_of(&mut self, address: Ipv4Addr) -> Option<&mut InFlight> {
        self.in_flight.get_mut(address)
    }

    /// Queues the newest state of `address`, which is durable after `commit`.
    fn push(&mut self, address: Ipv4Addr, commit: CommitId) {
        self.no_longer_waits(address);
        if let Some(flight) = self.flight_of(address) {
            if flight.since == Since::Unchanged {
                flight.since = Since::Changed;
            }
            flight.again = true;
            return;
        }
        self.queued.insert(address, commit);
        self.queue.push_back((address, commit));
    }

    /// What was taken to be sent is not what is to be sent now.
    fn no_longer_waits(&mut self, address: Ipv4Addr) {
        self.waiting = self.waiting.filter(|waiting| *waiting != address);
    }

    /// Forgets the queued update of `address`, and the effect of one in flight: the partner's own
    /// update has been accepted instead (§7.1.3).
    pub(super) fn supersede(&mut self, address: Ipv4Addr) {
        self.no_longer_waits(address);
        self.queued.remove(&address);
        self.late.remove(&address);
        if let Some(flight) = self.flight_of(address) {
            flight.since = Since::Void;
            flight.again = false;
        }
    }

    /// The address has another client now: the answer to an update in flight means nothing.
    pub(super) fn client_changed(&mut self, address: Ipv4Addr) {
        if let Some(flight) = self.flight_of(address) {
            flight.since = Since::Void;
        }
    }

    /// Whether an update that tells what the binding is now has not been answered.
    pub(super) fn is_in_flight(&mut self, address: Ipv4Addr) -> bool {
        self.flight_of(address).is_some_and(|flight| flight.since == Since::Unchanged)
    }

    /// The status that an unanswered update of `address` tells.
    pub(super) fn told_in_flight(&self, address: Ipv4Addr) -> Option<BindingStatus> {
        self.in_flight.get(address).map(|flight| flight.binding_status)
    }

    /// The next queued address whose commit is durable.
    fn pop(&mut self, durable: CommitId) -> Option<Ipv4Addr> {
        while let Some(&(address, commit)) = self.queue.front() {
            let valid = self.queued.get(&address) == Some(&commit);
            if valid && commit > durable {
                return None;
            }
            self.queue.pop_front();
            self.taken = self.taken.saturating_add(1);
            if valid {
                self.queued.remove(&address);
                return Some(address);
            }
        }
        None
    }

    /// Whether `address` is queued or in flight and so needs nothing from a sweep.
    pub(super) fn is_under_way(&self, address: Ipv4Addr) -> bool {
        self.queued.contains_key(&address)
            || self.in_flight.contains(address)
            || self.waiting == Some(address)
    }

    fn launched(&mut self, now: Now, xid: Xid, flight: InFlight) {
        self.unanswered_since.get_or_insert(now.monotonic);
        self.in_flight.insert(xid, flight);
    }

    /// Takes an update out of flight.
    fn landed(&mut self, now: Now, xid: Xid, address: Ipv4Addr) -> Option<InFlight> {
        let flight = self.in_flight.remove(xid, address)?;
        self.unanswered_since = (self.in_flight.updates() > 0).then_some(now.monotonic);
        self.answered(address, xid);
        Some(flight)
    }

    /// Forgets everything: the connection is gone, and what was not answered is found again by the
    /// next sweep because the partner does not know it.
    pub(super) fn reset(&mut self) {
        *self = Self { taken: self.taken, ..Self::default() };
    }

    /// The partner recovers anew: what it was told before is not to be built on.
    pub(super) fn partner_fell_behind(&mut self) {
        self.caught_up = false;
    }

    fn end_of_queue(&self) -> u64 {
        self.taken.saturating_add(self.queue.len() as u64)
    }

    /// Takes note of an answer: one to an update that began with the sweep or later covers all
    /// that the sweep owes for the address.
    fn answered(&mut self, address: Ipv4Addr, xid: Xid) {
        if self.sweep.is_some_and(|sweep| xid >= sweep.first_xid) {
            self.late.remove(&address);
        }
    }

    /// Whether everything that belongs to the sweep has been answered.
    fn sweep_is_answered(&mut self, next_xid: Xid) -> bool {
        let Some(sweep) = &mut self.sweep else { return false };
        let Some(barrier) = sweep.barrier else { return false };
        if self.taken < barrier || !self.late.is_empty() || self.waiting.is_some() {
            return false;
        }
        let last = *sweep.last_xid.get_or_insert(next_xid);
        self.in_flight.first_xid().is_none_or(|xid| xid >= last)
    }
}

impl FailoverEndpoint {
    /// Remembers that `address` has news for the partner and queues it if updates flow now;
    /// otherwise the next sweep finds it.
    pub(super) fn note_news(&mut self, address: Ipv4Addr, commit: CommitId) {
        if self.updates_flow() {
            self.updates.push(address, commit);
        }
    }

    /// Whether changes are sent as they happen: in the states of lazy update, while a request of
    /// the partner is being answered, and to one that recovers with all that it asked for (§7.1.1).
    /// A dhcpd takes updates in whatever state it is, by the rules of RECOVER also while it waits.
    fn updates_flow(&self) -> bool {
        self.communications_ok()
            && (self.updates.is_sweeping()
                || matches!(self.state(), FailoverState::Normal | FailoverState::ConflictDone)
                || self.updates.caught_up && self.serves_for_recovering_partner())
    }

    /// Whether this server answers clients while the partner is somewhere between RECOVER and NORMAL.
    fn serves_for_recovering_partner(&self) -> bool {
        matches!(
            self.state(),
            FailoverState::PartnerDown | FailoverState::CommunicationsInterrupted
        ) && matches!(
            self.record.partner_state,
            Some(FailoverState::Recover | FailoverState::RecoverWait | FailoverState::RecoverDone)
        )
    }

    /// Whether the partner is recovering and has not waited out the MCLT: what it leased last may be
    /// known to nobody (§9.6).
    pub(super) fn partner_has_to_wait(&self) -> bool {
        matches!(
            self.record.partner_state,
            Some(FailoverState::Recover | FailoverState::RecoverWait)
        )
    }

    /// A partner that waits out the MCLT asks for nothing any more: what it missed while the
    /// connection was down is sent unasked, and what changes from then on follows.
    pub(super) fn catch_up(&mut self) {
        let waits = self.record.partner_state == Some(FailoverState::RecoverWait);
        let needed = !self.updates.caught_up && !self.updates.is_sweeping();
        if waits && needed && self.serves_for_recovering_partner() {
            self.start_sweep(None);
        }
    }

    /// Sends what the two disagreed about once more, unless it has been settled since.
    pub(super) fn bring_up_again(&mut self, now: Now) {
        while let Some(address) = self.second_thoughts.pop_due(now) {
            let unsettled = self.table.get(address).is_some_and(|binding| !binding.partner_knows);
            if unsettled {
                self.note_news(address, self.last_commit);
            }
        }
    }

    /// Starts over with a walk through all bindings.
    pub(super) fn start_sweep(&mut self, request: Option<Xid>) {
        let request = request.or(self.updates.sweep.and_then(|sweep| sweep.request));
        let sent = self.updates.sweep.map_or(0, |sweep| sweep.sent);
        let (after, first_xid) = (self.last_commit, self.peek_xid());
        let in_flight = self.updates.in_flight.iter();
        self.updates.late =
            in_flight.filter(|flight| flight.again).map(|flight| flight.address).collect();
        self.updates.sweep = Some(Sweep {
            request,
            after,
            first_xid,
            cursor: None,
            barrier: None,
            last_xid: None,
            sent,
        });
    }

    /// Sends what the window allows, live changes first, the sweep in between.
    pub(super) fn pump_updates(&mut self, now: Now) {
        self.updates.sweep_unfinished = false;
        if !self.communications_ok() || self.outbox.holds_updates_back() || self.storage_failed {
            return;
        }
        let window = usize::try_from(self.partners_window()).unwrap_or(MAX_WINDOW);
        let window = window.clamp(1, MAX_WINDOW);
        let limit = self.updates_in_a_message();
        let mut source = Source { budget: SWEEP_STEP, sweep_is_next: false };
        while self.updates.in_flight.messages() < window
            && self.send_updates(now, limit, &mut source)
        {}
        self.finish_sweep(now);
    }

    /// Messages that the partner takes without answering. Another twinlease, which cannot know who
    /// connects when it says a number that suits any partner, takes more.
    fn partners_window(&self) -> u32 {
        let at_least = if self.partner.is_twinlease() { self.config.twinlease_window } else { 1 };
        self.partner.max_unacked_bndupd.max(at_least)
    }

    /// How many updates the partner may get in one BNDUPD (§6.3).
    fn updates_in_a_message(&self) -> usize {
        let several = match self.config.batching {
            Batching::Never => false,
            Batching::WithTwinlease => self.partner.is_twinlease(),
            Batching::WithEverybody => true,
        };
        if several { self.update_dialect().max_transactions() } else { 1 }
    }

    /// How BNDUPDs are written: another twinlease takes all that the draft has.
    fn update_dialect(&self) -> Dialect {
        if self.partner.is_twinlease() { Dialect::Draft12 } else { self.config.dialect }
    }

    /// Sends one BNDUPD with what is ready; false if nothing is.
    fn send_updates(&mut self, now: Now, limit: usize, source: &mut Source) -> bool {
        let Some(link) = self.link_in_use() else { return false };
        let Some(mut binding) = self.next_update(source) else { return false };
        let xid = self.take_xid();
        let mut octets = self.transmit.remove(&link).unwrap_or_default();
        let was_empty = octets.is_empty();
        let key = self.authentication.signing_key().cloned();
        let (time, dialect) = (now.wall, self.update_dialect());
        let mut batch = BatchWriter::begin_signed(time, xid, dialect, key.as_ref(), &mut octets);
        loop {
            if !self.launch(&mut batch, xid, &binding) {
                // Into an empty message every update fits.
                self.updates.waiting = Some(binding.address).filter(|_| batch.count() > 0);
                break;
            }
            if batch.count() >= limit {
                break;
            }
            match self.next_update(source) {
                Some(next) => binding = next,
                None => break,
            }
        }
        let sent = batch.finish().is_ok();
        self.transmit.insert(link, octets);
        if sent {
            self.note_transmit(now, link, MessageType::BNDUPD, was_empty);
        }
        sent
    }

    /// The next binding to be told, as it stands now: live changes first, the sweep in between.
    fn next_update(&mut self, source: &mut Source) -> Option<Binding> {
        loop {
            let address = self.next_address(source)?;
            if self.updates.in_flight.contains(address) {
                self.updates.push(address, self.last_commit);
            } else if let Some(binding) = self.table.get(address) {
                return Some(binding);
            }
        }
    }

    fn next_address(&mut self, source: &mut Source) -> Option<Ipv4Addr> {
        if let Some(address) = self.updates.waiting.take() {
            return Some(address);
        }
        let sweep_first = source.sweep_is_next;
        source.sweep_is_next = !sweep_first;
        if sweep_first && let Some(address) = self.next_of_sweep(&mut source.budget) {
            return Some(address);
        }
        let live = self.updates.pop(self.durable);
        live.or_else(|| self.next_of_sweep(&mut source.budget))
    }

    /// The next binding of the sweep that the partner does not know.
    fn next_of_sweep(&mut self, budget: &mut usize) -> Option<Ipv4Addr> {
        let mut sweep = self.updates.sweep?;
        if sweep.barrier.is_some() || self.durable < sweep.after {
            return None;
        }
        let mut found = None;
        let mut walked_all = true;
        for address in self.table.addresses_after(sweep.cursor) {
            if *budget == 0 {
                self.updates.sweep_unfinished = true;
                walked_all = false;
                break;
            }
            *budget = budget.saturating_sub(1);
            sweep.cursor = Some(address);
            let owed = !self.table.partner_knows(address);
            if owed && !self.updates.is_under_way(address) {
                found = Some(address);
                walked_all = false;
                sweep.sent = sweep.sent.saturating_add(1);
                break;
            }
        }
        if walked_all {
            sweep.barrier = Some(self.updates.end_of_queue());
        }
        self.updates.sweep = Some(sweep);
        found
    }

    /// UPDDONE once every update of the sweep has been answered (§7.3.2, §7.4.2).
    fn finish_sweep(&mut self, now: Now) {
        let next_xid = self.peek_xid();
        // A newer request is answered by another walk.
        if self.requests.is_asked() || !self.updates.sweep_is_answered(next_xid) {
            return;
        }
        let Some(sweep) = self.updates.sweep.take() else { return };
        self.updates.caught_up = true;
        if let Some(xid) = sweep.request {
            self.answer_is_complete(xid, sweep.sent);
        }
        self.leave_partner_down(now);
    }

    /// UPDDONE, when the store knows that nothing is owed any more.
    fn answer_is_complete(&mut self, xid: Xid, sent: u64) {
        self.events.push(Event::PartnerUpdated { sent });
        if self.record.owes_update_all {
            self.record.owes_update_all = false;
            self.commit_record();
        }
        self.outbox.push(self.last_commit, Outgoing::UpdDone { xid });
    }

    /// Puts the update of one address into a message; false if it has no room left.
    fn launch(&mut self, batch: &mut BatchWriter<'_>, xid: Xid, binding: &Binding) -> bool {
        let address = binding.address;
        let binding_status = self.reported_status(binding);
        let mut hardware = [0; 1 + MAX_HARDWARE_OCTETS];
        if !batch.push(&self.describe(binding, binding_status, &mut hardware)) {
            return false;
        }
        self.updates.launched(
            self.now,
            xid,
            InFlight {
                address,
                binding_status,
                potential_expiration: promised(binding),
                since: Since::Unchanged,
                again: false,
            },
        );
        if matches!(binding.binding_status, BindingStatus::Expired | BindingStatus::Released) {
            self.table.set_mark(address, Mark::EndReported, true);
        }
        true
    }

    /// The status that the partner is told: a call-back says FREE while the address still counts
    /// as BACKUP here, until the partner has accepted (§5.4); a reserved address is offered as BACKUP
    /// while it stays FREE here (§5.13).
    fn reported_status(&self, binding: &Binding) -> BindingStatus {
        let recalled = self.table.is_marked(binding.address, Mark::Recalled);
        match binding.binding_status {
            BindingStatus::Backup if recalled => BindingStatus::Free,
            BindingStatus::Free if self.is_shared_reservation(binding) => BindingStatus::Backup,
            status => status,
        }
    }

    /// The options of an update (§7.1, table in requirements 5.6; dhcpd's habits by dialect).
    fn describe<'a>(
        &self,
        binding: &'a Binding,
        status: BindingStatus,
        hardware: &'a mut [u8; 1 + MAX_HARDWARE_OCTETS],
    ) -> BindingUpdate<'a> {
        let dialect = self.config.dialect;
        let client = binding.client.as_ref().filter(|_| status != BindingStatus::Abandoned);
        let active = status == BindingStatus::Active;
        // §7.1: what caused the update, where a client did.
        let by_request = active || status == BindingStatus::Released;
        let carried = if self.update_dialect().forwards_client_options() {
            binding.carried.parts()
        } else {
            Parts::default()
        };
        let with_times = active || dialect.announces_times_in_every_status();
        let potential = if active { promised(binding) } else { binding.start_of_status };
        let mut ip_flags = binding.ip_flags.assigned();
        if dialect.announces_reservations() {
            // The flag speaks of the sender's reservations, not of what the partner said of its own.
            ip_flags = ip_flags.with(IpFlags::RESERVED, self.is_reserved(binding.address));
        }
        let is_free = matches!(status, BindingStatus::Free | BindingStatus::Backup);
        if is_free && !dialect.announces_bootp_of_free_addresses() {
            ip_flags = ip_flags.with(IpFlags::BOOTP, false);
        }
        let known = |time: UnixTime| time.is_known().then_some(time);
        BindingUpdate {
            address: binding.address,
            binding_status: Some(status.code()),
            client_identifier: client
                .and_then(|client| client.identifier.as_ref())
                .map(ClientIdentifier::octets),
            client_hardware_address: client
                .and_then(|client| client.hardware.as_ref())
                .and_then(|address| write_hardware(address, hardware)),
            lease_expiration: with_times.then(|| dialect.wire_time(binding.lease_expiration)),
            potential_expiration: with_times.then(|| dialect.wire_time(potential)),
            start_of_status: Some(binding.start_of_status),
            client_last_transaction: known(binding.client_last_transaction),
            ip_flags: (ip_flags != IpFlags(0)).then_some(ip_flags),
            // What the partner said of its DNS is kept for it, and is not this server's to say.
            ddns: binding.carried.ddns_option().filter(|_| self.config.dynamic_dns),
            client_request_options: carried.request_options.filter(|_| by_request),
            client_reply_options: carried.reply_options.filter(|_| active),
            ..BindingUpdate::default()
        }
    }

    /// BNDACK: an answer to each update of one message.
    pub(super) fn on_bndack(&mut self, now: Now, xid: Xid, bndack: &BndAck<'_>) {
        let mut is_ours = false;
        for BindingReply { address, reject } in bndack.replies() {
            let Some(flight) = self.updates.landed(now, xid, address) else {
                self.unexpected(MessageType::BNDACK, "no such update is outstanding");
                continue;
            };
            is_ours = true;
            match reject {
                Some(reject) => self.update_was_rejected(now, flight, reject),
                None => self.update_was_accepted(now, flight),
            }
            if flight.again {
                self.updates.push(address, self.last_commit);
            }
        }
        if is_ours {
            self.give_up_unanswered(now, xid);
        }
    }

    /// No other answer will come to the updates that the answer to their message has left out
    /// (§6.3): they count as not accepted, and are sent again after a while.
    fn give_up_unanswered(&mut self, now: Now, xid: Xid) {
        while let Some(address) = self.updates.in_flight.any_of(xid) {
            let Some(flight) = self.updates.landed(now, xid, address) else { return };
            self.unexpected(MessageType::BNDACK, "it leaves an address of its update out");
            self.second_thoughts.note(now, address, Rejected::ByPartner);
            if flight.again {
                self.updates.push(address, self.last_commit);
            }
        }
    }

    fn update_was_accepted(&mut self, now: Now, flight: InFlight) {
        self.stats.updates_accepted_by_partner =
            self.stats.updates_accepted_by_partner.saturating_add(1);
        let Some(mut binding) = self.table.get(flight.address) else { return };
        let own = binding.clone();
        match flight.since {
            Since::Void => return,
            Since::Changed => {
                if flight.binding_status == BindingStatus::Active {
                    binding.acked_potential_expiration = flight.potential_expiration;
                }
            }
            Since::Unchanged => self.settle(now, &mut binding, flight),
        }
        if own.binding_status != binding.binding_status {
            self.prepare_offer(&own, &mut binding);
        }
        let is_news = flight.since == Since::Unchanged && !binding.partner_knows;
        let commit = self.store_binding(binding);
        if is_news {
            self.note_news(flight.address, commit);
        }
    }

    /// The partner has accepted exactly what the binding is now.
    fn settle(&mut self, now: Now, binding: &mut Binding, flight: InFlight) {
        binding.partner_knows = true;
        let recalled = self.table.is_marked(flight.address, Mark::Recalled);
        match binding.binding_status {
            BindingStatus::Active => {
                binding.acked_potential_expiration = flight.potential_expiration;
            }
            BindingStatus::Expired | BindingStatus::Released | BindingStatus::Reset => {
                // Before its wait is over a partner that lost its store agrees to what it may have
                // leased anew (§9.6).
                if !self.partner_has_to_wait() {
                    self.dns_removal_due(binding);
                    self.become_free(now, binding);
                }
            }
            BindingStatus::Backup if recalled => self.become_free(now, binding),
            BindingStatus::Free | BindingStatus::Backup | BindingStatus::Abandoned => {}
        }
    }

    fn update_was_rejected(&mut self, now: Now, flight: InFlight, reject: Reject<'_>) {
        self.stats.updates_rejected_by_partner =
            self.stats.updates_rejected_by_partner.saturating_add(1);
        self.second_thoughts.note(now, flight.address, Rejected::ByPartner);
        self.events.push(Event::UpdateRejectedByPartner {
            address: flight.address,
            reason: reject.reason,
            text: String::from_utf8_lossy(reject.message.unwrap_or_default()).into_owned(),
        });
        self.table.set_mark(flight.address, Mark::Recalled, false);
        if matches!(flight.binding_status, BindingStatus::Free | BindingStatus::Backup) {
            self.note_refused_move(flight.address);
        }
        let Some(mut binding) = self.table.get(flight.address) else { return };
        // An address that the partner refuses to take over for a reason that shows it has not
        // taken it goes back to where it was (§5.4).
        let not_taken =
            matches!(reject.reason, RejectReason::ILLEGAL_ADDRESS | RejectReason::NOT_RESERVED);
        if flight.since == Since::Unchanged
            && not_taken
            && flight.binding_status == BindingStatus::Backup
            && self.config.role == Role::Primary
        {
            binding.binding_status = BindingStatus::Free;
            binding.start_of_status = now.wall;
            self.store_binding(binding);
        }
    }

    /// The end of a lease that both servers agree on: the address belongs to the primary.
    pub(super) fn become_free(&mut self, now: Now, binding: &mut Binding) {
        binding.binding_status = BindingStatus::Free;
        binding.start_of_status = now.wall;
        binding.sent_potential_expiration = UnixTime::ABSENT;
        binding.acked_potential_expiration = UnixTime::ABSENT;
        binding.carried = binding.carried.ended();
        if !self.config.dialect.keeps_promises_of_ended_leases() {
            binding.received_potential_expiration = UnixTime::ABSENT;
        }
        self.table.set_mark(binding.address, Mark::EndReported, false);
        self.table.set_mark(binding.address, Mark::Recalled, false);
    }
}

/// potential-expiration-time of an ACTIVE binding, later than its lease-expiration-time (§7.1.1).
/// The partner's own promise is repeated to it where it is the later: this server's leases may rest on
/// it, and a partner that lost its store knows of it no more (§5.2.1).
fn promised(binding: &Binding) -> UnixTime {
    let promises = binding.sent_potential_expiration.max(binding.received_potential_expiration);
    promises.max(binding.lease_expiration.plus(1))
}

/// Type octet, then the address, as §12.5 has it.
fn write_hardware<'a>(
    address: &HardwareAddress,
    space: &'a mut [u8; 1 + MAX_HARDWARE_OCTETS],
) -> Option<&'a [u8]> {
    let octets = address.octets();
    let (htype, rest) = space.split_first_mut()?;
    *htype = address.htype();
    rest.get_mut(..octets.len())?.copy_from_slice(octets);
    space.get(..=octets.len())
}
