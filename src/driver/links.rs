//! All TCP connections with partners.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use parking_lot::RwLock;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

use super::clock::Clock;
use super::connection::Connection;
use super::tls::{TlsFailure, TlsIdentity};
use super::{dial, listener};
use crate::endpoint::{ConnectFailure, LinkId, Origin, TlsSide};
use crate::store::OwnerId;
use crate::wire::MAX_MESSAGE_LEN;

/// Accepted connections that may exist at a time, whoever they belong to, where there are few
/// relationships; one more is closed. Where there are many it is [`ACCEPTED_EACH`] for each.
pub const MAX_ACCEPTED: usize = 64;

/// Accepted connections for each relationship: the one in use, and one of a partner that has restarted.
pub const ACCEPTED_EACH: usize = 2;

/// Accepted connections whose relationship is not known yet; such are only where one address is
/// the partner of several relationships. One more is closed.
pub const MAX_HALF_OPEN: usize = 16;

/// Octets that such a connection may send before its first message has to be complete.
pub const MAX_HALF_OPEN_OCTETS: usize = MAX_MESSAGE_LEN;

/// Time in which such a connection has to send its CONNECT.
pub const HALF_OPEN_TIME: Duration = Duration::from_secs(15);

/// Time in which a dialled partner has to answer.
pub const CONNECT_TIME: Duration = Duration::from_secs(5);

/// Octets that a partner may leave unread, beyond what the system buffers. One that lets more
/// gather loses the connection.
pub const WRITE_BUFFER: usize = 8 << 20;

/// Octets that are read from a connection at once.
pub const READ_CHUNK: usize = 64 * 1024;

/// Events that wait for the owner loop, with at most [`READ_CHUNK`] octets each. While so many wait
/// nothing is read.
pub const MAX_EVENTS: usize = 256;

/// Where one relationship's partner is.
#[derive(Clone, Debug)]
pub struct LinkSpec {
    /// The relationship.
    pub owner: OwnerId,
    /// Its name, as a CONNECT carries it.
    pub name: String,
    /// Where to listen; the address is also the one to dial from.
    pub local: SocketAddrV4,
    /// Whom to dial; connections from another address are not let in.
    pub peer: SocketAddrV4,
    /// Silence after which the partner counts as gone.
    pub receive_timer: Duration,
    /// Who is who, where connections may be secured.
    pub tls: Option<TlsIdentity>,
}

/// What happened on a connection.
#[derive(Debug)]
pub enum LinkEvent {
    /// One is up.
    Connected {
        /// Its relationship.
        owner: OwnerId,
        /// Its name from now on.
        link: LinkId,
        /// Who opened it.
        origin: Origin,
    },
    /// The attempt asked for by [`Links::connect`] failed.
    ConnectFailed {
        /// The relationship.
        owner: OwnerId,
        /// Why.
        failure: ConnectFailure,
    },
    /// Octets arrived.
    Bytes {
        /// The connection.
        link: LinkId,
        /// The octets, in the order in which they were sent.
        bytes: BytesMut,
    },
    /// TLS, asked for by [`Links::start_tls`], stands; the octets that follow came inside it.
    Secured {
        /// The connection.
        link: LinkId,
    },
    /// TLS did not come about, or broke; the connection is gone.
    TlsFailed {
        /// The connection.
        link: LinkId,
        /// Why.
        failure: TlsFailure,
    },
    /// It is gone, by the partner's doing. None follows [`Links::close`].
    Closed {
        /// The connection.
        link: LinkId,
    },
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounters {
    /// Connections closed because no partner has that address.
    pub unknown_address: u64,
    /// Connections closed because too many existed.
    pub too_many: u64,
    /// Connections of a partner of several relationships that did not say which they belong to.
    pub unattributed: u64,
    /// Connections ended because the partner left too much unread.
    pub overrun: u64,
    /// Octets received.
    pub octets_received: u64,
    /// Octets queued to be sent.
    pub octets_sent: u64,
}

/// The same, counted by several tasks.
#[derive(Debug, Default)]
pub(super) struct Counting {
    pub(super) unknown_address: AtomicU64,
    pub(super) too_many: AtomicU64,
    pub(super) unattributed: AtomicU64,
}

/// What the tasks of listeners, dials and connections have in common.
#[derive(Clone, Debug)]
pub(super) struct Hub {
    pub(super) notices: mpsc::Sender<Notice>,
    pub(super) next_link: Arc<AtomicU64>,
    pub(super) accepted: Arc<Semaphore>,
    pub(super) half_open: Arc<Semaphore>,
    pub(super) counting: Arc<Counting>,
    pub(super) clock: Clock,
}

/// What those tasks tell [`Links`].
#[derive(Debug)]
pub(super) enum Notice {
    Connected { link: LinkId, origin: Origin, connection: Connection },
    ConnectFailed { owner: OwnerId, failure: ConnectFailure },
    Bytes { link: LinkId, bytes: BytesMut },
    Secured { link: LinkId },
    TlsFailed { link: LinkId, failure: TlsFailure },
    Closed { link: LinkId },
}

/// Listeners, dials and connections of all relationships.
#[derive(Debug)]
pub struct Links {
    specs: Vec<LinkSpec>,
    open: BTreeMap<LinkId, Connection>,
    /// Relationships that are being dialled.
    dialling: Vec<(OwnerId, AbortHandle)>,
    /// Events that `Links` itself has to tell.
    own: VecDeque<LinkEvent>,
    notices: mpsc::Receiver<Notice>,
    hub: Hub,
    /// By address: whose partners are let in, and the task.
    listening: BTreeMap<SocketAddrV4, (Expected, AbortHandle)>,
    listeners: JoinSet<()>,
    dials: JoinSet<()>,
    counters: LinkCounters,
}

/// The relationships whose partners a listener lets in.
pub(super) type Expected = Arc<RwLock<Vec<LinkSpec>>>;

impl Links {
    /// Starts to listen for the partners of all `specs`. Must be called within a tokio runtime.
    pub fn start(specs: Vec<LinkSpec>, clock: Clock) -> Self {
        let (sender, notices) = mpsc::channel(MAX_EVENTS);
        let hub = Hub {
            notices: sender,
            next_link: Arc::new(AtomicU64::new(1)),
            accepted: Arc::new(Semaphore::new(MAX_ACCEPTED)),
            half_open: Arc::new(Semaphore::new(MAX_HALF_OPEN)),
            counting: Arc::new(Counting::default()),
            clock,
        };
        let mut links = Self {
            specs: Vec::new(),
            open: BTreeMap::new(),
            dialling: Vec::new(),
            own: VecDeque::new(),
            notices,
            hub,
            listening: BTreeMap::new(),
            listeners: JoinSet::new(),
            dials: JoinSet::new(),
            counters: LinkCounters::default(),
        };
        links.listen_for(specs);
        links
    }

