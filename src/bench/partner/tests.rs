//! A player with an endpoint of this crate, without a network.

use core::time::Duration;
use std::net::Ipv4Addr;

use super::figures::Figures;
use super::leases::Leases;
use super::player::{Fault, Player, Terms, Work};
use crate::balance::Role;
use crate::binding::AddressRange;
use crate::durable::Recovered;
use crate::endpoint::{
    FailoverEndpoint, Input, LinkId, Origin, Output, RelationshipConfig, Status,
};
use crate::time::{Instant, Now, UnixTime};
use crate::wire::codes::{BindingStatus, FailoverState};
use crate::wire::frame::Deframer;

const LINK: LinkId = LinkId(1);
const FIRST: Ipv4Addr = Ipv4Addr::new(10, 78, 8, 0);
const LAST: Ipv4Addr = Ipv4Addr::new(10, 78, 11, 255);
/// Turns after which nothing more is to be expected.
const PATIENCE: usize = 10_000;

/// A server in memory and the player on its only connection.
struct Scene {
    now: Now,
    endpoint: FailoverEndpoint,
    deframer: Deframer,
    player: Player,
    fault: Option<Fault>,
}

impl Scene {
    /// A server of the other role that knows nothing.
    fn new(role: Role, vendor_class: &str, gives_nothing: bool) -> Self {
        let range = AddressRange::new(FIRST, LAST).unwrap();
        let mut config = RelationshipConfig::new("office-lan", role.partner(), vec![range]);
        config.max_unacked_bndupd = 7;
        let now = Now { monotonic: Instant::default(), wall: UnixTime(1_800_000_000) };
        let mut endpoint = FailoverEndpoint::new(config, Recovered::default(), now).unwrap();
        endpoint.handle_input(now, Input::Connected { link: LINK, origin: Origin::Accepted });
        let terms = Terms {
            relationship: "office-lan".to_owned(),
            role,
            max_unacked_updates: 20,
            receive_timer: 60,
            mclt: 600,
            vendor_class: vendor_class.to_owned(),
            window: None,
            batch: None,
        };
        let leases = Leases { first: FIRST.into(), time: 3600 };
        let player = Player::new(terms, leases, gives_nothing, now);
        Self { now, endpoint, deframer: Deframer::new(), player, fault: None }
    }

    /// What one has to say to the other, and what the server wants to be durable.
    fn turn(&mut self) {
        let now = self.now;
        let mut octets = Vec::new();
        loop {
            match self.endpoint.poll_output() {
                Output::Commit(commit) => {
                    self.endpoint.handle_input(now, Input::Committed(commit.id));
                }
                Output::Transmit(link) => self.endpoint.take_transmit(link, &mut octets),
                Output::Idle { .. } => break,
                Output::Connect | Output::StartTls { .. } | Output::Close(_) | Output::Event(_) => {
                }
            }
        }
        if let Err(fault) = self.player.receive(now, &octets) {
            self.fault = Some(fault);
        }
        self.player.pump(now);
        self.deframer.push(&std::mem::take(self.player.outgoing()));
        while let Some(frame) = self.deframer.next_frame().unwrap() {
            self.endpoint.handle_input(now, Input::Received { link: LINK, frame });
        }
        self.now.monotonic = now.monotonic.after(Duration::from_millis(1));
        self.endpoint.handle_input(self.now, Input::TimeReached);
    }

    fn perform(&mut self, work: Work) -> Figures {
        for _ in 0..PATIENCE {
            if self.player.is_ready_for(&work) {
                self.player.begin(self.now, work);
            }
            self.turn();
            if let Some(figures) = self.player.take_done() {
                return figures;
            }
        }
        panic!("{work:?} does not end: {:?}", self.status());
    }

    fn status(&self) -> Status {
        self.endpoint.status()
    }

    fn active(&self) -> u32 {
        self.status().ranges.iter().map(|range| range.count(BindingStatus::Active)).sum()
    }
}

#[test]
fn an_empty_server_of_either_role_is_given_everything() {
    for role in [Role::Primary, Role::Secondary] {
        let mut scene = Scene::new(role, "twinlease-bench", false);
        let figures = scene.perform(Work::Give(500));
        assert_eq!((figures.bindings, figures.rejected.len()), (500, 0), "{role:?}");
        assert_eq!(scene.active(), 500);
    }
}

#[test]
fn a_server_that_was_given_everything_reaches_normal() {
    let mut scene = Scene::new(Role::Primary, "twinlease-bench", false);
    scene.perform(Work::Give(10));
    (0..100).for_each(|_| scene.turn());
    assert_eq!(scene.endpoint.state(), FailoverState::Normal);
}

#[test]
fn another_twinlease_gets_several_updates_in_a_message() {
    let mut scene = Scene::new(Role::Primary, "twinlease-bench", false);
    let figures = scene.perform(Work::Give(500));
    assert!(figures.messages * 10 < figures.bindings, "{} messages", figures.messages);
}

#[test]
fn a_server_gives_back_all_that_it_was_given() {
    let mut scene = Scene::new(Role::Secondary, "script", false);
    scene.perform(Work::Give(300));
    let figures = scene.perform(Work::Take);
    assert!(figures.bindings >= 300, "{}", figures.bindings);
    assert_eq!(figures.bindings, figures.messages);
}

#[test]
fn renewals_are_sent_when_they_are_due() {
    let mut scene = Scene::new(Role::Secondary, "twinlease-bench", false);
    scene.perform(Work::Give(10));
    let (every, lasting) = (Duration::from_millis(5), Duration::from_millis(200));
    let figures = scene.perform(Work::Renew { bindings: 10, every, lasting });
    assert_eq!((figures.bindings, figures.rejected.len()), (40, 0));
}

#[test]
fn no_more_is_in_flight_than_the_window_allows() {
    let mut scene = Scene::new(Role::Primary, "script", false);
    while !scene.player.is_ready_for(&Work::Give(1000)) {
        scene.turn();
    }
    scene.player.begin(scene.now, Work::Give(1000));
    let mut deframer = Deframer::new();
    deframer.push(scene.player.outgoing());
    let mut messages = 0;
    while deframer.next_frame().unwrap().is_some() {
        messages += 1;
    }
    assert_eq!(messages, 7);
}

#[test]
fn a_server_for_whom_nothing_is_meant_reaches_normal_too() {
    let mut scene = Scene::new(Role::Primary, "script", true);
    let figures = scene.perform(Work::Take);
    assert_eq!(scene.endpoint.state(), FailoverState::Normal);
    assert_eq!(figures.rejected.len(), 0);
}

#[test]
fn a_relationship_that_the_server_does_not_know_is_a_fault() {
    let mut scene = Scene::new(Role::Primary, "script", true);
    let range = AddressRange::new(FIRST, LAST).unwrap();
    let other = RelationshipConfig::new("elsewhere", Role::Secondary, vec![range]);
    scene.endpoint = FailoverEndpoint::new(other, Recovered::default(), scene.now).unwrap();
    let connected = Input::Connected { link: LINK, origin: Origin::Accepted };
    scene.endpoint.handle_input(scene.now, connected);
    (0..10).for_each(|_| scene.turn());
    assert!(matches!(scene.fault, Some(Fault::Refused(..))), "{:?}", scene.fault);
}
