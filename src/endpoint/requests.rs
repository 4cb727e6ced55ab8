//! UPDREQ and UPDREQALL in both directions, and UPDDONE (§7.3 to §7.5).

use core::net::Ipv4Addr;
use core::time::Duration;

use crate::binding::Binding;
use crate::durable::EndpointRecord;
use crate::time::{Instant, Now};
use crate::wire::bndupd::{BindingReply, BndAck};
use crate::wire::codes::{FailoverState, MessageType, RejectReason, Xid};
use crate::wire::connect::Reject;
use crate::wire::message::Message;

use super::FailoverEndpoint;
use super::event::{Event, LinkEnd};
use super::outbox::Outgoing;
use super::transitions::EndpointEvent;

/// Time without any update after which a request counts as stalled (§9.5.2).
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// The same until a dhcpd is asked again, with room made in its window. It begins to answer at once.
const SILENCE: Duration = Duration::from_secs(10);

/// Walks through all bindings that the partner's requests may bring about within [`WALK_INTERVAL`].
/// Requests beyond that are answered together when it is over, so that a partner that asks without
/// end is no more work than one that asks now and then.
const WALKS: u32 = 16;

/// See [`WALKS`].
const WALK_INTERVAL: Duration = Duration::from_secs(1);

/// This server's own request, and the partner's.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Requests {
    outstanding: Option<Outstanding>,
    /// The partner's latest, until the walk begins that answers it.
    asked: Option<Asked>,
    /// When the present interval of such walks began, and how many there were in it.
    walks: (Option<Instant>, u32),
    /// A request was not answered to its end: updates may be in flight that nobody will answer.
    was_cut_off: bool,
}

#[derive(Clone, Copy, Debug, Hash)]
struct Outstanding {
    /// `None` until the request has left.
    xid: Option<Xid>,
    all: bool,
    received: u64,
    last_progress: Instant,
    /// Room is made in the partner's window just before.
    makes_room: bool,
}

/// A request of the partner.
#[derive(Clone, Copy, Debug, Hash)]
struct Asked {
    xid: Xid,
    all: bool,
}

impl Requests {
    /// What a process begins with that finds `record`: the one before may have died while it asked.
    pub(super) fn after(record: &EndpointRecord) -> Self {
        let was_cut_off = record.state == FailoverState::Recover && record.partner_state.is_some();
        Self { was_cut_off, ..Self::default() }
    }

    /// The answer counts no more.
    pub(super) fn forget(&mut self) {
        self.outstanding = None;
    }

    /// A request dies with its connection (§9.5.2).
    pub(super) fn cut_off(&mut self) {
        self.was_cut_off |= self.outstanding.take().is_some();
        self.asked = None;
    }

    /// Whether the partner has asked for something that is not being answered yet.
    pub(super) fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// When the walk begins that answers the partner's request.
    fn answers_at(&self) -> Option<Instant> {
        self.asked?;
        match self.walks {
            (Some(since), WALKS..) => Some(since.after(WALK_INTERVAL)),
            _ => Some(Instant::default()),
        }
    }

    /// The partner's request, if it may be answered now.
    fn take_asked(&mut self, now: Now) -> Option<Asked> {
        self.answers_at().filter(|at| *at <= now.monotonic)?;
        let asked = self.asked.take();
        self.may_walk(now);
        asked
    }

    /// Whether the partner may bring about one more walk now; if so, that counts as one.
    pub(super) fn may_walk(&mut self, now: Now) -> bool {
        match &mut self.walks {
            (Some(since), count) if now.monotonic < since.after(WALK_INTERVAL) => {
                *count = count.saturating_add(1);
                *count <= WALKS
            }
            walks => {
                *walks = (Some(now.monotonic), 1);
                true
            }
        }
    }

    /// Updates received since the request under way.
    pub(super) fn received_so_far(&self) -> Option<u64> {
        self.outstanding.map(|outstanding| outstanding.received)
    }

    pub(super) fn is_outstanding(&self) -> bool {
        self.outstanding.is_some()
    }

    /// An update arrived.
    pub(super) fn received(&mut self, now: Now) {
        if let Some(outstanding) = &mut self.outstanding {
            outstanding.received = outstanding.received.saturating_add(1);
            outstanding.last_progress = now.monotonic;
        }
    }

    /// When the request counts as stalled.
    fn stalls_at(&self) -> Option<Instant> {
        self.outstanding.map(|outstanding| outstanding.last_progress.after(STALL_TIMEOUT))
    }

    /// When a dhcpd that says nothing is asked again; once, and only if it said nothing at all.
    fn asks_again_at(&self) -> Option<Instant> {
        let unheard = self.outstanding.filter(|asked| asked.received == 0 && !asked.makes_room);
        unheard.map(|outstanding| outstanding.last_progress.after(SILENCE))
    }
}

impl FailoverEndpoint {
    /// Asks for what the partner has, unless that is under way on this connection. Everything is
    /// asked for if own bindings may be missing, else what was never acknowledged.
    pub(super) fn request_updates(&mut self, now: Now) {
        if !self.communications_ok() || self.requests.is_outstanding() {
            return;
        }
        let makes_room = self.requests.was_cut_off && self.partner.is_dhcpd();
        self.ask(now, makes_room);
    }

    fn ask(&mut self, now: Now, makes_room: bool) {
        let all = self.record.storage_lost;
        if all {
            self.a_store_was_lost(now);
        }
        // Asking again is no progress.
        let before = self.requests.outstanding;
        let last_progress = before.map_or(now.monotonic, |asked| asked.last_progress);
        self.requests.was_cut_off = false;
        self.requests.outstanding =
            Some(Outstanding { xid: None, all, received: 0, last_progress, makes_room });
        self.events.push(Event::UpdatesRequested { all });
        self.outbox.push(self.last_commit, Outgoing::UpdReq { all });
    }

