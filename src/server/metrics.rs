//! Counted things on their way to `GET /metrics`.
//!
//! Whoever counts hands over samples; [`Samples::render`] writes them in the Prometheus text
//! format or in that of `OpenMetrics`. Samples of one name stand together whatever the order in which
//! they came.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What a number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// Only ever grows; 0 at the start of the process.
    Counter,
    /// The present value.
    Gauge,
}

impl MetricKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

/// How metrics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The Prometheus text format, version 0.0.4.
    Prometheus,
    /// `OpenMetrics` 1.0: a family of counters has its name without `_total`, and there is an end.
    OpenMetrics,
}

#[derive(Clone, Debug)]
struct Family {
    kind: MetricKind,
    help: &'static str,
    samples: Vec<(String, f64)>,
}

/// Metrics by name.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    families: BTreeMap<&'static str, Family>,
}

impl Samples {
    /// No metrics.
    pub const fn new() -> Self {
        Self { families: BTreeMap::new() }
    }

    /// Adds a counter. `name` begins with `twinlease_` and ends with `_total`.
    pub fn counter(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: &[(&str, &str)],
        value: u64,
    ) {
        #[expect(clippy::cast_precision_loss, reason = "Prometheus numbers are doubles")]
        self.add(MetricKind::Counter, name, help, labels, value as f64);
    }

    /// Adds a gauge. `name` begins with `twinlease_`.
    pub fn gauge(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: &[(&str, &str)],
        value: f64,
    ) {
        self.add(MetricKind::Gauge, name, help, labels, value);
    }

    fn add(
        &mut self,
        kind: MetricKind,
        name: &'static str,
        help: &'static str,
        labels: &[(&str, &str)],
        value: f64,
    ) {
        let family =
            self.families.entry(name).or_insert_with(|| Family { kind, help, samples: Vec::new() });
        family.samples.push((label_text(labels), value));
    }

    /// All of them, in the order of the names.
    pub fn render(&self, format: Format) -> String {
        let mut text = String::new();
        for (name, family) in &self.families {
            let kind = family.kind.name();
            let head = match format {
                Format::Prometheus => name,
                Format::OpenMetrics => name.strip_suffix("_total").unwrap_or(name),
            };
            // Writing into a String cannot fail.
            let _ = writeln!(text, "# HELP {head} {}\n# TYPE {head} {kind}", family.help);
            for (labels, value) in &family.samples {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        }
        if format == Format::OpenMetrics {
            text.push_str("# EOF\n");
        }
        text
    }
}

fn label_text(labels: &[(&str, &str)]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let mut text = String::from("{");
    for (position, (name, value)) in labels.iter().enumerate() {
        if position > 0 {
            text.push(',');
        }
        let _ = write!(text, "{name}=\"");
        for character in value.chars() {
            match character {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                other => text.push(other),
            }
        }
        text.push('"');
    }
    text.push('}');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_one_name_stand_together_under_one_heading() {
        let mut samples = Samples::new();
        samples.counter("twinlease_b_total", "Second.", &[("kind", "x")], 1);
        samples.gauge("twinlease_a", "First.", &[], 2.5);
        samples.counter("twinlease_b_total", "Second.", &[("kind", "y")], 3);
        assert_eq!(
            samples.render(Format::Prometheus),
            "# HELP twinlease_a First.\n# TYPE twinlease_a gauge\ntwinlease_a 2.5\n\
             # HELP twinlease_b_total Second.\n# TYPE twinlease_b_total counter\n\
             twinlease_b_total{kind=\"x\"} 1\ntwinlease_b_total{kind=\"y\"} 3\n"
        );
    }

    #[test]
    fn open_metrics_name_a_family_of_counters_without_total_and_have_an_end() {
        let mut samples = Samples::new();
        samples.counter("twinlease_b_total", "Second.", &[], 1);
        samples.gauge("twinlease_a", "First.", &[], 2.5);
        assert_eq!(
            samples.render(Format::OpenMetrics),
            "# HELP twinlease_a First.\n# TYPE twinlease_a gauge\ntwinlease_a 2.5\n\
             # HELP twinlease_b Second.\n# TYPE twinlease_b counter\ntwinlease_b_total 1\n# EOF\n"
        );
    }

    #[test]
    fn a_label_value_cannot_break_out_of_its_quotes() {
        let mut samples = Samples::new();
        samples.gauge("twinlease_a", "A.", &[("name", "x\"} 1\n\\")], 1.0);
        assert!(
            samples
                .render(Format::Prometheus)
                .ends_with("twinlease_a{name=\"x\\\"} 1\\n\\\\\"} 1\n")
        );
    }
}
