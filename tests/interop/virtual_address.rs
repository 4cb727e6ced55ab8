//! An address that is always on the server that serves, among real neighbours with real ARP.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::ifaddrs::getifaddrs;

use crate::support::network::{Host, Network};
use crate::support::packet::{ACK, Client, Message, OFFER};
use crate::support::setup::{Role, Setup};
use crate::support::twinlease::Twinlease;
use crate::support::wait::{wait_for, wait_until};

const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 50);
const RELAY: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 3);

/// Ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Everybody is answered who has waited for so long.
const LONG: u16 = 100;

/// A pair with a virtual address, and a relay agent that knows that address only.
struct Stage {
    network: Network,
    primary: Twinlease,
    secondary: Twinlease,
    relay: UdpSocket,
}

impl Stage {
    /// Two servers that serve together, with these lines instead of `interfaces`.
    fn started(test: &str, clients: &str) -> Option<Self> {
        let network = Network::new(test)?;
        let setup = Setup { max_response_delay: 5, ..Setup::default() };
        let server = |role| {
            Twinlease::configured(&network, role, |data| {
                let whole = setup.twinlease(role, data);
                let whole = whole.replace("interfaces = [\"eth0\"]", clients);
                format!(
                    "{whole}\n[virtual-address]\naddress = \"{ADDRESS}/16\"\ninterface = \"eth0\"\n\
                     relationship = \"office-lan\"\n"
                )
            })
        };
        let (primary, secondary) = (server(Role::Primary), server(Role::Secondary));
        let relay = network.host("c").udp(RELAY, 67);
        relay.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let mut stage = Self { network, primary, secondary, relay };
        stage.primary.start();
        stage.secondary.start();
        stage.wait_until_normal();
        stage.wait_until_on(Role::Primary);
        Some(stage)
    }

    fn host(&self, role: Role) -> Host {
        self.network.host(role.host())
    }

    fn is_on(&self, role: Role) -> bool {
        has_address(&self.host(role))
    }

    fn wait_until_on(&self, role: Role) {
        wait_until(&format!("the address on the {}", role.word()), PATIENCE, || self.is_on(role));
    }

    fn wait_until_normal(&self) {
        wait_until("both servers in NORMAL", PATIENCE, || {
            [&self.primary, &self.secondary]
                .iter()
                .all(|server| server.state().as_deref() == Some("normal"))
        });
    }

    /// The answer of whoever has the address, asked again as a client does.
    fn ask(&self, message: &Message) -> Message {
        let message = Message { giaddr: RELAY, ..message.clone() };
        wait_for("an answer through the virtual address", PATIENCE, || {
            self.relay.send_to(&message.encode(), (ADDRESS, 67)).unwrap();
            let mut buffer = [0; 2048];
            let (length, from) =
                self.relay.recv_from(&mut buffer).map_err(|error| error.to_string())?;
            let answer = Message::decode(&buffer[..length])?;
            assert_eq!(from.ip(), ADDRESS);
            if answer.answers(&message) { Ok(answer) } else { Err("another answer".to_owned()) }
        })
    }

    /// DISCOVER to ACK.
    fn obtain(&self, client: u16) -> Ipv4Addr {
        let client = Client::number(client).after(LONG);
        let offer = self.ask(&client.discover());
        assert_eq!((offer.kind(), offer.server()), (Some(OFFER), Some(ADDRESS)));
        let answer = self.ask(&client.select(&offer));
        assert_eq!(answer.kind(), Some(ACK));
        answer.yiaddr
    }

    fn renew(&self, client: u16, address: Ipv4Addr) {
        let answer = self.ask(&Client::number(client).after(LONG).renew(address));
        assert_eq!((answer.kind(), answer.yiaddr), (Some(ACK), address));
    }
}

fn has_address(host: &Host) -> bool {
    host.enter(|| {
        let mut addresses = getifaddrs().unwrap().filter_map(|entry| entry.address);
        addresses.any(|address| address.as_sockaddr_in().is_some_and(|found| found.ip() == ADDRESS))
    })
}

/// Looks at both hosts all the time.
struct Sampler {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<(usize, usize)>,
}