    /// Takes other relationships. Connections of owners that are not in `kept` end, and whatever was
    /// under way for them comes to nothing; those of the others stay as they are.
    pub fn reconfigure(&mut self, specs: Vec<LinkSpec>, kept: &[OwnerId]) {
        let is_kept = |owner: OwnerId| kept.contains(&owner);
        self.dialling.retain(|(owner, dial)| {
            if !is_kept(*owner) {
                dial.abort();
            }
            is_kept(*owner)
        });
        self.listen_for(specs);
        while let Ok(notice) = self.notices.try_recv() {
            let is_void = match &notice {
                Notice::Connected { connection, .. } => !is_kept(connection.owner),
                Notice::ConnectFailed { owner, .. } => !is_kept(*owner),
                _ => false,
            };
            if !is_void && let Some(event) = self.take(notice) {
                self.own.push_back(event);
            }
        }
        self.open.retain(|_, connection| is_kept(connection.owner));
        let open = &self.open;
        self.own.retain(|event| match event {
            LinkEvent::Connected { owner, .. } | LinkEvent::ConnectFailed { owner, .. } => {
                is_kept(*owner)
            }
            LinkEvent::Bytes { link, .. } | LinkEvent::Secured { link } => open.contains_key(link),
            LinkEvent::TlsFailed { .. } | LinkEvent::Closed { .. } => true,
        });
    }

    /// Listens for the partners of `specs` and nobody else. An address on which there is a listener
    /// already keeps it.
    fn listen_for(&mut self, specs: Vec<LinkSpec>) {
        let room = MAX_ACCEPTED.max(ACCEPTED_EACH * specs.len());
        let had = MAX_ACCEPTED.max(ACCEPTED_EACH * self.specs.len());
        self.hub.accepted.add_permits(room.saturating_sub(had));
        let mut by_address: BTreeMap<SocketAddrV4, Vec<LinkSpec>> = BTreeMap::new();
        for spec in &specs {
            by_address.entry(spec.local).or_default().push(spec.clone());
        }
        self.listening.retain(|local, (_, task)| {
            let stays = by_address.contains_key(local);
            if !stays {
                task.abort();
            }
            stays
        });
        for (local, specs) in by_address {
            if let Some((expected, _)) = self.listening.get(&local) {
                *expected.write() = specs;
                continue;
            }
            let expected = Expected::new(RwLock::new(specs));
            let listener = listener::run(local, Arc::clone(&expected), self.hub.clone());
            self.listening.insert(local, (expected, self.listeners.spawn(listener)));
        }
        self.specs = specs;
    }

    /// The next event. May be dropped and called again without losing one.
    pub async fn next(&mut self) -> LinkEvent {
        loop {
            if let Some(event) = self.own.pop_front() {
                return event;
            }
            // `hub` holds a sender, so that the channel never ends.
            if let Some(notice) = self.notices.recv().await
                && let Some(event) = self.take(notice)
            {
                return event;
            }
        }
    }

