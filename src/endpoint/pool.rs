//! Who owns the unused addresses: POOLREQ, POOLRESP and the balance between them (§5.4, §7.6, §7.7).
//!
//! The giver moves addresses and reports each by a BNDUPD. Towards a dhcpd each server gives away its
//! own surplus, as dhcpd does: calling an address back would be dangerous, since a dhcpd secondary
//! accepts FREE even for an address that it has just leased. By the draft the primary alone gives
//! and calls back.

use core::net::Ipv4Addr;
use core::time::Duration;
use std::collections::BTreeSet;

use crate::balance::Role;
use crate::binding::table::{Mark, RangeId};
use crate::time::{Instant, Now, UnixTime};
use crate::wire::codes::{BindingStatus, FailoverState, MessageType, Xid};

use super::FailoverEndpoint;
use super::config::PoolShare;
use super::event::Event;
use super::outbox::Outgoing;
use super::transitions::EndpointEvent;

/// Imbalance in percent of the unused addresses below which the timer leaves a pool alone.
const MISBALANCE_PERCENT: u32 = 15;
/// Surplus in percent that may stay with the server whose clients used the addresses last.
const OWNERSHIP_PERCENT: u32 = 10;
/// Pause between two looks at the balance of every range.
const REBALANCE_INTERVAL: Duration = Duration::from_secs(60);
/// Pause between two looks at the ranges whose unused addresses have changed: a burst of leases
/// costs one look.
const CHANGED_LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Pause between two POOLREQs.
const POOLREQ_INTERVAL: Duration = Duration::from_secs(5);
/// Addresses of one range moved in one run; the rest follows in the next batch.
const MAX_MOVES: u32 = 65_536;
/// Pause between two batches, in which clients have their turn.
const NEXT_BATCH: Duration = Duration::from_secs(1);

/// Timers of the balance.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct PoolBalance {
    next_look: Option<Instant>,
    /// Ranges in which a server has got or lost an unused address since the last look (§5.4).
    changed: BTreeSet<RangeId>,
    /// Ranges in which the partner has refused to take or to give back an address: they wait for the
    /// next look at every range, or each lease would lead to the same refusals.
    refused: BTreeSet<RangeId>,
    /// No look at the changed ranges before this moment.
    next_changed_look: Option<Instant>,
    poolreq_due: Option<Instant>,
    poolreq_outstanding: bool,
}

/// What one range looks like to the server that may give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Surplus {
    /// Addresses to give so that the shares are met; negative if the partner should give.
    to_give: i64,
    /// What affinity may shift the balance by when this server gives.
    hold: i64,
    /// Unless asked, no more than this is left to give.
    give_threshold: i64,
    /// Unless asked, the partner may have so much more than its share.
    excess_threshold: i64,
    /// Asked or not, the partner may have so much more than its share.
    excess_hold: i64,
}

impl Surplus {
    /// That of a server in this role, where so many unused addresses belong to either.
    fn of(share: PoolShare, role: Role, free: i64, backup: i64) -> Self {
        let total = free + backup;
        let to_give = match (share, role) {
            (PoolShare::Half, Role::Primary) => (free - backup) / 2,
            (PoolShare::Half, Role::Secondary) => (backup - free) / 2,
            (PoolShare::SecondaryPercent(percent), role) => {
                let share = total * i64::from(percent) / 100;
                if role == Role::Primary { share - backup } else { backup - share }
            }
        };
        let percent = |share: u32| (total * i64::from(share) + 50) / 100;
        let (hold, misbalance) = (percent(OWNERSHIP_PERCENT), percent(MISBALANCE_PERCENT));
        let (hold_back, give_threshold) = match share {
            PoolShare::Half => (hold, misbalance),
            // A reserve is smaller than either, and no client belongs to a standby: it is filled up
            // when half of it is gone, with whatever there is.
            PoolShare::SecondaryPercent(percent) => {
                (0, misbalance.min(total * i64::from(percent) / 200))
            }
        };
        Self {
            to_give,
            hold: hold_back,
            give_threshold,
            excess_threshold: misbalance,
            excess_hold: hold,
        }
    }
}

impl FailoverEndpoint {
    pub(super) fn enter_normal_balance(&mut self, now: Now) {
        self.pool = PoolBalance {
            next_look: Some(now.monotonic.after(REBALANCE_INTERVAL)),
            changed: BTreeSet::new(),
            refused: BTreeSet::new(),
            next_changed_look: Some(now.monotonic.after(CHANGED_LOOK_INTERVAL)),
            poolreq_due: self.asks_on_entering_normal().then_some(now.monotonic),
            poolreq_outstanding: false,
        };
        self.balance_pools(now, true);
    }

