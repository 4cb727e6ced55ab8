//! Faults of the scenario as they take effect, and operators with their commands, right and wrong.

use super::agenda::{Happening, Over};
use super::clock::{MINUTE, SECOND, True};
use super::machine::RELATIONSHIP;
use super::prng::Prng;
use super::scenario::What;
use super::watch::changes::Cause;
use super::world::World;
use crate::balance::HashBuckets;
use crate::binding::times::Mclt;
use crate::endpoint::OperatorCommand;
use crate::wire::codes::FailoverState;

/// So soon a server notices that its clock was set: the longest sleep of the engine.
const LONGEST_SLEEP: u64 = 5 * SECOND;

impl World {
    /// A fault takes effect, if it can.
    pub(super) fn strike(&mut self, index: usize) {
        let fault = self.scenario.faults.get(index).filter(|_| !self.healed).cloned();
        let Some(fault) = fault else { return };
        let kind = fault.what.kind();
        self.note(&format_args!("{:?}", fault.what));
        if self.apply(&fault.what, index) {
            *self.counts.faults.entry(kind).or_default() += 1;
        }
    }

    fn apply(&mut self, what: &What, index: usize) -> bool {
        let now = self.now;
        match *what {
            What::Crash { side, outputs, away, power } => self.crash(side, outputs, away, power),
            What::Block { from, time } => {
                for side in from.map_or(0..2, |side| side..side + 1) {
                    self.network.block(side, now + time);
                    self.agenda.at(now + time, Happening::Over(Over::Block { from: side }));
                }
                true
            }
            What::Cut { deaf } => {
                self.network.cut(now, deaf, &mut self.agenda);
                true
            }
            What::ClientsCut { side, time } => {
                if let Some(until) = self.unreachable.get_mut(side) {
                    *until = (now + time).max(*until);
                }
                true
            }
            What::OneSidedRelay { side, share, time } => {
                let mut random = Prng::new(self.scenario.seed, index as u64 + (1 << 40));
                let reach = if side == 0 { [true, false] } else { [false, true] };
                for client in self.clients.values_mut() {
                    if random.chance(share) {
                        client.reach = reach;
                    }
                }
                self.agenda.at(now + time, Happening::Over(Over::Relay));
                true
            }
            What::Jump { side, seconds } => self.jump(side, seconds),
            What::Drift { side, drift } => {
                if let Some(machine) = self.machines.get_mut(side) {
                    machine.clock.drift(now, drift);
                    self.reset_alarm(side);
                }
                true
            }
            What::FullDisk { side, time } => {
                self.agenda.at(now + time, Happening::Over(Over::FullDisk { side }));
                self.on_disk(side, |disk| disk.set_full(true))
            }
            What::SlowDisk { side, sync, time } => {
                self.agenda.at(now + time, Happening::Over(Over::SlowDisk { side }));
                self.machines.get_mut(side).is_some_and(|machine| {
                    machine.sync = sync;
                    true
                })
            }
            What::FailedWrite { side, operations } => {
                self.on_disk(side, |disk| disk.fail_in(operations))
            }
            What::Misdirected { side } => self.on_disk(side, super::disk::SimDisk::misdirect),
            What::FailedRead { side } => self.on_disk(side, |disk| disk.fail_reads(1)),
            What::PartnerDown { side, wrongly } => self.declare_partner_down(side, wrongly),
            What::Pause { side, time } => self.stop(side, OperatorCommand::Pause, time),
            What::Shutdown { side, time } => self.stop(side, OperatorCommand::Shutdown, time),
            What::Wipe { side } => self.wipe(side),
            What::Mclt { seconds } => self.change_primary(|config| config.mclt = Mclt(seconds)),
            What::Split { buckets } => {
                let buckets = HashBuckets::from_split(buckets).unwrap_or_else(HashBuckets::half);
                self.change_primary(|config| config.hash_buckets = buckets)
            }
            What::SwapRoles => self.swap_roles(),
        }
    }

    fn on_disk(&self, side: usize, does: impl FnOnce(&super::disk::SimDisk)) -> bool {
        self.machines.get(side).is_some_and(|machine| {
            does(&machine.disk);
            true
        })
    }

    /// The process dies now or after some outputs more.
    fn crash(&mut self, side: usize, outputs: u64, away: u64, power: bool) -> bool {
        let Some(machine) = self.machines.get_mut(side).filter(|one| one.process.is_some()) else {
            return false;
        };
        if let Some(death) = self.death.get_mut(side) {
            *death = Some((away, power));
        }
        machine.outputs_left = Some(outputs);
        if outputs == 0 {
            self.die(side);
        }
        true
    }

    /// The wall clock is set; the process notices when it next wakes.
    pub(super) fn jump(&mut self, side: usize, seconds: i64) -> bool {
        let now = self.now;
        let Some(machine) = self.machines.get_mut(side) else { return false };
        machine.clock.jump(seconds);
        self.excuses.clock_set(now, seconds.unsigned_abs() * SECOND);
        if let Some(process) = &machine.process {
            let boot = process.boot;
            let at = now + self.random.below(LONGEST_SLEEP);
            self.agenda.at(at, Happening::ClockNoticed { side, boot });
        }
        true
    }

