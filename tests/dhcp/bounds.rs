//! Clients cannot make the service grow.

use crate::support::{bench, client};
use twinlease::dhcp::DropReason;

#[test]
fn a_crowd_beyond_the_pool_is_turned_away() {
    let mut bench = bench();
    let mut offered = 0;
    for number in 0..2_000_u16 {
        let mut crowd = client(1);
        crowd.chaddr[4..].copy_from_slice(&number.to_be_bytes());
        offered += bench.raw(&crowd.bytes(), &crowd.arrival).len();
    }
    assert_eq!(offered, 10);
    assert_eq!(bench.service.counters().dropped_for(DropReason::PoolExhausted), 1_990);
}

#[test]
fn clients_that_never_ask_for_their_offers_do_not_keep_the_pool() {
    let mut bench = bench();
    let ask = |bench: &mut crate::support::Bench, number: u16| {
        let mut crowd = client(1);
        crowd.chaddr[4..].copy_from_slice(&number.to_be_bytes());
        bench.raw(&crowd.bytes(), &crowd.arrival).len()
    };
    let offered: usize = (0..10).map(|number| ask(&mut bench, number)).sum();
    assert_eq!(offered, 10);
    bench.wait(4);
    assert_eq!(ask(&mut bench, 10), 0);
    bench.wait(1);
    assert_eq!(ask(&mut bench, 10), 1);
}

#[test]
fn the_next_timer_is_the_end_of_the_oldest_offer() {
    let mut bench = bench();
    assert_eq!(bench.service.next_timer(), None);
    let start = bench.now.monotonic;
    bench.ask(&client(1));
    bench.wait(5);
    bench.ask(&client(2));
    let end = start.after(std::time::Duration::from_secs(120));
    assert_eq!(bench.service.next_timer(), Some(end));
}
