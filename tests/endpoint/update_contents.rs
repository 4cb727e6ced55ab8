//! What a BNDUPD says of an address in each status, option by option (§7.1, table 7.1-1).

use twinlease::balance::Role;
use twinlease::binding::{ClientRef, HardwareAddress};
use twinlease::endpoint::{BindingChange, Input, LeaseAuthority, LeaseDetails};
use twinlease::time::UnixTime;
use twinlease::wire::bndupd::BindingUpdate;
use twinlease::wire::codes::{BindingStatus, IpFlags, MessageType, OptionCode};
use twinlease::wire::dialect::Dialect;
use twinlease::wire::message::Message;

use crate::support::scripted::{Said, Script};
use crate::support::{MCLT, START, address, client, config};

const IDENTIFIER: &[u8] = b"\x01printer";

fn primary() -> Script {
    let mut relationship = config(Role::Primary, 20);
    relationship.dialect = Dialect::Draft12;
    let mut script = Script::normal_primary_of(relationship);
    for last in 20..30 {
        script.free_by_partner(last);
    }
    script.answer_everything();
    script.said.clear();
    script
}

/// A client that sends option 61.
fn printer() -> ClientRef<'static> {
    let hardware = HardwareAddress::new(1, &[2, 0, 94, 16, 0, 1]);
    ClientRef { identifier: Some(IDENTIFIER), hardware }
}

fn lease(script: &mut Script, client: ClientRef<'_>, seconds: u32) {
    let (now, address) = (script.now, address(25));
    let grant = script.endpoint.grant(address, &client, seconds, now);
    script
        .endpoint
        .record(
            now,
            BindingChange::Leased { address, client, grant, details: LeaseDetails::default() },
        )
        .unwrap();
    script.input(Input::TimeReached);
}

fn change(script: &mut Script, change: BindingChange<'_>) {
    script.endpoint.record(script.now, change).unwrap();
    script.input(Input::TimeReached);
}

/// The update of an address that was leased to the printer for a minute and then took `status`,
/// 20 seconds later or when the lease was over.
fn said_of(status: BindingStatus) -> Said {
    let mut script = primary();
    lease(&mut script, printer(), 60);
    if status == BindingStatus::Active {
        return script.take(MessageType::BNDUPD);
    }
    script.answer_everything();
    script.run_talking(20);
    let address = address(25);
    match status {
        BindingStatus::Released => change(&mut script, BindingChange::Released { address }),
        BindingStatus::Abandoned => change(&mut script, BindingChange::Abandoned { address }),
        BindingStatus::Reset => change(&mut script, BindingChange::Reset { address }),
        _ => script.run_talking(41),
    }
    if status == BindingStatus::Backup {
        script.answer_everything();
        script.tell(&Message::PoolReq);
    }
    script.take(MessageType::BNDUPD)
}

fn update(said: &Said) -> BindingUpdate<'_> {
    let Message::BndUpd(bndupd) = said.message(Dialect::Draft12) else { panic!("a BNDUPD") };
    bndupd.updates().next().expect("an update")
}

fn codes(said: &Said) -> Vec<OptionCode> {
    said.frame().options().map(|option| option.expect("well-formed").code).collect()
}

const SENT: [BindingStatus; 5] = [
    BindingStatus::Active,
    BindingStatus::Expired,
    BindingStatus::Released,
    BindingStatus::Abandoned,
    BindingStatus::Reset,
];

/// Holds: FO-7.1-5, FO-7.1-6, FO-7.1-9, FO-7.1.1-6, FO-7.1.1-10, FO-7.1.1-38.
/// Holds: FO-6.3-8, FO-12.2-1, FO-12.3-1.
#[test]
fn every_update_begins_with_its_address_and_has_a_status() {
    for status in SENT {
        let said = said_of(status);
        assert_eq!(codes(&said)[0], OptionCode::ASSIGNED_IP_ADDRESS, "{status}");
        let update = update(&said);
        assert_eq!(update.address, address(25));
        assert_eq!(update.binding_status, Some(status.code()));
    }
}

/// Holds: FO-7.1-19, FO-7.1.1-24.
/// Holds: FO-12.25-2.
#[test]
fn every_update_says_since_when_the_status_is_so() {
    for (status, seconds) in
        [(BindingStatus::Active, 0), (BindingStatus::Released, 20), (BindingStatus::Expired, 60)]
    {
        let said = said_of(status);
        assert_eq!(update(&said).start_of_status, Some(UnixTime(START + seconds)), "{status}");
    }
}

