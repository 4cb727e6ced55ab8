//! Two `twinlease serve` processes on loopback, with files in a directory of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, File};
use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::admin::client::Client;
use crate::admin::json::{LeaseBody, RelationshipBody, StatusBody};

/// Lease for a client, in seconds: short, so that clients renew often in a short play.
const LEASE_SECONDS: u32 = 12;

/// MCLT in seconds. Shorter than the lease, so that the lead-time rule is at work.
const MCLT_SECONDS: u32 = 8;

/// Silence after which a partner counts as unreachable.
const RESPONSE_DELAY_SECONDS: u32 = 6;

/// Updates on their way at one time. dhcpd's usual ten would make the pair look slower than it is.
const WINDOW: u32 = 200;

/// Lines of a log that are quoted.
const LAST_WORDS: usize = 12;

/// One of the two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Primary,
    Secondary,
}

impl Side {
    pub(super) const BOTH: [Self; 2] = [Self::Primary, Self::Secondary];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
        }
    }

    const fn partner(self) -> Self {
        match self {
            Self::Primary => Self::Secondary,
            Self::Secondary => Self::Primary,
        }
    }

    const fn address(self) -> Ipv4Addr {
        match self {
            Self::Primary => Ipv4Addr::LOCALHOST,
            Self::Secondary => Ipv4Addr::new(127, 0, 0, 2),
        }
    }
}

/// How a server stands.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) state: String,
    pub(super) communications: String,
    pub(super) sync: String,
    pub(super) free: u64,
    pub(super) backup: u64,
    pub(super) active: u64,
}

impl View {
    fn new(relationship: &RelationshipBody) -> Self {
        let sum = |count: fn(&crate::admin::json::PoolBody) -> u64| {
            relationship.pools.iter().map(count).sum()
        };
        Self {
            state: relationship.state.clone(),
            communications: relationship.communications.clone(),
            sync: relationship.sync.clone(),
            free: sum(|pool| pool.free),
            backup: sum(|pool| pool.backup),
            active: sum(|pool| pool.active),
        }
    }

    /// In NORMAL, talking, and nothing left to tell or to ask.
    pub(super) fn is_settled(&self) -> bool {
        self.state == "normal" && self.communications == "ok" && self.sync == "synced"
    }
}

/// Bindings by address, as one server lists them.
pub(super) type Listing = BTreeMap<Ipv4Addr, LeaseBody>;

/// What both servers list; `None` for one that does not answer.
#[derive(Debug)]
pub(super) struct Listings(pub(super) [Option<Listing>; 2]);

impl Listings {
    /// Addresses about which the two say different things: the status, or the holder of a lease.
    pub(super) fn differences(&self) -> Option<usize> {
        let [Some(one), Some(other)] = &self.0 else { return None };
        let addresses: BTreeSet<Ipv4Addr> = one.keys().chain(other.keys()).copied().collect();
        let differs = |address: &Ipv4Addr| essence(one, *address) != essence(other, *address);
        Some(addresses.iter().filter(|address| differs(address)).count())
    }
}

/// Status and holder of an address. One that is not listed was never used: FREE.
fn essence(listing: &Listing, address: Ipv4Addr) -> (&str, Option<&str>) {
    match listing.get(&address) {
        Some(lease) if lease.binding_status == "active" => ("active", lease.hw_address.as_deref()),
        Some(lease) => (&lease.binding_status, None),
        None => ("free", None),
    }
}

struct Server {
    files: PathBuf,
    failover: SocketAddrV4,
    clients: SocketAddrV4,
    admin: SocketAddrV4,
    child: Option<Child>,
}

/// Both servers and their files. Dropping it kills the servers and removes the files.
pub(super) struct Cluster {
    directory: PathBuf,
    servers: [Server; 2],
    keep_files: bool,
}

impl Cluster {
    /// Finds free ports and writes the configurations, for so many clients.
    pub(super) fn prepare(clients: u32) -> io::Result<Self> {
        let directory = std::env::temp_dir().join(format!("twinlease-demo-{}", std::process::id()));
        DirBuilder::new().mode(0o700).create(&directory)?;
        let mut ports = Ports::new();
        let mut server = |side: Side| -> io::Result<Server> {
            let files = directory.join(side.name());
            Ok(Server {
                files,
                failover: ports.free(side.address())?,
                clients: ports.free(side.address())?,
                admin: ports.free(side.address())?,
                child: None,
            })
        };
        let servers = server(Side::Primary).and_then(|one| Ok([one, server(Side::Secondary)?]));
        let cluster = match servers {
            Ok(servers) => Self { directory, servers, keep_files: false },
            Err(error) => {
                let _nothing_more_to_do = fs::remove_dir_all(&directory);
                return Err(error);
            }
        };
        for side in Side::BOTH {
            let server = cluster.server(side);
            fs::create_dir(&server.files)?;
            let text = cluster.configuration(side, clients);
            fs::write(server.files.join("twinlease.toml"), text)?;
        }
        Ok(cluster)
    }

    fn server(&self, side: Side) -> &Server {
        let [primary, secondary] = &self.servers;
        match side {
            Side::Primary => primary,
            Side::Secondary => secondary,
        }
    }

    fn server_mut(&mut self, side: Side) -> &mut Server {
        let [primary, secondary] = &mut self.servers;
        match side {
            Side::Primary => primary,
            Side::Secondary => secondary,
        }
    }

