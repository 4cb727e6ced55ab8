//! Every step of one server, computed once.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use twinlease::endpoint::RelationshipConfig;
use twinlease::wire::dialect::Dialect;

use crate::fingerprint::Mixing;
use crate::messages::Messages;
use crate::properties::{NO_PANIC, Violation};
use crate::setting::{ADDRESSES, CLIENTS, PRIMARY, SIDES, config, now};
use crate::side::{Effect, Local, Side, Step};
use crate::sides::{Origin, SideNumber, Sides, Summary};

/// What comes of a step.
pub(crate) struct Outcome {
    pub(crate) side: SideNumber,
    pub(crate) effects: Vec<Effect>,
}

/// What a server would give away: for each client, and for one more that nobody knows, a bit for each
/// address.
pub(crate) type Offers = [u8; CLIENTS + 1];

/// The tables.
pub(crate) struct Steps {
    configs: [RelationshipConfig; 2],
    pub(crate) messages: Messages,
    sides: Sides,
    outcomes: HashMap<(bool, SideNumber, Local, u16), Rc<Outcome>, Mixing>,
    offers: HashMap<(SideNumber, u16), Offers, Mixing>,
    /// What has been said and reported, while a trace is written.
    pub(crate) story: Option<Vec<String>>,
}

impl Steps {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self {
            configs: SIDES.map(|side| config(side, dialect)),
            messages: Messages::default(),
            sides: Sides::new(),
            outcomes: HashMap::default(),
            offers: HashMap::default(),
            story: None,
        }
    }

    pub(crate) fn summary(&self, number: SideNumber) -> &Summary {
        self.sides.summary(number)
    }

    /// The whole side; computed again if it was forgotten.
    pub(crate) fn side(&mut self, number: SideNumber) -> Rc<Side> {
        let mut way = Vec::new();
        let mut at = number;
        let mut side = loop {
            match self.sides.get(at) {
                Ok(side) => break side,
                Err(origin) => {
                    way.push((at, origin));
                    at = origin.before;
                }
            }
        };
        for (number, Origin { index, local, clock, .. }) in way.into_iter().rev() {
            let again = Step::take(
                &side,
                &self.configs[index],
                &mut self.messages,
                local,
                now(clock),
                false,
            );
            side = Rc::new(again.expect("it went well the first time").0);
            self.sides.put_back(number, side.clone());
        }
        side
    }

    /// To be called now and then: memory is given back.
    pub(crate) fn tidy(&mut self) {
        self.sides.tidy();
    }

    /// Sides met so far, and steps computed so far.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        (self.sides.count(), self.outcomes.len())
    }

    /// What comes of `local` at server `index`, whose side has this number.
    pub(crate) fn step(
        &mut self,
        index: usize,
        number: SideNumber,
        local: Local,
        clock: u16,
    ) -> Result<Rc<Outcome>, Violation> {
        let key = (index == PRIMARY, number, local, clock);
        if let Some(outcome) = self.outcomes.get(&key) {
            return Ok(outcome.clone());
        }
        let before = self.side(number);
        let config = &self.configs[index];
        let (messages, tells) = (&mut self.messages, self.story.is_some());
        let taken = catch_unwind(AssertUnwindSafe(|| {
            Step::take(&before, config, messages, local, now(clock), tells)
        }));
        let (side, mut effects) =
            taken.unwrap_or_else(|_| Err(Violation::new(NO_PANIC, format!("{local:?}"))))?;
        effects.shrink_to_fit();
        let origin = Origin { index, before: number, local, clock };
        let side = self.sides.add(side, Some(origin));
        let outcome = Rc::new(Outcome { side, effects });
        self.outcomes.insert(key, outcome.clone());
        Ok(outcome)
    }

    /// What the side would give away at this second.
    pub(crate) fn offers(&mut self, number: SideNumber, clock: u16) -> Offers {
        if let Some(offers) = self.offers.get(&(number, clock)) {
            return *offers;
        }
        let side = self.side(number);
        let mut offers = Offers::default();
        for (client, offered) in offers.iter_mut().enumerate() {
            for (index, address) in ADDRESSES.iter().enumerate() {
                *offered |= u8::from(side.offers(*address, client, now(clock))) << index;
            }
        }
        self.offers.insert((number, clock), offers);
        offers
    }
}
