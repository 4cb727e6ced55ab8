//! Half of a dhcpd pair is replaced by twinlease, then the other half; then dhcpd is put back. Each newcomer knows nothing at
//! first, and the clients notice nothing.

use crate::support::load::Load;
use crate::support::pair::{Kind, SOON, Server};
use crate::support::scene::Scene;
use crate::support::setup::{Role, Setup};

const CLIENTS: u16 = 30;

#[test]
fn no_client_loses_its_address_while_both_halves_are_replaced_and_put_back() {
    let test =
        "replacement::no_client_loses_its_address_while_both_halves_are_replaced_and_put_back";
    let setup = Setup { mclt: 15, ..Setup::default() };
    let Some(mut scene) = Scene::normal(test, [Kind::Dhcpd, Kind::Dhcpd], setup) else { return };
    let load = Load::start(&scene.network, 4, 0..CLIENTS);
    load.wait_rounds(2);
    for (kind, role) in [
        (Kind::Twinlease, Role::Secondary),
        (Kind::Twinlease, Role::Primary),
        (Kind::Dhcpd, Role::Secondary),
        (Kind::Dhcpd, Role::Primary),
    ] {
        scene.pair.server(role).stop();
        load.wait_rounds(1);
        *scene.pair.server(role) = Server::new(kind, &scene.network, role, &scene.setup);
        scene.pair.server(role).start();
        scene.pair.wait_normal(SOON);
        load.wait_rounds(2);
    }
    let report = load.finish();
    report.assert_no_failure();
    assert_eq!(report.held.len(), usize::from(CLIENTS));
    scene.pair.wait_equal();
    assert_eq!(scene.pair.primary.database().holders(), report.holders());
    scene.finish();
}
