//! Two servers, their clients, and what lies between: time jumps from one happening to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::agenda::{Agenda, Happening, Over};
use super::clients::{Client, News, Saying};
use super::clock::{MINUTE, SECOND, True};
use super::machine::{Machine, StartFailure, Sync};
use super::network::{Arrived, Network};
use super::outcome::{Counts, Outcome};
use super::packet;
use super::prng::Prng;
use super::scenario::{RELAY, SERVERS, Scenario, stream};
use super::trace::Trace;
use super::turn::Asked;
use super::watch::changes::Cause;
use super::watch::excuse::Excuses;
use super::watch::holders::Holders;
use super::watch::shadow::Shadow;
use super::watch::wire::Wire;
use super::watch::{Kind, Violation};
use crate::dhcp::Arrival;
use crate::driver::links::LinkEvent;
use crate::endpoint::{FailoverEndpoint, LinkId};
use crate::time::UnixTime;
use crate::wire::codes::FailoverState;

/// Everything is looked at as a whole so often.
const INSPECTION: u64 = 10 * MINUTE;

/// Things that may happen within one simulated minute; more is standing still.
const RESTLESS: u64 = 3_000_000;

/// A process that ended by itself, or could not start, is started again after so long.
pub(super) const RESTART: u64 = 5 * SECOND;

/// How long a datagram takes at most, and at least.
const DATAGRAM: (u64, u64) = (300, 8_000);

/// The world.
#[derive(Debug)]
pub(crate) struct World {
    pub(super) now: True,
    pub(super) agenda: Agenda,
    pub(super) machines: [Machine; 2],
    pub(super) network: Network,
    pub(super) clients: BTreeMap<u32, Client>,
    pub(super) scenario: Scenario,
    pub(super) trace: Trace,
    pub(super) counts: Counts,
    /// Until when clients do not reach a side.
    pub(super) unreachable: [True; 2],
    /// How long a machine stays away when its process dies next, and whether it loses its power.
    pub(super) death: [Option<(u64, bool)>; 2],
    pub(super) random: Prng,

    // Whoever watches.
    pub(super) shadows: [Shadow; 2],
    pub(super) wire: Wire,
    pub(super) holders: Holders,
    pub(super) excuses: Excuses,
    /// What was asked, by side, client and transaction.
    pub(super) asked: BTreeMap<(usize, u32, u32), Asked>,
    /// The largest MCLT that has been in force, in seconds, and the smallest.
    pub(super) mclt: u32,
    pub(super) least_mclt: u32,
    /// Promises that the partner accepts in what is being dealt with.
    pub(super) accepted: BTreeMap<Ipv4Addr, Vec<UnixTime>>,
    /// Addresses of which it tells.
    pub(super) updated: BTreeSet<Ipv4Addr>,
    /// Nothing goes wrong any more.
    pub(super) healed: bool,
    pub(super) violation: Option<Violation>,
    busy: (True, u64),
}

impl World {
    /// The beginning: nothing runs yet.
    pub(crate) fn new(scenario: Scenario, keep_all: bool) -> Self {
        let mut agenda = Agenda::default();
        for side in [0, 1] {
            let at = SECOND * (1 + side as u64);
            agenda.at(at, Happening::Start { side });
        }
        for (index, fault) in scenario.faults.iter().enumerate() {
            agenda.at(fault.at, Happening::Fault { index });
        }
        agenda.at(INSPECTION, Happening::Inspect);
        let clients =
            scenario.clients.iter().map(|id| (*id, Client::new(scenario.seed, *id, &mut agenda)));
        let clients = clients.collect();
        let timeout = u64::from(scenario.receive_timer) * SECOND;
        Self {
            now: 0,
            agenda,
            machines: [0, 1].map(|side| Machine::new(&scenario, side)),
            network: Network::new(timeout, Prng::new(scenario.seed, stream::LINKS)),
            clients,
            trace: Trace::new(keep_all),
            counts: Counts::default(),
            unreachable: [0; 2],
            death: [None; 2],
            random: Prng::new(scenario.seed, stream::LINKS + 100),
            shadows: [Shadow::default(), Shadow::default()],
            wire: Wire::new(scenario.dialect),
            holders: Holders::default(),
            excuses: Excuses::default(),
            asked: BTreeMap::new(),
            mclt: scenario.mclt,
            least_mclt: scenario.mclt,
            accepted: BTreeMap::new(),
            updated: BTreeSet::new(),
            healed: false,
            violation: None,
            busy: (0, 0),
            scenario,
        }
    }

