//! Two servers that follow the table and talk over an unbroken connection, in every order in which
//! their messages and waits can come: they always end in NORMAL.

use std::collections::{BTreeSet, VecDeque};

use FailoverState::{
    CommunicationsInterrupted, ConflictDone, Normal, PartnerDown, PotentialConflict, Recover,
    RecoverDone, RecoverWait, ResolutionInterrupted,
};

use super::*;

/// What leaving STARTUP may lead to on both servers; CONFLICT-DONE only on the primary.
const STARTS: [FailoverState; 6] = [
    CommunicationsInterrupted,
    PartnerDown,
    Recover,
    RecoverWait,
    RecoverDone,
    ResolutionInterrupted,
];

/// More messages than this under way mean that the servers bounce each other.
const MAX_UNDER_WAY: usize = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Message {
    State(FailoverState),
    UpdateRequest,
    UpdateDone,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Server {
    is_primary: bool,
    state: FailoverState,
    partner: Option<FailoverState>,
    asks: bool,
    /// On their way to the partner.
    sent: VecDeque<Message>,
}

impl Server {
    fn new(is_primary: bool, state: FailoverState) -> Self {
        let sent = VecDeque::from([Message::State(state)]);
        Self { is_primary, state, partner: None, asks: false, sent }
    }

    fn role(&self) -> Role {
        if self.is_primary { Role::Primary } else { Role::Secondary }
    }

    fn ask(&mut self) {
        if !self.asks {
            self.asks = true;
            self.sent.push_back(Message::UpdateRequest);
        }
    }

    fn follow(&mut self, answer: Transition) {
        if answer.next == self.state {
            if answer.action.requests_updates() {
                self.ask();
            }
            return;
        }
        self.state = answer.next;
        self.sent.push_back(Message::State(answer.next));
        match answer.next {
            PotentialConflict if self.is_primary || self.partner == Some(ConflictDone) => {
                self.ask();
            }
            RecoverDone => self.look_at_partner(),
            _ => {}
        }
    }

    fn look_at_partner(&mut self) {
        if let Some(partner) = self.partner {
            self.follow(on_partner_state(self.role(), self.state, partner, false));
        }
    }

    fn happens(&mut self, event: EndpointEvent) {
        match on_event(self.role(), self.state, event) {
            Outcome::Transition(answer) => self.follow(answer),
            Outcome::Refused { row, .. } => panic!("{row} refuses {event:?}"),
        }
    }

    fn receive(&mut self, message: Message) {
        match message {
            Message::State(state) => {
                if self.partner.replace(state) != Some(state) {
                    self.look_at_partner();
                }
            }
            Message::UpdateRequest => self.sent.push_back(Message::UpdateDone),
            Message::UpdateDone => {
                self.asks = false;
                self.happens(EndpointEvent::UpdatesComplete);
            }
        }
    }
}

type Pair = [Server; 2];

/// What can follow: either side gets its next message, or finishes its wait.
fn successors(pair: &Pair) -> Vec<Pair> {
    let mut next = Vec::new();
    for (here, there) in [(0, 1), (1, 0)] {
        let mut received = pair.clone();
        if let Some(message) = received[there].sent.pop_front() {
            received[here].receive(message);
            next.push(received);
        }
        if pair[here].state == RecoverWait {
            let mut waited = pair.clone();
            waited[here].happens(EndpointEvent::RecoverWaitOver);
            next.push(waited);
        }
    }
    next
}

/// Follows every order of events; `path` holds the pairs on the way, `done` those explored.
fn explore(pair: &Pair, path: &mut Vec<Pair>, done: &mut BTreeSet<Pair>) {
    assert!(!path.contains(pair), "the servers go in circles: {pair:?}");
    assert!(pair.iter().all(|server| server.sent.len() <= MAX_UNDER_WAY), "{pair:?}");
    if done.contains(pair) {
        return;
    }
    let next = successors(pair);
    if next.is_empty() {
        assert_eq!(pair.each_ref().map(|server| server.state), [Normal; 2], "{pair:?}");
    }
    path.push(pair.clone());
    for pair in &next {
        explore(pair, path, done);
    }
    path.pop();
    done.insert(pair.clone());
}

#[test]
fn two_servers_end_in_normal_from_any_states_and_in_any_order() {
    for primary in STARTS.into_iter().chain([ConflictDone]) {
        for secondary in STARTS {
            let pair = [Server::new(true, primary), Server::new(false, secondary)];
            explore(&pair, &mut Vec::new(), &mut BTreeSet::new());
        }
    }
}
