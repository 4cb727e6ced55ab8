//! Random lives of a pair: clients come and go, servers are killed and started, the cable is cut.
//! Whatever happens, no address has two clients, and once all is well again both servers agree.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use twinlease::balance::Role;
use twinlease::binding::table::RangeId;
use twinlease::endpoint::{
    Availability, BindingChange, ClientRequest, LeaseAuthority, OperatorCommand, RequestKind,
    Service,
};
use twinlease::time::UnixTime;
use twinlease::wire::codes::{BindingStatus, FailoverState};
use twinlease::wire::dialect::Dialect;

use crate::support::world::{PRIMARY, SECONDARY, World};
use crate::support::{MCLT, client, config};

/// Lives of each kind. Each takes some milliseconds.
const SEEDS: u64 = 150;
const STEPS: usize = 250;
const CLIENTS: u64 = 40;
const ADDRESSES: u8 = 30;

struct Life {
    world: World,
    random: u64,
    /// What each client believes to hold, and until when.
    held: BTreeMap<u8, (Ipv4Addr, UnixTime)>,
    /// A server was declared down and the two have not been in NORMAL together since.
    declared_down: bool,
    seed: u64,
}

impl Life {
    fn new(seed: u64, dialect: Dialect) -> Self {
        let [primary, secondary] = [Role::Primary, Role::Secondary].map(|role| {
            let mut relationship = config(role, ADDRESSES);
            relationship.dialect = dialect;
            relationship
        });
        let mut world = World::new(primary, secondary);
        world.start(PRIMARY);
        world.start(SECONDARY);
        world.run(30);
        let random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Self { world, random, held: BTreeMap::new(), declared_down: false, seed }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) % bound
    }

    fn side(&mut self) -> usize {
        usize::from(self.below(2) == 1)
    }

    fn step(&mut self) {
        let both_normal = [PRIMARY, SECONDARY]
            .iter()
            .all(|side| self.world.runs(*side) && self.world.state(*side) == FailoverState::Normal);
        self.declared_down &= !both_normal;
        match self.below(40) {
            0..=23 => self.client_acts(),
            24..=31 => {
                let seconds = 1 + self.below(60);
                self.world.run(u32::try_from(seconds).unwrap());
            }
            32 => self.world.run(MCLT / 2),
            33 => {
                self.world.cable = self.declared_down;
                self.world.cut();
            }
            34 | 35 => self.world.cable = true,
            36 => {
                let side = self.side();
                if self.world.runs(side) {
                    self.world.kill(side);
                }
            }
            37 | 38 => self.start_whoever_is_down(),
            _ => self.declare_the_dead_down(),
        }
    }

    /// Whoever was declared down is started only where it can find its partner: two that serve
    /// without knowing of each other are what the declaration excludes (§9.4).
    fn start_whoever_is_down(&mut self) {
        for side in [PRIMARY, SECONDARY] {
            if !self.world.runs(side) {
                self.world.cable |= self.declared_down;
                self.world.start(side);
                self.world.run(1);
            }
        }
    }

    /// An operator declares only what is true.
    fn declare_the_dead_down(&mut self) {
        for side in [PRIMARY, SECONDARY] {
            let allowed = self.world.runs(side)
                && !self.world.runs(1 - side)
                && matches!(
                    self.world.state(side),
                    FailoverState::CommunicationsInterrupted | FailoverState::ResolutionInterrupted
                );
            if allowed {
                self.world.operator(side, OperatorCommand::PartnerDown { forced: false });
                self.declared_down = true;
            }
        }
    }

    fn client_acts(&mut self) {
        self.world.run(1);
        let number = u8::try_from(self.below(CLIENTS)).unwrap();
        let now = self.world.now().wall;
        let held = self.held.get(&number).copied().filter(|(_, end)| *end > now);
        let side = self.side();
        if !self.world.runs(side) {
            return;
        }
        match held {
            Some((address, _)) if self.below(5) == 0 => self.release(side, number, address),
            Some((address, _)) => self.ask(side, number, RequestKind::Rebinding, Some(address)),
            None => self.ask(side, number, RequestKind::Discover, None),
        }
    }

    fn serves(&self, side: usize, number: u8, kind: RequestKind) -> bool {
        let request = ClientRequest {
            kind,
            client: client(number),
            secs: 0,
            addressed_to_this_server: false,
            ranges: &[RangeId(0)],
        };
        let endpoint = self.world.sides[side].endpoint();
        endpoint.service_for(&request, self.world.now()) == Service::Serve
    }

    fn release(&mut self, side: usize, number: u8, address: Ipv4Addr) {
        let mine = self.world.binding(side, address).belongs_to(&client(number));
        let active = self.world.binding(side, address).binding_status == BindingStatus::Active;
        if mine && active && self.serves(side, number, RequestKind::Rebinding) {
            self.held.remove(&number);
            self.world.record(side, BindingChange::Released { address });
        }
    }

    fn ask(&mut self, side: usize, number: u8, kind: RequestKind, wanted: Option<Ipv4Addr>) {
        let now = self.world.now();
        if !self.serves(side, number, kind) {
            let told = self.world.sides[side].endpoint().explain_client(&client(number), now);
            let service = if kind == RequestKind::Discover { told.discover } else { told.renewal };
            assert_ne!(service, Service::Serve);
            return;
        }
        let endpoint = self.world.sides[side].endpoint();
        let known = endpoint.table().of_client(&client(number)).find(|address| {
            !matches!(endpoint.availability(*address, &client(number), now), Availability::No(_))
        });
        let address = match (wanted, known) {
            (Some(wanted), _) => {
                let answer = endpoint.availability(wanted, &client(number), now);
                (answer == Availability::Renew || answer == Availability::Lease).then_some(wanted)
            }
            (None, Some(known)) => Some(known),
            (None, None) => endpoint.choose(RangeId(0), now, &|_| false),
        };
        let Some(address) = address else { return };
        let desired = 30 + u32::try_from(self.below(2000)).unwrap();
        self.check_that_nobody_else_holds(side, number, address);
        let endpoint = self.world.sides[side].endpoint();
        let told = endpoint.explain_client(&client(number), now);
        let of_address = endpoint.explain_address(address, now).expect("in the range");
        let seconds = self.world.lease(side, address, client(number), desired);
        // What is told beforehand is what happens.
        match kind {
            RequestKind::Discover => {
                assert_eq!((told.discover, told.address), (Service::Serve, Some(address)));
                assert_eq!(seconds, desired.min(told.longest_lease));
            }
            _ => assert_eq!(told.renewal, Service::Serve),
        }
        assert!(seconds <= of_address.longest_lease, "{of_address:?}");
        self.held.insert(number, (address, now.wall.plus(seconds)));
    }

    fn check_that_nobody_else_holds(&self, side: usize, number: u8, address: Ipv4Addr) {
        let now = self.world.now().wall;
        for (other, (held, end)) in &self.held {
            assert!(
                *other == number || *held != address || *end <= now,
                "seed {}: side {side} ({}) gives {address} to client {number} at {now}, but client \
                 {other} holds it until {end}: {:?}",
                self.seed,
                self.world.state(side),
                self.world.binding(side, address),
            );
        }
    }

    /// Everybody runs, the cable is whole, and nobody asks for anything.
    fn heal(&mut self) {
        self.world.cable = true;
        self.start_whoever_is_down();
        self.world.run(6 * MCLT);
    }

    fn check_that_both_agree(&self) {
        for side in [PRIMARY, SECONDARY] {
            assert_eq!(self.world.state(side), FailoverState::Normal, "seed {}", self.seed);
        }
        let [one, two] = [PRIMARY, SECONDARY].map(|side| {
            let table = self.world.sides[side].endpoint().table();
            let all = table.iter().map(|binding| {
                let active = binding.binding_status == BindingStatus::Active;
                let client = binding.client.filter(|_| active);
                (binding.address, binding.binding_status, client)
            });
            all.collect::<Vec<_>>()
        });
        for (a, b) in one.iter().zip(&two) {
            assert_eq!(
                a,
                b,
                "seed {}: {:?} {:?}\n{:?}\n{:?}",
                self.seed,
                self.world.binding(PRIMARY, a.0),
                self.world.binding(SECONDARY, a.0),
                self.world.sides[PRIMARY].events.iter().rev().take(12).collect::<Vec<_>>(),
                self.world.sides[SECONDARY].events.iter().rev().take(12).collect::<Vec<_>>(),
            );
        }
    }

    /// Whoever believes to hold an address is known to both servers as its holder.
    fn check_that_no_lease_is_lost(&self) {
        let now = self.world.now().wall;
        for (number, (address, end)) in &self.held {
            if *end > now {
                for side in [PRIMARY, SECONDARY] {
                    let binding = self.world.binding(side, *address);
                    assert!(
                        binding.belongs_to(&client(*number))
                            && binding.binding_status == BindingStatus::Active,
                        "seed {}: side {side} does not know that client {number} holds {address} \
                         until {end}: {binding:?}",
                        self.seed
                    );
                }
            }
        }
    }
}

fn live(dialect: Dialect) {
    for seed in 0..SEEDS {
        let mut life = Life::new(seed, dialect);
        for _ in 0..STEPS {
            life.step();
        }
        life.heal();
        life.check_that_both_agree();
        life.check_that_no_lease_is_lost();
    }
}

/// Holds: FO-1-3, FO-4.1-5, FO-4.1-9, FO-5.2-1, FO-5.2.1-6, FO-3.3-2.
#[test]
fn no_life_of_a_pair_that_speaks_isc_doubles_or_loses_a_lease() {
    live(Dialect::Isc);
}

/// Holds: FO-9.9-3.
/// Holds: FO-7.1-2.
/// Holds: FO-9.3.2-7.
#[test]
fn no_life_of_a_pair_that_speaks_the_draft_doubles_or_loses_a_lease() {
    live(Dialect::Draft12);
}
