//! What will happen, in the order in which it happens: the world jumps from one entry to the next.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::clock::True;
use crate::endpoint::{ConnectFailure, LinkId, Origin};

/// One thing to come. What names a `boot` is for that process alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    /// A machine is switched on, if it is off, and its process starts.
    Start { side: usize },
    /// The process has a timer due.
    Wake { side: usize, boot: u64, at: True },
    /// The process notices that its wall clock was set.
    ClockNoticed { side: usize, boot: u64 },
    /// A process that was told to stop ends, and is started again later.
    Stop { side: usize, away: u64 },
    /// The committer's sync is over.
    Synced { side: usize, boot: u64 },
    /// A connection is up.
    Connected { side: usize, boot: u64, link: LinkId, origin: Origin },
    /// A dial attempt failed.
    DialFailed { side: usize, boot: u64, failure: ConnectFailure },
    /// The next octets on a connection are due at this side.
    Deliver { to: usize, link: LinkId },
    /// The system tells this side that its connection is gone.
    Reset { side: usize, link: LinkId },
    /// The system has waited long enough for octets to be acknowledged.
    GiveUp { side: usize, link: LinkId },
    /// A client's datagram reaches a server.
    Asked { side: usize, client: u32, octets: Vec<u8>, unicast: bool },
    /// An answer reaches a client.
    Answered { octets: Vec<u8> },
    /// A client has something to do; `turn` tells whether it is still meant.
    Client { client: u32, turn: u64 },
    /// A fault of the scenario is due.
    Fault { index: usize },
    /// Part of a fault is over.
    Over(Over),
    /// Everything is looked at as a whole.
    Inspect,
}

/// What ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// Octets from this side arrive again.
    Block { from: usize },
    /// The relay agent forwards to both again.
    Relay,
    /// The disk has room again.
    FullDisk { side: usize },
    /// The disk is as fast as before.
    SlowDisk { side: usize },
}

/// Everything to come.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    heap: BinaryHeap<Entry>,
    serial: u64,
}

#[derive(Debug)]
struct Entry {
    order: Reverse<(True, u64)>,
    what: Happening,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order.cmp(&other.order)
    }
}

impl Agenda {
    /// Notes what happens at a moment; of several at one moment the first noted comes first.
    pub(crate) fn at(&mut self, at: True, what: Happening) {
        self.serial += 1;
        self.heap.push(Entry { order: Reverse((at, self.serial)), what });
    }

    /// Takes the next thing that happens no later than `end`.
    pub(crate) fn next(&mut self, end: True) -> Option<(True, Happening)> {
        let Reverse((at, _)) = self.heap.peek()?.order;
        if at > end {
            return None;
        }
        self.heap.pop().map(|entry| (at, entry.what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_first_comes_first_at_one_moment() {
        let mut agenda = Agenda::default();
        agenda.at(5, Happening::Start { side: 0 });
        agenda.at(5, Happening::Start { side: 1 });
        agenda.at(4, Happening::Inspect);
        assert_eq!(agenda.next(5), Some((4, Happening::Inspect)));
        assert_eq!(agenda.next(5), Some((5, Happening::Start { side: 0 })));
        assert_eq!(agenda.next(4), None);
    }
}
