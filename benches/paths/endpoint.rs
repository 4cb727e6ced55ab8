//! Two endpoints without a network: a lease granted at the primary, sent, decided and stored at the
//! secondary, acknowledged. Stable storage costs nothing here.

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use twinlease::balance::Role;
use twinlease::binding::{AddressRange, ClientRef, HardwareAddress};
use twinlease::durable::Recovered;
use twinlease::endpoint::{
    BindingChange, FailoverEndpoint, Input, LeaseAuthority, LeaseDetails, LinkId, Origin, Output,
    RelationshipConfig,
};
use twinlease::time::{Instant, Now, UnixTime};
use twinlease::wire::codes::{BindingStatus, FailoverState};
use twinlease::wire::frame::Deframer;

const LINK: LinkId = LinkId(1);
/// Leases of one measured cycle; as many as the window admits at once.
pub const LEASES: u32 = 64;

/// Two endpoints and what is on its way between them.
pub struct Pair {
    sides: [(FailoverEndpoint, Deframer); 2],
    octets: VecDeque<(usize, Vec<u8>)>,
    spare: Vec<Vec<u8>>,
    now: Now,
}

impl Pair {
    /// A pair in NORMAL.
    pub fn normal() -> Self {
        let now = Now { monotonic: Instant::from_micros(0), wall: UnixTime(1_700_000_000) };
        let side = |role| {
            let range =
                AddressRange::new(Ipv4Addr::new(10, 0, 0, 0), Ipv4Addr::new(10, 0, 15, 255));
            let mut config = RelationshipConfig::new("bench", role, vec![range.unwrap()]);
            config.max_unacked_bndupd = LEASES;
            let endpoint = FailoverEndpoint::new(config, Recovered::default(), now);
            (endpoint.expect("a good configuration"), Deframer::new())
        };
        let sides = [side(Role::Primary), side(Role::Secondary)];
        let mut pair = Self { sides, octets: VecDeque::new(), spare: Vec::new(), now };
        pair.drain(0);
        pair.drain(1);
        pair.input(1, Input::Connected { link: LINK, origin: Origin::Accepted });
        pair.input(0, Input::Connected { link: LINK, origin: Origin::Dialled });
        pair.settle();
        assert_eq!(pair.sides[0].0.state(), FailoverState::Normal);
        pair
    }

    fn input(&mut self, side: usize, input: Input<'_>) {
        self.sides[side].0.handle_input(self.now, input);
        self.drain(side);
    }

    fn drain(&mut self, side: usize) {
        let endpoint = &mut self.sides[side].0;
        loop {
            match endpoint.poll_output() {
                Output::Commit(commit) => {
                    endpoint.handle_input(self.now, Input::Committed(commit.id));
                }
                Output::Transmit(link) => {
                    let mut octets = self.spare.pop().unwrap_or_default();
                    endpoint.take_transmit(link, &mut octets);
                    self.octets.push_back((1 - side, octets));
                }
                Output::Connect | Output::StartTls { .. } | Output::Close(_) | Output::Event(_) => {
                }
                Output::Idle { .. } => return,
            }
        }
    }

    fn settle(&mut self) {
        while let Some((side, mut octets)) = self.octets.pop_front() {
            let (endpoint, deframer) = &mut self.sides[side];
            deframer.push(&octets);
            while let Some(frame) = deframer.next_frame().expect("well-formed") {
                endpoint.handle_input(self.now, Input::Received { link: LINK, frame });
            }
            octets.clear();
            self.spare.push(octets);
            self.drain(side);
        }
    }

    /// Leases the addresses at the primary and goes on until the secondary has acknowledged them.
    pub fn lease(&mut self, addresses: &[Ipv4Addr]) {
        for (number, &address) in (0_u32..).zip(addresses) {
            let octets = number.to_be_bytes();
            let hardware =
                HardwareAddress::new(1, &[2, 0, octets[0], octets[1], octets[2], octets[3]]);
            let client = ClientRef { identifier: None, hardware };
            let endpoint = &mut self.sides[0].0;
            let grant = endpoint.grant(address, &client, 3600, self.now);
            let change =
                BindingChange::Leased { address, client, grant, details: LeaseDetails::default() };
            endpoint.record(self.now, change).expect("an address of the range");
        }
        self.drain(0);
        self.settle();
    }

    /// As many addresses as one measured cycle leases.
    pub fn free_addresses(&self) -> Vec<Ipv4Addr> {
        let table = self.sides[0].0.table();
        let free = table.iter().filter(|binding| binding.binding_status == BindingStatus::Free);
        free.map(|binding| binding.address).take(LEASES as usize).collect()
    }

    /// Updates that the secondary has not acknowledged.
    pub fn unacked(&self) -> usize {
        self.sides[0].0.status().unacked_updates
    }
}
