//! How a connection with dhcpd comes up, and what dhcpd refuses.

use twinlease::wire::codes::{MessageType, OptionCode};

use crate::support::pair::{Kind, PRIMARY, SECONDARY, SOON};
use crate::support::partner::{Heard, Message};
use crate::support::scene::Scene;
use crate::support::setup::{Role, Setup};
use crate::support::stage::{FREE, NORMAL, RECOVER, Stage};

/// server-state and server-flags of a dhcpd that has just started with nothing.
const RECOVER_IN_STARTUP: (u8, u8) = (RECOVER, 1);

/// Interop: C1, C12.
#[test]
fn a_dhcpd_primary_calls_again_after_an_answer_with_a_wrong_name() {
    let test = "set_up::a_dhcpd_primary_calls_again_after_an_answer_with_a_wrong_name";
    let Some(mut stage) = Stage::stopped(test, Role::Primary, Stage::setup()) else { return };
    let listener = stage.listen();
    stage.dhcpd.start();
    let mut partner = stage.accept(&listener);
    let connect = partner.take(MessageType::CONNECT);
    assert_eq!((connect.xid, connect.codes()), (0, vec![22, 14, 19, 28, 20, 27, 15, 11]));
    partner.send(&Message::connect_ack(&connect).with(OptionCode::RELATIONSHIP_NAME, "other"));
    let last = partner.until_closed();
    assert_eq!((last.len(), last[0].kind), (1, MessageType::DISCONNECT));
    assert_eq!(last[0].reject_reason(), Some(8));

    let mut partner = stage.accept(&listener);
    let connect = partner.take(MessageType::CONNECT);
    assert_eq!(connect.xid, 0);
    partner.send(&Message::connect_ack(&connect));
    let announced = partner.take(MessageType::STATE);
    assert_eq!((announced.xid, announced.codes()), (1, vec![24, 23, 25]));
    assert_eq!(announced.state(), RECOVER_IN_STARTUP);
    stage.finish();
}

/// Interop: C2, C3.
#[test]
fn a_dhcpd_primary_connects_on_every_connection_and_keeps_the_first() {
    let test = "set_up::a_dhcpd_primary_connects_on_every_connection_and_keeps_the_first";
    let Some(mut stage) = Stage::started(test, Role::Primary, Stage::setup()) else { return };
    let (mut first, mut second) = (stage.dial(), stage.dial());
    let to_first = first.take(MessageType::CONNECT);
    let to_second = second.take(MessageType::CONNECT);
    first.send(&Message::connect_ack(&to_first));
    first.take(MessageType::STATE);
    second.send(&Message::connect_ack(&to_second));
    let last = second.until_closed();
    assert_eq!((last.len(), last[0].kind), (1, MessageType::DISCONNECT));
    assert_eq!(last[0].reject_reason(), Some(7));
    assert_eq!(first.so_far(), []);
    stage.finish();
}

/// Interop: C4, C18.
#[test]
fn a_dhcpd_secondary_waits_for_connect_on_the_connection_that_it_opened() {
    let test = "set_up::a_dhcpd_secondary_waits_for_connect_on_the_connection_that_it_opened";
    let Some(mut stage) = Stage::stopped(test, Role::Secondary, Stage::setup()) else { return };
    let listener = stage.listen();
    stage.dhcpd.start();
    // It gives up one on which nothing comes, and calls again.
    assert_eq!(stage.accept(&listener).until_closed(), []);
    let mut partner = stage.accept(&listener);
    let xid = partner.send(&Message::connect());
    assert_accepted(&partner.next(), xid);
    let announced = partner.next();
    // Its own start-up was over after 15 seconds too.
    assert_eq!(
        (announced.kind, announced.xid, announced.state()),
        (MessageType::STATE, 0, (RECOVER, 0))
    );
    stage.finish();
}

fn assert_accepted(ack: &Heard, xid: u32) {
    assert_eq!((ack.kind, ack.xid), (MessageType::CONNECTACK, xid));
    assert_eq!(ack.codes(), [22, 14, 19, 28, 20, 26]);
}

/// Interop: C5, C6.
#[test]
fn a_dhcpd_secondary_closes_a_second_connection_without_a_word() {
    let test = "set_up::a_dhcpd_secondary_closes_a_second_connection_without_a_word";
    let Some(mut stage) = Stage::started(test, Role::Secondary, Stage::setup()) else { return };
    let mut first = stage.dial();
    let xid = first.send(&Message::connect());
    assert_accepted(&first.next(), xid);
    assert_eq!(first.next().state(), RECOVER_IN_STARTUP);
    let mut second = stage.dial();
    second.send(&Message::connect());
    assert_eq!(second.until_closed(), []);
    assert_eq!(first.so_far(), []);
    stage.finish();
}

/// What dhcpd answers to a CONNECT on a connection of its own, which it then closes: reject-reason and codes of the options.
fn refusal(stage: &mut Stage, connect: &Message) -> Option<(u8, Vec<u16>)> {
    let mut partner = stage.dial();
    let xid = partner.send(connect);
    let mut said = partner.until_closed();
    assert!(said.len() <= 1, "{said:?}");
    let ack = said.pop()?;
    assert_eq!((ack.kind, ack.xid), (MessageType::CONNECTACK, xid));
    Some((ack.reject_reason().unwrap(), ack.codes()))
}

