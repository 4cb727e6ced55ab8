//! A partner that has recovered joins a server in PARTNER-DOWN, which has given its addresses away (§9.4.3).

use core::net::Ipv4Addr;

use twinlease::endpoint::{
    Availability, BindingChange, Input, LeaseAuthority, LeaseDetails, OperatorCommand, Unavailable,
};
use twinlease::wire::codes::{BindingStatus, FailoverState, MessageType};
use twinlease::wire::message::Message;

use crate::support::scripted::{LINK, Script};
use crate::support::{MCLT, client};

/// In PARTNER-DOWN for so long that all of the partner's addresses may be given away.
fn alone() -> Script {
    let mut script = Script::normal_primary();
    script.input(Input::Disconnected { link: LINK });
    script.input(Input::Operator(OperatorCommand::PartnerDown { forced: false }));
    script.run(MCLT + 10);
    script
}

fn meet(script: &mut Script, partner: FailoverState) {
    script.connected();
    script.accept_connect();
    script.said.clear();
    script.state(partner);
}

/// The first address that is the partner's to give.
fn partners(script: &Script) -> Ipv4Addr {
    let mut bindings = script.endpoint.table().iter();
    bindings.find(|binding| binding.binding_status == BindingStatus::Backup).unwrap().address
}

fn lease_one_of_the_partners(script: &mut Script) {
    let now = script.now;
    let (address, client) = (partners(script), client(1));
    assert_eq!(script.endpoint.availability(address, &client, now), Availability::Lease);
    let grant = script.endpoint.grant(address, &client, 600, now);
    let details = LeaseDetails::default();
    script.endpoint.record(now, BindingChange::Leased { address, client, grant, details }).unwrap();
    script.input(Input::TimeReached);
}

/// Found by the simulator (`tests/seeds.txt`).
///
/// Holds: FO-9.4.3-7.
#[test]
fn partner_down_lasts_until_the_partner_knows_of_the_lease_of_its_address() {
    let mut script = alone();
    meet(&mut script, FailoverState::Recover);
    script.tell(&Message::UpdReq);
    script.answer_everything();
    script.instant_disk = false;
    lease_one_of_the_partners(&mut script);
    script.said.clear();
    script.state(FailoverState::RecoverDone);
    assert_eq!(script.endpoint.state(), FailoverState::PartnerDown);
    script.sync();
    let told = script.take(MessageType::BNDUPD);
    assert_eq!(script.endpoint.state(), FailoverState::PartnerDown);
    script.acknowledge(&told);
    assert_eq!(script.endpoint.state(), FailoverState::Normal);
}

/// The connection was down when the partner recovered: it has missed what was leased meanwhile.
#[test]
fn a_partner_that_recovered_unheard_is_told_all_before_both_are_normal() {
    let mut script = alone();
    lease_one_of_the_partners(&mut script);
    meet(&mut script, FailoverState::RecoverDone);
    let told = script.take(MessageType::BNDUPD);
    assert_eq!(script.endpoint.state(), FailoverState::PartnerDown);
    script.acknowledge(&told);
    assert_eq!(script.endpoint.state(), FailoverState::Normal);
}

#[test]
fn an_address_of_a_partner_that_is_about_to_join_is_given_to_nobody() {
    let mut script = alone();
    lease_one_of_the_partners(&mut script);
    meet(&mut script, FailoverState::RecoverDone);
    let now = script.now;
    let free = script.endpoint.availability(partners(&script), &client(2), now);
    assert_eq!(free, Availability::No(Unavailable::PartnersPool));
    script.input(Input::Disconnected { link: LINK });
    let free = script.endpoint.availability(partners(&script), &client(2), now);
    assert_eq!(free, Availability::Lease, "it has not joined after all");
}

#[test]
fn a_partner_that_knows_all_is_joined_at_once() {
    let mut script = alone();
    meet(&mut script, FailoverState::Recover);
    script.tell(&Message::UpdReq);
    script.answer_everything();
    script.state(FailoverState::RecoverDone);
    assert_eq!(script.endpoint.state(), FailoverState::Normal);
}
