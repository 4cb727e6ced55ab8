//! Which fault comes when.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::checker;
use crate::population;
use crate::random::Random;
use crate::server::{LEASE, Life, MAX_RESPONSE_DELAY, MCLT, Terms, comes_about};
use crate::stage::{BOTH, CLIENTS, Stage};

/// Most faults of a round that are there at the same time.
const FAULTS_A_ROUND: u64 = 3;

/// How long the last fault of a round lasts at least and at most, in milliseconds: for less than the
/// partner waits, or until leases end.
const LASTING: [u64; 2] = [1000, 10_000];

/// Everything that may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    /// kill -9.
    Kill,
    /// The same to both; they are started in some order.
    KillBoth,
    /// SIGTERM.
    Stop,
    /// SIGSTOP for longer than the partner waits.
    Freeze,
    /// SIGSTOP for less than that.
    Pause,
    /// What one server says does not reach the other.
    CutOneWay,
    /// Neither hears the other.
    CutBothWays,
    /// What clients say does not reach one server.
    CutRequests,
    /// What one server says does not reach the clients.
    CutAnswers,
    /// A part of what reaches one server is lost.
    Loss,
    /// One server's line is slow.
    SlowLine,
    /// No room on one server's disk.
    FullDisk,
    /// One server loses its disk and comes back with an empty one.
    LostDisk,
    /// A dead server is declared down and comes back.
    PartnerDown,
    /// The same, and it comes back with an empty disk.
    PartnerDownLostDisk,
}

const ALL: [Fault; 15] = [
    Fault::Kill,
    Fault::KillBoth,
    Fault::Stop,
    Fault::Freeze,
    Fault::Pause,
    Fault::CutOneWay,
    Fault::CutBothWays,
    Fault::CutRequests,
    Fault::CutAnswers,
    Fault::Loss,
    Fault::SlowLine,
    Fault::FullDisk,
    Fault::LostDisk,
    Fault::PartnerDown,
    Fault::PartnerDownLostDisk,
];

impl Fault {
    /// Whether it begins with everything well: an operator has to be sure of some things.
    fn begins_well(self) -> bool {
        matches!(self, Self::LostDisk | Self::PartnerDown | Self::PartnerDownLostDisk)
    }
}

#[derive(Debug)]
pub struct Play {
    seed: u64,
    random: Random,
    stage: Stage,
    /// Faults that come next: each of all once, then all again in another order.
    deck: Vec<Fault>,
    counts: BTreeMap<Fault, u32>,
    rounds: u32,
}

impl Play {
    /// A started pair with clients; `None` where this machine cannot run it.
    pub fn prepare(seed: u64) -> Option<Self> {
        let mut random = Random::new(seed);
        // dhcpd's dialect does not let in a partner whose clock is more than a minute off.
        let (dialect, most) = if random.percent(50) { ("isc", 50) } else { ("draft", 1800) };
        let offset = 1 + i64::try_from(random.below(most)).unwrap();
        let mut offsets = [0, if random.percent(50) { offset } else { -offset }];
        random.shuffle(&mut offsets);
        // Vanished clients keep their addresses for a while: now and then there are too few.
        let terms = Terms { dialect, pool: population::COUNT * 2 };
        println!(
            "seed {seed}: dialect {dialect}, clocks {offsets:?} s ahead, {} clients for {} \
             addresses, leases of {LEASE} s, MCLT {MCLT} s",
            population::COUNT,
            terms.pool
        );
        let stage = Stage::start("chaos", terms, offsets)?;
        stage.journal.say(&format!("seed {seed}, {terms:?}, clocks {offsets:?} s ahead"));
        Some(Self { seed, random, stage, deck: Vec::new(), counts: BTreeMap::new(), rounds: 0 })
    }

    /// Goes on for so long, and judges.
    pub fn run(mut self, length: Duration) {
        let end = Instant::now() + length;
        self.stage.becomes_normal();
        self.stage.live(Duration::from_secs(3));
        while Instant::now() < end && self.stage.journal.violations().is_empty() {
            self.round();
        }
        self.judge();
    }

