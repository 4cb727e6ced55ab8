//! A dhcpd never repeats an update whose answer was lost with a connection, and once its window is full
//! of such updates it never says anything again. Whoever asks it for updates makes room first.

use twinlease::balance::Role;
use twinlease::durable::{EndpointRecord, Recovered};
use twinlease::wire::codes::{FailoverState, MessageType, RejectReason, Xid};
use twinlease::wire::message::Message;

use crate::support::config;
use crate::support::scripted::{DHCPD, Script, stored};

use FailoverState::{PartnerDown, Recover};

/// Addresses of the relationship.
const ADDRESSES: usize = 20;

/// A secondary with nothing that meets a partner which served alone, and what it asks for.
fn recovering(vendor: &'static [u8], recovered: Recovered) -> Script {
    let mut script = Script::new(config(Role::Secondary, 20), recovered);
    script.vendor = vendor;
    script.shake_hands();
    script.state(PartnerDown);
    script
}

/// Addresses refused before the request, which is the last thing said.
#[track_caller]
fn refused_before_request(script: &mut Script) -> usize {
    let request = script.said.back().expect("something was said").message_type;
    assert_eq!(request, MessageType::UPDREQALL, "{:?}", script.types());
    let said = std::mem::take(&mut script.said);
    let answers = said.iter().filter(|said| said.message_type == MessageType::BNDACK);
    answers
        .inspect(|answer| {
            assert_eq!((answer.reject(), answer.xid), (Some(RejectReason::UNKNOWN), Xid(0)));
        })
        .count()
}

#[test]
fn the_first_request_refuses_nothing() {
    let mut script = recovering(DHCPD, Recovered::default());
    assert_eq!(refused_before_request(&mut script), 0);
}

#[test]
fn a_request_that_was_cut_off_makes_room_in_the_window_of_a_dhcpd_when_it_is_repeated() {
    let mut script = recovering(DHCPD, Recovered::default());
    script.cut();
    script.shake_hands();
    script.state(PartnerDown);
    assert_eq!(refused_before_request(&mut script), ADDRESSES);
}

#[test]
fn a_request_that_was_answered_is_not_made_room_for_later() {
    let mut script = recovering(DHCPD, Recovered::default());
    let request = script.take(MessageType::UPDREQALL);
    script.say(request.xid, &Message::UpdDone);
    script.cut();
    script.shake_hands();
    script.state(PartnerDown);
    assert!(!script.types().contains(&"bndack"), "{:?}", script.types());
}

#[test]
fn a_process_that_died_while_it_recovered_makes_room_in_the_window_of_a_dhcpd() {
    let record =
        EndpointRecord { partner_state: Some(PartnerDown), storage_lost: true, ..stored(Recover) };
    let recovered = Recovered { endpoint: Some(record), bindings: Vec::new() };
    let mut script = recovering(DHCPD, recovered);
    assert_eq!(refused_before_request(&mut script), ADDRESSES);
}

#[test]
fn a_dhcpd_that_does_not_answer_a_request_is_asked_again_with_room_in_its_window() {
    let mut script = recovering(DHCPD, Recovered::default());
    script.said.clear();
    script.run_talking(10);
    script.said.retain(|said| said.message_type != MessageType::CONTACT);
    assert_eq!(refused_before_request(&mut script), ADDRESSES);
    // Once is enough.
    script.run_talking(40);
    assert!(!script.types().contains(&"bndack"), "{:?}", script.types());
}

#[test]
fn a_partner_that_repeats_its_updates_by_itself_is_refused_none() {
    let mut script = recovering(b"test", Recovered::default());
    script.cut();
    script.shake_hands();
    script.state(PartnerDown);
    assert_eq!(refused_before_request(&mut script), 0);
    script.run_talking(40);
    assert!(!script.types().contains(&"bndack"), "{:?}", script.types());
}
