//! Transitions and rejections, counted by the rule behind each. What a partner can bring about is
//! limited to the rows of the table and the reasons of one octet.

use std::collections::BTreeMap;

use crate::endpoint::Event;
use crate::wire::codes::RejectReason;

use super::metrics::Samples;

/// Counts since the start of the process, by relationship.
#[derive(Debug, Default)]
pub(super) struct Reasons {
    counts: BTreeMap<(String, Why), u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    Transition { from: &'static str, to: &'static str, row: &'static str },
    Rejected { sender: &'static str, reason: u8 },
}

impl Why {
    fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Transition { from, to, row, .. } => {
                Some(Self::Transition { from: from.name(), to: to.name(), row })
            }
            Event::UpdateRejected { reason, .. } => {
                Some(Self::Rejected { sender: "received", reason: reason.0 })
            }
            Event::UpdateRejectedByPartner { reason, .. } => {
                Some(Self::Rejected { sender: "sent", reason: reason.0 })
            }
            _ => None,
        }
    }
}

impl Reasons {
    pub(super) fn count(&mut self, relationship: &str, event: &Event) {
        if let Some(why) = Why::of(event) {
            let counter = self.counts.entry((relationship.to_owned(), why)).or_default();
            *counter = counter.saturating_add(1);
        }
    }

    pub(super) fn add_to(&self, samples: &mut Samples) {
        for ((relationship, why), count) in &self.counts {
            let name = ("relationship", relationship.as_str());
            match *why {
                Why::Transition { from, to, row } => samples.counter(
                    "twinlease_transitions_total",
                    "Changes of the failover state, by row of the transition table.",
                    &[name, ("from", from), ("to", to), ("row", row)],
                    *count,
                ),
                Why::Rejected { sender, reason } => {
                    let reason = RejectReason(reason);
                    samples.counter(
                        "twinlease_updates_rejected_total",
                        "Binding updates rejected, by reason and rule.",
                        &[
                            name,
                            ("direction", sender),
                            ("reason", reason.text()),
                            ("rule", reason.rule()),
                        ],
                        *count,
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::server::metrics::Format;
    use crate::wire::FailoverState;

    #[test]
    fn what_happened_is_counted_by_its_rule() {
        let mut reasons = Reasons::default();
        let rejected = Event::UpdateRejected {
            address: Ipv4Addr::new(10, 0, 0, 1),
            reason: RejectReason::FATAL_CONFLICT,
            text: "",
        };
        let (from, to) = (FailoverState::Normal, FailoverState::PartnerDown);
        let transition = Event::Transition { from, to, row: "PT-001", why: "" };
        for event in [&rejected, &transition, &rejected] {
            reasons.count("a", event);
        }
        let mut samples = Samples::new();
        reasons.add_to(&mut samples);
        let text = samples.render(Format::Prometheus);
        assert!(text.contains(
            "twinlease_transitions_total{relationship=\"a\",from=\"normal\",to=\"partner-down\",\
             row=\"PT-001\"} 1\n"
        ));
        assert!(text.contains("rule=\"figure 7.1.3-1\"} 2\n"), "{text}");
    }
}
