//! stub
#![allow(missing_docs)]
use super::*;
use crate::balance::Role;
use crate::wire::codes::RejectReason as R;
#[derive(Clone, Debug)]
pub struct ReceivedUpdate {
    pub address: Ipv4Addr,
    pub binding_status: BindingStatus,
    pub client: Option<Client>,
    pub lease_expiration: UnixTime,
    pub potential_expiration: UnixTime,
    pub start_of_status: UnixTime,
    pub client_last_transaction: UnixTime,
    pub ip_flags: IpFlags,
}
#[derive(Clone, Debug)]
pub enum Acceptance {
    Accept,
    Reject(R, &'static str),
}
pub fn decide(role: Role, own: &Binding, u: &ReceivedUpdate, now: UnixTime) -> Acceptance {
    use BindingStatus as B;
    let t = |ok: bool| {
        if ok { Acceptance::Accept } else { Acceptance::Reject(R::OUTDATED, "outdated") }
    };
    let t1 = || t(u.client_last_transaction > own.client_last_transaction);
    let t2 = || t(now > own.lease_expiration);
    let t3 = || t(u.client_last_transaction > own.start_of_status);
    match (own.binding_status, u.binding_status) {
        (B::Active, B::Active) => {
            let same = u.client.as_ref().is_some_and(|c| own.belongs_to(&c.as_ref()));
            if same || role == Role::Secondary {
                Acceptance::Accept
            } else {
                Acceptance::Reject(R::FATAL_CONFLICT, "address in use by another client")
            }
        }
        (B::Active, B::Expired | B::Free | B::Backup) => t2(),
        (B::Active, B::Released) => t1(),
        (B::Expired | B::Released, B::Active) => t1(),
        (B::Released, B::Expired) => t1(),
        (B::Reset, B::Active) => t3(),
        (B::Abandoned, B::Reset | B::Abandoned) => Acceptance::Accept,
        (B::Abandoned, _) => Acceptance::Reject(R::LESS_CRITICAL, "address is abandoned"),
        _ => Acceptance::Accept,
    }
}
pub fn apply(own: &Binding, u: &ReceivedUpdate, _now: UnixTime, keep: bool) -> Binding {
    use BindingStatus as B;
    let mut n = own.clone();
    n.partner_knows = true;
    n.ip_flags = u.ip_flags;
    n.start_of_status = u.start_of_status;
    match u.binding_status {
        B::Active => {
            let same = u.client.as_ref().is_some_and(|c| own.belongs_to(&c.as_ref()))
                && own.binding_status == B::Active;
            n.binding_status = B::Active;
            if same {
                n.lease_expiration = own.lease_expiration.max(u.lease_expiration);
                n.client_last_transaction =
                    own.client_last_transaction.max(u.client_last_transaction);
                n.received_potential_expiration =
                    u.potential_expiration.max(own.received_potential_expiration);
            } else {
                n.lease_expiration = u.lease_expiration;
                n.client_last_transaction = u.client_last_transaction;
                n.received_potential_expiration = u.potential_expiration;
                n.sent_potential_expiration = UnixTime(0);
                n.acked_potential_expiration = UnixTime(0);
            }
            n.client = u.client.clone();
        }
        B::Abandoned => {
            n.binding_status = B::Abandoned;
            n.client = None;
            n.lease_expiration = u.lease_expiration;
        }
        s => {
            n.binding_status = if s == B::Backup { B::Backup } else { B::Free };
            n.sent_potential_expiration = UnixTime(0);
            n.acked_potential_expiration = UnixTime(0);
            n.received_potential_expiration =
                if keep { u.potential_expiration } else { UnixTime(0) };
            if u.client.is_some() {
                n.client = u.client.clone();
            }
            n.lease_expiration = u.lease_expiration.max(own.lease_expiration);
        }
    }
    n
}
