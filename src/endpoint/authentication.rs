//! message-digest: which secret signs, what is verified, and what a failure leads to (§11.1).
//!
//! While a secret is being rotated a server knows two. It verifies with both and signs with the new
//! one, until the partner is heard to sign with the other: that partner does not know the new one
//! yet, or not the old one any more. So either server may be given the new secret first.

use core::hash::{Hash, Hasher};

use crate::time::{Now, UnixTime};
use crate::wire::codes::{MessageType, RejectReason, Xid};
use crate::wire::connect::Disconnect;
use crate::wire::digest::{DigestError, DigestKey, carries_digest};
use crate::wire::frame::{Frame, Header};
use crate::wire::message::Message;

use super::FailoverEndpoint;
use super::config::SharedSecrets;
use super::event::LinkEnd;
use super::io::LinkId;
use super::transitions::EndpointEvent;

/// With a secret in use a connection ends before its xids do: none may be less than the one before.
const LAST_XID: u32 = u32::MAX - 0x10_0000;

/// Why a message is refused.
pub(super) type Failure = (RejectReason, &'static str);

/// Which of the secrets a message was signed with; `None` where there are none.
pub(super) type Proof = Option<usize>;

/// The secrets shared with the partner.
#[derive(Clone, Debug)]
pub(super) struct Authentication {
    /// The new one first; none without authentication.
    keys: Vec<DigestKey>,
    /// Position of the one that signs: the new one, or the one that the partner was heard to use.
    signs_with: usize,
    /// Position of the one that signed the latest CONNECT.
    connect_signed_with: usize,
}

impl Authentication {
    pub(super) fn new(secrets: Option<&SharedSecrets>) -> Self {
        let keys = secrets.map_or_else(Vec::new, |secrets| {
            let all = [Some(&secrets.current), secrets.previous.as_ref()];
            let all = all.into_iter().flatten();
            all.map(|secret| DigestKey::new(secret, secrets.input)).collect()
        });
        Self { keys, signs_with: 0, connect_signed_with: 0 }
    }

    /// What has been learnt; the secrets themselves are configuration.
    pub(super) fn hash_state<H: Hasher>(&self, hasher: &mut H) {
        (self.signs_with, self.connect_signed_with).hash(hasher);
    }

    /// Whether messages are signed.
    pub(super) fn is_on(&self) -> bool {
        !self.keys.is_empty()
    }

    /// What signs the next message.
    pub(super) fn signing_key(&self) -> Option<&DigestKey> {
        self.keys.get(self.signs_with)
    }

    /// Whether the partner signs its answers with another secret than CONNECT was signed with.
    pub(super) fn partner_signs_otherwise(&self) -> bool {
        self.signs_with != self.connect_signed_with
    }

    fn check(&self, frame: &Frame<'_>) -> Result<Proof, Failure> {
        if !self.is_on() {
            let unwanted = carries_digest(frame);
            let text = "this server has no shared secret for this partner";
            return if unwanted {
                Err((RejectReason::DIGEST_NOT_CONFIGURED, text))
            } else {
                Ok(None)
            };
        }
        let mut failure = DigestError::Missing;
        for (position, key) in self.keys.iter().enumerate() {
            match key.verify(frame) {
                Ok(()) => return Ok(Some(position)),
                Err(error) => failure = error,
            }
        }
        Err(match failure {
            DigestError::Missing => {
                (RejectReason::MISSING_DIGEST, "every message has to carry a message-digest")
            }
            DigestError::UnknownType(_) => {
                (RejectReason::DIGEST_NOT_SUPPORTED, "this server knows HMAC-MD5 only, type 1")
            }
            DigestError::Mismatch => {
                (RejectReason::DIGEST_MISMATCH, "the shared secrets differ, or somebody interferes")
            }
        })
    }
}

impl FailoverEndpoint {
    /// Looks at a message before anything else does. A message that fails has no effect but the end
    /// of its connection; a failed CONNECT is left to whoever answers it, as its version and its
    /// wish for TLS are looked at first (§7.8.2). `None` if nothing is left to do.
    pub(super) fn authenticate(
        &mut self,
        now: Now,
        link: LinkId,
        frame: &Frame<'_>,
    ) -> Option<Result<Proof, Failure>> {
        let header = frame.header;
        let proof = self.authentication.check(frame);
        let proof = proof.and_then(|proof| self.check_xid(link, header).map(|()| proof));
        if proof.is_err() {
            self.apply_event(now, EndpointEvent::AuthenticationFailed);
        }
        match proof {
            Ok(proof) => {
                self.heard(now, link, header);
                if header.message_type != MessageType::CONNECT {
                    self.trust(proof);
                }
            }
            Err(_) if header.message_type == MessageType::CONNECT => {}
            Err(failure) => {
                self.refuse_message(now, link, failure);
                return None;
            }
        }
        Some(proof)
    }

    /// The partner has signed with this secret: it knows it.
    pub(super) fn trust(&mut self, proof: Proof) {
        if let Some(position) = proof {
            self.authentication.signs_with = position;
        }
    }

    /// With a secret in use the xids of a connection have to increase, but for answers, which repeat
    /// that of their request (§11.1).
    fn check_xid(&mut self, id: LinkId, header: Header) -> Result<(), Failure> {
        let is_answer = matches!(
            header.message_type,
            MessageType::CONNECTACK
                | MessageType::BNDACK
                | MessageType::POOLRESP
                | MessageType::UPDDONE
        );
        if is_answer || !self.authentication.is_on() {
            return Ok(());
        }
        let Some(link) = self.link_mut(id) else { return Ok(()) };
        if link.last_xid.is_some_and(|last| header.xid <= last) {
            return Err((RejectReason::UNKNOWN, "its xid does not exceed the one before"));
        }
        link.last_xid = Some(header.xid);
        Ok(())
    }

    /// DISCONNECT, whatever the connection has come to, and its end: no other answer can say no.
    pub(super) fn refuse_message(&mut self, now: Now, link: LinkId, failure: Failure) {
        let (reason, text) = failure;
        let xid = self.take_xid();
        let message = Disconnect { reason: Some(reason), message: Some(text.as_bytes()) };
        self.transmit_on(now, link, xid, &Message::Disconnect(message));
        self.close_link(now, link, LinkEnd::Rejected(reason, text), None);
    }

    /// A CONNECT of a former connection cannot be played back: its time has to be later than that of
    /// every one before, across restarts. One that comes over TLS cannot be played back anyway, and
    /// may follow the first within the same second (§11.1, §11.2).
    pub(super) fn check_connect_time(
        &mut self,
        time: UnixTime,
        secured: bool,
    ) -> Result<(), Failure> {
        if !self.authentication.is_on() || secured {
            return Ok(());
        }
        if self.record.last_connect_time.is_some_and(|last| time <= last) {
            let text =
                "this CONNECT is not later than the last one: played back, or a clock set back";
            return Err((RejectReason::TIME_MISMATCH, text));
        }
        self.record.last_connect_time = Some(time);
        self.commit_record();
        Ok(())
    }

    /// The time of the next CONNECT: that of the clock, but later than that of every one before.
    /// One that goes over TLS need not be.
    pub(super) fn take_connect_time(&mut self, now: Now, secured: bool) -> UnixTime {
        if !self.authentication.is_on() || secured {
            return self.record.last_connect_time.map_or(now.wall, |last| last.max(now.wall));
        }
        let earliest = self.record.last_connect_time.map_or(0, |last| last.0.saturating_add(1));
        let time = UnixTime(now.wall.0.max(earliest));
        self.record.last_connect_time = Some(time);
        self.commit_record();
        self.authentication.connect_signed_with = self.authentication.signs_with;
        time
    }

    /// An operator's word: any time is later than none.
    pub(super) fn forget_connect_time(&mut self) {
        self.record.last_connect_time = None;
        self.commit_record();
    }

    /// A connection on which the xids would begin anew is replaced (§11.1).
    pub(super) fn renew_xids(&mut self, now: Now) {
        if !self.authentication.is_on() || self.last_xid.0 < LAST_XID {
            return;
        }
        if let Some(link) = self.link_in_use() {
            let reason = (RejectReason::UNKNOWN, "the xids of this connection are used up");
            self.close_link(now, link, LinkEnd::XidsUsedUp, Some(reason));
            self.last_xid = Xid(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::Role;
    use crate::durable::Recovered;
    use crate::endpoint::{Input, Origin, Output, RelationshipConfig};
    use crate::time::Instant;
    use crate::wire::connect::ConnectAck;
    use crate::wire::dialect::Dialect;
    use crate::wire::digest::{DigestInput, SharedSecret};

    const LINK: LinkId = LinkId(1);
    const NOW: Now = Now { monotonic: Instant::from_micros(0), wall: UnixTime(1_700_000_000) };

    /// A primary whose xids have come to `last`, and a partner that accepts its CONNECT.
    fn connected_at(last: u32, secret: bool) -> FailoverEndpoint {
        let mut config = RelationshipConfig::new("pair", Role::Primary, Vec::new());
        config.dialect = Dialect::Draft12;
        let shared = SharedSecret::new(b"secret").unwrap();
        let input = DigestInput::default();
        config.secrets =
            secret.then(|| SharedSecrets { current: shared.clone(), previous: None, input });
        let mut endpoint = FailoverEndpoint::new(config, Recovered::default(), NOW).unwrap();
        endpoint.last_xid = Xid(last);
        endpoint.handle_input(NOW, Input::Connected { link: LINK, origin: Origin::Dialled });
        let key = secret.then(|| DigestKey::new(&shared, input));
        let ack = ConnectAck {
            protocol_version: Some(1),
            max_unacked_bndupd: Some(10),
            receive_timer: Some(30),
            ..ConnectAck::default()
        };
        let mut octets = Vec::new();
        let (xid, dialect) = (endpoint.last_xid, Dialect::Draft12);
        Message::ConnectAck(ack)
            .encode_signed(NOW.wall, xid, dialect, key.as_ref(), &mut octets)
            .unwrap();
        let frame = Frame::parse_as(&octets, dialect).unwrap();
        endpoint.handle_input(NOW, Input::Received { link: LINK, frame });
        endpoint
    }

    fn closes(mut endpoint: FailoverEndpoint) -> bool {
        loop {
            match endpoint.poll_output() {
                Output::Close(LINK) => return true,
                Output::Idle { .. } => return false,
                _ => {}
            }
        }
    }

    /// Holds: A2-25.
    #[test]
    fn a_connection_whose_xids_come_to_their_end_is_given_up_for_a_new_one() {
        let endpoint = connected_at(LAST_XID - 1, true);
        assert_eq!(endpoint.last_xid, Xid(0));
        assert!(closes(endpoint));
    }

    #[test]
    fn without_a_secret_xids_may_begin_anew_on_a_connection() {
        assert!(!closes(connected_at(LAST_XID - 1, false)));
    }

    #[test]
    fn a_connection_with_xids_left_stays() {
        assert!(!closes(connected_at(LAST_XID - 100, true)));
    }
}
