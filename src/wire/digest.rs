//! message-digest: HMAC-MD5 over a message, under a secret that both servers know (§11.1, §12.17).
//!
//! The option is the first of a message sent and carries 16 octets, all zero while the digest is
//! computed. A received one is looked for wherever it stands: its octets count as zero in their
//! place, so the place does not matter.

use core::fmt;
use std::sync::Arc;

use hmac::digest::Key;
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};

use super::codes::OptionCode;
use super::frame::{Frame, HEADER_LEN};
use super::option::OPTION_HEADER_LEN;

/// The only type of digest that the draft defines: HMAC-MD5 (§12.17).
pub const HMAC_MD5: u8 = 1;

/// Octets of a digest.
pub const DIGEST_LEN: usize = 16;

/// The value of the option while the digest is computed.
pub(super) const DIGEST_PLACE: [u8; 1 + DIGEST_LEN] = {
    let mut value = [0; 1 + DIGEST_LEN];
    value[0] = HMAC_MD5;
    value
};

/// Where the digest stands in a message that is sent.
const DIGEST_OFFSET: usize = HEADER_LEN + OPTION_HEADER_LEN + 1;

/// What both servers know and nobody else does. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SharedSecret(Arc<[u8]>);

impl SharedSecret {
    /// The secret with these octets; `None` for an empty one, which would protect nothing.
    pub fn new(octets: &[u8]) -> Option<Self> {
        (!octets.is_empty()).then(|| Self(octets.into()))
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret(..)")
    }
}

/// What is hashed under the secret. The draft says "the message concatenated with the secret" and
/// names no key (§11.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DigestInput {
    /// To the letter: the message, and behind it the secret once more.
    #[default]
    MessageAndSecret,
    /// The message alone, as HMAC is used everywhere else.
    Message,
}

/// A secret made ready to sign and to verify.
#[derive(Clone)]
pub struct DigestKey {
    keyed: Hmac<Md5>,
    /// What is hashed behind the message.
    behind: Arc<[u8]>,
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestKey(..)")
    }
}

/// Why a message is not authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestError {
    /// It has no message-digest.
    Missing,
    /// Its digest is of a type that is not HMAC-MD5.
    UnknownType(u8),
    /// Its digest is not that of the message under this secret, not of 16 octets, or one of two.
    Mismatch,
}

impl DigestKey {
    /// The key made of `secret`.
    pub fn new(secret: &SharedSecret, input: DigestInput) -> Self {
        let octets = &*secret.0;
        // RFC 2104: a key longer than a block is replaced by its hash.
        let mut block = Key::<Hmac<Md5>>::default();
        let hash = Md5::digest(octets);
        let key = if octets.len() > block.len() { hash.as_slice() } else { octets };
        for (place, octet) in block.iter_mut().zip(key) {
            *place = *octet;
        }
        let behind = match input {
            DigestInput::MessageAndSecret => secret.0.clone(),
            DigestInput::Message => Arc::default(),
        };
        Self { keyed: Hmac::new(&block), behind }
    }

    /// Fills in the digest of a message that begins with a zeroed message-digest.
    pub(super) fn sign(&self, message: &mut [u8]) {
        let digest = self.digest_of(message);
        let place = message.get_mut(DIGEST_OFFSET..).and_then(<[u8]>::first_chunk_mut);
        if let Some(place) = place {
            *place = digest;
        }
    }

    /// The digest of a whole message whose digest octets are zero.
    pub fn digest_of(&self, message: &[u8]) -> [u8; DIGEST_LEN] {
        let mut mac = self.keyed.clone();
        mac.update(message);
        mac.update(&self.behind);
        mac.finalize().into_bytes().into()
    }

    /// Whether the message carries the digest that it should, compared in constant time.
    pub fn verify(&self, frame: &Frame<'_>) -> Result<(), DigestError> {
        let carried = find(frame)?.ok_or(DigestError::Missing)?;
        let header = frame.header;
        let length = u16::try_from(frame.message_len()).map_err(|_| DigestError::Mismatch)?;
        let mut mac = self.keyed.clone();
        mac.update(&length.to_be_bytes());
        mac.update(&[header.message_type.0, header.payload_offset]);
        mac.update(&header.time.0.to_be_bytes());
        mac.update(&header.xid.0.to_be_bytes());
        mac.update(frame.extension);
        mac.update(carried.before);
        mac.update(&[0; DIGEST_LEN]);
        mac.update(carried.after);
        mac.update(&self.behind);
        mac.verify_slice(carried.digest).map_err(|_| DigestError::Mismatch)
    }
}

/// Whether the message carries a message-digest, of whatever type.
pub fn carries_digest(frame: &Frame<'_>) -> bool {
    frame.options().map_while(Result::ok).any(|option| option.code == OptionCode::MESSAGE_DIGEST)
}

/// A digest and the octets of the payload around it.
struct Carried<'a> {
    before: &'a [u8],
    digest: &'a [u8],
    after: &'a [u8],
}

fn find<'a>(frame: &Frame<'a>) -> Result<Option<Carried<'a>>, DigestError> {
    let mut found = None;
    for option in frame.options().map_while(Result::ok) {
        if option.code != OptionCode::MESSAGE_DIGEST {
            continue;
        }
        if found.is_some() {
            return Err(DigestError::Mismatch);
        }
        match option.value {
            [HMAC_MD5, digest @ ..] if digest.len() == DIGEST_LEN => {
                let start = option.offset.saturating_add(OPTION_HEADER_LEN + 1);
                let start = start.saturating_sub(HEADER_LEN).saturating_sub(frame.extension.len());
                let (before, rest) = frame.payload.split_at_checked(start).unwrap_or_default();
                let after = rest.get(DIGEST_LEN..).unwrap_or_default();
                found = Some(Carried { before, digest, after });
            }
            [HMAC_MD5, ..] | [] => return Err(DigestError::Mismatch),
            [unknown, ..] => return Err(DigestError::UnknownType(*unknown)),
        }
    }
    Ok(found)
}