    /// Lives through the scenario, heals everything and waits for the pair to agree.
    pub(crate) fn run(mut self) -> Outcome {
        self.run_until(self.scenario.end);
        if self.violation.is_none() {
            self.heal();
        }
        for side in [0, 1] {
            self.count_rows(side);
        }
        self.counts.simulated = self.now;
        self.counts.messages = self.wire.messages;
        let Self { scenario, violation, counts, trace, .. } = self;
        Outcome { scenario, violation, counts, trace: trace.into_lines() }
    }

    /// Lets everything happen up to a moment, or to the first violation.
    pub(super) fn run_until(&mut self, end: True) {
        while self.violation.is_none()
            && let Some((at, what)) = self.agenda.next(end)
        {
            self.now = at;
            self.counts.happenings += 1;
            let (minute, busy) = &mut self.busy;
            if *minute == at / MINUTE {
                *busy += 1;
            } else {
                (*minute, *busy) = (at / MINUTE, 0);
            }
            if *busy > RESTLESS {
                self.complain(Kind::Stuck, "too much happens within a minute".to_owned());
            }
            self.happen(what);
        }
        self.now = self.now.max(end);
    }

    pub(super) fn complain(&mut self, kind: Kind, what: String) {
        self.found(Some(Violation::new(self.now, kind, what)));
    }

    /// The first violation counts; the world ends with it.
    pub(super) fn found(&mut self, violation: Option<Violation>) {
        if let Some(violation) = violation
            && self.violation.is_none()
        {
            self.note(&format_args!("VIOLATION {}: {}", violation.kind, violation.what));
            self.violation = Some(violation);
        }
    }

    pub(super) fn note(&mut self, what: &std::fmt::Arguments<'_>) {
        let Self { trace, machines, now, .. } = self;
        trace.note(*now, machines, what);
    }

    pub(super) fn state(&self, side: usize) -> Option<FailoverState> {
        Some(self.machines.get(side)?.endpoint()?.state())
    }

    fn boot(&self, side: usize) -> Option<u64> {
        Some(self.machines.get(side)?.process.as_ref()?.boot)
    }

    fn happen(&mut self, what: Happening) {
        match what {
            Happening::Start { side } => self.start(side),
            Happening::Wake { side, boot, at } => self.wake(side, boot, at),
            Happening::ClockNoticed { side, boot } => self.clock_noticed(side, boot),
            Happening::Stop { side, away } => self.end_process(side, away),
            Happening::Synced { side, boot } => self.synced(side, boot),
            Happening::Connected { side, boot, link, origin } => {
                if self.boot(side) == Some(boot) && self.network.is_end(side, boot, link) {
                    self.dial_is_over(side, origin == crate::endpoint::Origin::Dialled);
                    let event = |owner| LinkEvent::Connected { owner, link, origin };
                    self.link_event(side, event, Cause::Partner);
                }
            }
            Happening::DialFailed { side, boot, failure } => {
                if self.boot(side) == Some(boot) {
                    self.dial_is_over(side, true);
                    let event = |owner| LinkEvent::ConnectFailed { owner, failure };
                    self.link_event(side, event, Cause::Other);
                }
            }
            Happening::Deliver { to, link } => self.deliver(to, link),
            Happening::Reset { side, link } => self.lose(side, link),
            Happening::GiveUp { side, link } => {
                if self.network.gives_up(self.now, side, link) {
                    self.lose(side, link);
                }
            }
            Happening::Asked { side, client, octets, unicast } => {
                self.ask(side, client, &octets, unicast);
            }
            Happening::Answered { octets } => self.answer(&octets),
            Happening::Client { client, turn } => self.client_acts(client, turn),
            Happening::Fault { index } => self.strike(index),
            Happening::Over(over) => self.over(over),
            Happening::Inspect => {
                self.judge_division();
                self.inspect();
                self.agenda.at(self.now + INSPECTION, Happening::Inspect);
            }
        }
    }

    // Processes.