    /// The next event, if there is one already.
    pub fn try_next(&mut self) -> Option<LinkEvent> {
        loop {
            if let Some(event) = self.own.pop_front() {
                return Some(event);
            }
            let notice = self.notices.try_recv().ok()?;
            if let Some(event) = self.take(notice) {
                return Some(event);
            }
        }
    }

    /// Dials the partner; `Connected` or `ConnectFailed` follows. Nothing is done while an earlier
    /// attempt is under way.
    pub fn connect(&mut self, owner: OwnerId) {
        while self.dials.try_join_next().is_some() {}
        let spec = self.specs.iter().find(|spec| spec.owner == owner);
        let is_dialled = self.dialling.iter().any(|(dialled, _)| *dialled == owner);
        if let Some(spec) = spec.filter(|_| !is_dialled) {
            let dial = self.dials.spawn(dial::run(spec.clone(), self.hub.clone()));
            self.dialling.push((owner, dial));
        }
    }

    /// Queues octets to be written as soon as the partner takes them. A partner that leaves more
    /// than [`WRITE_BUFFER`] unread is dropped; `Closed` follows.
    pub fn transmit(&mut self, link: LinkId, octets: &[u8]) {
        let Some(connection) = self.open.get(&link) else { return };
        if connection.transmit(octets).is_ok() {
            self.counters.octets_sent += octets.len() as u64;
            return;
        }
        let owner = connection.owner;
        self.open.remove(&link);
        self.own.push_back(LinkEvent::Closed { link });
        self.counters.overrun += 1;
        tracing::warn!(
            relationship = self.name(owner),
            "connection dropped: the partner leaves more than {WRITE_BUFFER} octets unread"
        );
    }

    /// Writes these octets in clear and secures the connection; `Secured` or `TlsFailed` follows.
    /// What arrives after them belongs to TLS.
    pub fn start_tls(&mut self, link: LinkId, octets: &[u8], side: TlsSide) {
        if let Some(connection) = self.open.get(&link) {
            connection.start_tls(octets, side);
            self.counters.octets_sent += octets.len() as u64;
        }
    }

    /// Closes a connection once what was queued is written. No event of it follows.
    pub fn close(&mut self, link: LinkId) {
        if let Some(connection) = self.open.remove(&link) {
            connection.close();
        }
    }

    /// Connections that exist.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Counts since the start.
    pub fn counters(&self) -> LinkCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        LinkCounters {
            unknown_address: read(&self.hub.counting.unknown_address),
            too_many: read(&self.hub.counting.too_many),
            unattributed: read(&self.hub.counting.unattributed),
            ..self.counters
        }
    }

    /// Stops listening, closes every connection, and waits until what was queued has been taken,
    /// for `time` at most.
    pub async fn shut_down(mut self, time: Duration) {
        self.listeners.abort_all();
        self.dials.abort_all();
        for (_, connection) in std::mem::take(&mut self.open) {
            connection.close();
        }
        let Self { mut notices, hub, mut listeners, mut dials, .. } = self;
        drop(hub);
        let ended = async {
            while listeners.join_next().await.is_some() {}
            while dials.join_next().await.is_some() {}
            // Every task holds a sender while it has something to do.
            while notices.recv().await.is_some() {}
        };
        let _ = timeout(time, ended).await;
    }

    fn take(&mut self, notice: Notice) -> Option<LinkEvent> {
        match notice {
            Notice::Connected { link, origin, connection } => {
                let owner = connection.owner;
                self.open.insert(link, connection);
                if origin == Origin::Dialled {
                    self.dialling.retain(|(dialled, _)| *dialled != owner);
                }
                Some(LinkEvent::Connected { owner, link, origin })
            }
            Notice::ConnectFailed { owner, failure } => {
                self.dialling.retain(|(dialled, _)| *dialled != owner);
                Some(LinkEvent::ConnectFailed { owner, failure })
            }
            Notice::Bytes { link, bytes } => {
                self.counters.octets_received += bytes.len() as u64;
                self.open.contains_key(&link).then_some(LinkEvent::Bytes { link, bytes })
            }
            Notice::Secured { link } => {
                self.open.contains_key(&link).then_some(LinkEvent::Secured { link })
            }
            Notice::TlsFailed { link, failure } => {
                self.open.remove(&link).map(|_| LinkEvent::TlsFailed { link, failure })
            }
            Notice::Closed { link } => self.open.remove(&link).map(|_| LinkEvent::Closed { link }),
        }
    }

    fn name(&self, owner: OwnerId) -> &str {
        self.specs.iter().find(|spec| spec.owner == owner).map_or("", |spec| &spec.name)
    }
}
