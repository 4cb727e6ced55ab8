//! Which server updates the DNS for a client (§5.12, §12.9).

use twinlease::balance::Role;
use twinlease::binding::ClientRef;
use twinlease::endpoint::{
    BindingChange, Event, Input, LeaseAuthority, LeaseDetails, OperatorCommand, RelationshipConfig,
};
use twinlease::time::UnixTime;
use twinlease::wire::bndupd::BindingUpdate;
use twinlease::wire::codes::{BindingStatus, DdnsFlags, FailoverState, MessageType, RejectReason};
use twinlease::wire::ddns::Ddns;
use twinlease::wire::dialect::Dialect;
use twinlease::wire::message::Message;

use crate::support::scripted::Script;
use crate::support::world::{PRIMARY, SECONDARY, World};
use crate::support::{MCLT, START, address, client, config};

/// pc.example.
const NAME: &[u8] = b"\x02pc\x07example\x00";
const BY_SERVER: DdnsFlags =
    DdnsFlags(DdnsFlags::FORWARD_BY_SERVER.0 | DdnsFlags::REVERSE_BY_SERVER.0);
const BOTH_DONE: DdnsFlags = DdnsFlags(0xf);
const LEASED: u8 = 10;

fn ddns(flags: DdnsFlags) -> Ddns<'static> {
    Ddns::new(flags, NAME).unwrap()
}

fn dns_config(role: Role, dynamic_dns: bool) -> RelationshipConfig {
    let mut config = config(role, 20);
    config.dialect = Dialect::Draft12;
    config.dynamic_dns = dynamic_dns;
    config
}

/// A pair in NORMAL; the DHCP servers around the endpoints update the DNS where it says so.
fn pair(dynamic_dns: [bool; 2]) -> World {
    let [primary, secondary] = dynamic_dns;
    let mut world =
        World::new(dns_config(Role::Primary, primary), dns_config(Role::Secondary, secondary));
    world.start(PRIMARY);
    world.start(SECONDARY);
    world.run(30);
    world
}

/// The DHCP server around `side` has made the records.
fn records_made(world: &mut World, side: usize) {
    let change = BindingChange::DnsUpdated { address: address(LEASED), ddns: ddns(BOTH_DONE) };
    world.record(side, change);
}

fn lease_with_records(world: &mut World, side: usize) {
    world.lease(side, address(LEASED), client(1), 20);
    records_made(world, side);
    world.run(1);
}

fn due(address: std::net::Ipv4Addr) -> Event {
    Event::DnsUpdateDue { address }
}

fn updates_due(world: &World, side: usize) -> usize {
    let events = &world.sides[side].events;
    events.iter().filter(|event| matches!(event, Event::DnsUpdateDue { .. })).count()
}

fn removals_due(world: &World) -> [usize; 2] {
    [PRIMARY, SECONDARY].map(|side| {
        let removal = Event::DnsRemovalDue {
            address: address(LEASED),
            name: "pc.example.".to_owned(),
            flags: BOTH_DONE,
        };
        world.sides[side].events.iter().filter(|event| **event == removal).count()
    })
}

fn flags_known(world: &World, side: usize) -> Option<DdnsFlags> {
    world.binding(side, address(LEASED)).carried.parts().ddns.map(|ddns| ddns.flags())
}

/// Holds: FO-5.12.1-1, FO-5.12.1-2, FO-5.12.3-1, FO-5.12.3-2.
#[test]
fn the_server_that_grants_a_lease_makes_the_records_and_its_partner_does_not() {
    let mut world = pair([true, true]);
    world.lease(PRIMARY, address(LEASED), client(1), 60);
    assert!(world.sides[PRIMARY].events.contains(&due(address(LEASED))));
    assert_eq!(updates_due(&world, SECONDARY), 0);
}