    /// §9.8.1: the secondary asks for addresses on entering NORMAL. A dhcpd divides the pools by
    /// itself at that moment and complains of a partner that asks without being short.
    fn asks_on_entering_normal(&self) -> bool {
        self.config.role == Role::Secondary && !self.partner.is_dhcpd()
    }

    pub(super) fn leave_normal_balance(&mut self) {
        self.pool = PoolBalance::default();
    }

    /// Takes note that an address of `range` has gone from one status to another.
    pub(super) fn note_status_change(
        &mut self,
        address: Ipv4Addr,
        from: BindingStatus,
        to: BindingStatus,
    ) {
        let is_unused = |status| matches!(status, BindingStatus::Free | BindingStatus::Backup);
        if from != to
            && (is_unused(from) || is_unused(to))
            && let Some(range) = self.table.range_of(address)
            && !self.pool.refused.contains(&range)
        {
            self.pool.changed.insert(range);
        }
    }

    /// Takes note that the partner has rejected the move of an unused address.
    pub(super) fn note_refused_move(&mut self, address: Ipv4Addr) {
        if let Some(range) = self.table.range_of(address) {
            self.pool.refused.insert(range);
            self.pool.changed.remove(&range);
        }
    }

    /// POOLREQ: the answer with the count first, the updates behind it (§7.6.2).
    pub(super) fn on_poolreq(&mut self, now: Now, xid: Xid) {
        self.apply_event(now, EndpointEvent::PoolRequested);
        if self.config.role == Role::Secondary && !self.config.dialect.either_role_gives_addresses()
        {
            self.unexpected(MessageType::POOLREQ, "only a secondary asks for addresses");
            self.outbox
                .push(self.last_commit, Outgoing::PoolResp { xid, addresses_transferred: 0 });
            return;
        }
        // One that asks all the time gets what the next regular look gives.
        let looks = self.state() == FailoverState::Normal && self.requests.may_walk(now);
        let given = if looks { self.balance_pools(now, true) } else { 0 };
        self.outbox
            .push(self.last_commit, Outgoing::PoolResp { xid, addresses_transferred: given });
    }

    /// POOLRESP: after a non-zero one the secondary asks again, at a measured pace (§7.7.2).
    pub(super) fn on_poolresp(&mut self, now: Now, addresses_transferred: Option<u32>) {
        self.pool.poolreq_outstanding = false;
        if addresses_transferred.is_none_or(|count| count == 0) {
            return;
        }
        self.apply_event(now, EndpointEvent::PoolAnswered);
        if self.state() == FailoverState::Normal {
            self.pool.poolreq_due = Some(now.monotonic.after(POOLREQ_INTERVAL));
        }
    }

    pub(super) fn pool_timers(&mut self, now: Now) {
        if self.state() != FailoverState::Normal || !self.communications_ok() {
            return;
        }
        if self.pool.next_look.is_some_and(|at| at <= now.monotonic) {
            self.pool.next_look = Some(now.monotonic.after(REBALANCE_INTERVAL));
            self.pool.refused.clear();
            self.balance_pools(now, false);
            if self.config.role == Role::Secondary && self.asks_from_time_to_time() {
                self.pool.poolreq_due = Some(now.monotonic);
            }
        }
        if self.changed_look_due().is_some_and(|at| at <= now.monotonic) {
            self.pool.next_changed_look = Some(now.monotonic.after(CHANGED_LOOK_INTERVAL));
            let changed = core::mem::take(&mut self.pool.changed);
            self.balance(now, changed, false);
        }
        let due = self.pool.poolreq_due.is_some_and(|at| at <= now.monotonic);
        // §9.8.1: the request follows the updates that the partner does not know yet.
        if due && !self.pool.poolreq_outstanding && !self.updates.is_sweeping() {
            self.pool.poolreq_due = None;
            self.pool.poolreq_outstanding = true;
            self.outbox.push(self.last_commit, Outgoing::PoolReq);
        }
    }

    pub(super) fn next_pool_timer(&self) -> Option<Instant> {
        let poolreq = self
            .pool
            .poolreq_due
            .filter(|_| !self.pool.poolreq_outstanding && !self.updates.is_sweeping());
        [self.pool.next_look, self.changed_look_due(), poolreq].into_iter().flatten().min()
    }

    /// When to look at the ranges in which something has changed.
    fn changed_look_due(&self) -> Option<Instant> {
        self.pool.next_changed_look.filter(|_| !self.pool.changed.is_empty() && self.may_give())
    }

    /// Balances every pool; returns how many addresses the partner gets.
    fn balance_pools(&mut self, now: Now, asked: bool) -> u32 {
        let ranges = (0_u16..).zip(&self.config.ranges).map(|(index, _)| RangeId(index)).collect();
        self.balance(now, ranges, asked)
    }

