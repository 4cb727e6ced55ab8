//! A dhcpd at the other end: some STATE messages terminate its process or park it in SHUTDOWN, and
//! none of those may ever reach it, whatever operators, crashes and connections do.

use twinlease::balance::Role;
use twinlease::durable::{EndpointRecord, Recovered};
use twinlease::endpoint::{Input, OperatorCommand};
use twinlease::wire::codes::{FailoverState, MessageType, ServerFlags};
use twinlease::wire::message::Message;

use crate::support::scripted::{DHCPD, LINK, Script, stored};
use crate::support::{START, config};

use FailoverState::{
    CommunicationsInterrupted, ConflictDone, Normal, PartnerDown, Paused, PotentialConflict,
    Recover, RecoverDone, RecoverWait, ResolutionInterrupted, Shutdown,
};

const STATES: [FailoverState; 11] = [
    Normal,
    CommunicationsInterrupted,
    PartnerDown,
    PotentialConflict,
    Recover,
    Paused,
    Shutdown,
    RecoverDone,
    ResolutionInterrupted,
    RecoverWait,
    ConflictDone,
];

const LIVES: u64 = 3_000;
const STEPS: usize = 60;

/// What a dhcpd in `its` state survives in a useful state.
fn is_harmless(its: FailoverState, ours: FailoverState) -> bool {
    match its {
        ConflictDone => matches!(ours, Normal | PotentialConflict | ResolutionInterrupted),
        Normal => !matches!(ours, PotentialConflict | ResolutionInterrupted | ConflictDone),
        PotentialConflict | Recover => ours != Normal,
        _ => true,
    }
}

fn restarted(role: Role, state: FailoverState, partner: Option<FailoverState>) -> Script {
    let mut script =
        Script::restarted(role, EndpointRecord { partner_state: partner, ..stored(state) });
    script.vendor = DHCPD;
    script
}

/// A scripted dhcpd in one life of an endpoint.
struct Life {
    script: Script,
    role: Role,
    seed: u64,
    random: u64,
    connected: bool,
    /// What the dhcpd is in, whether or not it has said so.
    its: FailoverState,
    has_said: bool,
    /// What happened, for the message of a failure.
    story: Vec<String>,
}

impl Life {
    fn new(seed: u64) -> Self {
        let role = if seed.is_multiple_of(2) { Role::Primary } else { Role::Secondary };
        let script = Script::new(config(role, 20), Recovered::default());
        let random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut life = Self {
            script,
            role,
            seed,
            random,
            connected: false,
            its: Recover,
            has_said: false,
            story: Vec::new(),
        };
        life.start(match seed % 12 {
            11 => None,
            index => {
                let state = STATES[usize::try_from(index).unwrap()];
                let stopped = matches!(state, Paused | Shutdown).then_some(Normal);
                Some(EndpointRecord { previous_state: stopped, ..stored(state) })
            }
        });
        life
    }

    fn start(&mut self, endpoint: Option<EndpointRecord>) {
        self.story.push(format!("start with {:?}", endpoint.as_ref().map(|record| record.state)));
        let recovered = Recovered { endpoint, bindings: Vec::new() };
        let now = self.script.now;
        self.script = Script::starting_at(now, config(self.role, 20), recovered);
        self.script.vendor = DHCPD;
        self.script.instant_disk = self.below(2) == 0;
        self.connected = false;
        self.has_said = false;
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) % bound
    }

    /// A dhcpd as secondary is never in CONFLICT-DONE.
    fn any_state(&mut self) -> FailoverState {
        let count = if self.role == Role::Primary { 10 } else { 11 };
        STATES[usize::try_from(self.below(count)).unwrap()]
    }

    fn step(&mut self) {
        match self.below(16) {
            0..=2 if !self.connected => self.connect(),
            3..=6 if self.connected => self.announce(),
            7 if self.connected => {
                self.story.push("cut".to_owned());
                self.script.input(Input::Disconnected { link: LINK });
                self.connected = false;
            }
            8 => {
                let stored = self.script.record.clone();
                self.start(stored);
            }
            9 => self.operate(),
            10 | 11 => {
                self.story.push("sync".to_owned());
                self.script.sync();
            }
            12 | 13 => self.answer_request(),
            14 if !self.connected || self.has_said => {
                let seconds = [1, 5, 20, 700][usize::try_from(self.below(4)).unwrap()];
                self.story.push(format!("{seconds} s"));
                if self.connected {
                    self.script.run_talking(seconds);
                } else {
                    self.script.run(seconds);
                }
            }
            15 if self.has_said => {
                self.script.tell(&Message::UpdReq);
            }
            _ => {}
        }
        self.check();
    }

    fn connect(&mut self) {
        self.its = self.any_state();
        self.has_said = false;
        self.story.push(format!("connect, dhcpd is {}", self.its));
        self.script.connected();
        self.connected = !self.script.closed.contains(&LINK);
        if self.connected {
            match self.role {
                Role::Primary => self.script.accept_connect(),
                Role::Secondary => self.script.connect(),
            }
        }
    }

    fn announce(&mut self) {
        if self.has_said {
            self.its = self.any_state();
        }
        self.has_said = true;
        let flags = if self.below(4) == 0 { ServerFlags::STARTUP } else { ServerFlags(0) };
        let since = self.script.now.wall.0 - u32::try_from(self.below(100)).unwrap();
        self.story.push(format!("dhcpd says {} {flags:?}", self.its));
        self.script.state_with(self.its, flags, since);
    }

    fn operate(&mut self) {
        let command = match self.below(5) {
            0 => OperatorCommand::Pause,
            1 => OperatorCommand::Shutdown,
            2 => OperatorCommand::PartnerDown { forced: true },
            _ => OperatorCommand::PartnerDown { forced: false },
        };
        self.story.push(format!("{command:?}"));
        self.script.input(Input::Operator(command));
    }

    fn answer_request(&mut self) {
        let request =
            self.script.said.iter().find(|said| {
                matches!(said.message_type, MessageType::UPDREQ | MessageType::UPDREQALL)
            });
        if let Some(xid) = request.map(|said| said.xid)
            && self.has_said
        {
            self.story.push("UPDDONE".to_owned());
            self.script.say(xid, &Message::UpdDone);
            self.script.said.retain(|said| said.xid != xid);
        }
    }

    fn check(&mut self) {
        for said in self.script.said.iter().filter(|said| said.message_type == MessageType::STATE) {
            let (ours, _) = said.state();
            let expected = is_harmless(self.its, ours);
            assert!(
                expected,
                "seed {}: {ours} was sent to a dhcpd in {}: {:#?}",
                self.seed, self.its, self.story
            );
        }
        self.script.said.retain(|said| {
            matches!(said.message_type, MessageType::UPDREQ | MessageType::UPDREQALL)
        });
        if self.script.closed.contains(&LINK) {
            self.story.push("closed".to_owned());
            self.connected = false;
        }
        if !self.connected {
            self.has_said = false;
            self.script.said.clear();
        }
        self.script.closed.clear();
    }
}

