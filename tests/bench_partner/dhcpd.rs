//! With an ISC dhcpd.

use crate::support::setup::{RELATIONSHIP, Role, Setup};
use crate::support::stage::Stage;
use crate::{PROGRAM, play};

/// Plays the partner of an empty dhcpd of `role` through everything.
fn play_all(test: &str, role: Role) {
    let setup = Setup { max_unacked_updates: 100, ..Setup::default() };
    let Some(stage) = Stage::started(test, role, setup) else { return };
    let partner = role.other();
    let command = stage.network.host(partner.host()).command(PROGRAM);
    let arguments = format!(
        "--server {} --local {} --role {} --relationship {RELATIONSHIP} --pool {} --sync-to 60 \
         --sync-from --steady 50 --seconds 2",
        role.address(),
        partner.address(),
        partner.word(),
        stage.setup.pool.0
    );
    let report = play(command, &arguments);
    assert_eq!(report["server-vendor-class"], "isc-4.4.3-P1");
    assert_eq!(report["sync-to"]["bindings"], 60);
    assert_eq!(report["sync-to"]["rejected"], serde_json::json!({}));
    assert!(report["sync-from"]["bindings"].as_u64().unwrap() >= 60, "{report}");
    assert_eq!(report["steady"]["bindings"], 100);
    stage.finish();
}

#[test]
fn a_dhcpd_secondary_takes_and_gives_what_it_is_asked_to() {
    play_all("dhcpd::a_dhcpd_secondary_takes_and_gives_what_it_is_asked_to", Role::Secondary);
}

#[test]
fn a_dhcpd_primary_takes_and_gives_what_it_is_asked_to() {
    play_all("dhcpd::a_dhcpd_primary_takes_and_gives_what_it_is_asked_to", Role::Primary);
}
