//! An address that the serving peer of a relationship holds, so that relay agents with one helper address
//! always reach a server.
//!
//! `decision` says who holds it, by the failover states. It is taken only when nobody answers for it
//! (`arp`), so that whoever gives it up has removed it before the other adds it, whatever either believes.
//! The system is told to forget it unless it is told otherwise every second (`netlink`): a process that was
//! killed, or does not run, loses it within seconds.

mod arp;
mod decision;
mod netlink;

use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{broadcast, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use crate::balance::Role;
use crate::dhcp::Interface;
use crate::driver::clock::Clock;
use crate::endpoint::{Communications, Status};
use crate::rate_limit::RateLimit;
use crate::server::command::{AdminCommand, CommandSender};
use crate::server::config::VirtualAddress;
use crate::server::feed::Told;
use crate::server::metrics::Samples;

use arp::Neighbours;
use netlink::Addresses;

/// Time between two looks; events of the relationship are looked at when they come.
const PERIOD: Duration = Duration::from_secs(1);

/// The same while the address is wanted and not held.
const SHORT_PERIOD: Duration = Duration::from_millis(200);

/// How long communications have been okay before the address comes back from the partner.
const HOLD: Duration = Duration::from_secs(1);

/// How long the engine may take to say how it stands; whoever does not know does not hold it.
const ENGINE_PATIENCE: Duration = Duration::from_secs(netlink::LIFETIME as u64 / 2);

/// A server that was not able to keep it for so long has to ask for it again.
const LOST: Duration = Duration::from_secs(netlink::LIFETIME as u64 - 2);

/// Announcements after the address was taken, one a period: a neighbour may miss or ignore the first.
const ANNOUNCEMENTS: u32 = 5;

/// The address cannot be moved.
#[derive(Debug)]
pub(crate) struct CannotMove {
    address: Ipv4Addr,
    interface: String,
    error: io::Error,
}

impl fmt::Display for CannotMove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, interface, error } = self;
        write!(f, "cannot move the virtual address {address} on {interface}: {error}")?;
        if error.kind() == io::ErrorKind::PermissionDenied {
            f.write_str("; this needs root or the capabilities CAP_NET_ADMIN and CAP_NET_RAW")?;
        }
        Ok(())
    }
}

/// Whether the address is held, for whoever asks.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    address: Ipv4Addr,
    relationship: String,
    is_here: Arc<AtomicBool>,
}

impl Held {
    /// The relationship whose serving server holds the address, the address, and whether it is here.
    pub(crate) fn told(&self) -> (&str, Ipv4Addr, bool) {
        (&self.relationship, self.address, self.is_here.load(Ordering::Relaxed))
    }

    pub(crate) fn add_to(&self, samples: &mut Samples) {
        let help = "1 while this server holds the virtual address.";
        let value = f64::from(u8::from(self.is_here.load(Ordering::Relaxed)));
        let labels = [("relationship", self.relationship.as_str())];
        samples.gauge("twinlease_virtual_address_held", help, &labels, value);
    }
}

/// Whoever moves the address.
#[derive(Debug)]
pub(crate) struct Mover {
    place: VirtualAddress,
    held: Held,
    clock: Clock,
    /// Since when it has been wanted and not held.
    wanted_since: Option<Instant>,
    announcements: u32,
    /// When the system was told last to keep it.
    kept: Instant,
    troubles: RateLimit,
}

impl Mover {
    /// Removes what a process that was killed may have left.
    pub(crate) fn start(place: VirtualAddress) -> Result<Self, CannotMove> {
        remove(&place).map_err(|error| CannotMove {
            address: place.address,
            interface: place.interface.clone(),
            error,
        })?;
        let (address, relationship) = (place.address, place.relationship.clone());
        Ok(Self {
            place,
            held: Held { address, relationship, is_here: Arc::default() },
            clock: Clock::new(),
            wanted_since: None,
            announcements: 0,
            kept: Instant::now(),
            troubles: RateLimit::default(),
        })
    }

    /// Whether it is held.
    pub(crate) fn held(&self) -> Held {
        self.held.clone()
    }

    fn is_held(&self) -> bool {
        self.held.is_here.load(Ordering::Relaxed)
    }

    /// Takes the address and gives it up as the states say, until the engine has ended; then gives it up.
    pub(crate) async fn run(mut self, commands: CommandSender) {
        let mut feed = None;
        while !commands.is_closed() {
            let status = self.status(&commands).await;
            self.follow(&commands, status.as_ref()).await;
            let is_waiting = self.wanted_since.is_some();
            let period = if is_waiting { SHORT_PERIOD } else { PERIOD };
            if feed.is_none() {
                feed = watch(&commands).await;
            }
            let is_open = wait(feed.as_mut(), Instant::now() + period).await;
            feed = feed.filter(|_| is_open);
        }
        self.give_up("the server stops").await;
    }

