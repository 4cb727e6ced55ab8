//! A store that is taken, or that fails: nothing is promised.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use twinlease::dhcp::{ClientSockets, SocketConfig};
use twinlease::durable::{Change, Recovered};
use twinlease::server::command;
use twinlease::server::config::Config;
use twinlease::server::engine::{Engine, EngineEnd};
use twinlease::store::{Contents, LeaseStore, MemoryStore, OwnerId, StoreError};

use crate::clients::{Given, lease};
use crate::server::Pair;

#[test]
fn a_second_server_on_the_same_store_is_refused() {
    let mut pair = Pair::new(20);
    pair.primary.start();
    let (status, said) = pair.primary.refuse();
    assert_eq!(status.code(), Some(1));
    let store = pair.primary.data();
    assert!(said.contains(&format!("another twinlease uses {}", store.display())), "{said}");
}

/// A store with room for so many changes.
struct SmallStore {
    inner: Arc<Mutex<MemoryStore>>,
    room: usize,
    /// How often the same is refused before there is room without end; otherwise it fails for good.
    heals_after: Option<u32>,
}

impl LeaseStore for SmallStore {
    fn open_owner(&mut self, name: &str) -> Result<(OwnerId, Recovered), StoreError> {
        self.inner.lock().unwrap().open_owner(name)
    }

    fn owner_names(&mut self) -> Result<Vec<String>, StoreError> {
        self.inner.lock().unwrap().owner_names()
    }

    fn commit(&mut self, batch: &[(OwnerId, Change)]) -> Result<(), StoreError> {
        let Some(room) = self.room.checked_sub(batch.len()) else {
            let path = PathBuf::from("data");
            let source = std::io::ErrorKind::StorageFull.into();
            let Some(left) = self.heals_after else {
                return Err(StoreError::Directory { path, source });
            };
            self.heals_after = left.checked_sub(1);
            if self.heals_after.is_none() {
                self.room = usize::MAX;
            }
            return Err(StoreError::NoRoom { path, source });
        };
        self.room = room;
        self.inner.lock().unwrap().commit(batch)
    }

    fn verify(&mut self) -> Result<Contents, StoreError> {
        self.inner.lock().unwrap().verify()
    }
}

/// Serves clients with `store` until it fails.
fn serve(address: SocketAddrV4, store: SmallStore) -> EngineEnd {
    let text = format!(
        r#"
        data-dir = "/nonexistent"
        [dhcp]
        listen = ["{address}"]
        [[subnet]]
        network = "10.78.0.0/16"
        pool = [{{ range = "10.78.8.0-10.78.8.255" }}]
        "#
    );
    let config = Config::parse(&text, Path::new("test.toml")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listen = config.dhcp.listen.clone();
        let sockets = ClientSockets::open(&SocketConfig { listen, ..SocketConfig::default() });
        let (_sender, commands) = command::channel();
        let engine = Engine::new(&config, Box::new(store), sockets.unwrap(), commands, 1);
        engine.unwrap().run().await
    })
}

#[test]
fn no_client_is_told_what_a_failing_store_has_not_taken() {
    const ROOM: usize = 100;
    let kept = Arc::new(Mutex::new(MemoryStore::new()));
    let address = SocketAddrV4::new(Ipv4Addr::new(127, 77, 41, 1), 6767);
    let store = SmallStore { inner: Arc::clone(&kept), room: ROOM, heals_after: None };
    let server = thread::spawn(move || serve(address, store));
    let given = Arc::new(Mutex::new(Vec::<Given>::new()));
    let told = Arc::clone(&given);
    // Clients ask until the process ends: those that come too late are never answered.
    thread::spawn(move || {
        lease(0..200, [address, address], |lease| told.lock().unwrap().push(lease.clone()));
    });
    assert!(matches!(server.join().unwrap(), EngineEnd::Storage(_)));
    let given = given.lock().unwrap().clone();
    assert!(!given.is_empty() && given.len() <= ROOM, "{}", given.len());
    all_are_kept(&given, &kept);
}

/// Every lease that a client was given stands in the store.
fn all_are_kept(given: &[Given], kept: &Mutex<MemoryStore>) {
    let (_, recovered) = kept.lock().unwrap().open_owner("alone").unwrap();
    for lease in given {
        let held = recovered.bindings.iter().find(|binding| binding.address == lease.address);
        let client = held.unwrap().client.as_ref().unwrap();
        assert_eq!(client.hardware.unwrap().to_string(), lease.hardware);
    }
}

#[test]
fn clients_are_served_again_once_there_is_room_without_a_restart() {
    let kept = Arc::new(Mutex::new(MemoryStore::new()));
    let address = SocketAddrV4::new(Ipv4Addr::new(127, 77, 199, 1), 6767);
    let store = SmallStore { inner: Arc::clone(&kept), room: 50, heals_after: Some(6) };
    thread::spawn(move || serve(address, store));
    let mut told = Vec::new();
    let given = lease(0..200, [address, address], |lease| {
        // What is told is durable at this moment.
        all_are_kept(std::slice::from_ref(lease), &kept);
        told.push(lease.address);
    });
    assert_eq!((given.len(), told.len()), (200, 200));
}
