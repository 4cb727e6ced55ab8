//! BOOTP (RFC 951, RFC 1542): one request, one answer, and an address for ever.
//!
//! A client gets what is reserved for it, else an address of a pool that is open to BOOTP. As its
//! lease has no end, no lead time protects it: the owner of such a pool never uses what was its
//! partner's (draft-ietf-dhc-failover-12 §5.14).

use std::net::Ipv4Addr;

use super::answer::Promise;
use super::counters::DropReason;
use super::discover::{Candidate, owner_of, serving_shares};
use super::exchange::{Exchange, Owners, PendingReply};
use super::service::Desk;
use crate::binding::carried::Parts;
use crate::endpoint::service::{BindingChange, Grant, LeaseDetails, RequestKind};

impl Desk {
    pub(super) fn bootp(
        &mut self,
        exchange: &Exchange<'_>,
        owners: &mut dyn Owners,
        replies: &mut Vec<PendingReply>,
    ) -> Result<(), DropReason> {
        // RFC 951 §7.3: a client that names a server wants that one.
        if exchange.packet.names_bootp_server {
            return Err(DropReason::OtherServer);
        }
        let serving = serving_shares(RequestKind::Bootp, exchange, owners)?;
        // A client that knows its address asks for everything else.
        if !exchange.header().ciaddr.is_unspecified() {
            let promise = Promise::NOTHING;
            replies.push(self.answer_to_bootp(exchange, Ipv4Addr::UNSPECIFIED, promise));
            return Ok(());
        }
        let candidate = self.candidate(exchange, serving, owners).ok_or(DropReason::Bootp)?;
        let (address, promise) = match candidate {
            Candidate::Fixed(address) => (address, Promise::NOTHING),
            Candidate::Pooled { share, address, held } => {
                self.reserve_for_client(exchange, address, held)?;
                let promise = self.record_bootp(exchange, share, address, owners)?;
                self.offers.release(&exchange.client);
                (address, promise)
            }
        };
        replies.push(self.answer_to_bootp(exchange, address, promise));
        Ok(())
    }

    fn record_bootp(
        &mut self,
        exchange: &Exchange<'_>,
        share: usize,
        address: Ipv4Addr,
        owners: &mut dyn Owners,
    ) -> Result<Promise, DropReason> {
        let index = exchange.subnet.shares().get(share).ok_or(DropReason::NotOurs)?.owner;
        let owner = owner_of(exchange, share, owners).ok_or(DropReason::NotOurs)?;
        exchange.packet.collect_options_of_interest(&mut self.request_options);
        let request_options = Some(self.request_options.as_slice());
        let carried = Parts { request_options, ..Parts::default() };
        let change = BindingChange::Leased {
            address,
            client: exchange.client,
            grant: Grant::FOR_EVER,
            details: LeaseDetails { bootp: true, carried },
        };
        let commit = owner.record(exchange.now, change).map_err(|_| DropReason::NotOurs)?;
        Ok(Promise { owner: index, commit })
    }
}
