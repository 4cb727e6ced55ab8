//! stub
#![allow(missing_docs)]
use super::*;
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
pub enum Acceptance {
    Accept,
    Reject(crate::wire::codes::RejectReason, &'static str),
}
pub fn decide(
    _r: crate::balance::Role,
    _own: &Binding,
    _u: &ReceivedUpdate,
    _now: UnixTime,
) -> Acceptance {
    Acceptance::Accept
}
pub fn apply(own: &Binding, _u: &ReceivedUpdate, _now: UnixTime, _k: bool) -> Binding {
    own.clone()
}
