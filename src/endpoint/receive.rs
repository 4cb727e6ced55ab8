//! Updates from the partner: checked, decided, made durable, answered (§7.1.2, §7.1.3).

use core::net::Ipv4Addr;

use crate::balance::Role;
use crate::binding::accept::{self, Acceptance, ReceivedUpdate};
use crate::binding::carried::Parts;
use crate::binding::client::MAX_IDENTIFIER_OCTETS;
use crate::binding::table::Mark;
use crate::binding::{Binding, Carried, Client, ClientIdentifier, HardwareAddress};
use crate::time::{Now, UnixTime};
use crate::wire::bndupd::{BindingUpdate, BndUpd};
use crate::wire::codes::{BindingStatus, FailoverState, IpFlags, RejectReason, Xid};
use crate::wire::ddns::Ddns;

use super::FailoverEndpoint;
use super::event::Event;
use super::outbox::{Acknowledgement, Outgoing, Reply};
use super::second_thoughts::Rejected;

/// Seconds by which a dhcpd primary may report the end of a lease that both servers know to end
/// later: it allows its partner as much for clocks that differ, never repeats a rejected report, and
/// alone decides what becomes of the address.
const EXPIRY_TOLERANCE: u32 = 65;

/// The same for a dhcpd secondary. The address becomes this server's to give, and this server sees
/// the end itself: only what the clock delta leaves open is allowed.
const SECONDARYS_EXPIRY_TOLERANCE: u32 = 5;

/// Two servers that know the same end of a lease may differ by rounding of the clock delta.
const SAME_END: u32 = 2;

/// Windows of answers that are kept for a dhcpd when a connection breaks: those to the updates that
/// came on it, and those of the connection before that waited to be repeated on it.
const OWED_WINDOWS: usize = 2;

