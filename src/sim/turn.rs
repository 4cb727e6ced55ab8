//! One turn of a process: it has been told something, now it acts, and everything that it does is
//! looked at on its way out.

use std::net::Ipv4Addr;

use super::agenda::Happening;
use super::clock::{SECOND, True};
use super::machine::{Effect, Machine};
use super::packet::{self, Answer, Heard, Say};
use super::watch::changes::{Cause, Changed};
use super::watch::holders::Given;
use super::watch::owners::View;
use super::watch::shadow::Shadow;
use super::watch::wire::{self, Said};
use super::watch::{Kind, Violation, announced, owners, table};
use super::world::World;
use crate::binding::{Binding, ClientRef, HardwareAddress};
use crate::durable::{Change, Commit};
use crate::endpoint::{Availability, Event, LeaseAuthority, LinkId};
use crate::time::{Now, UnixTime};
use crate::wire::codes::{BindingStatus, FailoverState};

/// What a client asked, and how the server stood then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    state: FailoverState,
    say: Say,
    now: Now,
}

impl Asked {
    /// Of a datagram that reaches a server, with its transaction.
    pub(super) fn of(octets: &[u8], state: FailoverState, now: Now) -> Option<(u32, Self)> {
        let (xid, say) = packet::understand(octets)?;
        Some((xid, Self { state, say, now }))
    }

    /// Whether the state in which it came has answers at all.
    pub(super) fn may_be_answered(&self) -> bool {
        announced::has_answers(self.state, self.say)
    }
}

/// Someone whom no server has ever seen.
fn stranger() -> ClientRef<'static> {
    ClientRef { identifier: None, hardware: HardwareAddress::new(1, &[0xfe, 0, 0, 0, 0, 1]) }
}

impl World {
    /// Takes note of what the partner's octets say, which a process is about to read.
    pub(super) fn heard_now(&mut self, heard: &[wire::Heard]) {
        for what in heard {
            match what {
                wire::Heard::Update(addresses) => self.updated.extend(addresses),
                wire::Heard::Accepted(accepted) => {
                    for (address, promise) in accepted {
                        self.accepted.entry(*address).or_default().push(*promise);
                    }
                }
            }
        }
    }

    /// The process of a side acts.
    pub(super) fn turn(&mut self, side: usize, cause: Cause) {
        let Some(machine) = self.machines.get_mut(side) else { return };
        let Machine { process, outputs_left, .. } = machine;
        let Some(process) = process else { return };
        let boot = process.boot;
        let effects = process.act(outputs_left);
        let mut commits = Vec::new();
        for effect in effects {
            match effect {
                Effect::Commit(commit) => {
                    self.made(side, cause, commit.clone());
                    commits.push(commit);
                }
                Effect::Transmit(link, octets) => self.transmit(side, link, &octets),
                Effect::Connect => self.dial(side, boot),
                Effect::Close(link) => {
                    self.wire.closed(side, link);
                    self.network.close(self.now, side, link, &mut self.agenda);
                }
                Effect::Event(event) => self.event(side, &event),
            }
        }
        if self.is_dying(side) {
            return self.die(side);
        }
        let now = self.now;
        let Some(machine) = self.machines.get_mut(side) else { return };
        let (sync, clock) = (machine.sync, &machine.clock);
        let Some(process) = &mut machine.process else { return };
        process.submit(now, side, commits.into_iter(), sync, &mut self.agenda);
        process.set_alarm(now, side, clock, &mut self.agenda);
        if process.failed {
            process.keeper.outgoing().clear();
        }
        let replies = std::mem::take(process.keeper.outgoing());
        for reply in replies {
            if self.one_output(side) {
                return self.die(side);
            }
            self.watch_reply(side, &reply.bytes);
            self.reply(side, reply.bytes.to_vec());
        }
    }

    /// Whether the process of a side dies now, by the fault that has been prepared.
    fn is_dying(&self, side: usize) -> bool {
        self.machines.get(side).is_some_and(|machine| machine.outputs_left == Some(0))
    }

