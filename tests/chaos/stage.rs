//! Two servers and their clients on a network, and how all of it is made well again.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::checker::{self, TOLERANCE};
use crate::disk;
use crate::faults::Faults;
use crate::journal::Journal;
use crate::population::Clients;
use crate::random::Random;
use crate::record::{Hold, Record};
use crate::server::{LEASE, Life, MAX_RESPONSE_DELAY, Server, Terms, comes_about};
use crate::support::network::{Host, Network};
use crate::support::prerequisites;
use crate::support::setup::Role;

/// Where the clients are.
pub const CLIENTS: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 3);

/// Time within which both servers are in NORMAL again when nothing hinders them: waiting after a
/// start, the MCLT, and a wide margin for a busy machine.
const RECOVERY: Duration = Duration::from_secs(90);

/// The primary and the secondary, by their position.
pub const BOTH: [usize; 2] = [0, 1];

#[derive(Debug)]
pub struct Stage {
    // Dropped in this order: the clients, the servers, the network.
    clients: Clients,
    pub servers: [Server; 2],
    client_faults: Faults,
    client_host: Host,
    pub record: Arc<Mutex<Record>>,
    pub journal: Journal,
    /// When the journal began, in Unix time.
    begin: Duration,
    network: Network,
}

impl Stage {
    /// Two started servers; `None` where this machine cannot run them.
    pub fn start(test: &str, terms: Terms, offsets: [i64; 2]) -> Option<Self> {
        let tools = [("nft", "nftables"), ("tc", "iproute2"), ("faketime", "faketime")];
        if !prerequisites::are_there(test, &tools) {
            return None;
        }
        disk::mount_privately();
        let network = Network::new(test)?;
        let journal = Journal::new(&network.directory().join("chaos.log"));
        let begin = std::time::UNIX_EPOCH.elapsed().unwrap();
        let record = Arc::new(Mutex::new(Record::new(journal.clone())));
        let server = |role, offset| Server::new(&network, role, terms, offset, journal.clone());
        let mut servers = [server(Role::Primary, offsets[0]), server(Role::Secondary, offsets[1])];
        for server in &mut servers {
            server.start();
        }
        let client_host = network.host("c");
        let addresses = servers.each_ref().map(Server::clients);
        let clients = Clients::start(&client_host, addresses, Arc::clone(&record));
        let client_faults = Faults::default();
        Some(Self { clients, servers, client_faults, client_host, record, journal, begin, network })
    }