    fn start(&mut self, side: usize) {
        let now = self.now;
        let Some(machine) = self.machines.get_mut(side) else { return };
        if machine.process.is_some() {
            return;
        }
        if let Some(powered) = self.network.powered.get_mut(side) {
            *powered = true;
        }
        match machine.start(now) {
            Ok(recovered) => {
                let boot = machine.boot;
                self.counts.starts += 1;
                if let Some(listening) = self.network.listening.get_mut(side) {
                    *listening = Some(boot);
                }
                let damaged = machine.disk.is_damaged();
                let shadow = self.shadows.get_mut(side);
                let lost = shadow.and_then(|shadow| shadow.compare(now, &recovered));
                match lost {
                    Some(_) if damaged => {
                        // A write that went astray took others with it: nobody could tell.
                        self.excuses.store_lost(0);
                        self.excuses.store_lost(1);
                        if let Some(shadow) = self.shadows.get_mut(side) {
                            *shadow = Shadow::of(&recovered);
                        }
                    }
                    lost => self.found(lost),
                }
                // Everything was read: what went astray lies where nothing is needed.
                if let Some(machine) = self.machines.get(side) {
                    machine.disk.is_sound();
                }
                self.note(&format_args!("side {side} starts"));
                self.network.unblock(now, &mut self.agenda);
                self.turn(side, Cause::Other);
            }
            Err(failure) => self.cannot_start(side, failure),
        }
        self.judge_division();
    }

    /// The operator is called: a damaged store is replaced by an empty one, else it is tried again.
    fn cannot_start(&mut self, side: usize, failure: StartFailure) {
        let Some(machine) = self.machines.get_mut(side) else { return };
        let damaged = machine.disk.is_damaged();
        let troubled = machine.disk.is_troubled();
        match failure {
            StartFailure::Store(error) if damaged => {
                machine.wipe(self.now);
                self.forget_store(side);
                self.note(&format_args!("side {side} gets an empty store: {error}"));
                self.agenda.at(self.now + RESTART, Happening::Start { side });
            }
            StartFailure::Store(error) if troubled => {
                self.note(&format_args!("side {side} cannot open its store: {error}"));
                self.agenda.at(self.now + RESTART, Happening::Start { side });
            }
            StartFailure::Store(error) => {
                self.complain(Kind::Lost, format!("side {side} cannot open its store: {error}"));
            }
            StartFailure::Other(error) => {
                self.complain(Kind::Panic, format!("side {side} cannot start: {error}"));
            }
        }
    }

    pub(super) fn forget_store(&mut self, side: usize) {
        let mut holders = std::mem::take(&mut self.holders);
        let waited = self.now + u64::from(self.mclt) * SECOND;
        holders.store_lost(side, waited, |address, client| {
            self.lease_known_to(1 - side, address, client)
        });
        self.holders = holders;
        if let Some(shadow) = self.shadows.get_mut(side) {
            // What a server gave away alone in PARTNER-DOWN nobody else knows of.
            let down = FailoverState::PartnerDown;
            let was_alone = shadow
                .record
                .as_ref()
                .is_some_and(|record| record.state == down || record.previous_state == Some(down));
            if was_alone {
                self.excuses.store_lost(1 - side);
            }
            *shadow = Shadow::default();
        }
        self.excuses.store_lost(side);
    }

    /// The process dies; `power`: and with it the machine.
    pub(super) fn kill(&mut self, side: usize, power: bool) {
        self.count_rows(side);
        let Some(machine) = self.machines.get_mut(side) else { return };
        if machine.process.is_none() {
            return;
        }
        machine.kill(power);
        if let Some(listening) = self.network.listening.get_mut(side) {
            *listening = None;
        }
        if power && let Some(powered) = self.network.powered.get_mut(side) {
            *powered = false;
        }
        self.wire.died(side);
        self.network.process_died(self.now, side, power, &mut self.agenda);
        self.asked.retain(|(asked, _, _), _| *asked != side);
        let how = if power { "loses its power" } else { "dies" };
        self.note(&format_args!("side {side} {how}"));
        self.judge_division();
    }

    pub(super) fn count_rows(&mut self, side: usize) {
        let Some(endpoint) = self.machines.get(side).and_then(Machine::endpoint) else { return };
        for (row, count) in endpoint.applied().iter().filter(|(_, count)| *count > 0) {
            *self.counts.rows.entry(row).or_default() += count;
        }
    }