/// Holds: FO-5.12-2, FO-5.12.4-1, FO-5.12.4-2, FO-5.12.4-4, FO-5.12.4-5, FO-5.12.1-4.
#[test]
fn the_server_whose_report_of_the_end_is_acknowledged_removes_the_records_and_nobody_else() {
    let mut world = pair([true, true]);
    lease_with_records(&mut world, PRIMARY);
    world.record(PRIMARY, BindingChange::Released { address: address(LEASED) });
    assert_eq!(removals_due(&world), [1, 0]);
}

#[test]
fn the_secondary_removes_the_records_of_what_was_released_to_it() {
    let mut world = pair([true, true]);
    lease_with_records(&mut world, PRIMARY);
    world.record(SECONDARY, BindingChange::Released { address: address(LEASED) });
    assert_eq!(removals_due(&world), [0, 1]);
}

/// Both see the lease run out in the same second and report it before either has heard the other.
///
/// Holds: A1-56, FO-5.12.4-7.
#[test]
fn of_two_reports_that_cross_the_primary_removes_the_records() {
    let mut world = pair([true, true]);
    lease_with_records(&mut world, PRIMARY);
    world.run_apart(21);
    assert_eq!(world.binding(PRIMARY, address(LEASED)).binding_status, BindingStatus::Free);
    assert_eq!(world.binding(SECONDARY, address(LEASED)).binding_status, BindingStatus::Free);
    assert_eq!(removals_due(&world), [1, 0]);
}

#[test]
fn a_client_that_comes_back_after_its_lease_gets_its_records_anew() {
    let mut world = pair([true, true]);
    for leases in 1..=2 {
        world.lease(PRIMARY, address(LEASED), client(1), 60);
        assert_eq!(updates_due(&world, PRIMARY), leases);
        world.record(PRIMARY, BindingChange::Released { address: address(LEASED) });
    }
}

#[test]
fn records_made_without_contact_are_told_of_afterwards() {
    let mut world = pair([true, true]);
    world.lease(PRIMARY, address(LEASED), client(1), 300);
    world.run(1);
    world.cable = false;
    world.cut();
    records_made(&mut world, PRIMARY);
    world.cable = true;
    world.run(60);
    assert_eq!(flags_known(&world, SECONDARY), Some(BOTH_DONE));
}

/// The partner's report is the one that gets acknowledged, so the partner removes the records.
///
/// Holds: FO-5.12.4-1.
#[test]
fn a_primary_that_has_not_reported_the_end_itself_leaves_the_records_to_its_partner() {
    let mut script = primary_with_lease();
    dns_updated(&mut script, BOTH_DONE, NAME);
    script.answer_everything();
    script.instant_disk = false;
    script.run_talking(61);
    assert_eq!(script.endpoint.table().status_of(address(LEASED)), Some(BindingStatus::Expired));
    script.update(BindingUpdate {
        address: address(LEASED),
        binding_status: Some(BindingStatus::Expired.code()),
        start_of_status: Some(script.now.wall),
        ..BindingUpdate::default()
    });
    script.sync();
    assert_eq!(script.endpoint.table().status_of(address(LEASED)), Some(BindingStatus::Free));
    let removes = |event: &Event| matches!(event, Event::DnsRemovalDue { .. });
    assert!(!script.events.iter().any(removes));
}

/// Holds: FO-5.12.4-9.
#[test]
fn without_contact_nothing_is_removed() {
    let mut world = pair([true, true]);
    lease_with_records(&mut world, PRIMARY);
    world.cable = false;
    world.cut();
    world.run(2000);
    assert_eq!(world.state(PRIMARY), FailoverState::CommunicationsInterrupted);
    assert_eq!(removals_due(&world), [0, 0]);
}