    /// One more output; whether it was the last.
    fn one_output(&mut self, side: usize) -> bool {
        let left = self.machines.get_mut(side).and_then(|machine| machine.outputs_left.as_mut());
        if let Some(left) = left {
            *left = left.saturating_sub(1);
        }
        self.is_dying(side)
    }

    /// The process dies, and comes back later.
    pub(super) fn die(&mut self, side: usize) {
        let death = self.death.get_mut(side).and_then(Option::take);
        let (away, power) = death.unwrap_or((super::world::RESTART, false));
        self.kill(side, power);
        self.agenda.at(self.now + away, Happening::Start { side });
    }

    fn dial(&mut self, side: usize, boot: u64) {
        let process = self.machines.get_mut(side).and_then(|machine| machine.process.as_mut());
        if let Some(process) = process.filter(|process| !process.dialling) {
            process.dialling = true;
            self.network.dial(self.now, side, boot, &mut self.agenda);
        }
    }

    // What is said to the partner.

    fn transmit(&mut self, side: usize, link: LinkId, octets: &[u8]) {
        let mut complaints = Vec::new();
        let said = self.wire.sent(self.now, side, link, octets, &mut complaints);
        for what in said {
            match what {
                Said::State(state) => {
                    let Some(shadow) = self.shadows.get_mut(side) else { continue };
                    let is_durable = shadow.announces(state);
                    let on_disk = shadow.record.as_ref().map(|record| record.state);
                    complaints.extend(announced::state(self.now, state, is_durable, on_disk));
                }
                Said::Answer(xid, answers) => {
                    let shadow = self.shadows.get(side);
                    let made = shadow.map(Shadow::last_made).unwrap_or_default();
                    let Some(made) = self.wire.answered(side, link, xid, made) else { continue };
                    let early = answers.iter().find(|(address, accepted)| {
                        *accepted && shadow.is_some_and(|shadow| shadow.is_pending(*address, made))
                    });
                    if let Some((address, _)) = early {
                        let what = format!("side {side} accepts {address} before it is durable");
                        complaints.push(Violation::new(self.now, Kind::Early, what));
                    }
                }
                Said::Limit(_) | Said::Update(..) => {}
            }
        }
        for complaint in complaints {
            self.found(Some(complaint));
        }
        self.network.transmit(self.now, side, link, octets, &mut self.agenda);
    }

    // What is made durable.

    fn made(&mut self, side: usize, cause: Cause, commit: Commit) {
        if let Change::Binding(after) = &commit.change {
            if self.scenario.follow == Some(after.address) {
                self.note(&format_args!("side {side}, {cause:?}: {after:?}"));
            }
            self.watch_change(side, cause, after);
        }
        let changed = match &commit.change {
            Change::Binding(binding) => Some(binding.address),
            Change::Endpoint(_) => None,
        };
        if let Some(shadow) = self.shadows.get_mut(side) {
            shadow.made(commit);
        }
        if let Some(address) = changed {
            self.watch_owners(address);
        }
    }

    fn watch_change(&mut self, side: usize, cause: Cause, after: &Binding) {
        let (Some(shadow), Some(machine)) = (self.shadows.get(side), self.machines.get(side))
        else {
            return;
        };
        let unused = Binding::unused(after.address);
        let record = shadow.latest_record();
        let changed = Changed {
            at: self.now,
            cause,
            before: shadow.latest(after.address).unwrap_or(&unused),
            after,
            state: self.state(side).unwrap_or(FailoverState::Startup),
            role: machine.config.role,
            partner_down_since: record.map_or(UnixTime::ABSENT, |record| record.start_of_state),
            contact_since: record.is_some_and(|record| record.contact_in_partner_down),
            now: machine.now(self.now).wall,
            mclt: self.mclt,
            least_mclt: self.least_mclt,
            accepted: self.accepted.get(&after.address).map_or(&[], Vec::as_slice),
            updated: self.updated.contains(&after.address),
        };
        let seen = changed.check();
        self.found(seen);
    }