    /// Moves addresses of these ranges so that each server has its share; returns how many the
    /// partner gets.
    fn balance(&mut self, now: Now, ranges: BTreeSet<RangeId>, asked: bool) -> u32 {
        let mut given = 0;
        let mut recalled = 0;
        for range in ranges {
            let surplus = self.surplus(range);
            let balanced = -surplus.excess_threshold..=surplus.give_threshold;
            if !asked && balanced.contains(&surplus.to_give) {
                continue;
            }
            if self.may_give() {
                given += self.give(now, range, surplus);
            }
            if surplus.to_give < -surplus.excess_hold && self.may_recall() {
                recalled += self.recall(range, surplus);
            }
        }
        if given >= MAX_MOVES {
            self.pool.next_look = Some(now.monotonic.after(NEXT_BATCH));
        }
        if given > 0 || recalled > 0 {
            self.events.push(Event::PoolBalanced { given, recalled });
        }
        given
    }

    fn may_give(&self) -> bool {
        self.config.role == Role::Primary || self.config.dialect.either_role_gives_addresses()
    }

    fn may_recall(&self) -> bool {
        self.config.role == Role::Primary && self.config.dialect.primary_recalls_addresses()
    }

    /// An operator's word: every pool is looked at now, however small the difference.
    pub(super) fn balance_at_once(&mut self, now: Now) {
        self.pool.refused.clear();
        self.balance_pools(now, true);
        if self.config.role == Role::Secondary && self.asks_from_time_to_time() {
            self.pool.poolreq_due = Some(now.monotonic);
        }
    }

    /// How far this server's part of a range exceeds its share.
    fn surplus(&self, range: RangeId) -> Surplus {
        let reserved = |status| {
            let held = self
                .reserved_without_flag(status)
                .filter(|address| self.table.range_of(*address) == Some(range))
                .count();
            i64::try_from(held).unwrap_or(i64::MAX)
        };
        let count =
            |status| i64::from(self.table.count_unreserved(range, status)) - reserved(status);
        // What has been called back is on its way; calling more back for it would overshoot.
        let on_the_way = i64::from(self.table.count_recalled(range));
        let free = count(BindingStatus::Free) + on_the_way;
        let backup = count(BindingStatus::Backup) - on_the_way;
        Surplus::of(self.config.pool_share, self.config.role, free, backup)
    }

    /// Gives addresses of one range away: first those whose last client the partner answers, then
    /// the ones unused for longest. A used address is given only while the surplus exceeds what
    /// affinity may hold.
    fn give(&mut self, now: Now, range: RangeId, surplus: Surplus) -> u32 {
        let from = self.own_free_status();
        let mut left = surplus.to_give.min(i64::from(MAX_MOVES));
        let mut chosen: BTreeSet<Ipv4Addr> = BTreeSet::new();
        for address in self.table.queue(range, from) {
            if left <= -surplus.hold {
                break;
            }
            if self.may_move(address) && self.last_client_is_partners(address) {
                chosen.insert(address);
                left -= 1;
            }
        }
        for address in self.table.queue(range, from) {
            if left <= 0 {
                break;
            }
            let used = self.table.get(address).is_some_and(|b| b.lease_expiration.is_known());
            if used && left <= surplus.hold {
                continue;
            }
            if self.may_move(address) && chosen.insert(address) {
                left -= 1;
            }
        }
        let mut given = 0;
        for address in chosen {
            given += u32::from(self.hand_over(now, address));
        }
        given
    }

    /// The address is the partner's from now on; it may use it once it has accepted (§5.4).
    fn hand_over(&mut self, now: Now, address: Ipv4Addr) -> bool {
        let Some(mut binding) = self.table.get(address) else { return false };
        binding.binding_status = match self.config.role {
            Role::Primary => BindingStatus::Backup,
            Role::Secondary => BindingStatus::Free,
        };
        binding.start_of_status = now.wall;
        binding.sent_potential_expiration = UnixTime::ABSENT;
        binding.acked_potential_expiration = UnixTime::ABSENT;
        binding.received_potential_expiration = UnixTime::ABSENT;
        binding.partner_knows = false;
        let commit = self.store_binding(binding);
        self.note_news(address, commit);
        true
    }