    /// The request leaves now; what left before it had smaller xids.
    pub(super) fn send_update_request(&mut self, now: Now, all: bool) {
        if self.requests.outstanding.is_some_and(|asked| asked.makes_room) {
            self.make_room_in_window(now);
        }
        let xid = self.take_xid();
        if let Some(outstanding) = &mut self.requests.outstanding {
            outstanding.xid = Some(xid);
        }
        let message = if all { Message::UpdReqAll } else { Message::UpdReq };
        self.transmit_now(now, xid, &message);
    }

    /// A dhcpd that loses the connection in PARTNER-DOWN or RECOVER waits for ever for the answers to
    /// what it has in flight, and repeats none of it: with a full window it never speaks again, and
    /// otherwise it calls a request answered whose updates are missing. Nobody knows which ones are in
    /// flight if they never arrived. A rejection takes an address out, whatever the xid, and does
    /// nothing where none is in flight; the request that follows brings back what was forgotten so.
    fn make_room_in_window(&mut self, now: Now) {
        let reason = Reject { reason: RejectReason::UNKNOWN, message: None };
        let addresses: Vec<Ipv4Addr> = self.table.addresses_after(None).collect();
        for address in addresses {
            let reply = [BindingReply { address, reject: Some(reason) }];
            self.transmit_now(now, Xid(0), &Message::BndAck(BndAck::of(&reply)));
        }
    }

    /// The partner's request: a newer one replaces an older one, a request for all stays one for
    /// all until it is done (§7.4.2, §5.17).
    pub(super) fn on_update_request(&mut self, now: Now, xid: Xid, all: bool) {
        let event =
            if all { EndpointEvent::AllUpdatesRequested } else { EndpointEvent::UpdatesRequested };
        self.apply_event(now, event);
        self.events.push(Event::PartnerRequestsUpdates { all });
        if all && !self.record.owes_update_all {
            self.record.owes_update_all = true;
            self.commit_record();
        }
        let all = all || self.requests.asked.is_some_and(|earlier| earlier.all);
        self.requests.asked = Some(Asked { xid, all });
    }

    /// Begins to answer the partner's request, unless it asks all the time.
    fn answer_update_request(&mut self, now: Now) {
        let Some(Asked { xid, all }) = self.requests.take_asked(now) else { return };
        if all {
            self.a_store_was_lost(now);
            self.restore_unsure_leases(now);
            self.withdraw_recalls();
            self.mark_all_unknown();
        }
        self.start_sweep(Some(xid));
    }

    /// Whatever was acknowledged: the partner has lost it.
    pub(super) fn mark_all_unknown(&mut self) {
        self.mark_unknown(Binding::was_ever_used);
    }

    /// The partner is to be told these bindings again.
    pub(super) fn mark_unknown(&mut self, which: fn(&Binding) -> bool) {
        let mut cursor = None;
        loop {
            let next = self.table.addresses_after(cursor).next();
            let Some(address) = next else { break };
            cursor = next;
            let Some(mut binding) = self.table.get(address) else { continue };
            if binding.partner_knows && which(&binding) {
                binding.partner_knows = false;
                // Not committed one by one: `owes_update_all` stands for all of them in the store, and
                // what an operator wanted is not taken up by the next process.
                let known = self.table.put(&binding);
                debug_assert!(known.is_ok(), "the address came from the table");
            }
        }
    }

    pub(super) fn on_update_done(&mut self, now: Now, xid: Xid) {
        let Some(outstanding) = self.requests.outstanding.filter(|asked| asked.xid == Some(xid))
        else {
            self.apply_event(now, EndpointEvent::StrayUpdateDone);
            self.unexpected(MessageType::UPDDONE, "no such request is outstanding");
            return;
        };
        self.requests.outstanding = None;
        self.events.push(Event::UpdatesComplete { received: outstanding.received });
        if outstanding.all {
            self.record.storage_lost = false;
        }
        self.updates_complete(now);
    }

    /// When a partner that answers no update counts as unreachable (§9.8.4).
    pub(super) fn unacknowledged_at(&self) -> Option<Instant> {
        let since = self.updates.unanswered_since()?;
        self.config.acknowledgement_wait.map(|wait| since.after(wait))
    }

    pub(super) fn request_timers(&mut self, now: Now) {
        self.answer_update_request(now);
        if self.partner.is_dhcpd()
            && self.requests.asks_again_at().is_some_and(|at| at <= now.monotonic)
        {
            self.ask(now, true);
        }
        let stalled = self.requests.stalls_at().is_some_and(|at| at <= now.monotonic);
        if let Some(link) = self.link_in_use().filter(|_| stalled) {
            let reason = (RejectReason::UNKNOWN, "no update arrives");
            self.close_link(now, link, LinkEnd::Stalled, Some(reason));
        }
        let silent = self.unacknowledged_at().is_some_and(|at| at <= now.monotonic);
        if let Some(link) = self.link_in_use().filter(|_| silent) {
            let reason = (RejectReason::UNKNOWN, "no update is acknowledged");
            self.close_link(now, link, LinkEnd::Unacknowledged, Some(reason));
        }
    }

    pub(super) fn next_request_timer(&self) -> Option<Instant> {
        let again = self.requests.asks_again_at().filter(|_| self.partner.is_dhcpd());
        let timers = [again, self.requests.stalls_at(), self.requests.answers_at()];
        timers.into_iter().flatten().min()
    }
}