    fn reset_alarm(&mut self, side: usize) {
        let now = self.now;
        let Some(machine) = self.machines.get_mut(side) else { return };
        let clock = &machine.clock;
        if let Some(process) = &mut machine.process {
            process.set_alarm(now, side, clock, &mut self.agenda);
        }
    }

    // Operators.

    /// The operator of a side speaks; whether it was carried out.
    fn operate(&mut self, side: usize, command: OperatorCommand) -> bool {
        let now = self.now;
        let Some(machine) = self.machines.get_mut(side) else { return false };
        let clocks = machine.now(now);
        let Some(process) = &mut machine.process else { return false };
        let done = process.keeper.operate(clocks, RELATIONSHIP, command).is_ok();
        self.turn(side, Cause::Other);
        done
    }

    /// Rightly only of a partner whose process does not run.
    fn declare_partner_down(&mut self, side: usize, wrongly: bool) -> bool {
        let partner_runs = self.machines.get(1 - side).is_some_and(|one| one.process.is_some());
        let interrupted = matches!(
            self.state(side),
            Some(FailoverState::CommunicationsInterrupted | FailoverState::ResolutionInterrupted)
        );
        if !interrupted || partner_runs && !wrongly {
            return false;
        }
        self.operate(side, OperatorCommand::PartnerDown { forced: false })
    }

    /// The process stops by the operator's will and is started again later.
    fn stop(&mut self, side: usize, command: OperatorCommand, time: u64) -> bool {
        let done = self.operate(side, command);
        if done {
            // As the engine does: the partner is told, then the process ends.
            self.agenda.at(self.now + 3 * SECOND, Happening::Stop { side, away: time });
        }
        done
    }

    /// A stopped process ends.
    pub(super) fn end_process(&mut self, side: usize, away: u64) {
        let stopped =
            matches!(self.state(side), Some(FailoverState::Paused | FailoverState::Shutdown));
        if stopped {
            self.kill(side, false);
            self.agenda.at(self.now + away, Happening::Start { side });
        }
    }

    /// A machine is given an empty disk while its partner is in operation and has all that it had.
    fn wipe(&mut self, side: usize) -> bool {
        let partner_works = matches!(
            self.state(1 - side),
            Some(
                FailoverState::Normal
                    | FailoverState::CommunicationsInterrupted
                    | FailoverState::PartnerDown
            )
        );
        if !partner_works || self.excuses.is_forgetful(0) || self.excuses.is_forgetful(1) {
            return false;
        }
        let (now, power) = (self.now, true);
        self.kill(side, power);
        if let Some(machine) = self.machines.get_mut(side) {
            machine.wipe(now);
        }
        self.forget_store(side);
        let away = self.random.between(MINUTE, 10 * MINUTE);
        self.agenda.at(now + away, Happening::Start { side });
        true
    }

    /// The primary is started anew with another configuration.
    fn change_primary(
        &mut self,
        change: impl FnOnce(&mut crate::endpoint::RelationshipConfig),
    ) -> bool {
        let primary = self.machines.iter().position(|machine| {
            machine.config.role == crate::balance::Role::Primary && machine.process.is_some()
        });
        let Some(side) = primary else { return false };
        self.operate(side, OperatorCommand::Pause);
        self.kill(side, false);
        if let Some(machine) = self.machines.get_mut(side) {
            let former = machine.config.mclt;
            change(&mut machine.config);
            if machine.config.mclt < former {
                // Leases by the former one, and what was promised by it for their renewal.
                let longest = u64::from(former.0 + self.scenario.longest_lease()) * SECOND;
                self.excuses.mclt_lowered(self.now + longest);
            }
            self.mclt = self.mclt.max(machine.config.mclt.0);
            self.least_mclt = self.least_mclt.min(machine.config.mclt.0);
        }
        self.agenda.at(self.now + 2 * SECOND, Happening::Start { side });
        true
    }

    /// Both servers take each other's role, while they agree on everything.
    fn swap_roles(&mut self) -> bool {
        let normal = Some(FailoverState::Normal);
        let agreed = self.state(0) == normal && self.state(1) == normal && self.differs().is_none();
        if !agreed || !self.is_drained() {
            return false;
        }
        for side in [0, 1] {
            self.operate(side, OperatorCommand::Pause);
            self.kill(side, false);
        }
        let [one, two] = &mut self.machines;
        for machine in [one, two] {
            machine.config.role = machine.config.role.partner();
            machine.config.mclt = Mclt(self.mclt);
            self.agenda.at(self.now + SECOND, Happening::Start { side: machine.side });
        }
        true
    }

    /// The clock of a process was set a while ago.
    pub(super) fn clock_noticed(&mut self, side: usize, boot: u64) {
        let now: True = self.now;
        let Some(machine) = self.machines.get_mut(side) else { return };
        let clocks = machine.now(now);
        let process = machine.process.as_mut().filter(|process| process.boot == boot);
        if let Some(process) = process.filter(|process| !process.failed) {
            process.keeper.time_reached(clocks);
            self.turn(side, Cause::Other);
        }
    }
}
