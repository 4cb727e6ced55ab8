//! What every message has in common as an endpoint sends it (§6.1, §12).

use twinlease::balance::Role;
use twinlease::endpoint::{Input, OperatorCommand};
use twinlease::wire::codes::{FailoverState, MessageType, OptionCode, ServerFlags};
use twinlease::wire::message::Message;

use crate::support::scripted::{Said, Script, stored};
use crate::support::{START, address, client};

fn value(said: &Said, code: OptionCode) -> Option<Vec<u8>> {
    let options = said.frame().options().map(|option| option.expect("well-formed"));
    options.filter(|option| option.code == code).map(|option| option.value.to_vec()).next()
}

/// Holds: FO-6.1-5, FO-6.1-15, FO-6.1-16.
#[test]
fn a_message_has_the_time_of_its_sending() {
    let mut script = Script::normal_secondary();
    script.run_talking(50);
    script.said.clear();
    let wall = script.now.wall;
    script.tell(&Message::UpdReq);
    script.answer_everything();
    assert_eq!(script.take(MessageType::UPDDONE).frame().header.time, wall);
    assert!(wall.0 >= START + 50);
}

/// Holds: FO-6.1-14, A1-02.
#[test]
fn the_payload_begins_at_12_in_every_message() {
    let mut script = Script::normal_primary();
    script.run_talking(30);
    script.tell(&Message::PoolReq);
    script.input(Input::Operator(OperatorCommand::Pause));
    script.run(1);
    assert!(script.said.len() >= 4, "{:?}", script.types());
    assert!(script.said.iter().all(|said| said.octets[3] == 12));
}

/// Holds: FO-12.23-1, FO-12.23-2, FO-12.23-3, FO-12.23-4, FO-12.24-1, FO-12.24-3.
#[test]
fn startup_is_a_flag_beside_the_recorded_state() {
    let mut script = Script::restarted(Role::Primary, stored(FailoverState::Normal));
    script.shake_hands();
    let said = script.take(MessageType::STATE);
    assert_eq!(value(&said, OptionCode::SERVER_STATE), Some(vec![2]));
    assert_eq!(value(&said, OptionCode::SERVER_FLAGS), Some(vec![1]));
    script.state(FailoverState::CommunicationsInterrupted);
    let said = script.take(MessageType::STATE);
    assert_eq!(value(&said, OptionCode::SERVER_FLAGS), Some(vec![0]));
}

/// Holds: FO-12.25-1, FO-12.25-3.
/// Holds: A2-33.
#[test]
fn a_state_tells_its_own_beginning() {
    let mut script = Script::normal_primary();
    script.run_talking(20);
    script.said.clear();
    script.state_with(FailoverState::Paused, ServerFlags(0), START + 3);
    let said = script.take(MessageType::STATE);
    let since = script.now.wall.0.to_be_bytes().to_vec();
    assert_eq!(value(&said, OptionCode::START_TIME_OF_STATE), Some(since));
}

/// Holds: FO-12.20-1, FO-12.20-2, FO-12.28-1, FO-12.22-1, FO-12.19-1, FO-12.14-1, FO-12.15-1.
/// Holds: FO-12.11-1, FO-12.11-3.
#[test]
fn connect_carries_the_terms_of_the_relationship() {
    let mut script = Script::primary();
    script.connected();
    let said = script.take(MessageType::CONNECT);
    assert_eq!(value(&said, OptionCode::PROTOCOL_VERSION), Some(vec![1]));
    assert_eq!(value(&said, OptionCode::RELATIONSHIP_NAME), Some(b"pair".to_vec()));
    assert_eq!(value(&said, OptionCode::RECEIVE_TIMER), Some(vec![0, 0, 0, 30]));
    assert_eq!(value(&said, OptionCode::MAX_UNACKED_BNDUPD), Some(vec![0, 0, 0, 11]));
    assert_eq!(value(&said, OptionCode::MCLT), Some(vec![0, 0, 2, 88]));
    assert_eq!(value(&said, OptionCode::HASH_BUCKET_ASSIGNMENT).map(|v| v.len()), Some(32));
    assert!(value(&said, OptionCode::VENDOR_CLASS_IDENTIFIER).unwrap().starts_with(b"twinlease-"));
    script.state(FailoverState::Recover);
    assert!(script.said.iter().all(|said| value(said, OptionCode::PROTOCOL_VERSION).is_none()));
}

/// Holds: FO-12.29-5, FO-12.29-1, FO-6.1-4.
#[test]
fn vendor_specific_options_are_passed_over() {
    let mut script = Script::normal_secondary();
    let mut octets = vec![0, 0, MessageType::CONTACT.0, 12];
    octets.extend(START.to_be_bytes());
    octets.extend([0, 0, 1, 1]);
    octets.extend([0, 29, 0, 5, 0, 1, 0, 1, 7]);
    octets[1] = u8::try_from(octets.len()).unwrap();
    script.octets(&octets);
    assert_eq!((script.closed.len(), script.types().len()), (0, 0));
}

/// Holds: FO-10-2, FO-10-4, FO-10-5.
#[test]
fn a_safe_period_ends_in_partner_down_in_either_role() {
    for role in [Role::Primary, Role::Secondary] {
        let mut relationship = crate::support::config(role, 20);
        relationship.safe_period = Some(std::time::Duration::from_secs(100));
        let endpoint = Some(stored(FailoverState::CommunicationsInterrupted));
        let recovered = twinlease::durable::Recovered { endpoint, bindings: vec![] };
        let mut script = Script::new(relationship, recovered);
        script.run(15 + 99);
        assert_eq!(script.endpoint.state(), FailoverState::CommunicationsInterrupted);
        script.run(1);
        assert_eq!(script.endpoint.state(), FailoverState::PartnerDown);
    }
}

/// Holds: FO-10-2.
/// Holds: FO-9.4.2-5.
#[test]
fn without_a_safe_period_an_interruption_lasts() {
    let mut script = Script::normal_primary();
    script.cut();
    script.run(40_000);
    assert_eq!(script.endpoint.state(), FailoverState::CommunicationsInterrupted);
}

/// Holds: FO-10-9, FO-10-10, FO-10-12.
#[test]
fn within_the_safe_period_leases_are_renewed_and_other_addresses_are_not_taken_over() {
    use twinlease::binding::Binding;
    use twinlease::endpoint::{Availability, LeaseAuthority};
    use twinlease::time::UnixTime;
    use twinlease::wire::codes::BindingStatus;
    let mut active = Binding::unused(address(12));
    active.binding_status = BindingStatus::Active;
    active.client = Some(client(1).to_client());
    active.lease_expiration = UnixTime(START + 500);
    let mut ended = Binding { address: address(13), ..active.clone() };
    ended.lease_expiration = UnixTime(START - 5);
    let mut relationship = crate::support::config(Role::Secondary, 20);
    relationship.safe_period = Some(std::time::Duration::from_secs(3600));
    let endpoint = Some(stored(FailoverState::CommunicationsInterrupted));
    let recovered = twinlease::durable::Recovered { endpoint, bindings: vec![active, ended] };
    let mut script = Script::new(relationship, recovered);
    script.run(100);
    let ask =
        |last, number| script.endpoint.availability(address(last), &client(number), script.now);
    assert_eq!(ask(12, 1), Availability::Renew);
    assert!(matches!(ask(13, 2), Availability::No(_)));
}
