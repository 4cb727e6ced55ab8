//! What follows from how things stand and have stood: rates, ages, progress, endurance. Plain values in
//! and out; whoever looks says when.

mod pace;
mod survey;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::balance::Role;
use crate::endpoint::status::RangeCounts;
use crate::endpoint::{Communications, Status, Sync};
use crate::server::command::{LeasePage, ServerStatus};
use crate::time::{Instant, Now, UnixTime};
use crate::wire::codes::{BindingStatus, FailoverState, Xid};

use pace::Pace;
pub(super) use survey::Found;
use survey::Survey;

/// Time over which rates are taken.
const RATE_TIME: Duration = Duration::from_secs(10);

/// Looks that are remembered to tell the age of an update.
const MAX_LOOKS: usize = 900;

/// Time that an operator is given to notice, in seconds. The partner's addresses may be used one MCLT
/// after it was declared down (§9.4.2), so a pool that lasts less than both together is short.
const NOTICE: u32 = 3600;

/// How far the exchange of updates has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Progress {
    /// "sending" or "receiving".
    pub(super) direction: &'static str,
    /// What is counted: "addresses" passed by a walk, or "updates".
    pub(super) unit: &'static str,
    pub(super) done: u64,
    /// `None` where only the partner knows.
    pub(super) total: Option<u64>,
    /// So many a second.
    pub(super) rate: f64,
    pub(super) seconds_left: Option<u64>,
}

/// What is known of a relationship beyond its present status.
#[derive(Clone, Debug, Default)]
pub(super) struct Outlined {
    pub(super) last_contact: Option<UnixTime>,
    pub(super) last_synced: Option<UnixTime>,
    pub(super) oldest_unacked_seconds: Option<u64>,
    /// Updates a second that the partner has answered.
    pub(super) sent_rate: f64,
    /// Updates a second from the partner.
    pub(super) received_rate: f64,
    pub(super) progress: Option<Progress>,
    /// Share of the leases given here that are shorter than wanted because of the lead time.
    pub(super) leases_cut_share: Option<f64>,
}

/// How long one pool lasts without the partner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Endurance {
    /// Addresses that this server may lease while the partner stays away.
    pub(super) available: u64,
    /// `None` until all its addresses have been looked at.
    pub(super) new_leases_per_hour: Option<f64>,
    /// `None` without new leases, and until it is known whether there are any.
    pub(super) seconds: Option<u64>,
    /// It would be over before an operator could have noticed and the partner's addresses may be used.
    pub(super) is_short: bool,
}

/// What has been seen of one relationship.
#[derive(Debug, Default)]
struct History {
    last_contact: Option<UnixTime>,
    last_synced: Option<UnixTime>,
    /// When which xid was the latest.
    looks: VecDeque<(Instant, Xid)>,
    sent: Pace,
    received: Pace,
    progress: Option<(Progress, Pace)>,
    /// Updates answered when nothing was under way last.
    settled: u64,
}

/// Everything that has been seen.
#[derive(Debug, Default)]
pub(super) struct Outlook {
    histories: BTreeMap<String, History>,
    survey: Survey,
}

impl Outlook {
    /// Takes in how things stand.
    pub(super) fn observe(&mut self, now: Now, status: &ServerStatus) {
        for report in &status.relationships {
            self.histories.entry(report.name.clone()).or_default().observe(now, report);
        }
    }

    /// Takes in a page of leases of a walk through all of them.
    pub(super) fn survey(&mut self, now: UnixTime, status: &ServerStatus, page: &LeasePage) {
        let ranges = status.relationships.iter().flat_map(|report| &report.ranges);
        self.survey.add(now, ranges.map(|counts| counts.range), page);
    }

    /// What is known of a relationship at `now`.
    pub(super) fn of(&self, now: Instant, report: &Status) -> Outlined {
        let Some(history) = self.histories.get(&report.name) else { return Outlined::default() };
        let found = report.ranges.iter().filter_map(|counts| self.survey.of(counts.range));
        let cut = found.fold(Found::default(), Found::plus);
        Outlined {
            last_contact: report.last_contact.max(history.last_contact),
            last_synced: history.last_synced,
            oldest_unacked_seconds: report.oldest_unacked.map(|xid| history.age(now, xid)),
            sent_rate: history.sent.rate(),
            received_rate: history.received.rate(),
            progress: history.progress.as_ref().map(|(progress, _)| *progress),
            leases_cut_share: cut.cut_share(),
        }
    }

