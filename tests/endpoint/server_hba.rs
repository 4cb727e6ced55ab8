//! Which clients a pair answers at all, and after which wait the other server helps (§5.3, §12.10).

use twinlease::balance::{HashBuckets, Role, ServerBuckets, hash};
use twinlease::binding::table::RangeId;
use twinlease::durable::{EndpointRecord, Recovered};
use twinlease::endpoint::{
    ClientRequest, Input, LeaseAuthority, Origin, RelationshipConfig, RequestKind, Service, Silence,
};
use twinlease::time::UnixTime;
use twinlease::wire::codes::{
    BindingStatus, FailoverState, MessageType, OptionCode, RejectReason, Xid,
};
use twinlease::wire::connect::Connect;
use twinlease::wire::dialect::Dialect;
use twinlease::wire::message::Message;

use crate::support::scripted::{LINK, Said, Script, good_connect, stored};
use crate::support::world::{PRIMARY, SECONDARY, World};
use crate::support::{START, client, config};

/// The pair has the even buckets.
const EVEN: ServerBuckets = ServerBuckets::new([0x55; 32]);

fn with_even_buckets(role: Role) -> RelationshipConfig {
    let mut relationship = config(role, 20);
    relationship.server_buckets = EVEN;
    relationship
}

fn draft(role: Role) -> RelationshipConfig {
    let mut relationship = config(role, 20);
    relationship.dialect = Dialect::Draft12;
    relationship
}

fn bucket(number: u8) -> u8 {
    hash(client(number).hash_key())
}

fn asked(number: u8, kind: RequestKind, secs: u16) -> ClientRequest<'static> {
    const RANGES: &[RangeId] = &[RangeId(0)];
    let client = client(number);
    ClientRequest { kind, client, secs, addressed_to_this_server: false, ranges: RANGES }
}

/// The clients whose DISCOVER is served.
fn served(script: &Script) -> Vec<u8> {
    let serves = |number: &u8| {
        let request = asked(*number, RequestKind::Discover, 0);
        script.endpoint.service_for(&request, script.now) == Service::Serve
    };
    (0..=255).filter(serves).collect()
}

/// Holds: FO-5.3-4, FO-5.3-7, A1-28.
#[test]
fn clients_of_other_buckets_are_answered_in_no_state() {
    for state in [
        FailoverState::CommunicationsInterrupted,
        FailoverState::PartnerDown,
        FailoverState::ResolutionInterrupted,
        FailoverState::ConflictDone,
    ] {
        let record = EndpointRecord { down_time: UnixTime(START), ..stored(state) };
        let recovered = Recovered { endpoint: Some(record), bindings: Vec::new() };
        let mut script = Script::new(with_even_buckets(Role::Primary), recovered);
        script.run(60);
        assert_eq!(script.endpoint.state(), state);
        let expected: Vec<u8> =
            (0..=255).filter(|number| bucket(*number).is_multiple_of(2)).collect();
        assert_eq!(served(&script), expected, "{state}");
    }
}

/// Holds: FO-5.3-4, FO-5.3-7, A1-28.
#[test]
fn in_normal_the_clients_of_the_pair_are_divided_and_the_others_left_alone() {
    let mut world =
        World::new(with_even_buckets(Role::Primary), with_even_buckets(Role::Secondary));
    world.start(PRIMARY);
    world.start(SECONDARY);
    world.run(30);
    for number in 0..=255 {
        let request = asked(number, RequestKind::Discover, 0);
        let by = |side: usize| {
            let endpoint = world.sides[side].endpoint();
            assert_eq!(endpoint.state(), FailoverState::Normal);
            endpoint.service_for(&request, world.now()) == Service::Serve
        };
        let servers = u8::from(by(PRIMARY)) + u8::from(by(SECONDARY));
        assert_eq!(
            servers,
            u8::from(bucket(number).is_multiple_of(2)),
            "bucket {}",
            bucket(number)
        );
    }
}

#[test]
fn a_client_of_other_servers_is_left_to_them_however_long_it_waits() {
    let script = Script::normal_primary_of(with_even_buckets(Role::Primary));
    let number = (0..=255).find(|number| bucket(*number) % 2 == 1).unwrap();
    let request = asked(number, RequestKind::Discover, 300);
    let answer = script.endpoint.service_for(&request, script.now);
    assert_eq!(answer, Service::Silent(Silence::OtherServersClient));
}

/// §9.8.2: nobody else would take these up.
#[test]
fn a_client_of_other_servers_is_served_by_the_one_that_it_names() {
    let script = Script::normal_primary_of(with_even_buckets(Role::Primary));
    let number = (0..=255).find(|number| bucket(*number) % 2 == 1).unwrap();
    let named = ClientRequest {
        addressed_to_this_server: true,
        ..asked(number, RequestKind::Selecting, 0)
    };
    for request in [named, asked(number, RequestKind::Rebinding, 0)] {
        assert_eq!(script.endpoint.service_for(&request, script.now), Service::Serve);
    }
}

fn connect_of(relationship: RelationshipConfig) -> Said {
    let mut script = Script::new(relationship, Recovered::default());
    script.connected();
    script.take(MessageType::CONNECT)
}

/// Holds: FO-5.3-8.
#[test]
fn the_primary_assigns_no_bucket_to_the_secondary_that_is_not_the_pairs() {
    for (dialect, expected) in [(Dialect::Draft12, 0x55), (Dialect::Isc, 0xaa)] {
        let mut relationship = with_even_buckets(Role::Primary);
        relationship.dialect = dialect;
        relationship.hash_buckets = HashBuckets::from_split(0).unwrap();
        let said = connect_of(relationship);
        let Message::Connect(connect) = said.message(dialect) else { unreachable!() };
        assert_eq!(connect.hash_bucket_assignment, Some([expected; 32].as_slice()), "{dialect}");
    }
}

