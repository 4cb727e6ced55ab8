//! Between a lease file and a store.

use twinlease::balance::Role;
use twinlease::binding::AddressRange;
use twinlease::durable::Recovered;
use twinlease::isc::{Imported, LeaseFile, Owner, export, import};
use twinlease::time::UnixTime;
use twinlease::wire::codes::{BindingStatus, FailoverState, IpFlags};

use crate::lease_file::{FILE, address};

const NOW: UnixTime = UnixTime(1_795_181_000);

fn imported(text: &str, trusted: bool) -> Imported {
    let ranges = [AddressRange::new(address(0), address(9)).unwrap()];
    let relationship = Some(("office-lan", Role::Secondary));
    let owners = [Owner { relationship, ranges: &ranges }];
    import(&LeaseFile::read(text.as_bytes()).unwrap(), &owners, trusted, NOW)
}

fn recovered(text: &str, trusted: bool) -> Recovered {
    imported(text, trusted).owners.remove(0)
}

#[test]
fn a_lease_keeps_its_client_its_times_and_its_flags() {
    let binding = recovered(FILE, true).bindings.remove(0);
    let start = 1_795_180_037;
    assert_eq!(binding.binding_status, BindingStatus::Active);
    assert!(binding.ip_flags.contains(IpFlags::RESERVED));
    assert!(binding.ip_flags.contains(IpFlags::BOOTP));
    let times = [
        binding.start_of_status,
        binding.lease_expiration,
        binding.sent_potential_expiration,
        binding.acked_potential_expiration,
        binding.received_potential_expiration,
        binding.client_last_transaction,
    ];
    assert_eq!(times, [0, 600, 900, 902, 902, -1].map(|after| UnixTime(start).shifted(after)));
    assert!(binding.partner_knows);
}

/// Shorter than arithmetic with casts.
trait Shifted {
    fn shifted(self, seconds: i32) -> UnixTime;
}

impl Shifted for UnixTime {
    fn shifted(self, seconds: i32) -> UnixTime {
        Self(self.0.saturating_add_signed(seconds))
    }
}

#[test]
fn what_dhcpd_had_still_to_tell_is_still_to_be_told() {
    for what in ["tstp epoch 20; atsfp epoch 10; binding state free;", "binding state expired;"] {
        let text = format!("lease 10.78.8.1 {{ {what} }}");
        assert!(!recovered(&text, true).bindings[0].partner_knows, "{what}");
    }
}

#[test]
fn a_trusted_state_is_gone_on_from() {
    let record = recovered(FILE, true).endpoint.unwrap();
    assert_eq!(record.state, FailoverState::CommunicationsInterrupted);
    assert_eq!(record.start_of_state, UnixTime(1_795_180_037));
    assert_eq!((record.partner_state, record.mclt), (Some(FailoverState::Normal), Some(60)));
    assert_eq!(record.last_operation, UnixTime(1_795_180_037));
    assert!(!record.storage_lost);
}

#[test]
fn an_untrusted_state_begins_in_recover_and_asks_for_everything() {
    let record = recovered(FILE, false).endpoint.unwrap();
    assert_eq!((record.state, record.storage_lost), (FailoverState::Recover, true));
    assert_eq!(record.down_time, UnixTime(1_795_180_037));
}

#[test]
fn a_state_in_which_a_lease_file_is_not_complete_is_not_trusted() {
    let text = FILE.replace("communications-interrupted", "potential-conflict");
    assert_eq!(recovered(&text, true).endpoint.unwrap().state, FailoverState::Recover);
}

#[test]
fn leases_outside_every_pool_and_strange_relationships_are_named() {
    let text = format!("{FILE}lease 10.0.0.1 {{ }}\nfailover peer other state {{ }}\n");
    let imported = imported(&text, true);
    assert_eq!(imported.left_out, [std::net::Ipv4Addr::new(10, 0, 0, 1)]);
    assert_eq!(imported.unknown, ["other"]);
}

/// What was written of an imported file, and imported again.
#[test]
fn what_is_exported_is_imported_as_the_same() {
    let once = recovered(FILE, true);
    let mut file = LeaseFile::default();
    export(Some(("office-lan", Role::Secondary)), &once, &mut file);
    assert_eq!(recovered(&file.to_string(), true).endpoint, once.endpoint);
    let mut again = LeaseFile::default();
    let twice = recovered(&file.to_string(), true);
    export(Some(("office-lan", Role::Secondary)), &twice, &mut again);
    assert_eq!(again, file);
}

#[test]
fn a_dhcpd_is_given_no_state_that_it_would_never_leave() {
    let mut stopped = recovered(FILE, true);
    let record = stopped.endpoint.as_mut().unwrap();
    record.state = FailoverState::Paused;
    record.previous_state = Some(FailoverState::Normal);
    let mut file = LeaseFile::default();
    export(Some(("office-lan", Role::Secondary)), &stopped, &mut file);
    assert_eq!(file.relationships["office-lan"].own.unwrap().0, FailoverState::Normal);
}

#[test]
fn a_primary_gets_no_mclt_as_dhcpd_would_refuse_the_block() {
    let mut file = LeaseFile::default();
    export(Some(("office-lan", Role::Primary)), &recovered(FILE, true), &mut file);
    assert_eq!(file.relationships["office-lan"].mclt, None);
}
