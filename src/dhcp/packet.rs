//! A client's message, read from bytes that anybody may have sent.
//!
//! The fixed fields are read by `dhcproto`'s borrowed decoder, behind checks that keep it from
//! reading past the buffer. The options are walked here, because three things matter that the
//! library leaves out: option overload (RFC 2131 §4.1), options split over several instances
//! (RFC 3396), and telling a truncated option from the end of the field.
//!
//! Invariant: no sequence of bytes makes [`ClientPacket::parse`] panic, and nothing is copied unless
//! an option comes in several instances.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv4Addr;
use std::ops::Range;

use dhcproto::v4::{self, MessageType, Opcode, borrowed};

use super::option_code::OptionCode;
use crate::binding::carried::{MAX_REQUEST_OCTETS, REQUEST_CODES, collect_options};
use crate::binding::client::MAX_IDENTIFIER_OCTETS;
use crate::binding::{ClientRef, HardwareAddress};

/// Length of the fixed fields with the magic cookie; a shorter datagram is no DHCP message.
pub const FIXED_OCTETS: usize = 240;
/// Length of the chaddr field.
pub const CHADDR_OCTETS: usize = 16;

/// Positions of fields in the datagram.
const CHADDR: Range<usize> = 28..28 + CHADDR_OCTETS;
const SNAME: Range<usize> = 44..108;
const FILE: Range<usize> = 108..236;
const COOKIE: Range<usize> = 236..FIXED_OCTETS;

/// What stands in place of the cookie in a BOOTP request without options (RFC 951 §3).
const NO_COOKIE: [u8; 4] = [0; 4];

/// The fixed fields that a server needs for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Hardware type; 1 is Ethernet.
    pub htype: u8,
    /// Octets of chaddr that count, at most 16.
    pub hlen: u8,
    /// Transaction id.
    pub xid: u32,
    /// Seconds since the client began, as the client counts them.
    pub secs: u16,
    /// The flags field as sent; the highest bit asks for broadcast answers.
    pub flags: u16,
    /// The address the client holds and answers ARP for, or 0.0.0.0.
    pub ciaddr: Ipv4Addr,
    /// The relay agent through which the message came, or 0.0.0.0.
    pub giaddr: Ipv4Addr,
    /// The client's hardware address, all 16 octets as sent.
    pub chaddr: [u8; CHADDR_OCTETS],
}

impl Header {
    /// Whether the client asks for answers by broadcast.
    pub const fn wants_broadcast(&self) -> bool {
        self.flags & 0x8000 != 0
    }

    /// Whether a relay agent forwarded the message.
    pub const fn is_relayed(&self) -> bool {
        !self.giaddr.is_unspecified()
    }
}

/// A client's message with the options that this server looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientPacket<'a> {
    /// The fixed fields.
    pub header: Header,
    /// Option 53; absent in a BOOTP request.
    pub message_type: Option<MessageType>,
    /// Option 50.
    pub requested_address: Option<Ipv4Addr>,
    /// Option 51, in seconds.
    pub lease_time: Option<u32>,
    /// Option 54.
    pub server_identifier: Option<Ipv4Addr>,
    /// Option 55.
    pub parameter_request_list: Option<Cow<'a, [u8]>>,
    /// Option 57: the longest IP datagram that the client takes.
    pub max_message_size: Option<u16>,
    /// Option 61, at least one octet.
    pub client_identifier: Option<Cow<'a, [u8]>>,
    /// Option 82 as the relay agent wrote it.
    pub relay_agent_information: Option<Cow<'a, [u8]>>,
    /// Option 118.
    pub subnet_selection: Option<Ipv4Addr>,
    /// The sname field of a BOOTP request names a server (RFC 951 §7.3).
    pub names_bootp_server: bool,
    /// Options 12, 60, 77 and 81, which mean nothing to this server but may to its partner.
    pub names_and_classes: [Option<Cow<'a, [u8]>>; 4],
}

/// Codes of [`ClientPacket::names_and_classes`], in that order.
const NAMES_AND_CLASSES: [OptionCode; 4] = [
    OptionCode::HOST_NAME,
    OptionCode::VENDOR_CLASS,
    OptionCode::USER_CLASS,
    OptionCode::CLIENT_FQDN,
];

