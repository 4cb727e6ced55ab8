//! A day of clients that come and go: the unused addresses stay divided, and nobody asks for more over
//! and over (P6 of tests/interop/cases.txt, in hours instead of seconds).

use std::collections::BTreeSet;

use twinlease::balance::Role;
use twinlease::binding::table::RangeId;
use twinlease::endpoint::{BindingChange, ClientRequest, LeaseAuthority, RequestKind, Service};
use twinlease::wire::codes::{BindingStatus, MessageType};
use twinlease::wire::dialect::Dialect;

use crate::support::world::{PRIMARY, SECONDARY, World};
use crate::support::{client, config};

const ADDRESSES: u8 = 120;
const CLIENTS: u64 = 100;
const MINUTES: u32 = 24 * 60;

/// One pair, and what it is asked.
struct Day {
    world: World,
    random: u64,
    leases: u64,
}

impl Day {
    fn new(dialect: Dialect) -> Self {
        let [primary, secondary] = [Role::Primary, Role::Secondary].map(|role| {
            let mut relationship = config(role, ADDRESSES);
            relationship.dialect = dialect;
            relationship
        });
        let mut world = World::new(primary, secondary);
        world.start(PRIMARY);
        world.start(SECONDARY);
        world.run(30);
        Self { world, random: 0x9e37_79b9_7f4a_7c15, leases: 0 }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) % bound
    }

    /// A client asks both servers; whoever serves it leases what it had, or another address.
    fn discover(&mut self, number: u8) {
        let now = self.world.now();
        for side in [PRIMARY, SECONDARY] {
            let endpoint = self.world.sides[side].endpoint();
            let request = ClientRequest {
                kind: RequestKind::Discover,
                client: client(number),
                secs: 0,
                addressed_to_this_server: false,
                ranges: &[RangeId(0)],
            };
            let held = endpoint.table().of_client(&client(number)).next();
            let is_held = held.is_some_and(|address| {
                self.world.binding(side, address).binding_status == BindingStatus::Active
            });
            if is_held || endpoint.service_for(&request, now) != Service::Serve {
                continue;
            }
            if let Some(address) = endpoint.choose(RangeId(0), now, &|_| false) {
                self.world.lease(side, address, client(number), 1800);
                self.leases += 1;
            }
        }
    }

    fn release(&mut self, number: u8) {
        let endpoint = self.world.sides[PRIMARY].endpoint();
        let held = endpoint.table().of_client(&client(number)).find(|address| {
            self.world.binding(PRIMARY, *address).binding_status == BindingStatus::Active
        });
        if let Some(address) = held {
            self.world.record(PRIMARY, BindingChange::Released { address });
        }
    }

    fn count(&self, status: BindingStatus) -> u32 {
        self.world.sides[PRIMARY].endpoint().table().count_unreserved(RangeId(0), status)
    }

    /// Neither server has less than a third of what is unused.
    fn assert_divided(&self, minute: u32) {
        let (free, backup) = (self.count(BindingStatus::Free), self.count(BindingStatus::Backup));
        assert!(
            3 * free.min(backup) + 6 >= free + backup,
            "minute {minute}: {free} free, {backup} backup"
        );
    }

    fn requests(&self) -> u64 {
        let asked = |side: usize| self.world.sides[side].heard.get(&MessageType::POOLREQ).copied();
        [PRIMARY, SECONDARY].into_iter().filter_map(asked).sum()
    }
}

/// A day; the requests for addresses and the leases in it.
fn live(dialect: Dialect) -> (u64, u64) {
    let mut day = Day::new(dialect);
    for minute in 0..MINUTES {
        for _ in 0..3 {
            let number = u8::try_from(day.below(CLIENTS)).unwrap();
            if day.below(3) == 0 {
                day.release(number);
            } else {
                day.discover(number);
            }
            day.world.run(20);
        }
        day.assert_divided(minute);
    }
    let states: BTreeSet<_> = [PRIMARY, SECONDARY].map(|side| day.world.state(side)).into();
    assert_eq!(states.len(), 1, "{states:?}");
    (day.requests(), day.leases)
}

#[test]
fn in_a_day_of_clients_a_pair_that_speaks_isc_asks_for_addresses_a_few_times() {
    let (requests, leases) = live(Dialect::Isc);
    assert!(leases > 1000, "{leases} leases");
    assert!(requests <= 24, "{requests} requests for {leases} leases");
}

/// §7.6: the secondary asks periodically, and once more after it was given something.
#[test]
fn in_a_day_of_clients_a_pair_that_speaks_the_draft_asks_for_addresses_once_a_minute() {
    let (requests, leases) = live(Dialect::Draft12);
    assert!(leases > 1000, "{leases} leases");
    assert!(requests <= u64::from(2 * MINUTES), "{requests} requests for {leases} leases");
}