    /// One fault that begins with everything well, or some that come one after the other.
    fn round(&mut self) {
        self.rounds += 1;
        self.stage.journal.say(&format!("round {}", self.rounds));
        let count = 1 + self.random.below(FAULTS_A_ROUND);
        for number in 1..=count {
            let fault = self.draw();
            let side = usize::from(self.random.percent(50));
            if fault.begins_well() && number > 1 {
                self.let_it_last();
            }
            self.bring(fault, side);
            if fault.begins_well() {
                break;
            }
            let pause = self.random.between(200, 3000);
            self.stage.live(pause);
        }
        self.let_it_last();
        self.stage.make_well(&mut self.random);
        if self.stage.becomes_normal() {
            self.stage.check();
            // Clients that waited for this are served before the next round.
            self.stage.live(Duration::from_secs(2));
        }
    }

    fn let_it_last(&mut self) {
        let [least, most] = LASTING;
        let pause = self.random.between(least, most);
        self.stage.live(pause);
    }

    fn draw(&mut self) -> Fault {
        if self.deck.is_empty() {
            self.deck = ALL.to_vec();
            self.random.shuffle(&mut self.deck);
        }
        let fault = self.deck.pop().unwrap();
        *self.counts.entry(fault).or_default() += 1;
        fault
    }

    fn bring(&mut self, fault: Fault, side: usize) {
        let partner = self.stage.servers[1 - side].role.address();
        self.stage.journal.say(&format!("fault {fault:?} of server {side}"));
        match fault {
            Fault::Kill => self.kill_and_perhaps_start(side),
            Fault::KillBoth => self.kill_both(),
            Fault::Stop => {
                self.bring_to_life(side);
                // A server that cannot write does not end in order.
                if !self.stage.servers[side].disk_is_full {
                    self.stage.servers[side].stop();
                }
            }
            Fault::Freeze | Fault::Pause => self.freeze(fault, side),
            Fault::CutOneWay => self.stage.servers[side].cut(partner),
            Fault::CutBothWays => self.stage.cut_partners(),
            Fault::CutRequests => self.stage.servers[side].cut(CLIENTS),
            Fault::CutAnswers => self.stage.cut_answers(side),
            Fault::Loss => {
                let loss = 5 + self.random.below(40);
                self.stage.servers[side].say(&format!("loses {loss} % of what arrives"));
                self.stage.servers[side].faults.loss = loss;
                self.stage.servers[side].apply_faults();
            }
            Fault::SlowLine => {
                self.stage.servers[side].faults.slow = true;
                self.stage.servers[side].apply_faults();
            }
            Fault::FullDisk => {
                if !self.stage.servers[side].disk_is_full {
                    self.bring_to_life(side);
                    self.stage.servers[side].fill_disk();
                }
            }
            Fault::LostDisk => self.lost_disk(side),
            Fault::PartnerDown => self.partner_down(side, false),
            Fault::PartnerDownLostDisk => self.partner_down(side, true),
        }
    }

    /// A server that something is to happen to runs.
    fn bring_to_life(&mut self, side: usize) {
        let server = &mut self.stage.servers[side];
        server.thaw();
        if server.life == Life::Dead {
            server.make_room();
            server.start();
            self.stage.live(Duration::from_secs(1));
        }
    }

    fn kill_and_perhaps_start(&mut self, side: usize) {
        self.bring_to_life(side);
        self.stage.servers[side].kill();
        if self.random.percent(50) {
            let pause = self.random.between(0, 4000);
            self.stage.live(pause);
            self.bring_to_life(side);
        }
    }

    fn kill_both(&mut self) {
        let mut order = BOTH;
        self.random.shuffle(&mut order);
        for side in order {
            self.stage.servers[side].kill();
            let pause = self.random.between(0, 500);
            self.stage.live(pause);
        }
        self.random.shuffle(&mut order);
        for side in order {
            // Sometimes the first one gives up waiting for the other before that starts.
            let pause = self.random.between(0, 8000);
            self.stage.live(pause);
            self.bring_to_life(side);
        }
    }

