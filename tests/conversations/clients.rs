//! Clients: what a DHCP service would ask the server and tell it, with answers that wait for the disk.

use std::collections::VecDeque;
use std::fmt;
use std::net::Ipv4Addr;

use twinlease::binding::table::RangeId;
use twinlease::binding::{ClientRef, HardwareAddress};
use twinlease::durable::CommitId;
use twinlease::endpoint::{
    Availability, BindingChange, ClientRequest, LeaseAuthority, LeaseDetails, RequestKind, Service,
};

use crate::language::{number, pair, seconds};
use crate::options::hardware;
use crate::stage::Stage;

/// The one range of a script's relationship.
const RANGES: [RangeId; 1] = [RangeId(0)];

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Offered(Ipv4Addr, u32),
    Acknowledged(Ipv4Addr, u32),
    Refused,
    Ignored,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offered(address, seconds) => write!(f, "offered {address} for {seconds}s"),
            Self::Acknowledged(address, seconds) => {
                write!(f, "acknowledged {address} for {seconds}s")
            }
            Self::Refused => f.write_str("refused"),
            Self::Ignored => f.write_str("ignored"),
        }
    }
}

/// Answers on their way to clients.
#[derive(Default)]
pub(crate) struct Clients {
    answers: VecDeque<(CommitId, Answer)>,
}

impl Clients {
    /// The next answer that has left the server.
    pub(crate) fn next(&mut self, stage: &Stage) -> Option<Answer> {
        let (commit, _) = self.answers.front()?;
        if !stage.is_durable(*commit) {
            return None;
        }
        self.answers.pop_front().map(|(_, answer)| answer)
    }

    pub(crate) fn forget(&mut self) {
        self.answers.clear();
    }

    /// `client NUMBER MESSAGE ...`
    pub(crate) fn say(&mut self, stage: &mut Stage, words: &[&str]) -> Result<(), String> {
        let [client, message, rest @ ..] = words else {
            return Err("client NUMBER MESSAGE is needed".to_owned());
        };
        let octets = hardware(number(client)?);
        let client = ClientRef { identifier: None, hardware: HardwareAddress::from_wire(&octets) };
        let mut request = Request::read(rest)?;
        let answer = match *message {
            "DISCOVER" => discover(stage, client, &request)?,
            "REQUEST" => lease(stage, client, &request)?,
            "RELEASE" | "DECLINE" => {
                let address = request.address.take().ok_or("the address is missing")?;
                let change = match *message {
                    "RELEASE" => BindingChange::Released { address },
                    _ => BindingChange::Abandoned { address },
                };
                record(stage, change)?;
                return stage.settle();
            }
            other => return Err(format!("clients do not say {other} here")),
        };
        self.answers.push_back(answer);
        stage.settle()
    }
}

struct Request {
    address: Option<Ipv4Addr>,
    kind: RequestKind,
    secs: u16,
    desired: u32,
}

impl Request {
    fn read(words: &[&str]) -> Result<Self, String> {
        let kind = RequestKind::Selecting;
        let mut request = Self { address: None, kind, secs: 0, desired: 3600 };
        for word in words {
            match (*word, pair(word)) {
                ("selecting", _) => request.kind = RequestKind::Selecting,
                ("renewing", _) => request.kind = RequestKind::Renewing,
                ("rebinding", _) => request.kind = RequestKind::Rebinding,
                ("init-reboot", _) => request.kind = RequestKind::InitReboot,
                (_, Some(("secs", secs))) => request.secs = number(secs)?,
                (_, Some(("for", desired))) => request.desired = seconds(desired)?,
                (address, _) => {
                    let fault = || format!("{address} is no address and no known word");
                    request.address = Some(address.parse().map_err(|_| fault())?);
                }
            }
        }
        Ok(request)
    }
}

fn is_served(
    stage: &mut Stage,
    client: ClientRef<'_>,
    request: &Request,
    kind: RequestKind,
) -> Result<bool, String> {
    let now = stage.clock();
    let addressed_to_this_server = matches!(kind, RequestKind::Selecting | RequestKind::Renewing);
    let secs = request.secs;
    let asked = ClientRequest { kind, client, secs, addressed_to_this_server, ranges: &RANGES };
    Ok(stage.running()?.service_for(&asked, now) == Service::Serve)
}

fn discover(
    stage: &mut Stage,
    client: ClientRef<'_>,
    request: &Request,
) -> Result<(CommitId, Answer), String> {
    if !is_served(stage, client, request, RequestKind::Discover)? {
        return Ok((CommitId(0), Answer::Ignored));
    }
    let now = stage.clock();
    let owner = stage.running()?;
    let held = owner.table().of_client(&client).find(|address| {
        matches!(
            owner.availability(*address, &client, now),
            Availability::Renew | Availability::Lease
        )
    });
    let address = held.or_else(|| owner.choose(RANGES[0], now, &|_| false));
    let answer = address.map_or(Answer::Ignored, |address| {
        let grant = owner.grant(address, &client, request.desired, now);
        Answer::Offered(address, grant.lease_seconds)
    });
    Ok((CommitId(0), answer))
}

fn lease(
    stage: &mut Stage,
    client: ClientRef<'_>,
    request: &Request,
) -> Result<(CommitId, Answer), String> {
    let address = request.address.ok_or("the address is missing")?;
    if !is_served(stage, client, request, request.kind)? {
        return Ok((CommitId(0), Answer::Ignored));
    }
    let now = stage.clock();
    let owner = stage.running()?;
    match owner.availability(address, &client, now) {
        Availability::Renew | Availability::Lease => {
            let grant = owner.grant(address, &client, request.desired, now);
            let details = LeaseDetails::default();
            let leased = BindingChange::Leased { address, client, grant, details };
            let commit = record(stage, leased)?;
            Ok((commit, Answer::Acknowledged(address, grant.lease_seconds)))
        }
        Availability::No(_) => Ok((CommitId(0), Answer::Refused)),
    }
}

fn record(stage: &mut Stage, change: BindingChange<'_>) -> Result<CommitId, String> {
    let now = stage.clock();
    stage.running()?.record(now, change).map_err(|error| error.to_string())
}