    fn view(&self, side: usize, address: Ipv4Addr) -> Option<View> {
        let machine = self.machines.get(side)?;
        let endpoint = machine.endpoint()?;
        let state = endpoint.state();
        let serves = matches!(
            state,
            FailoverState::Normal
                | FailoverState::CommunicationsInterrupted
                | FailoverState::PartnerDown
                | FailoverState::ResolutionInterrupted
                | FailoverState::ConflictDone
        );
        let available = endpoint.availability(address, &stranger(), machine.now(self.now));
        let status = endpoint.table().status_of(address)?;
        Some(View { state, status, gives: serves && available == Availability::Lease })
    }

    /// No address may be given away by both servers, unless they are divided.
    fn watch_owners(&mut self, address: Ipv4Addr) {
        if self.excuses.excuses(self.now) {
            return;
        }
        if let (Some(one), Some(two)) = (self.view(0, address), self.view(1, address)) {
            let seen = owners::check(self.now, address, [one, two]);
            self.found(seen);
        }
    }

    /// Everything at once, from time to time.
    pub(super) fn inspect(&mut self) {
        let first = super::scenario::FIRST.to_bits();
        for address in (first..first + self.scenario.addresses).map(Ipv4Addr::from_bits) {
            self.watch_owners(address);
        }
        let horizon = self.now.saturating_sub(60 * SECOND);
        let clocks = [0, 1].map(|side| self.machines.get(side).map(|one| one.now(horizon)));
        self.asked.retain(|(side, _, _), asked| {
            let clock = clocks.get(*side).copied().flatten();
            clock.is_some_and(|clock| asked.now.monotonic >= clock.monotonic)
        });
    }

    // What is said to clients.

    fn watch_reply(&mut self, side: usize, octets: &[u8]) {
        let Some(Heard { xid, client, answer }) = packet::read(octets) else { return };
        let Some(asked) = self.asked.get(&(side, client, xid)).copied() else { return };
        self.found(announced::answer(self.now, asked.state, asked.say, answer));
        let Answer::Ack { address, seconds, .. } = answer else { return };
        self.counts.leases += 1;
        let hardware = HardwareAddress::new(1, &packet::hardware(client));
        let client = ClientRef { identifier: None, hardware };
        let until = asked.now.wall.plus(seconds);
        let shadow = self.shadows.get(side);
        let is_durable = shadow.is_some_and(|shadow| {
            shadow.has_been_durable(address, |binding| {
                binding.binding_status == BindingStatus::Active
                    && binding.belongs_to(&client)
                    && binding.lease_expiration >= until
            })
        });
        if !is_durable {
            let what =
                format!("side {side} gives {address} until {until}, which is not on its disk");
            self.complain(Kind::Early, what);
        }
        self.watch_given(side, address, &client, until);
    }

    /// What the partner has on its disk about a lease that is given (§5.2.1).
    fn watch_given(
        &mut self,
        side: usize,
        address: Ipv4Addr,
        client: &ClientRef<'_>,
        until: UnixTime,
    ) {
        let other = 1 - side;
        if self.excuses.is_forgetful(other) || self.excuses.excuses(self.now) {
            return;
        }
        let partner_knows = self.shadows.get(other).and_then(|shadow| {
            let binding = shadow.bindings.get(&address)?;
            let latest = binding
                .received_potential_expiration
                .max(binding.sent_potential_expiration)
                .max(binding.lease_expiration);
            // Whoever declined it, nobody gets it before it has rested.
            let rests = binding.binding_status == BindingStatus::Abandoned;
            (rests || binding.belongs_to(client)).then(|| self.true_time(other, latest))
        });
        let given = Given {
            at: self.now,
            until: self.true_time(side, until),
            partner_knows,
            mclt: u64::from(self.mclt) * SECOND,
            set: self.excuses.set_since(0),
        };
        self.found(given.check(address));
    }