/// Holds: FO-7.1-10, FO-7.1-12, FO-7.1.1-11, FO-7.1.1-12, FO-7.1.1-19, FO-7.1.1-22, FO-7.1.1-23.
/// Holds: FO-12.4-1, FO-12.4-2, FO-12.5-1, A1-42, A2-32.
#[test]
fn active_expired_and_released_name_identifier_and_hardware_address() {
    for status in [BindingStatus::Active, BindingStatus::Expired, BindingStatus::Released] {
        let said = said_of(status);
        let update = update(&said);
        assert_eq!(update.client_identifier, Some(IDENTIFIER), "{status}");
        let hardware: &[u8] = &[1, 2, 0, 94, 16, 0, 1];
        assert_eq!(update.client_hardware_address, Some(hardware), "{status}");
    }
}

/// Holds: FO-7.1.1-23.
#[test]
fn a_client_that_sent_no_identifier_is_told_without_one() {
    let mut script = primary();
    lease(&mut script, client(1), 60);
    let said = script.take(MessageType::BNDUPD);
    assert_eq!(update(&said).client_identifier, None);
}

/// Holds: FO-7.1-11, FO-7.1-14, FO-7.1.1-14, FO-7.1.1-21.
#[test]
fn abandoned_names_nobody() {
    let said = said_of(BindingStatus::Abandoned);
    let update = update(&said);
    assert_eq!((update.client_identifier, update.client_hardware_address), (None, None));
}

/// Holds: FO-7.1-15, FO-7.1.1-15.
/// Holds: FO-12.13-1.
#[test]
fn active_tells_the_end_that_the_client_was_told() {
    let said = said_of(BindingStatus::Active);
    assert_eq!(update(&said).lease_expiration, Some(UnixTime(START + 60)));
}

/// Holds: FO-7.1-17, FO-7.1.1-16, A1-08.
/// Holds: FO-12.18-1.
#[test]
fn active_tells_a_potential_expiration_later_than_its_end() {
    let said = said_of(BindingStatus::Active);
    assert_eq!(update(&said).potential_expiration, Some(UnixTime(START + 30 + 60)));
}

/// Holds: FO-7.1-16, FO-7.1-18.
#[test]
fn no_status_but_active_tells_an_end() {
    for status in SENT.into_iter().filter(|status| *status != BindingStatus::Active) {
        let said = said_of(status);
        let update = update(&said);
        assert_eq!(
            (update.lease_expiration, update.potential_expiration),
            (None, None),
            "{status}"
        );
    }
}

/// Holds: FO-7.1-20, FO-7.1-21, FO-7.1.1-25, FO-7.1.3-4, FO-7.1.3-5.
/// Holds: FO-12.6-1.
#[test]
fn active_released_and_expired_tell_when_the_client_was_heard_last() {
    for (status, seconds) in
        [(BindingStatus::Active, 0), (BindingStatus::Released, 20), (BindingStatus::Expired, 0)]
    {
        let said = said_of(status);
        let heard = update(&said).client_last_transaction;
        assert_eq!(heard, Some(UnixTime(START + seconds)), "{status}");
    }
}

/// Holds: FO-7.1.3-6.
#[test]
fn the_end_of_a_lease_is_no_transaction_with_its_client() {
    let said = said_of(BindingStatus::Expired);
    assert_eq!(update(&said).client_last_transaction, Some(UnixTime(START)));
}

/// Holds: FO-7.1.3-7.
#[test]
fn an_address_without_client_tells_of_no_transaction() {
    let mut script = primary();
    for last in 10..20 {
        script.free_by_partner(last);
    }
    script.tell(&Message::PoolReq);
    let mut given = 0;
    while script.types().contains(&"bndupd") {
        let said = script.take(MessageType::BNDUPD);
        assert_eq!(update(&said).client_last_transaction, None);
        given += 1;
    }
    assert!(given > 0);
}

/// Holds: FO-7.1-8, FO-7.1.1-8, FO-7.1.1-9.
#[test]
fn ip_flags_are_left_out_when_none_is_set() {
    let said = said_of(BindingStatus::Active);
    assert!(!codes(&said).contains(&OptionCode::IP_FLAGS));
}