impl<'a> ClientPacket<'a> {
    /// Reads the payload of one UDP datagram.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, PacketError> {
        let header = parse_header(datagram)?;
        let mut options = KnownOptions::default();
        if datagram.get(COOKIE) != Some(&NO_COOKIE[..]) {
            options.read(datagram.get(FIXED_OCTETS..).unwrap_or_default())?;
        }
        // RFC 2131 §4.1: bit 0 stands for the file field, which is read first, bit 1 for sname.
        let overload = options.octets::<1>(OptionCode::OVERLOAD)?.map_or(0, |[octet]| octet);
        for (bit, field) in [(1, FILE), (2, SNAME)] {
            if overload & bit != 0 {
                options.read(datagram.get(field).unwrap_or_default())?;
            }
        }
        let sname = datagram.get(SNAME).and_then(<[u8]>::first);
        Ok(Self {
            header,
            message_type: options.octets(OptionCode::MESSAGE_TYPE)?.map(|[t]| MessageType::from(t)),
            names_bootp_server: overload == 0 && sname.is_some_and(|first| *first != 0),
            requested_address: options.address(OptionCode::REQUESTED_ADDRESS)?,
            lease_time: options.octets(OptionCode::LEASE_TIME)?.map(u32::from_be_bytes),
            server_identifier: options.address(OptionCode::SERVER_IDENTIFIER)?,
            max_message_size: options.octets(OptionCode::MAX_MESSAGE_SIZE)?.map(u16::from_be_bytes),
            subnet_selection: options.address(OptionCode::SUBNET_SELECTION)?,
            parameter_request_list: options.take(OptionCode::PARAMETER_REQUEST_LIST),
            client_identifier: options
                .up_to(MAX_IDENTIFIER_OCTETS, OptionCode::CLIENT_IDENTIFIER)?,
            relay_agent_information: options.take(OptionCode::RELAY_AGENT_INFORMATION),
            names_and_classes: NAMES_AND_CLASSES.map(|code| options.take(code)),
        })
    }

    /// Replaces `out` by the options that a failover partner may want to know, in ascending order of
    /// code; it stays empty if there are none.
    pub fn collect_options_of_interest(&self, out: &mut Vec<u8>) {
        let named = NAMES_AND_CLASSES.iter().zip(&self.names_and_classes);
        let named = named.filter_map(|(code, data)| Some((code.0, data.as_deref()?)));
        let relay = self.relay_agent_information.as_deref();
        let relay = relay.map(|data| (OptionCode::RELAY_AGENT_INFORMATION.0, data));
        let subnet = self.subnet_selection.map(|address| address.octets());
        let subnet = subnet.iter().map(|octets| (OptionCode::SUBNET_SELECTION.0, &octets[..]));
        let options = named.chain(relay).chain(subnet);
        collect_options(&REQUEST_CODES, MAX_REQUEST_OCTETS, options, out);
    }

    /// Who sent it: the identifier if the client gave one, and its hardware address, which may be
    /// empty beside an identifier (RFC 4390). Nobody, if the message has neither, or a hardware type
    /// of 0, of which a failover partner could not be told (§12.5).
    pub fn client(&self) -> ClientRef<'_> {
        let identifier = self.client_identifier.as_deref();
        let octets = self.header.chaddr.get(..usize::from(self.header.hlen)).unwrap_or_default();
        if self.header.htype == 0 || identifier.is_none() && octets.is_empty() {
            return ClientRef { identifier: None, hardware: None };
        }
        ClientRef { identifier, hardware: HardwareAddress::new(self.header.htype, octets) }
    }
}

/// Reads the fixed fields, once it is certain that the library may.
fn parse_header(datagram: &[u8]) -> Result<Header, PacketError> {
    let message =
        borrowed::Message::new(datagram).map_err(|_| PacketError::TooShort(datagram.len()))?;
    if ![Some(&v4::MAGIC[..]), Some(&NO_COOKIE[..])].contains(&datagram.get(COOKIE)) {
        return Err(PacketError::NoMagicCookie);
    }
    if message.opcode() != Opcode::BootRequest {
        return Err(PacketError::NotARequest);
    }
    let hlen = message.hlen();
    if usize::from(hlen) > CHADDR_OCTETS {
        return Err(PacketError::HardwareAddressTooLong(hlen));
    }
    let mut chaddr = [0; CHADDR_OCTETS];
    if let Some(field) = datagram.get(CHADDR) {
        chaddr.copy_from_slice(field);
    }
    Ok(Header {
        htype: message.htype().into(),
        hlen,
        xid: message.xid(),
        secs: message.secs(),
        flags: message.flags().into(),
        ciaddr: message.ciaddr(),
        giaddr: message.giaddr(),
        chaddr,
    })
}

