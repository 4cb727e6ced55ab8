//! Gauges of what follows from how things stand: the figures of `GET /v1/status`. What is not known
//! yet has no sample.

use crate::server::metrics::Samples;

use super::json::{PoolBody, RelationshipBody, StatusBody};

/// Adds the gauges of all relationships.
pub(super) fn add(status: &StatusBody, samples: &mut Samples) {
    for told in &status.relationships {
        times(told, samples);
        exchange(told, samples);
        for pool in &told.pools {
            endurance(pool, samples);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus numbers are doubles")]
const fn number(count: u64) -> f64 {
    count as f64
}

fn times(told: &RelationshipBody, samples: &mut Samples) {
    for (name, help, time) in [
        (
            "twinlease_partner_state_since_seconds",
            "Unix time at which the partner entered its state, in the local clock.",
            told.partner_state_since,
        ),
        (
            "twinlease_last_contact_seconds",
            "Unix time at which the partner was heard last.",
            told.last_contact,
        ),
        (
            "twinlease_last_synced_seconds",
            "Unix time at which neither server had anything to tell the other last.",
            told.last_synced,
        ),
    ] {
        if let Some(time) = time {
            samples.gauge(name, help, &[("relationship", &told.name)], f64::from(time));
        }
    }
    samples.gauge(
        "twinlease_maintenance_until_seconds",
        "Unix time until which the partner is not declared down automatically; 0 without maintenance.",
        &[("relationship", &told.name)],
        f64::from(told.maintenance_until.unwrap_or(0)),
    );
}

fn exchange(told: &RelationshipBody, samples: &mut Samples) {
    let name = ("relationship", told.name.as_str());
    for (side, window) in [("own", told.own_window), ("partner", told.partner_window)] {
        let help = "Updates that may be without an answer, here and at the partner.";
        let labels = [name, ("side", side)];
        samples.gauge("twinlease_window_updates", help, &labels, f64::from(window));
    }
    samples.gauge(
        "twinlease_oldest_unacked_seconds",
        "Seconds since the oldest update without an answer was sent; 0 without one.",
        &[name],
        number(told.oldest_unacked_seconds.unwrap_or(0)),
    );
    if let Some(share) = told.leases_cut_share {
        let help =
            "Share of the leases given here that the lead time makes shorter than was wanted.";
        samples.gauge("twinlease_leases_cut_ratio", help, &[name], share);
    }
}

fn endurance(pool: &PoolBody, samples: &mut Samples) {
    let labels = [("relationship", pool.relationship.as_str()), ("range", pool.range.as_str())];
    let mut gauge = |name, help, value| samples.gauge(name, help, &labels, value);
    gauge(
        "twinlease_pool_available",
        "Addresses that this server may lease while the partner stays away.",
        number(pool.available),
    );
    gauge(
        "twinlease_pool_endurance_short",
        "1 if they would be used up before the partner's could be used.",
        if pool.endurance_warning { 1.0 } else { 0.0 },
    );
    if let Some(rate) = pool.new_leases_per_hour {
        gauge("twinlease_pool_new_leases_per_hour", "Leases that begin in an hour.", rate);
    }
    if let Some(seconds) = pool.endurance_seconds {
        gauge(
            "twinlease_pool_endurance_seconds",
            "Seconds that they last at this rate; absent without new leases.",
            number(seconds),
        );
    }
}
