//! CONNECT and CONNECTACK: what two servers agree on before anything else (§7.8, §7.9).

use core::time::Duration;

use crate::balance::HashBuckets;
use crate::binding::times::Mclt;
use crate::time::{Now, TimeDelta};
use crate::wire::codes::{MessageType, RejectReason, Xid};
use crate::wire::connect::{Connect, ConnectAck, Disconnect, Reject};
use crate::wire::frame::Header;
use crate::wire::message::Message;

use super::FailoverEndpoint;
use super::authentication::{Failure, Proof};
use super::config::TlsPolicy;
use super::event::LinkEnd;
use super::foresight::Foresight;
use super::io::{LinkId, Output, TlsSide};
use super::link::Phase;
use super::outbox::Outgoing;
use super::partner::clock_sample;

/// protocol-version of the draft.
const PROTOCOL_VERSION: u8 = 1;

/// How long the first STATE is held back for a dhcpd to announce its own (see
/// [`holds_first_state`](FailoverEndpoint::holds_first_state)).
const FIRST_STATE_HOLD: Duration = Duration::from_secs(1);

/// What a CONNECT settles.
#[derive(Clone, Copy)]
struct Terms {
    delta: TimeDelta,
    mclt: Mclt,
    buckets: HashBuckets,
    delayed_service: u16,
}

impl FailoverEndpoint {
    pub(super) fn send_connect(&mut self, now: Now, id: LinkId) {
        let xid = self.take_xid();
        if let Some(link) = self.link_mut(id) {
            link.phase = Phase::AwaitConnectAck(xid);
        }
        let dialect = self.config.dialect;
        let buckets = self.config.server_buckets.narrow(&self.config.hash_buckets).to_wire(dialect);
        let delayed_service = u8::try_from(self.config.load_balance_max_seconds);
        let delayed_service = delayed_service.ok().filter(|seconds| *seconds > 0);
        let secured = self.is_secured(id);
        let wish = dialect.sends_tls_request().then(|| self.config.tls.request());
        let name = self.config.name.clone();
        let vendor_class = self.config.vendor_class.clone();
        let connect = Connect {
            relationship_name: Some(name.as_bytes()),
            max_unacked_bndupd: Some(self.config.max_unacked_bndupd),
            receive_timer: Some(self.config.receive_timer),
            vendor_class: Some(vendor_class.as_bytes()),
            protocol_version: Some(PROTOCOL_VERSION),
            tls_request: wish.filter(|_| !secured),
            mclt: Some(self.config.mclt.0),
            hash_bucket_assignment: Some(&buckets),
            delayed_service: delayed_service.filter(|_| dialect.sends_delayed_service()),
        };
        let time = self.take_connect_time(now, secured);
        self.transmit_dated(now, id, time, xid, &Message::Connect(connect));
    }

    pub(super) fn on_connect(
        &mut self,
        now: Now,
        id: LinkId,
        header: Header,
        connect: &Connect<'_>,
        proof: Result<Proof, Failure>,
    ) {
        let waits =
            self.links.iter().any(|link| link.id == id && link.phase == Phase::AwaitConnect);
        if !waits {
            let end =
                LinkEnd::ProtocolError(MessageType::CONNECT, "this server did not wait for it");
            self.close_link(now, id, end, Some((RejectReason::UNKNOWN, "unexpected CONNECT")));
            return;
        }
        let over_tls = self.is_secured(id);
        // Over TLS there is nothing to agree on about TLS (§7.8, §7.9).
        let request = connect.tls_request.filter(|_| !over_tls);
        let answered = self.admit(header, connect, proof, over_tls).and_then(|tls| {
            if tls { Ok(None) } else { self.check_connect(now, header, connect).map(Some) }
        });
        match answered {
            Err(failure) => self.reject_connect(now, id, header.xid, request, failure),
            Ok(None) => {
                self.send_connect_ack(now, id, header.xid, Some(1));
                self.start_tls(now, id, TlsSide::Server);
            }
            Ok(Some(terms)) => {
                let tls_reply = request.map(|_| 0);
                self.accept_connect(now, id, header.xid, connect, terms, tls_reply);
            }
        }
    }

    /// What is looked at before the content of a CONNECT, in the order of §7.8.2: the version, TLS,
    /// the digest. Says whether TLS follows.
    fn admit(
        &mut self,
        header: Header,
        connect: &Connect<'_>,
        proof: Result<Proof, Failure>,
        over_tls: bool,
    ) -> Result<bool, Failure> {
        if connect.protocol_version.is_none_or(|version| version != PROTOCOL_VERSION)
            && self.config.dialect.checks_protocol_version()
        {
            return Err((RejectReason::VERSION_MISMATCH, "this server speaks protocol-version 1"));
        }
        let tls = !over_tls && self.answer_tls_request(connect.tls_request.unwrap_or(0))?;
        let proof = proof?;
        self.check_connect_time(header.time, over_tls)?;
        self.trust(proof);
        Ok(tls)
    }

