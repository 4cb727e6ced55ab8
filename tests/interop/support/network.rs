//! Hosts that are network namespaces, all on one bridge: `a` (10.78.0.1) and `b` (10.78.0.2) carry servers, `c` (10.78.0.3
//! and up) carries relayed clients, further ones are stations without an address.

use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sched::{CloneFlags, setns};
use tempfile::TempDir;

use super::prerequisites::{Turn, find, turn};
use super::process::run;

/// Prefix length of the test network; the network is 10.78.0.0/16.
pub const PREFIX: u8 = 16;

/// Relay addresses of the clients' host: 10.78.0.3 to 10.78.0.10.
pub const RELAYS: std::ops::RangeInclusive<u8> = 3..=10;

/// A test's own network and its own directory. Dropping it removes both.
#[derive(Debug)]
pub struct Network {
    prefix: String,
    hosts: Vec<String>,
    directory: Option<TempDir>,
    _turn: Turn,
}

/// One host: a namespace with an interface `eth0`.
#[derive(Debug, Clone)]
pub struct Host {
    namespace: String,
}

impl Network {
    /// A network with the hosts `a`, `b` and `c`; `None` when this machine cannot run `test`.
    pub fn new(test: &str) -> Option<Self> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let turn = turn(test)?;
        let prefix =
            format!("twl{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        let directory = tempfile::Builder::new().prefix(&format!("{prefix}-")).tempdir().unwrap();
        let mut network =
            Self { prefix, hosts: Vec::new(), directory: Some(directory), _turn: turn };
        network.add_namespace("hub");
        network.ip("hub", &["link", "add", "bridge", "type", "bridge", "forward_delay", "0"]);
        network.ip("hub", &["link", "set", "bridge", "up"]);
        for (host, last) in [("a", 1), ("b", 2)] {
            network.add_station(host);
            network.add_address(host, last);
        }
        network.add_station("c");
        for last in RELAYS {
            network.add_address("c", last);
        }
        Some(network)
    }

    /// The test's directory, for configurations, databases and logs.
    pub fn directory(&self) -> &Path {
        self.directory.as_ref().unwrap().path()
    }

    /// A directory of its own for one server or client.
    pub fn directory_for(&self, name: &str) -> PathBuf {
        let path = self.directory().join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    /// A host by name.
    pub fn host(&self, name: &str) -> Host {
        assert!(self.hosts.iter().any(|host| host == name), "no host {name}");
        Host { namespace: self.namespace(name) }
    }

    /// Adds a host without an address, as a client's machine is.
    pub fn add_station(&mut self, name: &str) -> Host {
        self.add_namespace(name);
        let (port, namespace) = (format!("to-{name}"), self.namespace(name));
        let link =
            ["link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &namespace];
        self.ip("hub", &link);
        self.ip("hub", &["link", "set", &port, "master", "bridge", "up"]);
        self.ip(name, &["link", "set", "eth0", "up"]);
        self.host(name)
    }

    /// Pulls the cable of a host, or plugs it in again.
    pub fn set_cable(&self, name: &str, plugged: bool) {
        let port = format!("to-{name}");
        self.ip("hub", &["link", "set", &port, if plugged { "up" } else { "down" }]);
    }

    fn add_namespace(&mut self, name: &str) {
        let namespace = self.namespace(name);
        run("ip", &["netns", "add", &namespace]).unwrap();
        self.hosts.push(name.to_owned());
        let no_ipv6 = "net.ipv6.conf.all.disable_ipv6=1";
        drop(run("ip", &["netns", "exec", &namespace, "sysctl", "-q", "-w", no_ipv6]));
        self.ip(name, &["link", "set", "lo", "up"]);
    }

    fn add_address(&self, name: &str, last: u8) {
        let address = format!("10.78.0.{last}/{PREFIX}");
        self.ip(name, &["address", "add", &address, "dev", "eth0"]);
    }

    fn namespace(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    fn ip(&self, host: &str, arguments: &[&str]) {
        let namespace = self.namespace(host);
        run("ip", &[&["-n", namespace.as_str()], arguments].concat()).unwrap();
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for host in &self.hosts {
            drop(run("ip", &["netns", "del", &self.namespace(host)]));
        }
        if std::thread::panicking() || std::env::var_os("TWINLEASE_KEEP").is_some() {
            let kept = self.directory.take().map(TempDir::keep);
            eprintln!("logs and databases of the test are kept in {kept:?}");
        }
    }
}

impl Host {
    /// A command that will run inside this host and end with the thread that starts it.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(find("setpriv").unwrap());
        command.args(["--pdeathsig", "KILL"]).arg(find("ip").unwrap());
        command.args(["netns", "exec", &self.namespace]).arg(program);
        command
    }

    /// Calls `action` with this host's network; sockets that it makes stay in that network.
    pub fn enter<T: Send>(&self, action: impl FnOnce() -> T + Send) -> T {
        let path = format!("/run/netns/{}", self.namespace);
        let inside = || {
            let namespace = std::fs::File::open(&path).unwrap();
            setns(namespace.as_fd(), CloneFlags::CLONE_NEWNET).unwrap();
            action()
        };
        std::thread::scope(|scope| scope.spawn(inside).join().unwrap())
    }

    /// A UDP socket of this host, allowed to broadcast.
    pub fn udp(&self, address: Ipv4Addr, port: u16) -> UdpSocket {
        let socket = self.enter(|| UdpSocket::bind((address, port))).unwrap();
        socket.set_broadcast(true).unwrap();
        socket
    }
}

/// Removes namespaces of earlier runs of these tests whose process is gone.
pub fn remove_abandoned() {
    let Ok(list) = run("ip", &["netns", "list"]) else { return };
    for namespace in list.lines().filter_map(|line| line.split_whitespace().next()) {
        let owner = namespace.strip_prefix("twl").and_then(|rest| rest.split('-').next());
        let Some(pid) = owner.and_then(|owner| owner.parse::<u32>().ok()) else { continue };
        if !Path::new(&format!("/proc/{pid}")).exists() {
            drop(run("ip", &["netns", "del", namespace]));
        }
    }
}
