//! Figure 7.1.3-1 cell by cell through BNDUPDs on the wire, by a draft server in either role.

use twinlease::balance::Role;
use twinlease::binding::Binding;
use twinlease::durable::Recovered;
use twinlease::endpoint::{Input, LeaseAuthority, Origin};
use twinlease::time::UnixTime;
use twinlease::wire::bndupd::BindingUpdate;
use twinlease::wire::codes::{BindingStatus, FailoverState, IpFlags, MessageType, RejectReason};
use twinlease::wire::dialect::Dialect;
use twinlease::wire::message::Message;

use crate::support::scripted::{LINK, Script, stored};
use crate::support::{START, address, client, config};

use BindingStatus::{Abandoned, Active, Backup, Expired, Free, Released, Reset};

/// Client 1 was heard at START - 500, has had this status since START - 400, and its lease ends, or
/// ended, at `end`.
fn own(status: BindingStatus, end: u32) -> Binding {
    let mut binding = Binding::unused(address(12));
    binding.binding_status = status;
    binding.client = (status != Abandoned).then(|| client(1).to_client());
    binding.lease_expiration = UnixTime(end);
    binding.client_last_transaction = UnixTime(START - 500);
    binding.start_of_status = UnixTime(START - 400);
    binding
}

/// What the partner says of client `number`, heard at `heard`.
fn report(status: BindingStatus, number: u8, heard: u32) -> (BindingUpdate<'static>, [u8; 7]) {
    let update = BindingUpdate {
        address: address(12),
        binding_status: Some(status.code()),
        lease_expiration: (status == Active).then_some(UnixTime(START + 900)),
        potential_expiration: (status == Active).then_some(UnixTime(START + 1800)),
        start_of_status: Some(UnixTime(heard)),
        client_last_transaction: (heard != 0).then_some(UnixTime(heard)),
        ..BindingUpdate::default()
    };
    (update, [1, 2, 0, 94, 16, 0, number])
}

/// A draft primary dials; a draft secondary is dialled.
fn meet(script: &mut Script) {
    if script.endpoint.config().role == Role::Primary {
        script.shake_hands();
    } else {
        script.input(Input::Connected { link: LINK, origin: Origin::Accepted });
        script.connect();
        script.take(MessageType::CONNECTACK);
    }
}

struct Case {
    role: Role,
    own: Binding,
    received: BindingStatus,
    /// Number of the client in the report.
    client: u8,
    /// Its last transaction as reported; 0 for none.
    heard: u32,
}

impl Case {
    fn answered(&self) -> (Option<RejectReason>, Script) {
        let endpoint = Some(stored(FailoverState::Normal));
        // An end to which the partner had agreed would have made the address free.
        let ended = matches!(self.own.binding_status, Expired | Released | Reset);
        let own = Binding { partner_knows: !ended, ..self.own.clone() };
        let recovered = Recovered { endpoint, bindings: vec![own] };
        let mut relationship = config(self.role, 20);
        relationship.dialect = Dialect::Draft12;
        let mut script = Script::new(relationship, recovered);
        meet(&mut script);
        script.state(FailoverState::CommunicationsInterrupted);
        let (update, hardware) = report(self.received, self.client, self.heard);
        let names = self.received != Abandoned;
        let client_hardware_address = names.then_some(&hardware[..]);
        script.update(BindingUpdate { client_hardware_address, ..update });
        let reject = script.take(MessageType::BNDACK).reject();
        (reject, script)
    }

    fn answer(&self) -> Option<RejectReason> {
        self.answered().0
    }
}

const BOTH: [Role; 2] = [Role::Primary, Role::Secondary];
/// In the second after the client was heard here.
const LATER: u32 = START - 499;
/// In the very second.
const SAME: u32 = START - 500;
const RUNNING: u32 = START + 300;
const OVER: u32 = START - 10;