/// The secondary learns the records with the lease, and removes them when it frees the address.
///
/// Holds: FO-5.12.1-3, FO-5.12.2-1, FO-5.12.2-2, FO-5.12.4-3, FO-5.12.4-8.
#[test]
fn in_partner_down_a_server_removes_what_its_partner_has_added() {
    let mut world = pair([true, true]);
    lease_with_records(&mut world, PRIMARY);
    assert_eq!(flags_known(&world, SECONDARY), Some(BOTH_DONE));
    world.kill(PRIMARY);
    world.run(5);
    world.operator(SECONDARY, OperatorCommand::PartnerDown { forced: false });
    world.run(3 * MCLT);
    assert_eq!(world.binding(SECONDARY, address(LEASED)).binding_status, BindingStatus::Free);
    assert_eq!(removals_due(&world), [0, 1]);
    let removed = BindingChange::DnsUpdated { address: address(LEASED), ddns: ddns(BY_SERVER) };
    world.record(SECONDARY, removed);
    world.lease(SECONDARY, address(LEASED), client(2), 60);
    assert_eq!(removals_due(&world), [0, 1]);
    assert_eq!(flags_known(&world, SECONDARY), None);
}

/// Holds: FO-5.12.3-5.
#[test]
fn a_renewal_makes_no_records() {
    let mut world = pair([true, true]);
    lease_with_records(&mut world, PRIMARY);
    world.lease(PRIMARY, address(LEASED), client(1), 60);
    world.lease(SECONDARY, address(LEASED), client(1), 60);
    assert_eq!([PRIMARY, SECONDARY].map(|side| updates_due(&world, side)), [1, 0]);
}

/// A client that the hash gives to the server.
fn client_of(world: &World, side: usize) -> ClientRef<'static> {
    let request = |number| twinlease::endpoint::ClientRequest {
        kind: twinlease::endpoint::RequestKind::Discover,
        client: client(number),
        secs: 0,
        addressed_to_this_server: false,
        ranges: &[],
    };
    let endpoint = world.sides[side].endpoint();
    let served = |number: &u8| {
        endpoint.service_for(&request(*number), world.now()) == twinlease::endpoint::Service::Serve
    };
    client((1..=255).find(served).expect("a client of its own"))
}

/// How many updates are due on the two when a client of the primary renews there and at the secondary.
fn due_at_renewal(world: &mut World) -> [usize; 2] {
    let holder = client_of(world, PRIMARY);
    for side in [PRIMARY, SECONDARY] {
        world.sides[side].events.clear();
        world.lease(side, address(LEASED), holder, 6000);
    }
    [PRIMARY, SECONDARY].map(|side| updates_due(world, side))
}

/// The lease was granted before the DNS was configured; both processes have restarted since.
///
/// Holds: FO-5.12.3-6, FO-5.12.3-7, FO-5.12.3-8.
#[test]
fn records_of_an_older_lease_are_made_at_renewal_by_the_server_of_the_client() {
    let mut world = pair([false, false]);
    let holder = client_of(&world, PRIMARY);
    world.lease(PRIMARY, address(LEASED), holder, 6000);
    for (side, role) in [(PRIMARY, Role::Primary), (SECONDARY, Role::Secondary)] {
        world.kill(side);
        world.configure(side, dns_config(role, true));
        world.start(side);
    }
    world.run(30);
    assert_eq!(due_at_renewal(&mut world), [1, 0]);
}

/// The primary had begun an update that never ended.
///
/// Holds: FO-5.12.3-9, FO-5.12.3-10.
#[test]
fn in_partner_down_records_that_were_never_completed_are_made_at_renewal() {
    let mut world = pair([true, true]);
    world.lease(PRIMARY, address(LEASED), client(1), 6000);
    let change = BindingChange::DnsUpdated { address: address(LEASED), ddns: ddns(BY_SERVER) };
    world.record(PRIMARY, change);
    world.kill(PRIMARY);
    world.run(5);
    world.lease(SECONDARY, address(LEASED), client(1), 6000);
    assert_eq!(updates_due(&world, SECONDARY), 0, "in COMMUNICATIONS-INTERRUPTED");
    world.operator(SECONDARY, OperatorCommand::PartnerDown { forced: false });
    world.lease(SECONDARY, address(LEASED), client(1), 6000);
    assert_eq!(updates_due(&world, SECONDARY), 1);
}