    fn wake(&mut self, side: usize, boot: u64, at: True) {
        let now = self.now;
        let Some(machine) = self.machines.get_mut(side) else { return };
        let clocks = machine.now(now);
        let process = machine.process.as_mut().filter(|process| process.boot == boot);
        if let Some(process) = process.filter(|process| !process.failed)
            && process.wakes(at)
        {
            process.keeper.time_reached(clocks);
            self.turn(side, Cause::Other);
        }
    }

    fn synced(&mut self, side: usize, boot: u64) {
        let now = self.now;
        let Some(machine) = self.machines.get_mut(side) else { return };
        let clocks = machine.now(now);
        let process = machine.process.as_mut().filter(|process| process.boot == boot);
        let Some(process) = process else { return };
        match process.sync() {
            Sync::Durable(durable) => {
                self.counts.commits += 1;
                process.keeper.committed(clocks, vec![(process.owner, durable)]);
                if let Some(shadow) = self.shadows.get_mut(side) {
                    shadow.durable(durable);
                }
                self.turn(side, Cause::Other);
            }
            Sync::NoRoom { pause, error } => {
                self.agenda.at(now + pause, Happening::Synced { side, boot });
                if pause < SECOND {
                    self.note(&format_args!("side {side} has no room: {error}"));
                }
            }
            Sync::Failed(error) => {
                process.failed = true;
                process.keeper.storage_failed(clocks);
                self.note(&format_args!("side {side} cannot store: {error}"));
                self.turn(side, Cause::Other);
                self.kill(side, false);
                self.agenda.at(self.now + RESTART, Happening::Start { side });
            }
        }
    }

    // Connections.

    fn dial_is_over(&mut self, side: usize, dialled: bool) {
        let process = self.machines.get_mut(side).and_then(|machine| machine.process.as_mut());
        if let Some(process) = process.filter(|_| dialled) {
            process.dialling = false;
        }
    }

    fn link_event(
        &mut self,
        side: usize,
        event: impl FnOnce(crate::store::OwnerId) -> LinkEvent,
        cause: Cause,
    ) {
        let now = self.now;
        let Some(machine) = self.machines.get_mut(side) else { return };
        let clocks = machine.now(now);
        if let Some(process) = &mut machine.process {
            let event = event(process.owner);
            process.keeper.link_event(clocks, event);
            self.turn(side, cause);
        }
    }

    fn deliver(&mut self, to: usize, link: LinkId) {
        let arrived = self.network.take(self.now, to, link, &mut self.agenda);
        let Some((boot, arrived)) = arrived else { return };
        if self.boot(to) != Some(boot) {
            return;
        }
        match arrived {
            Arrived::Octets(octets) => {
                let heard = self.wire.arrived(to, link, octets.len());
                self.heard_now(&heard);
                let bytes = bytes::BytesMut::from(octets.as_slice());
                self.link_event(to, |_| LinkEvent::Bytes { link, bytes }, Cause::Partner);
                self.dealt_with(to, link);
            }
            Arrived::End => {
                self.wire.closed(to, link);
                self.link_event(to, |_| LinkEvent::Closed { link }, Cause::Other);
            }
        }
    }

    fn dealt_with(&mut self, to: usize, link: LinkId) {
        self.accepted.clear();
        self.updated.clear();
        let made = self.shadows.get(to).map(Shadow::last_made).unwrap_or_default();
        self.wire.dealt_with(to, link, made);
    }

    /// The system drops a connection at one end.
    fn lose(&mut self, side: usize, link: LinkId) {
        let boot = self.network.drop_end(side, link);
        if boot.is_some() {
            self.wire.closed(side, link);
        }
        if boot.is_some() && self.boot(side) == boot {
            self.link_event(side, |_| LinkEvent::Closed { link }, Cause::Other);
        }
    }

    // Clients.

    fn client_acts(&mut self, id: u32, turn: u64) {
        let (now, Self { clients, agenda, .. }) = (self.now, &mut *self);
        let Some(client) = clients.get_mut(&id).filter(|client| client.is_due(turn)) else {
            return;
        };
        let (mut say, mut news) = (Vec::new(), Vec::new());
        client.act(now, agenda, &mut say, &mut news);
        self.pass_on(id, say, &news);
    }

