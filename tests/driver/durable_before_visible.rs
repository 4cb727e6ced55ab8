//! The engine over a real journal on a disk whose syncs wait for a word.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use twinlease::dhcp::{ClientSockets, SocketConfig};
use twinlease::server::command::{self, AdminCommand};
use twinlease::server::config::Config;
use twinlease::server::engine::Engine;
use twinlease::store::{DirectoryDisk, Disk, Journal, SEGMENT_OCTETS};

use crate::packet::{ACK, Client, Message, OFFER};

/// A directory whose every sync says that it has begun and ends when it is told to.
#[derive(Debug)]
struct GatedDisk {
    files: DirectoryDisk,
    begun: Sender<()>,
    gate: Receiver<()>,
}

impl Disk for GatedDisk {
    fn directory(&self) -> &Path {
        self.files.directory()
    }

    fn list(&mut self) -> io::Result<Vec<String>> {
        self.files.list()
    }

    fn length(&mut self, name: &str) -> io::Result<u64> {
        self.files.length(name)
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        self.files.create(name)
    }

    fn read_at(&mut self, name: &str, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.files.read_at(name, offset, into)
    }

    fn write_at(&mut self, name: &str, offset: u64, octets: &[u8]) -> io::Result<()> {
        self.files.write_at(name, offset, octets)
    }

    fn set_len(&mut self, name: &str, len: u64) -> io::Result<()> {
        self.files.set_len(name, len)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        // Whoever has heard enough lets everything pass.
        if self.begun.send(()).is_ok() {
            let _over = self.gate.recv();
        }
        self.files.sync(name)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.files.remove(name)
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        self.files.sync_directory()
    }
}

/// Serves one subnet without a partner. Says where, and returns when it has been stopped.
fn serve(disk: impl FnOnce() -> GatedDisk, at: &Sender<(SocketAddr, command::CommandSender)>) {
    let text = r#"
data-dir = "/nowhere"
[dhcp]
listen = ["127.0.0.1:0"]
[[subnet]]
network = "10.78.0.0/24"
[[subnet.pool]]
range = "10.78.0.20-10.78.0.29"
"#;
    let config = Config::parse(text, Path::new("test.toml")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Box::new(Journal::on(Box::new(disk()), SEGMENT_OCTETS).unwrap());
        let listen = config.dhcp.listen.clone();
        let sockets =
            ClientSockets::open(&SocketConfig { listen, ..SocketConfig::default() }).unwrap();
        let address = sockets.local_addresses().next().unwrap().unwrap();
        let (commands, inbox) = command::channel();
        at.send((address.into(), commands)).unwrap();
        Engine::new(&config, store, sockets, inbox, 1).unwrap().run().await;
    });
}

/// A relayed client's socket.
struct Relay(UdpSocket);

impl Relay {
    fn send(&self, message: &Message) {
        let message = Message { giaddr: Ipv4Addr::new(10, 78, 0, 3), ..message.clone() };
        self.0.send(&message.encode()).unwrap();
    }

    fn receive(&self) -> Message {
        let mut octets = [0; 2048];
        let length = self.0.recv(&mut octets).unwrap();
        Message::decode(&octets[..length]).unwrap()
    }

    fn ask(&self, message: &Message) -> Message {
        self.send(message);
        self.receive()
    }
}

#[test]
fn an_ack_leaves_after_the_sync_of_its_batch_has_ended() {
    let directory = tempfile::tempdir().unwrap();
    let files = DirectoryDisk::open(directory.path()).unwrap();
    let (begun, begins) = mpsc::channel();
    let (open, gate) = mpsc::channel();
    let (at, where_it_is) = mpsc::channel();
    let server = thread::spawn(move || serve(|| GatedDisk { files, begun, gate }, &at));
    // The syncs of the start.
    let (address, commands) = loop {
        if let Ok(found) = where_it_is.recv_timeout(Duration::from_millis(1)) {
            break found;
        }
        if begins.try_recv().is_ok() {
            open.send(()).unwrap();
        }
    };
    // What Engine::new makes durable still comes through, until a client is answered.
    let relay = Relay(UdpSocket::bind("127.0.0.1:0").unwrap());
    relay.0.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    relay.0.connect(address).unwrap();
    let client = Client::number(1);
    relay.send(&client.discover());
    let mut octets = [0; 2048];
    let offer = loop {
        if let Ok(length) = relay.0.recv(&mut octets) {
            break Message::decode(&octets[..length]).unwrap();
        }
        if begins.try_recv().is_ok() {
            open.send(()).unwrap();
        }
    };
    assert_eq!(offer.kind(), Some(OFFER));
    relay.0.set_read_timeout(Some(Duration::from_secs(60))).unwrap();

    relay.send(&client.select(&offer));
    begins.recv().unwrap();
    // The batch with the lease is written and its sync has begun. The server goes on: this question,
    // asked later, is answered first.
    for number in 2..5 {
        assert_eq!(relay.ask(&Client::number(number).discover()).kind(), Some(OFFER));
    }
    open.send(()).unwrap();
    assert_eq!(relay.receive().kind(), Some(ACK));

    drop((begins, open));
    let (answer, stopped) = oneshot::channel();
    commands.blocking_send(AdminCommand::Stop { answer }).unwrap();
    stopped.blocking_recv().unwrap();
    server.join().unwrap();
}