/// Holds: FO-5.12-3.
#[test]
fn a_server_without_dns_keeps_what_its_partner_says_and_does_nothing() {
    let mut world = pair([true, false]);
    lease_with_records(&mut world, PRIMARY);
    assert_eq!(flags_known(&world, SECONDARY), Some(BOTH_DONE));
    world.record(SECONDARY, BindingChange::Released { address: address(LEASED) });
    assert_eq!(removals_due(&world), [0, 0]);
}

fn active(flags: DdnsFlags, name: &[u8]) -> (Vec<u8>, BindingUpdate<'static>) {
    let option = [&flags.0.to_be_bytes()[..], name].concat();
    let update = BindingUpdate {
        address: address(12),
        binding_status: Some(BindingStatus::Active.code()),
        client_hardware_address: Some(&[1, 2, 0, 94, 16, 0, 1]),
        lease_expiration: Some(UnixTime(START + 600)),
        potential_expiration: Some(UnixTime(START + 4200)),
        client_last_transaction: Some(UnixTime(START)),
        ..BindingUpdate::default()
    };
    (option, update)
}

/// A secondary without DNS, told of leases with these DDNS options one after the other.
fn told(options: &[(DdnsFlags, &[u8])]) -> Script {
    let mut script = Script::normal_secondary_of(dns_config(Role::Secondary, false));
    for (flags, name) in options {
        let (option, update) = active(*flags, name);
        let ddns = (!name.is_empty()).then_some(option.as_slice());
        script.update(BindingUpdate { ddns, ..update });
        assert_eq!(script.take(MessageType::BNDACK).reject(), None);
    }
    script
}

/// Flags and name on the record.
fn recorded(script: &Script) -> Option<(DdnsFlags, Vec<u8>)> {
    let carried = script.endpoint.table().get(address(12)).unwrap().carried;
    carried.parts().ddns.map(|ddns| (ddns.flags(), ddns.name().to_vec()))
}

/// Holds: FO-5.12-4, FO-5.12-5.
#[test]
fn a_partner_that_updates_the_dns_is_warned_of_once_and_served() {
    let script = told(&[(BY_SERVER, NAME), (BOTH_DONE, NAME)]);
    let warned = Event::PartnerUpdatesDns { address: address(12) };
    assert!(warned.is_warning());
    assert_eq!(script.events.iter().filter(|event| **event == warned).count(), 1);
    assert_eq!(script.endpoint.state(), FailoverState::Normal);
}

/// Holds: FO-5.12-1.
#[test]
fn a_partner_without_dns_is_not_warned_of() {
    let script = told(&[(BY_SERVER, &[])]);
    assert!(!script.events.iter().any(|event| matches!(event, Event::PartnerUpdatesDns { .. })));
}

/// Holds: FO-5.12.2-4, FO-5.12.2-12.
#[test]
fn a_later_option_replaces_flags_and_name() {
    let other = b"\x03pc2\x07example\x00";
    let script = told(&[(BY_SERVER, NAME), (BOTH_DONE, other)]);
    assert_eq!(recorded(&script), Some((BOTH_DONE, other.to_vec())));
}

/// Holds: FO-5.12.2-3.
#[test]
fn an_option_left_out_changes_nothing() {
    let script = told(&[(BOTH_DONE, NAME), (BOTH_DONE, &[])]);
    assert_eq!(recorded(&script), Some((BOTH_DONE, NAME.to_vec())));
}

/// Holds: FO-12.9-8.
#[test]
fn unassigned_flags_are_ignored() {
    let script = told(&[(DdnsFlags(0xfff1), NAME)]);
    assert_eq!(recorded(&script), Some((DdnsFlags::FORWARD_DONE, NAME.to_vec())));
}