/// The options that are looked at; all others are passed over.
const KNOWN: [OptionCode; 14] = [
    OptionCode::REQUESTED_ADDRESS,
    OptionCode::LEASE_TIME,
    OptionCode::OVERLOAD,
    OptionCode::MESSAGE_TYPE,
    OptionCode::SERVER_IDENTIFIER,
    OptionCode::PARAMETER_REQUEST_LIST,
    OptionCode::MAX_MESSAGE_SIZE,
    OptionCode::CLIENT_IDENTIFIER,
    OptionCode::RELAY_AGENT_INFORMATION,
    OptionCode::SUBNET_SELECTION,
    OptionCode::HOST_NAME,
    OptionCode::VENDOR_CLASS,
    OptionCode::USER_CLASS,
    OptionCode::CLIENT_FQDN,
];

/// Data of the options in [`KNOWN`], several instances of one put together (RFC 3396).
#[derive(Default)]
struct KnownOptions<'a>([Option<Cow<'a, [u8]>>; KNOWN.len()]);

impl<'a> KnownOptions<'a> {
    fn slot(&mut self, code: OptionCode) -> Option<&mut Option<Cow<'a, [u8]>>> {
        let position = KNOWN.iter().position(|known| *known == code)?;
        self.0.get_mut(position)
    }

    fn read(&mut self, field: &'a [u8]) -> Result<(), PacketError> {
        for option in OptionWalk::new(field) {
            let (code, data) = option?;
            match self.slot(code) {
                Some(Some(earlier)) => earlier.to_mut().extend_from_slice(data),
                Some(empty @ None) => *empty = Some(Cow::Borrowed(data)),
                None => {}
            }
        }
        Ok(())
    }

    /// The data of an option, if there is any.
    fn take(&mut self, code: OptionCode) -> Option<Cow<'a, [u8]>> {
        self.slot(code)?.take().filter(|data| !data.is_empty())
    }

    /// The same for an option that is kept, with a length that has a limit.
    fn up_to(
        &mut self,
        most: usize,
        code: OptionCode,
    ) -> Result<Option<Cow<'a, [u8]>>, PacketError> {
        let data = self.take(code);
        match data.as_ref().map(|data| data.len()) {
            Some(length) if length > most => Err(PacketError::TooLong { code, length, most }),
            _ => Ok(data),
        }
    }

    /// The data of an option of fixed length.
    fn octets<const N: usize>(&mut self, code: OptionCode) -> Result<Option<[u8; N]>, PacketError> {
        let Some(data) = self.slot(code).and_then(Option::take) else {
            return Ok(None);
        };
        let wrong = PacketError::WrongLength { code, length: data.len(), right: N };
        <[u8; N]>::try_from(&*data).map(Some).map_err(|_| wrong)
    }

    fn address(&mut self, code: OptionCode) -> Result<Option<Ipv4Addr>, PacketError> {
        Ok(self.octets::<4>(code)?.map(Ipv4Addr::from))
    }
}

/// Walks an options field in the order of the bytes; ends at the end option or at the end of the
/// field, and with an error at an option that runs past it.
#[derive(Clone, Debug)]
pub struct OptionWalk<'a> {
    rest: &'a [u8],
}

impl<'a> OptionWalk<'a> {
    /// Starts at the beginning of `field`.
    pub const fn new(field: &'a [u8]) -> Self {
        Self { rest: field }
    }
}

impl<'a> Iterator for OptionWalk<'a> {
    type Item = Result<(OptionCode, &'a [u8]), PacketError>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some((&code, rest)) = self.rest.split_first() {
            self.rest = rest;
            match OptionCode(code) {
                OptionCode::PAD => {}
                OptionCode::END => {
                    self.rest = &[];
                    return None;
                }
                code => {
                    let length = rest.first().map(|&length| usize::from(length));
                    let option = length.and_then(|length| rest.get(1..)?.split_at_checked(length));
                    let Some((data, rest)) = option else {
                        self.rest = &[];
                        return Some(Err(PacketError::Truncated(code)));
                    };
                    self.rest = rest;
                    return Some(Ok((code, data)));
                }
            }
        }
        None
    }
}

