//! `GET /metrics`: what the engine counts, and gauges made from its status.

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use crate::endpoint::{Communications, Status, Sync};
use crate::server::command::AdminCommand;
use crate::server::metrics::{Format, Samples};
use crate::wire::codes::{BindingStatus, FailoverState, MessageType};

use super::problem::Failure;
use super::{App, ask, gauges};

/// The content type of `OpenMetrics` without its version.
const OPEN_METRICS: &str = "application/openmetrics-text";

pub(super) async fn scrape(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let mut samples = ask(&app.commands, |answer| AdminCommand::Metrics { answer }).await?;
    let status = ask(&app.commands, |answer| AdminCommand::Status { answer }).await?;
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    samples.gauge("twinlease_build_info", "Always 1; the version is a label.", &version, 1.0);
    for report in &status.relationships {
        relationship(report, &mut samples);
    }
    app.elsewhere.hooks.add_to(&mut samples);
    if let Some(held) = &app.elsewhere.virtual_address {
        held.add_to(&mut samples);
    }
    gauges::add(&app.watch.status(&status), &mut samples);
    let (format, content_type) = if prefers_open_metrics(&headers) {
        (Format::OpenMetrics, "application/openmetrics-text; version=1.0.0; charset=utf-8")
    } else {
        (Format::Prometheus, "text/plain; version=0.0.4; charset=utf-8")
    };
    Ok(([(header::CONTENT_TYPE, content_type)], samples.render(format)).into_response())
}

/// Whoever can read `OpenMetrics` gets it, as Prometheus asks for it first.
fn prefers_open_metrics(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter();
    accepted.filter_map(|value| value.to_str().ok()).any(|value| value.contains(OPEN_METRICS))
}

const fn flag(set: bool) -> f64 {
    if set { 1.0 } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus numbers are doubles")]
const fn number(count: usize) -> f64 {
    count as f64
}

fn relationship(report: &Status, samples: &mut Samples) {
    let name = ("relationship", report.name.as_str());
    states(report, samples);
    counters(report, samples);
    let mut gauge = |metric, help, value| samples.gauge(metric, help, &[name], value);
    gauge(
        "twinlease_state_since_seconds",
        "Unix time at which the state was entered.",
        f64::from(report.state_since.0),
    );
    gauge(
        "twinlease_communications_ok",
        "1 while the partner can be talked to.",
        flag(report.communications == Communications::Ok),
    );
    gauge(
        "twinlease_synced",
        "1 while neither server has anything to tell the other.",
        flag(report.sync == Sync::Synced),
    );
    gauge(
        "twinlease_updates_unacked",
        "Binding updates sent and not answered.",
        number(report.unacked_updates),
    );
    gauge(
        "twinlease_updates_queued",
        "Binding updates not sent yet.",
        number(report.queued_updates),
    );
    gauge(
        "twinlease_clock_delta_seconds",
        "Local clock minus the partner's.",
        f64::from(report.clock_delta_seconds.unwrap_or(0)),
    );
    gauge("twinlease_mclt_seconds", "Maximum client lead time in force.", f64::from(report.mclt));
    for pool in &report.ranges {
        let range = pool.range.to_string();
        for status in BindingStatus::ALL {
            samples.gauge(
                "twinlease_pool_addresses",
                "Addresses of the pool by binding status.",
                &[name, ("range", &range), ("binding_status", status.name())],
                f64::from(pool.count(*status)),
            );
        }
    }
}

/// Messages by type and updates by outcome, since the start of the process.
fn counters(report: &Status, samples: &mut Samples) {
    let name = ("relationship", report.name.as_str());
    let stats = &report.stats;
    for (direction, counts) in [("received", &stats.received), ("sent", &stats.sent)] {
        for (code, count) in (0_u8..).zip(counts) {
            let labels = [name, ("direction", direction), ("type", MessageType(code).name())];
            let help = "Failover messages by type.";
            samples.counter("twinlease_messages_total", help, &labels, *count);
        }
    }
    let outcomes = [
        ("sent", "accepted", stats.updates_accepted_by_partner),
        ("sent", "rejected", stats.updates_rejected_by_partner),
        ("received", "accepted", stats.updates_accepted),
        ("received", "rejected", stats.updates_rejected),
    ];
    for (direction, outcome, count) in outcomes {
        let labels = [name, ("direction", direction), ("outcome", outcome)];
        let help = "Binding updates by who sent them and what the other server said.";
        samples.counter("twinlease_updates_total", help, &labels, count);
    }
    let help = "Times that communications became ok.";
    samples.counter("twinlease_connections_total", help, &[name], stats.connections);
}

fn states(report: &Status, samples: &mut Samples) {
    for state in FailoverState::ALL {
        let labels = [("relationship", report.name.as_str()), ("state", state.name())];
        samples.gauge(
            "twinlease_state",
            "1 for the failover state that the relationship is in.",
            &labels,
            flag(report.state == *state),
        );
        samples.gauge(
            "twinlease_partner_state",
            "1 for the failover state that the partner announced last.",
            &labels,
            flag(report.partner_state == Some(*state)),
        );
    }
}
