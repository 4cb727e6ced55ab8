//! Every step of one server, computed once; every side kept once, under a number.

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

/// Position in the table of sides.
pub(crate) type SideNumber = u32;

/// A server that does not run and has nothing stored.
pub(crate) const BLANK: SideNumber = 0;

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
    sides: Vec<Side>,
    numbers: HashMap<u128, SideNumber, Mixing>,
    outcomes: HashMap<(bool, SideNumber, Local, u16), Rc<Outcome>, Mixing>,
    offers: HashMap<(SideNumber, u16), Offers, Mixing>,
    /// What has been said and reported, while a trace is written.
    pub(crate) story: Option<Vec<String>>,
}

impl Steps {
    pub(crate) fn new(dialect: Dialect) -> Self {
        let mut steps = Self {
            configs: SIDES.map(|side| config(side, dialect)),
            messages: Messages::default(),
            sides: Vec::new(),
            numbers: HashMap::default(),
            outcomes: HashMap::default(),
            offers: HashMap::default(),
            story: None,
        };
        let blank = steps.number_of(Side::default());
        debug_assert_eq!(blank, BLANK, "the first one");
        steps
    }

    pub(crate) fn side(&self, number: SideNumber) -> &Side {
        &self.sides[number as usize]
    }

    /// Sides met so far, and steps computed so far.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        (self.sides.len(), self.outcomes.len())
    }

    fn number_of(&mut self, side: Side) -> SideNumber {
        let next = u32::try_from(self.sides.len()).expect("fewer than 2^32 sides");
        let number = *self.numbers.entry(side.fingerprint()).or_insert(next);
        if number == next {
            self.sides.push(side);
        }
        number
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
        let (before, config) = (&self.sides[number as usize], &self.configs[index]);
        let (messages, tells) = (&mut self.messages, self.story.is_some());
        let taken = catch_unwind(AssertUnwindSafe(|| {
            Step::take(before, config, messages, local, now(clock), tells)
        }));
        let (side, mut effects) =
            taken.unwrap_or_else(|_| Err(Violation::new(NO_PANIC, format!("{local:?}"))))?;
        effects.shrink_to_fit();
        let outcome = Rc::new(Outcome { side: self.number_of(side), effects });
        self.outcomes.insert(key, outcome.clone());
        Ok(outcome)
    }

    /// What the side would give away at this second.
    pub(crate) fn offers(&mut self, number: SideNumber, clock: u16) -> Offers {
        let side = &self.sides[number as usize];
        *self.offers.entry((number, clock)).or_insert_with(|| {
            let mut offers = Offers::default();
            for (client, offered) in offers.iter_mut().enumerate() {
                for (index, address) in ADDRESSES.iter().enumerate() {
                    *offered |= u8::from(side.offers(*address, client, now(clock))) << index;
                }
            }
            offers
        })
    }
}
