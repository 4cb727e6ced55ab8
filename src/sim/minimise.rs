//! Making a failing world smaller while the same promise is broken: shorter, with fewer faults and
//! fewer clients.

use super::campaign::live;
use super::outcome::Outcome;
use super::scenario::Scenario;
use super::watch::Kind;

/// Worlds that are tried at most.
const MAX_TRIES: usize = 300;

/// The smallest world found that breaks this promise.
pub(crate) fn minimise(scenario: &Scenario, kind: Kind) -> Outcome {
    let mut search = Search { best: live(scenario.clone(), true), kind, tries: 0 };
    search.shorten();
    search.thin(
        |scenario| scenario.faults.len(),
        |scenario, from, to| {
            scenario.faults.drain(from..to);
        },
    );
    search.thin(
        |scenario| scenario.clients.len(),
        |scenario, from, to| {
            scenario.clients.drain(from..to);
        },
    );
    search.shorten();
    search.best
}

struct Search {
    best: Outcome,
    kind: Kind,
    tries: usize,
}

impl Search {
    /// Takes a smaller world if it breaks the same promise.
    fn try_one(&mut self, scenario: Scenario) -> bool {
        if self.tries >= MAX_TRIES {
            return false;
        }
        self.tries += 1;
        let outcome = live(scenario, true);
        let same = outcome.violation.as_ref().is_some_and(|found| found.kind == self.kind);
        if same {
            self.best = outcome;
        }
        same
    }

    /// Ends the world where it broke, if that is before it was healed; and drops what comes later.
    fn shorten(&mut self) {
        let Some(at) = self.best.violation.as_ref().map(|found| found.at) else { return };
        let mut shorter = self.best.scenario.clone();
        shorter.faults.retain(|fault| fault.at <= at);
        shorter.end = shorter.end.min(at + 1);
        self.try_one(shorter);
    }

    /// Takes parts away, first halves, then ever smaller ones.
    fn thin(
        &mut self,
        count: impl Fn(&Scenario) -> usize,
        without: impl Fn(&mut Scenario, usize, usize),
    ) {
        let mut part = count(&self.best.scenario).div_ceil(2);
        while part > 0 {
            let mut from = 0;
            while from < count(&self.best.scenario) {
                let to = (from + part).min(count(&self.best.scenario));
                let mut thinner = self.best.scenario.clone();
                without(&mut thinner, from, to);
                if !self.try_one(thinner) {
                    from = to;
                }
            }
            part /= 2;
        }
    }
}
