//! Leases that only a lost store knew to the end.
//!
//! A server may prolong a lease to MCLT after what the other has promised, and die before it has told
//! (§5.2.1). With its store the one record of that is gone: RECOVER-WAIT covers what rested on no promise,
//! but a promise may reach further than MCLT from then on (§9.6). So, between two twinlease, a lease that was
//! last heard of before the loss holds until MCLT after what was promised, if its client is not heard again.

use crate::binding::Binding;
use crate::binding::table::RangeId;
use crate::time::{Now, UnixTime};
use crate::wire::codes::BindingStatus;

use super::FailoverEndpoint;

impl FailoverEndpoint {
    /// All that is asked for on either side shows that a store was lost: what is on record of the
    /// leases may not be all. A dhcpd would not understand why a lease that has ended is held.
    pub(super) fn a_store_was_lost(&mut self, now: Now) {
        if !self.partner.is_twinlease() {
            return;
        }
        self.record.unsure_before = self.record.unsure_before.max(now.wall);
        self.commit_record();
    }

    /// What the partner would be told has ended, and believe, having lost what it knew of it.
    pub(super) fn restore_unsure_leases(&mut self, now: Now) {
        let mut ended = Vec::new();
        for (id, _) in (0_u16..).zip(&self.config.ranges) {
            for status in [BindingStatus::Expired, BindingStatus::Released] {
                ended.extend(self.table.queue(RangeId(id), status));
            }
        }
        for address in ended {
            if let Some(own) = self.table.get(address) {
                self.prolong_if_unsure(now, &own);
            }
        }
    }

    /// The lease goes on as long as the client may have it, if that is longer than is on record.
    pub(super) fn prolong_if_unsure(&mut self, now: Now, own: &Binding) -> bool {
        let Some(lease_expiration) = self.unsure_until(now, own) else { return false };
        let next = Binding {
            binding_status: BindingStatus::Active,
            lease_expiration,
            sent_potential_expiration: own.sent_potential_expiration.max(lease_expiration.plus(1)),
            // Once for each loss.
            start_of_status: now.wall,
            partner_knows: false,
            ..own.clone()
        };
        let commit = self.store_binding(next);
        self.note_news(own.address, commit);
        true
    }

    /// Until when the client of a lease that ended on record may have it all the same.
    fn unsure_until(&self, now: Now, own: &Binding) -> Option<UnixTime> {
        let before = self.record.unsure_before;
        let heard_since = own.client_last_transaction >= before || own.start_of_status >= before;
        let promised = own
            .sent_potential_expiration
            .max(own.acked_potential_expiration)
            .max(own.received_potential_expiration);
        let until = promised.plus(self.mclt.0);
        let is_unsure =
            !heard_since && promised.is_known() && until > now.wall && !until.is_infinite();
        is_unsure.then_some(until)
    }
}
