//! What a server in PARTNER-DOWN does with ended leases once their waits are over (§9.4.2): nobody is
//! there to agree, so it frees the addresses itself; and what it does with those to which a partner has
//! agreed that had to wait first (§9.6).
//!
//! They can be leased from that moment on in any case; that they are FREE on record is what operators
//! see, and what the partner is told on its return. So there is no hurry: the table is looked through
//! piece by piece.

use core::net::Ipv4Addr;
use core::time::Duration;

use crate::balance::Role;
use crate::binding::Binding;
use crate::binding::table::RangeId;
use crate::time::{Instant, Now};
use crate::wire::codes::BindingStatus;

use super::FailoverEndpoint;

/// Addresses looked at in one step: few enough that no client waits for it.
const PIECE: usize = 4096;

/// Between two pieces.
const PIECE_PAUSE: Duration = Duration::from_millis(100);

/// Between the end of the table and its beginning.
const ROUND_PAUSE: Duration = Duration::from_secs(10);

/// Where the look through the table stands.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub(super) struct Freeing {
    next: Option<Instant>,
    behind: Option<Ipv4Addr>,
}

impl FailoverEndpoint {
    pub(super) fn freeing_timer(&mut self, now: Now) {
        if self.partner_down_since().is_none() {
            self.freeing = Freeing::default();
            return;
        }
        if self.freeing.next.is_some_and(|at| at > now.monotonic) {
            return;
        }
        let piece: Vec<Ipv4Addr> =
            self.table.addresses_after(self.freeing.behind).take(PIECE).collect();
        for address in &piece {
            self.free_after_waits(now, *address);
        }
        let behind = piece.last().copied().filter(|_| piece.len() == PIECE);
        let pause = if behind.is_some() { PIECE_PAUSE } else { ROUND_PAUSE };
        self.freeing = Freeing { next: Some(now.monotonic.after(pause)), behind };
    }

    /// The ended leases to which the partner has agreed while it was recovering are free once it has
    /// waited.
    pub(super) fn free_what_was_agreed(&mut self, now: Now) {
        let ended = [BindingStatus::Expired, BindingStatus::Released, BindingStatus::Reset];
        let mut agreed = Vec::new();
        for (id, _) in (0_u16..).zip(&self.config.ranges) {
            for status in ended {
                agreed.extend(self.table.queue(RangeId(id), status));
            }
        }
        for address in agreed {
            let Some(own) = self.table.get(address).filter(|own| own.partner_knows) else {
                continue;
            };
            self.free(now, &own, true);
        }
    }

    pub(super) fn next_freeing(&self) -> Option<Instant> {
        self.freeing.next.filter(|_| self.partner_down_since().is_some())
    }

    fn free_after_waits(&mut self, now: Now, address: Ipv4Addr) {
        let ended = matches!(
            self.table.status_of(address),
            Some(BindingStatus::Expired | BindingStatus::Released | BindingStatus::Reset)
        );
        let Some(own) = self.table.get(address).filter(|_| ended) else { return };
        if !self.is_reallocatable(&own, now) || !self.may_use_free_addresses(now) {
            return;
        }
        self.free(now, &own, false);
    }

    /// The address of an ended lease becomes FREE; `agreed` says that the partner knows.
    fn free(&mut self, now: Now, own: &Binding, agreed: bool) {
        let mut next = own.clone();
        self.dns_removal_due(&next);
        self.become_free(now, &mut next);
        next.partner_knows = agreed;
        self.prepare_offer(own, &mut next);
        let is_news = !next.partner_knows;
        let commit = self.store_binding(next);
        if is_news {
            self.note_news(own.address, commit);
        }
    }

    /// FREE is the primary's: a secondary may give such addresses away an MCLT after PARTNER-DOWN
    /// began, and an ended lease of its own before that.
    fn may_use_free_addresses(&self, now: Now) -> bool {
        let Some(since) = self.partner_down_since() else { return false };
        self.config.role == Role::Primary || now.wall >= since.plus(self.mclt.0)
    }
}