    /// The secondary's further checks in their order (requirements 6.3).
    fn check_connect(
        &self,
        now: Now,
        header: Header,
        connect: &Connect<'_>,
    ) -> Result<Terms, Failure> {
        let dialect = self.config.dialect;
        let Some(name) = connect.relationship_name else {
            return Err((RejectReason::INVALID_PARTNER, "missing relationship-name"));
        };
        if name != self.config.name.as_bytes() {
            return Err((RejectReason::INVALID_PARTNER, "unknown relationship-name"));
        }
        let delta = clock_sample(now, header.time);
        if delta.0.unsigned_abs() > self.config.clock_limit() {
            return Err((RejectReason::TIME_MISMATCH, "the clocks differ by too much"));
        }
        let mclt = match connect.mclt {
            Some(seconds) if seconds > 0 => Mclt(seconds),
            _ => return Err((RejectReason::INVALID_MCLT, "missing MCLT, or an MCLT of 0")),
        };
        let buckets = connect
            .hash_bucket_assignment
            .and_then(|assignment| HashBuckets::from_wire(assignment, dialect))
            .ok_or((
                RejectReason::HASH_BUCKET_CONFLICT,
                "hash-bucket-assignment is not 32 octets",
            ))?;
        if !self.config.server_buckets.contains_secondary_of(&buckets) {
            return Err((
                RejectReason::HASH_BUCKET_CONFLICT,
                "hash-bucket-assignment has buckets outside the server HBA",
            ));
        }
        if let Some(missing) = self.missing_terms(connect.max_unacked_bndupd, connect.receive_timer)
        {
            return Err((RejectReason::UNKNOWN_REASON, missing));
        }
        let duplicate = self.current_link().is_some_and(|link| {
            let contact = Duration::from_secs(
                u64::from(self.config.receive_timer / 3).max(1).saturating_add(1),
            );
            now.monotonic.since(link.last_received) <= contact
        });
        if duplicate {
            return Err((RejectReason::DUPLICATE_CONNECTION, "already connected"));
        }
        let delayed_service = match connect.delayed_service {
            Some(seconds) if seconds > 0 => u16::from(seconds),
            _ => self.config.load_balance_max_seconds,
        };
        Ok(Terms { delta, mclt, buckets, delayed_service })
    }

    fn reject_connect(
        &mut self,
        now: Now,
        id: LinkId,
        xid: Xid,
        tls_request: Option<u8>,
        (reason, text): Failure,
    ) {
        let name = self.config.name.clone();
        let ack = ConnectAck {
            relationship_name: Some(name.as_bytes()),
            protocol_version: Some(PROTOCOL_VERSION),
            // Of all rejections one alone speaks of TLS that would have to be (§7.8.2).
            tls_reply: tls_request.map(|_| u8::from(reason == RejectReason::TLS_REQUIRED)),
            reject: Some(Reject { reason, message: Some(text.as_bytes()) }),
            ..ConnectAck::default()
        };
        self.transmit_on(now, id, xid, &Message::ConnectAck(ack));
        self.outputs.push_back(Output::Close(id));
        self.lose_link(now, id, LinkEnd::Rejected(reason, text));
    }

    fn accept_connect(
        &mut self,
        now: Now,
        id: LinkId,
        xid: Xid,
        connect: &Connect<'_>,
        terms: Terms,
        tls_reply: Option<u8>,
    ) {
        if let Some(former) = self.link_in_use() {
            let reason = (RejectReason::DUPLICATE_CONNECTION, "replaced by a newer connection");
            self.close_link(now, former, LinkEnd::Replaced, Some(reason));
        }
        self.learn_partner(connect.max_unacked_bndupd, connect.receive_timer, connect.vendor_class);
        self.partner.delta = Some(terms.delta);
        self.partner.delta_is_provisional = self.authentication.is_on();
        self.delayed_service = terms.delayed_service;
        self.adopt_terms(terms.mclt, &terms.buckets);
        self.establish(now, id);
        if self.authentication.is_on() {
            // The time of this CONNECT has to be on disk before anything comes of it.
            let answer = Outgoing::ConnectAck { link: id, xid, tls_reply };
            self.outbox.push(self.last_commit, answer);
        } else {
            self.send_connect_ack(now, id, xid, tls_reply);
        }
        self.announce_first_state(now, id);
    }

    /// Accepts a CONNECT.
    pub(super) fn send_connect_ack(
        &mut self,
        now: Now,
        id: LinkId,
        xid: Xid,
        tls_reply: Option<u8>,
    ) {
        let name = self.config.name.clone();
        let vendor_class = self.config.vendor_class.clone();
        let ack = ConnectAck {
            relationship_name: Some(name.as_bytes()),
            max_unacked_bndupd: Some(self.config.max_unacked_bndupd),
            receive_timer: Some(self.config.receive_timer),
            vendor_class: Some(vendor_class.as_bytes()),
            protocol_version: Some(PROTOCOL_VERSION),
            tls_reply,
            reject: None,
        };
        self.transmit_on(now, id, xid, &Message::ConnectAck(ack));
    }

