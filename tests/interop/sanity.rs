//! The harness itself, proven with dhcpd on both sides.

use crate::support::pair::Kind;
use crate::support::perfdhcp::Perfdhcp;
use crate::support::scene::Scene;
use crate::support::setup::Setup;

#[test]
fn a_pair_of_dhcpd_reaches_normal_in_the_harness() {
    let test = "sanity::a_pair_of_dhcpd_reaches_normal_in_the_harness";
    let Some(scene) = Scene::normal(test, [Kind::Dhcpd, Kind::Dhcpd], Setup::default()) else {
        return;
    };
    let counters = Perfdhcp { exchanges: 60, ..Perfdhcp::default() }.run(&scene.network);
    assert_eq!(counters["REQUEST-ACK"].received, counters["REQUEST-ACK"].sent);
    scene.pair.wait_equal();
    assert_eq!(scene.pair.primary.database().count("active"), 60);
    assert_eq!(scene.complaints(), Vec::<String>::new());
    scene.finish();
}