    /// How long a pool of the relationship lasts if the partner stays away from `now` on.
    pub(super) fn endurance(
        &self,
        now: UnixTime,
        report: &Status,
        pool: &RangeCounts,
    ) -> Endurance {
        let rate = self.survey.of(pool.range).map(Found::new_leases_per_hour);
        endurance(available(now, report, pool), rate, report.mclt)
    }
}

/// Addresses of a pool that this server may lease while the partner stays away: its own share, and once
/// the partner has been declared down for MCLT all that are free.
fn available(now: UnixTime, report: &Status, pool: &RangeCounts) -> u64 {
    let [free, backup] =
        [BindingStatus::Free, BindingStatus::Backup].map(|status| pool.count(status));
    let takes_over = report.state == FailoverState::PartnerDown
        && now.seconds_since(report.state_since) >= report.mclt;
    match (takes_over, report.role) {
        (true, _) => u64::from(free).saturating_add(u64::from(backup)),
        (false, Role::Primary) => u64::from(free),
        (false, Role::Secondary) => u64::from(backup),
    }
}

fn endurance(available: u64, rate: Option<f64>, mclt: u32) -> Endurance {
    let is_used = rate.filter(|rate| *rate > 0.0);
    let seconds = is_used.map(|rate| whole(number(available) * 3600.0 / rate));
    let needed = u64::from(mclt).saturating_add(u64::from(NOTICE));
    let is_short = seconds.is_some_and(|seconds| seconds < needed);
    Endurance { available, new_leases_per_hour: rate, seconds, is_short }
}

#[expect(clippy::cast_precision_loss, reason = "rates are for people, not for accounts")]
const fn number(count: u64) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the conversion saturates, and nothing here is negative"
)]
const fn whole(number: f64) -> u64 {
    number as u64
}

impl History {
    fn observe(&mut self, now: Now, report: &Status) {
        self.last_contact = report.last_contact.max(self.last_contact);
        if report.sync == Sync::Synced {
            self.last_synced = Some(now.wall);
        }
        if self.looks.len() == MAX_LOOKS {
            self.looks.pop_front();
        }
        self.looks.push_back((now.monotonic, report.last_xid));
        let answered = answered(report);
        let taken = report.stats.updates_accepted.saturating_add(report.stats.updates_rejected);
        self.sent.look(now.monotonic, answered);
        self.received.look(now.monotonic, taken);
        let is_syncing =
            report.communications == Communications::Ok && report.sync == Sync::Syncing;
        if is_syncing {
            self.advance(now.monotonic, report, answered);
        } else {
            self.progress = None;
            self.settled = answered;
        }
    }

    /// How far it is now, and how fast.
    fn advance(&mut self, now: Instant, report: &Status, answered: u64) {
        let waiting = report.unacked_updates.saturating_add(report.queued_updates);
        let (direction, unit, done, total) = match (report.walk, report.receiving) {
            (Some(walk), _) => ("sending", "addresses", walk.done, Some(walk.total)),
            (None, Some(received)) => ("receiving", "updates", received, None),
            (None, None) => {
                let done = answered.saturating_sub(self.settled);
                let waiting = u64::try_from(waiting).unwrap_or(u64::MAX);
                ("sending", "updates", done, Some(done.saturating_add(waiting)))
            }
        };
        let is_same = |(before, _): &(Progress, Pace)| {
            (before.direction, before.unit) == (direction, unit) && before.done <= done
        };
        let mut pace = match self.progress.take().filter(is_same) {
            Some((_, pace)) => pace,
            None => Pace::default(),
        };
        pace.look(now, done);
        let rate = pace.rate();
        let left = total.map(|total| total.saturating_sub(done));
        let seconds_left = left.filter(|_| rate > 0.0).map(|left| whole(number(left) / rate));
        let progress = Progress { direction, unit, done, total, rate, seconds_left };
        self.progress = Some((progress, pace));
    }

    /// Seconds since an update was sent, as far as looks tell.
    fn age(&self, now: Instant, xid: Xid) -> u64 {
        let sent = self.looks.iter().find(|(_, latest)| *latest >= xid);
        sent.map_or(0, |(at, _)| now.since(*at).as_secs())
    }
}

/// Updates of this server that the partner has answered.
fn answered(report: &Status) -> u64 {
    let stats = &report.stats;
    stats.updates_accepted_by_partner.saturating_add(stats.updates_rejected_by_partner)
}

#[cfg(test)]
mod tests;
