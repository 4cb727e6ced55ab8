//! Which of the two servers updates the DNS for a client, and when (§5.12).
//!
//! This crate speaks no DNS. It tells the DHCP server around it what is due ([`Event::DnsUpdateDue`],
//! [`Event::DnsRemovalDue`]), takes note of what has been done (`BindingChange::DnsUpdated`), and
//! carries that to the partner, so that either server can finish what the other began.
//!
//! Invariant: records are removed by one server: the one whose report of the end of the lease was
//! acknowledged, or the primary where both reports crossed and nobody's was.

use core::net::Ipv4Addr;

use crate::balance::Role;
use crate::binding::Binding;
use crate::durable::CommitId;
use crate::wire::codes::{BindingStatus, FailoverState};
use crate::wire::ddns::Ddns;

use super::FailoverEndpoint;
use super::event::Event;

impl FailoverEndpoint {
    /// A lease is granted or renewed here. A new one begins with DNS records; a renewal does so
    /// only where nobody has made any: for a lease older than the configuration, by the server to
    /// which the client belongs, or in PARTNER-DOWN (§5.12.3).
    pub(super) fn dns_of_lease(&mut self, own: &Binding, next: &Binding) {
        if !self.config.dynamic_dns {
            return;
        }
        let changes_client =
            next.client.as_ref().is_none_or(|client| !own.belongs_to(&client.as_ref()));
        if changes_client {
            // In PARTNER-DOWN nobody else freed it (§5.12.4).
            self.dns_removal_due(own);
        }
        let is_new = changes_client || own.binding_status != BindingStatus::Active;
        let recorded = own.carried.parts().ddns;
        let is_due = is_new
            || match self.state() {
                FailoverState::PartnerDown => !recorded.is_some_and(|ddns| ddns.has_records()),
                _ => recorded.is_none() && self.is_own_client(next),
            };
        if is_due {
            self.events.push(Event::DnsUpdateDue { address: next.address });
        }
    }

    /// This server has made the address free: the client's records have to go, if there are any.
    pub(super) fn dns_removal_due(&mut self, binding: &Binding) {
        let Some(ddns) = binding.carried.parts().ddns.filter(Ddns::has_records) else { return };
        if self.config.dynamic_dns {
            self.events.push(Event::DnsRemovalDue {
                address: binding.address,
                name: ddns.to_string(),
                flags: ddns.flags(),
            });
        }
    }

    /// Both servers report the end of a lease at the same time and accept each other's report, so
    /// that neither's answer finds the lease ended: the primary has freed it (§5.12.4).
    pub(super) fn dns_of_crossing_reports(&mut self, own: &Binding, received: BindingStatus) {
        use BindingStatus::{Expired, Free, Released, Reset};
        let ended = |status| matches!(status, Expired | Released | Reset);
        if self.config.role == Role::Primary
            && ended(own.binding_status)
            && (ended(received) || received == Free)
            && self.updates.is_in_flight(own.address)
        {
            self.dns_removal_due(own);
        }
    }

    /// Notes that the partner updates the DNS although this server is not set up to.
    pub(super) fn dns_of_partner(&mut self, address: Ipv4Addr) {
        if !self.config.dynamic_dns && !self.partner_updates_dns {
            self.partner_updates_dns = true;
            self.events.push(Event::PartnerUpdatesDns { address });
        }
    }

    /// Takes note of what has become of a binding's records. The partner is told with the lease; an
    /// address that is free is told of when it is leased again, as an update about a free one could
    /// cross its way to the other server.
    pub(super) fn note_dns(&mut self, own: Binding, ddns: Ddns<'_>) -> CommitId {
        let address = own.address;
        let is_free = matches!(own.binding_status, BindingStatus::Free | BindingStatus::Backup);
        let carried = own.carried.with_ddns(ddns);
        let carried = if is_free { carried.ended() } else { carried };
        let partner_knows = own.partner_knows && is_free;
        let commit = self.store_binding(Binding { carried, partner_knows, ..own });
        if !is_free {
            self.note_news(address, commit);
        }
        commit
    }

    fn is_own_client(&self, binding: &Binding) -> bool {
        let (Some(buckets), Some(client)) = (self.buckets, &binding.client) else { return false };
        buckets.role_for(client.as_ref().hash_key()) == self.config.role
    }
}
