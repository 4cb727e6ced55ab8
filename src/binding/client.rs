//! Who a client is: its identifier if it gave one, its hardware address in any case.

use core::fmt;
use core::hash::{Hash, Hasher};

/// Octets of a chaddr that fit a record; the field itself is 16 octets long.
pub const MAX_HARDWARE_OCTETS: usize = 16;

/// A hardware type and the address octets that go with it (chaddr cut to hlen).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HardwareAddress {
    htype: u8,
    len: u8,
    octets: [u8; MAX_HARDWARE_OCTETS],
}

impl HardwareAddress {
    /// An address of at most 16 octets; `None` if `octets` is longer.
    pub fn new(htype: u8, octets: &[u8]) -> Option<Self> {
        let mut copy = [0; MAX_HARDWARE_OCTETS];
        copy.get_mut(..octets.len())?.copy_from_slice(octets);
        Some(Self { htype, len: u8::try_from(octets.len()).ok()?, octets: copy })
    }

    /// Reads the wire form of the client-hardware-address option: type octet first (§12.5).
    pub fn from_wire(option: &[u8]) -> Option<Self> {
        let (&htype, octets) = option.split_first()?;
        Self::new(htype, octets)
    }

    /// ARP hardware type; 1 is Ethernet.
    pub const fn htype(&self) -> u8 {
        self.htype
    }

    /// The address without its type.
    pub fn octets(&self) -> &[u8] {
        self.octets.get(..usize::from(self.len)).unwrap_or(&self.octets)
    }
}

impl fmt::Debug for HardwareAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{self}", self.htype)
    }
}

/// Colon-separated hexadecimal octets, without the type.
impl fmt::Display for HardwareAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, octet) in self.octets().iter().enumerate() {
            if position > 0 {
                f.write_str(":")?;
            }
            write!(f, "{octet:02x}")?;
        }
        Ok(())
    }
}

/// Octets of an identifier that are kept in place; a longer one costs an allocation.
const INLINE_IDENTIFIER: usize = 30;

/// Octets of the longest identifier: what one DHCP option holds.
pub const MAX_IDENTIFIER_OCTETS: usize = 255;

/// The data of DHCP option 61, type octet included, at most 255 octets.
#[derive(Clone, Debug)]
pub struct ClientIdentifier(Identifier);

#[derive(Clone, Debug)]
enum Identifier {
    Inline { len: u8, octets: [u8; INLINE_IDENTIFIER] },
    Long(Box<[u8]>),
}

impl ClientIdentifier {
    /// An identifier of 1 to 255 octets; `None` for any other length.
    pub fn new(octets: &[u8]) -> Option<Self> {
        let len = u8::try_from(octets.len()).ok().filter(|len| *len > 0)?;
        let mut inline = [0; INLINE_IDENTIFIER];
        Some(Self(match inline.get_mut(..octets.len()) {
            Some(space) => {
                space.copy_from_slice(octets);
                Identifier::Inline { len, octets: inline }
            }
            None => Identifier::Long(octets.into()),
        }))
    }

    /// The octets as the client sent them.
    pub fn octets(&self) -> &[u8] {
        match &self.0 {
            Identifier::Inline { len, octets } => octets.get(..usize::from(*len)).unwrap_or(octets),
            Identifier::Long(octets) => octets,
        }
    }
}

impl PartialEq for ClientIdentifier {
    fn eq(&self, other: &Self) -> bool {
        self.octets() == other.octets()
    }
}

impl Eq for ClientIdentifier {}

impl Hash for ClientIdentifier {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.octets().hash(state);
    }
}

/// A client as a binding remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Client {
    /// Absent if the client used none (§7.1.1).
    pub identifier: Option<ClientIdentifier>,
    /// Absent only where a partner named an identifier alone.
    pub hardware: Option<HardwareAddress>,
}

