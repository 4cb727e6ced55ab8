//! Every message that was ever sent, once, under a number.

use std::collections::HashMap;
use std::rc::Rc;

/// Position in the table of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct MessageNumber(pub(crate) u32);

/// The table.
#[derive(Default)]
pub(crate) struct Messages {
    octets: Vec<Rc<[u8]>>,
    numbers: HashMap<Rc<[u8]>, MessageNumber>,
}

impl Messages {
    pub(crate) fn get(&self, number: MessageNumber) -> Rc<[u8]> {
        self.octets[number.0 as usize].clone()
    }

    pub(crate) fn number_of(&mut self, octets: &[u8]) -> MessageNumber {
        if let Some(number) = self.numbers.get(octets) {
            return *number;
        }
        let number = u32::try_from(self.octets.len()).expect("fewer than 2^32 messages");
        let octets: Rc<[u8]> = octets.into();
        self.octets.push(octets.clone());
        self.numbers.insert(octets, MessageNumber(number));
        MessageNumber(number)
    }
}