/// The answer of a draft secondary with the even buckets to a CONNECT with this assignment.
fn answer_to(assignment: [u8; 32]) -> Option<RejectReason> {
    let mut relationship = with_even_buckets(Role::Secondary);
    relationship.dialect = Dialect::Draft12;
    let mut script = Script::new(relationship, Recovered::default());
    script.input(Input::Connected { link: LINK, origin: Origin::Accepted });
    script.say(Xid(7), &Message::Connect(good_connect(&assignment)));
    script.take(MessageType::CONNECTACK).reject()
}

/// Holds: FO-5.3-5, FO-7.8.2-35.
#[test]
fn an_assignment_outside_the_secondarys_server_hba_is_a_hash_bucket_conflict() {
    assert_eq!(answer_to([0x57; 32]), Some(RejectReason::HASH_BUCKET_CONFLICT));
}

/// Holds: FO-5.3-5.
#[test]
fn an_assignment_within_the_secondarys_server_hba_is_taken() {
    assert_eq!(answer_to([0x54; 32]), None);
}

/// Holds: FO-12.10-1, FO-12.10-2, A2-45.
#[test]
fn a_draft_primary_says_in_connect_how_long_a_client_waits() {
    let mut relationship = draft(Role::Primary);
    relationship.load_balance_max_seconds = 7;
    let said = connect_of(relationship);
    let frame = said.frame();
    let value_of = |code: OptionCode| {
        let mut options = frame.options().map(Result::unwrap);
        options.find(|option| option.code == code).map(|option| option.value)
    };
    assert_eq!(value_of(OptionCode::DELAYED_SERVICE_PARAMETER), Some([7].as_slice()));
    assert!(value_of(OptionCode::HASH_BUCKET_ASSIGNMENT).is_some());
}

#[test]
fn a_draft_primary_without_a_limit_says_nothing_of_a_wait() {
    let mut relationship = draft(Role::Primary);
    relationship.load_balance_max_seconds = 0;
    let said = connect_of(relationship);
    let Message::Connect(connect) = said.message(Dialect::Draft12) else { unreachable!() };
    assert_eq!(connect.delayed_service, None);
}

/// A dhcpd has the wait in its own file.
#[test]
fn a_dhcpd_is_not_told_how_long_a_client_waits() {
    let said = connect_of(config(Role::Primary, 20));
    let Message::Connect(connect) = said.message(Dialect::Isc) else { unreachable!() };
    assert_eq!(connect.delayed_service, None);
}

/// The least wait after which a draft secondary with a limit of 5 of its own answers a client of the
/// primary's, where the primary says `delayed_service`.
fn least_wait(delayed_service: Option<u8>) -> u16 {
    let mut relationship = draft(Role::Secondary);
    relationship.load_balance_max_seconds = 5;
    let mut script = Script::new(relationship, Recovered::default());
    script.input(Input::Connected { link: LINK, origin: Origin::Accepted });
    let buckets = HashBuckets::half().to_wire(Dialect::Draft12);
    let connect = Connect { delayed_service, ..good_connect(&buckets) };
    script.say(Xid(7), &Message::Connect(connect));
    script.become_normal();
    let number = (0..=255).find(|number| bucket(*number) < 128).unwrap();
    let serves = |secs: &u16| {
        let request = asked(number, RequestKind::Discover, *secs);
        script.endpoint.service_for(&request, script.now) == Service::Serve
    };
    // Otherwise the primary would have no address left for it.
    assert!(script.endpoint.table().count(RangeId(0), BindingStatus::Free) > 0);
    (0..=300).find(serves).expect("after some time")
}

/// Holds: FO-12.10-1.
#[test]
fn a_draft_secondary_helps_after_the_wait_that_the_primary_says() {
    assert_eq!(least_wait(Some(9)), 9);
}

#[test]
fn a_draft_secondary_that_is_told_nothing_goes_by_its_own_wait() {
    assert_eq!(least_wait(None), 5);
}

/// 1 to 255 are allowed.
#[test]
fn a_wait_of_0_says_nothing() {
    assert_eq!(least_wait(Some(0)), 5);
}

/// Whether a primary with a limit of 3 seconds answers a client of the secondary's that says `secs`.
fn helps(secs: u16, check_secs_byte_order: bool) -> bool {
    let mut relationship = config(Role::Primary, 20);
    relationship.check_secs_byte_order = check_secs_byte_order;
    let script = Script::normal_primary_of(relationship);
    let number = (0..=255).find(|number| bucket(*number) >= 128).unwrap();
    let request = asked(number, RequestKind::Discover, secs);
    script.endpoint.service_for(&request, script.now) == Service::Serve
}

/// Some clients send 2 seconds as 0x0200.
#[test]
fn a_wait_in_the_wrong_octet_order_is_read_right_where_that_is_asked_for() {
    let helped = [0x0002, 0x0200, 0x0004, 0x0400].map(|secs| helps(secs, true));
    assert_eq!(helped, [false, false, true, true]);
}

#[test]
fn a_wait_in_the_wrong_octet_order_is_a_long_one_otherwise() {
    assert_eq!([0x0002, 0x0200].map(|secs| helps(secs, false)), [false, true]);
}
