//! What must come about once nothing goes wrong any more: both servers in NORMAL within a stated
//! time, nothing left to send, balanced pools, and two tables that say the same.

use super::agenda::Happening;
use super::clock::{MINUTE, SECOND};
use super::scenario::FIRST;
use super::watch::Kind;
use super::world::World;
use crate::binding::Binding;
use crate::endpoint::{Communications, LeaseAuthority, Status};
use crate::wire::codes::{BindingStatus, FailoverState};
use std::net::Ipv4Addr;

/// Beside the MCLT, for which a server that recovers has to wait, NORMAL takes no longer than this.
const TO_NORMAL: u64 = 5 * MINUTE;

/// So long after both are in NORMAL everything is sent, answered and balanced.
const TO_REST: u64 = 15 * MINUTE;

/// Clocks that are further apart are set right when everything is healed, in seconds.
const APART: i64 = 10;

/// How far each server's part of the unused addresses may be from its half: those shares of it that
/// the balance leaves alone (`endpoint/pool.rs`), in percent, and one.
const IMBALANCE: u32 = 16;

impl World {
    /// Ends every fault, silences the clients, starts whoever is away, and waits.
    pub(super) fn heal(&mut self) {
        self.note(&format_args!("everything is healed"));
        self.healed = true;
        self.unreachable = [0; 2];
        for client in self.clients.values_mut() {
            client.silence();
        }
        self.network.heal(self.now, &mut self.agenda);
        let mut set = 0;
        for side in [0, 1] {
            let Some(machine) = self.machines.get_mut(side) else { continue };
            machine.disk.heal();
            machine.sync = self.scenario.sync;
            machine.outputs_left = None;
            let wrong = machine.clock.error(self.now) / SECOND.cast_signed();
            if wrong.abs() > APART {
                set += wrong.unsigned_abs() * SECOND;
                self.jump(side, -wrong);
            }
            let stopped =
                matches!(self.state(side), Some(FailoverState::Paused | FailoverState::Shutdown));
            // A damaged disk is found out now, not by chance some time later.
            let damaged = self.machines.get(side).is_some_and(|one| one.disk.is_damaged());
            if stopped || damaged {
                self.kill(side, false);
            }
            self.agenda.at(self.now + SECOND, Happening::Start { side });
        }
        let begin = self.now;
        let limit = begin + u64::from(self.mclt) * SECOND + TO_NORMAL + set;
        while self.violation.is_none() && self.now < limit && !self.is_normal() {
            self.run_until((self.now + 10 * SECOND).min(limit));
        }
        if self.violation.is_none() && !self.is_normal() {
            let states = [0, 1].map(|side| self.state(side));
            let waited = (self.now - begin) / SECOND;
            self.complain(Kind::NotNormal, format!("{waited} seconds after healing: {states:?}"));
        }
        // Where a clock was set, the two may have stored the end of a lease so far apart.
        let set = self.excuses.set_since(0);
        self.run_until(self.now + TO_REST + set);
        // Leases go on ending, and for some seconds one server knows of it and the other does not. And
        // where a client was given a long lease by one and then a shorter one by the other, each
        // rejects what the other says until the longer has ended (figure 7.1.3-1).
        let limit = self.now + u64::from(self.scenario.longest_lease()) * SECOND;
        while self.violation.is_none() && self.now < limit && !self.is_at_rest() {
            self.run_until(self.now + MINUTE);
        }
        if self.violation.is_none() {
            self.check_rest();
        }
    }

    fn statuses(&self) -> [Option<Status>; 2] {
        [0, 1].map(|side| Some(self.machines.get(side)?.endpoint()?.status()))
    }

    fn is_normal(&self) -> bool {
        self.statuses().iter().all(|status| {
            status.as_ref().is_some_and(|status| {
                status.state == FailoverState::Normal && status.communications == Communications::Ok
            })
        })
    }

    /// Whether nothing waits to be sent or answered.
    pub(super) fn is_drained(&self) -> bool {
        self.statuses()
            .iter()
            .flatten()
            .all(|status| status.unacked_updates == 0 && status.queued_updates == 0)
            && [0, 1].iter().all(|side| self.wire.unanswered(*side) == 0)
    }

    fn is_at_rest(&self) -> bool {
        self.is_normal()
            && self.is_drained()
            && self.differs().is_none()
            && self.imbalance().is_none()
    }