/// Why bytes are no message of a DHCP client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketError {
    /// Fewer octets than the fixed fields take.
    TooShort(usize),
    /// The options field begins neither with 99.130.83.99 nor with zeros.
    NoMagicCookie,
    /// The op field is not BOOTREQUEST.
    NotARequest,
    /// hlen is larger than the chaddr field.
    HardwareAddressTooLong(u8),
    /// An option runs past the end of its field.
    Truncated(OptionCode),
    /// An option of fixed length has another one.
    WrongLength {
        /// The option.
        code: OptionCode,
        /// Its length, all instances together.
        length: usize,
        /// The length it must have.
        right: usize,
    },
    /// The instances of an option are together longer than what can be stored and told to a partner.
    TooLong {
        /// The option.
        code: OptionCode,
        /// Its length, all instances together.
        length: usize,
        /// The longest it may be.
        most: usize,
    },
}

impl fmt::Display for PacketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort(length) => {
                write!(f, "{length} octets, where a DHCP message has at least {FIXED_OCTETS}")
            }
            Self::NoMagicCookie => f.write_str("no magic cookie (99.130.83.99) at offset 236"),
            Self::NotARequest => f.write_str("op is not 1 (BOOTREQUEST)"),
            Self::HardwareAddressTooLong(hlen) => {
                write!(f, "hlen is {hlen}, but chaddr has {CHADDR_OCTETS} octets")
            }
            Self::Truncated(code) => write!(f, "{code} runs past the end of its field"),
            Self::WrongLength { code, length, right } => {
                write!(f, "{code} has {length} octets, must have {right}")
            }
            Self::TooLong { code, length, most } => {
                write!(f, "{code} has {length} octets, may have {most}")
            }
        }
    }
}