impl Client {
    /// A view that borrows the identifier.
    pub fn as_ref(&self) -> ClientRef<'_> {
        ClientRef {
            identifier: self.identifier.as_ref().map(ClientIdentifier::octets),
            hardware: self.hardware,
        }
    }
}

/// A client as a packet shows it: nothing is copied but the hardware address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientRef<'a> {
    /// Data of option 61, if the client sent one.
    pub identifier: Option<&'a [u8]>,
    /// htype and chaddr.
    pub hardware: Option<HardwareAddress>,
}

impl ClientRef<'_> {
    /// Whether two descriptions mean the same client: equal identifiers, or no identifier on either
    /// side and the same hardware type and address (§7.1.3).
    pub fn is_same_client(&self, other: &ClientRef<'_>) -> bool {
        match (self.identifier, other.identifier) {
            (Some(mine), Some(theirs)) => mine == theirs,
            (None, None) => self.hardware.is_some() && self.hardware == other.hardware,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// The octets that load balancing hashes: the identifier, else the hardware address without its
    /// type (RFC 3074 §6).
    pub fn hash_key(&self) -> &[u8] {
        match (self.identifier, &self.hardware) {
            (Some(identifier), _) => identifier,
            (None, Some(hardware)) => hardware.octets(),
            (None, None) => &[],
        }
    }

    /// A copy that owns its identifier. One over 255 octets is left out: whatever takes clients in
    /// refuses it before.
    pub fn to_client(&self) -> Client {
        Client {
            identifier: self.identifier.and_then(ClientIdentifier::new),
            hardware: self.hardware,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ethernet(last: u8) -> HardwareAddress {
        HardwareAddress::new(1, &[0, 12, 1, 2, 3, last]).unwrap()
    }

    /// Holds: A1-36.
    #[test]
    fn equal_identifiers_mean_the_same_client_on_any_hardware() {
        let one = ClientRef { identifier: Some(b"x"), hardware: Some(ethernet(1)) };
        let two = ClientRef { identifier: Some(b"x"), hardware: Some(ethernet(2)) };
        assert!(one.is_same_client(&two));
    }

    /// Holds: A1-36.
    #[test]
    fn an_identifier_on_one_side_only_means_another_client() {
        let one = ClientRef { identifier: Some(b"x"), hardware: Some(ethernet(1)) };
        let two = ClientRef { identifier: None, hardware: Some(ethernet(1)) };
        assert!(!one.is_same_client(&two));
    }

    #[test]
    fn an_identifier_longer_than_the_inline_space_is_kept_whole() {
        let long = [7; 200];
        assert_eq!(ClientIdentifier::new(&long).unwrap().octets(), &long);
    }

    #[test]
    fn an_empty_identifier_is_none() {
        assert_eq!(ClientIdentifier::new(&[]), None);
    }

    #[test]
    fn identifiers_are_equal_if_their_octets_are() {
        let identifier = |octets: &[u8]| ClientIdentifier::new(octets).unwrap();
        assert_eq!(identifier(b"abc"), identifier(b"abc"));
        assert_ne!(identifier(b"abc"), identifier(b"abd"));
    }

    /// Holds: FO-12.5-1.
    #[test]
    fn the_octet_before_a_hardware_address_is_its_type() {
        let token_ring = HardwareAddress::from_wire(&[6, 0, 12, 1]).unwrap();
        assert_eq!((token_ring.htype(), token_ring.octets()), (6, &[0, 12, 1][..]));
    }

    #[test]
    fn a_hardware_address_is_written_with_colons() {
        assert_eq!(ethernet(255).to_string(), "00:0c:01:02:03:ff");
        assert_eq!(format!("{:?}", ethernet(255)), "1/00:0c:01:02:03:ff");
    }

    #[test]
    fn other_identifiers_have_other_hashes() {
        let hash = |octets| {
            let mut hasher = std::hash::DefaultHasher::new();
            ClientIdentifier::new(octets).hash(&mut hasher);
            hasher.finish()
        };
        assert_ne!(hash(b"a"), hash(b"b"));
    }
}
