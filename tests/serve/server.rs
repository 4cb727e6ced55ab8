//! Two servers that share a relationship on loopback, started, stopped, killed and read out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::wait::{wait_for, wait_until};

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_twinlease");

/// Ends a test that hangs; nothing takes nearly as long.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Name of the relationship in every test.
pub const RELATIONSHIP: &str = "loopback";

const FAILOVER_PORT: u16 = 6470;
const DHCP_PORT: u16 = 6767;
const ADMIN_PORT: u16 = 8067;

/// Networks that tests of this program have: two would find each other's servers.
static TAKEN: Mutex<BTreeSet<u8>> = Mutex::new(BTreeSet::new());

/// One server: its configuration and its store; running or not.
#[derive(Debug)]
pub struct Server {
    pub address: Ipv4Addr,
    /// Variables of its process.
    pub environment: BTreeMap<&'static str, String>,
    directory: PathBuf,
    process: Option<Child>,
}

/// A lease as `leases --json` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub status: String,
    pub hardware: Option<String>,
    pub expiration: Option<u64>,
}

/// A primary, a secondary, and where their files are.
#[derive(Debug)]
pub struct Pair {
    pub primary: Server,
    pub secondary: Server,
    _directory: TempDir,
}

impl Pair {
    /// Two stopped servers without leases on 127.77.`network`.0/24.
    pub fn new(network: u8) -> Self {
        Self::with(network, |_| String::new())
    }

    /// The same with more lines in `[[relationship]]`; they are asked for with the directory of the
    /// server that they are for.
    pub fn with(network: u8, lines: impl Fn(&Path) -> String) -> Self {
        Self::of(network, |role, own, peer, directory| {
            configuration(role, own, peer, directory, &lines(directory))
        })
    }

    /// Two stopped servers that know nothing of each other and lease nothing.
    pub fn of_strangers(network: u8) -> Self {
        Self::of(network, |_, own, _, directory| alone(own, directory))
    }

    fn of(network: u8, configuration: impl Fn(&str, Ipv4Addr, Ipv4Addr, &Path) -> String) -> Self {
        assert!(TAKEN.lock().unwrap().insert(network), "two tests have the network {network}");
        let directory = tempfile::tempdir().unwrap();
        let address = |last| Ipv4Addr::new(127, 77, network, last);
        let server = |role, own, peer| {
            let directory = directory.path().join(role);
            fs::create_dir(&directory).unwrap();
            let text = configuration(role, own, peer, &directory);
            fs::write(directory.join("twinlease.toml"), text).unwrap();
            let environment = BTreeMap::from([("TWINLEASE_LOG", "info".to_owned())]);
            Server { address: own, environment, directory, process: None }
        };
        let primary = server("primary", address(1), address(2));
        let secondary = server("secondary", address(2), address(1));
        Self { primary, secondary, _directory: directory }
    }

    /// Starts both and waits until they serve together.
    pub fn start(&mut self) {
        self.primary.start();
        self.secondary.start();
        self.wait_until_synced();
    }

    /// Waits until both are in NORMAL and neither has anything to tell the other.
    pub fn wait_until_synced(&self) {
        for server in [&self.primary, &self.secondary] {
            server.wait_for_state("normal");
            wait_until("both servers to agree", PATIENCE, || {
                server.relationship("sync") == Some("synced".into())
            });
        }
    }

    /// Waits until both are in NORMAL and say the same of every address. What one has rejected it is told
    /// again after a while, so that "synced" may be true once before.
    pub fn wait_until_equal(&self) {
        self.wait_until_synced();
        wait_for("both servers to say the same", PATIENCE, || {
            let (one, other) = (self.primary.leases(), self.secondary.leases());
            let differs = |address: &&Ipv4Addr| one.get(address) != other.get(address);
            match one.keys().chain(other.keys()).find(differs) {
                None => Ok(()),
                Some(address) => {
                    let of_both = [&self.primary, &self.secondary].map(|server| {
                        let all = server.ask(&["leases", "--json"]).unwrap_or_default();
                        let mut lines = all.lines();
                        let address = format!("\"{address}\"");
                        lines.find(|line| line.contains(&address)).unwrap_or("nothing").to_owned()
                    });
                    Err(of_both.join("\n"))
                }
            }
        });
    }
}

impl Server {
    /// Starts the server, whatever becomes of it.
    pub fn launch(&mut self) {
        let mut command = Command::new(PROGRAM);
        let log = File::options().create(true).append(true).open(self.log_file()).unwrap();
        command.args(["serve", "--config"]).arg(self.directory.join("twinlease.toml"));
        command.envs(&self.environment).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.process = Some(command.spawn().unwrap());
    }

    /// Starts the server and waits until it answers.
    pub fn start(&mut self) {
        self.launch();
        wait_for("the server to answer", PATIENCE, || match self.exit_status() {
            Some(status) => panic!("the server ended: {status}\n{}", self.log()),
            None => self.ask(&["status", "--json"]),
        });
    }

    /// Changes the configuration from the next start on.
    pub fn reconfigure(&self, from: &str, to: &str) {
        let file = self.directory.join("twinlease.toml");
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(&file, text.replace(from, to)).unwrap();
    }