impl Sampler {
    fn start(stage: &Stage) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let hosts = [stage.host(Role::Primary), stage.host(Role::Secondary)];
        let thread = thread::spawn(move || {
            let (mut looks, mut on_both) = (0, 0);
            while !over.load(Ordering::Relaxed) {
                looks += 1;
                on_both += usize::from(hosts.iter().all(has_address));
                thread::sleep(Duration::from_millis(5));
            }
            (looks, on_both)
        });
        Self { is_over, thread }
    }

    /// It has looked often, and never found the address on both.
    fn assert_never_on_both(self) {
        self.is_over.store(true, Ordering::Relaxed);
        let (looks, on_both) = self.thread.join().unwrap();
        println!("{looks} looks");
        assert!(looks > 100, "{looks}");
        assert_eq!(on_both, 0, "of {looks}");
    }
}

/// As `ip` shows it.
fn shown_by_ip(host: &Host) -> String {
    let output =
        host.command("ip").args(["-4", "address", "show", "dev", "eth0"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_address_moves_on_a_kill_and_comes_back_and_is_never_on_both() {
    let test = "virtual_address::the_address_moves_on_a_kill_and_comes_back_and_is_never_on_both";
    let clients = format!("listen = [\"{ADDRESS}:67\"]");
    let Some(mut stage) = Stage::started(test, &clients) else { return };
    let sampler = Sampler::start(&stage);
    let first = stage.obtain(1);
    stage.primary.kill();
    stage.wait_until_on(Role::Secondary);
    assert!(shown_by_ip(&stage.host(Role::Secondary)).contains("inet 10.78.0.50/16 "));
    assert!(!shown_by_ip(&stage.host(Role::Primary)).contains("10.78.0.50"));
    stage.renew(1, first);
    stage.obtain(2);
    stage.primary.start();
    stage.wait_until_normal();
    stage.wait_until_on(Role::Primary);
    assert!(shown_by_ip(&stage.host(Role::Primary)).contains("inet 10.78.0.50/16 "));
    assert!(!shown_by_ip(&stage.host(Role::Secondary)).contains("10.78.0.50"));
    stage.renew(1, first);
    stage.obtain(3);
    sampler.assert_never_on_both();
}

#[test]
fn a_server_that_stops_gives_the_address_up_before_its_process_ends() {
    let test = "virtual_address::a_server_that_stops_gives_the_address_up_before_its_process_ends";
    let Some(mut stage) = Stage::started(test, "interfaces = [\"eth0\"]") else { return };
    let sampler = Sampler::start(&stage);
    let first = stage.obtain(1);
    stage.primary.stop();
    assert!(!stage.is_on(Role::Primary));
    stage.wait_until_on(Role::Secondary);
    stage.renew(1, first);
    sampler.assert_never_on_both();
    stage.secondary.stop();
    assert!(!stage.is_on(Role::Secondary));
}

#[test]
fn a_restart_removes_what_a_kill_has_left() {
    let test = "virtual_address::a_restart_removes_what_a_kill_has_left";
    let Some(mut stage) = Stage::started(test, "interfaces = [\"eth0\"]") else { return };
    stage.secondary.stop();
    stage.primary.kill();
    assert!(stage.is_on(Role::Primary));
    stage.primary.start();
    assert_eq!(stage.primary.state().as_deref(), Some("startup"));
    assert!(!stage.is_on(Role::Primary));
}

#[test]
fn a_server_that_does_not_run_loses_the_address_and_does_not_take_it_back_from_the_partner() {
    let test = "virtual_address::a_server_that_does_not_run_loses_the_address_and_does_not_take_it_back_from_the_partner";
    let Some(mut stage) = Stage::started(test, "interfaces = [\"eth0\"]") else { return };
    let sampler = Sampler::start(&stage);
    stage.primary.set_frozen(true);
    stage.wait_until_on(Role::Secondary);
    stage.primary.set_frozen(false);
    stage.wait_until_normal();
    stage.wait_until_on(Role::Primary);
    sampler.assert_never_on_both();
}

#[test]
fn an_address_that_somebody_else_has_is_not_taken() {
    let test = "virtual_address::an_address_that_somebody_else_has_is_not_taken";
    let Some(mut stage) = Stage::started(test, "interfaces = [\"eth0\"]") else { return };
    stage.primary.stop();
    stage.secondary.stop();
    let stranger = stage.network.add_station("d");
    let mut ip = stranger.command("ip");
    ip.args(["address", "add", "10.78.0.50/16", "dev", "eth0"]);
    assert!(ip.status().unwrap().success());
    stage.primary.start();
    stage.secondary.start();
    stage.wait_until_normal();
    wait_until("the stranger to be noticed", PATIENCE, || {
        stage.primary.log().contains("answers for it")
    });
    assert!(!stage.is_on(Role::Primary));
    assert!(!stage.is_on(Role::Secondary));
}
