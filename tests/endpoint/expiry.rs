//! Who ends leases that run out, and when (§5.11).

use twinlease::balance::Role;
use twinlease::binding::Binding;
use twinlease::durable::Recovered;
use twinlease::endpoint::LeaseAuthority;
use twinlease::time::UnixTime;
use twinlease::wire::bndupd::BindingUpdate;
use twinlease::wire::codes::{BindingStatus, FailoverState, MessageType, RejectReason};
use twinlease::wire::dialect::Dialect;
use twinlease::wire::message::Message;

use crate::support::scripted::{DHCPD, Script, TWINLEASE, stored};
use crate::support::{MCLT, START, address, client, config};

fn status(script: &Script) -> BindingStatus {
    script.endpoint.table().get(address(12)).unwrap().binding_status
}

/// A secondary in NORMAL.
fn secondary(dialect: Dialect, vendor: &'static [u8]) -> Script {
    let mut relationship = config(Role::Secondary, 20);
    relationship.dialect = dialect;
    let mut script = Script::new(relationship, Recovered::default());
    script.vendor = vendor;
    script.settle_as_secondary();
    script
}

/// A lease of the partner's until `seconds` after the start, its client heard at `heard`.
fn lease_until(seconds: u32, heard: u32) -> BindingUpdate<'static> {
    BindingUpdate {
        address: address(12),
        binding_status: Some(BindingStatus::Active.code()),
        client_hardware_address: Some(&[1, 2, 0, 94, 16, 0, 1]),
        lease_expiration: Some(UnixTime(START + seconds)),
        potential_expiration: Some(UnixTime(START + MCLT)),
        start_of_status: Some(UnixTime(START)),
        client_last_transaction: Some(UnixTime(START + heard)),
        ..BindingUpdate::default()
    }
}

/// What a secondary in NORMAL makes of a lease of the partner's that runs out.
fn at_the_end_of_a_lease(dialect: Dialect, vendor: &'static [u8]) -> (BindingStatus, bool) {
    let mut script = secondary(dialect, vendor);
    script.update(lease_until(60, 0));
    assert_eq!(status(&script), BindingStatus::Active);
    script.said.clear();
    script.run_talking(70);
    (status(&script), script.types().contains(&"bndupd"))
}

/// A dhcpd primary refuses to hear of an expiry from its secondary.
#[test]
fn a_secondary_in_normal_leaves_expiry_to_a_dhcpd() {
    assert_eq!(at_the_end_of_a_lease(Dialect::Isc, DHCPD), (BindingStatus::Active, false));
}

#[test]
fn a_secondary_in_normal_tells_a_partner_that_follows_the_draft_of_an_expiry() {
    let end = at_the_end_of_a_lease(Dialect::Draft12, b"test");
    assert_eq!(end, (BindingStatus::Expired, true));
}

#[test]
fn a_secondary_in_normal_tells_another_twinlease_of_an_expiry_in_the_dialect_of_dhcpd() {
    let end = at_the_end_of_a_lease(Dialect::Isc, TWINLEASE);
    assert_eq!(end, (BindingStatus::Expired, true));
}

/// A renewal may end before the lease that it renews, which the secondary does not forget: it refuses
/// the primary's EXPIRED, and would keep the address for good.
#[test]
fn a_lease_of_which_the_secondary_knows_a_later_end_ends_then() {
    let mut script = secondary(Dialect::Isc, TWINLEASE);
    for update in [lease_until(90, 0), lease_until(60, 1)] {
        script.update(update);
        assert_eq!(script.take(MessageType::BNDACK).reject(), None);
    }
    script.run_talking(65);
    let expired = Some(BindingStatus::Expired.code());
    script.update(BindingUpdate { binding_status: expired, ..lease_until(60, 1) });
    assert_eq!(script.take(MessageType::BNDACK).reject(), Some(RejectReason::OUTDATED));
    script.run_talking(30);
    assert_eq!(status(&script), BindingStatus::Expired);
}

/// A primary that comes back in `state` with a lease of client 1 that ran out 300 seconds ago.
fn returned(state: FailoverState) -> Script {
    let mut binding = Binding::unused(address(12));
    binding.binding_status = BindingStatus::Active;
    binding.client = Some(client(1).to_client());
    binding.lease_expiration = UnixTime(START - 300);
    let recovered = Recovered { endpoint: Some(stored(state)), bindings: vec![binding] };
    let mut relationship = config(Role::Primary, 20);
    relationship.startup_wait = std::time::Duration::ZERO;
    let mut script = Script::new(relationship, recovered);
    script.run(5);
    script
}

/// The partner may have renewed it meanwhile.
#[test]
fn a_server_that_does_not_serve_ends_no_lease() {
    let script = returned(FailoverState::Recover);
    assert_eq!(script.endpoint.state(), FailoverState::Recover);
    assert_eq!(status(&script), BindingStatus::Active);
}

#[test]
fn a_server_that_serves_again_ends_the_leases_that_ran_out_meanwhile() {
    let mut script = returned(FailoverState::Recover);
    script.connected();
    script.accept_connect();
    script.state(FailoverState::PartnerDown);
    let request = script.take(MessageType::UPDREQ);
    script.say(request.xid, &Message::UpdDone);
    script.run_talking(MCLT);
    assert_eq!(status(&script), BindingStatus::Active);
    script.state(FailoverState::Normal);
    script.run(1);
    assert_eq!(script.endpoint.state(), FailoverState::Normal);
    assert_eq!(status(&script), BindingStatus::Expired);
}
