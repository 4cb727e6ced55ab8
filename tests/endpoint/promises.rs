//! What was promised to the partner and what it promised: the ground on which leases stand, and the
//! clocks by which it is measured (§5.2.1, §5.10, §7.1.5).

use twinlease::balance::{HashBuckets, Role};
use twinlease::binding::Binding;
use twinlease::durable::Recovered;
use twinlease::endpoint::LeaseAuthority;
use twinlease::time::UnixTime;
use twinlease::wire::bndupd::{BindingUpdate, BndUpd};
use twinlease::wire::codes::{BindingStatus, FailoverState, MessageType, ServerFlags, Xid};
use twinlease::wire::connect::StateMessage;
use twinlease::wire::dialect::Dialect;
use twinlease::wire::message::Message;

use crate::support::scripted::{LINK, Script, good_connect, stored};
use crate::support::world::{PRIMARY, SECONDARY, World};
use crate::support::{MCLT, START, address, client, config};

/// Longer than anything that MCLT allows.
const LONG: u32 = 1_000_000;

/// The lease of client 1 on 10.20.0.10, of which nobody was promised anything.
fn held() -> Binding {
    Binding {
        binding_status: BindingStatus::Active,
        client: Some(client(1).to_client()),
        lease_expiration: UnixTime(START + 100),
        client_last_transaction: UnixTime(START - 100),
        start_of_status: UnixTime(START - 100),
        partner_knows: false,
        ..Binding::unused(address(10))
    }
}

/// When the lease of client 1 would end if it were renewed without contact at START + 15.
fn end_of_renewal(binding: Binding) -> UnixTime {
    let endpoint = Some(stored(FailoverState::CommunicationsInterrupted));
    let recovered = Recovered { endpoint, bindings: vec![binding] };
    let mut script = Script::new(config(Role::Primary, 20), recovered);
    script.run(15);
    script.endpoint.grant(address(10), &client(1), LONG, script.now).lease_expiration
}

/// Holds: A1-01, A1-06.
#[test]
fn a_lease_ends_exactly_mclt_after_the_latest_of_the_present_and_both_promises() {
    for (acked, received, latest) in
        [(5000, 3000, 5000), (3000, 5000, 5000), (5, 5, 15), (15, 16, 16)]
    {
        let binding = Binding {
            acked_potential_expiration: UnixTime(START + acked),
            received_potential_expiration: UnixTime(START + received),
            ..held()
        };
        let end = UnixTime(START + latest + MCLT);
        assert_eq!(end_of_renewal(binding), end, "{acked} {received}");
    }
}

/// Holds: A1-06.
#[test]
fn what_the_partner_has_not_acknowledged_lengthens_no_lease() {
    let binding = Binding {
        lease_expiration: UnixTime(START + 9000),
        sent_potential_expiration: UnixTime(START + 9500),
        ..held()
    };
    assert_eq!(end_of_renewal(binding), UnixTime(START + 15 + MCLT));
}

/// A secondary's partner reports the lease of client 1, heard at START + `heard`.
fn report(script: &mut Script, heard: u32, ends: UnixTime, promise: UnixTime) {
    let hardware = [1, 2, 0, 94, 16, 0, 1];
    script.update(BindingUpdate {
        address: address(10),
        binding_status: Some(BindingStatus::Active.code()),
        client_hardware_address: Some(&hardware),
        lease_expiration: Some(ends),
        potential_expiration: Some(promise),
        start_of_status: Some(UnixTime(START)),
        client_last_transaction: Some(UnixTime(START + heard)),
        ..BindingUpdate::default()
    });
    assert_eq!(script.take(MessageType::BNDACK).reject(), None);
}

/// Holds: A1-07.
#[test]
fn the_partners_most_recent_promise_counts_even_if_it_is_the_smaller_one() {
    let mut script = Script::normal_secondary();
    report(&mut script, 1, UnixTime(START + 600), UnixTime(START + 5000));
    report(&mut script, 2, UnixTime(START + 700), UnixTime(START + 3000));
    let grant = script.endpoint.grant(address(10), &client(1), LONG, script.now);
    assert_eq!(grant.lease_expiration, UnixTime(START + 3000 + MCLT));
}

/// Holds: A1-07.
#[test]
fn an_address_that_became_free_carries_no_promise() {
    let [primary, secondary] = [Role::Primary, Role::Secondary].map(|role| {
        let mut relationship = config(role, 20);
        relationship.dialect = Dialect::Draft12;
        relationship
    });
    let mut world = World::new(primary, secondary);
    world.start(PRIMARY);
    world.start(SECONDARY);
    world.run(30);
    let mine = world.sides[PRIMARY].endpoint().table().iter();
    let mine = mine.filter(|binding| binding.binding_status == BindingStatus::Free);
    let address = mine.last().expect("half are the primary's").address;
    world.lease(PRIMARY, address, client(1), 60);
    world.run(70);
    for side in [PRIMARY, SECONDARY] {
        let binding = world.binding(side, address);
        assert_ne!(binding.binding_status, BindingStatus::Active);
        let promises = [
            binding.sent_potential_expiration,
            binding.acked_potential_expiration,
            binding.received_potential_expiration,
        ];
        assert_eq!(promises, [UnixTime::ABSENT; 3], "side {side}");
    }
}

