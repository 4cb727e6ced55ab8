//! What came of it all, for programs and for people.

use std::time::Duration;

use serde_json::{Value, json};

use crate::bench::report::{Axis, Page, Plot, Summary, number};

use super::KEPT_UP;
use super::findings::Findings;
use super::plan::{Attachment, Plan};
use super::tally::{Odd, Second, Tally};

/// A generator that is later than this in one of a hundred cases measures itself.
const LATE: f64 = 10_000.0;

/// What came of a plan.
#[derive(Debug)]
pub struct Outcome {
    pub(super) plan: Plan,
    pub(super) preparation: Option<Preparation>,
    pub(super) steps: Vec<Step>,
    pub(super) found: Option<u32>,
    pub(super) runs: Vec<Run>,
    pub(super) findings: Findings,
}

/// Leases that were got before the load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Preparation {
    pub(super) leases: u64,
    pub(super) took: Duration,
}

/// One try of the search for the highest rate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) rate: u32,
    pub(super) kept_up: bool,
    begun: u64,
    completed: u64,
    failed_share: f64,
    exchange: Summary,
    delay_p99: f64,
}

impl Step {
    pub(super) fn new(rate: u32, tally: &Tally) -> Self {
        let failed_share = tally.failed_share();
        Self {
            rate,
            kept_up: failed_share <= KEPT_UP && tally.completed > 0,
            begun: tally.begun,
            completed: tally.completed,
            failed_share,
            exchange: tally.exchange.summary(),
            delay_p99: tally.delay.quantile(0.99),
        }
    }

    fn json(&self) -> Value {
        json!({
            "rate": self.rate,
            "kept-up": self.kept_up,
            "begun": self.begun,
            "completed": self.completed,
            "failed-share": self.failed_share,
            "exchange-microseconds": self.exchange.json(),
            "generator-delay-p99-microseconds": self.delay_p99,
        })
    }
}

/// A load at a rate.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) name: &'static str,
    pub(super) rate: u32,
    pub(super) length: Duration,
    pub(super) tally: Tally,
    /// Datagrams that the system did not take.
    pub(super) unsent: u64,
}

impl Run {
    /// Exchanges completed a second.
    fn goodput(&self) -> f64 {
        number(self.tally.completed) / self.length.as_secs_f64().max(1e-9)
    }

    /// The latencies by name.
    fn latencies(&self) -> [(&'static str, &crate::bench::report::Latencies); 3] {
        let Tally { offer, ack, exchange, .. } = &self.tally;
        [("offer", offer), ("ack", ack), ("exchange", exchange)]
    }

    fn json(&self, plan: &Plan) -> Value {
        let tally = &self.tally;
        let latencies = self.latencies().map(|(name, times)| (name, times.summary().json()));
        let servers = plan.servers.iter().zip(&tally.servers).map(|(server, answers)| {
            json!({
                "server": server.to_string(),
                "offers": answers.offers,
                "acks": answers.acks,
                "naks": answers.naks,
            })
        });
        json!({
            "name": self.name,
            "rate": self.rate,
            "seconds": self.length.as_secs_f64(),
            "begun": tally.begun,
            "completed": tally.completed,
            "goodput": self.goodput(),
            "unanswered": tally.unanswered(),
            "without-offer": tally.without_offer,
            "without-ack": tally.without_ack,
            "cut-short": tally.cut_short,
            "refused": tally.refused,
            "failed-share": tally.failed_share(),
            "without-client": tally.without_client,
            "released": tally.released,
            "latency-microseconds": latencies.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
            "answers": odd_json(&tally.odd),
            "servers": servers.collect::<Vec<_>>(),
            "generator": {
                "delay-microseconds": tally.delay.summary().json(),
                "unsent": self.unsent,
                "late": self.is_late(),
            },
            "each-second": tally.seconds.iter().map(second_json).collect::<Vec<_>>(),
        })
    }

    /// Whether the generator did not get the processor when it needed it.
    fn is_late(&self) -> bool {
        self.tally.delay.quantile(0.99) > LATE
    }
}

fn odd_json(odd: &Odd) -> Value {
    json!({
        "late": odd.late,
        "further-offers": odd.further_offers,
        "repeated": odd.repeated,
        "unreadable": odd.unreadable,
        "strangers": odd.strangers,
        "unknown-server": odd.unknown_server,
    })
}

fn second_json(second: &Second) -> Value {
    json!({
        "begun": second.begun,
        "completed": second.completed,
        "unanswered": second.unanswered,
        "refused": second.refused,
        "p50-microseconds": second.p50,
        "p99-microseconds": second.p99,
    })
}

impl Outcome {
    /// Exchanges that ended as they should, tries of the search included.
    pub fn completed(&self) -> u64 {
        let runs = self.runs.iter().map(|run| run.tally.completed);
        runs.chain(self.steps.iter().map(|step| step.completed)).sum()
    }