/// Whatever the times and roles, these statuses are answered so.
#[track_caller]
fn always(own_status: BindingStatus, received: &[BindingStatus], expected: Option<RejectReason>) {
    // What has run out is not what it was.
    let lasts = matches!(own_status, Active | Abandoned);
    let ends: &[u32] = if lasts { &[RUNNING] } else { &[RUNNING, OVER] };
    for role in BOTH {
        for &received in received {
            for heard in [0, SAME, LATER, START] {
                for &end in ends {
                    let own = own(own_status, end);
                    let case = Case { role, own, received, client: 1, heard };
                    assert_eq!(case.answer(), expected, "{role}: {own_status} meets {received}");
                }
            }
        }
    }
}

/// The rules t1 and t3: accepted from the second after `mark` on, never without a time.
#[track_caller]
fn only_later_than(mark: u32, own_status: BindingStatus, received: BindingStatus) {
    for role in BOTH {
        for (heard, expected) in [
            (0, Some(RejectReason::OUTDATED)),
            (mark - 1, Some(RejectReason::OUTDATED)),
            (mark, Some(RejectReason::OUTDATED)),
            (mark + 1, None),
        ] {
            let end = if own_status == Active { RUNNING } else { OVER };
            let case = Case { role, own: own(own_status, end), received, client: 1, heard };
            assert_eq!(case.answer(), expected, "{role}: {own_status} meets {received} at {heard}");
        }
    }
}

/// The rule t2: accepted once the own lease has run out.
#[track_caller]
fn only_after_the_end(received: BindingStatus) {
    for role in BOTH {
        for (end, expected) in [(START + 1, Some(RejectReason::OUTDATED)), (START - 1, None)] {
            let case = Case { role, own: own(Active, end), received, client: 1, heard: START };
            assert_eq!(case.answer(), expected, "{role}: ACTIVE until {end} meets {received}");
        }
    }
}

/// Holds: FO-7.1.3-12, FO-7.1.3-8, A1-32.
#[test]
fn the_same_client_on_both_servers_is_accepted_however_old() {
    for role in BOTH {
        for heard in [0, SAME - 100, SAME, LATER] {
            let case = Case { role, own: own(Active, RUNNING), received: Active, client: 1, heard };
            assert_eq!(case.answer(), None, "{role} {heard}");
        }
    }
}

/// Holds: A1-32.
#[test]
fn an_older_report_of_the_same_client_moves_no_time_backwards() {
    let case = Case {
        role: Role::Secondary,
        own: own(Active, START + 5000),
        received: Active,
        client: 1,
        heard: SAME - 100,
    };
    let (reject, script) = case.answered();
    assert_eq!(reject, None);
    let binding = script.endpoint.table().get(address(12)).unwrap();
    assert_eq!(binding.lease_expiration, UnixTime(START + 5000));
    assert_eq!(binding.client_last_transaction, UnixTime(SAME));
}

fn two_clients(role: Role) -> Option<RejectReason> {
    Case { role, own: own(Active, RUNNING), received: Active, client: 2, heard: LATER }.answer()
}

/// Holds: FO-7.1.3-13, FO-7.1.2-3.
#[test]
fn of_two_clients_the_secondary_takes_the_primarys() {
    assert_eq!(two_clients(Role::Secondary), None);
}

/// Holds: FO-7.1.3-14, FO-7.1.2-3, FO-7.1.3-9.
#[test]
fn of_two_clients_the_primary_keeps_its_own() {
    assert_eq!(two_clients(Role::Primary), Some(RejectReason::FATAL_CONFLICT));
}

/// Holds: FO-7.1.3-15, FO-7.1.3-29, FO-7.1.3-31, A1-31.
#[test]
fn active_becomes_expired_only_after_its_end() {
    only_after_the_end(Expired);
}

/// Holds: FO-7.1.3-17, FO-7.1.3-29, FO-7.1.3-31, A1-31.
#[test]
fn active_becomes_free_or_backup_only_after_its_end() {
    only_after_the_end(Free);
    only_after_the_end(Backup);
}

/// Holds: FO-7.1.3-16, FO-7.1.3-28, FO-7.1.3-10, FO-7.1.3-31, A1-31.
#[test]
fn active_becomes_released_only_by_a_later_transaction() {
    only_later_than(SAME, Active, Released);
}

/// Holds: FO-7.1.3-18.
#[test]
fn active_becomes_reset_or_abandoned_at_once() {
    always(Active, &[Reset, Abandoned], None);
}