#[test]
fn what_is_no_domain_name_is_ignored() {
    assert_eq!(recorded(&told(&[(BOTH_DONE, b"\x09pc\x00")])), None);
}

/// A primary with DNS that has just leased 10.20.0.10; what it has said so far is answered.
fn primary_with_lease() -> Script {
    let mut script = Script::normal_primary_of(dns_config(Role::Primary, true));
    let (now, address, client) = (script.now, address(LEASED), client(1));
    let grant = script.endpoint.grant(address, &client, 60, now);
    let details = LeaseDetails::default();
    let change = BindingChange::Leased { address, client, grant, details };
    script.endpoint.record(now, change).unwrap();
    script.input(Input::TimeReached);
    script
}

/// The DDNS option of the next update.
fn ddns_said(script: &mut Script) -> Option<Vec<u8>> {
    let said = script.take(MessageType::BNDUPD);
    let ddns = {
        let Message::BndUpd(bndupd) = said.message(Dialect::Draft12) else { unreachable!() };
        bndupd.updates().next().unwrap().ddns.map(<[u8]>::to_vec)
    };
    script.acknowledge(&said);
    ddns
}

fn dns_updated(script: &mut Script, flags: DdnsFlags, name: &[u8]) {
    let ddns = Ddns::new(flags, name).unwrap();
    let change = BindingChange::DnsUpdated { address: address(LEASED), ddns };
    script.endpoint.record(script.now, change).unwrap();
    script.input(Input::TimeReached);
}

fn option(flags: u16, name: &[u8]) -> Vec<u8> {
    [&flags.to_be_bytes()[..], name].concat()
}

/// One update before the DNS server has answered, one after: first without, then with the C bit.
///
/// Holds: FO-5.12.2-5, FO-5.12.2-6, FO-5.12.2-7, FO-5.12.2-8, FO-5.12.2-9, FO-12.9-1, FO-12.9-2.
#[test]
fn the_partner_is_told_that_an_update_has_begun_and_that_it_is_complete() {
    let mut script = primary_with_lease();
    assert_eq!(ddns_said(&mut script), None);
    dns_updated(&mut script, BY_SERVER, NAME);
    assert_eq!(ddns_said(&mut script), Some(option(0b1010, NAME)));
    let completed = DdnsFlags(BY_SERVER.0 | DdnsFlags::FORWARD_DONE.0);
    dns_updated(&mut script, completed, NAME);
    assert_eq!(ddns_said(&mut script), Some(option(0b1011, NAME)));
}

/// Whether the server or the client updates the A record is the configuration's choice.
///
/// Holds: FO-5.12.3-4, FO-12.9-3, FO-12.9-4, FO-12.9-5, FO-12.9-6, FO-12.9-7.
#[test]
fn each_flag_has_its_bit_and_the_others_are_0() {
    for (flag, bit) in [
        (DdnsFlags::FORWARD_BY_SERVER, 0b0010),
        (DdnsFlags::REVERSE_DONE, 0b0100),
        (DdnsFlags::REVERSE_BY_SERVER, 0b1000),
        (DdnsFlags(0xfff0), 0),
    ] {
        let mut script = primary_with_lease();
        ddns_said(&mut script);
        dns_updated(&mut script, flag, NAME);
        assert_eq!(ddns_said(&mut script), Some(option(bit, NAME)));
    }
}

/// Holds: FO-5.12.2-10, FO-5.12.2-11, FO-5.12.2-13.
#[test]
fn the_partner_is_told_the_name_that_is_used_now() {
    let mut script = primary_with_lease();
    ddns_said(&mut script);
    for name in [NAME, b"\x04pc-2\x07example\x00"] {
        dns_updated(&mut script, BOTH_DONE, name);
        assert_eq!(ddns_said(&mut script), Some(option(0xf, name)));
    }
}

