//! Players on connections, all at once.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf as _;
use tokio::io::Interest;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::Failure;
use super::figures::Figures;
use super::leases::Leases;
use super::options::Options;
use super::player::{Fault, Player, Server, Terms, Work};
use super::report::Report;
use crate::driver::clock::Clock;
use crate::time::Instant;
use crate::wire::codes::FailoverState;

/// Octets read at once.
const READ: usize = 64 * 1024;

/// Reads between two writes.
const READS: usize = 8;

/// Longest pause between two looks at how long nothing has happened.
const LOOK: Duration = Duration::from_secs(1);

/// Pause between attempts to connect.
const AGAIN: Duration = Duration::from_millis(200);

/// What one relationship came to.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) server: Server,
    /// In the order in which they were done.
    pub(super) works: Vec<(Work, Figures)>,
}

/// Plays all relationships to their end.
pub(super) async fn play(options: &Options) -> Result<Report, Failure> {
    let clock = Clock::new();
    let together = Arc::new(Barrier::new(usize::from(options.relationships)));
    let mut sessions = JoinSet::new();
    for number in 0..options.relationships {
        let (options, together) = (options.clone(), Arc::clone(&together));
        sessions.spawn(async move {
            let session = Session::open(&options, number, clock).await?;
            session.run(works(&options), &together).await
        });
    }
    let mut outcomes = Vec::new();
    while let Some(outcome) = sessions.join_next().await {
        // A session that ends with an error ends all: the others would wait for it.
        let outcome = outcome.map_err(|error| Failure::Connection(io::Error::other(error)))?;
        outcomes.push(outcome?);
    }
    Ok(Report::new(options, outcomes))
}

/// What each relationship has to do.
fn works(options: &Options) -> Vec<Work> {
    let give = options.sync_to.map(Work::Give);
    let take = options.sync_from.then_some(Work::Take);
    let renew = options.steady.map(|rate| Work::Renew {
        bindings: options.bindings(),
        every: Duration::from_secs_f64(f64::from(options.relationships) / rate),
        lasting: Duration::from_secs(options.seconds),
    });
    give.into_iter().chain(take).chain(renew).collect()
}

/// One player on its connection.
struct Session {
    player: Player,
    stream: TcpStream,
    clock: Clock,
    buffer: Vec<u8>,
    patience: Duration,
    /// When something was heard last.
    heard: Instant,
}

impl Session {
    async fn open(options: &Options, number: u16, clock: Clock) -> Result<Self, Failure> {
        let patience = Duration::from_secs(options.patience);
        let stream = tokio::time::timeout(patience, connection(options, number)).await;
        let stream = stream.map_err(|_| Failure::Silence(options.patience, "a connection"))?;
        let stream = stream.map_err(Failure::Connection)?;
        stream.set_nodelay(true).map_err(Failure::Connection)?;
        let terms = Terms {
            relationship: options.name(number),
            role: options.role,
            max_unacked_updates: options.max_unacked_updates,
            receive_timer: options.max_response_delay,
            mclt: options.mclt,
            vendor_class: options.vendor_class.clone(),
            window: options.window,
            batch: options.batch,
        };
        let leases = Leases { first: options.pool(number), time: options.lease_time };
        let now = clock.now();
        let player = Player::new(terms, leases, options.sync_to.is_none(), now);
        let heard = now.monotonic;
        Ok(Self { player, stream, clock, buffer: vec![0; READ], patience, heard })
    }

    async fn run(mut self, mut todo: Vec<Work>, together: &Barrier) -> Result<Outcome, Failure> {
        let mut works = Vec::new();
        self.until("the server's state", |player| player.server().state.is_some()).await?;
        if self.player.server().state == Some(FailoverState::PartnerDown) {
            // A partner that comes back recovers before it gives anything.
            todo.retain(|work| *work != Work::Take);
            todo.insert(0, Work::Take);
        }
        for work in todo {
            self.until("the server to be ready", |player| player.is_ready_for(&work)).await?;
            {
                let mut all_ready = pin!(together.wait());
                loop {
                    tokio::select! {
                        _ = &mut all_ready => break,
                        turn = self.turn() => turn?,
                    }
                }
            }
            self.player.begin(self.clock.now(), work);
            let figures = loop {
                self.turn().await?;
                self.be_patient("answers of the server")?;
                if let Some(figures) = self.player.take_done() {
                    break figures;
                }
            };
            works.push((work, figures));
        }
        Ok(Outcome { server: self.player.server().clone(), works })
    }

    async fn until(
        &mut self,
        what: &'static str,
        is_so: impl Fn(&Player) -> bool,
    ) -> Result<(), Failure> {
        while !is_so(&self.player) {
            self.turn().await?;
            self.be_patient(what)?;
        }
        Ok(())
    }

    fn be_patient(&self, what: &'static str) -> Result<(), Failure> {
        let silent = self.clock.monotonic().since(self.heard) > self.patience;
        if silent { Err(Failure::Silence(self.patience.as_secs(), what)) } else { Ok(()) }
    }

    /// Waits for something to happen, and lets the player act on it. May be dropped.
    async fn turn(&mut self) -> Result<(), Failure> {
        let wants = if self.player.outgoing().is_empty() {
            Interest::READABLE
        } else {
            Interest::READABLE | Interest::WRITABLE
        };
        let latest = self.clock.monotonic().after(LOOK);
        let wake = self.clock.deadline(self.player.wakes_at().min(latest));
        tokio::select! {
            biased;
            ready = self.stream.ready(wants) => drop(ready.map_err(Failure::Connection)?),
            () = tokio::time::sleep_until(wake) => {}
        }
        self.read()?;
        self.player.pump(self.clock.now());
        self.write()
    }

    fn read(&mut self) -> Result<(), Failure> {
        for _ in 0..READS {
            match self.stream.try_read(&mut self.buffer) {
                Ok(0) => return Err(Failure::Server(Fault::Closed(String::new()))),
                Ok(count) => {
                    let now = self.clock.now();
                    self.heard = now.monotonic;
                    let octets = self.buffer.get(..count).unwrap_or_default();
                    self.player.receive(now, octets).map_err(Failure::Server)?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(Failure::Connection(error)),
            }
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), Failure> {
        let outgoing = self.player.outgoing();
        let mut rest = outgoing.as_slice();
        while !rest.is_empty() {
            match self.stream.try_write(rest) {
                Ok(count) => rest.advance(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(Failure::Connection(error)),
            }
        }
        let written = outgoing.len() - rest.len();
        outgoing.drain(..written);
        Ok(())
    }
}

/// The connection of relationship `number`, opened by whom the options say.
async fn connection(options: &Options, number: u16) -> io::Result<TcpStream> {
    let local = options.local(number);
    if options.listen {
        let listener = TcpListener::bind(local).await?;
        loop {
            let (stream, from) = listener.accept().await?;
            if from.ip() == *options.server.ip() {
                return Ok(stream);
            }
        }
    }
    loop {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((*local.ip(), 0)))?;
        match socket.connect(options.server.into()).await {
            Ok(stream) => return Ok(stream),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                tokio::time::sleep(AGAIN).await;
            }
            Err(error) => return Err(error),
        }
    }
}