    /// Asks for BACKUP addresses back, first those whose last client this server answers; each stays
    /// the secondary's until it agrees (§5.4).
    fn recall(&mut self, range: RangeId, surplus: Surplus) -> u32 {
        let wanted = usize::try_from(-surplus.to_give).unwrap_or(0);
        let candidates = || {
            self.table
                .queue(range, BindingStatus::Backup)
                .filter(|address| self.may_move(*address))
                .filter(|address| !self.table.is_marked(*address, Mark::Recalled))
        };
        let recalled: Vec<Ipv4Addr> = candidates()
            .filter(|address| self.last_client_is_own(*address))
            .chain(candidates().filter(|address| !self.last_client_is_own(*address)))
            .take(wanted)
            .collect();
        for &address in &recalled {
            let Some(binding) = self.table.get(address) else { continue };
            self.table.set_mark(address, Mark::Recalled, true);
            let commit =
                self.store_binding(crate::binding::Binding { partner_knows: false, ..binding });
            self.note_news(address, commit);
        }
        u32::try_from(recalled.len()).unwrap_or(u32::MAX)
    }

    /// A partner that lost its store would agree to give back what it has leased: what was called back
    /// stays its own. In NORMAL the balance is looked at anew.
    pub(super) fn withdraw_recalls(&mut self) {
        for (index, _) in (0_u16..).zip(&self.config.ranges) {
            let range = RangeId(index);
            if self.table.count_recalled(range) == 0 {
                continue;
            }
            let backup: Vec<Ipv4Addr> = self.table.queue(range, BindingStatus::Backup).collect();
            for address in backup {
                self.table.set_mark(address, Mark::Recalled, false);
            }
        }
    }

    /// Not what only one client may have, nor what the partner refused a while ago (§7.2.1).
    fn may_move(&self, address: Ipv4Addr) -> bool {
        !self.is_reserved(address) && !self.second_thoughts.holds(address)
    }

    fn last_client_is_partners(&self, address: Ipv4Addr) -> bool {
        self.server_of_last_client(address).is_some_and(|role| role != self.config.role)
    }

    fn last_client_is_own(&self, address: Ipv4Addr) -> bool {
        self.server_of_last_client(address) == Some(self.config.role)
    }

    fn server_of_last_client(&self, address: Ipv4Addr) -> Option<Role> {
        let buckets = self.buckets?;
        let client = self.table.get(address)?.client?;
        Some(buckets.role_for(client.as_ref().hash_key()))
    }

    /// By the draft the secondary asks periodically (§7.6); where each server gives by itself, only
    /// when it is short.
    fn asks_from_time_to_time(&self) -> bool {
        !self.config.dialect.either_role_gives_addresses() || self.is_short_of_addresses()
    }

    /// Whether some range has less than half of this server's share left.
    fn is_short_of_addresses(&self) -> bool {
        (0..self.config.ranges.len()).filter_map(|index| u16::try_from(index).ok()).any(|index| {
            let surplus = self.surplus(RangeId(index));
            surplus.to_give < -surplus.excess_threshold
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESERVE: PoolShare = PoolShare::SecondaryPercent(5);

    fn to_give(share: PoolShare, free: i64, backup: i64) -> [i64; 2] {
        [Role::Primary, Role::Secondary].map(|role| Surplus::of(share, role, free, backup).to_give)
    }

    #[test]
    fn halves_are_equal_but_for_one_address() {
        assert_eq!(to_give(PoolShare::Half, 60, 40), [10, -10]);
        assert_eq!(to_give(PoolShare::Half, 50, 49), [0, 0]);
        assert_eq!(to_give(PoolShare::Half, 0, 9), [-4, 4]);
    }

    #[test]
    fn a_reserve_is_its_share_of_all_unused_addresses() {
        assert_eq!(to_give(RESERVE, 196, 4), [6, -6]);
        assert_eq!(to_give(RESERVE, 170, 30), [-20, 20]);
    }

    /// The shares are those of a dhcpd, which rounds them.
    #[test]
    fn halves_may_differ_by_a_tenth_for_affinity_and_by_three_twentieths_for_peace() {
        for (total, tenth, three_twentieths) in [(200, 20, 30), (105, 11, 16), (104, 10, 16)] {
            let surplus = Surplus::of(PoolShare::Half, Role::Primary, total, 0);
            assert_eq!((surplus.hold, surplus.excess_hold), (tenth, tenth));
            let thresholds = (surplus.give_threshold, surplus.excess_threshold);
            assert_eq!(thresholds, (three_twentieths, three_twentieths));
        }
    }

    #[test]
    fn a_reserve_is_filled_up_when_half_of_it_is_gone() {
        let surplus = Surplus::of(RESERVE, Role::Primary, 195, 5);
        assert_eq!((surplus.hold, surplus.give_threshold), (0, 5));
        let large = Surplus::of(PoolShare::SecondaryPercent(60), Role::Primary, 200, 0);
        assert_eq!(large.give_threshold, 30);
    }
}
