//! One of the two servers, with a disk and a clock of its own.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::checker::Table;
use crate::disk::Disk;
use crate::journal::Journal;
use crate::support::network::{Host, Network};
use crate::support::process::tail;
use crate::support::setup::{RELATIONSHIP, Role};
use crate::support::twinlease::Twinlease;

use crate::faults::Faults;

/// Port for clients. On any but 67 answers go back to where the request came from.
const CLIENTS_PORT: u16 = 6767;

/// Silence after which the partner counts as unreachable, in seconds.
pub const MAX_RESPONSE_DELAY: u64 = 4;

/// Maximum client lead time, in seconds.
pub const MCLT: u64 = 6;

/// Longest lease, in seconds.
pub const LEASE: u64 = 20;

/// What a server is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    Runs,
    Frozen(Instant),
    Dead,
}

/// What both servers are told, as the seed decides.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    pub dialect: &'static str,
    pub pool: u32,
}

/// One server.
#[derive(Debug)]
pub struct Server {
    pub role: Role,
    pub life: Life,
    pub faults: Faults,
    pub disk_is_full: bool,
    /// How far its clock is ahead, in seconds.
    pub clock_offset: i64,
    host: Host,
    twinlease: Twinlease,
    disk: Disk,
    journal: Journal,
}

impl Server {
    /// A stopped server with an empty disk.
    pub fn new(
        network: &Network,
        role: Role,
        terms: Terms,
        clock_offset: i64,
        journal: Journal,
    ) -> Self {
        let mut twinlease =
            Twinlease::configured(network, role, |data| configuration(role, terms, data));
        let mut environment = vec!["TWINLEASE_LOG=info".to_owned()];
        if clock_offset != 0 {
            environment.extend([
                format!("LD_PRELOAD={}", clock_library().display()),
                format!("FAKETIME={clock_offset:+}s"),
                // Timers go on as they are.
                "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
                "DONT_FAKE_MONOTONIC=1".to_owned(),
            ]);
        }
        twinlease.set_environment(environment);
        let disk = Disk::mount(&twinlease.data());
        Self {
            role,
            life: Life::Dead,
            faults: Faults::default(),
            disk_is_full: false,
            clock_offset,
            host: network.host(role.host()),
            twinlease,
            disk,
            journal,
        }
    }