    fn configuration(&self, side: Side, clients: u32) -> String {
        let (own, partner) = (self.server(side), self.server(side.partner()));
        let mclt = match side {
            Side::Primary => format!("mclt = {MCLT_SECONDS}\nsplit = 128\n"),
            Side::Secondary => String::new(),
        };
        // Either server alone has to have enough for everybody.
        let first = Ipv4Addr::new(10, 99, 1, 0);
        let last = Ipv4Addr::from(first.to_bits() + clients * 4 + 63);
        format!(
            "data-dir = {data}\n\
             \n[admin]\nlisten = \"{admin}\"\n\
             \n[dhcp]\nlisten = [\"{listen}\"]\n\
             \n[[relationship]]\nname = \"demo\"\nrole = \"{role}\"\n\
             address = \"{address}\"\nport = {port}\n\
             peer-address = \"{peer_address}\"\npeer-port = {peer_port}\n\
             max-response-delay = {RESPONSE_DELAY_SECONDS}\nmax-unacked-updates = {WINDOW}\nstartup-wait = 5\n{mclt}\
             \n[[subnet]]\nnetwork = \"10.99.0.0/16\"\n\
             default-lease-time = {LEASE_SECONDS}\nmin-lease-time = 1\n\
             max-lease-time = {LEASE_SECONDS}\n\
             \n[[subnet.pool]]\nrange = \"{first}-{last}\"\nrelationship = \"demo\"\n",
            data = toml_edit::Value::from(own.files.join("data").to_string_lossy().as_ref()),
            admin = own.admin,
            listen = own.clients,
            role = side.name(),
            address = own.failover.ip(),
            port = own.failover.port(),
            peer_address = partner.failover.ip(),
            peer_port = partner.failover.port(),
        )
    }

    /// Where clients reach the servers.
    pub(super) fn client_addresses(&self) -> [SocketAddrV4; 2] {
        self.servers.each_ref().map(|server| server.clients)
    }

    /// Starts a server as a process of its own; Ctrl-C does not reach it.
    pub(super) fn start(&mut self, side: Side) -> io::Result<()> {
        let server = self.server_mut(side);
        let log = File::options().create(true).append(true).open(server.files.join("log"))?;
        let child = Command::new(std::env::current_exe()?)
            .args(["serve", "--log", "info", "--config"])
            .arg(server.files.join("twinlease.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .process_group(0)
            .spawn()?;
        server.child = Some(child);
        Ok(())
    }

    /// Kills a server as a power cut would: it has no chance to say or to write anything.
    pub(super) fn kill(&mut self, side: Side) {
        if let Some(mut child) = self.server_mut(side).child.take() {
            // It may have ended by itself; waiting is right in any case.
            let _already_gone = child.kill();
            let _no_status = child.wait();
        }
    }

    pub(super) fn is_started(&self, side: Side) -> bool {
        self.server(side).child.is_some()
    }

    /// Whether a server that was started runs no more.
    pub(super) fn has_ended(&mut self, side: Side) -> bool {
        let child = self.server_mut(side).child.as_mut();
        child.is_some_and(|child| !matches!(child.try_wait(), Ok(None)))
    }

    /// The end of a server's log.
    pub(super) fn last_words(&self, side: Side) -> String {
        let log = fs::read_to_string(self.server(side).files.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(LAST_WORDS)..).unwrap_or_default().join("\n")
    }

    /// How a server stands; `None` if it does not answer.
    pub(super) fn look(&self, side: Side) -> Option<View> {
        let server = self.server(side);
        server.child.as_ref()?;
        let status: StatusBody = server.ask().get("/v1/status").ok()?;
        status.relationships.first().map(View::new)
    }

    /// What both list now.
    pub(super) fn listings(&self) -> Listings {
        Listings(self.servers.each_ref().map(Server::list))
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Leaves the files where they are when the demo ends.
    pub(super) fn keep_files(&mut self) {
        self.keep_files = true;
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for side in Side::BOTH {
            self.kill(side);
        }
        if !self.keep_files {
            let _nothing_more_to_do = fs::remove_dir_all(&self.directory);
        }
    }
}

impl Server {
    fn ask(&self) -> Client {
        Client::new(&self.admin.to_string(), None)
    }

    fn list(&self) -> Option<Listing> {
        self.child.as_ref()?;
        let lines = BufReader::new(self.ask().stream("/v1/leases").ok()?).lines();
        let mut listing = Listing::new();
        for line in lines {
            let lease: LeaseBody = serde_json::from_str(&line.ok()?).ok()?;
            listing.insert(lease.address, lease);
        }
        Some(listing)
    }
}

/// Ports below those that systems give to outgoing connections, so that nobody takes the port of a
/// server that is dead for a while.
const FIRST_PORT: u16 = 10_240;
const PORTS: u16 = 20_000;

/// Free ports, from a place on that depends on the process, so that two demos rarely meet.
struct Ports {
    next: u16,
    tried: u16,
}

impl Ports {
    fn new() -> Self {
        let place = std::process::id().wrapping_mul(31) % u32::from(PORTS);
        Self { next: u16::try_from(place).unwrap_or(0), tried: 0 }
    }

    /// A port that nobody uses at the moment, neither for TCP nor for UDP.
    fn free(&mut self, address: Ipv4Addr) -> io::Result<SocketAddrV4> {
        loop {
            let candidate = SocketAddrV4::new(address, FIRST_PORT + self.next);
            self.next = (self.next + 1) % PORTS;
            self.tried += 1;
            match TcpListener::bind(candidate).and_then(|_| UdpSocket::bind(candidate)) {
                Ok(_) => return Ok(candidate),
                Err(error) if error.kind() != io::ErrorKind::AddrInUse || self.tried >= PORTS => {
                    return Err(error);
                }
                Err(_) => {}
            }
        }
    }
}