/// Interop: C7, C8, C9, C10.
#[test]
fn a_dhcpd_secondary_refuses_what_it_cannot_use_in_connect() {
    let test = "set_up::a_dhcpd_secondary_refuses_what_it_cannot_use_in_connect";
    let Some(mut stage) = Stage::started(test, Role::Secondary, Stage::setup()) else { return };
    let connect = Message::connect;
    let unknown = refusal(&mut stage, &connect().with(OptionCode::RELATIONSHIP_NAME, "other"));
    assert_eq!(unknown, Some((8, vec![22, 28, 20, 26, 21, 16])));
    for buckets in [
        connect().without(OptionCode::HASH_BUCKET_ASSIGNMENT),
        connect().with(OptionCode::HASH_BUCKET_ASSIGNMENT, [0; 31]),
    ] {
        assert_eq!(refusal(&mut stage, &buckets).unwrap().0, 18);
    }
    for ahead in [-70, 70] {
        assert_eq!(refusal(&mut stage, &Message { ahead, ..connect() }).unwrap().0, 4);
    }
    assert_eq!(refusal(&mut stage, &connect().without(OptionCode::MCLT)), None);
    stage.finish();
}

/// Interop: C9, C11.
#[test]
fn a_dhcpd_secondary_accepts_a_clock_a_minute_off_and_leaves_out_tls_that_nobody_asked_for() {
    let test = "set_up::a_dhcpd_secondary_accepts_a_clock_a_minute_off_and_leaves_out_tls_that_nobody_asked_for";
    let Some(mut stage) = Stage::started(test, Role::Secondary, Stage::setup()) else { return };
    let mut partner = stage.dial();
    let early = Message { ahead: -55, ..Message::connect().without(OptionCode::TLS_REQUEST) };
    partner.send(&early);
    let ack = partner.take(MessageType::CONNECTACK);
    assert_eq!(ack.codes(), [22, 14, 19, 28, 20]);
    stage.finish();
}

/// Interop: C13.
#[test]
fn dhcpd_hangs_up_on_a_stranger() {
    let test = "set_up::dhcpd_hangs_up_on_a_stranger";
    let Some(mut stage) = Stage::started(test, Role::Primary, Stage::setup()) else { return };
    assert_eq!(stage.dial_from("c").until_closed(), []);
    stage.finish();
}

/// Interop: C14.
#[test]
fn dhcpd_leaves_a_partner_that_is_silent_without_disconnect() {
    let test = "set_up::dhcpd_leaves_a_partner_that_is_silent_without_disconnect";
    let setup = Setup { max_response_delay: 6, ..Stage::setup() };
    let Some((mut stage, mut partner)) = Stage::normal(test, Role::Secondary, setup) else {
        return;
    };
    assert_eq!(partner.until_closed(), []);
    stage.wait_state("communications-interrupted");
    stage.finish();
}

/// Interop: C15.
#[test]
fn dhcpd_says_contact_after_a_third_of_the_receive_timer() {
    let test = "set_up::dhcpd_says_contact_after_a_third_of_the_receive_timer";
    let Some(mut stage) = Stage::started(test, Role::Secondary, Stage::setup()) else { return };
    let mut partner = stage.dial();
    partner.send(&Message::connect().number(OptionCode::RECEIVE_TIMER, 8));
    partner.take(MessageType::STATE);
    partner.send(&Message::state(6, 0));
    let mut last = partner.take(MessageType::UPDREQALL).time;
    for _ in 0..3 {
        let contact = partner.take(MessageType::CONTACT);
        assert!(contact.time >= last + 2, "{contact:?} follows a message of {last}");
        last = contact.time;
    }
    stage.finish();
}

/// Interop: C19.
#[test]
fn dhcpd_skips_octets_between_header_and_options() {
    let test = "set_up::dhcpd_skips_octets_between_header_and_options";
    let Some((stage, mut partner)) = Stage::normal(test, Role::Primary, Stage::setup()) else {
        return;
    };
    let update = Message::update(stage.setup.pool.0, FREE);
    assert_eq!(partner.update(&Message { extension: vec![0xee; 4], ..update }), None);
    stage.finish();
}

/// Interop: C16, S13.
#[test]
fn twinlease_primary_goes_on_with_a_dhcpd_that_is_started_again() {
    let test = "set_up::twinlease_primary_goes_on_with_a_dhcpd_that_is_started_again";
    started_again(test, PRIMARY, Role::Secondary);
}

/// Interop: C16, S13.
#[test]
fn twinlease_secondary_goes_on_with_a_dhcpd_that_is_started_again() {
    let test = "set_up::twinlease_secondary_goes_on_with_a_dhcpd_that_is_started_again";
    started_again(test, SECONDARY, Role::Primary);
}

/// Nobody recovers, and nobody waits for an MCLT.
fn started_again(test: &str, kinds: [Kind; 2], dhcpd: Role) {
    let Some(mut scene) = Scene::normal(test, kinds, Setup::default()) else { return };
    scene.pair.server(dhcpd).stop();
    scene.pair.server(dhcpd.other()).wait_state("communications-interrupted", SOON);
    let until_then = scene.pair.server(dhcpd.other()).log().len();
    scene.pair.server(dhcpd).start();
    scene.pair.wait_normal(SOON);
    let log = scene.pair.server(dhcpd.other()).log();
    let moves: Vec<_> =
        log[until_then..].matches(" state communications-interrupted -> normal").collect();
    assert_eq!((moves.len(), log[until_then..].matches(" state ").count()), (1, 1), "{log}");
    scene.finish();
}

/// Interop: S13.
#[test]
fn a_dhcpd_that_is_terminated_says_nothing() {
    let test = "set_up::a_dhcpd_that_is_terminated_says_nothing";
    let Some((mut stage, mut partner)) = Stage::normal(test, Role::Primary, Stage::setup()) else {
        return;
    };
    stage.dhcpd.stop();
    assert_eq!(partner.until_closed(), []);
    stage.dhcpd.start();
    let mut partner = stage.dial();
    assert_eq!(stage.shake_hands(&mut partner).state(), (NORMAL, 1));
    stage.finish();
}