/// Holds: FO-7.1.3-19, FO-7.1.3-28.
#[test]
fn expired_becomes_active_only_by_a_later_transaction() {
    only_later_than(SAME, Expired, Active);
}

/// Holds: FO-7.1.3-20.
#[test]
fn expired_becomes_anything_else_at_once() {
    always(Expired, &[Expired, Released, Free, Backup, Reset, Abandoned], None);
}

/// Holds: FO-7.1.3-21, FO-7.1.3-28.
#[test]
fn released_becomes_active_or_expired_only_by_a_later_transaction() {
    only_later_than(SAME, Released, Active);
    only_later_than(SAME, Released, Expired);
}

/// Holds: FO-7.1.3-22.
#[test]
fn released_becomes_anything_else_at_once() {
    always(Released, &[Released, Free, Backup, Reset, Abandoned], None);
}

/// Holds: FO-7.1.3-23.
#[test]
fn free_and_backup_become_anything_at_once() {
    for own in [Free, Backup] {
        always(own, &[Active, Expired, Released, Free, Backup, Reset, Abandoned], None);
    }
}

/// Holds: FO-7.1.3-24, FO-7.1.3-30.
#[test]
fn reset_becomes_active_only_by_a_transaction_later_than_the_reset() {
    only_later_than(START - 400, Reset, Active);
}

/// Holds: FO-7.1.3-25.
#[test]
fn reset_becomes_anything_else_at_once() {
    always(Reset, &[Expired, Released, Free, Backup, Reset, Abandoned], None);
}

/// Holds: FO-7.1.3-26, A1-30.
#[test]
fn abandoned_becomes_reset_or_abandoned() {
    always(Abandoned, &[Reset, Abandoned], None);
}

/// Holds: FO-7.1.3-27, A1-30.
#[test]
fn abandoned_becomes_nothing_else() {
    let others = [Active, Expired, Released, Free, Backup];
    always(Abandoned, &others, Some(RejectReason::LESS_CRITICAL));
}

/// Holds: FO-7.1.3-11.
#[test]
fn a_transaction_is_later_where_none_is_known() {
    for own_status in [Active, Released, Expired] {
        let mut own = own(own_status, if own_status == Active { RUNNING } else { OVER });
        own.client_last_transaction = UnixTime::ABSENT;
        let received = if own_status == Active { Released } else { Active };
        let case = Case { role: Role::Primary, own, received, client: 1, heard: 1 };
        assert_eq!(case.answer(), None, "{own_status}");
    }
}

/// Holds: A1-33.
#[test]
fn an_infinite_lease_never_runs_out_but_may_be_released() {
    let infinite = || Binding { lease_expiration: UnixTime::INFINITE, ..own(Active, 0) };
    let role = Role::Primary;
    let expired = Case { role, own: infinite(), received: Expired, client: 1, heard: LATER };
    assert_eq!(expired.answer(), Some(RejectReason::OUTDATED));
    let released = Case { role, own: infinite(), received: Released, client: 1, heard: LATER };
    assert_eq!(released.answer(), None);
}

/// Holds: FO-7.1.3-32.
#[test]
fn a_reserved_backup_is_refused_where_nothing_is_reserved() {
    let endpoint = Some(stored(FailoverState::Normal));
    let recovered = Recovered { endpoint, bindings: vec![] };
    let mut relationship = config(Role::Secondary, 20);
    relationship.dialect = Dialect::Draft12;
    let mut script = Script::new(relationship, recovered);
    meet(&mut script);
    script.state(FailoverState::CommunicationsInterrupted);
    script.update(BindingUpdate {
        address: address(12),
        binding_status: Some(Backup.code()),
        ip_flags: Some(IpFlags::RESERVED),
        ..BindingUpdate::default()
    });
    assert_eq!(script.take(MessageType::BNDACK).reject(), Some(RejectReason::NOT_RESERVED));
}

