//! DHCPINFORM: a client that has its address from elsewhere asks for parameters (RFC 2131 §4.3.5).

use super::counters::DropReason;
use super::exchange::{Exchange, Owners, PendingReply};
use super::service::{Desk, deciding_share, serving_owner};
use crate::endpoint::service::RequestKind;

impl Desk {
    pub(super) fn inform(
        &mut self,
        exchange: &Exchange<'_>,
        owners: &mut dyn Owners,
        replies: &mut Vec<PendingReply>,
    ) -> Result<(), DropReason> {
        let header = exchange.header();
        // Clients that leave ciaddr empty are answered where their datagram came from.
        let client = if header.ciaddr.is_unspecified() {
            *exchange.arrival.source.ip()
        } else {
            header.ciaddr
        };
        if client.is_unspecified() {
            return Err(DropReason::Incomplete);
        }
        if let Some(share) = deciding_share(exchange.subnet, Some(client)) {
            serving_owner(RequestKind::Inform, exchange, share, owners)?;
        }
        replies.push(self.answer_with_information(exchange, client));
        Ok(())
    }
}
