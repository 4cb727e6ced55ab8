//! What a run came to, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::figures::Figures;
use super::options::Options;
use super::player::{Server, Work};
use super::session::Outcome;
use crate::wire::codes::RejectReason;

/// Quantiles that are told of a latency.
const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];

/// What a run came to.
#[derive(Debug)]
pub struct Report {
    server: Server,
    address: String,
    role: &'static str,
    relationships: u16,
    works: Vec<Line>,
}

/// One piece of work of all relationships together.
#[derive(Debug)]
struct Line {
    work: Work,
    bindings: u64,
    messages: u64,
    rejected: BTreeMap<RejectReason, u64>,
    /// From the first that began to the last that was done.
    seconds: f64,
    latency: Histogram<u64>,
    /// Rate of the slowest and the fastest relationship, as a part of the mean of all.
    least: f64,
    greatest: f64,
}

impl Report {
    pub(super) fn new(options: &Options, outcomes: Vec<Outcome>) -> Self {
        let server = outcomes.first().map(|outcome| outcome.server.clone()).unwrap_or_default();
        let count = outcomes.iter().map(|outcome| outcome.works.len()).min().unwrap_or(0);
        let mut of_work: Vec<(Option<Work>, Vec<Figures>)> = Vec::new();
        of_work.resize_with(count, Default::default);
        for outcome in outcomes {
            for ((work, all), (done, figures)) in of_work.iter_mut().zip(outcome.works) {
                *work = Some(done);
                all.push(figures);
            }
        }
        let works = of_work.into_iter().filter_map(|(work, all)| Some(Line::sum(work?, &all)));
        Self {
            server,
            address: options.server.to_string(),
            role: options.role.name(),
            relationships: options.relationships,
            works: works.collect(),
        }
    }

    /// One object; times are seconds.
    pub fn to_json(&self) -> Value {
        let head = json!({
            "server": self.address,
            "server-vendor-class": self.server.vendor_class,
            "server-window": self.server.max_unacked_updates,
            "role": self.role,
            "relationships": self.relationships,
        });
        let works = self.works.iter().map(|line| (line.name().to_owned(), line.to_json()));
        extended(head, works)
    }

    /// A few lines.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "{} ({}), window {}, {} relationship(s)\n",
            self.address,
            self.server.vendor_class,
            self.server.max_unacked_updates,
            self.relationships
        );
        for line in &self.works {
            text.push_str(&line.to_text(self.relationships));
        }
        text
    }
}

impl Line {
    #[expect(clippy::cast_precision_loss, reason = "no run has 2^52 bindings")]
    fn sum(work: Work, all: &[Figures]) -> Self {
        let began = all.iter().map(|figures| figures.began).min().unwrap_or_default();
        let ended = all.iter().map(|figures| figures.ended).max().unwrap_or_default();
        let mut sum = Figures::begin(began);
        sum.ended = ended;
        for figures in all {
            sum.bindings += figures.bindings;
            sum.messages += figures.messages;
            for (reason, count) in &figures.rejected {
                *sum.rejected.entry(*reason).or_default() += count;
            }
            // Both grow with what they are told.
            let _ = sum.latency.add(&figures.latency);
        }
        let rates = all.iter().map(Figures::rate);
        let mean = rates.clone().sum::<f64>() / all.len().max(1) as f64;
        let share = |rate: f64| if mean > 0.0 { rate / mean } else { 1.0 };
        Self {
            work,
            bindings: sum.bindings,
            messages: sum.messages,
            seconds: sum.seconds(),
            least: share(rates.clone().fold(f64::INFINITY, f64::min)),
            greatest: share(rates.fold(0.0, f64::max)),
            rejected: sum.rejected,
            latency: sum.latency,
        }
    }

    const fn name(&self) -> &'static str {
        match self.work {
            Work::Give(_) => "sync-to",
            Work::Take => "sync-from",
            Work::Renew { .. } => "steady",
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "no run has 2^52 bindings")]
    fn rate(&self) -> f64 {
        self.bindings as f64 / self.seconds
    }

    #[expect(clippy::cast_precision_loss, reason = "no latency has 2^52 microseconds")]
    fn latencies(&self) -> impl Iterator<Item = (&'static str, f64)> + '_ {
        let has_any = !self.latency.is_empty();
        let quantiles = QUANTILES.iter().filter(move |_| has_any);
        quantiles
            .map(|(name, quantile)| (*name, self.latency.value_at_quantile(*quantile) as f64 / 1e6))
    }

    fn to_json(&self) -> Value {
        let rejected = self.rejected.iter().map(|(reason, count)| (reason.to_string(), *count));
        let line = json!({
            "bindings": self.bindings,
            "messages": self.messages,
            "rejected": rejected.collect::<BTreeMap<_, _>>(),
            "seconds": self.seconds,
            "bindings-per-second": self.rate(),
            "share": { "least": self.least, "greatest": self.greatest },
        });
        let latencies: BTreeMap<_, _> = self.latencies().collect();
        let latencies = Some(latencies).filter(|latencies| !latencies.is_empty());
        let name = "acknowledgement-seconds".to_owned();
        extended(line, latencies.map(|latencies| (name, json!(latencies))))
    }

    fn to_text(&self, relationships: u16) -> String {
        let mut text = format!(
            "{:<9}  {} bindings in {} messages, {:.3} s: {:.0} bindings/s",
            self.name(),
            self.bindings,
            self.messages,
            self.seconds,
            self.rate()
        );
        if !self.latency.is_empty() {
            text.push_str("; acknowledged after");
            for (name, seconds) in self.latencies() {
                // Writing to a String does not fail.
                let _ = write!(text, " {name} {:.2} ms", seconds * 1e3);
            }
        }
        if relationships > 1 {
            let _ = write!(text, "; shares {:.2} to {:.2}", self.least, self.greatest);
        }
        for (reason, count) in &self.rejected {
            let _ = write!(text, "; {count} rejected: {reason}");
        }
        text.push('\n');
        text
    }
}

/// An object with more members.
fn extended(object: Value, members: impl IntoIterator<Item = (String, Value)>) -> Value {
    let Value::Object(mut object) = object else { return object };
    object.extend(members);
    Value::Object(object)
}
