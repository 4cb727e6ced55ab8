//! DHCPNAK, and where silence is the right answer (RFC 2131 §4.3.2).

use dhcproto::v4::{DhcpOption, MessageType, OptionCode as Code};

use crate::support::{Bench, Request, SERVER, Setup, bench, client, ip, other_ip};
use twinlease::dhcp::DropReason;
use twinlease::durable::CommitId;
use twinlease::endpoint::{Availability, Unavailable};

fn not_authoritative() -> Setup {
    Setup { authoritative: false, ..Setup::default() }
}

#[test]
fn an_address_of_another_network_is_refused_by_an_authoritative_server() {
    for request in [client(1).rebooting(other_ip(20)), client(1).rebinding(other_ip(20))] {
        let nak = bench().ask(&request);
        assert_eq!(nak.kind(), MessageType::Nak);
        assert_eq!(nak.pending.commit, CommitId(0));
        let silence = not_authoritative().bench().silence(&request);
        assert_eq!(silence, Some(DropReason::NotAuthoritative));
    }
}

#[test]
fn a_nak_carries_no_address_and_no_times() {
    let nak = bench().ask(&client(1).identifier(b"\x01me").rebooting(other_ip(20)));
    assert_eq!(nak.codes(), [53, 54, 56, 61]);
    assert!(nak.yiaddr().is_unspecified() && nak.message.ciaddr().is_unspecified());
    assert_eq!(nak.option(Code::ServerIdentifier), Some(&DhcpOption::ServerIdentifier(SERVER)));
}

#[test]
fn an_unknown_client_that_reboots_hears_nothing() {
    let mut bench = bench();
    assert_eq!(bench.silence(&client(1).rebooting(ip(25))), Some(DropReason::NotOurs));
    let held = bench.lease(&client(2));
    assert_eq!(bench.silence(&client(1).rebooting(held)), Some(DropReason::NotOurs));
}

#[test]
fn a_known_client_that_reboots_with_a_wrong_address_is_refused() {
    let mut bench = bench();
    bench.lease(&client(1));
    let held = bench.lease(&client(2));
    assert_eq!(bench.ask(&client(1).rebooting(ip(25))).kind(), MessageType::Nak);
    assert_eq!(bench.ask(&client(1).rebooting(held)).kind(), MessageType::Nak);
}

#[test]
fn an_address_that_another_client_holds_is_refused() {
    let requests: [fn(Request) -> Request; 3] = [
        |one| one.renewing(ip(20)),
        |one| one.rebinding(ip(20)),
        |one| one.selecting(ip(20), SERVER),
    ];
    for (index, request) in requests.into_iter().enumerate() {
        let mut bench = bench();
        bench.lease(&client(2));
        assert_eq!(bench.ask(&request(client(1))).kind(), MessageType::Nak, "{index}");
    }
}

#[test]
fn only_a_client_that_named_it_is_refused_by_a_server_without_authority() {
    let mut bench = not_authoritative().bench();
    bench.lease(&client(2));
    let renewing = client(1).renewing(ip(20));
    assert_eq!(bench.silence(&renewing), Some(DropReason::NotAuthoritative));
    assert_eq!(bench.ask(&client(1).selecting(ip(20), SERVER)).kind(), MessageType::Nak);
}

#[test]
fn an_address_outside_the_pools_is_refused_only_to_a_client_that_named_this_server() {
    let mut bench = bench();
    assert_eq!(bench.silence(&client(1).renewing(ip(200))), Some(DropReason::NotOurs));
    assert_eq!(bench.silence(&client(1).rebinding(ip(200))), Some(DropReason::NotOurs));
    assert_eq!(bench.ask(&client(1).selecting(ip(200), SERVER)).kind(), MessageType::Nak);
}

#[test]
fn an_address_offered_to_another_client_is_not_given_away() {
    let mut bench = bench();
    bench.ask(&client(2));
    assert_eq!(bench.ask(&client(1).selecting(ip(20), SERVER)).kind(), MessageType::Nak);
    assert_eq!(bench.silence(&client(1).renewing(ip(20))), Some(DropReason::NotOurs));
    assert_eq!(bench.ask(&client(2).selecting(ip(20), SERVER)).kind(), MessageType::Ack);
}

#[test]
fn about_an_address_of_the_partner_nothing_is_said() {
    let requests: [fn(Request) -> Request; 4] = [
        |one| one.selecting(ip(25), SERVER),
        |one| one.rebooting(ip(25)),
        |one| one.renewing(ip(25)),
        |one| one.rebinding(ip(25)),
    ];
    for why in [Unavailable::PartnersPool, Unavailable::AwaitingPartner] {
        for request in requests {
            let mut bench = bench();
            bench.lease(&client(1));
            bench.owners.0[0].availability.insert(ip(25), Availability::No(why));
            let silence = bench.silence(&request(client(1)));
            assert_eq!(silence, Some(DropReason::PartnersAddress), "{why:?}");
            assert_eq!(bench.changes(), 1);
        }
    }
}

/// An owner without contact, that lists the 25th address in the partner's pool.
fn out_of_contact() -> Bench {
    let mut bench = bench();
    let owner = &mut bench.owners.0[0];
    owner.believes_renewals = true;
    owner.availability.insert(ip(25), Availability::No(Unavailable::PartnersPool));
    bench
}

/// Holds: FO-3.1.2-4.
#[test]
fn without_contact_a_renewal_of_the_partners_address_is_believed() {
    for request in [client(1).renewing(ip(25)), client(1).rebinding(ip(25))] {
        let mut bench = out_of_contact();
        bench.ask(&request);
        assert_eq!(bench.changes(), 1);
    }
}

/// Holds: FO-3.1.2-6, FO-3.1.2-7.
#[test]
fn without_contact_nothing_but_a_renewal_is_believed() {
    for request in [client(1).selecting(ip(25), SERVER), client(1).rebooting(ip(25))] {
        let mut bench = out_of_contact();
        assert_eq!(bench.silence(&request), Some(DropReason::PartnersAddress));
        assert_eq!(bench.changes(), 0);
    }
}

#[test]
fn an_abandoned_address_is_refused_only_to_a_client_that_named_this_server() {
    let mut bench = bench();
    let abandoned = Availability::No(Unavailable::Abandoned);
    bench.owners.0[0].availability.insert(ip(25), abandoned);
    assert_eq!(bench.silence(&client(1).rebinding(ip(25))), Some(DropReason::NotOurs));
    assert_eq!(bench.ask(&client(1).selecting(ip(25), SERVER)).kind(), MessageType::Nak);
}
