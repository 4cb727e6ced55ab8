//! A message that the pool's owner does not want served has no effect.

use dhcproto::v4::MessageType;

use crate::support::{SERVER, bench, client, ip};
use twinlease::dhcp::DropReason;
use twinlease::endpoint::{RequestKind, Silence};
use twinlease::wire::codes::{BindingStatus, FailoverState};

/// Holds: FO-9.2-9, FO-9.2-6.
#[test]
fn whatever_is_asked_an_owner_that_does_not_serve_makes_the_server_silent() {
    let reasons = [
        (Silence::PartnersClient, DropReason::PartnersClient),
        (Silence::OtherServersClient, DropReason::OtherServersClient),
        (Silence::State(FailoverState::PotentialConflict), DropReason::State),
    ];
    for (silence, reason) in reasons {
        let mut bench = bench();
        let address = bench.lease(&client(1));
        bench.owners.0[0].silence = Some(silence);
        let requests = [
            client(1),
            client(2),
            client(1).selecting(address, SERVER),
            client(1).rebooting(address),
            client(1).renewing(address),
            client(1).rebinding(address),
            client(1).releasing(address),
            client(1).declining(address),
            client(1).renewing(address).kind(MessageType::Inform),
        ];
        for request in requests {
            assert_eq!(bench.silence(&request), Some(reason));
        }
        assert_eq!((bench.changes(), bench.status(address)), (1, BindingStatus::Active));
        bench.owners.0[0].silence = None;
        assert_eq!(bench.ask(&client(3)).yiaddr(), ip(21));
    }
}

#[test]
fn a_discover_is_never_for_this_server_alone() {
    let mut bench = bench();
    bench.ask(&client(1).naming(SERVER).unicast_from(ip(99)));
    assert_eq!(*bench.owners.0[0].asked.borrow(), [(RequestKind::Discover, false)]);
}