/// The records are there until they have been removed, so the report of the end tells of them.
///
/// Holds: FO-7.1.1-26, FO-7.1-23, FO-7.1-24.
#[test]
fn the_end_of_a_lease_is_reported_with_its_records() {
    let address = address(LEASED);
    for end in [
        None,
        Some(BindingChange::Released { address }),
        Some(BindingChange::Reset { address }),
        Some(BindingChange::Abandoned { address }),
    ] {
        let mut script = primary_with_lease();
        dns_updated(&mut script, BOTH_DONE, NAME);
        script.answer_everything();
        script.said.clear();
        match end {
            Some(change) => {
                script.endpoint.record(script.now, change).unwrap();
                script.input(Input::TimeReached);
            }
            None => script.run_talking(65),
        }
        assert_eq!(ddns_said(&mut script), Some(option(0xf, NAME)), "{end:?}");
    }
}

/// It keeps what its partner said, and does not say it back.
///
/// Holds: FO-7.1-25.
#[test]
fn a_server_without_dns_says_nothing_of_it() {
    let mut script = told(&[(BOTH_DONE, NAME)]);
    assert_eq!(recorded(&script), Some((BOTH_DONE, NAME.to_vec())));
    script.tell(&Message::UpdReqAll);
    let said = script.take(MessageType::BNDUPD);
    let Message::BndUpd(bndupd) = said.message(Dialect::Draft12) else { panic!("no BNDUPD") };
    let leased = bndupd.updates().find(|update| update.address == address(12)).unwrap();
    assert_eq!(leased.ddns, None);
}

/// The partner's clock runs ahead: its report comes while the client still has the lease.
///
/// Holds: FO-5.12.4-6.
#[test]
fn a_report_of_the_end_that_was_rejected_leaves_the_removal_to_the_other() {
    let mut script = primary_with_lease();
    dns_updated(&mut script, BOTH_DONE, NAME);
    script.answer_everything();
    script.update(BindingUpdate {
        address: address(LEASED),
        binding_status: Some(BindingStatus::Expired.code()),
        client_hardware_address: Some(&[1, 2, 0, 94, 16, 0, 1]),
        ..BindingUpdate::default()
    });
    assert_eq!(script.take(MessageType::BNDACK).reject(), Some(RejectReason::OUTDATED));
    script.run_talking(65);
    script.answer_everything();
    let removal = Event::DnsRemovalDue {
        address: address(LEASED),
        name: "pc.example.".to_owned(),
        flags: BOTH_DONE,
    };
    assert_eq!(script.events.iter().filter(|event| **event == removal).count(), 1);
}

/// An update about an address that is free could cross its way to the other server.
#[test]
fn records_removed_after_the_end_are_noted_and_make_no_update() {
    let mut script = primary_with_lease();
    dns_updated(&mut script, BOTH_DONE, NAME);
    script
        .endpoint
        .record(script.now, BindingChange::Released { address: address(LEASED) })
        .unwrap();
    script.input(Input::TimeReached);
    script.answer_everything();
    script.said.clear();
    dns_updated(&mut script, BY_SERVER, NAME);
    assert_eq!(script.types(), Vec::<&str>::new());
    let binding = script.endpoint.table().get(address(LEASED)).unwrap();
    assert_eq!(binding.carried.parts().ddns, None);
}

#[test]
fn a_server_that_lost_its_storage_gets_the_state_of_the_dns_back() {
    let mut world = pair([true, true]);
    world.lease(PRIMARY, address(LEASED), client(1), 6000);
    records_made(&mut world, PRIMARY);
    world.kill(PRIMARY);
    world.sides[PRIMARY].disk = crate::support::world::Disk::default();
    world.start(PRIMARY);
    world.run(60);
    assert_eq!(flags_known(&world, PRIMARY), Some(BOTH_DONE));
}