    fn check_rest(&mut self) {
        if !self.is_normal() {
            let states = [0, 1].map(|side| self.state(side));
            return self.complain(Kind::NotNormal, format!("NORMAL was left again: {states:?}"));
        }
        if !self.is_drained() {
            let waiting = self
                .statuses()
                .map(|status| status.map(|status| (status.unacked_updates, status.queued_updates)));
            let unanswered = [0, 1].map(|side| self.wire.unanswered(side));
            let what = format!("unacked and queued {waiting:?}, unanswered {unanswered:?}");
            return self.complain(Kind::NotDrained, what);
        }
        if let Some((one, two)) = self.differs() {
            return self.complain(Kind::TablesDiffer, format!("{one:?} and {two:?}"));
        }
        if let Some((free, backup)) = self.imbalance() {
            let what = format!("{free} FREE and {backup} BACKUP");
            self.complain(Kind::Unbalanced, what);
        }
    }

    /// The first address about which the two servers disagree.
    pub(super) fn differs(&self) -> Option<(Binding, Binding)> {
        let [one, two] = &self.machines;
        let (one, two) = (one.endpoint()?, two.endpoint()?);
        let first = FIRST.to_bits();
        (first..first + self.scenario.addresses).find_map(|bits| {
            let address = Ipv4Addr::from_bits(bits);
            let (a, b) = (one.table().get(address)?, two.table().get(address)?);
            let active = a.binding_status == BindingStatus::Active;
            let same = a.binding_status == b.binding_status && (!active || a.client == b.client);
            (!same).then_some((a, b))
        })
    }

    /// FREE and BACKUP, if they are out of balance.
    fn imbalance(&self) -> Option<(u32, u32)> {
        let [status, _] = self.statuses();
        let status = status?;
        let count = |of| status.ranges.iter().map(|range| range.count(of)).sum::<u32>();
        let (free, backup) = (count(BindingStatus::Free), count(BindingStatus::Backup));
        is_unbalanced(free, backup).then_some((free, backup))
    }
}

fn is_unbalanced(free: u32, backup: u32) -> bool {
    let allowed = (free + backup) * IMBALANCE / 100 + 1;
    free.abs_diff(backup) / 2 > allowed
}

#[cfg(test)]
mod tests {
    use super::super::scenario::{FaultKind, Scenario, Wishes};
    use super::*;

    /// A pair without misfortune, at the end of its first hour.
    fn calm(seed: u64) -> World {
        let without = FaultKind::all().collect();
        let wishes = Wishes { hours: 1, addresses: Some(50), without, ..Wishes::default() };
        let mut world = World::new(Scenario::new(seed, &wishes), false);
        world.run_until(world.scenario.end);
        world
    }

    fn complaint(world: &World) -> Option<Kind> {
        world.violation.as_ref().map(|violation| violation.kind)
    }

    #[test]
    fn a_calm_pair_is_not_complained_of() {
        let mut world = calm(1);
        world.heal();
        assert_eq!(complaint(&world), None);
    }

    #[test]
    fn servers_that_never_meet_again_are_complained_of() {
        let mut world = calm(1);
        world.machines[1].config.name.push('x');
        world.kill(1, false);
        world.heal();
        assert_eq!(complaint(&world), Some(Kind::NotNormal));
    }

    #[test]
    fn a_server_that_dies_at_rest_is_complained_of() {
        let mut world = calm(1);
        world.kill(1, false);
        world.check_rest();
        assert_eq!(complaint(&world), Some(Kind::NotNormal));
    }

    #[test]
    fn an_update_that_waits_at_rest_is_complained_of() {
        let mut world = calm(1);
        while world.is_drained() {
            world.run_until(world.now + SECOND / 1000);
        }
        world.check_rest();
        assert_eq!(complaint(&world), Some(Kind::NotDrained));
    }

    #[test]
    fn two_tables_that_say_different_things_are_complained_of() {
        let [mut world, other] = [calm(1), calm(2)];
        while !world.is_drained() {
            world.run_until(world.now + SECOND / 1000);
        }
        let [_, stranger] = other.machines;
        world.machines[1] = stranger;
        world.check_rest();
        assert_eq!(complaint(&world), Some(Kind::TablesDiffer));
    }

    #[test]
    fn a_sixth_of_the_unused_addresses_may_be_on_the_wrong_side() {
        assert!(!is_unbalanced(50, 50));
        assert!(!is_unbalanced(67, 33));
        assert!(is_unbalanced(68, 32));
        assert!(is_unbalanced(32, 68));
        assert!(is_unbalanced(100, 0));
        assert!(!is_unbalanced(1, 0));
    }
}