    fn answer(&mut self, octets: &[u8]) {
        let Some(heard) = packet::read(octets) else { return };
        let (now, Self { clients, agenda, .. }) = (self.now, &mut *self);
        let Some(client) = clients.get_mut(&heard.client) else { return };
        let (mut say, mut news) = (Vec::new(), Vec::new());
        client.hear(now, &heard, agenda, &mut say, &mut news);
        self.pass_on(heard.client, say, &news);
    }

    fn pass_on(&mut self, client: u32, say: Vec<Saying>, news: &[News]) {
        for news in news {
            let (News::Uses(address, ..) | News::Leaves(address)) = news;
            if self.scenario.follow == Some(*address) {
                self.note(&format_args!("client {client}: {news:?}"));
            }
            match *news {
                News::Uses(address, server, until) => {
                    let server = SERVERS.iter().position(|own| *own == server).unwrap_or(0);
                    let settled = self.is_settled(1 - server, address, client);
                    let Self { holders, excuses, now, .. } = self;
                    let seen =
                        holders.uses(*now, client, (address, server), until, settled, excuses);
                    self.found(seen);
                }
                News::Leaves(address) => self.holders.leaves(self.now, client, address),
            }
        }
        let reach = self.clients.get(&client).map_or([true; 2], |client| client.reach);
        for Saying { octets, to } in say {
            for side in [0, 1] {
                let relayed = reach.get(side).copied().unwrap_or(true);
                if to.map_or(relayed, |to| to == side) && !self.random.chance(self.scenario.loss) {
                    let (octets, unicast) = (octets.clone(), to.is_some());
                    let (least, most) = DATAGRAM;
                    let at = self.now + self.random.between(least, most);
                    self.agenda.at(at, Happening::Asked { side, client, octets, unicast });
                }
            }
        }
    }

    fn ask(&mut self, side: usize, client: u32, octets: &[u8], unicast: bool) {
        if self.unreachable.get(side).is_some_and(|until| *until > self.now) {
            return;
        }
        let now = self.now;
        let Some(machine) = self.machines.get_mut(side) else { return };
        let clocks = machine.now(now);
        let Some(process) = machine.process.as_mut().filter(|process| process.serves()) else {
            return;
        };
        self.counts.asked += 1;
        let state = process.endpoint().map_or(FailoverState::Startup, FailoverEndpoint::state);
        if let Some((xid, asked)) = Asked::of(octets, state, clocks) {
            // Of a datagram that comes twice the first counts that may be answered.
            let first = self.asked.entry((side, client, xid)).or_insert(asked);
            if !first.may_be_answered() {
                *first = asked;
            }
        }
        let source = if unicast {
            let ciaddr = octets.get(12..16).and_then(|octets| octets.try_into().ok());
            std::net::SocketAddrV4::new(<[u8; 4]>::into(ciaddr.unwrap_or_default()), 68)
        } else {
            std::net::SocketAddrV4::new(RELAY, 67)
        };
        let arrival = Arrival {
            socket: 0,
            source,
            local_address: SERVERS.get(side).copied().unwrap_or(RELAY),
            unicast: true,
            answer_to_source: false,
        };
        process.keeper.datagram(clocks, &arrival, octets);
        self.turn(side, Cause::Client);
    }

    /// An answer leaves a server.
    pub(super) fn reply(&mut self, side: usize, octets: Vec<u8>) {
        let unreachable = self.unreachable.get(side).is_some_and(|until| *until > self.now);
        if unreachable || self.random.chance(self.scenario.loss) {
            return;
        }
        let (least, most) = DATAGRAM;
        let at = self.now + self.random.between(least, most);
        self.agenda.at(at, Happening::Answered { octets });
    }

    fn over(&mut self, over: Over) {
        match over {
            Over::Block { .. } => self.network.unblock(self.now, &mut self.agenda),
            Over::Relay => {
                for client in self.clients.values_mut() {
                    client.reach = [true; 2];
                }
            }
            Over::FullDisk { side } => {
                if let Some(machine) = self.machines.get(side) {
                    machine.disk.set_full(false);
                }
            }
            Over::SlowDisk { side } => {
                let sync = self.scenario.sync;
                if let Some(machine) = self.machines.get_mut(side) {
                    machine.sync = sync;
                }
            }
        }
    }
}
