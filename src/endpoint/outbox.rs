//! Messages that wait for a commit before they may leave, in the order in which they will.
//!
//! Durable before visible: an entry stays until its commit is on stable storage. The header's time
//! is set when the entry leaves, not when it is queued (§6.2).

use core::net::Ipv4Addr;
use std::collections::VecDeque;

use crate::durable::CommitId;
use crate::time::UnixTime;
use crate::wire::codes::{FailoverState, RejectReason, ServerFlags, Xid};

use super::io::LinkId;

/// The answer to one transaction of a BNDUPD.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Reply {
    pub(super) address: Ipv4Addr,
    pub(super) reject: Option<(RejectReason, &'static str)>,
}

/// The answer to one BNDUPD. Nearly all have one transaction, which costs no allocation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Acknowledgement {
    pub(super) xid: Xid,
    pub(super) first: Reply,
    pub(super) more: Vec<Reply>,
}

/// A message that is not sent on the spot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Outgoing {
    State { state: FailoverState, flags: ServerFlags, start_of_state: UnixTime },
    BndAck(Acknowledgement),
    PoolReq,
    PoolResp { xid: Xid, addresses_transferred: u32 },
    UpdReq { all: bool },
    ConnectAck { link: LinkId, xid: Xid, tls_reply: Option<u8> },
    UpdDone { xid: Xid },
}

impl Outgoing {
    /// STATE comes before the updates of that state (§8.2), POOLRESP before the addresses that it
    /// counts (§7.6.2).
    const fn is_barrier(&self) -> bool {
        matches!(self, Self::State { .. } | Self::PoolResp { .. })
    }
}

/// Messages that wait at most. Nobody has more updates unanswered; a partner that goes on asking
/// while the store is slow loses its connection.
const MAX_WAITING: usize = 65_536;

/// The queue.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Outbox {
    entries: VecDeque<(CommitId, Outgoing)>,
    /// Entries that no update may overtake.
    barriers: usize,
}

impl Outbox {
    /// Queues `message` behind all others, to leave once `after` is durable.
    pub(super) fn push(&mut self, after: CommitId, message: Outgoing) {
        self.barriers = self.barriers.saturating_add(usize::from(message.is_barrier()));
        self.entries.push_back((after, message));
    }

    /// The next message if nothing holds it back.
    pub(super) fn pop_released(&mut self, durable: CommitId) -> Option<Outgoing> {
        if self.entries.front()?.0 > durable {
            return None;
        }
        let (_, message) = self.entries.pop_front()?;
        self.barriers = self.barriers.saturating_sub(usize::from(message.is_barrier()));
        Some(message)
    }

    /// Whether a message waits that no update may overtake.
    pub(super) fn holds_updates_back(&self) -> bool {
        self.barriers > 0
    }

    /// Whether no answer may be added to those that wait.
    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= MAX_WAITING
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Empties the queue; the answers to updates that were in it are returned.
    pub(super) fn drain_acknowledgements(&mut self) -> impl Iterator<Item = Acknowledgement> + '_ {
        self.barriers = 0;
        self.entries.drain(..).filter_map(|(_, message)| match message {
            Outgoing::BndAck(acknowledgement) => Some(acknowledgement),
            Outgoing::State { .. }
            | Outgoing::PoolReq
            | Outgoing::PoolResp { .. }
            | Outgoing::UpdReq { .. }
            | Outgoing::ConnectAck { .. }
            | Outgoing::UpdDone { .. } => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stays_until_its_commit_is_durable() {
        let mut outbox = Outbox::default();
        outbox.push(CommitId(2), Outgoing::PoolReq);
        assert_eq!(outbox.pop_released(CommitId(1)), None);
        assert_eq!(outbox.pop_released(CommitId(2)), Some(Outgoing::PoolReq));
    }

    #[test]
    fn updates_wait_for_states_and_answers_to_poolreq_alone() {
        let poolresp = Outgoing::PoolResp { xid: Xid(1), addresses_transferred: 0 };
        let state = Outgoing::State {
            state: FailoverState::Normal,
            flags: ServerFlags(0),
            start_of_state: UnixTime(0),
        };
        for (message, waits) in [(state, true), (poolresp, true), (Outgoing::PoolReq, false)] {
            let mut outbox = Outbox::default();
            outbox.push(CommitId(0), message);
            assert_eq!(outbox.holds_updates_back(), waits);
            outbox.pop_released(CommitId(0));
            assert!(!outbox.holds_updates_back());
        }
    }

    #[test]
    fn the_queue_is_full_at_its_limit() {
        let mut outbox = Outbox::default();
        for _ in 1..MAX_WAITING {
            outbox.push(CommitId(1), Outgoing::PoolReq);
        }
        assert!(!outbox.is_full());
        outbox.push(CommitId(1), Outgoing::PoolReq);
        assert!(outbox.is_full());
    }

    #[test]
    fn nothing_overtakes_a_message_that_waits() {
        let mut outbox = Outbox::default();
        outbox.push(CommitId(2), Outgoing::PoolReq);
        outbox.push(CommitId(0), Outgoing::UpdDone { xid: Xid(1) });
        assert_eq!(outbox.pop_released(CommitId(1)), None);
    }
}