type Rejection = (RejectReason, &'static str);

impl FailoverEndpoint {
    /// BNDUPD: one BNDACK with an answer to each transaction, after the accepted ones are durable.
    pub(super) fn on_bndupd(&mut self, now: Now, xid: Xid, bndupd: &BndUpd<'_>) {
        let mut replies = bndupd.updates().map(|update| {
            let reject = self.process_update(now, &update).err();
            if let Some((reason, text)) = reject {
                self.stats.updates_rejected = self.stats.updates_rejected.saturating_add(1);
                self.events.push(Event::UpdateRejected { address: update.address, reason, text });
            } else {
                self.stats.updates_accepted = self.stats.updates_accepted.saturating_add(1);
            }
            Reply { address: update.address, reject }
        });
        let Some(first) = replies.next() else { return };
        let more: Vec<Reply> = replies.collect();
        self.requests.received(now);
        let acknowledgement = Acknowledgement { xid, first, more };
        self.outbox.push(self.last_commit, Outgoing::BndAck(acknowledgement));
    }

    fn process_update(&mut self, now: Now, update: &BindingUpdate<'_>) -> Result<(), Rejection> {
        let received = self.read_update(update)?;
        let Some(own) = self.table.get(received.address) else {
            return Err((RejectReason::ILLEGAL_ADDRESS, "address in no pool of the relationship"));
        };
        if received.binding_status == BindingStatus::Backup
            && received.ip_flags.contains(IpFlags::RESERVED)
            && !self.is_reserved(own.address)
            && self.config.dialect.rejects_unknown_reservations()
        {
            return Err((RejectReason::NOT_RESERVED, "address is not reserved on this server"));
        }
        match self.decide(now, &own, &received) {
            Acceptance::Accept => {
                self.accept_update(now, &own, &received);
                Ok(())
            }
            Acceptance::Reject(reason, text) => {
                self.offer_own_view(now, own);
                Err((reason, text))
            }
        }
    }

    /// The update in local terms: times in the local clock, missing parts filled (§5.10, §7.1.1).
    fn read_update(&self, update: &BindingUpdate<'_>) -> Result<ReceivedUpdate, Rejection> {
        const MISSING: RejectReason = RejectReason::MISSING_BINDING_INFORMATION;
        if update.repeated.is_some() {
            return Err((MISSING, "an option occurs twice"));
        }
        if update.address == Ipv4Addr::UNSPECIFIED {
            return Err((MISSING, "assigned-IP-address is missing"));
        }
        let binding_status = update
            .binding_status
            .and_then(BindingStatus::from_code)
            .ok_or((MISSING, "binding-status is missing or none of 1 to 7"))?;
        let hardware =
            match update.client_hardware_address {
                None => None,
                Some(option) => Some(HardwareAddress::from_wire(option).ok_or((
                    MISSING,
                    "client-hardware-address is empty or longer than 17 octets",
                ))?),
            };
        if binding_status == BindingStatus::Active {
            if hardware.is_none() {
                return Err((MISSING, "ACTIVE without client-hardware-address"));
            }
            // A time of 0 is none. A dhcpd sends one as a promise, but never as the end of a lease.
            let ends = update.lease_expiration.is_some_and(UnixTime::is_known);
            if !ends || update.potential_expiration.is_none() {
                return Err((MISSING, "ACTIVE without its expiration times"));
            }
        }
        if update.client_identifier.is_some_and(|octets| octets.len() > MAX_IDENTIFIER_OCTETS) {
            return Err((MISSING, "client-identifier is longer than 255 octets"));
        }
        let identifier = update.client_identifier.and_then(ClientIdentifier::new);
        let client =
            (identifier.is_some() || hardware.is_some()).then_some(Client { identifier, hardware });
        let correction = self.partner.correction();
        let local =
            |time: Option<UnixTime>| time.unwrap_or(UnixTime::ABSENT).shifted_by(correction);
        Ok(ReceivedUpdate {
            address: update.address,
            binding_status,
            client,
            lease_expiration: local(update.lease_expiration),
            potential_expiration: local(update.potential_expiration),
            start_of_status: local(update.start_of_status),
            client_last_transaction: local(update.client_last_transaction),
            ip_flags: update.ip_flags.unwrap_or(IpFlags(0)),
            carried: Carried::new(Parts {
                request_options: update.client_request_options,
                reply_options: update.client_reply_options,
                ddns: update.ddns.and_then(Ddns::from_wire),
            }),
        })
    }

    /// The table of §7.1.3, with what a dhcpd means by its updates taken into account.
    fn decide(&self, now: Now, own: &Binding, received: &ReceivedUpdate) -> Acceptance {
        let dialect = self.config.dialect;
        if own.binding_status == BindingStatus::Abandoned
            && own.partner_knows
            && dialect.frees_abandoned_by_time()
            && self.partner.is_dhcpd()
        {
            return Acceptance::Accept;
        }
        if dialect.dates_release_by_lease_expiration() && is_later_release(own, received) {
            return Acceptance::Accept;
        }
        if self.partner.is_twinlease() && is_prolonged(now, own, received) {
            return Acceptance::Accept;
        }
        let same_end = received.lease_expiration.plus(SAME_END) >= own.lease_expiration;
        let wall = if same_end && dialect.expires_by_its_own_clock() {
            now.wall.plus(match self.config.role {
                Role::Primary => SECONDARYS_EXPIRY_TOLERANCE,
                Role::Secondary => EXPIRY_TOLERANCE,
            })
        } else {
            now.wall
        };
        accept::decide(self.config.role, own, received, wall)
    }

    fn accept_update(&mut self, now: Now, own: &Binding, received: &ReceivedUpdate) {
        // In PARTNER-DOWN no wait that is running gets shorter by what the partner reports (§9.4.2).
        let keeps_promises = self.config.dialect.keeps_promises_of_ended_leases()
            || self.state() == FailoverState::PartnerDown;
        if received.carried.parts().ddns.is_some() {
            self.dns_of_partner(received.address);
        }
        let mut next = accept::apply(own, received, now.wall, keeps_promises);
        if next.binding_status == BindingStatus::Free && self.is_offered(own) {
            return self.keep_offer(own, next);
        }
        // Both servers may have heard the same client: what this one heard later stays news.
        let news_of_own = !own.partner_knows
            && own.binding_status == BindingStatus::Active
            && next.binding_status == BindingStatus::Active
            && received.client.as_ref().is_some_and(|client| own.belongs_to(&client.as_ref()))
            && own.client_last_transaction > received.client_last_transaction;
        if news_of_own {
            next.partner_knows = false;
        } else {
            self.dns_of_crossing_reports(own, received.binding_status);
            self.updates.supersede(own.address);
            self.prepare_offer(own, &mut next);
            if self.rejection_may_hide_answer(own.address, received.binding_status) {
                next.partner_knows = false;
            }
        }
        let is_offer =
            !news_of_own && !next.partner_knows && !self.second_thoughts.holds(own.address);
        self.table.set_mark(own.address, Mark::EndReported, false);
        self.table.set_mark(own.address, Mark::Recalled, false);
        if next != *own {
            let commit = self.store_binding(next);
            if is_offer {
                self.note_news(own.address, commit);
            }
        }
    }

    /// Whether the partner may own the address by an offer that it has not answered, or will.
    fn is_offered(&self, own: &Binding) -> bool {
        let recalled = self.table.is_marked(own.address, Mark::Recalled);
        let told = self.updates.told_in_flight(own.address);
        self.config.role == Role::Primary
            && own.binding_status == BindingStatus::Backup
            && !own.partner_knows
            && (!recalled || told == Some(BindingStatus::Backup))
    }

    /// The report of an end crosses the offer of the address, or is repeated behind it. The partner
    /// accepts the offer whenever it arrives, so the address stays the partner's (§5.4).
    fn keep_offer(&mut self, own: &Binding, freed: Binding) {
        let kept = Binding {
            binding_status: own.binding_status,
            start_of_status: own.start_of_status,
            partner_knows: false,
            ..freed
        };
        let is_under_way = self.updates.is_under_way(own.address);
        if kept != *own {
            let commit = self.store_binding(kept);
            if !is_under_way {
                self.note_news(own.address, commit);
            }
        }
    }

    /// A dhcpd does not look at the xid of a rejection: that of an earlier update makes it forget a
    /// later one about the same address, whose acceptance it then ignores. A lease that ended would
    /// stay RELEASED there, so it is told what the address is now when the rejection is brought up.
    fn rejection_may_hide_answer(&self, address: Ipv4Addr, received: BindingStatus) -> bool {
        let ended = matches!(
            received,
            BindingStatus::Expired | BindingStatus::Released | BindingStatus::Reset
        );
        ended && self.partner.is_dhcpd() && self.second_thoughts.holds(address)
    }

    /// What was rejected shows that the partner does not know better; it is told after a while, so
    /// that two servers never argue in a loop (§7.1.3).
    fn offer_own_view(&mut self, now: Now, own: Binding) {
        self.second_thoughts.note(now, own.address, Rejected::ByUs);
        if own.partner_knows {
            self.store_binding(Binding { partner_knows: false, ..own });
        }
    }

    /// Answers that had not left when the connection broke. A dhcpd waits for them for ever, on
    /// whatever connection; anybody else sends its updates again (§8.6).
    pub(super) fn keep_unsent_acknowledgements(&mut self) {
        let unsent: Vec<Acknowledgement> = self.outbox.drain_acknowledgements().collect();
        if self.partner.is_dhcpd() {
            self.owed_acknowledgements.extend(unsent);
            let most = self.window().saturating_mul(OWED_WINDOWS);
            let excess = self.owed_acknowledgements.len().saturating_sub(most);
            self.owed_acknowledgements.drain(..excess);
        } else {
            self.owed_acknowledgements.clear();
            self.recent_acknowledgements.clear();
        }
    }

    /// On a new connection with a dhcpd: the answers of the former one once more, with their xids.
    pub(super) fn repeat_acknowledgements(&mut self) {
        let recent = core::mem::take(&mut self.recent_acknowledgements);
        let owed = core::mem::take(&mut self.owed_acknowledgements);
        if !self.partner.is_dhcpd() {
            return;
        }
        for acknowledgement in recent.into_iter().chain(owed) {
            self.outbox.push(self.last_commit, Outgoing::BndAck(acknowledgement));
        }
    }

    /// Remembers an answer that has been handed to a connection with a dhcpd, as many as the
    /// partner may have in flight.
    pub(super) fn remember_acknowledgement(&mut self, acknowledgement: Acknowledgement) {
        if !self.partner.is_dhcpd() {
            return;
        }
        let window = self.window();
        while self.recent_acknowledgements.len() >= window {
            self.recent_acknowledgements.pop_front();
        }
        self.recent_acknowledgements.push_back(acknowledgement);
    }

    /// Updates that the partner may have in flight.
    fn window(&self) -> usize {
        usize::try_from(self.config.max_unacked_bndupd).unwrap_or(usize::MAX)
    }

    /// Whether the secondary's own allocations come from this status.
    pub(super) fn own_free_status(&self) -> BindingStatus {
        match self.config.role {
            Role::Primary => BindingStatus::Free,
            Role::Secondary => BindingStatus::Backup,
        }
    }
}

/// Whether the partner holds on to a lease that ended here, after a loss of which this server has not
/// heard (`lost_store`): neither has heard from the client since.
fn is_prolonged(now: Now, own: &Binding, received: &ReceivedUpdate) -> bool {
    own.binding_status == BindingStatus::Expired
        && received.binding_status == BindingStatus::Active
        && received.client_last_transaction == own.client_last_transaction
        && received.lease_expiration > now.wall
        && received.client.as_ref().is_some_and(|client| own.belongs_to(&client.as_ref()))
}

/// Whether a dhcpd reports that the client released the lease after this server last heard of it.
/// Within the same second, what the partner says later happened later.
fn is_later_release(own: &Binding, received: &ReceivedUpdate) -> bool {
    let released = received.lease_expiration;
    let last_heard = own.client_last_transaction;
    own.binding_status == BindingStatus::Active
        && received.binding_status == BindingStatus::Released
        && released.is_known()
        && released == received.potential_expiration
        && (released > last_heard || released == last_heard && own.partner_knows)
}