/// Holds: FO-7.1-7, FO-7.1.1-7, FO-7.1.1-9.
#[test]
fn ip_flags_are_there_when_the_address_is_reserved() {
    let mut relationship = config(Role::Primary, 20);
    relationship.dialect = Dialect::Draft12;
    relationship.reservations.push(twinlease::endpoint::config::Reservation {
        address: address(25),
        client: printer().to_client(),
    });
    let mut script = Script::normal_primary_of(relationship);
    script.answer_everything();
    script.said.clear();
    lease(&mut script, printer(), 60);
    let said = script.take(MessageType::BNDUPD);
    assert_eq!(update(&said).ip_flags, Some(IpFlags::RESERVED));
}

/// Holds: FO-7.1.1-1, FO-7.1.1-2.
#[test]
fn a_renewal_is_told_even_where_nothing_but_the_time_of_the_client_changes() {
    let mut script = primary();
    lease(&mut script, printer(), 60);
    script.answer_everything();
    script.run_talking(30);
    lease(&mut script, printer(), 30);
    let said = script.take(MessageType::BNDUPD);
    assert_eq!(update(&said).client_last_transaction, Some(UnixTime(START + 30)));
    assert_eq!(update(&said).lease_expiration, Some(UnixTime(START + 60)));
}

/// Holds: FO-7.1.1-37.
#[test]
fn an_update_leaves_in_the_moment_the_lease_is_durable() {
    let mut script = primary();
    script.instant_disk = false;
    lease(&mut script, printer(), 60);
    assert_eq!(script.types(), Vec::<&str>::new());
    script.sync();
    assert_eq!(script.types(), ["bndupd"]);
}

/// Holds: FO-7.1.1-17, FO-7.2.2-1, FO-7.1.5-3, FO-7.1.5-8, A1-05.
#[test]
fn an_acceptance_acknowledges_the_potential_expiration_that_was_sent() {
    let mut script = primary();
    lease(&mut script, printer(), 3600);
    let said = script.take(MessageType::BNDUPD);
    let sent = update(&said).potential_expiration.expect("active");
    let known = |script: &Script| script.endpoint.table().get(address(25)).unwrap();
    assert_eq!(known(&script).sent_potential_expiration, sent);
    assert_eq!(known(&script).acked_potential_expiration, UnixTime::ABSENT);
    script.acknowledge(&said);
    assert_eq!(known(&script).acked_potential_expiration, sent);
}

/// Holds: A1-05, FO-7.2.1-4.
#[test]
fn times_in_an_acceptance_mean_nothing() {
    let mut script = primary();
    lease(&mut script, printer(), 3600);
    let said = script.take(MessageType::BNDUPD);
    let sent = update(&said).potential_expiration.expect("active");
    let mut octets = vec![0, 28, MessageType::BNDACK.0, 12];
    octets.extend(START.to_be_bytes());
    octets.extend(said.xid.0.to_be_bytes());
    octets.extend([0, 2, 0, 4, 10, 20, 0, 25, 0, 18, 0, 4, 0xff, 0xff, 0xff, 0xff]);
    octets[1] = 28;
    script.octets(&octets);
    let binding = script.endpoint.table().get(address(25)).unwrap();
    assert_eq!(binding.acked_potential_expiration, sent);
}

/// Holds: FO-7.1.1-18, FO-7.1.5-2, FO-7.1.5-7.
#[test]
fn what_was_promised_is_committed_with_the_lease_before_it_is_sent() {
    use twinlease::durable::Change;
    let mut script = primary();
    script.instant_disk = false;
    lease(&mut script, printer(), 3600);
    let promised = UnixTime(START + MCLT / 2 + 3600);
    let stored = script.commits.iter().any(|commit| {
        matches!(&commit.change, Change::Binding(binding)
            if binding.address == address(25) && binding.sent_potential_expiration == promised)
    });
    assert!(stored, "{:?}", script.commits);
}

/// Holds: FO-7.1-13, FO-7.1-22, FO-7.1.1-13, FO-7.1.1-20.
#[test]
fn an_address_that_is_reset_still_names_its_last_client() {
    let said = said_of(BindingStatus::Reset);
    assert!(update(&said).client_hardware_address.is_some());
}
