//! Promises that a server broke.

use serde_json::{Value, json};

/// Broken promises that are told one by one; more are only counted.
const TOLD: usize = 20;

/// Kinds of broken promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// An address was acknowledged to a client while another one had a valid lease of it.
    HeldTwice,
    /// The server answered a DISCOVER for which its partner is responsible.
    WrongServer,
    /// A client was refused an address of which it had a valid lease.
    Refused,
    /// Another address was acknowledged than the client had asked for.
    OtherAddress,
}

impl Broken {
    const ALL: [Self; 4] = [Self::HeldTwice, Self::WrongServer, Self::Refused, Self::OtherAddress];

    /// As it stands in reports.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::HeldTwice => "held-twice",
            Self::WrongServer => "wrong-server",
            Self::Refused => "valid-lease-refused",
            Self::OtherAddress => "other-address",
        }
    }
}

/// What was found out about a server over all runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    counts: [u64; Broken::ALL.len()],
    told: Vec<String>,
}

impl Findings {
    /// Notes a broken promise; `tell` is asked for the details of the first ones.
    pub(super) fn note(&mut self, broken: Broken, tell: impl FnOnce() -> String) {
        if let Some(count) = self.counts.get_mut(broken as usize) {
            *count += 1;
        }
        if self.told.len() < TOLD {
            self.told.push(format!("{}: {}", broken.name(), tell()));
        }
    }

    /// How many promises of each kind were broken.
    pub(super) fn counts(&self) -> impl Iterator<Item = (Broken, u64)> {
        Broken::ALL.into_iter().zip(self.counts)
    }

    /// How many in all.
    pub(super) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The first ones in detail.
    pub(super) fn told(&self) -> &[String] {
        &self.told
    }

    pub(super) fn json(&self) -> Value {
        let counts = self.counts().map(|(broken, count)| (broken.name().to_owned(), count.into()));
        let mut object: serde_json::Map<String, Value> = counts.collect();
        object.insert("total".to_owned(), self.total().into());
        object.insert("examples".to_owned(), json!(self.told));
        object.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_broken_promise_is_counted_and_the_first_ones_are_told() {
        let mut findings = Findings::default();
        for number in 0..100 {
            findings.note(Broken::Refused, || number.to_string());
        }
        assert_eq!(findings.total(), 100);
        assert_eq!(findings.told().len(), TOLD);
        assert_eq!(findings.told()[3], "valid-lease-refused: 3");
        assert_eq!(findings.json()["valid-lease-refused"], 100);
    }
}