    /// Whether both servers are in NORMAL, and the disk of this one says as well that a client has an
    /// address.
    pub(super) fn is_settled(&self, side: usize, address: Ipv4Addr, client: u32) -> bool {
        let hardware = HardwareAddress::new(1, &packet::hardware(client));
        let client = ClientRef { identifier: None, hardware };
        let binding = self.shadows.get(side).and_then(|shadow| shadow.bindings.get(&address));
        let normal = Some(FailoverState::Normal);
        [0, 1].iter().all(|side| self.state(*side) == normal)
            && binding.is_some_and(|binding| {
                binding.binding_status == BindingStatus::Active && binding.belongs_to(&client)
            })
    }

    /// When the lease of a client ends by the disk of a side; 0 if there is none.
    pub(super) fn lease_known_to(&self, side: usize, address: Ipv4Addr, client: u32) -> True {
        let hardware = HardwareAddress::new(1, &packet::hardware(client));
        let client = ClientRef { identifier: None, hardware };
        let binding = self.shadows.get(side).and_then(|shadow| shadow.bindings.get(&address));
        binding
            .filter(|binding| binding.belongs_to(&client))
            .map_or(0, |binding| self.true_time(side, binding.lease_expiration))
    }

    /// When the clock of a side shows a time, as far as can be told now.
    fn true_time(&self, side: usize, time: UnixTime) -> True {
        let error = self.machines.get(side).map_or(0, |machine| machine.clock.error(self.now));
        let since = i64::from(time.0) - i64::from(super::clock::START);
        let micros = since.saturating_mul(SECOND.cast_signed()).saturating_sub(error);
        u64::try_from(micros).unwrap_or(0)
    }

    // What the endpoint tells.

    fn event(&mut self, side: usize, event: &Event) {
        match event {
            Event::Transition { from, to, row, .. } => {
                self.note(&format_args!("side {side}: {event}"));
                let seen = table::check(self.now, *from, *to, row);
                self.found(seen);
                self.judge_division();
            }
            Event::CommunicationsOk { .. }
            | Event::CommunicationsInterrupted(_)
            | Event::StorageFailed
            | Event::ClockJumped { .. }
            | Event::UpdateRejected { .. } => self.note(&format_args!("side {side}: {event}")),
            _ => {}
        }
    }

    /// Whether a server serves on its own authority beside a partner that lives (§9.4), or they have not
    /// settled yet what came of it (§9.10, §9.11).
    pub(super) fn judge_division(&mut self) {
        let alone = |side: usize| {
            let record = self.shadows.get(side).and_then(Shadow::latest_record);
            let down = FailoverState::PartnerDown;
            record.is_some_and(|record| record.state == down || record.previous_state == Some(down))
        };
        let serves = |side: usize| {
            matches!(
                self.state(side),
                Some(
                    FailoverState::Normal
                        | FailoverState::CommunicationsInterrupted
                        | FailoverState::PartnerDown
                        | FailoverState::ResolutionInterrupted
                        | FailoverState::ConflictDone
                        // Renewals only, but of leases that the other may have given away.
                        | FailoverState::RecoverDone
                )
            )
        };
        let conflict = |side: usize| {
            let record = self.shadows.get(side).and_then(Shadow::latest_record);
            record.is_some_and(|record| {
                use FailoverState::{PotentialConflict, ResolutionInterrupted};
                matches!(record.state, PotentialConflict | ResolutionInterrupted)
            })
        };
        let beside = alone(0) && serves(1) || alone(1) && serves(0);
        let in_conflict = conflict(0) || conflict(1);
        let divided = self.excuses.unsettled(beside, in_conflict);
        let normal = Some(FailoverState::Normal);
        if self.state(0) == normal && self.state(1) == normal {
            self.excuses.both_normal();
        }
        self.excuses.divided(self.now, divided);
    }
}
