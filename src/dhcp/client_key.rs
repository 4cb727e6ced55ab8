//! A client as the key of a map.

use std::hash::{Hash, Hasher};

use crate::binding::{ClientIdentifier, ClientRef, HardwareAddress};

/// A client by what identifies it: its identifier, or its hardware address if it sends none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ClientKey {
    /// Option 61.
    Identifier(ClientIdentifier),
    /// htype and chaddr.
    Hardware(HardwareAddress),
}

impl ClientKey {
    /// `None` for a client that shows neither.
    pub(super) fn of(client: &ClientRef<'_>) -> Option<Self> {
        Self::by_identifier(client).or_else(|| client.hardware.map(Self::Hardware))
    }

    /// `None` for a client that sends no identifier.
    pub(super) fn by_identifier(client: &ClientRef<'_>) -> Option<Self> {
        client.identifier.and_then(ClientIdentifier::new).map(Self::Identifier)
    }
}

impl Hash for ClientKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Identifier(identifier) => {
                state.write_u8(0);
                identifier.octets().hash(state);
            }
            Self::Hardware(hardware) => {
                state.write_u8(1);
                hardware.hash(state);
            }
        }
    }
}