    /// Promises that were broken.
    pub fn broken(&self) -> u64 {
        self.findings.total()
    }

    /// Everything, as one JSON object.
    pub fn json(&self) -> Value {
        let plan = &self.plan;
        let (relays, interface) = match &plan.attachment {
            Attachment::Relay(addresses) => (Some(addresses), None),
            Attachment::Interface(name) => (None, Some(name)),
        };
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "load": plan.load.name(),
            "servers": plan.servers.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "giaddr": relays,
            "interface": interface,
            "clients": plan.clients,
            "first-client": plan.first_client,
            "timeout-seconds": plan.timeout.as_secs_f64(),
            "split": plan.split,
            "preparation": self.preparation.map(|preparation| json!({
                "leases": preparation.leases,
                "seconds": preparation.took.as_secs_f64(),
            })),
            "ramp": plan.ramp.map(|length| json!({
                "step-seconds": length.as_secs_f64(),
                "kept-up-below": KEPT_UP,
                "steps": self.steps.iter().map(Step::json).collect::<Vec<_>>(),
                "rate": self.found,
            })),
            "runs": self.runs.iter().map(|run| run.json(plan)).collect::<Vec<_>>(),
            "violations": self.findings.json(),
        })
    }

    /// What a person wants to know first.
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        if let Some(preparation) = self.preparation {
            let Preparation { leases, took } = preparation;
            lines.push(format!("{leases} leases before, in {:.1} s", took.as_secs_f64()));
        }
        for step in &self.steps {
            let verdict = if step.kept_up { "kept up" } else { "too much" };
            let late = if step.delay_p99 > LATE { ", the generator itself was late" } else { "" };
            let (rate, failed) = (step.rate, step.failed_share * 100.0);
            let p99 = step.exchange.p99 / 1e3;
            lines.push(format!(
                "ramp {rate:>8}/s: {verdict}, {failed:.2} % failed, p99 {p99:.2} ms{late}"
            ));
        }
        if let Some(rate) = self.found {
            lines.push(format!("highest rate with at most 1 % failed: {rate}/s"));
        } else if self.plan.ramp.is_some() {
            lines.push("no rate was kept up with".to_owned());
        }
        for run in &self.runs {
            describe(run, &mut lines);
        }
        for (broken, count) in self.findings.counts().filter(|(_, count)| *count > 0) {
            lines.push(format!("BROKEN  {}: {count}", broken.name()));
        }
        lines.extend(self.findings.told().iter().map(|told| format!("        {told}")));
        if self.broken() == 0 {
            lines.push("no promise was broken".to_owned());
        }
        lines.join("\n") + "\n"
    }

    /// A page with tables and plots.
    pub fn html(&self, command: &str) -> String {
        let mut page = Page::new("DHCP clients under load");
        page.verbatim(command);
        page.note(&self.description());
        if self.broken() > 0 {
            page.alarm(&format!("{} promises were broken.", self.broken()));
            page.verbatim(&self.findings.told().join("\n"));
        }
        if !self.steps.is_empty() {
            self.show_ramp(&mut page);
        }
        if !self.runs.is_empty() {
            self.show_runs(&mut page);
        }
        for run in &self.runs {
            show_seconds(run, &mut page);
        }
        page.html()
    }

    fn description(&self) -> String {
        let plan = &self.plan;
        let servers: Vec<_> = plan.servers.iter().map(ToString::to_string).collect();
        format!(
            "{} clients, load {}, servers {}; an exchange counts as unanswered {} s after it was due. \
             twinlease {}.",
            plan.clients,
            plan.load.name(),
            if servers.is_empty() { "on the link".to_owned() } else { servers.join(" and ") },
            plan.timeout.as_secs_f64(),
            env!("CARGO_PKG_VERSION"),
        )
    }

    fn show_ramp(&self, page: &mut Page) {
        page.heading("Search for the highest rate");
        if let Some(rate) = self.found {
            page.note(&format!("At {rate} exchanges a second at most 1 % failed."));
        }
        let rows = self.steps.iter().map(|step| {
            let mut row = vec![
                step.rate.to_string(),
                format!("{:.2} %", step.failed_share * 100.0),
                if step.kept_up { "yes" } else { "no" }.to_owned(),
            ];
            row.extend(step.exchange.cells());
            row
        });
        let rows: Vec<_> = rows.collect();
        page.table(&["rate", "failed", "kept up", "p50 ms", "p90", "p99", "p99.9", "max"], &rows);
    }

    fn show_runs(&self, page: &mut Page) {
        page.heading("Runs");
        let rows = self.runs.iter().map(|run| {
            let tally = &run.tally;
            vec![
                run.name.to_owned(),
                run.rate.to_string(),
                format!("{:.0}", run.goodput()),
                tally.begun.to_string(),
                tally.completed.to_string(),
                tally.unanswered().to_string(),
                tally.refused.to_string(),
                format!("{:.3} %", tally.failed_share() * 100.0),
            ]
        });
        let rows: Vec<_> = rows.collect();
        let heading =
            ["run", "rate", "goodput", "begun", "completed", "unanswered", "refused", "failed"];
        page.table(&heading, &rows);
        page.heading("Latency in milliseconds");
        page.note("From the time at which a message was due, not from when it was sent.");
        let mut rows = Vec::new();
        for run in &self.runs {
            for (name, times) in run.latencies() {
                let mut row = vec![format!("{}, {name}", run.name), times.count().to_string()];
                row.extend(times.summary().cells());
                rows.push(row);
            }
        }
        page.table(&["run", "count", "p50", "p90", "p99", "p99.9", "max"], &rows);
        for run in &self.runs {
            page.plot(&latency_plot(run));
        }
    }
}