    pub(super) fn on_connect_ack(
        &mut self,
        now: Now,
        id: LinkId,
        header: Header,
        ack: &ConnectAck<'_>,
    ) {
        let expected = self
            .links
            .iter()
            .any(|link| link.id == id && link.phase == Phase::AwaitConnectAck(header.xid));
        if !expected {
            self.unexpected(MessageType::CONNECTACK, "it answers no outstanding CONNECT");
            return;
        }
        if let Some(reject) = ack.reject {
            let text = String::from_utf8_lossy(reject.message.unwrap_or_default()).into_owned();
            // §7.8.2 prints 19, whose meaning needs an address, for a conflict of the buckets.
            let reason = match reject.reason {
                RejectReason::NOT_RESERVED => RejectReason::HASH_BUCKET_CONFLICT,
                reason => reason,
            };
            let end = LinkEnd::RejectedByPartner(reason, text);
            self.close_link(now, id, end, None);
            if reject.reason == RejectReason::DIGEST_MISMATCH
                && self.authentication.partner_signs_otherwise()
            {
                self.dial_soon(now);
            }
            return;
        }
        let over_tls = self.is_secured(id);
        let will_be = !over_tls && ack.tls_reply == Some(1);
        if will_be && self.config.tls.is_willing() {
            // Nothing else in it counts before the connection is secure (§7.9.2).
            self.start_tls(now, id, TlsSide::Client);
            return;
        }
        let dialect = self.config.dialect;
        let delta = clock_sample(now, header.time);
        let refusal = if will_be {
            Some((RejectReason::TLS_NOT_SUPPORTED, "this server did not ask for TLS"))
        } else if !over_tls && self.config.tls == TlsPolicy::Required {
            Some((RejectReason::TLS_REQUIRED, "this server speaks over TLS only"))
        } else if ack
            .protocol_version
            .map_or(dialect.checks_protocol_version(), |version| version != PROTOCOL_VERSION)
        {
            Some((RejectReason::VERSION_MISMATCH, "this server speaks protocol-version 1"))
        } else if ack.relationship_name.is_some_and(|name| name != self.config.name.as_bytes()) {
            Some((RejectReason::INVALID_PARTNER, "the CONNECTACK names another relationship"))
        } else if delta.0.unsigned_abs() > self.config.clock_limit() {
            Some((RejectReason::TIME_MISMATCH, "the clocks differ by too much"))
        } else {
            self.missing_terms(ack.max_unacked_bndupd, ack.receive_timer)
                .map(|missing| (RejectReason::UNKNOWN_REASON, missing))
        };
        if let Some((reason, text)) = refusal {
            // §7.12: the primary says why although the connection was never established.
            let xid = self.take_xid();
            let message = Disconnect { reason: Some(reason), message: Some(text.as_bytes()) };
            self.transmit_on(now, id, xid, &Message::Disconnect(message));
            self.close_link(now, id, LinkEnd::Rejected(reason, text), None);
            return;
        }
        self.learn_partner(ack.max_unacked_bndupd, ack.receive_timer, ack.vendor_class);
        self.partner.delta = Some(delta);
        self.establish(now, id);
        self.announce_first_state(now, id);
    }

    /// What the partner has to tell and did not.
    fn missing_terms(&self, window: Option<u32>, timer: Option<u32>) -> Option<&'static str> {
        if !self.config.dialect.requires_timer_and_window() {
            None
        } else if window.is_none() {
            Some("missing max-unacked-bndupd")
        } else if timer.is_none() {
            Some("missing receive-timer")
        } else {
            None
        }
    }

    fn learn_partner(&mut self, window: Option<u32>, timer: Option<u32>, vendor: Option<&[u8]>) {
        self.foresight = Foresight::default();
        self.partner.max_unacked_bndupd = window.unwrap_or(1).max(1);
        self.partner.receive_timer = timer.unwrap_or(self.config.receive_timer);
        self.partner.vendor_class =
            String::from_utf8_lossy(vendor.unwrap_or_default()).into_owned();
    }

    /// CONNECT is agreed: every other connection goes, timers start (§8.2).
    fn establish(&mut self, now: Now, id: LinkId) {
        let others: Vec<LinkId> =
            self.links.iter().map(|link| link.id).filter(|other| *other != id).collect();
        for other in others {
            self.drop_link(other);
            self.outputs.push_back(Output::Close(other));
        }
        let holds = self.holds_first_state();
        if let Some(link) = self.link_mut(id) {
            link.phase = Phase::AwaitState;
            link.since = now.monotonic;
            link.first_state_due = holds.then(|| now.monotonic.after(FIRST_STATE_HOLD));
        }
    }

    /// STATE follows, unless it has to wait.
    fn announce_first_state(&mut self, now: Now, id: LinkId) {
        if self.link_mut(id).is_some_and(|link| link.first_state_due.is_none()) {
            self.announce_state(now);
        }
    }
}
