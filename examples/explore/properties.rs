//! What must hold in every state. Each property has the name under which a violation is reported.

use std::fmt;
use std::net::Ipv4Addr;

use twinlease::binding::Binding;
use twinlease::durable::{Change, CommitId};
use twinlease::endpoint::transitions::{Next, rows};
use twinlease::wire::bndupd::{BndAck, BndUpd};
use twinlease::wire::codes::{FailoverState, Xid};
use twinlease::wire::message::Message;

use crate::setting::{CLIENTS, MCLT, WINDOW, client, second};
use crate::side::Side;

/// A property and how it was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) property: &'static str,
    pub(crate) what: String,
}

impl Violation {
    pub(crate) fn new(property: &'static str, what: impl Into<String>) -> Self {
        Self { property, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.property, self.what)
    }
}

type Verdict = Result<(), Violation>;

/// The endpoint panicked.
pub(crate) const NO_PANIC: &str = "no-panic";

fn check(holds: bool, property: &'static str, what: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(Violation::new(property, what())) }
}

// Of one server, at each step.

/// Every transition is a row of the table, and leads where the row says.
pub(crate) fn transition_is_a_row(from: FailoverState, to: FailoverState, id: &str) -> Verdict {
    let row = rows().find(|row| row.id == id);
    let leads_there = row.is_some_and(|row| match row.next {
        Next::To(next) | Next::IfForced(next) | Next::UnlessConnected(next) => next == to,
        Next::Stay | Next::Saved | Next::AsPair => from == FailoverState::Startup,
        Next::Refuse => false,
    });
    check(leads_there, "transition-in-table", || format!("{from} to {to} by row {id}"))
}

/// The state changes by the transitions that were reported and not otherwise.
pub(crate) fn state_is_explained(
    before: Option<FailoverState>,
    after: Option<FailoverState>,
    path: &[(FailoverState, FailoverState)],
) -> Verdict {
    let reached = path
        .iter()
        .try_fold(before, |state, (from, to)| (state == Some(*from)).then_some(Some(*to)));
    check(reached == Some(after), "transition-in-table", || {
        format!("from {before:?} to {after:?} by way of {path:?}")
    })
}

/// A DHCPACK leaves when the lease is on disk.
pub(crate) fn promise_is_durable(needs: CommitId, durable: CommitId) -> Verdict {
    check(needs <= durable, "durable-before-dhcpack", || {
        format!("it needs commit {}, durable is {}", needs.0, durable.0)
    })
}

/// What a message says is on disk, and no more updates are unanswered than the partner allows.
pub(crate) fn message_may_leave(side: &mut Side, xid: Xid, message: &Message<'_>) -> Verdict {
    match message {
        Message::State(state) => {
            let announced = state.server_state.and_then(FailoverState::from_code);
            let stored = side.disk.record.as_ref().map(|record| record.state);
            let is_stored = announced.is_some_and(|state| side.observed.announces(state));
            check(is_stored, "durable-before-state", || {
                format!("STATE says {announced:?}, on disk is {stored:?}")
            })
        }
        Message::BndAck(bndack) => answer_is_durable(side, xid, bndack),
        Message::BndUpd(bndupd) => {
            for update in bndupd.updates() {
                news_is_durable(side, update.address)?;
            }
            window_has_room(side, xid, bndupd)
        }
        _ => Ok(()),
    }
}

fn answer_is_durable(side: &mut Side, xid: Xid, bndack: &BndAck<'_>) -> Verdict {
    let accepted = bndack.replies().filter(|reply| reply.reject.is_none());
    let waiting = accepted.filter_map(|reply| side.last_commit_of(reply.address)).max();
    // Not yet noted: the update is being processed at this moment.
    let needed = side.observed.owed.remove(&xid).or(waiting).unwrap_or_default();
    let durable = side.observed.durable;
    check(needed <= durable, "durable-before-bndack", || {
        format!("it needs commit {}, durable is {}", needed.0, durable.0)
    })
}

/// What is told of an address may not be lost by a crash.
fn news_is_durable(side: &Side, address: Ipv4Addr) -> Verdict {
    let waiting = side.unwritten.iter().rev().find_map(|commit| match &commit.change {
        Change::Binding(binding) => (binding.address == address).then_some(binding),
        Change::Endpoint(_) => None,
    });
    let Some(waiting) = waiting else { return Ok(()) };
    let same = side.stored(address).is_some_and(|stored| tells_the_same(stored, waiting));
    check(same, "durable-before-bndupd", || format!("{address}: {waiting:?} is not on disk"))
}

/// Whether two bindings make the same update.
fn tells_the_same(one: &Binding, other: &Binding) -> bool {
    let told = |binding: &Binding| {
        (
            binding.binding_status,
            binding.client.clone(),
            binding.lease_expiration,
            binding.sent_potential_expiration,
            binding.start_of_status,
        )
    };
    told(one) == told(other)
}

fn window_has_room(side: &mut Side, xid: Xid, bndupd: &BndUpd<'_>) -> Verdict {
    debug_assert!(bndupd.updates().next().is_some(), "no update is empty");
    side.observed.unanswered.push(xid);
    let unanswered = side.observed.unanswered.len();
    check(unanswered <= WINDOW as usize, "window", || {
        format!("{unanswered} messages with updates are unanswered")
    })
}

// Of the pair.

/// A lease that a client believes to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Held {
    /// Index of the address.
    pub(crate) address: u8,
    /// Second at which it ends.
    pub(crate) end: u16,
}

/// No address has two clients.
pub(crate) fn no_address_is_doubled(held: &[Option<Held>; CLIENTS]) -> Verdict {
    let [Some(one), Some(two)] = held else { return Ok(()) };
    check(one.address != two.address, "one-holder", || {
        format!("both clients hold address {} until {} and {}", one.address, one.end, two.end)
    })
}

/// A lease ends at most MCLT after what the partner has on disk about it, or after now.
pub(crate) fn lease_is_limited(
    number: u8,
    end: u16,
    partner: Option<&Binding>,
    clock: u16,
) -> Verdict {
    let who = client(usize::from(number));
    let known = partner.filter(|binding| binding.belongs_to(&who)).map_or(0, |binding| {
        let promised = binding
            .sent_potential_expiration
            .max(binding.acked_potential_expiration)
            .max(binding.received_potential_expiration);
        second(promised.max(binding.lease_expiration))
    });
    let limit = known.max(clock).saturating_add(MCLT);
    check(end <= limit, "mclt", || {
        format!("the lease ends at {end}; the partner knows of {known}, so {limit} is the limit")
    })
}

/// What one client holds nobody offers to another.
pub(crate) fn held_is_not_offered(offered: bool, held: Held, side: usize) -> Verdict {
    check(!offered, "held-not-offered", || {
        format!(
            "server {side} would give address {} to another client; it is held until {}",
            held.address, held.end
        )
    })
}

/// No address may be given to a new client by both servers.
pub(crate) fn pools_are_disjoint(offered_by: [bool; 2], address: usize) -> Verdict {
    check(offered_by != [true, true], "disjoint-pools", || {
        format!("both servers would give address {address} to a new client")
    })
}
