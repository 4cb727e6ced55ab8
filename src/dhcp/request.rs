//! DHCPREQUEST in its four forms (RFC 2131 §4.3.2 and table 4).
//!
//! A client that names this server gets a DHCPACK or a DHCPNAK. Any other one is refused only where
//! this server is authoritative and certain that the address is wrong: with a partner that leases
//! from the same pools, "unknown here" is not "wrong".

use std::net::Ipv4Addr;

use dhcproto::v4::MessageType;

use super::answer::{INFINITE, Promise, renewal_times};
use super::counters::DropReason;
use super::discover::desired_lease;
use super::exchange::{Exchange, Owners, PendingReply};
use super::service::{Desk, deciding_share, serving_owner};
use crate::binding::carried::{MAX_REPLY_OCTETS, Parts, REPLY_CODES, collect_options};
use crate::endpoint::service::{
    Availability, BindingChange, LeaseAuthority, LeaseDetails, RequestKind, Unavailable,
};

/// What becomes of a REQUEST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// The client gets, or keeps, the address.
    Lease,
    /// It is reserved for the client outside the pools.
    Fixed,
    /// It is wrong, for the reason given.
    Refuse(&'static str),
}

impl Desk {
    pub(super) fn request(
        &mut self,
        kind: RequestKind,
        exchange: &Exchange<'_>,
        owners: &mut dyn Owners,
        replies: &mut Vec<PendingReply>,
    ) -> Result<(), DropReason> {
        if kind == RequestKind::Selecting && !exchange.names_this_server {
            self.offers.release(&exchange.client);
            return Err(DropReason::OtherServer);
        }
        let address = requested_address(kind, exchange).ok_or(DropReason::Incomplete)?;
        let share = deciding_share(exchange.subnet, Some(address));
        let mut owner = match share {
            Some(share) => Some((share.owner, serving_owner(kind, exchange, share, owners)?)),
            None => None,
        };
        let deciding = owner.as_ref().map(|(_, owner)| &**owner);
        match self.judge(kind, exchange, address, deciding)? {
            Verdict::Refuse(reason) => {
                self.log_refusal(exchange, address, reason);
                self.offers.release(&exchange.client);
                replies.push(self.refuse(exchange, reason));
            }
            Verdict::Fixed => {
                let lease = (address, desired_lease(exchange));
                let promise = Promise::NOTHING;
                replies.push(self.answer_with_lease(exchange, MessageType::Ack, lease, promise));
            }
            Verdict::Lease => {
                let (index, owner) = owner.as_mut().ok_or(DropReason::NotOurs)?;
                let client = exchange.client;
                let grant = owner.grant(address, &client, desired_lease(exchange), exchange.now);
                exchange.packet.collect_options_of_interest(&mut self.request_options);
                collect_times(grant.lease_seconds, &mut self.reply_options);
                let carried = Parts {
                    request_options: Some(&self.request_options),
                    reply_options: Some(&self.reply_options),
                    ddns: None,
                };
                let details = LeaseDetails { bootp: false, carried };
                let change = BindingChange::Leased { address, client, grant, details };
                let commit = owner.record(exchange.now, change).map_err(|_| DropReason::NotOurs)?;
                self.offers.release(&client);
                let promise = Promise { owner: *index, commit };
                let lease = (address, grant.lease_seconds);
                replies.push(self.answer_with_lease(exchange, MessageType::Ack, lease, promise));
            }
        }
        Ok(())
    }