    /// Where it serves clients.
    pub fn clients(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.role.address(), CLIENTS_PORT)
    }

    pub fn say(&self, what: &str) {
        self.journal.say(&format!("{:<9} {what}", self.role.word()));
    }

    /// Starts it if it is dead.
    pub fn start(&mut self) {
        if self.life == Life::Dead {
            self.say("start");
            self.twinlease.launch();
            self.life = Life::Runs;
        }
    }

    /// SIGKILL, whatever it is doing.
    pub fn kill(&mut self) {
        if self.life != Life::Dead {
            self.say("kill -9");
            self.twinlease.kill();
            self.life = Life::Dead;
        }
    }

    /// SIGTERM and an orderly end.
    pub fn stop(&mut self) {
        self.say("SIGTERM");
        self.twinlease.stop();
        self.life = Life::Dead;
    }

    pub fn freeze(&mut self) {
        self.say("SIGSTOP");
        self.twinlease.set_frozen(true);
        self.life = Life::Frozen(Instant::now());
    }

    pub fn thaw(&mut self) {
        if let Life::Frozen(_) = self.life {
            self.say("SIGCONT");
            self.twinlease.set_frozen(false);
            self.life = Life::Runs;
        }
    }

    /// Lets the network treat it as `faults` says.
    pub fn apply_faults(&mut self) {
        self.faults.apply(&self.host);
    }

    /// Nothing arrives from `address` any more.
    pub fn cut(&mut self, address: Ipv4Addr) {
        self.say(&format!("hears nothing from {address}"));
        self.faults.cut(address);
        self.apply_faults();
    }

    pub fn fill_disk(&mut self) {
        self.say("its disk is full");
        self.disk.fill();
        self.disk_is_full = true;
    }

    pub fn make_room(&mut self) {
        if self.disk_is_full {
            self.say("its disk has room again");
            self.disk.make_room();
            self.disk_is_full = false;
        }
    }

    /// Loses the disk of a dead server.
    pub fn wipe_disk(&mut self) {
        assert_eq!(self.life, Life::Dead);
        self.say("its disk is lost");
        self.disk.wipe();
    }

    /// Notices that the process ended by itself. A full disk may be a reason; nothing else is.
    pub fn look_after(&mut self) {
        if self.life == Life::Dead || self.twinlease.is_running() {
            return;
        }
        self.twinlease.kill();
        self.life = Life::Dead;
        let log = tail(&self.twinlease.log(), 5);
        if self.disk_is_full {
            self.say(&format!("ended by itself; its log: {log}"));
        } else {
            let role = self.role.word();
            self.journal.violation(&format!("the {role} ended by itself; its log:\n{log}"));
        }
    }

    /// How it stands, if it can be asked.
    pub fn status(&self) -> Option<Value> {
        if self.life == Life::Runs { self.twinlease.status() } else { None }
    }

    /// Its state, if it can be asked.
    pub fn state(&self) -> Option<String> {
        self.status()?["state"].as_str().map(str::to_owned)
    }

    /// In NORMAL, talking, and knowing that the partner is in NORMAL.
    pub fn is_normal(&self) -> bool {
        self.status().is_some_and(|status| {
            status["state"] == "normal"
                && status["partner-state"] == "normal"
                && status["communications"] == "ok"
        })
    }

    /// Nothing is left to tell or to ask.
    pub fn is_synced(&self) -> bool {
        self.status().is_some_and(|status| status["sync"] == "synced")
    }

    /// All that it knows.
    pub fn table(&self) -> Option<Table> {
        let leases = self.twinlease.try_leases().ok()?;
        Some(Table { leases, clock_offset: self.clock_offset })
    }

    /// The operator declares the partner down.
    pub fn partner_down(&self) -> Result<(), String> {
        self.say("the operator declares the partner down");
        self.twinlease.ask(&["partner-down", RELATIONSHIP]).map(drop)
    }

    /// Leaves log and store where they can be looked at.
    pub fn keep_files(&self, directory: &Path) {
        let directory = directory.join(format!("kept-{}", self.role.word()));
        self.disk.copy_to(&directory);
        std::fs::write(directory.join("log"), self.twinlease.log()).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.thaw();
        self.kill();
    }
}

/// Waits for something that comes about by itself; whether it did.
pub fn comes_about(deadline: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + deadline;
    while Instant::now() < end {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    false
}

/// What shifts the clock of a process, from Debian's package libfaketime.
fn clock_library() -> PathBuf {
    let directories = std::fs::read_dir("/usr/lib").unwrap().flatten();
    let mut libraries = directories.map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"));
    libraries.find(|path| path.exists()).expect("libfaketimeMT.so.1 in /usr/lib/*/faketime")
}

fn configuration(role: Role, terms: Terms, data: &Path) -> String {
    let share = match role {
        Role::Primary => format!("mclt = {MCLT}\nsplit = 128\n"),
        Role::Secondary => String::new(),
    };
    let last = Ipv4Addr::from(0x0a63_0100 + terms.pool - 1);
    format!(
        "data-dir = \"{data}\"\n\
         [admin]\nlisten = \"127.0.0.1:8067\"\n\
         [dhcp]\nlisten = [\"{own}:{CLIENTS_PORT}\"]\n\
         [[relationship]]\nname = \"{RELATIONSHIP}\"\nrole = \"{role}\"\naddress = \"{own}\"\n\
         peer-address = \"{peer}\"\nmax-response-delay = {MAX_RESPONSE_DELAY}\n\
         max-unacked-updates = 20\nreconnect-interval = 2\nstartup-wait = 5\n\
         startup-wait-after-mclt = 6\ndialect = \"{dialect}\"\n{share}\
         [[subnet]]\nnetwork = \"10.99.0.0/16\"\ndefault-lease-time = {LEASE}\n\
         min-lease-time = 1\nmax-lease-time = {LEASE}\n\
         [[subnet.pool]]\nrange = \"10.99.1.0-{last}\"\nrelationship = \"{RELATIONSHIP}\"\n",
        data = data.display(),
        own = role.address(),
        peer = role.other().address(),
        role = role.word(),
        dialect = terms.dialect,
    )
}