    fn freeze(&mut self, fault: Fault, side: usize) {
        self.bring_to_life(side);
        self.stage.servers[side].freeze();
        if fault == Fault::Pause {
            let pause = self.random.between(100, 1000 * MAX_RESPONSE_DELAY - 1000);
            self.stage.live(pause);
            self.stage.servers[side].thaw();
        }
        // A frozen one is let go on when all is made well, not before the partner has noticed.
    }

    /// Makes everything well; whether it is.
    fn settle(&mut self) -> bool {
        self.stage.make_well(&mut self.random);
        self.stage.becomes_normal()
    }

    fn lost_disk(&mut self, side: usize) {
        if !self.settle() {
            return;
        }
        self.stage.servers[side].kill();
        let pause = self.random.between(0, 3000);
        self.stage.live(pause);
        self.stage.lose_disk(side);
        self.stage.servers[side].start();
        self.until_met(side);
        self.disturb_the_recovery(side);
    }

    /// The partner is declared down only when it is dead, and it does not live again before it can
    /// hear that it was.
    fn partner_down(&mut self, side: usize, loses_its_disk: bool) {
        if !self.settle() {
            return;
        }
        let survivor = 1 - side;
        self.stage.servers[side].kill();
        if !self.stage.enters(survivor, "communications-interrupted") {
            return;
        }
        if let Err(error) = self.stage.servers[survivor].partner_down() {
            self.stage.journal.violation(&format!("partner-down: {error}"));
            return;
        }
        if !self.stage.enters(survivor, "partner-down") {
            return;
        }
        let pause = self.random.between(500, 1000 * (MCLT + 6));
        self.stage.live(pause);
        if self.random.percent(30) {
            self.stage.servers[survivor].kill();
            self.stage.servers[survivor].start();
            if !self.stage.enters(survivor, "partner-down") {
                return;
            }
        }
        if loses_its_disk {
            self.stage.lose_disk(side);
        }
        self.stage.servers[side].start();
        self.until_met(side);
        self.disturb_the_recovery(side);
    }

    /// Waits until a server that came back has met its partner and is recovering, or has recovered.
    fn until_met(&mut self, side: usize) {
        let server = &mut self.stage.servers[side];
        let met = comes_about(Duration::from_secs(30), || {
            server.look_after();
            let status = server.status();
            status.is_some_and(|status| {
                let state = status["state"].as_str().unwrap_or_default();
                state.starts_with("recover") || state == "normal"
            })
        });
        let (role, state) = (server.role.word(), server.state());
        if met {
            server.say(&format!("has met its partner, in {state:?}"));
        } else {
            self.stage.journal.violation(&format!("the {role} came back and is in {state:?}"));
        }
    }

    /// One of the two dies while one of them recovers, or neither.
    fn disturb_the_recovery(&mut self, side: usize) {
        let pause = self.random.between(0, 3000);
        self.stage.live(pause);
        let victim = match self.random.below(3) {
            0 => side,
            1 => 1 - side,
            _ => return,
        };
        self.stage.servers[victim].kill();
        let pause = self.random.between(0, 3000);
        self.stage.live(pause);
        self.stage.servers[victim].start();
    }

    /// Says how it was, and fails if a promise was broken.
    fn judge(mut self) {
        let record = self.stage.record.lock();
        for (address, holds) in record.holds() {
            for (one, other) in checker::overlaps(holds) {
                self.stage.journal.violation(&format!("{address}: {one:?} and {other:?}"));
            }
        }
        let counts = record.counts;
        let holds: usize = record.holds().values().map(Vec::len).sum();
        drop(record);
        let faults: Vec<_> = self.counts.iter().map(|(kind, n)| format!("{kind:?} {n}")).collect();
        let violations = self.stage.journal.violations();
        println!("seed {}: {} rounds; faults: {}", self.seed, self.rounds, faults.join(", "));
        println!("clients: {counts:?}; {holds} holds; {} violations", violations.len());
        if std::env::var_os("TWINLEASE_KEEP").is_some() || !violations.is_empty() {
            self.stage.keep_files();
        }
        if !violations.is_empty() {
            let tail = self.stage.journal.tail(60);
            panic!("seed {}:\n{}\n\n{tail}", self.seed, violations.join("\n"));
        }
    }
}