    /// The configuration file as it stands.
    pub fn configured(&self) -> String {
        fs::read_to_string(self.directory.join("twinlease.toml")).unwrap()
    }

    /// SIGHUP, and the lines of the log that say what came of it.
    pub fn reload(&self) -> String {
        let before = self.log().len();
        self.signal(Signal::SIGHUP);
        wait_for("the configuration to be applied", PATIENCE, || {
            let log = self.log().split_off(before);
            let is_done = ["configuration applied", "stays as it was"];
            if is_done.iter().any(|end| log.contains(end)) { Ok(log) } else { Err(log) }
        })
    }

    /// Starts a server that is expected to refuse: its exit status and what it says.
    pub fn refuse(&self) -> (ExitStatus, String) {
        let mut command = Command::new(PROGRAM);
        command.args(["serve", "--config"]).arg(self.directory.join("twinlease.toml"));
        let output = command.output().unwrap();
        (output.status, String::from_utf8(output.stderr).unwrap())
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Lets the process not run, or go on.
    pub fn set_frozen(&self, frozen: bool) {
        self.signal(if frozen { Signal::SIGSTOP } else { Signal::SIGCONT });
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.id()).unwrap()), signal).unwrap();
    }

    /// SIGTERM and the end of the process.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        let status =
            wait_for("the server to end", PATIENCE, || self.exit_status().ok_or("it runs"));
        self.process = None;
        status
    }

    /// Number of the running process.
    pub fn id(&self) -> u32 {
        self.process.as_ref().unwrap().id()
    }

    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        self.process.as_mut()?.try_wait().unwrap()
    }

    /// Where it serves clients.
    pub fn dhcp(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.address, DHCP_PORT)
    }

    /// Where it listens for its partner.
    pub fn failover(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.address, FAILOVER_PORT)
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    pub fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.directory.join("log")
    }

    /// A member of the relationship's status, when the server answers.
    pub fn relationship(&self, member: &str) -> Option<Value> {
        let text = self.ask(&["status", "--json"]).ok()?;
        let status: Value = serde_json::from_str(&text).unwrap();
        Some(status["relationships"][0][member].clone())
    }

    pub fn wait_for_state(&self, state: &str) {
        wait_until(&format!("state {state}"), PATIENCE, || {
            self.relationship("state") == Some(state.into())
        });
    }

    /// The first sample of `/metrics` whose line begins so.
    pub fn sample(&self, name: &str) -> u64 {
        let mut stream = TcpStream::connect((self.address, ADMIN_PORT)).unwrap();
        let host = self.address;
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let line = text.lines().find(|line| line.starts_with(name));
        let value = line.and_then(|line| line.rsplit_once(' ')?.1.parse().ok());
        value.unwrap_or_else(|| panic!("{text}"))
    }

    /// Every address that was ever used.
    pub fn leases(&self) -> BTreeMap<Ipv4Addr, Lease> {
        let text = self.ask(&["leases", "--json"]).unwrap();
        let lease = |line: &str| {
            let value: Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| value[name].as_str().map(str::to_owned);
            let lease = Lease {
                status: text("binding-status").unwrap(),
                hardware: text("hw-address"),
                expiration: value["lease-expiration"].as_u64(),
            };
            (text("address").unwrap().parse().unwrap(), lease)
        };
        text.lines().map(lease).collect()
    }

    /// What a command of the program prints.
    pub fn ask(&self, arguments: &[&str]) -> Result<String, String> {
        let admin = format!("{}:{ADMIN_PORT}", self.address);
        let mut command = Command::new(PROGRAM);
        command.args(arguments).args(["--admin", &admin]).envs(&self.environment);
        let output = command.output().unwrap();
        if output.status.success() {
            Ok(String::from_utf8(output.stdout).unwrap())
        } else {
            Err(String::from_utf8(output.stderr).unwrap())
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            drop(process.kill());
            drop(process.wait());
        }
        if std::thread::panicking() {
            eprintln!("log of {}:\n{}", self.address, self.log());
        }
    }
}

fn configuration(
    role: &str,
    own: Ipv4Addr,
    peer: Ipv4Addr,
    directory: &Path,
    lines: &str,
) -> String {
    let share = if role == "primary" { "mclt = 600\nsplit = 128" } else { "" };
    let alone = alone(own, directory);
    format!(
        r#"{alone}
[[relationship]]
name = "{RELATIONSHIP}"
role = "{role}"
address = "{own}"
port = {FAILOVER_PORT}
peer-address = "{peer}"
peer-port = {FAILOVER_PORT}
max-response-delay = 30
max-unacked-updates = 200
{share}
{lines}
[[subnet]]
network = "10.78.0.0/16"
default-lease-time = 600
max-lease-time = 7200
[[subnet.pool]]
range = "10.78.8.0-10.78.71.255"
relationship = "{RELATIONSHIP}"
"#
    )
}

fn alone(own: Ipv4Addr, directory: &Path) -> String {
    format!(
        r#"
data-dir = "{}"
[admin]
listen = "{own}:{ADMIN_PORT}"
[dhcp]
listen = ["{own}:{DHCP_PORT}"]
"#,
        directory.join("data").display()
    )
}
