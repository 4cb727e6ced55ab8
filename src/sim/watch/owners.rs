//! Whose an address is (checker 5): never may both servers give it to somebody new.

use std::net::Ipv4Addr;

use super::{Kind, Violation};
use crate::sim::clock::True;
use crate::wire::codes::{BindingStatus, FailoverState};

/// One server's view of an address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    /// Its state.
    pub(crate) state: FailoverState,
    /// The address's status.
    pub(crate) status: BindingStatus,
    /// Whether it would give the address to a client that it has never seen.
    pub(crate) gives: bool,
}

/// Complains if both would give the address away.
pub(crate) fn check(at: True, address: Ipv4Addr, views: [View; 2]) -> Option<Violation> {
    if !views.iter().all(|view| view.gives) {
        return None;
    }
    let [one, other] = views;
    let what = format!(
        "both servers would give {address} away: {} in {}, {} in {}",
        one.status, one.state, other.status, other.state
    );
    Some(Violation::new(at, Kind::TwoOwners, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(gives: bool) -> View {
        View { state: FailoverState::Normal, status: BindingStatus::Free, gives }
    }

    #[test]
    fn two_owners_are_seen() {
        let address = Ipv4Addr::new(10, 0, 0, 10);
        assert_eq!(check(0, address, [view(true), view(false)]), None);
        let seen = check(0, address, [view(true), view(true)]);
        assert_eq!(seen.unwrap().kind, Kind::TwoOwners);
    }
}