    /// Lets some time pass and looks after both servers meanwhile.
    pub fn live(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            thread::sleep(left.min(Duration::from_millis(100)));
            for server in &mut self.servers {
                server.look_after();
            }
        }
    }

    /// Neither server hears the other.
    pub fn cut_partners(&mut self) {
        for side in BOTH {
            let partner = self.servers[1 - side].role.address();
            self.servers[side].cut(partner);
        }
    }

    /// What a server says does not reach the clients.
    pub fn cut_answers(&mut self, side: usize) {
        self.client_faults.cut(self.servers[side].role.address());
        self.client_faults.apply(&self.client_host);
    }

    /// Ends every fault, in some order; both servers run.
    pub fn make_well(&mut self, random: &mut Random) {
        self.journal.say("all is made well");
        self.client_faults = Faults::default();
        self.client_faults.apply(&self.client_host);
        let mut order = BOTH;
        random.shuffle(&mut order);
        for side in order {
            if let Life::Frozen(since) = self.servers[side].life {
                let least = Duration::from_secs(MAX_RESPONSE_DELAY + 1);
                self.live(least.saturating_sub(since.elapsed()));
            }
            let server = &mut self.servers[side];
            server.faults = Faults::default();
            server.apply_faults();
            server.thaw();
            server.make_room();
            server.look_after();
            server.start();
            self.live(random.between(0, 1500));
        }
    }

    /// Waits until a server says that it is in a state; whether it did.
    pub fn enters(&mut self, side: usize, state: &str) -> bool {
        let server = &mut self.servers[side];
        let came = comes_about(Duration::from_secs(30), || {
            server.look_after();
            server.state().as_deref() == Some(state)
        });
        if !came {
            let (role, found) = (server.role.word(), server.state());
            self.journal.violation(&format!("the {role} is in {found:?}, not in {state}"));
        }
        came
    }

    /// Waits until both are in NORMAL; whether that came about.
    pub fn becomes_normal(&mut self) -> bool {
        let since = Instant::now();
        let came = comes_about(RECOVERY, || {
            self.servers.iter_mut().for_each(Server::look_after);
            self.servers.iter().all(Server::is_normal)
        });
        let states = self.servers.each_ref().map(Server::state);
        if came {
            self.journal
                .say(&format!("both in NORMAL after {:.1} s", since.elapsed().as_secs_f64()));
        } else {
            self.journal.violation(&format!("not in NORMAL after {RECOVERY:?}, but in {states:?}"));
        }
        came
    }

    /// Lets the clients fall silent and compares what they hold with what both servers list.
    pub fn check(&mut self) {
        self.clients.fall_silent();
        self.check_leases();
        self.check_tables();
        self.clients.go_on();
    }

    /// Every lease is in both tables before it ends, and before the servers believe that they have
    /// told each other everything.
    fn check_leases(&self) {
        let held = self.record.lock().held_at(self.journal.at(Instant::now()) + TOLERANCE);
        let mut missing = Vec::new();
        let known = comes_about(Duration::from_secs(LEASE), || {
            let synced = self.servers.iter().all(Server::is_synced);
            missing = self.servers.iter().flat_map(|server| self.missing(server, &held)).collect();
            synced || missing.is_empty()
        });
        self.journal.say(&format!("{} leases are held", held.len()));
        if !known || !missing.is_empty() {
            self.journal.violation(&format!("lost:\n{}", missing.join("\n")));
        }
    }

    /// Those of `held` that have not ended and that a server does not know.
    fn missing(&self, server: &Server, held: &[(Ipv4Addr, Hold)]) -> Vec<String> {
        let role = server.role.word();
        let Some(table) = server.table() else { return vec![format!("no table of the {role}")] };
        let now = self.journal.at(Instant::now());
        let lost = checker::lost(held, &table, now, self.begin);
        lost.into_iter().map(|lost| format!("on the {role}: {lost}")).collect()
    }

    /// Both tables become equal.
    fn check_tables(&self) {
        let mut found = Vec::new();
        let equal = comes_about(RECOVERY, || {
            let synced = self.servers.iter().all(Server::is_synced);
            let [Some(one), Some(other)] = self.servers.each_ref().map(Server::table) else {
                return false;
            };
            found = checker::differences(&one, &other);
            synced && found.is_empty()
        });
        if equal {
            self.journal.say("the tables are equal");
        } else {
            let text = found.join("\n");
            self.journal.violation(&format!("the tables differ (primary | secondary):\n{text}"));
        }
    }

    /// The disk of a dead server is lost, and with it what its partner was not told: the protocol
    /// keeps nobody else from using those addresses later, but it cannot know of those leases.
    pub fn lose_disk(&mut self, side: usize) {
        self.servers[side].wipe_disk();
        // First what is held, then who knows of it: clients go on meanwhile.
        let now = self.journal.at(Instant::now());
        let mut held = self.record.lock().held_at(now + TOLERANCE);
        let Some(table) = self.servers[1 - side].table() else {
            self.journal.violation("the survivor does not list its leases");
            return;
        };
        held.retain(|(address, hold)| !checker::knows(&table, *address, hold, self.begin));
        self.record.lock().excuse(&held);
    }

    /// Leaves everything that tells what happened beside the journal.
    pub fn keep_files(&mut self) {
        for server in &mut self.servers {
            server.kill();
            server.keep_files(self.network.directory());
        }
        let record = self.record.lock();
        let lines = record.holds().iter().flat_map(|(address, holds)| {
            holds.iter().map(move |hold| {
                format!(
                    "{address} client {} by {} from {:.3} until {:.3}{}\n",
                    hold.client,
                    hold.server,
                    hold.from.as_secs_f64(),
                    hold.until.as_secs_f64(),
                    if hold.excused { " excused" } else { "" }
                )
            })
        });
        let path = self.network.directory().join("holds");
        std::fs::write(path, lines.collect::<String>()).unwrap();
    }
}