    fn judge(
        &self,
        kind: RequestKind,
        exchange: &Exchange<'_>,
        address: Ipv4Addr,
        owner: Option<&dyn LeaseAuthority>,
    ) -> Result<Verdict, DropReason> {
        let subnet = exchange.subnet;
        if !subnet.config.network.contains(address) {
            return self.refuse_if_certain(kind, "the address belongs to another network");
        }
        let is_pooled = subnet.share_of(address).is_some();
        if !is_pooled && subnet.reservation_of(&exchange.client) == Some(address) {
            return Ok(Verdict::Fixed);
        }
        let owner = match owner {
            Some(owner) if is_pooled => owner,
            Some(_) | None => return self.judge_unavailable(kind, exchange, owner, None),
        };
        match owner.availability(address, &exchange.client, exchange.now) {
            Availability::Renew => Ok(Verdict::Lease),
            Availability::Lease if self.is_kept_for_other(exchange, address) => {
                self.judge_unavailable(kind, exchange, Some(owner), None)
            }
            Availability::Lease if kind != RequestKind::InitReboot => Ok(Verdict::Lease),
            Availability::Lease => {
                let last_holder =
                    owner.table().get(address).is_some_and(|b| b.belongs_to(&exchange.client));
                if last_holder {
                    Ok(Verdict::Lease)
                } else {
                    self.judge_unavailable(kind, exchange, Some(owner), None)
                }
            }
            Availability::No(Unavailable::PartnersPool)
                if matches!(kind, RequestKind::Renewing | RequestKind::Rebinding)
                    && owner.believes_renewals()
                    && !self.is_kept_for_other(exchange, address) =>
            {
                Ok(Verdict::Lease)
            }
            Availability::No(why) => self.judge_unavailable(kind, exchange, Some(owner), Some(why)),
        }
    }

    /// An address of the right network that this client cannot have from this server.
    fn judge_unavailable(
        &self,
        kind: RequestKind,
        exchange: &Exchange<'_>,
        owner: Option<&dyn LeaseAuthority>,
        why: Option<Unavailable>,
    ) -> Result<Verdict, DropReason> {
        let held_by_other = match why {
            Some(Unavailable::PartnersPool | Unavailable::AwaitingPartner) => {
                return Err(DropReason::PartnersAddress);
            }
            Some(Unavailable::HeldByOther | Unavailable::Reserved) => true,
            Some(Unavailable::Abandoned | Unavailable::UnknownAddress) | None => false,
        };
        let certain = match kind {
            RequestKind::Renewing | RequestKind::Rebinding => held_by_other,
            // RFC 2131 §4.3.2: without a record of the client the server remains silent.
            RequestKind::InitReboot => owner
                .is_some_and(|owner| owner.table().of_client(&exchange.client).next().is_some()),
            RequestKind::Discover
            | RequestKind::Selecting
            | RequestKind::Release
            | RequestKind::Decline
            | RequestKind::Inform
            | RequestKind::Bootp => true,
        };
        if !certain {
            return Err(DropReason::NotOurs);
        }
        self.refuse_if_certain(kind, "the address is not available")
    }

    /// A client that chose this server waits for its answer; others are refused only by a server
    /// that is authoritative.
    fn refuse_if_certain(
        &self,
        kind: RequestKind,
        reason: &'static str,
    ) -> Result<Verdict, DropReason> {
        if kind == RequestKind::Selecting || self.authoritative {
            Ok(Verdict::Refuse(reason))
        } else {
            Err(DropReason::NotAuthoritative)
        }
    }
}

/// Replaces `out` by the options of an answer that a failover partner may want to know: T1 and T2.
fn collect_times(seconds: u32, out: &mut Vec<u8>) {
    let times = renewal_times(seconds).map(|(code, seconds)| (code.0, seconds.to_be_bytes()));
    let finite = times.iter().filter(|_| seconds != INFINITE);
    let options = finite.map(|(code, octets)| (*code, &octets[..]));
    collect_options(&REPLY_CODES, MAX_REPLY_OCTETS, options, out);
}

/// Option 50 while the client has no address, else ciaddr. Clients that send ciaddr while selecting
/// are forgiven.
fn requested_address(kind: RequestKind, exchange: &Exchange<'_>) -> Option<Ipv4Addr> {
    let ciaddr = exchange.header().ciaddr;
    let ciaddr = (!ciaddr.is_unspecified()).then_some(ciaddr);
    match kind {
        RequestKind::Renewing | RequestKind::Rebinding => ciaddr,
        RequestKind::Discover
        | RequestKind::Selecting
        | RequestKind::InitReboot
        | RequestKind::Release
        | RequestKind::Decline
        | RequestKind::Inform
        | RequestKind::Bootp => exchange.packet.requested_address.or(ciaddr),
    }
}