/// A draft secondary whose primary's clock is `behind` seconds behind, as its CONNECT shows.
fn beside_a_clock(behind: u32) -> Script {
    let mut script = Script::draft(Role::Secondary);
    script.called(LINK);
    let buckets = HashBuckets::half().to_wire(Dialect::Draft12);
    let time = UnixTime(START - behind);
    script.hear(LINK, time, Xid(1), &Message::Connect(good_connect(&buckets)));
    let state = StateMessage {
        server_state: Some(FailoverState::PartnerDown.code()),
        server_flags: Some(ServerFlags(0)),
        start_of_state: Some(time),
    };
    script.hear(LINK, time, Xid(2), &Message::State(state));
    script
}

/// What is on record of a lease that ends at START + 600 and began at START by the partner's clock,
/// told in a message of the time `time`.
fn recorded(script: &mut Script, time: UnixTime) -> [u32; 4] {
    let hardware = [1, 2, 0, 94, 16, 0, 1];
    let update = BindingUpdate {
        address: address(10),
        binding_status: Some(BindingStatus::Active.code()),
        client_hardware_address: Some(&hardware),
        lease_expiration: Some(UnixTime(START + 600)),
        potential_expiration: Some(UnixTime(START + 1000)),
        start_of_status: Some(UnixTime(START)),
        client_last_transaction: Some(UnixTime(START)),
        ..BindingUpdate::default()
    };
    script.hear(LINK, time, Xid(3), &Message::BndUpd(BndUpd::of(&[update])));
    let binding = script.endpoint.table().get(address(10)).expect("in the range");
    [
        binding.lease_expiration,
        binding.received_potential_expiration,
        binding.start_of_status,
        binding.client_last_transaction,
    ]
    .map(|time| time.0 - START)
}

/// Holds: A1-55.
#[test]
fn clocks_two_seconds_apart_count_as_one() {
    assert_eq!(recorded(&mut beside_a_clock(2), UnixTime(START - 2)), [600, 1000, 0, 0]);
}

/// Holds: A1-54.
#[test]
fn clocks_three_seconds_apart_are_told_from_each_other() {
    assert_eq!(recorded(&mut beside_a_clock(3), UnixTime(START - 3)), [603, 1003, 3, 3]);
}

/// Holds: A1-55.
#[test]
fn times_are_corrected_by_the_same_difference_however_long_a_message_takes() {
    for late in [1, 5, 20] {
        let mut script = beside_a_clock(10);
        assert_eq!(recorded(&mut script, UnixTime(START - 10 - late)), [610, 1010, 10, 10]);
    }
}

/// Holds: A1-41.
#[test]
fn a_lease_that_the_partner_calls_infinite_in_either_way_never_ends() {
    for never in [0x7fff_ffff, u32::MAX] {
        let mut script = beside_a_clock(249);
        let hardware = [1, 2, 0, 94, 16, 0, 1];
        let update = BindingUpdate {
            address: address(10),
            binding_status: Some(BindingStatus::Active.code()),
            client_hardware_address: Some(&hardware),
            lease_expiration: Some(UnixTime(never)),
            potential_expiration: Some(UnixTime(never)),
            ..BindingUpdate::default()
        };
        let time = UnixTime(START - 249);
        script.hear(LINK, time, Xid(3), &Message::BndUpd(BndUpd::of(&[update])));
        assert_eq!(script.take(MessageType::BNDACK).reject(), None);
        let binding = script.endpoint.table().get(address(10)).expect("in the range");
        assert!(binding.lease_expiration.is_infinite(), "{never:x}");
        assert!(binding.received_potential_expiration.is_infinite(), "{never:x}");
    }
}

/// Holds: A1-41.
#[test]
fn a_bound_past_the_last_date_is_no_bound() {
    let binding = Binding { acked_potential_expiration: UnixTime(0x7fff_fff0), ..held() };
    let endpoint = Some(stored(FailoverState::CommunicationsInterrupted));
    let recovered = Recovered { endpoint, bindings: vec![binding] };
    let mut script = Script::new(config(Role::Primary, 20), recovered);
    script.run(15);
    let grant = script.endpoint.grant(address(10), &client(1), u32::MAX, script.now);
    assert_eq!((grant.lease_seconds, grant.lease_expiration), (u32::MAX, UnixTime::INFINITE));
}