/// Holds: FO-7.1.2-1, FO-7.1.2-2, FO-7.1.2-7.
#[test]
fn conflicts_are_decided_in_every_state_that_has_contact() {
    for (state, partner) in [
        (FailoverState::Normal, FailoverState::CommunicationsInterrupted),
        (FailoverState::PartnerDown, FailoverState::Recover),
        (FailoverState::Recover, FailoverState::PartnerDown),
        (FailoverState::CommunicationsInterrupted, FailoverState::PartnerDown),
        (FailoverState::ResolutionInterrupted, FailoverState::ResolutionInterrupted),
    ] {
        let recovered =
            Recovered { endpoint: Some(stored(state)), bindings: vec![own(Active, RUNNING)] };
        let mut relationship = config(Role::Primary, 20);
        relationship.dialect = Dialect::Draft12;
        let mut script = Script::new(relationship, recovered);
        script.shake_hands();
        script.state(partner);
        for (received, heard, expected) in
            [(Released, SAME, Some(RejectReason::OUTDATED)), (Released, LATER, None)]
        {
            let (update, hardware) = report(received, 1, heard);
            script.update(BindingUpdate { client_hardware_address: Some(&hardware), ..update });
            let answer = script.take(MessageType::BNDACK).reject();
            assert_eq!(answer, expected, "{state}, partner {partner}");
        }
    }
}

/// Holds: FO-7.1.5-6, FO-7.1.5-4, FO-7.1.5-5, FO-7.1.5-9.
#[test]
fn an_accepted_lease_raises_the_end_and_is_remembered_as_promised() {
    let case = Case {
        role: Role::Secondary,
        own: own(Active, RUNNING),
        received: Active,
        client: 1,
        heard: LATER,
    };
    let (_, script) = case.answered();
    let binding = script.endpoint.table().get(address(12)).unwrap();
    assert_eq!(binding.lease_expiration, UnixTime(START + 900));
    assert_eq!(binding.received_potential_expiration, UnixTime(START + 1800));
}

/// Holds: FO-7.1.5-9.
#[test]
fn a_promise_in_a_rejected_update_counts_for_nothing() {
    let case = Case {
        role: Role::Primary,
        own: own(Active, RUNNING),
        received: Active,
        client: 2,
        heard: LATER,
    };
    let (reject, script) = case.answered();
    assert!(reject.is_some());
    let binding = script.endpoint.table().get(address(12)).unwrap();
    assert_eq!(binding.received_potential_expiration, UnixTime::ABSENT);
}

/// Holds: FO-7.1.1-5, FO-7.1.1-4, A1-53.
/// Holds: FO-12.3-2.
#[test]
fn a_status_that_is_none_is_rejected_and_never_sent() {
    for code in [0, 8, 255] {
        let mut script = Script::normal_secondary();
        script.update(BindingUpdate {
            address: address(12),
            binding_status: Some(code),
            ..BindingUpdate::default()
        });
        let answer = script.take(MessageType::BNDACK).reject();
        assert_eq!(answer, Some(RejectReason::MISSING_BINDING_INFORMATION), "{code}");
    }
}

/// What is said of a client whose identifier has so many octets.
fn long_identifier(octets: usize) -> Script {
    let mut script = Script::normal_secondary();
    let identifier = vec![7; octets];
    let (update, hardware) = report(Active, 1, START);
    script.update(BindingUpdate {
        client_identifier: Some(&identifier),
        client_hardware_address: Some(&hardware),
        ..update
    });
    script
}

#[test]
fn an_identifier_of_255_octets_is_taken_whole() {
    let script = long_identifier(255);
    let binding = script.endpoint.table().get(address(12)).unwrap();
    assert_eq!(binding.client.unwrap().identifier.unwrap().octets().len(), 255);
}

/// Holds: FO-7.1.3-1.
#[test]
fn an_identifier_that_no_client_can_have_sent_is_rejected_by_name() {
    let mut script = long_identifier(256);
    let answer = script.take(MessageType::BNDACK);
    let Message::BndAck(ack) = answer.message(Dialect::Isc) else { panic!("a BNDACK") };
    let reject = ack.replies().next().and_then(|reply| reply.reject).expect("a rejection");
    assert_eq!(reject.reason, RejectReason::MISSING_BINDING_INFORMATION);
    let text = String::from_utf8_lossy(reject.message.expect("a text"));
    assert!(text.contains("client-identifier is longer than 255 octets"), "{text}");
}