#[test]
fn no_state_that_harms_a_dhcpd_is_ever_sent_to_it() {
    for seed in 0..LIVES {
        let mut life = Life::new(seed);
        for _ in 0..STEPS {
            life.step();
        }
    }
}

#[test]
fn a_primary_that_was_resolving_a_conflict_waits_for_the_state_of_a_dhcpd() {
    let mut script = restarted(Role::Primary, ResolutionInterrupted, Some(Normal));
    script.shake_hands();
    assert_eq!(script.types(), Vec::<&str>::new());
}

#[test]
fn a_conflict_is_not_announced_to_a_dhcpd_that_starts_in_normal() {
    let mut script = restarted(Role::Primary, ResolutionInterrupted, None);
    script.shake_hands();
    script.state_with(Normal, ServerFlags::STARTUP, START);
    assert_eq!(script.types(), ["disconnect"]);
    assert_eq!(script.closed, [LINK]);
}

#[test]
fn a_primary_that_had_to_leave_a_starting_dhcpd_resolves_the_conflict_on_the_next_connection() {
    let mut script = restarted(Role::Primary, ResolutionInterrupted, None);
    script.shake_hands();
    script.state_with(Normal, ServerFlags::STARTUP, START);
    script.shake_hands();
    script.state(CommunicationsInterrupted);
    assert_eq!(script.take(MessageType::STATE).state().0, PotentialConflict);
    script.take(MessageType::UPDREQ);
}

#[test]
fn a_primary_in_conflict_done_joins_a_dhcpd_that_starts_in_normal() {
    let mut script = restarted(Role::Primary, ConflictDone, None);
    script.shake_hands();
    script.state_with(Normal, ServerFlags::STARTUP, START);
    assert_eq!(script.take(MessageType::STATE).state(), (Normal, ServerFlags(0)));
}

#[test]
fn a_secondary_that_starts_joins_the_conflict_of_a_dhcpd_in_conflict_done_at_once() {
    let mut script = restarted(Role::Secondary, Normal, Some(ConflictDone));
    script.shake_hands();
    script.state(ConflictDone);
    assert_eq!(script.closed, []);
    assert_eq!(script.types(), ["state", "updreq"]);
    assert_eq!(script.take(MessageType::STATE).state(), (PotentialConflict, ServerFlags(0)));
}

#[test]
fn an_announcement_that_waited_for_the_disk_is_withheld_from_a_dhcpd_in_conflict_done() {
    let mut script = restarted(Role::Secondary, ResolutionInterrupted, None);
    script.shake_hands();
    script.state(PotentialConflict);
    script.said.clear();
    script.instant_disk = false;
    script.input(Input::Operator(OperatorCommand::Pause));
    script.state(ConflictDone);
    script.sync();
    assert!(!script.types().contains(&"state"));
    assert_eq!(script.closed, [LINK]);
}

#[test]
fn a_command_does_not_break_the_silence_before_a_dhcpd_has_spoken() {
    let mut script = restarted(Role::Secondary, Normal, None);
    script.shake_hands();
    script.input(Input::Operator(OperatorCommand::PartnerDown { forced: false }));
    assert_eq!(script.types(), Vec::<&str>::new());
    script.state(CommunicationsInterrupted);
    assert!(script.types().contains(&"state"));
}

#[test]
fn a_dhcpd_last_seen_in_conflict_done_is_waited_for_as_long_as_it_takes() {
    let mut script = restarted(Role::Secondary, PartnerDown, Some(ConflictDone));
    script.shake_hands();
    script.run(10);
    assert!(!script.types().contains(&"state"));
}

#[test]
fn a_recovery_that_goes_on_announces_its_state_before_it_asks_for_updates() {
    let mut script = restarted(Role::Secondary, Recover, None);
    script.shake_hands();
    script.state(PartnerDown);
    script.input(Input::Disconnected { link: LINK });
    script.said.clear();
    script.shake_hands();
    script.state(PartnerDown);
    let types = script.types();
    assert_eq!((types[0], types[types.len() - 1]), ("state", "updreq"));
}

#[test]
fn a_dhcpd_that_lost_the_connection_in_recover_is_reminded_to_ask() {
    let mut script = restarted(Role::Primary, RecoverDone, None);
    script.run(15);
    script.shake_hands();
    script.state(Recover);
    assert_eq!(script.announced(), [Recover, RecoverDone]);
}