    async fn status(&self, commands: &CommandSender) -> Option<Status> {
        let (answer, answered) = oneshot::channel();
        let exchange = async {
            commands.send(AdminCommand::Status { answer }).await.ok()?;
            answered.await.ok()
        };
        let status = timeout(ENGINE_PATIENCE, exchange).await.ok()??;
        let mut reports = status.relationships.into_iter();
        reports.find(|report| report.name == self.place.relationship)
    }

    async fn follow(&mut self, commands: &CommandSender, status: Option<&Status>) {
        let Some(status) = status.filter(|status| decision::is_wanted(status.role, status.state))
        else {
            self.wanted_since = None;
            self.give_up("the partner serves, or nobody does").await;
            return;
        };
        if self.is_held() && self.kept.elapsed() > LOST {
            // This process did not run, and the partner may have taken it.
            self.give_up("this process did not run").await;
        }
        if self.is_held() {
            self.keep().await;
            return;
        }
        let since = *self.wanted_since.get_or_insert_with(Instant::now);
        let hold = if status.communications == Communications::Ok { HOLD } else { Duration::ZERO };
        if since.elapsed() >= hold {
            self.take(commands, status.role).await;
        }
    }

    /// Takes the address if nobody answers for it and it is still wanted then.
    async fn take(&mut self, commands: &CommandSender, role: Role) {
        let place = self.place.clone();
        // Where both ask at one time, the secondary gives way.
        let yields = role == Role::Secondary;
        let found = blocking(move || neighbours(&place)?.holder(place.address, yields)).await;
        let holder = match found {
            Ok(holder) => holder,
            Err(error) => return self.trouble(&format!("cannot ask for it: {error}")),
        };
        if let Some([a, b, c, d, e, f]) = holder {
            let hardware = format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}");
            return self.trouble(&format!("not taken yet: {hardware} answers for it"));
        }
        let status = self.status(commands).await;
        if !status.is_some_and(|status| decision::is_wanted(status.role, status.state)) {
            return;
        }
        let place = self.place.clone();
        let taken = blocking(move || {
            set(&place)?;
            neighbours(&place)?.announce(place.address)
        });
        match taken.await {
            Ok(()) => {
                self.held.is_here.store(true, Ordering::Relaxed);
                (self.wanted_since, self.announcements, self.kept) = (None, 1, Instant::now());
                let VirtualAddress { address, interface, .. } = &self.place;
                tracing::info!(%address, interface, "virtual address taken");
            }
            Err(error) => self.trouble(&format!("cannot be taken: {error}")),
        }
    }

    /// Tells the system to keep it for a little longer, and at first the neighbours once more.
    async fn keep(&mut self) {
        let place = self.place.clone();
        let announces = self.announcements < ANNOUNCEMENTS;
        self.announcements = self.announcements.saturating_add(1);
        let now = Instant::now();
        let kept = blocking(move || {
            set(&place)?;
            if announces { neighbours(&place)?.announce(place.address) } else { Ok(()) }
        });
        match kept.await {
            Ok(()) => self.kept = now,
            Err(error) => self.trouble(&format!("cannot be kept: {error}")),
        }
    }

    async fn give_up(&mut self, why: &str) {
        if !self.is_held() {
            return;
        }
        let place = self.place.clone();
        match blocking(move || remove(&place)).await {
            Ok(()) => {
                self.held.is_here.store(false, Ordering::Relaxed);
                let VirtualAddress { address, interface, .. } = &self.place;
                tracing::info!(%address, interface, "virtual address given up: {why}");
            }
            // Nobody refreshes it any more, so the system removes it.
            Err(error) => self.trouble(&format!("cannot be given up: {error}")),
        }
    }

    fn trouble(&mut self, what: &str) {
        if let Some(suppressed) = self.troubles.pass(self.clock.monotonic()) {
            let address = self.place.address;
            tracing::warn!(%address, suppressed, "virtual address {what}");
        }
    }
}

/// What the system has to say takes a moment, which the engine's thread does not have.
async fn blocking<T: Send + 'static>(
    action: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(action).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

fn neighbours(place: &VirtualAddress) -> io::Result<Neighbours> {
    Neighbours::on(&Interface::find(&place.interface)?)
}

fn set(place: &VirtualAddress) -> io::Result<()> {
    let index = Interface::find(&place.interface)?.index();
    Addresses::open()?.set(index, place.address, place.prefix_length)
}

fn remove(place: &VirtualAddress) -> io::Result<()> {
    let index = Interface::find(&place.interface)?.index();
    Addresses::open()?.remove(index, place.address, place.prefix_length)
}

async fn watch(commands: &CommandSender) -> Option<broadcast::Receiver<Told>> {
    let (answer, answered) = oneshot::channel();
    commands.send(AdminCommand::Watch { after: 0, answer }).await.ok()?;
    answered.await.ok().map(|watch| watch.coming)
}

/// Waits for an event or until `deadline`; false if the feed has ended, or has more than this has read.
async fn wait(feed: Option<&mut broadcast::Receiver<Told>>, deadline: Instant) -> bool {
    let Some(feed) = feed else {
        sleep_until(deadline).await;
        return false;
    };
    tokio::select! {
        told = feed.recv() => told.is_ok(),
        () = sleep_until(deadline) => true,
    }
}