impl std::error::Error for PacketError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fixed fields of a request with hlen 6, followed by `options`.
    fn request(options: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; FIXED_OCTETS];
        bytes[..3].copy_from_slice(&[1, 1, 6]);
        bytes[28..34].copy_from_slice(&[0, 12, 1, 2, 3, 4]);
        bytes[COOKIE].copy_from_slice(&v4::MAGIC);
        bytes.extend_from_slice(options);
        bytes
    }

    #[test]
    fn a_datagram_of_239_octets_is_too_short() {
        let bytes = request(&[]);
        assert_eq!(ClientPacket::parse(&bytes[..239]), Err(PacketError::TooShort(239)));
    }

    #[test]
    fn another_cookie_is_refused() {
        let mut bytes = request(&[]);
        bytes[236] = 98;
        assert_eq!(ClientPacket::parse(&bytes), Err(PacketError::NoMagicCookie));
    }

    #[test]
    fn a_request_without_cookie_is_bootp_without_options() {
        let mut bytes = request(&[53, 1, 1, 255]);
        bytes[COOKIE].fill(0);
        assert_eq!(ClientPacket::parse(&bytes).unwrap().message_type, None);
    }

    #[test]
    fn a_reply_is_refused() {
        let mut bytes = request(&[53, 1, 2, 255]);
        bytes[0] = 2;
        assert_eq!(ClientPacket::parse(&bytes), Err(PacketError::NotARequest));
    }

    #[test]
    fn an_hlen_of_17_is_refused() {
        let mut bytes = request(&[53, 1, 1, 255]);
        bytes[2] = 17;
        assert_eq!(ClientPacket::parse(&bytes), Err(PacketError::HardwareAddressTooLong(17)));
    }

    #[test]
    fn an_hlen_of_16_is_taken_whole() {
        let mut bytes = request(&[53, 1, 1, 255]);
        bytes[2] = 16;
        let packet = ClientPacket::parse(&bytes).unwrap();
        assert_eq!(packet.client().hardware.unwrap().octets().len(), 16);
    }

    #[test]
    fn an_option_past_the_end_is_refused() {
        let bytes = request(&[53, 1, 1, 12, 9, b'x']);
        assert_eq!(ClientPacket::parse(&bytes), Err(PacketError::Truncated(OptionCode(12))));
    }

    #[test]
    fn a_code_without_length_is_refused() {
        let bytes = request(&[53, 1, 1, 61]);
        let refused = PacketError::Truncated(OptionCode::CLIENT_IDENTIFIER);
        assert_eq!(ClientPacket::parse(&bytes), Err(refused));
    }

    #[test]
    fn a_missing_end_option_is_forgiven() {
        let bytes = request(&[53, 1, 1]);
        let packet = ClientPacket::parse(&bytes).unwrap();
        assert_eq!(packet.message_type, Some(MessageType::Discover));
    }

    #[test]
    fn a_requested_address_of_three_octets_is_refused() {
        let bytes = request(&[53, 1, 1, 50, 3, 10, 78, 0, 255]);
        let refused =
            PacketError::WrongLength { code: OptionCode::REQUESTED_ADDRESS, length: 3, right: 4 };
        assert_eq!(ClientPacket::parse(&bytes), Err(refused));
    }

    #[test]
    fn an_empty_client_identifier_counts_as_none() {
        let bytes = request(&[53, 1, 1, 61, 0, 255]);
        assert_eq!(ClientPacket::parse(&bytes).unwrap().client().identifier, None);
    }

    #[test]
    fn an_identifier_in_two_options_may_have_255_octets() {
        let mut options = vec![61, 250];
        options.extend([7; 250]);
        options.extend([61, 5, 7, 7, 7, 7, 7, 255]);
        let bytes = request(&options);
        assert_eq!(ClientPacket::parse(&bytes).unwrap().client().identifier, Some(&[7; 255][..]));
    }

    #[test]
    fn an_identifier_in_two_options_may_have_no_more_than_255_octets() {
        let mut options = vec![61, 255];
        options.extend([7; 255]);
        options.extend([61, 1, 7, 255]);
        let refused =
            PacketError::TooLong { code: OptionCode::CLIENT_IDENTIFIER, length: 256, most: 255 };
        assert_eq!(ClientPacket::parse(&request(&options)), Err(refused));
    }

    #[test]
    fn a_client_without_identifier_and_hardware_address_is_nobody() {
        let mut bytes = request(&[53, 1, 1, 255]);
        bytes[2] = 0;
        let packet = ClientPacket::parse(&bytes).unwrap();
        assert_eq!(packet.client(), ClientRef { identifier: None, hardware: None });
    }

    /// Holds: FO-12.5-2.
    #[test]
    fn an_identifier_alone_comes_with_the_hardware_type() {
        let mut bytes = request(&[53, 1, 1, 61, 2, 0, 9, 255]);
        (bytes[1], bytes[2]) = (32, 0);
        let packet = ClientPacket::parse(&bytes).unwrap();
        assert_eq!(packet.client().hardware, HardwareAddress::new(32, &[]));
    }

    /// Holds: FO-12.5-3.
    #[test]
    fn a_hardware_type_of_0_is_nobodys() {
        let mut bytes = request(&[53, 1, 1, 61, 2, 0, 9, 255]);
        bytes[1] = 0;
        let packet = ClientPacket::parse(&bytes).unwrap();
        assert_eq!(packet.client(), ClientRef { identifier: None, hardware: None });
    }

    #[test]
    fn instances_of_one_option_are_put_together() {
        let bytes = request(&[53, 1, 1, 61, 2, 1, 2, 55, 1, 3, 61, 1, 9, 255]);
        let packet = ClientPacket::parse(&bytes).unwrap();
        assert_eq!(packet.client_identifier.as_deref(), Some(&[1, 2, 9][..]));
    }

    #[test]
    fn options_in_the_file_and_sname_fields_are_read_when_overloaded() {
        let mut bytes = request(&[52, 1, 3, 255]);
        bytes[108..112].copy_from_slice(&[53, 1, 3, 255]);
        bytes[44..51].copy_from_slice(&[50, 4, 10, 78, 0, 20, 255]);
        let packet = ClientPacket::parse(&bytes).unwrap();
        assert_eq!(packet.message_type, Some(MessageType::Request));
        assert_eq!(packet.requested_address, Some(Ipv4Addr::new(10, 78, 0, 20)));
    }

    #[test]
    fn a_boot_file_name_is_not_read_as_options() {
        let mut bytes = request(&[53, 1, 1, 255]);
        bytes[108..111].copy_from_slice(&[53, 1, 3]);
        let packet = ClientPacket::parse(&bytes).unwrap();
        assert_eq!(packet.message_type, Some(MessageType::Discover));
    }
}
