//! Durable before visible: what promises a commit waits for it.

use twinlease::endpoint::{BindingChange, Input, LeaseAuthority, LeaseDetails, OperatorCommand};
use twinlease::time::UnixTime;
use twinlease::wire::bndupd::BindingUpdate;
use twinlease::wire::codes::{BindingStatus, FailoverState};
use twinlease::wire::message::Message;

use crate::support::scripted::{LINK, Script};
use crate::support::{START, address, client};

fn active(last: u8) -> BindingUpdate<'static> {
    BindingUpdate {
        address: address(last),
        binding_status: Some(BindingStatus::Active.code()),
        client_hardware_address: Some(&[1, 2, 0, 94, 16, 0, 1]),
        lease_expiration: Some(UnixTime(START + 600)),
        potential_expiration: Some(UnixTime(START + 4200)),
        start_of_status: Some(UnixTime(START)),
        client_last_transaction: Some(UnixTime(START)),
        ..BindingUpdate::default()
    }
}

/// Holds: FO-9.8.3-12, FO-9.8.3-13.
/// Holds: FO-5.1-1, FO-5.2.1-23, FO-5.5-4.
/// Holds: FO-7.1.3-8, FO-7.2-1.
#[test]
fn a_bndack_waits_for_the_commit_of_the_update() {
    let mut script = Script::normal_secondary();
    script.instant_disk = false;
    script.update(active(12));
    assert_eq!(script.types(), Vec::<&str>::new());
    script.sync();
    assert_eq!(script.types(), ["bndack"]);
}

/// Holds: FO-9.2-1, FO-9.2-3.
#[test]
fn a_state_waits_for_the_commit_of_the_transition() {
    let mut script = Script::normal_secondary();
    script.instant_disk = false;
    script.state(FailoverState::Paused);
    assert_eq!(script.endpoint.state(), FailoverState::CommunicationsInterrupted);
    assert_eq!(script.types(), Vec::<&str>::new());
    script.sync();
    assert_eq!(script.types(), ["state"]);
}

/// Holds: FO-2.2-7.
#[test]
fn an_update_waits_for_the_commit_of_the_lease() {
    let mut script = Script::normal_primary();
    script.instant_disk = false;
    let now = script.now;
    let grant = script.endpoint.grant(address(15), &client(1), 600, now);
    let change = BindingChange::Leased {
        address: address(15),
        client: client(1),
        grant,
        details: LeaseDetails::default(),
    };
    script.endpoint.record(now, change).unwrap();
    script.input(Input::TimeReached);
    assert_eq!(script.types(), Vec::<&str>::new());
    script.sync();
    assert_eq!(script.types(), ["bndupd"]);
}

/// A lease in PARTNER-DOWN is told when the recovering partner asks, not before it is durable.
#[test]
fn an_update_that_the_partner_asks_for_waits_for_the_commit_of_the_lease() {
    let mut script = Script::normal_primary();
    script.input(Input::Disconnected { link: LINK });
    script.input(Input::Operator(OperatorCommand::PartnerDown { forced: false }));
    script.connected();
    script.accept_connect();
    script.state(FailoverState::Recover);
    assert_eq!(script.endpoint.state(), FailoverState::PartnerDown);
    script.said.clear();
    script.instant_disk = false;
    let now = script.now;
    let grant = script.endpoint.grant(address(25), &client(1), 600, now);
    let change = BindingChange::Leased {
        address: address(25),
        client: client(1),
        grant,
        details: LeaseDetails::default(),
    };
    script.endpoint.record(now, change).unwrap();
    script.tell(&Message::UpdReq);
    assert_eq!(script.types(), Vec::<&str>::new());
    script.sync();
    assert_eq!(script.types(), ["bndupd"]);
}

#[test]
fn contact_is_not_held_back_by_a_commit() {
    let mut script = Script::normal_secondary();
    script.instant_disk = false;
    script.update(active(12));
    script.run(10);
    assert_eq!(script.types(), ["contact"]);
}

#[test]
fn nothing_is_promised_after_the_storage_failed() {
    let mut script = Script::normal_secondary();
    script.instant_disk = false;
    script.update(active(12));
    script.input(Input::StorageFailed);
    script.sync();
    assert_eq!(script.types(), ["disconnect"]);
}

#[test]
fn a_rejection_overtakes_no_answer_that_came_before() {
    let mut script = Script::normal_secondary();
    script.instant_disk = false;
    script.update(active(12));
    script.update(active(200));
    assert_eq!(script.types(), Vec::<&str>::new());
    script.sync();
    assert_eq!(script.types(), ["bndack", "bndack"]);
}

#[test]
fn a_poolresp_follows_the_commits_of_the_addresses_it_counts() {
    let mut script = Script::normal_primary();
    script.instant_disk = false;
    script.tell(&Message::PoolReq);
    script.sync();
    assert_eq!(script.types(), ["poolresp"]);
}

#[test]
fn a_partner_that_floods_a_stuck_store_loses_its_connection() {
    let mut script = Script::normal_secondary();
    script.instant_disk = false;
    for _ in 0..65_536 {
        script.update(active(12));
    }
    assert_eq!(script.closed, []);
    script.update(active(12));
    assert_eq!(script.closed, [LINK]);
}