fn latency_plot(run: &Run) -> Plot {
    let curves = run.latencies().map(|(name, times)| (name, times.curve()));
    let points = || curves.iter().flat_map(|(_, points)| points);
    let least = points().map(|point| point.1).filter(|y| *y > 0.0).fold(f64::MAX, f64::min);
    let most = points().map(|point| point.1).fold(0.001, f64::max);
    let right = points().map(|point| point.0).fold(1.0, f64::max);
    let names = ["0 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %", "99.9999 %"];
    let marks = (0_u8..).map(f64::from).zip(names.map(str::to_owned));
    let marks = marks.filter(|(mark, _)| *mark <= right).collect();
    let plot = Plot::new(
        &format!("Latency, {} run at {}/s", run.name, run.rate),
        Axis::marked("share of answers", right, marks),
        Axis::logarithmic("milliseconds", least.min(most), most),
    );
    curves.into_iter().fold(plot, |plot, (name, points)| plot.line(name, points))
}

fn show_seconds(run: &Run, page: &mut Page) {
    let line = |of: fn(&Second) -> u64| -> Vec<(f64, f64)> {
        let seconds = (0_u32..).map(f64::from).zip(&run.tally.seconds);
        seconds.map(|(at, second)| (at, number(of(second)))).collect()
    };
    let lines = [
        ("begun", line(|second| second.begun)),
        ("completed", line(|second| second.completed)),
        ("unanswered", line(|second| second.unanswered)),
    ];
    let most = lines.iter().flat_map(|(_, points)| points).map(|point| point.1).fold(1.0, f64::max);
    let length = lines[0].1.last().map_or(1.0, |point| point.0);
    let plot = Plot::new(
        &format!("Exchanges a second, {} run at {}/s", run.name, run.rate),
        Axis::linear("seconds", length),
        Axis::linear("exchanges a second", most),
    );
    page.plot(&lines.into_iter().fold(plot, |plot, (name, points)| plot.line(name, points)));
}

fn describe(run: &Run, lines: &mut Vec<String>) {
    let Run { name, rate, tally, unsent, .. } = run;
    lines.push(format!(
        "{name} {rate}/s: {} begun, {} completed ({:.0}/s), {} unanswered, {} refused",
        tally.begun,
        tally.completed,
        run.goodput(),
        tally.unanswered(),
        tally.refused
    ));
    lines.push(format!("  {:<10}{}", "ms", cells(["p50", "p90", "p99", "p99.9", "max"])));
    for (name, times) in run.latencies().into_iter().filter(|(_, times)| times.count() > 0) {
        lines.push(format!("  {name:<10}{}", cells(times.summary().cells())));
    }
    let Odd { late, further_offers, repeated, unreadable, strangers, unknown_server } = tally.odd;
    lines.push(format!(
        "  other answers: {late} late, {further_offers} further offers, {repeated} repeated, \
         {unreadable} unreadable, {strangers} for strangers, {unknown_server} from unknown servers"
    ));
    if *unsent > 0 {
        lines.push(format!("  the system did not take {unsent} datagrams"));
    }
    if tally.without_client > 0 {
        lines.push(format!("  {} turns without a client that has a lease", tally.without_client));
    }
    if run.is_late() {
        let late = tally.delay.quantile(0.99) / 1e3;
        lines.push(format!(
            "  the generator itself was {late:.1} ms late in one of a hundred cases: it had too little \
             processor time for this rate"
        ));
    }
}

fn cells<S: AsRef<str>>(cells: impl IntoIterator<Item = S>) -> String {
    cells.into_iter().fold(String::new(), |line, cell| line + &format!("{:>11}", cell.as_ref()))
}
