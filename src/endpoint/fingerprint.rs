//! Which states of an endpoint are the same: for those who explore what a pair can do.

use core::hash::{Hash, Hasher};

use super::FailoverEndpoint;

impl FailoverEndpoint {
    /// Feeds all that decides about future outputs into `hasher`, bindings and timers included: two
    /// endpoints of equal configuration that feed the same answer the same inputs alike.
    ///
    /// Left out are statistics, which decide nothing, and outputs that have not been taken: the
    /// question makes sense once [`poll_output`](Self::poll_output) has said
    /// [`Output::Idle`](super::Output::Idle).
    pub fn hash_state<H: Hasher>(&self, hasher: &mut H) {
        // Without `..`, so that no field can be forgotten.
        let Self {
            config: _,
            record,
            startup,
            table,
            reserved: _,
            buckets,
            delayed_service,
            mclt,
            links,
            dial,
            authentication,
            partner,
            outbox,
            owed_acknowledgements,
            recent_acknowledgements,
            updates,
            requests,
            second_thoughts,
            pool,
            deferred_expiry,
            freeing,
            foresight,
            partner_updates_dns,
            timers,
            last_xid,
            last_commit,
            durable,
            storage_failed,
            now: _,
            outputs: _,
            events: _,
            transmit,
            stats: _,
            applied: _,
        } = self;
        (record, startup, table, buckets, delayed_service, mclt).hash(hasher);
        (links, dial, partner, outbox, owed_acknowledgements, recent_acknowledgements).hash(hasher);
        authentication.hash_state(hasher);
        (updates, requests, second_thoughts, pool, deferred_expiry, freeing, foresight)
            .hash(hasher);
        (partner_updates_dns, timers, last_xid, last_commit, durable, storage_failed).hash(hasher);
        transmit.hash(hasher);
    }
}
