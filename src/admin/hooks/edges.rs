//! When a figure passes its limit: told once, and once more when it has been well for a while, so that
//! one that goes back and forth is not told every second.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::server::config::EventKind;
use crate::time::{Instant, Now};

use super::super::json::StatusBody;
use super::super::setup::lookout::Drifts;
use super::notice::Notice;

/// Seconds between the two clocks from which on it is told, as in the alerts for Prometheus.
const MAX_CLOCK_DIFFERENCE: u32 = 5;

/// How long a figure has to be well until that is told.
const CALM: Duration = Duration::from_secs(300);

/// Differences that are named; all are counted.
const MAX_NAMED: usize = 10;

/// Whose figure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Figure {
    kind: EventKind,
    relationship: String,
    /// Of which pool; empty for the relationship as a whole.
    range: String,
}

/// What is beyond its limit, and when it was seen so last.
#[derive(Debug, Default)]
pub(super) struct Edges {
    standing: BTreeMap<Figure, Instant>,
}

impl Edges {
    /// Takes in how everything stands, and says what is to be told.
    pub(super) fn look(&mut self, now: Now, status: &StatusBody, drifts: &Drifts) -> Vec<Notice> {
        let mut notices = Vec::new();
        for (figure, text) in beyond(status).into_iter().chain(differing(drifts)) {
            if self.standing.insert(figure.clone(), now.monotonic).is_none() {
                notices.push(figure.notice(now, true, &text));
            }
        }
        self.standing.retain(|figure, last| {
            let is_calm = now.monotonic.since(*last) >= CALM;
            if is_calm {
                notices.push(figure.notice(now, false, figure.well()));
            }
            !is_calm
        });
        notices
    }
}

impl Figure {
    fn notice(&self, now: Now, is_active: bool, text: &str) -> Notice {
        let notice = Notice::of_limit(self.kind, now.wall, &self.relationship, is_active, text);
        if self.range.is_empty() {
            notice
        } else {
            notice.with("range", self.range.as_str().into())
        }
    }

    const fn well(&self) -> &'static str {
        match self.kind {
            EventKind::ClockDifference => "the clocks of both servers are together again",
            EventKind::Drift => "both servers have the same configuration again",
            _ => "the pool would last without the partner again",
        }
    }
}

/// Every figure that is beyond its limit, and what there is to say about it.
fn beyond(status: &StatusBody) -> Vec<(Figure, String)> {
    let mut found = Vec::new();
    for told in &status.relationships {
        let figure = |kind, range: &str| Figure {
            kind,
            relationship: told.name.clone(),
            range: range.to_owned(),
        };
        let delta = told.clock_delta_seconds.unwrap_or(0);
        if told.communications == "ok" && delta.unsigned_abs() > MAX_CLOCK_DIFFERENCE {
            let text = format!("the local clock minus the partner's is {delta} s");
            found.push((figure(EventKind::ClockDifference, ""), text));
        }
        for pool in told.pools.iter().filter(|pool| pool.endurance_warning) {
            let seconds = pool.endurance_seconds.unwrap_or(0);
            let text = format!(
                "without the partner the {} addresses that this server may lease of {} last {seconds} s",
                pool.available, pool.range
            );
            found.push((figure(EventKind::EnduranceLow, &pool.range), text));
        }
    }
    found
}

/// Every relationship whose configuration differs, and in what.
fn differing(drifts: &Drifts) -> impl Iterator<Item = (Figure, String)> {
    let drifts = drifts.iter().filter(|(_, differences)| !differences.is_empty());
    drifts.map(|(relationship, differences)| {
        let (relationship, range) = (relationship.clone(), String::new());
        let named: Vec<_> = differences.iter().take(MAX_NAMED).map(String::as_str).collect();
        let text =
            format!("the configuration differs in {}: {}", differences.len(), named.join(", "));
        (Figure { kind: EventKind::Drift, relationship, range }, text)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::time::UnixTime;

    /// So many seconds after the beginning.
    fn at(second: u32) -> Now {
        let monotonic = Instant::from_micros(u64::from(second) * 1_000_000);
        Now { monotonic, wall: UnixTime(1_700_000_000 + second) }
    }

    fn status(clock_delta: i32, endurance_warning: bool) -> StatusBody {
        let counts = ["free", "backup", "active", "expired", "released", "abandoned", "reset"];
        let mut pool = json!({ "range": "r", "relationship": "a", "available": 7 });
        for count in counts {
            pool[count] = 0.into();
        }
        pool["endurance-warning"] = endurance_warning.into();
        let relationship = json!({
            "name": "a", "role": "primary", "state": "normal", "state-since": 1,
            "partner-state": "normal", "communications": "ok", "sync": "synced",
            "unacked-updates": 0, "queued-updates": 0, "clock-delta-seconds": clock_delta,
            "pools": [pool],
        });
        let status = json!({ "version": "1", "storage": "ok", "relationships": [relationship] });
        serde_json::from_value(status).unwrap()
    }

    /// What is told at each look, as kind and whether it begins.
    fn told(looks: &[(u32, StatusBody)]) -> Vec<Vec<(EventKind, bool)>> {
        let mut edges = Edges::default();
        let told = |(second, status): &(u32, StatusBody)| {
            let notices = edges.look(at(*second), status, &Drifts::new());
            let is_active = |notice: &Notice| notice.members["active"] == true;
            notices.iter().map(|notice| (notice.kind, is_active(notice))).collect()
        };
        looks.iter().map(told).collect()
    }

    #[test]
    fn a_clock_that_is_apart_is_told_once() {
        let looks = [(0, status(5, false)), (1, status(-6, false)), (2, status(-7, false))];
        assert_eq!(told(&looks), [vec![], vec![(EventKind::ClockDifference, true)], vec![]]);
    }

    #[test]
    fn a_pool_that_goes_back_and_forth_is_told_once() {
        let looks: Vec<_> = (0..600).map(|second| (second, status(0, second % 2 == 0))).collect();
        let told = told(&looks).concat();
        assert_eq!(told, [(EventKind::EnduranceLow, true)]);
    }

    #[test]
    fn what_has_been_well_for_a_while_is_told_and_may_begin_anew() {
        let low = EventKind::EnduranceLow;
        let looks = [
            (0, status(0, true)),
            (299, status(0, false)),
            (300, status(0, false)),
            (301, status(0, true)),
        ];
        assert_eq!(
            told(&looks),
            [vec![(low, true)], vec![], vec![(low, false)], vec![(low, true)]]
        );
    }
}
