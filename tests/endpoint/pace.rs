//! Times shorter than the draft's, between two servers of this kind.

use std::time::Duration;

use twinlease::balance::Role;
use twinlease::binding::table::RangeId;
use twinlease::durable::Recovered;
use twinlease::endpoint::{
    ClientRequest, LeaseAuthority, Pace, RelationshipConfig, RequestKind, Service,
};
use twinlease::wire::codes::FailoverState;
use twinlease::wire::message::Message;

use crate::support::scripted::{DHCPD, LINK, Script, TWINLEASE};
use crate::support::{client, config};

fn paced(pace: Pace) -> RelationshipConfig {
    let mut relationship = config(Role::Primary, 20);
    relationship.pace = pace;
    relationship
}

/// In NORMAL with a partner of this kind.
fn normal(pace: Pace, vendor: &'static [u8]) -> Script {
    let mut script = Script::new(paced(pace), Recovered::default());
    script.vendor = vendor;
    script.settle_as_primary();
    script
}

fn beating() -> Pace {
    Pace { heartbeat_interval: Some(Duration::from_millis(100)), ..Pace::default() }
}

fn watching() -> Pace {
    Pace { contact_lost_time: Some(Duration::from_millis(300)), ..beating() }
}

/// Lets the partner say CONTACT so many times, so many milliseconds apart.
fn beat(script: &mut Script, times: u32, millis: u64) {
    for _ in 0..times {
        script.run_for(Duration::from_millis(millis));
        script.tell(&Message::Contact);
    }
}

/// How many milliseconds of silence end the connection, in steps of fifty and up to a minute.
fn silence_endured(script: &mut Script) -> Option<u64> {
    (0..=1200).map(|step| step * 50).find(|millis| {
        script.run_for(Duration::from_millis(if *millis > 0 { 50 } else { 0 }));
        script.closed == [LINK]
    })
}

#[test]
fn another_twinlease_is_sent_a_contact_at_every_heartbeat() {
    let mut script = normal(beating(), TWINLEASE);
    script.run(1);
    assert_eq!(script.types(), vec!["contact"; 10]);
}

#[test]
fn a_dhcpd_never_sees_a_heartbeat() {
    let mut script = normal(beating(), DHCPD);
    script.run(5);
    assert_eq!(script.types(), Vec::<&str>::new());
}

#[test]
fn a_partner_that_beats_fast_is_lost_after_the_contact_lost_time() {
    let mut script = normal(watching(), TWINLEASE);
    beat(&mut script, 4, 100);
    assert_eq!(silence_endured(&mut script), Some(300));
    assert_eq!(script.endpoint.state(), FailoverState::CommunicationsInterrupted);
}

#[test]
fn a_partner_that_was_never_heard_to_beat_fast_has_the_receive_timer() {
    let mut script = normal(watching(), TWINLEASE);
    beat(&mut script, 4, 5000);
    assert_eq!(silence_endured(&mut script), Some(30_000));
}

#[test]
fn contacts_that_arrive_together_after_a_delay_are_no_heartbeat() {
    let mut script = normal(watching(), TWINLEASE);
    script.run(10);
    beat(&mut script, 3, 0);
    assert_eq!(silence_endured(&mut script), Some(30_000));
}

#[test]
fn a_dhcpd_has_the_receive_timer_however_fast_it_speaks() {
    let mut script = normal(watching(), DHCPD);
    beat(&mut script, 8, 100);
    assert_eq!(silence_endured(&mut script), Some(30_000));
}

/// Which of forty clients that discover are answered.
fn answered(script: &Script) -> usize {
    let serves = |number: &u8| {
        let request = ClientRequest {
            kind: RequestKind::Discover,
            client: client(*number),
            secs: 0,
            addressed_to_this_server: false,
            ranges: &[RangeId(0)],
        };
        script.endpoint.service_for(&request, script.now) == Service::Serve
    };
    (0..40).filter(serves).count()
}

#[test]
fn the_clients_of_a_partner_that_has_been_lost_are_left_to_it_for_the_takeover_delay() {
    let millis = Duration::from_millis;
    let delay = millis(200);
    let mut script = normal(Pace { takeover_delay: delay, ..Pace::default() }, TWINLEASE);
    let before = answered(&script);
    assert!(before < 40);
    script.cut();
    assert_eq!(script.endpoint.state(), FailoverState::CommunicationsInterrupted);
    assert_eq!(answered(&script), before);
    script.run_for(millis(199));
    assert_eq!(answered(&script), before);
    script.run_for(millis(1));
    assert_eq!(answered(&script), 40);
}

#[test]
fn without_a_takeover_delay_everybody_is_answered_at_once() {
    let mut script = normal(Pace::default(), TWINLEASE);
    script.cut();
    assert_eq!(answered(&script), 40);
}
