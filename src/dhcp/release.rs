//! DHCPRELEASE and DHCPDECLINE: a client gives its address up (RFC 2131 §4.3.3, §4.3.4).
//!
//! Neither is answered, and only the client that holds an address, or was offered it, has a say.

use std::net::Ipv4Addr;

use super::counters::DropReason;
use super::exchange::{Exchange, Owners};
use super::service::{Desk, deciding_share, is_holder, serving_owner};
use crate::endpoint::service::{BindingChange, RequestKind};
use crate::time::Now;

impl Desk {
    pub(super) fn release(
        &mut self,
        exchange: &Exchange<'_>,
        owners: &mut dyn Owners,
    ) -> Result<(), DropReason> {
        let address = exchange.header().ciaddr;
        if address.is_unspecified() {
            return Err(DropReason::Incomplete);
        }
        if exchange.names_other_server() {
            return Err(DropReason::OtherServer);
        }
        let share = deciding_share(exchange.subnet, Some(address));
        let share = share.ok_or(DropReason::NotTheHolder)?;
        let owner = serving_owner(RequestKind::Release, exchange, share, owners)?;
        if !is_holder(owner, address, &exchange.client) {
            return Err(DropReason::NotTheHolder);
        }
        let recorded = owner.record(exchange.now, BindingChange::Released { address });
        recorded.map_err(|_| DropReason::NotTheHolder)?;
        self.offers.end(address);
        Ok(())
    }

    pub(super) fn decline(
        &mut self,
        exchange: &Exchange<'_>,
        owners: &mut dyn Owners,
    ) -> Result<(), DropReason> {
        let address = exchange.packet.requested_address.ok_or(DropReason::Incomplete)?;
        if exchange.names_other_server() {
            return Err(DropReason::OtherServer);
        }
        let share = deciding_share(exchange.subnet, Some(address));
        let share = share.ok_or(DropReason::NotTheHolder)?;
        let owner = serving_owner(RequestKind::Decline, exchange, share, owners)?;
        let was_offered = self.offers.of(&exchange.client) == Some(address);
        if !was_offered && !is_holder(owner, address, &exchange.client) {
            return Err(DropReason::NotTheHolder);
        }
        tracing::warn!(%address, "abandoned: the client found it in use");
        let index = share.owner;
        self.abandon(index, address, owners, exchange.now);
        Ok(())
    }

    /// Takes an address that somebody uses without a lease out of service.
    pub(super) fn abandon(
        &mut self,
        owner: usize,
        address: Ipv4Addr,
        owners: &mut dyn Owners,
        now: Now,
    ) {
        self.offers.end(address);
        if let Some(owner) = owners.owner(owner)
            && owner.record(now, BindingChange::Abandoned { address }).is_ok()
        {
            self.counters.addresses_abandoned = self.counters.addresses_abandoned.saturating_add(1);
        }
    }
}
